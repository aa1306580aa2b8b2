"""What readings of a meter may look like, in numbers; `meter_calibration` asks for the verdict.

Voltages as EN 50160 and IEC 60038 have them: 230 V between phase and neutral, or 400 V between phases, ± 10 %. A DC output is
without voltage, or anywhere up to 1,000 V.
"""

import itertools
from collections.abc import Sequence

from sliproad.features.commissioning.model import Facts, Finish, ReadingFact
from sliproad.features.commissioning.templates import LARGEST_AC_KW
from sliproad.foundation.clock import rfc3339

AC_BANDS_V = ((207.0, 253.0), (360.0, 440.0))
DC_BANDS_V = ((0.0, 1000.0),)
IDLE_CURRENT_A = 0.5


def verdict(facts: Facts, evses: Sequence[int]) -> Finish:
    """Passed when every connector's readings are present, monotonic and plausible; else failed with what was wrong."""
    wrong: list[str] = []
    evidence = []
    for evse in evses:
        readings = sorted((one for one in facts.readings if one.connector_id == evse), key=lambda one: one.received_at)
        wrong += _problems(facts, evse, readings)
        evidence += [
            {
                "connector": evse,
                "at": rfc3339(one.received_at),
                "energy_wh": one.energy_wh,
                "voltage_v": one.voltage_v,
                "current_a": one.current_a,
                "in_transaction": one.in_transaction,
            }
            for one in dict.fromkeys((*readings[:1], *readings[-2:]))
        ]
    if wrong:
        return Finish("failed", f"{'. '.join(wrong)}. Check the meter and its wiring.", evidence={"readings": evidence})
    registers = ", ".join(
        f"{last.energy_wh / 1000:.3f} kWh at connector {evse}"
        for evse in evses
        if (last := _last_with_energy(facts.readings, evse)) is not None and last.energy_wh is not None
    )
    return Finish("passed", f"Meter readings are plausible: {registers}", evidence={"readings": evidence})


def _last_with_energy(readings: Sequence[ReadingFact], evse: int) -> ReadingFact | None:
    with_energy = [one for one in readings if one.connector_id == evse and one.energy_wh is not None]
    return max(with_energy, key=lambda one: one.received_at, default=None)


def _problems(facts: Facts, evse: int, readings: Sequence[ReadingFact]) -> list[str]:
    if not readings:
        return [f"Connector {evse} sent no meter readings when asked"]
    found: list[str] = []
    registers = [one.energy_wh for one in readings if one.energy_wh is not None]
    if not registers:
        found.append(f"Connector {evse} sends readings without its energy register")
    for before, after in itertools.pairwise(registers):
        if after < before:
            found.append(f"The energy register of connector {evse} fell from {before:.0f} Wh to {after:.0f} Wh")
            break
    bands = DC_BANDS_V if (facts.max_power_kw or 0) > LARGEST_AC_KW else AC_BANDS_V
    for volts in (one.voltage_v for one in readings if one.voltage_v is not None):
        if not any(low <= volts <= high for low, high in bands):
            found.append(f"Connector {evse} reports {volts:.0f} V, which no healthy supply has")
            break
    for amperes in (one.current_a for one in readings if one.current_a is not None and not one.in_transaction):
        if abs(amperes) > IDLE_CURRENT_A:
            found.append(f"Connector {evse} reports {amperes:.1f} A although nothing charges there")
            break
    return found
