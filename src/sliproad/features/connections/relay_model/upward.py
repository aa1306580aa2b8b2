"""What a charge point says, on its way to the operator: which kind it is, by what it is recognised, and which secrets stay here.

Transaction messages are kept until they are delivered; of the others only what is so now matters, so they wait in memory, a
connector's status as its latest.
"""

from enum import StrEnum
from hashlib import blake2b
from typing import Any

from sliproad.ocpp.secret_settings import is_secret

Payload = dict[str, Any]


class Kind(StrEnum):
    """What the relay does with a message of the charge point."""

    BOOT = "boot"
    """Composed anew for each connection to the operator."""
    HEARTBEAT = "heartbeat"
    """The relay's own, at the operator's interval."""
    AUTHORIZE = "authorize"
    TRANSACTION = "transaction"
    STATUS = "status"
    LIVE = "live"


_KINDS = {
    "Authorize": Kind.AUTHORIZE,
    "BootNotification": Kind.BOOT,
    "Heartbeat": Kind.HEARTBEAT,
    "StartTransaction": Kind.TRANSACTION,
    "StatusNotification": Kind.STATUS,
    "StopTransaction": Kind.TRANSACTION,
    "TransactionEvent": Kind.TRANSACTION,
}


def kind(action: str, payload: Payload) -> Kind:
    """What the relay does with it."""
    if action == "MeterValues":
        return Kind.TRANSACTION if "transactionId" in payload else Kind.LIVE
    return _KINDS.get(action, Kind.LIVE)


def place(payload: Payload) -> tuple[int, int]:
    """Which connector a StatusNotification speaks of: its latest takes the place of one that still waits."""
    return payload.get("evseId", 0), payload["connectorId"]


def recognised_by(action: str, payload: Payload, raw: bytes) -> str:
    """What a transaction message is recognised by when the charge point sends it again, under whatever id (trust T2).

    A StartTransaction's ends in the key by which `charging` knows it (`started_by`).
    """
    if action == "StartTransaction":
        return f"start {started_by(payload)}"
    if action == "StopTransaction":
        return f"stop {payload['transactionId']}"
    if action == "TransactionEvent":
        transaction_id = payload["transactionInfo"]["transactionId"]
        return f"event {transaction_id} {payload['seqNo']} {payload['eventType']} {payload['timestamp']}"
    return f"meter {payload['transactionId']} {blake2b(raw, digest_size=12).hexdigest()}"


def started_by(payload: Payload) -> str:
    """The natural key of a StartTransaction (1.6 §4.8)."""
    return f"{payload['connectorId']} {payload['timestamp']} {payload['meterStart']} {payload['idTag']}"


def token_of(payload: Payload) -> str | None:
    """The token that a message carries; None without one, and for 2.x's `NoAuthorization`, which is nobody's."""
    if "idTag" in payload:
        return str(payload["idTag"])
    token = payload.get("idToken")
    if not isinstance(token, dict) or token.get("type") == "NoAuthorization":
        return None
    return str(token["idToken"])


def authorize_for(payload: Payload) -> Payload:
    """The Authorize that asks about the token of a transaction message."""
    return {"idTag": payload["idTag"]} if "idTag" in payload else {"idToken": payload["idToken"]}


def without_secrets(action: str, payload: Payload) -> Payload:
    """A report, or an answer to the operator's question, in which our passwords have no value."""
    if action == "GetConfiguration" and "configurationKey" in payload:
        return payload | {"configurationKey": [_valueless(each, each["key"]) for each in payload["configurationKey"]]}
    if action == "GetVariables":
        results = [_valueless(each, each["variable"]["name"]) for each in payload["getVariableResult"]]
        return payload | {"getVariableResult": results}
    if action == "NotifyReport" and "reportData" in payload:
        return payload | {"reportData": [_reported(each) for each in payload["reportData"]]}
    return payload


def _valueless(entry: Payload, name: str) -> Payload:
    return {key: each for key, each in entry.items() if key not in {"value", "attributeValue"} or not is_secret(name)}


def _reported(entry: Payload) -> Payload:
    name = entry["variable"]["name"]
    return entry | {"variableAttribute": [_valueless(each, name) for each in entry["variableAttribute"]]}
