"""What a payload is refused for and what is forgiven. OCPP-J 1.6 §4.2.3 table 7, OCPP 2.x Part 4 §4.3."""

import copy

import pytest

from sliproad.ocpp.errors import CallRefused
from sliproad.ocpp.leniences import Lenience
from sliproad.ocpp.validation import answer_may_be_empty, is_known, rules_of, validate_call, validate_result
from sliproad.ocpp.versions import OcppVersion

V16, V201, V21 = OcppVersion.V16, OcppVersion.V201, OcppVersion.V21
TIME = "2026-01-01T12:00:00Z"


def a_start(**fields):
    return {"connectorId": 1, "idTag": "TAG", "meterStart": 100, "timestamp": TIME, **fields}


def meter_values(*samples, timestamp=TIME, **fields):
    return {"connectorId": 1, "meterValue": [{"timestamp": timestamp, "sampledValue": list(samples)}], **fields}


def a_stop(*samples, **fields):
    return {"transactionId": 5, "meterStop": 200, "timestamp": TIME, **fields} | (
        {"transactionData": [{"timestamp": TIME, "sampledValue": list(samples)}]} if samples else {}
    )


def an_event(**fields):
    return {
        "eventType": "Updated",
        "timestamp": TIME,
        "triggerReason": "MeterValuePeriodic",
        "seqNo": 3,
        "transactionInfo": {"transactionId": "tx"},
        **fields,
    }


def status_16(**fields):
    return {"connectorId": 1, "errorCode": "NoError", "status": "Available", **fields}


def assert_refused(code, version, action, payload, *, tolerant=True, says=""):
    with pytest.raises(CallRefused) as caught:
        validate_call(version, action, payload, tolerant=tolerant)
    assert caught.value.code == code
    assert says in caught.value.description
    return caught.value.description


def assert_forgiven(lenience, version, action, payload, expected):
    received = copy.deepcopy(payload)
    assert validate_call(version, action, received, tolerant=True) == lenience
    assert received == expected


@pytest.mark.parametrize(
    ("version", "action", "payload"),
    [
        (V16, "StartTransaction", a_start()),
        (V16, "MeterValues", meter_values({"value": "1.5", "unit": "Wh"})),
        (V16, "StatusNotification", status_16(timestamp=TIME)),
        (V201, "TransactionEvent", an_event()),
        (V21, "TransactionEvent", an_event()),
        (V21, "Heartbeat", {}),
    ],
)
@pytest.mark.parametrize("tolerant", [True, False])
def test_a_good_payload_passes_untouched(version, action, payload, tolerant):
    before = copy.deepcopy(payload)
    assert validate_call(version, action, payload, tolerant=tolerant) == Lenience.NONE
    assert payload == before


@pytest.mark.parametrize(
    ("version", "action", "payload", "code", "says"),
    [
        (V16, "Coffee", {}, "NotImplemented", "not known"),
        (V21, "NotifyPeriodicEventStream", {}, "NotSupported", "type of message"),
        (V16, "BootNotification", {"chargePointModel": "m"}, "OccurenceConstraintViolation", "chargePointVendor is missing"),
        (V201, "BootNotification", {"reason": "PowerUp"}, "OccurrenceConstraintViolation", "chargingStation is missing"),
        (V16, "MeterValues", {"connectorId": 1, "meterValue": []}, "OccurenceConstraintViolation", "too few"),
        (
            V21,
            "NotifyEVChargingSchedule",
            {
                "evseId": 1,
                "timeBase": TIME,
                "chargingSchedule": {
                    "id": 1,
                    "chargingRateUnit": "A",
                    "chargingSchedulePeriod": [{"startPeriod": 0}] * 1025,
                },
            },
            "OccurrenceConstraintViolation",
            "too many",
        ),
        (V16, "StatusNotification", status_16(connectorId="1"), "TypeConstraintViolation", "connectorId: the type"),
        (V16, "StatusNotification", status_16(connectorId=1.5), "TypeConstraintViolation", "connectorId: the type"),
        (V16, "StatusNotification", status_16(connectorId=True), "TypeConstraintViolation", "connectorId: the type"),
        (V16, "StatusNotification", status_16(info=None), "TypeConstraintViolation", "info: the type"),
        (V16, "StatusNotification", status_16(extra=1), "FormationViolation", "does not have"),
        (V201, "Heartbeat", {"extra": 1}, "FormatViolation", "does not have"),
        (V16, "StatusNotification", status_16(status="Broken"), "PropertyConstraintViolation", "not one of those"),
        (V16, "StatusNotification", status_16(info="x" * 51), "PropertyConstraintViolation", "too long"),
        (V16, "StatusNotification", status_16(timestamp="noon"), "PropertyConstraintViolation", "no date-time"),
        (V16, "StatusNotification", status_16(connectorId=2**31), "PropertyConstraintViolation", "too large"),
        (V201, "NotifyReport", {"requestId": 1, "generatedAt": TIME, "seqNo": -(2**31) - 1}, "PropertyConstraintViolation", "too small"),
        (V16, "StartTransaction", a_start(timestamp="noon"), "PropertyConstraintViolation", "no date-time"),
        (V16, "StartTransaction", a_start(idTag=None), "TypeConstraintViolation", "idTag"),
        (V201, "TransactionEvent", an_event(seqNo=1e300), "PropertyConstraintViolation", "too large"),
    ],
)  # fmt: skip
def test_the_code_says_what_kind_of_wrong_it_is(version, action, payload, code, says):
    assert_refused(code, version, action, payload, says=says)


