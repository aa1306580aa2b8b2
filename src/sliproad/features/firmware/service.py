"""Reads the status of firmware updates and uploads; diagnostics shows it."""

from sqlalchemy import select

from sliproad.features.firmware.model import FirmwareNotification
from sliproad.features.firmware.store import FirmwareNotificationRow
from sliproad.foundation.database import Session


class FirmwareService:
    """Every method works in the caller's transaction and sees what its scope sees."""

    async def notifications(
        self, session: Session, charge_point_key: int, *, kind: str | None = None, limit: int = 50
    ) -> list[FirmwareNotification]:
        """The newest changes of status first."""
        row = FirmwareNotificationRow
        query = select(row).where(row.charge_point_key == charge_point_key)
        if kind is not None:
            query = query.where(row.kind == kind)
        rows = await session.scalars(query.order_by(row.notification_key.desc()).limit(limit))
        return [FirmwareNotification(found.kind, found.status, found.request_id, found.received_at) for found in rows]
