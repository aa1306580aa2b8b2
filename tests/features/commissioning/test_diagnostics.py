"""REF "Get diagnostics" out of what a charge point told: 1.6 §9, 2.x Part 2 appendices. What was not told is None."""

import dataclasses
import datetime
from typing import Any

import pytest

from sliproad.features.charge_points.live_model import ConnectorStatus, LiveState
from sliproad.features.commissioning.diagnostics import Told, diagnose, round_trips
from sliproad.features.commissioning.diagnostics_wire import (
    KEYS_16,
    VARIABLES_2X,
    all_keys,
    base_report,
    keys_told,
    some_keys,
    some_variables,
    variables_told,
)
from sliproad.features.device_model.model import Variable
from sliproad.ocpp.validation import validate_call
from sliproad.ocpp.versions import OcppVersion

NOW = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)
SILENT = LiveState(
    **{field.name: None for field in dataclasses.fields(LiveState)}
    | {"charge_point_key": 1, "connected": False, "epoch": 0}  # type: ignore[arg-type]
)


def variable(name: str, value: str | None, component: str = "", *, read_only: bool = False, **place: Any) -> Variable:
    where = {"component_instance": "", "evse_id": 0, "connector_id": 0, "variable_instance": "", "attribute": "Actual"}
    return Variable(
        component=component,
        variable=name,
        value=value,
        mutability="ReadOnly" if read_only else "ReadWrite",
        characteristics=None,
        request_id=None,
        reported_at=NOW,
        received_at=NOW,
        **where | place,
    )


def told(version: str | None, *variables: Variable, **live: Any) -> Told:
    state = dataclasses.replace(SILENT, protocol_version=version, **live)
    return Told(state, (), variables, (), 0, None)


def found(version: str | None, *variables: Variable, **live: Any) -> Any:
    return diagnose(told(version, *variables, **live))


@pytest.mark.parametrize("version", [None, "1.6", "2.0.1", "2.1"])
def test_of_a_silent_charge_point_nothing_is_known(version):
    known = dataclasses.asdict(found(version))
    assert known["connection"].pop("round_trips").pop("count") == 0
    assert known["connection"].pop("reconnects_last_hour") == 0
    assert known["connection"].pop("connected") is False
    assert known["ocpp"].pop("version") == version
    assert known.pop("configuration_readonly_keys") is None
    assert {value for part in known.values() for value in part.values()} == {None}


def test_keys_of_16():
    known = found(
        "1.6",
        variable("SupportedFeatureProfiles", "Core, FirmwareManagement,,RemoteTrigger", read_only=True),
        variable("NumberOfConnectors", "2", read_only=True),
        variable("HeartbeatInterval", "300"),
        meter_type="MID certified",
        boot_vendor="ABB",
        firmware_version="3.8.2",
    )
    assert known.ocpp.supported_features == ("Core", "FirmwareManagement", "RemoteTrigger")
    assert (known.hardware.connectors, known.hardware.meter_type) == (2, "MID certified")
    assert (known.firmware.vendor, known.firmware.version, known.firmware.last_updated) == ("ABB", "3.8.2", None)
    assert known.configuration_readonly_keys == ("NumberOfConnectors", "SupportedFeatureProfiles")
    assert (known.network.interface, known.network.ip_address, known.hardware.rcd_present) == (None, None, None)


@pytest.mark.parametrize(
    ("key", "value", "place", "expected"),
    [
        ("SignalStrength", "-71 dBm", ("network", "signal_strength"), -71.0),
        ("Modem-RSSI", "23", ("network", "signal_strength"), 23.0),
        ("RSSI", "unknown", ("network", "signal_strength"), None),
        ("RSSI", "", ("network", "signal_strength"), None),
        ("Local_IP_Address", "10.0.0.7", ("network", "ip_address"), "10.0.0.7"),
        ("NetworkInterface", "ethernet", ("network", "interface"), "ethernet"),
        ("NTPSynced", "True", ("network", "ntp_synced"), True),
        ("DnsOk", "0", ("network", "dns_resolution_ok"), False),
        ("RcdPresent", "perhaps", ("hardware", "rcd_present"), None),
        ("RcdPresent", "yes", ("hardware", "rcd_present"), True),
        ("NumberOfConnectors", "two", ("hardware", "connectors"), None),
    ],
)
def test_vendors_keys_of_16_are_read_where_their_name_says_what_they_hold(key, value, place, expected):
    known = found("1.6", variable(key, value))
    assert getattr(getattr(known, place[0]), place[1]) == expected