def test_a_description_names_the_place_but_no_value():
    secret = "hunter2"
    sample = {"value": "1", secret: secret}
    description = assert_refused("FormationViolation", V16, "MeterValues", meter_values(sample))
    assert description == "meterValue/0/sampledValue/0: there is a field the message does not have"
    payload = status_16(status=secret)
    assert secret not in assert_refused("PropertyConstraintViolation", V16, "StatusNotification", payload)


def test_a_message_wrong_in_twenty_thousand_places_is_refused_for_one():
    payload = {"connectorId": 1, "meterValue": [{} for _ in range(20_000)]}
    assert_refused("OccurenceConstraintViolation", V16, "MeterValues", payload, says="is missing")


@pytest.mark.parametrize(
    ("version", "action", "wrong", "right"),
    [
        (V16, "StatusNotification", status_16(connectorId=7.0), status_16(connectorId=7)),
        (V16, "StartTransaction", a_start(meterStart=1e6), a_start(meterStart=1_000_000)),
        (
            V201,
            "TransactionEvent",
            an_event(evse={"id": 1.0, "connectorId": 2}),
            an_event(evse={"id": 1, "connectorId": 2}),
        ),
    ],
)
def test_a_whole_number_with_a_fraction_of_zero_is_the_number(version, action, wrong, right):
    """RFC 8259 §6 knows one kind of number; the schemas of 1.6 are draft 4, those of 2.x draft 6."""
    assert_forgiven(Lenience.INTEGER_WITH_FRACTION, version, action, wrong, right)
    assert validate_call(version, action, wrong) == Lenience.INTEGER_WITH_FRACTION
    assert repr(wrong) == repr(right)


@pytest.mark.parametrize(
    ("version", "action", "payload"),
    [
        (V16, "StartTransaction", a_start()),
        (V16, "StopTransaction", a_stop()),
        (V16, "MeterValues", meter_values({"value": "1"})),
        (V201, "TransactionEvent", an_event()),
        (V201, "MeterValues", {"evseId": 1, "meterValue": [{"timestamp": TIME, "sampledValue": [{"value": 1}]}]}),
        (V21, "TransactionEvent", an_event()),
        (V16, "StatusNotification", status_16(timestamp=TIME)),
    ],
)
@pytest.mark.parametrize(
    "written", ["2026-01-01T12:00:00", "2026-01-01 12:00:00Z", "2026-01-01T13:00:00+0100", "2026-01-01T12:00Z"]
)
def test_a_readable_timestamp_is_no_reason_to_refuse(version, action, payload, written):
    def stamped(text):
        changed = copy.deepcopy(payload)
        where = changed if "timestamp" in changed else changed["meterValue"][0]
        where["timestamp"] = text
        return changed

    assert_forgiven(Lenience.TIMESTAMP, version, action, stamped(written), stamped(TIME))


def test_we_ourselves_write_timestamps_as_the_schema_says():
    payload = {"location": "https://a/b", "startTime": "2026-01-01T12:00:00"}
    assert_refused("PropertyConstraintViolation", V16, "GetDiagnostics", payload, tolerant=False)


