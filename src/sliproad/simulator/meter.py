"""The electricity of one connector: a vehicle that draws power and the meter that counts it.

Pure: driven by `advance`, which `station` calls with the seconds that went by.
"""

import random
from dataclasses import dataclass

from sliproad.simulator.settings import ChargerSettings

MAINS_VOLTS = 230.0
PHASES = 3
DC_FROM_W = 43_001  # above this a charger is taken to be a DC one, with 400 V at the plug
DC_VOLTS = 400.0
RAMP_SECONDS = 5.0
TAPER_FROM_PERCENT = 80.0
STEP_SECONDS = 30.0
IMPORT_REGISTER = "Energy.Active.Import.Register"
MEASURANDS = (IMPORT_REGISTER, "Power.Active.Import", "Current.Import", "Voltage", "Frequency", "SoC")


@dataclass(frozen=True)
class Reading:
    """What a meter shows at one moment: Wh, W, V and A per phase (one phase for DC), Hz, and a DC car's charge."""

    register_wh: int
    power_w: float
    volts: tuple[float, ...]
    amperes: tuple[float, ...]
    hertz: float
    soc_percent: float | None


@dataclass
class Vehicle:
    """A car's battery: charges at full power up to 80 %, then ever slower, and stops when full."""

    battery_wh: int
    charge_wh: float
    connected_seconds: float = 0.0

    @property
    def soc_percent(self) -> float:
        """State of charge."""
        return 100.0 * self.charge_wh / self.battery_wh

    def power_w(self, offered_w: float) -> float:
        """What the car takes of what it is offered."""
        if self.charge_wh >= self.battery_wh:
            return 0.0
        ramp = min(1.0, (self.connected_seconds + 1.0) / RAMP_SECONDS)
        headroom = (100.0 - self.soc_percent) / (100.0 - TAPER_FROM_PERCENT)
        return offered_w * ramp * max(0.08, min(1.0, headroom))


class Meter:
    """A connector's energy register. It only rises, unless its `direction` is -1 (a fault)."""

    def __init__(self, settings: ChargerSettings, register_wh: float, rng: random.Random, direction: int = 1) -> None:
        self.register_wh = register_wh
        self.charging: Vehicle | None = None
        self._settings = settings
        self._rng = rng
        self._direction = direction

    def advance(self, seconds: float) -> None:
        """Let `seconds` of the vehicle's time go by."""
        vehicle = self.charging
        while vehicle is not None and seconds > 0:
            step = min(seconds, STEP_SECONDS)
            energy_wh = min(
                vehicle.power_w(self._settings.max_power_w) * step / 3600.0, vehicle.battery_wh - vehicle.charge_wh
            )
            vehicle.connected_seconds += step
            vehicle.charge_wh += energy_wh
            self.register_wh += self._direction * energy_wh
            seconds -= step

    @property
    def power_w(self) -> float:
        """What flows now."""
        return 0.0 if self.charging is None else round(self.charging.power_w(self._settings.max_power_w), 1)

    def reading(self) -> Reading:
        """What the meter shows now. An idle connector shows voltage and no current."""
        is_dc = self._settings.max_power_w >= DC_FROM_W
        nominal, phases = (DC_VOLTS, 1) if is_dc else (MAINS_VOLTS, PHASES)
        volts = tuple(round(nominal * self._rng.uniform(0.985, 1.015), 1) for _ in range(phases))
        power_w = self.power_w
        soc = self.charging.soc_percent if self.charging is not None and is_dc else None
        return Reading(
            register_wh=int(self.register_wh),
            power_w=power_w,
            volts=volts,
            amperes=tuple(round(power_w / phases / volt, 2) for volt in volts),
            hertz=round(self._rng.uniform(49.97, 50.03), 2),
            soc_percent=None if soc is None else round(soc, 1),
        )
