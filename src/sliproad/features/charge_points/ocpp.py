"""BootNotification, Heartbeat and StatusNotification of every version, translated into writes of the live state.

`app/ocpp_routes.py` routes to these. Sources: 1.6 §4.2, §4.6, §4.9; 2.x B01-B04, G01, G02.
"""

from typing import Any

import orjson

from sliproad.features.charge_points.live_statements import BOOT, STATUS
from sliproad.features.charge_points.reported_time import current_time, read_reported_time
from sliproad.foundation.ids import new_id
from sliproad.foundation.inbound import Handler, Live, Outcome, Peer, Received, Write
from sliproad.foundation.inbound_rows import encode_row

EMPTY_ANSWER = b"{}"
_LIVE_HEARTBEAT = Live("heartbeat", {})
_REGISTRATION = {"accepted": "Accepted", "pending": "Pending", "rejected": "Rejected"}


def boot_notification(heartbeat_seconds: int, commissioning_heartbeat_seconds: int) -> Handler:
    """The handler of BootNotification, with the heartbeat interval for a commissioned charge point and for one that is not."""

    def handle(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:
        status = _REGISTRATION[peer.boot_policy]
        is_settled = peer.commissioned and status == "Accepted"
        interval = heartbeat_seconds if is_settled else commissioning_heartbeat_seconds
        answer = {"status": status, "currentTime": current_time(received.at), "interval": interval}
        row = {"k": peer.key, "s": status, "t": received.at, "e": peer.epoch, "p": orjson.Fragment(received.raw)}
        write = (BOOT, encode_row(row | _boot_facts(payload)))
        return Outcome(orjson.dumps(answer), (write,), Live("boot", {"status": status}))

    return handle


def heartbeat(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:  # noqa: ARG001 (a Handler)
    """Answered from memory; the gateway keeps when it came (`presence`)."""
    return Outcome(b'{"currentTime":"%b"}' % current_time(received.at).encode(), (), _LIVE_HEARTBEAT)


def status_notification_16(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:
    """1.6 §4.9: connector 0 is the charge point itself; the timestamp may be absent."""
    connector_id, status = payload["connectorId"], payload["status"]
    write = status_write(
        peer,
        received.at,
        (connector_id, connector_id),
        status,
        payload.get("timestamp"),
        error_code=payload["errorCode"],
        info=payload.get("info"),
        vendor_error_code=payload.get("vendorErrorCode"),
    )
    return Outcome(EMPTY_ANSWER, (write,), _live_status(connector_id, connector_id, status))


def status_notification_2x(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:
    """2.x G01: a connector of an EVSE."""
    evse_id, connector_id, status = payload["evseId"], payload["connectorId"], payload["connectorStatus"]
    write = status_write(peer, received.at, (evse_id, connector_id), status, payload["timestamp"])
    return Outcome(EMPTY_ANSWER, (write,), _live_status(evse_id, connector_id, status))


def status_write(
    peer: Peer,
    received_at: float,
    place: tuple[int, int],
    status: str,
    timestamp: str | None,
    *,
    error_code: str | None = None,
    info: str | None = None,
    vendor_error_code: str | None = None,
) -> Write:
    """The row of a connector's reported status; `place` is (evse_id, connector_id). Also for NotifyEvent (2.1 N07)."""
    row = {
        "k": peer.key,
        "o": peer.organization_id,
        "p": peer.charge_point_id,
        "v": place[0],
        "c": place[1],
        "s": status,
        "r": error_code,
        "i": info,
        "w": vendor_error_code,
        "a": read_reported_time(timestamp, received_at)[0],
        "t": received_at,
    }
    if peer.subscribed:
        if "charge_point.status_changed" in peer.subscribed:
            row["e"] = new_id("evt")
        if status == "Faulted" and "charge_point.fault" in peer.subscribed:
            row["f"] = new_id("evt")
    return (STATUS, encode_row(row))


def _live_status(evse_id: int, connector_id: int, status: str) -> Live:
    return Live("status", {"evse_id": evse_id, "connector_id": connector_id, "status": status})


def _boot_facts(payload: dict[str, Any]) -> dict[str, Any]:
    """What a boot says of the hardware: 1.6 flat, 2.x below `chargingStation` with its modem."""
    if (station := payload.get("chargingStation")) is not None:
        modem = station.get("modem") or {}
        return {
            "v": station["vendorName"],
            "m": station["model"],
            "n": station.get("serialNumber"),
            "f": station.get("firmwareVersion"),
            "c": modem.get("iccid"),
            "i": modem.get("imsi"),
            "r": payload["reason"],
        }
    return {
        "v": payload["chargePointVendor"],
        "m": payload["chargePointModel"],
        "n": payload.get("chargePointSerialNumber") or payload.get("chargeBoxSerialNumber"),
        "f": payload.get("firmwareVersion"),
        "y": payload.get("meterType"),
        "z": payload.get("meterSerialNumber"),
        "c": payload.get("iccid"),
        "i": payload.get("imsi"),
    }