def test_a_null_in_a_transaction_message_is_an_absent_field():
    assert_forgiven(Lenience.NULL_FIELD, V16, "StartTransaction", a_start(reservationId=None), a_start())
    assert_forgiven(
        Lenience.NULL_FIELD,
        V16,
        "MeterValues",
        meter_values({"value": "1", "unit": None}, transactionId=None),
        meter_values({"value": "1"}),
    )
    assert_forgiven(Lenience.NULL_FIELD, V201, "TransactionEvent", an_event(evse=None), an_event())


def test_a_null_in_a_list_or_in_a_required_field_is_a_wrong_type():
    assert_refused("TypeConstraintViolation", V16, "MeterValues", {"connectorId": 1, "meterValue": [None]})
    assert_refused("TypeConstraintViolation", V16, "MeterValues", {"connectorId": 1, "meterValue": None})
    assert_refused("TypeConstraintViolation", V16, "MeterValues", meter_values({"value": None}))


@pytest.mark.parametrize(("number", "text"), [(1, "1"), (1.5, "1.5"), (-0.25, "-0.25"), (1e20, "1e+20")])
def test_a_sample_written_as_a_number_is_its_decimal_text(number, text):
    """OCPP 1.6 §7.43: the value is a string."""
    right = meter_values({"value": text})
    assert_forgiven(Lenience.SAMPLE_AS_NUMBER, V16, "MeterValues", meter_values({"value": number}), right)


@pytest.mark.parametrize("value", ["", "n/a", "12,5", "1 230", "0x1F", "1e999"])
def test_a_sample_that_is_no_number_is_kept_and_flagged(value):
    payload = meter_values({"value": "1"}, {"value": value})
    assert_forgiven(Lenience.SAMPLE_UNREADABLE, V16, "MeterValues", payload, payload)


@pytest.mark.parametrize("value", ["NaN", "nan", "Infinity", "-Infinity", "inf", "1.#QNAN"])
def test_a_sample_that_is_not_finite_is_refused(value):
    says = "meterValue/0/sampledValue/0: the sampled value is not a decimal number"
    assert_refused("PropertyConstraintViolation", V16, "MeterValues", meter_values({"value": value}), says=says)
    mixed = meter_values({"value": "12,5"}, {"value": value})
    assert_refused("PropertyConstraintViolation", V16, "MeterValues", mixed)


def test_the_end_of_a_transaction_is_never_lost_for_a_sample():
    for value in ("NaN", "Infinity", "n/a"):
        payload = a_stop({"value": "1"}, {"value": value})
        assert_forgiven(Lenience.SAMPLE_UNREADABLE, V16, "StopTransaction", payload, payload)


def test_signed_meter_data_is_no_number():
    """OCPP 1.6 §7.43: format SignedData."""
    payload = meter_values({"value": "OCMF|{}|{}", "format": "SignedData"}, {"value": "NaN", "format": "SignedData"})
    assert_forgiven(Lenience.NONE, V16, "MeterValues", payload, payload)
    signed_and_late = meter_values({"value": "NaN", "format": "SignedData"}, timestamp="2026-01-01T12:00:00")
    assert validate_call(V16, "MeterValues", signed_and_late, tolerant=True) == Lenience.TIMESTAMP


def test_a_sample_without_value_or_with_one_of_no_kind_is_refused():
    assert_refused("OccurenceConstraintViolation", V16, "MeterValues", meter_values({"unit": "Wh"}))
    assert_refused("TypeConstraintViolation", V16, "MeterValues", meter_values({"value": True}))
    assert_refused("TypeConstraintViolation", V16, "MeterValues", meter_values({"value": ["1"]}))
    assert_refused("TypeConstraintViolation", V16, "MeterValues", {"connectorId": 1, "meterValue": {}})
    assert_refused("TypeConstraintViolation", V16, "MeterValues", {"connectorId": 1, "meterValue": [7]})


def test_strictly_nothing_of_this_is_forgiven():
    assert_refused("TypeConstraintViolation", V16, "MeterValues", meter_values({"value": 1}), tolerant=False)
    assert_refused("PropertyConstraintViolation", V16, "MeterValues", meter_values({"value": "x"}), tolerant=False)
    assert_refused("TypeConstraintViolation", V16, "StartTransaction", a_start(reservationId=None), tolerant=False)


