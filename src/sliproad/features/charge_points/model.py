"""What a charge point is: facts of the registry and of its live state, its address, and the rules of its identity.

Pure. The registry (`service`), the live state (`live_service`), commissioning, handover and routes speak its words.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

OCPP_VERSIONS = ("1.6", "2.0.1", "2.1")
BOOT_POLICIES = ("accepted", "pending", "rejected")
COMMISSIONING_STATUSES = ("not_started", "in_progress", "failed", "completed")

IDENTITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-_.*]{0,47}")
"""An OCPP identity of ours: 1–48 characters, no `:`, since HTTP Basic splits there (contract §1, RFC 7617 §2)."""

STATUS_OF = {
    "not_started": "registered",
    "in_progress": "commissioning",
    "failed": "commissioning_failed",
    "completed": "commissioned",
}
"""Commissioning status -> the public status of a charge point; GUIDE's `registered` is the first."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where it stands; degrees of WGS 84."""

    latitude: Decimal | None = None
    longitude: Decimal | None = None
    description: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class NewChargePoint:
    """What an installer says about the hardware in front of them. `charge_point_id` is made when they give none."""

    project_id: str
    serial_number: str
    vendor: str
    model: str
    ocpp_version: str = "1.6"
    connector_count: int = 1
    max_power_kw: Decimal | None = None
    location: Location = Location()
    charge_point_id: str | None = None


@dataclass(frozen=True, slots=True)
class ChargePoint:
    """A registered charge point. `key` is internal: NATS subjects, file names and metrics use it, not the public id."""

    key: int
    charge_point_id: str
    organization_id: str
    site_id: str
    project_id: str
    serial_number: str
    vendor: str
    model: str
    ocpp_version: str
    connector_count: int
    max_power_kw: Decimal | None
    location: Location
    boot_policy: str
    commissioning_status: str
    commissioned_at: datetime | None
    registered_by: str | None
    created_at: datetime

    @property
    def status(self) -> str:
        """`registered`, `commissioning`, `commissioning_failed` or `commissioned`."""
        return STATUS_OF[self.commissioning_status]


@dataclass(frozen=True, slots=True)
class Address:
    """What to enter in the charger: the full URL; or the base URL, for one that appends its identity; and that identity."""

    endpoint: str
    base_url: str
    identity: str


@dataclass(frozen=True, slots=True)
class LiveState:
    """What is so right now, as the gateways and the inbound handlers keep it in `charge_point_live`."""

    charge_point_key: int
    connected: bool
    epoch: int
    gateway_id: str | None
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
    boot_payload: dict[str, Any] | None
    clock_skew_seconds: float | None


@dataclass(frozen=True, slots=True)
class ConnectorStatus:
    """A connector's last report. `status_at` is the charge point's own time, `received_at` ours."""

    evse_id: int
    connector_id: int
    status: str
    error_code: str | None
    info: str | None
    vendor_error_code: str | None
    status_at: datetime
    received_at: datetime
    report_count: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Which charge points a list shows; every part narrows. `text` is sought in id, serial, vendor, model and place."""

    organization_id: str | None = None
    project_id: str | None = None
    project_ids: tuple[str, ...] | None = None
    site_id: str | None = None
    status: str | None = None
    connected: bool | None = None
    serial_number: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A charge point was put into another project of its organisation."""

    from_project_id: str
    to_project_id: str
    moved_at: datetime
    moved_by: str


def is_identity(text: str) -> bool:
    """Whether `text` may be a `charge_point_id`."""
    return IDENTITY.fullmatch(text) is not None


def address_of(charge_point: ChargePoint, base_url: str) -> Address:
    """Its address under the gateways' base URL (contract §3): `wss://host/ocpp/2.0.1/cp_…`."""
    identity = charge_point.charge_point_id
    return Address(f"{base_url}/{charge_point.ocpp_version}/{identity}", base_url, identity)
