"""OCPP 1.6 §9: which key takes which value."""

from pathlib import Path

import pytest

from sliproad.simulator import ChargerSettings
from sliproad.simulator.configuration_16 import Configuration


def a_configuration(written: dict[str, str] | None = None) -> Configuration:
    settings = ChargerSettings(url="ws://x", identity="A", version="1.6", ledger_path=Path("unused"))
    return Configuration(settings, written or {})


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("HeartbeatInterval", "30", "Accepted"),
        ("HeartbeatInterval", "-1", "Rejected"),
        ("HeartbeatInterval", "soon", "Rejected"),
        ("HeartbeatInterval", "", "Rejected"),
        ("AuthorizeRemoteTxRequests", "TRUE", "Accepted"),
        ("AuthorizeRemoteTxRequests", "1", "Rejected"),
        ("MeterValuesSampledData", "Voltage,SoC", "Accepted"),
        ("MeterValuesSampledData", "", "Accepted"),
        ("MeterValuesSampledData", "Happiness", "Rejected"),
        ("LightIntensity", "101", "Rejected"),
        ("ConnectorPhaseRotation", "0.RST" * 101, "Rejected"),
        ("NumberOfConnectors", "9", "Rejected"),
        ("AuthorizationKey", "30313233343536373839616263646566", "Accepted"),
        ("AuthorizationKey", "short", "Rejected"),
        ("WebSocketPingInterval", "20", "RebootRequired"),
        ("ReserveConnectorZeroSupported", "true", "NotSupported"),
    ],
)
def test_writing(key: str, value: str, status: str) -> None:
    assert a_configuration().write(key, value) == status


def test_a_boolean_is_kept_in_small_letters() -> None:
    configuration = a_configuration()
    configuration.write("LocalPreAuthorize", "True")
    assert configuration["LocalPreAuthorize"] == "true"


def test_a_write_that_waits_for_a_reboot_shows_after_it() -> None:
    configuration = a_configuration()
    configuration.write("WebSocketPingInterval", "20")
    assert configuration["WebSocketPingInterval"] == "60"
    configuration.apply_reboot()
    assert configuration["WebSocketPingInterval"] == "20"


def test_what_was_written_before_is_there_and_unknown_leftovers_are_not() -> None:
    configuration = a_configuration({"HeartbeatInterval": "7", "GoneWithTheUpdate": "1"})
    assert configuration["HeartbeatInterval"] == "7"
    assert configuration.describe("GoneWithTheUpdate") is None
