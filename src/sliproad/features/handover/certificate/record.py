"""What a handover certificate says, as facts: the machine-readable record that is embedded in the PDF.

The service gathers a `HandoverRecord` in the transaction of the handover; `document` typesets it. The JSON is
canonical, so that its SHA-256 stays the same wherever it is computed, and names its schema, since somebody may read it
in ten years.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sliproad.foundation.clock import rfc3339

SCHEMA = "sliproad.handover-certificate/1"
RECORD_FILE_NAME = "handover-record.json"

Stroke = tuple[tuple[float, float], ...]
"""One line of a handwritten signature: points (x, y) in any unit, y downwards."""


@dataclass(frozen=True)
class StepResult:
    """One commissioning step. ``status`` is ``passed``, ``failed`` or ``skipped``; ``value`` is what was found."""

    name: str
    status: str
    detail: str | None = None
    duration_ms: int | None = None
    value: str | None = None


@dataclass(frozen=True)
class ChecklistItem:
    """One item of the installer's list; ``by_platform`` where Sliproad itself saw it happen."""

    name: str
    done: bool
    done_by: str | None = None
    done_at: datetime | None = None
    note: str | None = None
    by_platform: bool = False


@dataclass(frozen=True)
class ChargePointRecord:
    """A charge point as it stood at handover; ``test_energy_wh`` is what its test transactions delivered."""

    charge_point_id: str
    vendor: str
    model: str
    serial_number: str
    ocpp_version: str
    firmware_version: str | None = None
    max_power_kw: Decimal | None = None
    connector_count: int | None = None
    location_description: str | None = None
    commissioning_session_id: str | None = None
    commissioned_at: datetime | None = None
    test_energy_wh: int | None = None
    steps: tuple[StepResult, ...] = ()
    checklist: tuple[ChecklistItem, ...] = ()


@dataclass(frozen=True)
class SiteRecord:
    """Where it is; ``time_zone`` is an IANA name and decides how times are printed."""

    name: str
    address: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    time_zone: str | None = None


@dataclass(frozen=True)
class ProjectRecord:
    project_id: str
    name: str


@dataclass(frozen=True)
class InstallerRecord:
    full_name: str
    company: str | None = None


@dataclass(frozen=True)
class HandoverRecord:
    """Everything a certificate says. Times are aware, powers kW, energies Wh."""

    certificate_id: str
    issued_at: datetime
    project: ProjectRecord
    site: SiteRecord
    organization_name: str
    signed_by: str
    verify_url: str
    charge_points: tuple[ChargePointRecord, ...]
    installers: tuple[InstallerRecord, ...] = ()
    project_checklist: tuple[ChecklistItem, ...] = ()
    handover_notes: str | None = None
    site_contact_name: str | None = None
    site_contact_email: str | None = None
    signature: tuple[Stroke, ...] = ()

    def to_json(self) -> bytes:
        """Canonical JSON in UTF-8: keys sorted, no spaces, times in RFC 3339 ending in ``Z``."""
        record = {"schema": SCHEMA, **dataclasses.asdict(self)}
        text = json.dumps(record, default=_json_value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode("utf-8", "replace")

    def sha256(self) -> str:
        """SHA-256 of `to_json`, in hexadecimal."""
        return hashlib.sha256(self.to_json()).hexdigest()

    @property
    def test_energy_wh(self) -> int | None:
        """What all test transactions delivered together; None where none was made."""
        energies = [point.test_energy_wh for point in self.charge_points if point.test_energy_wh is not None]
        return sum(energies) if energies else None

    @property
    def installed_power_kw(self) -> Decimal | None:
        """The sum of all maximum powers; None unless every one is known."""
        powers = [charge_point.max_power_kw for charge_point in self.charge_points]
        return sum((power for power in powers if power is not None), Decimal(0)) if None not in powers else None

    @property
    def steps(self) -> tuple[StepResult, ...]:
        return tuple(step for charge_point in self.charge_points for step in charge_point.steps)


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} has no place in a record")