def test_connectors_are_counted_by_their_reports_where_no_key_tells():
    """1.6's connector 0 is the charge point itself."""
    reports = [ConnectorStatus(number, number, "Available", None, None, None, NOW, NOW, 1) for number in (0, 1, 2)]
    known = diagnose(dataclasses.replace(told("1.6"), connectors=reports))
    assert known.hardware.connectors == 2


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_the_device_model_of_2x(version):
    known = found(
        version,
        variable("Available", "true", "SmartChargingCtrlr"),
        variable("available", "TRUE", "localauthlistctrlr"),
        variable("Available", "false", "ReservationCtrlr"),
        variable("FileTransferProtocols", "HTTP,HTTPS", "OCPPCommCtrlr", read_only=True),
        variable("ActiveNetworkProfile", "1", "OCPPCommCtrlr", read_only=True),
        variable("OcppInterface", "Wireless0", "NetworkConfiguration", component_instance="0"),
        variable("OcppInterface", "Wired0", "NetworkConfiguration", component_instance="1"),
        variable("NetworkAddress", "192.168.1.101", "DataLink"),
        variable("SignalStrength", "-83", "DataLink"),
        variable("Tripped", "false", "RCD", evse_id=1),
        variable("Available", "true", "Connector", evse_id=1, connector_id=1),
        variable("Available", "true", "Connector", evse_id=2, connector_id=1),
        variable("ItemsPerMessage", "5", "DeviceDataCtrlr", read_only=True, variable_instance="GetReport"),
        variable("Model", "EM340", "FiscalMetering"),
    )
    features = ("Core", "FirmwareManagement", "LocalAuthListManagement", "SmartCharging")
    assert known.ocpp.supported_features == features
    assert (known.network.interface, known.network.ip_address) == ("ethernet", "192.168.1.101")
    assert known.network.signal_strength == -83
    assert (known.hardware.connectors, known.hardware.meter_type, known.hardware.rcd_present) == (2, "EM340", True)
    assert known.configuration_readonly_keys == (
        "DeviceDataCtrlr.ItemsPerMessage/GetReport",
        "OCPPCommCtrlr.ActiveNetworkProfile",
        "OCPPCommCtrlr.FileTransferProtocols",
    )


def test_an_rcd_that_is_said_to_be_absent_is_absent():
    assert found("2.1", variable("Available", "false", "RCD")).hardware.rcd_present is False


def test_round_trips():
    assert dataclasses.astuple(round_trips([])) == (0, None, None, None, None)
    assert dataclasses.astuple(round_trips([12.04])) == (1, 12.0, 12.0, 12.0, 12.0)
    durations = [5.0, *map(float, range(1, 101))]
    assert dataclasses.astuple(round_trips(durations)) == (101, 50.0, 95.0, 100.0, 5.0)


@pytest.mark.parametrize("version", list(OcppVersion))
def test_what_is_asked_is_valid(version):
    if version.is_2x:
        validate_call(version, "GetBaseReport", base_report(7))
        validate_call(version, "GetVariables", some_variables(VARIABLES_2X))
    else:
        validate_call(version, "GetConfiguration", all_keys())
        validate_call(version, "GetConfiguration", some_keys(KEYS_16))


def test_answers_are_read_and_unknown_variables_passed_over():
    keys = [{"key": "A", "readonly": False, "value": "1"}, {"key": "B", "readonly": True}]
    assert [(told.variable, told.value, told.mutability) for told in keys_told({"configurationKey": keys})] == [
        ("A", "1", "ReadWrite"),
        ("B", None, "ReadOnly"),
    ]
    component = {"name": "SecurityCtrlr"}
    results = [
        {"attributeStatus": "Accepted", "component": component, "variable": {"name": name}, "attributeValue": "x"}
        for name in ("OrganizationName", "Identity")
    ]
    results.append({"attributeStatus": "UnknownVariable", "component": component, "variable": {"name": "B"}})
    values = variables_told({"getVariableResult": results})
    assert [(told.variable, told.value) for told in values] == [("OrganizationName", "x"), ("Identity", "x")]
