"""StartTransaction, StopTransaction, MeterValues and TransactionEvent, translated into writes.

`app/ocpp_routes.py` routes to these. None of them ever refuses: what was sent is kept, what is odd is flagged (ocpp.md
"Messages"; 1.6 §4.7, §4.8, §4.10; 2.x E01-E15, J01-J02). Who may charge is `authorization`'s rule alone.
"""

from typing import Any

from sliproad.features.authorization.model import AuthorizationStatus, Authorize
from sliproad.features.authorization.ocpp import ID_TAG_INFO, ID_TOKEN_INFO
from sliproad.features.charge_points.reported_time import read_reported_time
from sliproad.features.charging.meter import energy_register_wh
from sliproad.features.charging.meter_rows import NO_TRANSACTION, meter_writes
from sliproad.features.charging.model import Flag
from sliproad.features.charging.statements import START, STOP, TRANSACTION_EVENT
from sliproad.foundation.ids import new_id
from sliproad.foundation.inbound import Handler, Live, Outcome, Peer, Received, Write
from sliproad.foundation.inbound_rows import encode_row
from sliproad.ocpp.leniences import Lenience

EMPTY_ANSWER = b"{}"
_FLAG_OF_LENIENCE = (
    (Lenience.TIMESTAMP, Flag.TIMESTAMP_REPAIRED),
    (Lenience.SAMPLE_UNREADABLE, Flag.SAMPLE_UNREADABLE),
)
_LIVE_EVENTS = {"Started": "transaction_started", "Ended": "transaction_ended"}