def test_what_is_forgiven_adds_up_but_excuses_nothing_else():
    careless = meter_values(
        {"value": 1.25, "unit": None}, {"value": "?"}, timestamp="2026-01-01 12:00:00", connectorId=1.0
    )
    everything = (
        Lenience.TIMESTAMP
        | Lenience.INTEGER_WITH_FRACTION
        | Lenience.SAMPLE_AS_NUMBER
        | Lenience.SAMPLE_UNREADABLE
        | Lenience.NULL_FIELD
    )
    assert_forgiven(everything, V16, "MeterValues", careless, meter_values({"value": "1.25"}, {"value": "?"}))
    assert_refused("FormationViolation", V16, "MeterValues", meter_values({"value": "?"}, vendor="x"))


def test_an_open_object_may_hold_what_it_likes():
    """2.x Part 4 §9: CustomData."""
    custom = {"vendorId": "v", "anything": [None, 1.0, {"deep": "2026"}]}
    payload = an_event(customData=custom, timestamp="2026-01-01T12:00:00")
    assert_forgiven(Lenience.TIMESTAMP, V201, "TransactionEvent", payload, an_event(customData=custom))


def test_an_answer_is_checked_like_a_call():
    assert validate_result(V16, "Reset", {"status": "Accepted"}) == Lenience.NONE
    schedule = {"status": "Accepted", "connectorId": 1.0, "scheduleStart": "2026-01-01T12:00:00"}
    forgiven = Lenience.INTEGER_WITH_FRACTION | Lenience.TIMESTAMP
    assert validate_result(V16, "GetCompositeSchedule", schedule, tolerant=True) == forgiven
    with pytest.raises(CallRefused, match="PropertyConstraintViolation"):
        validate_result(V16, "Reset", {"status": "Perhaps"})
    with pytest.raises(CallRefused, match="NotImplemented"):
        validate_result(V16, "Coffee", {})
    with pytest.raises(CallRefused, match="NotSupported"):
        validate_result(V21, "NotifyPeriodicEventStream", {})


def test_a_send_is_checked_like_a_call():
    """2.1 Part 4 §4.2.4."""
    stream = {"id": 1.0, "pending": 0, "basetime": "2026-01-01T12:00:00", "data": [{"t": 0, "v": "1"}]}
    forgiven = Lenience.INTEGER_WITH_FRACTION | Lenience.TIMESTAMP
    assert rules_of(V21).check_send("NotifyPeriodicEventStream", stream) == forgiven


@pytest.mark.parametrize(
    ("version", "action", "empty"),
    [
        (V16, "StatusNotification", True),
        (V16, "MeterValues", True),
        (V16, "StopTransaction", True),
        (V16, "BootNotification", False),
        (V16, "Coffee", False),
        (V201, "NotifyReport", True),
        (V201, "TransactionEvent", True),
        (V201, "Authorize", False),
        (V21, "NotifyPeriodicEventStream", False),
    ],
)
def test_which_answers_may_be_empty(version, action, empty):
    assert answer_may_be_empty(version, action) is empty


def test_which_actions_are_known():
    assert is_known(V16, "SignCertificate")  # security whitepaper, edition 2
    assert is_known(V21, "NotifyPeriodicEventStream")
    assert not is_known(V16, "TransactionEvent")
    assert not is_known(V201, "heartbeat")


def test_a_keyword_the_schemas_do_not_use_today_is_a_wrong_value():
    """A later release of the schemas may use more keywords; it must not end as InternalError."""
    import jsonschema_rs

    from sliproad.ocpp.violations import refusal_of

    (complaint,) = jsonschema_rs.Draft6Validator({"not": {}}).iter_errors(1)
    refusal = refusal_of(complaint, V201)
    assert (refusal.code, refusal.description) == ("PropertyConstraintViolation", "payload: the value is not allowed")


def nested_without_end():
    value = []
    for _ in range(5000):
        value = [value]
    return value


@pytest.mark.parametrize(
    "payload",
    [
        {"vendorId": "v", "data": "\ud800"},
        {"vendorId": "v", "\ud800": 1},
        {"vendorId": "v", "data": nested_without_end()},
        {"vendorId": "v", "data": 10**400},
        {"vendorId": "v", 1: 2},
    ],
    ids=["surrogate", "surrogate in a key", "depth", "huge", "key"],
)
@pytest.mark.parametrize(("version", "code"), [(V16, "FormationViolation"), (V201, "FormatViolation")])
def test_what_can_not_be_written_is_not_for_sending(version, code, payload):
    """A payload of the command API comes from another JSON reader, which lets more pass."""
    assert_refused(code, version, "DataTransfer", payload, tolerant=False, says="written as JSON")
