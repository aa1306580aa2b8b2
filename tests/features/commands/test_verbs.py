"""Plain verbs become the right call of each version, and every one of them is valid by the official schema."""

from collections.abc import Callable

import pytest

from sliproad.features.commands import verbs
from sliproad.features.commands.service import check_call
from sliproad.features.commands.verbs import Call, Place
from sliproad.foundation.errors import InvalidInput
from sliproad.ocpp.versions import OcppVersion

V16, V201, V21 = OcppVersion.V16, OcppVersion.V201, OcppVersion.V21
WHOLE = Place()

CASES: list[tuple[Callable[[OcppVersion], Call], Call, Call]] = [
    (
        lambda version: verbs.remote_start(version, "04A2", "Central", Place(connector_id=2), 7),
        ("RemoteStartTransaction", {"idTag": "04A2", "connectorId": 2}),
        (
            "RequestStartTransaction",
            {"idToken": {"idToken": "04A2", "type": "Central"}, "remoteStartId": 7, "evseId": 2},
        ),
    ),
    (
        lambda version: verbs.remote_start(version, "04A2", "ISO14443", WHOLE, 7),
        ("RemoteStartTransaction", {"idTag": "04A2"}),
        ("RequestStartTransaction", {"idToken": {"idToken": "04A2", "type": "ISO14443"}, "remoteStartId": 7}),
    ),
    (
        lambda version: verbs.remote_stop(version, "4711"),
        ("RemoteStopTransaction", {"transactionId": 4711}),
        ("RequestStopTransaction", {"transactionId": "4711"}),
    ),
    (lambda version: verbs.reset(version, "soft", None), ("Reset", {"type": "Soft"}), ("Reset", {"type": "OnIdle"})),
    (
        lambda version: verbs.reset(version, "hard", 1),
        ("Reset", {"type": "Hard"}),
        ("Reset", {"type": "Immediate", "evseId": 1}),
    ),
    (
        lambda version: verbs.unlock(version, Place(connector_id=2)),
        ("UnlockConnector", {"connectorId": 2}),
        ("UnlockConnector", {"evseId": 2, "connectorId": 1}),
    ),
    (
        lambda version: verbs.unlock(version, Place(evse_id=1, connector_id=2)),
        ("UnlockConnector", {"connectorId": 2}),
        ("UnlockConnector", {"evseId": 1, "connectorId": 2}),
    ),
    (
        lambda version: verbs.availability(version, operative=False, place=WHOLE),
        ("ChangeAvailability", {"connectorId": 0, "type": "Inoperative"}),
        ("ChangeAvailability", {"operationalStatus": "Inoperative"}),
    ),
    (
        lambda version: verbs.availability(version, operative=True, place=Place(evse_id=2)),
        ("ChangeAvailability", {"connectorId": 2, "type": "Operative"}),
        ("ChangeAvailability", {"operationalStatus": "Operative", "evse": {"id": 2}}),
    ),
    (
        lambda version: verbs.trigger(version, "StatusNotification", Place(evse_id=1)),
        ("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 1}),
        ("TriggerMessage", {"requestedMessage": "StatusNotification", "evse": {"id": 1, "connectorId": 1}}),
    ),
    (
        lambda version: verbs.trigger(version, "Heartbeat", WHOLE),
        ("TriggerMessage", {"requestedMessage": "Heartbeat"}),
        ("TriggerMessage", {"requestedMessage": "Heartbeat"}),
    ),
    (
        lambda version: verbs.read_configuration(version, ["OCPPCommCtrlr.HeartbeatInterval"]),
        ("GetConfiguration", {"key": ["OCPPCommCtrlr.HeartbeatInterval"]}),
        (
            "GetVariables",
            {"getVariableData": [{"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}]},
        ),
    ),
    (
        lambda version: verbs.write_configuration(version, "OCPPCommCtrlr.HeartbeatInterval", "60"),
        ("ChangeConfiguration", {"key": "OCPPCommCtrlr.HeartbeatInterval", "value": "60"}),
        (
            "SetVariables",
            {
                "setVariableData": [
                    {
                        "component": {"name": "OCPPCommCtrlr"},
                        "variable": {"name": "HeartbeatInterval"},
                        "attributeValue": "60",
                    }
                ]
            },
        ),
    ),
]


@pytest.mark.parametrize(("encode", "in_16", "in_2x"), CASES)
def test_each_verb_in_each_version(encode: Callable[[OcppVersion], Call], in_16: Call, in_2x: Call) -> None:
    for version, expected in ((V16, in_16), (V201, in_2x), (V21, in_2x)):
        assert encode(version) == expected
        check_call(version, *expected)


def test_all_keys_of_16_are_read_when_none_is_named() -> None:
    assert verbs.read_configuration(V16, []) == ("GetConfiguration", {})


@pytest.mark.parametrize(
    "encode",
    [
        lambda: verbs.remote_stop(V16, "tx-1"),
        lambda: verbs.remote_stop(V16, "٤"),
        lambda: verbs.unlock(V16, WHOLE),
        lambda: verbs.unlock(V201, WHOLE),
        lambda: verbs.read_configuration(V201, []),
        lambda: verbs.read_configuration(V201, ["HeartbeatInterval"]),
        lambda: verbs.write_configuration(V21, "OCPPCommCtrlr.", "1"),
    ],
)
def test_what_a_version_cannot_say_is_refused(encode: Callable[[], Call]) -> None:
    with pytest.raises(InvalidInput):
        encode()
