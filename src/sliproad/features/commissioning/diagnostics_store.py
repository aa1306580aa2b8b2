"""Rows of when a charge point was asked for its diagnostics, and how that went. What it said is in the device model."""

from datetime import datetime

from sqlalchemy import BigInteger, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, Session, visible_to


class DiagnosticsCollectionRow(Row):
    """One per charge point: the newest collection."""

    __tablename__ = "diagnostics_collections"
    __table_args__ = ({"info": visible_to("organization", "charge_point")},)

    charge_point_key: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    organization_id: Mapped[str]
    status: Mapped[str]
    """`running`, `completed`, `failed`."""
    detail: Mapped[str | None]
    """Why it failed, in a sentence."""
    requested_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    collected_at: Mapped[datetime | None]
    """When the charge point last answered; earlier than `requested_at` where the newest collection failed."""
    reads_one_by_one: Mapped[bool] = mapped_column(server_default="false")
    """It dropped its socket when asked for everything at once: it is asked key by key from then on."""
    request_id: Mapped[int | None]
    """2.x: of the newest base report."""


async def find_collection(
    session: Session, charge_point_key: int, *, lock: bool = False
) -> DiagnosticsCollectionRow | None:
    """The collection of a charge point; None where it was never asked."""
    row = DiagnosticsCollectionRow
    query = select(row).where(row.charge_point_key == charge_point_key).execution_options(populate_existing=True)
    return (await session.scalars(query.with_for_update() if lock else query)).one_or_none()


async def begin_collection(
    session: Session, charge_point_key: int, organization_id: str, now: datetime, dead_before: datetime
) -> bool:
    """Whether a new collection begins: not while one runs that was asked for after `dead_before`."""
    row = DiagnosticsCollectionRow
    fresh = {"status": "running", "detail": None, "requested_at": now, "finished_at": None}
    statement = (
        insert(row)
        .values(charge_point_key=charge_point_key, organization_id=organization_id, **fresh)
        .on_conflict_do_update(
            index_elements=[row.charge_point_key],
            set_=fresh,
            where=(row.status != "running") | (row.requested_at < dead_before),
        )
        .returning(row.charge_point_key)
    )
    return await session.scalar(statement) is not None
