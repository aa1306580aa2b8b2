"""Rows of what charge points tell of firmware updates and of uploads of logs and diagnostics."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, visible_to


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
