"""Many virtual charge points in one process: for the command line, the demo and load tests."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live

from sliproad.simulator.charger import VirtualCharger
from sliproad.simulator.events import ChargerEvent
from sliproad.simulator.scenarios import SCENARIOS, Scenario
from sliproad.simulator.settings import ChargerSettings, Version
from sliproad.simulator.table import live_table

DRAWINGS_PER_SECOND = 4
START_SPREAD_SECONDS = 0.01


async def run_fleet(
    settings: Sequence[ChargerSettings],
    scenario: Scenario | str,
    on_change: Callable[[VirtualCharger, ChargerEvent], None] | None = None,
    on_ready: Callable[[Sequence[VirtualCharger]], None] | None = None,
) -> None:
    """Switch on a charger for each of `settings`, let the scenario play on each, until cancelled; then switch all off.

    `on_ready` gets the chargers once they are switched on, `on_change` every event of each.

    Raises:
        ExceptionGroup: a charger failed, e.g. with LedgerInUseError.
    """
    play = SCENARIOS[scenario] if isinstance(scenario, str) else scenario
    chargers = [VirtualCharger(one) for one in settings]
    for charger in chargers if on_change is not None else ():
        charger.events.subscribe(lambda event, charger=charger: on_change(charger, event))  # type: ignore[misc]
    if on_ready is not None:
        on_ready(chargers)
    async with asyncio.TaskGroup() as tasks:
        for number, charger in enumerate(chargers):
            tasks.create_task(_play(charger, play, number * START_SPREAD_SECONDS))


async def _play(charger: VirtualCharger, play: Scenario, delay_seconds: float) -> None:
    await asyncio.sleep(delay_seconds)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(charger.run())
        tasks.create_task(play(charger))


async def simulate(  # noqa: PLR0917 - the order of the command line
    url: str,
    version: Version,
    identity: str,
    password: str | None,
    count: int = 1,
    scenario: str = "idle",
    *,
    ledger_dir: Path | None = None,
    connectors: int = 1,
    time_scale: float = 1.0,
    faults: frozenset[str] = frozenset(),
    console: Console | None = None,
) -> None:
    """Run `count` chargers with a live table until interrupted; with more than one they are `{identity}-001` and on.

    Their ledgers are kept in `ledger_dir`, `./.sliproad/simulator` if none is given, and gone on with next time.
    """
    directory = ledger_dir or Path(".sliproad/simulator")
    names = [identity] if count == 1 else [f"{identity}-{number:03d}" for number in range(1, count + 1)]
    settings = [
        ChargerSettings(
            url=url,
            identity=name,
            password=password,
            version=version,
            connectors=connectors,
            time_scale=time_scale,
            faults=faults,
            ledger_path=directory / f"{version}-{name.replace('*', '+')}.jsonl",
            seed=secrets.randbits(64),  # a deleted ledger must not bring old transaction ids back
        )
        for name in names
    ]
    chargers: list[VirtualCharger] = []
    with Live(console=console or Console(), auto_refresh=False) as live:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_draw(live, chargers))
            await run_fleet(settings, scenario, on_ready=chargers.extend)


async def _draw(live: Live, chargers: list[VirtualCharger]) -> None:
    while True:
        live.update(live_table([charger.state for charger in chargers]), refresh=True)
        await asyncio.sleep(1 / DRAWINGS_PER_SECOND)
