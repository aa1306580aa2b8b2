"""OCPP 2.x B05–B08: finding, reading and writing variables."""

import pytest

from sliproad.simulator.device_model import DeviceModel, Variable
from sliproad.simulator.value_rules import is_boolean, is_unsigned


@pytest.fixture
def model() -> DeviceModel:
    variables = [
        Variable("OCPPCommCtrlr", "HeartbeatInterval", "300", is_unsigned, "integer"),
        Variable("OCPPCommCtrlr", "MessageAttempts", "3", is_unsigned, "integer", instance="TransactionEvent"),
        Variable("AuthCtrlr", "Enabled", "true", is_boolean, "boolean", needs_reboot=True),
        Variable("EVSE", "Available", "true", data_type="boolean", evse=2),
        Variable("SecurityCtrlr", "BasicAuthPassword", "", bool, write_only=True),
    ]
    return DeviceModel("2.0.1", variables, {"ocppcommctrlr///messageattempts/transactionevent": "5"})


@pytest.mark.parametrize(
    ("component", "variable", "attribute", "status"),
    [
        ({"name": "ocppcommctrlr"}, {"name": "HEARTBEATINTERVAL"}, None, "Accepted"),
        ({"name": "EVSE", "evse": {"id": 2}}, {"name": "Available"}, "Actual", "Accepted"),
        ({"name": "EVSE", "evse": {"id": 3}}, {"name": "Available"}, None, "UnknownVariable"),
        ({"name": "OCPPCommCtrlr"}, {"name": "MessageAttempts"}, None, "UnknownVariable"),
        ({"name": "Toaster"}, {"name": "Available"}, None, "UnknownComponent"),
        ({"name": "OCPPCommCtrlr"}, {"name": "HeartbeatInterval"}, "Target", "NotSupportedAttributeType"),
    ],
)
def test_finding(model: DeviceModel, component, variable, attribute, status) -> None:
    found, said = model.find(component, variable, attribute)
    assert said == status
    assert (found is not None) == (status == "Accepted")


def test_writing(model: DeviceModel) -> None:
    heartbeat, _ = model.find({"name": "OCPPCommCtrlr"}, {"name": "HeartbeatInterval"}, None)
    evse, _ = model.find({"name": "EVSE", "evse": {"id": 2}}, {"name": "Available"}, None)
    enabled, _ = model.find({"name": "AuthCtrlr"}, {"name": "Enabled"}, None)
    assert heartbeat is not None
    assert evse is not None
    assert enabled is not None
    assert model.write(heartbeat, "20") == "Accepted"
    assert model.write(heartbeat, "soon") == "Rejected"
    assert model.write(heartbeat, "1" * 1001) == "Rejected"
    assert model.write(evse, "false") == "Rejected"
    assert model.write(enabled, "FALSE") == "RebootRequired"
    assert (heartbeat.value, enabled.value) == ("20", "true")
    model.apply_reboot()
    assert enabled.value == "false"


def test_what_was_written_before_is_there(model: DeviceModel) -> None:
    assert model.value("OCPPCommCtrlr", "MessageAttempts", "TransactionEvent") == "5"


def test_inventories(model: DeviceModel) -> None:
    assert len(model.inventory("FullInventory")) == 5
    assert {variable.name for variable in model.inventory("ConfigurationInventory")} == {
        "HeartbeatInterval",
        "MessageAttempts",
        "Enabled",
        "BasicAuthPassword",
    }
    assert [variable.component for variable in model.inventory("SummaryInventory")] == ["EVSE"]


def test_a_password_is_reported_without_its_value(model: DeviceModel) -> None:
    (password,) = [variable for variable in model.variables.values() if variable.write_only]
    (attribute,) = password.report()["variable_attribute"]
    assert attribute["mutability"] == "WriteOnly"
    assert "value" not in attribute
