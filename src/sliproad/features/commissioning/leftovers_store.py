"""SQL of test transactions that their sessions gave up: each is a row until nothing of it runs any more. `leftovers` calls it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, select, text
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, Session, Where, run, visible_to

UNSETTLED = text("settled_at is null")


class CommissioningLeftoverRow(Row):
    """A test transaction that may run at a charge point although no session wants it any more."""

    __tablename__ = "commissioning_leftovers"
    __table_args__ = (
        Index("commissioning_leftovers_look_at_idx", "look_at", postgresql_where=UNSETTLED),
        {"info": visible_to("organization", "charge_point")},
    )

    leftover_key: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("commissioning_sessions.session_id", ondelete="cascade"))
    organization_id: Mapped[str]
    charge_point_key: Mapped[int] = mapped_column(BigInteger)
    test_token: Mapped[str]
    """The token that it was, or would be, started with."""
    given_up_at: Mapped[datetime]
    looks: Mapped[int] = mapped_column(server_default=text("0"))
    look_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    """Why there is nothing left to do, in words."""


async def insert_leftover(session: Session, values: Mapping[str, Any]) -> int:
    """A new one; its key."""
    row = CommissioningLeftoverRow(**values)
    session.add(row)
    await session.flush()
    return row.leftover_key


async def due_leftovers(session: Session, now: datetime, limit: int) -> Sequence[int]:
    """Keys of those to look at, the longest waiting first."""
    row = CommissioningLeftoverRow
    statement = (
        select(row.leftover_key).where(row.settled_at.is_(None), row.look_at <= now).order_by(row.look_at).limit(limit)
    )
    return (await session.scalars(statement)).all()


async def given_up_tokens(where: Where, charge_point_key: int) -> Sequence[str]:
    """The tokens of a charge point's tests that are not settled."""
    found = await run(
        where,
        "select test_token from commissioning_leftovers where charge_point_key = %(key)s and settled_at is null",
        {"key": charge_point_key},
    )
    return [row.test_token for row in found]


async def lock_leftover(session: Session, leftover_key: int) -> CommissioningLeftoverRow | None:
    """One that is not settled, held until the transaction ends; None where another holds it or nothing is left."""
    row = CommissioningLeftoverRow
    statement = (
        select(row).where(row.leftover_key == leftover_key, row.settled_at.is_(None)).with_for_update(skip_locked=True)
    )
    return await session.scalar(statement)
