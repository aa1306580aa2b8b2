"""The virtual electricity obeys physics: energy is power by time, the register rises, batteries get full."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sliproad.simulator import ChargerSettings
from sliproad.simulator.meter import Meter, Vehicle


def a_meter(*, max_power_w: int = 22_000, direction: int = 1) -> Meter:
    settings = ChargerSettings(
        url="ws://x", identity="A", version="1.6", ledger_path=Path("unused"), max_power_w=max_power_w
    )
    return Meter(settings, 100_000.0, random.Random(1), direction)


def test_an_idle_connector_has_voltage_and_no_current() -> None:
    reading = a_meter().reading()
    assert all(225 <= volts <= 235 for volts in reading.volts)
    assert reading.amperes == (0.0, 0.0, 0.0)
    assert reading.power_w == 0.0


def test_an_hour_at_22_kw_is_22_kwh() -> None:
    meter = a_meter()
    meter.charging = Vehicle(75_000, 10_000.0)
    meter.advance(3600)
    assert meter.register_wh - 100_000 == pytest.approx(22_000, rel=0.01)


@pytest.mark.parametrize(("max_power_w", "phases", "volts"), [(22_000, 3, 230), (50_000, 1, 400)])
def test_current_and_voltage_agree_with_the_power(max_power_w: int, phases: int, volts: int) -> None:
    meter = a_meter(max_power_w=max_power_w)
    meter.charging = Vehicle(75_000, 10_000.0)
    meter.advance(60)
    reading = meter.reading()
    assert len(reading.volts) == phases
    assert all(abs(one - volts) < volts * 0.02 for one in reading.volts)
    product = sum(volt * ampere for volt, ampere in zip(reading.volts, reading.amperes, strict=True))
    assert product == pytest.approx(reading.power_w, rel=0.001)
    assert (reading.soc_percent is None) == (phases == 3)


@given(st.lists(st.floats(0, 3600), max_size=20))
def test_the_register_never_falls_and_the_battery_never_overflows(steps: list[float]) -> None:
    meter = a_meter()
    vehicle = meter.charging = Vehicle(60_000, 20_000.0)
    registers = [meter.register_wh]
    for seconds in steps:
        meter.advance(seconds)
        registers.append(meter.register_wh)
    assert registers == sorted(registers)
    assert vehicle.charge_wh <= vehicle.battery_wh
    assert registers[-1] - registers[0] == pytest.approx(vehicle.charge_wh - 20_000, abs=0.001)


def test_a_full_battery_takes_nothing() -> None:
    meter = a_meter()
    meter.charging = Vehicle(60_000, 59_000.0)
    meter.advance(24 * 3600)
    assert meter.reading().power_w == 0.0
    assert meter.register_wh == pytest.approx(101_000)
