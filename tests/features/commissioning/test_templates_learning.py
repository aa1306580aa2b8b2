"""What a charge point teaches: only what can be written and suits another; secrets never (issue 3 part 2). And default by model."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sliproad.features.commissioning.drift import Known, compare
from sliproad.features.commissioning.templates import (
    DC_RAPID,
    STANDARD_AC,
    Setting,
    Template,
    Variable,
    default_for,
    firmware_order,
)
from sliproad.features.commissioning.templates_answers import offered_answer
from sliproad.features.commissioning.templates_definition import definition_of, template_of
from sliproad.features.commissioning.templates_learning import is_sensible, learn
from sliproad.features.commissioning.templates_service import Offered


@pytest.mark.parametrize(
    ("place", "sensible"),
    [
        ("MeterValueSampleInterval", True),
        ("StopTransactionOnInvalidId", True),
        ("LightIntensity", True),
        ("AuthorizationKey", False),
        ("WifiPassword", False),
        ("CentralSystemURL", False),
        ("ChargePointSerialNumber", False),
        ("ConnectorPhaseRotation", False),
        ("NumberOfConnectors", False),
        (Variable("TxCtrlr", "StopTxOnInvalidId"), True),
        (Variable("OCPPCommCtrlr", "HeartbeatInterval"), True),
        (Variable("SecurityCtrlr", "BasicAuthPassword"), False),
        (Variable("SecurityCtrlr", "Identity"), False),
        (Variable("SecurityCtrlr", "OrganizationName"), False),
        (Variable("OCPPCommCtrlr", "NetworkConfigurationPriority"), False),
        (Variable("ClockCtrlr", "DateTime"), False),
    ],
)
def test_what_suits_another_charge_point(place, sensible):
    assert is_sensible(place) is sensible


def test_read_only_hidden_and_empty_settings_teach_nothing():
    known = {
        "MeterValueSampleInterval": Known("30"),
        "GetConfigurationMaxKeys": Known("20", is_read_only=True),
        "BlinkRepeat": Known(None),
        "LightIntensity": Known(" "),
        "MinimumStatusDuration": Known("v" * 501),
    }
    (setting,) = learn("1.6", known, "CP-1")
    assert (setting.key, setting.value) == ("MeterValueSampleInterval", "30")
    assert setting.reason.startswith("A meter value a minute"), "a known key keeps its reason"


def a_template(**changes) -> Template:
    return replace(STANDARD_AC, template_id="tpl_own", organization_id="org_1", **changes)


@pytest.mark.parametrize(
    ("models", "vendor", "model", "is_own"),
    [
        (("HYC300",), "Alpitronic", "HYC300", True),
        (("alpitronic hyc*",), "Alpitronic", "HYC300", True),
        (("HYC?00",), "Alpitronic", "HYC300", True),
        (("HYC?00",), "Alpitronic", "HYC1500", False),
        (("PKM75",), "Tritium", "PKM75", True),
        (("[HYC]*",), "Alpitronic", "HYC300", False),
        ((), "Alpitronic", "HYC300", False),
    ],
)
def test_an_organisations_own_template_comes_before_the_shipped_ones(models, vendor, model, is_own):
    own = a_template(compatible_models=models)
    assert (default_for(vendor, model, 22.0, [own]) is own) is is_own


def test_of_several_the_most_exact_and_then_the_newest_wins():
    broad, narrow, exact, older = (
        a_template(compatible_models=(models,)) for models in ("*", "HYC*", "HYC300", "HYC300")
    )
    assert default_for("Alpitronic", "HYC300", None, [broad, narrow, exact, older]) is exact
    assert default_for("Alpitronic", "HYC50", None, [broad, narrow]) is narrow


@pytest.mark.parametrize(
    ("older", "newer"),
    [("3.9", "3.10"), ("v1.8", "1.8.1"), ("3.2.0", "3.2.1"), ("2.9.9", "3"), ("1.0-beta2", "1.0-beta10")],
)
def test_versions_sort_as_people_read_them(older, newer):
    assert firmware_order(older) < firmware_order(newer)
    assert firmware_order("3.2") == firmware_order("v3.2.0")


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_two_versions_can_be_compared(one, other):
    assert (firmware_order(one) < firmware_order(other)) or (firmware_order(one) >= firmware_order(other))


@pytest.mark.parametrize("template", [STANDARD_AC, DC_RAPID])
def test_a_definition_gives_the_template_back(template):
    assert template_of(definition_of(template)) == template


def test_secrets_are_masked_where_templates_and_comparisons_are_shown():
    """Templates can't hold any; if one ever did, nobody would read it here."""
    secret = Setting("hunter2", "why", key="AuthorizationKey", variable=Variable("SecurityCtrlr", "BasicAuthPassword"))
    template = replace(STANDARD_AC, settings=(secret,))
    (one,) = compare(template, "1.6", {"AuthorizationKey": Known("before")})
    assert (one.wanted, one.found, one.status) == ("***", "***", "would_change")
    answer = offered_answer(Offered(template)).model_dump(by_alias=True)["configuration"]
    assert [one["value"] for version in ("1.6", "2.0.1", "2.1") for one in answer[version]] == ["***"] * 3


def test_a_comparison_tells_each_key_apart():
    template = replace(STANDARD_AC, settings=tuple(Setting("1", "why", key=key) for key in "ABCDE"))
    known = {"A": Known("1"), "B": Known("2"), "C": Known("2", is_read_only=True)}
    found = compare(template, "1.6", known, unsupported=["D"])
    assert [(one.key, one.status) for one in found] == [
        ("A", "equal"),
        ("B", "would_change"),
        ("C", "read_only"),
        ("D", "unsupported"),
        ("E", "unknown"),
    ]
