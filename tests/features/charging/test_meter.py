"""Sampled values of 1.6 (§7.43) and 2.x (SampledValueType) as numbers."""

from decimal import Decimal
from typing import Any

import pytest

from sliproad.features.charging.meter import energy_register_wh, quantities

REGISTER = "Energy.Active.Import.Register"


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([{"value": "1234"}], "1234"),
        ([{"value": "1.5", "unit": "kWh"}], "1500"),
        ([{"value": "-5", "measurand": REGISTER}], "-5"),
        ([{"value": "7", "unit": "Wh", "location": "Inlet"}, {"value": "8"}], "8"),
        ([{"value": "7", "location": "Inlet"}], "7"),
        ([{"value": "1", "phase": "L1"}, {"value": "2", "phase": "L2"}, {"value": "4.5", "phase": "L3"}], "7.5"),
        ([{"value": "1", "phase": "L1"}, {"value": "9"}], "9"),
        ([{"value": "5", "measurand": "Voltage"}], None),
        ([{"value": "3030", "format": "SignedData"}], None),
        ([{"value": "NaN"}], None),
        ([{"value": "1e30"}], None),
        ([{"value": "١٢"}], None),
        ([{"value": 12.5}], "12.5"),
        ([{"value": 12, "unitOfMeasure": {"unit": "kWh"}}], "12000"),
        ([{"value": 12, "unitOfMeasure": {"multiplier": 3}}], "12000"),
        ([{"value": 12, "unitOfMeasure": {"multiplier": -1}}], "1.2"),
        ([{"value": 12, "unitOfMeasure": {"multiplier": 10**9}}], None),
        ([{"value": 1e300}], None),
        ([{"value": "."}], None),
        ([{"value": "5."}], "5"),
        ([{"value": ".5"}], "0.5"),
        ([{"value": "1.2.3"}], None),
        ([{"value": 5e-7}], "0.0000005"),
        ([], None),
    ],
)
def test_energy_register(samples: list[dict[str, Any]], expected: str | None) -> None:
    found = energy_register_wh(samples)
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert Decimal(found) == Decimal(expected)


def test_quantities_of_three_phases() -> None:
    samples = [
        {"value": f"{value}", "measurand": measurand, "phase": phase}
        for measurand, values in {"Current.Import": (10, 11, 9), "Voltage": (230, 228, 231)}.items()
        for phase, value in zip(("L1", "L2", "L3"), values, strict=True)
    ]
    samples.append({"value": "99", "measurand": "Current.Import", "phase": "N"})
    samples.append({"value": "6.9", "unit": "kW", "measurand": "Power.Active.Import", "context": "Trigger"})
    found = quantities(samples)
    assert (found.power_w, found.voltage_v, found.current_a) == (6900, 231, 11)
    assert (found.context, found.is_signed) == ("Trigger", False)
