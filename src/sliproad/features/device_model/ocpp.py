"""NotifyReport and NotifyEvent of 2.x, translated into writes (2.x B05-B08, N07). `app/ocpp_routes.py` routes to these."""

from typing import Any

from sliproad.features.charge_points.ocpp import status_write
from sliproad.features.charge_points.reported_time import read_reported_time
from sliproad.features.device_model.statements import DEVICE_EVENT, REPORT_PART, VARIABLES
from sliproad.foundation.inbound import Live, Outcome, Peer, Received, Write
from sliproad.foundation.inbound_rows import encode_row
from sliproad.ocpp.secret_settings import shown

EMPTY_ANSWER = b"{}"


def notify_report(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:
    """2.x B07: a part of a report. The same part again changes nothing; parts may come in any order."""
    variables = [row for data in payload.get("reportData", []) for row in _variable_rows(data)]
    request_id, is_last = payload["requestId"], not payload.get("tbc", False)
    generated_at = read_reported_time(payload["generatedAt"], received.at)[0]
    base = {"k": peer.key, "o": peer.organization_id, "q": request_id, "g": generated_at, "t": received.at}
    part = base | {"n": payload["seqNo"], "l": is_last, "c": len(variables)}
    writes = (
        (REPORT_PART, encode_row(part)),
        (VARIABLES, encode_row(base | {"d": variables})),
    )
    return Outcome(EMPTY_ANSWER, writes, Live("report", {"request_id": request_id, "is_last": is_last}))


def _variable_rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    component, variable = data["component"], data["variable"]
    evse = component.get("evse") or {}
    base = {
        "c": component["name"],
        "i": component.get("instance") or "",
        "e": evse.get("id", 0),
        "n": evse.get("connectorId", 0),
        "v": variable["name"],
        "w": variable.get("instance") or "",
        "h": data.get("variableCharacteristics"),
    }
    return [
        base
        | {
            "a": attribute.get("type", "Actual"),
            "x": shown(variable["name"], attribute.get("value")),
            "m": attribute.get("mutability"),
        }
        for attribute in data["variableAttribute"]
    ]


def notify_event(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:
    """2.x N07. A connector's AvailabilityState is its status, as 2.1 reports it in place of StatusNotification (G01)."""
    writes: list[Write] = []
    for event in payload["eventData"]:
        component, variable = event["component"], event["variable"]
        value = shown(variable["name"], event["actualValue"])
        row = {
            "k": peer.key,
            "o": peer.organization_id,
            "n": event["eventId"],
            "a": read_reported_time(event["timestamp"], received.at)[0],
            "t": received.at,
            "c": component["name"],
            "v": variable["name"],
            "g": event.get("trigger"),
            "x": value,
            "d": event | {"actualValue": value},
        }
        writes.append((DEVICE_EVENT, encode_row(row)))
        evse = component.get("evse") or {}
        if (component["name"], variable["name"]) == ("Connector", "AvailabilityState") and "connectorId" in evse:
            place = evse["id"], evse["connectorId"]
            writes.append(status_write(peer, received.at, place, event["actualValue"], event["timestamp"]))
    return Outcome(EMPTY_ANSWER, tuple(writes), Live("device_event", {}))
