"""How a charge point is right now, as the live status route, commissioning and diagnostics read it (pure)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class LiveState:
    """Connection, last boot, last heartbeat. A thing that never happened is None."""

    charge_point_key: int
    connected: bool
    epoch: int
    """The number of the present (or last) connection."""
    protocol_version: str | None
    security_profile: int | None
    remote_address: str | None
    connected_path: str | None
    connected_at: datetime | None
    disconnected_at: datetime | None
    last_seen_at: datetime | None
    last_heartbeat_at: datetime | None
    last_heartbeat_epoch: int | None
    boot_status: str | None
    booted_at: datetime | None
    boot_epoch: int | None
    boot_vendor: str | None
    boot_model: str | None
    boot_serial_number: str | None
    firmware_version: str | None
    meter_type: str | None
    meter_serial_number: str | None
    iccid: str | None
    imsi: str | None
    boot_reason: str | None
    clock_skew_seconds: float | None
    """The charge point's clock minus ours."""


@dataclass(frozen=True, slots=True)
class ConnectorStatus:
    """What a connector last reported. 1.6: `evse_id` = `connector_id`, and connector 0 is the charge point itself."""

    evse_id: int
    connector_id: int
    status: str
    error_code: str | None
    info: str | None
    vendor_error_code: str | None
    status_at: datetime
    """The charge point's own time."""
    received_at: datetime
    report_count: int
    """How often it reported, ever: grows by one with each report, also with one that changes nothing."""


class LastBoot(NamedTuple):
    """The payload of the last BootNotification, None before the first, beside what the charge point was registered as."""

    payload: dict[str, Any] | None
    vendor: str
    model: str
    serial_number: str
