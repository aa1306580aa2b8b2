"""Many chargers in one process, the scenarios and the live table."""

import asyncio
import io
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from simulator.conftest import QUICK
from simulator.csms import Csms
from sliproad.simulator import ChargerSettings, Ledger, LedgerInUseError, VirtualCharger
from sliproad.simulator.fleet import run_fleet, simulate
from sliproad.simulator.scenarios import SCENARIOS, Scenario
from sliproad.simulator.table import live_table


@pytest.fixture
def fleet_settings(csms: Csms, tmp_path: Path) -> Callable[[int], list[ChargerSettings]]:
    def make(count: int) -> list[ChargerSettings]:
        quick = QUICK | {"validate": False, "version": "1.6", "url": csms.url}
        return [
            ChargerSettings(**(quick | {"identity": f"CP-{number}", "ledger_path": tmp_path / f"{number}.jsonl"}))
            for number in range(count)
        ]

    return make


async def until_done(fleet: asyncio.Task[None], done: asyncio.Event) -> None:
    """Let the fleet run until the event, then switch it off; a fleet that fails makes the test fail."""
    waiting = asyncio.create_task(done.wait())
    async with asyncio.timeout(60):
        await asyncio.wait({fleet, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if fleet.done():
        fleet.result()
    fleet.cancel()
    await asyncio.wait({fleet})


async def test_a_hundred_chargers_charge_in_one_process(csms: Csms, fleet_settings) -> None:
    settings, finished, done = fleet_settings(100), set(), asyncio.Event()

    async def one_session(charger: VirtualCharger) -> None:
        await charger.wait_until_connected()
        await charger.start_charging(1, "RFID0001")
        await charger.events.expect("sampled")
        await charger.stop_charging(1)
        await charger.wait_until_delivered()
        finished.add(charger.settings.identity)
        if len(finished) == len(settings):
            done.set()

    scenario: Scenario = one_session
    busy = time.process_time()
    await until_done(asyncio.create_task(run_fleet(settings, scenario)), done)
    print(f"100 chargers took {time.process_time() - busy:.1f} s of CPU, the CSMS included")
    books = [Ledger.read(one.ledger_path) for one in settings]
    assert [len(book.transactions) for book in books] == [1] * 100
    assert sum(book.total_wh for book in books) == sum(one["meterStop"] for one in csms.of("StopTransaction")) - sum(
        one["meterStart"] for one in csms.of("StartTransaction")
    )


async def test_a_fleet_tells_of_every_change(fleet_settings) -> None:
    accepted, done = set(), asyncio.Event()

    def on_change(charger: VirtualCharger, event) -> None:
        if event.name == "accepted":
            accepted.add(charger.settings.identity)
        if len(accepted) == 3:
            done.set()

    await until_done(asyncio.create_task(run_fleet(fleet_settings(3), "idle", on_change)), done)
    assert accepted == {"CP-0", "CP-1", "CP-2"}


async def test_a_charger_that_fails_ends_the_fleet(fleet_settings) -> None:
    settings = fleet_settings(2)
    settings[1].ledger_path = settings[0].ledger_path
    with pytest.RaisesGroup(LedgerInUseError, flatten_subgroups=True):
        await run_fleet(settings, "idle")


async def test_the_storm_charges_again_and_again_whoever_is_known(csms: Csms, fleet_settings) -> None:
    csms.id_token_status = "Invalid"
    done = asyncio.Event()

    def on_change(_: VirtualCharger, event) -> None:
        if len(csms.of("StopTransaction")) >= 4:
            done.set()

    await until_done(asyncio.create_task(run_fleet(fleet_settings(2), "storm", on_change)), done)
    assert done.is_set()


@pytest.mark.parametrize("name", ["idle", "commissioning", "charging-day"])
async def test_quiet_scenarios_connect_and_wait(csms: Csms, fleet_settings, name: str) -> None:
    done = asyncio.Event()

    def on_change(_: VirtualCharger, event) -> None:
        if event.name == "accepted":
            done.set()

    await until_done(asyncio.create_task(run_fleet(fleet_settings(1), name, on_change)), done)
    assert not csms.of("StartTransaction")
    assert name in SCENARIOS


async def test_simulate_names_its_chargers_and_draws_them(csms: Csms, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=140, force_terminal=True)
    work = simulate(csms.url, "2.0.1", "SIM", "pw", 2, "idle", ledger_dir=tmp_path, console=console)
    fleet = asyncio.create_task(work)
    async with asyncio.timeout(20):
        await csms.wait_for("StatusNotification", 2)
    fleet.cancel()
    await asyncio.wait({fleet})
    assert sorted(handshake.path for handshake in csms.handshakes) == ["/ocpp/SIM-001", "/ocpp/SIM-002"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.0.1-SIM-001.jsonl", "2.0.1-SIM-002.jsonl"]


async def test_the_table_says_why_a_charger_is_not_connected(fleet_settings) -> None:
    (settings,) = fleet_settings(1)
    settings.url = "ws://127.0.0.1:1/ocpp"
    async with asyncio.timeout(60), VirtualCharger(settings) as charger:
        await charger.events.expect("connection_failed")
        console = Console(file=io.StringIO(), width=200)
        console.print(live_table([charger.state]))
    drawn = console.file.getvalue()  # type: ignore[attr-defined]
    assert "CP-0" in drawn
    assert "Connect call failed" in drawn
    assert "0 of 1 connected" in drawn
