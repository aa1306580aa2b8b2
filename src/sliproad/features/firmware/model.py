"""What a charge point told of a firmware update, a log upload or a diagnostics upload (pure)."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FirmwareNotification:
    """A change of status. `kind` is `firmware`, `log` or `diagnostics`; `status` is OCPP's word."""

    kind: str
    status: str
    request_id: int | None
    received_at: datetime
