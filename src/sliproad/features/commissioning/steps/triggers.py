"""TriggerMessage, in which most steps ask a charge point to show itself, and the meanings of its answers.

OCPP 1.6 §5.17; OCPP 2.x F06: there a connector is named by EVSE and connector id, both (F06.FR.12).
"""

from typing import Any, Literal

from sliproad.features.commissioning.model import Answer, Facts

ACTION = "TriggerMessage"
Verdict = Literal["accepted", "refused", "unsupported"]


def trigger(facts: Facts, message: str, evse_id: int | None = None, connector_id: int | None = None) -> dict[str, Any]:
    """The payload that asks for `message`, of one connector or EVSE where one is named."""
    payload: dict[str, Any] = {"requestedMessage": message}
    if evse_id is None:
        return payload
    if facts.is_16:
        return payload | {"connectorId": evse_id}
    evse = {"id": evse_id} if connector_id is None else {"id": evse_id, "connectorId": connector_id}
    return payload | {"evse": evse}


def verdict(answer: Answer) -> Verdict:
    """Whether the charge point will do it, won't, or doesn't know how."""
    status = answer.payload.get("status")
    if status == "Accepted":
        return "accepted"
    return "unsupported" if answer.is_unknown_action or status == "NotImplemented" else "refused"
