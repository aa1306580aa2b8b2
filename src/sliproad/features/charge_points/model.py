"""What a charge point is: facts of the registry, its address, and the rules of its identity.

Pure. The registry (`service`), commissioning, handover and routes speak its words; the live state has its own (`live_model`).
"""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

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
    test_number: int = 0
    """Of its next test transaction (`authorization.model`)."""

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
