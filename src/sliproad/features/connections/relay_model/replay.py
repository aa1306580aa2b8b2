"""What a charge point would say after connecting, composed for the operator's server: its boot and the status of each connector.

Our charge points often reconnect without a BootNotification, and the relay reconnects without the charge point; a CSMS expects both
messages on each connection (1.6 §4.2, §4.9; 2.x B01, G01).
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

Payload = dict[str, Any]


class TypePlate(NamedTuple):
    """What the registry knows of a charge point that never booted here."""

    vendor: str
    model: str
    serial_number: str


class Reported(Protocol):
    """A connector's last status."""

    @property
    def evse_id(self) -> int: ...
    @property
    def connector_id(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def error_code(self) -> str | None: ...
    @property
    def info(self) -> str | None: ...
    @property
    def vendor_error_code(self) -> str | None: ...
    @property
    def status_at(self) -> datetime: ...


def boot(last: Mapping[str, Any] | None, plate: TypePlate, *, is_2x: bool, is_new: bool) -> Payload:
    """The BootNotification: what the charge point said last, else its type plate.

    `is_new`: it was said on this connection of the charge point and the operator has not heard it yet; else 2.x's reason is
    `Unknown`, since nothing booted.
    """
    if not is_2x:
        if last is not None and "chargePointVendor" in last:
            return dict(last)
        return {
            "chargePointVendor": plate.vendor[:20],
            "chargePointModel": plate.model[:20],
            "chargePointSerialNumber": plate.serial_number[:25],
        }
    if last is not None and "chargingStation" in last:
        return dict(last) if is_new else {**last, "reason": "Unknown"}
    station = {
        "vendorName": plate.vendor[:50],
        "model": plate.model[:20],
        "serialNumber": plate.serial_number[:25],
    }
    return {"reason": "Unknown", "chargingStation": station}


class Started(Protocol):
    """What a StartTransaction of 1.6 said."""

    @property
    def connector_id(self) -> int: ...
    @property
    def id_token(self) -> str: ...
    @property
    def meter_start_wh(self) -> int: ...
    @property
    def started_at(self) -> datetime: ...


def start(started: Started) -> Payload:
    """1.6: the StartTransaction of a transaction that began before the operator had a connection."""
    return {
        "connectorId": started.connector_id,
        "idTag": started.id_token[:20],
        "meterStart": started.meter_start_wh,
        "timestamp": _utc(started.started_at),
    }


def statuses(connectors: Iterable[Reported], *, is_2x: bool) -> list[Payload]:
    """A StatusNotification for each connector that ever reported one of this version's words."""
    return [
        _status_2x(each) if is_2x else _status_16(each) for each in connectors if (each.error_code is None) == is_2x
    ]


def _status_16(connector: Reported) -> Payload:
    payload: Payload = {
        "connectorId": connector.connector_id,
        "errorCode": connector.error_code,
        "status": connector.status,
        "timestamp": _utc(connector.status_at),
    }
    extra = {"info": connector.info, "vendorErrorCode": connector.vendor_error_code}
    return payload | {name: value for name, value in extra.items() if value is not None}


def _status_2x(connector: Reported) -> Payload:
    return {
        "timestamp": _utc(connector.status_at),
        "connectorStatus": connector.status,
        "evseId": connector.evse_id,
        "connectorId": connector.connector_id,
    }


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