def meter_values_16(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:
    """1.6 §4.7: readings of a connector, in a transaction or not; 0 is the charge point's main meter."""
    given = payload.get("transactionId")
    transaction_id = NO_TRANSACTION if given is None else str(given)
    connector_id = payload["connectorId"]
    writes = meter_writes(peer, transaction_id, connector_id, payload["meterValue"], received.at)
    return Outcome(EMPTY_ANSWER, writes, _live_meter(peer, received, connector_id, given))


def meter_values_2x(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:
    """2.x J01: readings outside a transaction; EVSE 0 is the main meter."""
    evse_id = payload["evseId"]
    writes = meter_writes(peer, NO_TRANSACTION, evse_id, payload["meterValue"], received.at)
    return Outcome(EMPTY_ANSWER, writes, _live_meter(peer, received, evse_id, None))


def _live_meter(peer: Peer, received: Received, evse_id: int, transaction_id: int | None) -> Live | None:
    """Only for a watched charge point, since this is the most frequent message of all."""
    if peer.watched_until <= received.at:
        return None
    return Live("meter_values", {"evse_id": evse_id, "transaction_id": transaction_id})


def start_transaction(authorize: Authorize) -> Handler:
    """1.6 §4.8. The id is given out in the commit; the same message again gets the first id (natural key `start_key`)."""

    def handle(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:
        id_tag, connector_id, meter_start = payload["idTag"], payload["connectorId"], payload["meterStart"]
        started_at, flags = read_reported_time(payload["timestamp"], received.at)
        row = _transaction_row(peer, started_at, received, flags, "session.started") | {
            "c": connector_id,
            "g": id_tag,
            "s": f"{connector_id} {payload['timestamp']} {meter_start} {id_tag}",
            "z": authorize(peer.key, id_tag),
            "m": meter_start,
            "r": payload.get("reservationId"),
        }
        live = Live("transaction_started", {"connector_id": connector_id, "id_token": id_tag})
        return Outcome(_start_answer, ((START, encode_row(row)),), live)

    return handle


def _start_answer(rows: Any) -> bytes:
    transaction_id, status = rows[0]
    return b'{"transactionId":%b,"idTagInfo":{"status":"%b"}}' % (transaction_id.encode(), status.encode())


def stop_transaction(authorize: Authorize) -> Handler:
    """1.6 §4.10. An id that this charge point was never given is kept apart, as a transaction without a start."""

    def handle(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:
        transaction_id, id_tag, meter_stop = str(payload["transactionId"]), payload.get("idTag"), payload["meterStop"]
        stopped_at, flags = read_reported_time(payload["timestamp"], received.at)
        row = _transaction_row(peer, stopped_at, received, flags, "session.ended") | {
            "x": transaction_id,
            "s": f"stop {transaction_id} {payload['timestamp']} {meter_stop} {id_tag}",
            "g": id_tag,
            "m": meter_stop,
            "r": payload.get("reason", "Local"),
        }
        writes: tuple[Write, ...] = ((STOP, encode_row(row)),)
        if data := payload.get("transactionData"):
            writes += meter_writes(peer, transaction_id, 0, data, received.at)
        answer = EMPTY_ANSWER if id_tag is None else ID_TAG_INFO[authorize(peer.key, id_tag)]
        return Outcome(answer, writes, Live("transaction_ended", {"transaction_id": transaction_id}))

    return handle


def transaction_event(authorize: Authorize) -> Handler:
    """2.x E01-E15. An event with an idToken is answered what the token may (E05); the rest with nothing to add."""

    def handle(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:
        token, evse = payload.get("idToken"), payload.get("evse") or {}
        status = None if token is None else authorize(peer.key, token["idToken"])
        transaction_id = payload["transactionInfo"]["transactionId"]
        event = (TRANSACTION_EVENT, encode_row(_event_row(peer, payload, received, status)))
        writes: tuple[Write, ...] = (event,)
        if readings := payload.get("meterValue"):
            writes += meter_writes(peer, transaction_id, evse.get("id", 0), readings, received.at)
        kind = _LIVE_EVENTS.get(payload["eventType"], "meter_values" if readings else "transaction_updated")
        live = Live(
            kind, {"transaction_id": transaction_id, "remote_start_id": payload["transactionInfo"].get("remoteStartId")}
        )
        return Outcome(EMPTY_ANSWER if status is None else ID_TOKEN_INFO[status], writes, live)

    return handle


def _event_row(peer: Peer, payload: dict[str, Any], received: Received, status: str | None) -> dict[str, Any]:
    at, flags = read_reported_time(payload["timestamp"], received.at)
    info, evse, token = payload["transactionInfo"], payload.get("evse") or {}, payload.get("idToken") or {}
    event_type = payload["eventType"]
    row = _transaction_row(peer, at, received, flags) | {
        "x": info["transactionId"],
        "q": payload["seqNo"],
        "y": event_type,
        "g": payload["triggerReason"],
        "l": payload.get("offline", False),
        "h": info.get("chargingState"),
        "v": evse.get("id"),
        "c": evse.get("connectorId"),
        "u": token.get("idToken"),
        "w": token.get("type"),
        "z": status,
        "b": info.get("remoteStartId"),
        "d": payload.get("reservationId"),
    }
    if status is not None and status != AuthorizationStatus.ACCEPTED:
        row["f"] += (Flag.TOKEN_NOT_ACCEPTED,)
    if payload.get("offline", False):
        row["f"] += (Flag.OFFLINE,)
    readings = payload.get("meterValue", [])
    if event_type == "Started":
        row["m"] = _register(readings, "Transaction.Begin")
        if "session.started" in peer.subscribed:
            row["i"] = new_id("evt")
    if event_type == "Ended":
        row["n"] = _register(readings, "Transaction.End")
        row["r"] = info.get("stoppedReason", "Local")
        if "session.ended" in peer.subscribed:
            row["e"] = new_id("evt")
    return row


def _transaction_row(
    peer: Peer, at: str, received: Received, flags: tuple[str, ...], event: str | None = None
) -> dict[str, Any]:
    """What every row of a transaction holds; `event` is the domain event it may cause, wanted only where subscribed."""
    row: dict[str, Any] = {
        "k": peer.key,
        "o": peer.organization_id,
        "p": peer.charge_point_id,
        "a": at,
        "t": received.at,
        "f": flags,
    }
    if received.leniences:
        row["f"] = (*flags, *(flag for lenience, flag in _FLAG_OF_LENIENCE if received.leniences & lenience))
    if event in peer.subscribed:
        row["e"] = new_id("evt")
    return row


def _register(readings: list[dict[str, Any]], context: str) -> str | None:
    """The register that the reading of this context tells; without such a context, the last reading's."""
    last = None
    for reading in readings:
        samples = reading["sampledValue"]
        if (energy := energy_register_wh(samples)) is not None:
            if any(sample.get("context") == context for sample in samples):
                return energy
            last = energy
    return last
