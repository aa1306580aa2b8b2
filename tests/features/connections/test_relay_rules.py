"""The relay's rules: ids, kinds, secrets, who decides, what is refused and how, the replay, patience, sentences."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sliproad.features.connections.relay_model import decision, downward, failures, ids, patience, replay, upward
from sliproad.features.connections.relay_model.rules import RelayRules
from sliproad.ocpp.errors import CallRefused
from sliproad.ocpp.our_numbers import OURS_BELOW
from sliproad.ocpp.validation import actions, validate_call, validate_result
from sliproad.ocpp.versions import OcppVersion

RULES = RelayRules()
V16, V201, V21 = OcppVersion.V16, OcppVersion.V201, OcppVersion.V21
TOKEN = {"idToken": "04AABBCC", "type": "ISO14443"}
PLATE = replay.TypePlate("A very long name of a vendor", "A very long name of a model", "S" * 40)


@given(number=st.integers(0, ids.LARGEST_OF_THEIRS))
def test_an_operators_request_id_comes_back_as_it_went(number):
    asked = ids.to_charge_point("GetReport", {"requestId": number}, is_2x=True)
    assert asked["requestId"] >= OURS_BELOW
    assert ids.to_operator("NotifyReport", {"requestId": asked["requestId"], "seqNo": 0}) == {
        "requestId": number,
        "seqNo": 0,
    }


@given(number=st.integers(0, OURS_BELOW - 1))
def test_the_operator_hears_nothing_of_our_own_requests(number):
    for action, member in ids.ANSWERS_TO.items():
        assert ids.to_operator(action, {member: number}) is None


def test_messages_that_name_no_request_go_through():
    assert ids.to_operator("FirmwareStatusNotification", {"status": "Idle"}) == {"status": "Idle"}


def test_a_transaction_is_told_without_the_id_of_our_remote_start():
    event = {"transactionInfo": {"transactionId": "t", "remoteStartId": 7}, "seqNo": 0}
    assert ids.to_operator("TransactionEvent", event) == {"transactionInfo": {"transactionId": "t"}, "seqNo": 0}
    event["transactionInfo"]["remoteStartId"] = 7 + ids.FIRST_OF_THEIRS
    heard = ids.to_operator("TransactionEvent", event)
    assert heard is not None
    assert heard["transactionInfo"]["remoteStartId"] == 7


@pytest.mark.parametrize("number", [-1, ids.LARGEST_OF_THEIRS + 1, 2**31 - 1])
def test_an_id_that_can_not_be_moved_is_refused_in_words(number):
    with pytest.raises(CallRefused, match="PropertyConstraintViolation") as refused:
        ids.to_charge_point("RequestStartTransaction", {"remoteStartId": number}, is_2x=True)
    assert "between 0 and 2130706431" in refused.value.description


def test_ids_are_moved_wherever_they_stand():
    asked = {"requestId": 1, "chargingProfile": {"chargingProfileId": [2, 3], "stackLevel": 4}}
    moved = ids.to_charge_point("GetChargingProfiles", asked, is_2x=True)
    assert moved["chargingProfile"] == {"chargingProfileId": [2 + OURS_BELOW, 3 + OURS_BELOW], "stackLevel": 4}
    assert asked["requestId"] == 1, "the message itself is not touched"


def test_a_list_of_what_there_is_names_theirs_by_their_ids_and_ours_by_ours():
    report = {"requestId": OURS_BELOW + 1, "messageInfo": [{"id": OURS_BELOW + 5}, {"id": 6}]}
    assert ids.to_operator("NotifyDisplayMessages", report) == {"requestId": 1, "messageInfo": [{"id": 5}, {"id": 6}]}


@pytest.mark.parametrize(
    ("action", "payload", "kind"),
    [
        ("BootNotification", {}, upward.Kind.BOOT),
        ("MeterValues", {"connectorId": 1, "transactionId": 0}, upward.Kind.TRANSACTION),
        ("MeterValues", {"connectorId": 1}, upward.Kind.LIVE),
        ("StopTransaction", {}, upward.Kind.TRANSACTION),
        ("NotifyEvent", {}, upward.Kind.LIVE),
    ],
)
def test_only_transaction_messages_are_kept(action, payload, kind):
    assert upward.kind(action, payload) is kind


def test_a_repetition_is_recognised_and_another_message_is_not():
    start = {"connectorId": 1, "idTag": "T", "meterStart": 10, "timestamp": "2026-01-01T00:00:00Z"}
    other = start | {"meterStart": 11}
    recognise = upward.recognised_by
    assert recognise("StartTransaction", start, b"{}") == recognise("StartTransaction", dict(start), b"{ }")
    assert recognise("StartTransaction", start, b"") != recognise("StartTransaction", other, b"")
    meter = {"connectorId": 1, "transactionId": 5}
    assert recognise("MeterValues", meter, b"1") != recognise("MeterValues", meter, b"2")


def test_each_transaction_message_is_recognised_by_what_it_is():
    recognise = upward.recognised_by
    assert recognise("StopTransaction", {"transactionId": 5, "meterStop": 1}, b"a") == "stop 5"
    event = {
        "transactionInfo": {"transactionId": "t"},
        "seqNo": 3,
        "eventType": "Updated",
        "timestamp": "2026-01-01T00:00:00Z",
    }
    assert recognise("TransactionEvent", event, b"a") == "event t 3 Updated 2026-01-01T00:00:00Z"
    assert recognise("TransactionEvent", event | {"seqNo": 4}, b"a") != recognise("TransactionEvent", event, b"a")


def test_a_connector_is_recognised_by_its_place():
    assert upward.place({"connectorId": 2}) == (0, 2)
    assert upward.place({"evseId": 1, "connectorId": 2}) == (1, 2)


def test_tokens_are_found_in_every_version():
    assert upward.token_of({"idTag": "T"}) == "T"
    assert upward.token_of({"idToken": TOKEN}) == "04AABBCC"
    assert upward.token_of({"idToken": {"idToken": "", "type": "NoAuthorization"}}) is None
    assert upward.token_of({"seqNo": 1}) is None
    assert upward.authorize_for({"idTag": "T", "connectorId": 1}) == {"idTag": "T"}
    assert upward.authorize_for({"idToken": TOKEN, "seqNo": 1}) == {"idToken": TOKEN}


def test_our_passwords_stay_here():
    answer = {"configurationKey": [{"key": "AuthorizationKey", "readonly": False, "value": "x"},
                                   {"key": "HeartbeatInterval", "readonly": False, "value": "300"}]}  # fmt: skip
    heard = RULES.answer_to_operator("GetConfiguration", answer)
    assert [each.get("value") for each in heard["configurationKey"]] == [None, "300"]
    variable = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
    report = {"requestId": OURS_BELOW, "seqNo": 0, "reportData": [variable | {"variableAttribute": [{"value": "x"}]}]}
    heard = RULES.to_operator("NotifyReport", report)
    assert heard is not None
    assert heard["reportData"][0]["variableAttribute"] == [{}]
    answer = {"getVariableResult": [variable | {"attributeStatus": "Accepted", "attributeValue": "x"}]}
    assert "attributeValue" not in RULES.answer_to_operator("GetVariables", answer)["getVariableResult"][0]
    assert RULES.answer_to_operator("GetConfiguration", {"unknownKey": ["x"]}) == {"unknownKey": ["x"]}
    assert RULES.to_operator("NotifyReport", {"requestId": OURS_BELOW, "seqNo": 1}) == {"requestId": 0, "seqNo": 1}


@pytest.mark.parametrize("theirs", ["Accepted", "Blocked", None])
@pytest.mark.parametrize("ours", ["Accepted", "Invalid"])
def test_who_decides(ours, theirs):
    def told(by: str) -> str:
        return decision.decided(by, {"status": ours}, None if theirs is None else {"status": theirs})["status"]

    yes = "Accepted"
    assert told("ours") == ours
    assert (told("theirs") == yes) == (theirs == yes)
    assert (told("both") == yes) == (ours == theirs == yes)
    assert (told("either") == yes) == (yes in {ours, theirs})
    for by in ("ours", "theirs", "both", "either"):
        if decision.is_settled(by, ours):
            assert told(by) == ours, "they are not asked where it does not matter"


def test_commissionings_test_token_is_nobodys_to_refuse():
    assert RULES.is_settled("theirs", "SLPTAAAAAABBBBBBBBBB", "Accepted")
    assert not RULES.is_settled("theirs", "SLPTAAAAAABBBBBBBBBB", "Invalid")


def variables(*names: tuple[str, str]) -> dict[str, Any]:
    return {"setVariableData": [
        {"attributeValue": "v", "component": {"name": component}, "variable": {"name": variable}} for component, variable in names
    ]}  # fmt: skip


REFUSED_16 = [
    ("ChangeConfiguration", {"key": "AuthorizationKey", "value": "x" * 16}),
    ("ChangeConfiguration", {"key": "SecurityProfile", "value": "0"}),
    ("ChangeConfiguration", {"key": "G_ServerURL", "value": "ws://elsewhere"}),
    ("ChangeConfiguration", {"key": "CentralSystemAddress", "value": "elsewhere"}),
    ("CertificateSigned", {"certificateChain": "x"}),
    ("InstallCertificate", {"certificateType": "CentralSystemRootCertificate", "certificate": "x"}),
    ("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"}),
]
REFUSED_2X = [
    (
        "SetVariables",
        variables(("SecurityCtrlr", "BasicAuthPassword"), ("OCPPCommCtrlr", "NetworkConfigurationPriority")),
    ),
    ("CertificateSigned", {"certificateChain": "x"}),
    ("InstallCertificate", {"certificateType": "CSMSRootCertificate", "certificate": "x"}),
    ("TriggerMessage", {"requestedMessage": "SignChargingStationCertificate"}),
    ("SetNetworkProfile", {"configurationSlot": 1}),
    ("DeleteCertificate", {}),
]


@pytest.mark.parametrize(("version", "action", "payload"),
                         [(V16, *each) for each in REFUSED_16] + [(v, *each) for v in (V201, V21) for each in REFUSED_2X])  # fmt: skip
def test_what_would_take_the_charge_point_away_is_refused_in_words_of_its_own(version, action, payload):
    found = RULES.verdict(version, action, payload, is_commissioning=False)
    assert found.passed is None
    assert found.reason == downward.CONNECTION
    assert found.answer is not None
    assert "Accepted" not in str(found.answer)
    validate_result(version, action, found.answer)


@pytest.mark.parametrize(
    ("version", "action", "payload"),
    [
        (V16, "ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"}),
        (V16, "InstallCertificate", {"certificateType": "ManufacturerRootCertificate", "certificate": "x"}),
        (V201, "TriggerMessage", {"requestedMessage": "Heartbeat"}),
        (V21, "SetVariables", variables(("OCPPCommCtrlr", "HeartbeatInterval"))),
        (V201, "Reset", {"type": "OnIdle"}),
    ],
)
def test_the_rest_goes_to_the_charge_point(version, action, payload):
    assert RULES.verdict(version, action, payload, is_commissioning=False).passed == payload


@pytest.mark.parametrize("version", [V16, V201, V21])
def test_nobody_disturbs_a_technician(version):
    for action in sorted(downward._NOT_NOW & actions(version)):
        if version is V16 and action == "UpdateFirmware":
            with pytest.raises(CallRefused, match="GenericError"):
                RULES.verdict(version, action, {}, is_commissioning=True)
        else:
            found = RULES.verdict(version, action, {}, is_commissioning=True)
            assert found.answer is not None
            validate_result(version, action, found.answer)
    assert RULES.verdict(version, "TriggerMessage", {"requestedMessage": "Heartbeat"}, is_commissioning=True).passed


@pytest.mark.parametrize("version", [V201, V21])
def test_a_mixture_of_variables_is_answered_in_order(version):
    asked = variables(("A", "One"), ("SecurityCtrlr", "SecurityProfile"), ("B", "Two"), ("C", "StationPassword"))
    found = RULES.verdict(version, "SetVariables", asked, is_commissioning=False)
    assert found.passed is not None
    assert [each["variable"]["name"] for each in found.passed["setVariableData"]] == ["One", "Two"]
    said = [{"attributeStatus": word, "component": {"name": c}, "variable": {"name": v}}
            for word, c, v in (("Accepted", "A", "One"), ("RebootRequired", "B", "Two"))]  # fmt: skip
    merged = found.merged({"setVariableResult": said})
    validate_result(version, "SetVariables", merged)
    results = [(each["variable"]["name"], each["attributeStatus"]) for each in merged["setVariableResult"]]
    assert results == [
        ("One", "Accepted"),
        ("SecurityProfile", "Rejected"),
        ("Two", "RebootRequired"),
        ("StationPassword", "Rejected"),
    ]


def test_the_result_of_a_refused_attribute_names_it():
    asked = variables(("SecurityCtrlr", "SecurityProfile"))
    asked["setVariableData"][0]["attributeType"] = "Target"
    found = RULES.verdict(V201, "SetVariables", asked, is_commissioning=True)
    assert found.answer is not None
    assert found.answer["setVariableResult"][0]["attributeType"] == "Target"
    validate_result(V201, "SetVariables", found.answer)


def test_what_was_not_touched_is_answered_as_it_is():
    found = RULES.verdict(V16, "ClearCache", {}, is_commissioning=False)
    assert found.merged({"status": "Accepted"}) == {"status": "Accepted"}


def test_16_transaction_ids_are_found_and_replaced_where_they_stand():
    stop = {"transactionId": 5, "meterStop": 1}
    assert RULES.transaction_in("StopTransaction", stop) == 5
    assert RULES.with_transaction("StopTransaction", stop, 9) == {"transactionId": 9, "meterStop": 1}
    profile = {"connectorId": 1, "csChargingProfiles": {"chargingProfileId": 3, "transactionId": 5}}
    assert RULES.transaction_in("SetChargingProfile", profile) == 5
    assert RULES.with_transaction("SetChargingProfile", profile, 9)["csChargingProfiles"]["transactionId"] == 9
    assert RULES.transaction_in("MeterValues", {"connectorId": 1}) is None
    answer, reason = RULES.unknown_transaction("RemoteStopTransaction")
    validate_result(V16, "RemoteStopTransaction", answer)
    assert "not known" in reason


@pytest.mark.parametrize("version", [V16, V201, V21])
@pytest.mark.parametrize("last", [None, "said"])
def test_the_replayed_boot_is_a_valid_one(version, last):
    said: dict[str, Any] = (
        {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}}
        if version.is_2x
        else {"chargePointVendor": "V", "chargePointModel": "M"}
    )
    for is_new in (True, False):
        payload = replay.boot(said if last else None, PLATE, is_2x=version.is_2x, is_new=is_new)
        validate_call(version, "BootNotification", payload)
        if version.is_2x:
            assert payload["reason"] == ("PowerUp" if last and is_new else "Unknown")


def test_a_late_start_is_a_valid_one():
    at = datetime(2026, 1, 1, tzinfo=UTC)
    started = SimpleNamespace(connector_id=1, id_token="T" * 30, meter_start_wh=5, started_at=at)
    validate_call(V16, "StartTransaction", replay.start(started))


@pytest.mark.parametrize("version", [V16, V201, V21])
def test_each_connectors_status_is_replayed_in_the_words_of_the_version(version):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    connectors = [
        SimpleNamespace(evse_id=number, connector_id=number, status="Available", status_at=at, info=None,
                        error_code=None if version.is_2x else "NoError", vendor_error_code=None)
        for number in (1, 2)
    ]  # fmt: skip
    payloads = replay.statuses(connectors, is_2x=version.is_2x)
    assert len(payloads) == 2
    for payload in payloads:
        validate_call(version, "StatusNotification", payload)
        assert payload["timestamp"] == "2026-01-01T00:00:00Z"
    assert replay.statuses(connectors, is_2x=not version.is_2x) == [], "of another version of the past"


@given(failure=st.integers(1, 10_000), chance=st.floats(0, 1))
def test_pauses_grow_to_five_minutes_with_jitter(failure, chance):
    pause = patience.reconnect_pause(failure, chance)
    assert 0.5 <= pause <= 300
    assert pause <= patience.reconnect_pause(failure + 1, chance)
    assert patience.reconnect_pause(failure, 0) < patience.reconnect_pause(failure, 1)


def test_a_refused_transaction_message_goes_out_three_times():
    pauses = [patience.pause_after_refusal(attempts) for attempts in (1, 2, 3)]
    assert pauses[2] is None
    assert pauses[0] is not None
    assert pauses[1] is not None
    assert pauses[0] < pauses[1]


@given(interval=st.integers(-(2**31), 2**31 - 1))
def test_an_operators_interval_is_kept_within_reason(interval):
    assert 1 <= patience.heartbeat_seconds(interval) <= 86_400
    assert 1 <= patience.boot_again_seconds(interval) <= 3600


def test_what_is_no_failure_has_its_reason_too():
    assert RULES.offline == failures.OFFLINE
    assert RULES.boot_pending == failures.BOOT_PENDING


def test_every_failure_has_its_sentence():
    details = dict.fromkeys(
        ("host", "port", "detail", "seconds", "user", "path", "status", "version", "domain", "action"), "x"
    )
    for kind in failures._SENTENCES:
        text = RULES.sentence(kind, details)
        assert "{" not in text
        assert kind in {"address", "private"} or text.endswith(".")
