"""Facts of operators' connections (OPER), and the event that tells of their states. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sliproad.foundation.clock import rfc3339
from sliproad.foundation.events import DomainEvent

OFF = "OcppOff"
DUAL = "DualProtocol"
RELAY, NATIVE = "relay", "native"
MODE_OF = {OFF: "off", DUAL: RELAY}
"""OPER's connectivity mode -> what the gateways are to do."""
STATE_CHANGED = "connection.state_changed"
PLATFORM = "sliproad"
"""Who did it, where a job of ours did."""


@dataclass(frozen=True, slots=True)
class NewVersion:
    """Connection settings as an operator sends them. Without a serial number they are for any charge point of its sites."""

    connectivity_mode: str
    url: str
    ca_certificate: str | None = None
    ca_certificate_domain: str | None = None
    password: str | None = None
    apply_to_new_devices: bool = False
    authorization_decision: str = "either"
    serial_number: str | None = None
    charge_point_id: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """Settings as they are stored; never changed."""

    version_id: str
    operator_id: str
    serial_number: str | None
    charge_point_id: str | None
    connectivity_mode: str
    url: str
    ca_certificate: str | None
    ca_certificate_domain: str | None
    password_sealed: bytes | None
    apply_to_new_devices: bool
    authorization_decision: str
    created_by: str
    created_at: datetime

    @property
    def is_for_one(self) -> bool:
        """Whether it is for a single charge point."""
        return self.serial_number is not None

    @property
    def mode(self) -> str:
        """`off` or `relay`."""
        return MODE_OF[self.connectivity_mode]

    def identity_of(self, serial_number: str) -> str:
        """How a charge point is called at the operator's server: what the version says, else the serial number (OPER)."""
        return self.charge_point_id or serial_number

    def username_of(self, serial_number: str) -> str:
        """The user of Basic authentication: the serial number for an operator-level version, else the identity (contract §5)."""
        return self.identity_of(serial_number) if self.is_for_one else serial_number


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """How a charge point's connection to the operator's server is. Without a version it has never had one: `off`."""

    charge_point_id: str
    serial_number: str
    state: str
    version_id: str | None = None
    identity: str | None = None
    reason: str | None = None
    state_at: datetime | None = None
    connected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What an audit record tells."""

    change: str
    """`version_stored`, `applied`, `provisioned`, `not_provisioned`, `switched_off`, `operator_selected`, `operator_cleared`,
    `rollout_started`, `rollout_paused`, `rollout_resumed`, `rollout_stopped`, `rolled_back`,
    `arrival_confirmed`.
    """
    operator_id: str
    actor: str
    at: datetime
    organization_id: str | None = None
    site_id: str | None = None
    charge_point_key: int | None = None
    charge_point_id: str | None = None
    serial_number: str | None = None
    from_version_id: str | None = None
    to_version_id: str | None = None
    details: dict[str, Any] | None = None


def state_changed(
    *,
    organization_id: str,
    charge_point_key: int,
    charge_point_id: str,
    operator_id: str,
    version_id: str,
    state: str,
    reason: str | None,
    at: datetime,
) -> DomainEvent:
    """The event `connection.state_changed` of a charge point; `state` is one of pending, connecting, connected, failed, off."""
    data = {
        "charge_point_id": charge_point_id,
        "operator_id": operator_id,
        "version": version_id,
        "state": state,
        "reason": reason,
        "changed_at": rfc3339(at),
    }
    return DomainEvent(STATE_CHANGED, organization_id, at, data, charge_point_key)
