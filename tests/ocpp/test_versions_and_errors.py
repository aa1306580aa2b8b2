"""Versions, their subprotocols, their error codes, and who sends what."""

import pytest

from sliproad.ocpp.actions import is_transaction_message, sent_by_charge_point, sent_by_csms
from sliproad.ocpp.errors import CallRefused, ErrorCode, codes, wire_code
from sliproad.ocpp.validation import actions, is_known, rules_of
from sliproad.ocpp.versions import OcppVersion

V16, V201, V21 = OcppVersion.V16, OcppVersion.V201, OcppVersion.V21


@pytest.mark.parametrize(("version", "subprotocol"), [(V16, "ocpp1.6"), (V201, "ocpp2.0.1"), (V21, "ocpp2.1")])
def test_a_version_has_the_subprotocol_registered_for_it(version, subprotocol):
    """OCPP-J 1.6 §3.1.2, 2.x Part 4 §3.1.2."""
    assert version.subprotocol == subprotocol
    assert OcppVersion.from_subprotocol(subprotocol) is version


@pytest.mark.parametrize("text", ["ocpp2.0", "OCPP1.6", "", "ocpp1.5", "1.6"])
def test_other_subprotocols_are_not_spoken(text):
    assert OcppVersion.from_subprotocol(text) is None


def test_2x_is_what_shares_a_device_model():
    assert [version.is_2x for version in OcppVersion] == [False, True, True]


def test_the_error_codes_of_1_6_are_those_of_its_table_with_its_typing_errors():
    """OCPP-J 1.6 §4.2.3 table 7; the errata §5.1 keep them."""
    assert codes(V16) == {
        "NotImplemented",
        "NotSupported",
        "InternalError",
        "ProtocolError",
        "SecurityError",
        "FormationViolation",
        "PropertyConstraintViolation",
        "OccurenceConstraintViolation",
        "TypeConstraintViolation",
        "GenericError",
    }


@pytest.mark.parametrize("version", [V201, V21])
def test_the_error_codes_of_2_x_are_those_of_its_table(version):
    """OCPP 2.0.1 and 2.1 Part 4 §4.3."""
    assert codes(version) == {
        "FormatViolation",
        "GenericError",
        "InternalError",
        "MessageTypeNotSupported",
        "NotImplemented",
        "NotSupported",
        "OccurrenceConstraintViolation",
        "PropertyConstraintViolation",
        "ProtocolError",
        "RpcFrameworkError",
        "SecurityError",
        "TypeConstraintViolation",
    }


@pytest.mark.parametrize("version", list(OcppVersion))
def test_every_code_becomes_one_the_version_knows(version):
    assert {wire_code(code, version) for code in ErrorCode} == codes(version)
    assert wire_code("SomethingOfAVendor", version) == "GenericError"


@pytest.mark.parametrize(
    ("code", "in_16", "in_2x"),
    [
        ("FormatViolation", "FormationViolation", "FormatViolation"),
        ("OccurenceConstraintViolation", "OccurenceConstraintViolation", "OccurrenceConstraintViolation"),
        ("RpcFrameworkError", "GenericError", "RpcFrameworkError"),
        ("SecurityError", "SecurityError", "SecurityError"),
    ],
)
def test_a_code_is_spelled_as_the_version_spells_it(code, in_16, in_2x):
    assert (wire_code(code, V16), wire_code(code, V201), wire_code(code, V21)) == (in_16, in_2x, in_2x)


def test_a_description_fits_255_characters():
    """2.x Part 4 §4.2.3: string[255]."""
    refusal = CallRefused(ErrorCode.INTERNAL_ERROR, "x" * 300, {"a": 1})
    assert (refusal.code, len(refusal.description), refusal.details) == ("InternalError", 255, {"a": 1})
    assert CallRefused("NotSupported").details == {}


@pytest.mark.parametrize("version", list(OcppVersion))
def test_every_action_has_a_sender(version):
    for action in actions(version):
        assert sent_by_charge_point(version, action) or sent_by_csms(version, action)
    both = {a for a in actions(version) if sent_by_charge_point(version, a) and sent_by_csms(version, a)}
    assert both == {"DataTransfer"}


@pytest.mark.parametrize("version", list(OcppVersion))
def test_no_sender_is_named_for_an_action_that_does_not_exist(version):
    from sliproad.ocpp import actions as tables

    named = tables._FROM_CHARGE_POINT[version]
    assert {action for action in named if not is_known(version, action)} == set()


@pytest.mark.parametrize(
    ("version", "action", "charge_point", "csms"),
    [
        (V16, "BootNotification", True, False),
        (V16, "RemoteStartTransaction", False, True),
        (V201, "GetCertificateStatus", True, False),
        (V201, "GetVariables", False, True),
        (V21, "NotifyWebPaymentStarted", False, True),
        (V21, "OpenPeriodicEventStream", True, False),
        (V21, "DataTransfer", True, True),
    ],
)
def test_who_sends_an_action(version, action, charge_point, csms):
    assert (sent_by_charge_point(version, action), sent_by_csms(version, action)) == (charge_point, csms)


def test_which_messages_carry_a_transaction():
    """OCPP 1.6 §3.7, OCPP 2.x Part 2 E."""
    carried = {v: {a for a in actions(v) if is_transaction_message(v, a)} for v in OcppVersion}
    assert carried == {
        V16: {"StartTransaction", "StopTransaction", "MeterValues"},
        V201: {"TransactionEvent", "MeterValues"},
        V21: {"TransactionEvent", "MeterValues"},
    }


def test_the_numbers_of_actions_are_those_of_the_specifications():
    counts = {v: (len(actions(v)), len(rules_of(v).responses), len(rules_of(v).sends)) for v in OcppVersion}
    assert counts == {V16: (39, 39, 0), V201: (64, 64, 0), V21: (90, 90, 1)}
