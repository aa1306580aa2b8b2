"""What virtual charge points do by themselves: named coroutines that work on one charger until they are cancelled.

`fleet` runs one for each charger; `sliproad simulate --scenario` names it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from sliproad.simulator.charger import VirtualCharger
from sliproad.simulator.sessions import ChargingRefusedError

Scenario = Callable[[VirtualCharger], Coroutine[Any, Any, None]]

TOKENS = tuple(f"RFID{number:04d}" for number in range(1, 51))
DAY_PAUSE_SECONDS = (5.0, 60.0)
DAY_CHARGE_SECONDS = (30.0, 300.0)
STORM_PAUSE_SECONDS = (0.0, 0.2)
STORM_CHARGE_SECONDS = (0.5, 2.0)


async def idle(charger: VirtualCharger) -> None:
    """Connected, with no cars."""
    await charger.wait_until_connected()
    await asyncio.Event().wait()


async def commissioning(charger: VirtualCharger) -> None:
    """Fresh from the box: waits to be commissioned; a car comes when a remote start asks for one."""
    charger.settings.vehicle = "auto"
    await idle(charger)


async def charging_day(charger: VirtualCharger) -> None:
    """Drivers come and go on each connector, minutes apart."""
    await _drivers(charger, DAY_PAUSE_SECONDS, DAY_CHARGE_SECONDS)


async def storm(charger: VirtualCharger) -> None:
    """Short local sessions one after the other on every connector, as fast as the server allows, online or not."""
    await _drivers(charger, STORM_PAUSE_SECONDS, STORM_CHARGE_SECONDS)


async def _drivers(charger: VirtualCharger, pause: tuple[float, float], charge: tuple[float, float]) -> None:
    charger.settings.free_vend = True  # no CSMS needs to know these drivers' tokens
    await charger.wait_until_connected()
    async with asyncio.TaskGroup() as drivers:
        for number in charger.station.connectors:
            drivers.create_task(_drive(charger, number, pause, charge))


async def _drive(charger: VirtualCharger, number: int, pause: tuple[float, float], charge: tuple[float, float]) -> None:
    rng = charger.station.rng
    while True:
        await asyncio.sleep(rng.uniform(*pause))
        try:
            await charger.start_charging(number, rng.choice(TOKENS))
            await asyncio.sleep(rng.uniform(*charge))
            await charger.stop_charging(number)
        except ChargingRefusedError:
            await asyncio.sleep(pause[1])  # taken by a remote start, out of order, or the token is not welcome
        finally:
            if charger.station.connectors[number].transaction is None:
                await charger.unplug(number)


SCENARIOS: dict[str, Scenario] = {
    "idle": idle,
    "charging-day": charging_day,
    "commissioning": commissioning,
    "storm": storm,
}
