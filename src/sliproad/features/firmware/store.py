"""Rows of what charge points tell of firmware updates and of uploads of logs and diagnostics."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, Session, visible_to

ASKED = "Asked"
"""The status of a row of our own: here a request of ours went out."""


class FirmwareNotificationRow(Row):
    """A change of status. The same status again, as a retry or a poll brings it, is not a change."""

    __tablename__ = "firmware_notifications"
    __table_args__ = (
        Index("firmware_notifications_charge_point_key_idx", "charge_point_key", "kind", "notification_key"),
        {"info": visible_to("organization", "charge_point")},
    )

    notification_key: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    charge_point_key: Mapped[int] = mapped_column(BigInteger)
    organization_id: Mapped[str]
    kind: Mapped[str]
    """`firmware`, `log`, `diagnostics`."""
    status: Mapped[str]
    request_id: Mapped[int | None]
    received_at: Mapped[datetime]


async def newest_notifications(
    session: Session, charge_point_key: int, kind: str | None, limit: int
) -> Sequence[FirmwareNotificationRow]:
    """The newest first; of one kind where one is given."""
    row = FirmwareNotificationRow
    query = select(row).where(row.charge_point_key == charge_point_key)
    if kind is not None:
        query = query.where(row.kind == kind)
    return (await session.scalars(query.order_by(row.notification_key.desc()).limit(limit))).all()


async def insert_marker(session: Session, charge_point_key: int, organization_id: str, kind: str, now: datetime) -> int:
    """Note that we ask for something now; returns the key after which the statuses of that request come.

    It also parts them from those before: 1.6 has no request ids, and the same status again would not count as a change.
    """
    row = FirmwareNotificationRow(
        charge_point_key=charge_point_key, organization_id=organization_id, kind=kind, status=ASKED, received_at=now
    )
    session.add(row)
    await session.flush()
    return row.notification_key


async def statuses_after(
    session: Session, charge_point_key: int, kind: str, marker: int, request_id: int
) -> list[tuple[str, datetime]]:
    """What was told since, oldest first: with this request id, or with none, as 1.6 and careless charge points do."""
    row = FirmwareNotificationRow
    query = (
        select(row.status, row.received_at)
        .where(
            row.charge_point_key == charge_point_key,
            row.kind == kind,
            row.notification_key > marker,
            or_(row.request_id == request_id, row.request_id.is_(None)),
        )
        .order_by(row.notification_key)
    )
    return [(status, at) for status, at in await session.execute(query)]
