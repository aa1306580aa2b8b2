"""Plain verbs for the calls that operators make most, the same for every OCPP version: verb -> (action, payload). Pure.

`routes` offers them beside the raw OCPP calls. In 1.6 a connector stands for its EVSE; 2.x counts EVSEs, and connectors in them.
"""

from dataclasses import dataclass
from typing import Any

from sliproad.foundation.errors import InvalidInput
from sliproad.ocpp.versions import OcppVersion

Call = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where: an EVSE, a connector of it, or (neither) the whole charge point."""

    evse_id: int | None = None
    connector_id: int | None = None

    @property
    def connector_16(self) -> int | None:
        """The connector in 1.6's counting."""
        return self.connector_id if self.connector_id is not None else self.evse_id

    @property
    def evse_2x(self) -> dict[str, int] | None:
        """2.x's EVSEType; a connector without an EVSE is taken for the only one of the EVSE of that number."""
        if self.evse_id is None:
            return None if self.connector_id is None else {"id": self.connector_id}
        return {"id": self.evse_id} | ({} if self.connector_id is None else {"connectorId": self.connector_id})


def remote_start(version: OcppVersion, id_token: str, id_token_type: str, place: Place, remote_start_id: int) -> Call:
    """RemoteStartTransaction (1.6 §5.11), RequestStartTransaction (2.0.1 F01)."""
    if not version.is_2x:
        return "RemoteStartTransaction", _present(idTag=id_token, connectorId=place.connector_16)
    token = {"idToken": id_token, "type": id_token_type}
    evse = place.evse_2x
    return "RequestStartTransaction", _present(
        idToken=token, remoteStartId=remote_start_id, evseId=evse["id"] if evse else None
    )


def remote_stop(version: OcppVersion, transaction_id: str) -> Call:
    """RemoteStopTransaction (1.6 §5.12), RequestStopTransaction (2.0.1 F03).

    Raises:
        InvalidInput: 1.6 counts its transactions by numbers.
    """
    if version.is_2x:
        return "RequestStopTransaction", {"transactionId": transaction_id}
    if not (transaction_id.isascii() and transaction_id.isdigit()):
        raise InvalidInput.field("transaction_id", "is a number in OCPP 1.6")
    return "RemoteStopTransaction", {"transactionId": int(transaction_id)}


def reset(version: OcppVersion, kind: str, evse_id: int | None) -> Call:
    """Reset: `soft` waits for transactions to end where the version can (1.6 §5.14; 2.0.1 B11, B12), `hard` does not."""
    if not version.is_2x:
        return "Reset", {"type": {"soft": "Soft", "hard": "Hard"}[kind]}
    return "Reset", _present(type={"soft": "OnIdle", "hard": "Immediate"}[kind], evseId=evse_id)


def unlock(version: OcppVersion, place: Place) -> Call:
    """UnlockConnector (1.6 §5.18; 2.0.1 F05).

    Raises:
        InvalidInput: no connector is named.
    """
    if place.connector_16 is None:
        raise InvalidInput.field("connector_id", "says which connector to unlock")
    if not version.is_2x:
        return "UnlockConnector", {"connectorId": place.connector_16}
    evse_id = place.evse_id if place.evse_id is not None else place.connector_id
    connector_id = place.connector_id if place.evse_id is not None and place.connector_id is not None else 1
    return "UnlockConnector", {"evseId": evse_id, "connectorId": connector_id}


def availability(version: OcppVersion, operative: bool, place: Place) -> Call:
    """ChangeAvailability (1.6 §5.2; 2.0.1 G03, G04); without a place, of the whole charge point."""
    word = "Operative" if operative else "Inoperative"
    if not version.is_2x:
        return "ChangeAvailability", {"connectorId": place.connector_16 or 0, "type": word}
    return "ChangeAvailability", _present(operationalStatus=word, evse=place.evse_2x)


def trigger(version: OcppVersion, message: str, place: Place) -> Call:
    """TriggerMessage (1.6 §5.17; 2.0.1 F06)."""
    if not version.is_2x:
        return "TriggerMessage", _present(requestedMessage=message, connectorId=place.connector_16)
    evse = place.evse_2x
    if evse and message == "StatusNotification":  # F06.FR.12: both ids are needed
        evse = {"connectorId": 1, **evse}
    return "TriggerMessage", _present(requestedMessage=message, evse=evse)


def read_configuration(version: OcppVersion, keys: list[str]) -> Call:
    """GetConfiguration (1.6 §5.8; no keys: all), GetVariables (2.0.1 B06; `Component.Variable`).

    Raises:
        InvalidInput: 2.x: no key, or one that does not name a component and a variable.
    """
    if not version.is_2x:
        return "GetConfiguration", {"key": keys} if keys else {}
    if not keys:
        raise InvalidInput.field("keys", "name at least one variable as Component.Variable in OCPP 2.x")
    return "GetVariables", {"getVariableData": [_variable(key) for key in keys]}


def write_configuration(version: OcppVersion, key: str, value: str) -> Call:
    """ChangeConfiguration (1.6 §5.3), SetVariables (2.0.1 B05; `Component.Variable`).

    Raises:
        InvalidInput: 2.x: `key` does not name a component and a variable.
    """
    if not version.is_2x:
        return "ChangeConfiguration", {"key": key, "value": value}
    return "SetVariables", {"setVariableData": [{**_variable(key), "attributeValue": value}]}


def _variable(key: str) -> dict[str, Any]:
    component, dot, variable = key.partition(".")
    if not (component and dot and variable):
        raise InvalidInput.field("key", f"{key} does not name a variable as Component.Variable")
    return {"component": {"name": component}, "variable": {"name": variable}}


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
