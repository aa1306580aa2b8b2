"""The reference's two templates, and which one a model gets (contract §3)."""

import pytest
from ocpp.v16.enums import ConfigurationKey

from sliproad.features.commissioning.templates import DC_RAPID, SHIPPED, STANDARD_AC, by_id, default_for


def test_the_templates_of_the_reference_ship_as_printed_there():
    assert [(one.template_id, one.name, one.steps) for one in SHIPPED] == [
        (
            "tpl_standard_ac_22kw",
            "Standard AC 22kW",
            ("connectivity", "heartbeat", "configuration", "test_transaction"),
        ),
        (
            "tpl_dc_rapid_50kw",
            "DC Rapid 50kW",
            ("connectivity", "heartbeat", "configuration", "connector_test", "test_transaction"),
        ),
    ]


@pytest.mark.parametrize("template", SHIPPED, ids=lambda one: one.template_id)
def test_each_sets_real_keys_with_reasons_for_both_families(template):
    keys = [one.key for one in template.settings if one.key]
    labels = [one.variable.label for one in template.settings if one.variable]
    assert len(keys) == len(set(keys)) == 12
    assert len(labels) == len(set(labels)) >= 12
    assert set(keys) <= {one.value for one in ConfigurationKey}
    assert all(one.reason and len(one.value) <= 500 for one in template.settings)
    assert "ReserveConnectorZeroSupported" in keys


@pytest.mark.parametrize(
    ("vendor", "model", "power", "template"),
    [
        ("ABB", "Terra AC W22-G5", 22.0, STANDARD_AC),
        ("x", "schneider evlink PRO ac", 300.0, STANDARD_AC),
        ("Tritium", "PKM75", None, DC_RAPID),
        ("Alpitronic", "Alpitronic HYC300", 300.0, DC_RAPID),
        ("x", "y", 43.0, STANDARD_AC),
        ("x", "y", None, STANDARD_AC),
    ],
)
def test_the_default_is_chosen_by_the_model_else_by_power(vendor, model, power, template):
    assert default_for(vendor, model, power) is template


def test_an_unknown_template_is_none():
    assert by_id("tpl_none") is None
    assert by_id("tpl_dc_rapid_50kw") is DC_RAPID
