"""Meter readings out of sampled values (pure): the energy register in Wh, and the quantities that people ask for.

Values of 1.6 are decimal texts with a `unit`; those of 2.x are numbers with `unitOfMeasure` and its power of ten. Absent
parts mean the default: Energy.Active.Import.Register, Wh, Outlet, Sample.Periodic, Raw (1.6 §7.43, 2.x SampledValueType).
Handlers call `energy_register_wh` for every message, `queries` calls `quantities` for what is read back.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sliproad.ocpp.samples import read_decimal

ENERGY_REGISTER = "Energy.Active.Import.Register"
LARGEST_REGISTER_WH = Decimal(10) ** 14  # 100 TWh: more is no register, and would not fit its column
_PHASES = frozenset({"L1", "L2", "L3"})
_KILO = {"kWh": 3, "kW": 3, "kvar": 3, "kVA": 3, "kvarh": 3, "kVAh": 3}
_PLAIN_LENGTH = 14
_LARGEST_PLAIN = 1e14
_LARGEST_MULTIPLIER = 24

Sample = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Quantities:
    """What a reading says, in W, V and A; None where it says nothing. Voltage and current are the highest of the phases."""

    power_w: Decimal | None
    voltage_v: Decimal | None
    current_a: Decimal | None
    context: str | None
    is_signed: bool


def energy_register_wh(samples: Iterable[Sample]) -> str | None:
    """The active import register in Wh as decimal text; None where no sample tells it.

    The register of all phases at the outlet wins; else any location's; else the sum of the phases.
    """
    phases: dict[str, Decimal] = {}
    elsewhere: str | None = None
    for sample in samples:
        if sample.get("measurand", ENERGY_REGISTER) != ENERGY_REGISTER:
            continue
        phase = sample.get("phase")
        if phase is None:
            energy = _register_text(sample)
            if energy is None:
                continue
            if sample.get("location", "Outlet") == "Outlet":
                return energy
            elsewhere = elsewhere or energy
        elif phase[:2] in _PHASES and (value := value_of(sample)) is not None:
            phases[phase[:2]] = value
    if elsewhere is None and phases:
        return _bounded(sum(phases.values(), Decimal(0)))
    return elsewhere


def _register_text(sample: Sample) -> str | None:
    """The register in Wh; plain numbers in Wh, the usual case, pass without arithmetic."""
    value = sample["value"]
    if type(value) is str:
        is_plain = len(value) <= _PLAIN_LENGTH and value.isascii() and value.replace(".", "", 1).isdigit()
        if is_plain and sample.get("unit", "Wh") == "Wh" and sample.get("format") != "SignedData":
            return value
    elif "unitOfMeasure" not in sample and -_LARGEST_PLAIN < value < _LARGEST_PLAIN:
        return repr(value)
    exact = value_of(sample)
    return None if exact is None else _bounded(exact)


def _bounded(value: Decimal) -> str | None:
    return str(value) if -LARGEST_REGISTER_WH < value < LARGEST_REGISTER_WH else None


def value_of(sample: Sample) -> Decimal | None:
    """The sample's number in the unit without its kilo; None for signed data and for what is no number."""
    value = sample["value"]
    if sample.get("format") == "SignedData":
        return None
    number = read_decimal(value if type(value) is str else repr(value))
    if number is None:
        return None
    measure = sample.get("unitOfMeasure")
    if measure is None:
        return number.scaleb(_KILO.get(sample.get("unit", "Wh"), 0))
    multiplier = measure.get("multiplier", 0)
    if not -_LARGEST_MULTIPLIER <= multiplier <= _LARGEST_MULTIPLIER:
        return None
    return number.scaleb(multiplier + _KILO.get(measure.get("unit", "Wh"), 0))


def quantities(samples: Iterable[Sample]) -> Quantities:
    """Power, voltage, current of a reading. Power is the whole or the sum of its phases; signed and other samples stay aside."""
    found: dict[str, list[tuple[str | None, Decimal]]] = {}
    context, is_signed = None, False
    for sample in samples:
        context = context or sample.get("context")
        is_signed = is_signed or sample.get("format") == "SignedData" or "signedMeterValue" in sample
        if (value := value_of(sample)) is not None:
            found.setdefault(sample.get("measurand", ENERGY_REGISTER), []).append((sample.get("phase"), value))
    return Quantities(
        power_w=_whole(found.get("Power.Active.Import", []), _total),
        voltage_v=_whole(found.get("Voltage", []), max),
        current_a=_whole(found.get("Current.Import", []), max),
        context=context,
        is_signed=is_signed,
    )


def _total(values: Iterable[Decimal]) -> Decimal:
    return sum(values, Decimal(0))


def _whole(values: list[tuple[str | None, Decimal]], combine: Callable[[Iterable[Decimal]], Decimal]) -> Decimal | None:
    """The value without phase, or the phases' combined; neutral and line-to-line readings don't count as phases of a sum."""
    if unphased := [value for phase, value in values if phase is None]:
        return unphased[0]
    phased = [value for phase, value in values if phase is not None and phase != "N"]
    return combine(phased) if phased else None
