"""SQL of attempts to connect: each refusal or failure with what tells a technician why, and each success."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Identity, Index, and_, exists, func, insert, or_, select, text
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.features.charge_points.store import ChargePointRow
from sliproad.foundation.database import Row, Session, kept, visible_to


class ConnectionAttemptRow(Row):
    __tablename__ = "connection_attempts"
    __table_args__ = (
        Index("connection_attempts_charge_point_key_at_idx", "charge_point_key", "at"),
        Index("connection_attempts_at_idx", "at", postgresql_using="brin"),
        Index("connection_attempts_remote_address_at_idx", "remote_address", "at"),
        {"info": visible_to("organization", "charge_point") | kept(30, since="at")},
    )

    attempt_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    charge_point_key: Mapped[int | None] = mapped_column(BigInteger)
    """None where no known identity could be read."""
    organization_id: Mapped[str | None]
    identity: Mapped[str | None]
    """The identity as it was sent, escaped, at most 64 characters."""
    path: Mapped[str]
    remote_address: Mapped[str]
    outcome: Mapped[str]
    """A word such as `accepted`, `wrong_password`, `unknown_identity`, `no_common_subprotocol`, `plain_http`, `tls_failed`."""
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))


async def insert_attempts(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert a batch, each by column name."""
    await session.execute(insert(ConnectionAttemptRow), rows)


async def attempts_of(session: Session, charge_point_key: int, limit: int) -> Sequence[ConnectionAttemptRow]:
    """The newest attempts known to be this charge point's."""
    return await _newest(session, ConnectionAttemptRow.charge_point_key == charge_point_key, limit)


async def addresses_of(session: Session, charge_point_key: int, since: datetime) -> Sequence[str]:
    """From where it has come since then."""
    row = ConnectionAttemptRow
    recent = select(row.remote_address).where(row.charge_point_key == charge_point_key, row.at >= since).distinct()
    return (await session.scalars(recent)).all()


async def connections_since(session: Session, charge_point_key: int, since: datetime) -> tuple[int, bool]:
    """How often it has connected since then, and whether it had connected before."""
    row = ConnectionAttemptRow
    mine = and_(row.charge_point_key == charge_point_key, row.outcome == "accepted")
    count = await session.scalar(select(func.count()).where(mine, row.at >= since)) or 0
    before = await session.scalar(select(row.attempt_id).where(mine, row.at < since).limit(1))
    return count, before is not None


async def strangers(
    session: Session, charge_point_key: int, addresses: Collection[str], since: datetime, limit: int
) -> Sequence[ConnectionAttemptRow]:
    """The newest attempts of nobody known: those from `addresses`, and those that gave some identity.

    None whose identity is registered by now as another charge point than this one: those are its owner's business.
    """
    row, registered = ConnectionAttemptRow, ChargePointRow
    near = or_(row.remote_address.in_(addresses), row.identity.is_not(None))
    is_anothers = exists().where(
        registered.charge_point_id == row.identity, registered.removed_at.is_(None), registered.key != charge_point_key
    )
    return await _newest(session, row.charge_point_key.is_(None) & (row.at >= since) & near & ~is_anothers, limit)


async def _newest(session: Session, condition: ColumnElement[bool], limit: int) -> Sequence[ConnectionAttemptRow]:
    row = ConnectionAttemptRow
    query = select(row).where(condition).order_by(row.at.desc(), row.attempt_id.desc()).limit(limit)
    return (await session.scalars(query)).all()
