"""Reads the status of firmware updates and uploads; diagnostics shows it."""

from sliproad.features.firmware import store
from sliproad.features.firmware.model import FirmwareNotification
from sliproad.foundation.database import Session


class FirmwareService:
    """Every method works in the caller's transaction and sees what its scope sees."""

    async def notifications(
        self, session: Session, charge_point_key: int, *, kind: str | None = None, limit: int = 50
    ) -> list[FirmwareNotification]:
        """The newest changes of status first."""
        rows = await store.newest_notifications(session, charge_point_key, kind, limit)
        return [FirmwareNotification(found.kind, found.status, found.request_id, found.received_at) for found in rows]
