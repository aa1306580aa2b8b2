"""Commissioning over real sockets: virtual charge points on the `ocpp` package, our gateway, our worker (contract §3)."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator

import pytest

from building_site import BuildingSite, free_port, open_site
from sliproad.features.charge_points.store import ChargePointRow
from sliproad.features.commissioning.jobs import Wakeups
from sliproad.features.commissioning.store import CommissioningLogRow, CommissioningSessionRow, CommissioningStepRow
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import Database
from sliproad.foundation.embedded import Embedded
from sliproad.foundation.outbox import OutboxRow
from sliproad.simulator import Fault, Ledger, VirtualCharger

VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])


@pytest.fixture
async def empty_site(
    database_url: str, nats_url: str, web: Database, engine: Database, bus: Bus, tmp_path: pathlib.Path
) -> AsyncIterator[BuildingSite]:
    """Nobody works there: no gateway, no worker."""
    async with open_site(database_url, nats_url, web, engine, bus, tmp_path) as opened:
        yield opened


@pytest.fixture
async def site(empty_site: BuildingSite) -> AsyncIterator[BuildingSite]:
    """With a gateway and a worker at work."""
    async with empty_site.gateway(), empty_site.worker():
        yield empty_site


async def assert_went_live(
    site: BuildingSite, charge_point_id: str, expected: frozenset[str] | set[str] = frozenset({"passed"})
) -> dict[str, str]:
    """The session passed with every step done once, and the charge point is commissioned; the steps' details."""
    status = await site.ended(charge_point_id)
    details = {step["name"]: step["detail"] for step in status["steps"]}
    assert (status["status"], status["result"]) == ("completed", "passed"), details
    assert {step["status"] for step in status["steps"]} == expected, details
    (charge_point,) = await site.rows(ChargePointRow, charge_point_id=charge_point_id)
    assert charge_point.commissioning_status == "completed"
    events = await site.rows(OutboxRow, charge_point_key=charge_point.key)
    ours = [event.name for event in events if event.name.startswith("commissioning")]
    assert ours == ["commissioning.started", "commissioning.completed"]
    logs = await site.rows(CommissioningLogRow, session_id=status["session_id"])
    begun = [log.step for log in logs if log.message.endswith(" begins")]
    done = [step for step in status["steps"] if step["status"] != "skipped"]
    assert len(begun) == len(set(begun)) == len(done) + 1, "no step is begun twice"
    return details


def delivered(virtual: VirtualCharger) -> str:
    """What the one transaction in the charge point's own ledger delivered, as the step says it."""
    (transaction,) = Ledger.read(virtual.settings.ledger_path).transactions.values()
    assert transaction.meter_stop_wh is not None
    return f"{(transaction.meter_stop_wh - transaction.meter_start_wh) / 1000:.2f} kWh delivered"


@VERSIONS
async def test_a_charge_point_goes_live(site: BuildingSite, version: str) -> None:
    async with site.charger(version, connectors=2) as (charge_point_id, virtual):
        answer = await site.start(charge_point_id, run_meter_calibration=True, template_id="tpl_dc_rapid_50kw")
        assert answer.status_code == 202, answer.text
        details = await assert_went_live(site, charge_point_id)
        assert delivered(virtual) in details["test_transaction"]
        assert list(details) == [
            "connectivity",
            "heartbeat",
            "configuration",
            "connector_test",
            "meter_calibration",
            "test_transaction",
        ]
        checks = {check["name"]: check for check in (await site.status(charge_point_id))["checks"]}
        assert checks["firmware_version"]["value"] == "3.4.1"
        assert {check["status"] for check in checks.values()} == {"passed"}


class Crash(Exception):
    """The worker is no more."""


async def run_until(wakeups: Wakeups, site: BuildingSite, session_id: str, turns: int) -> None:
    """Run the session and die when it has made `turns` more transitions, wherever that is: in a CALL, between two steps."""
    (row,) = await site.rows(CommissioningSessionRow, session_id=session_id)
    running = asyncio.create_task(wakeups.run(session_id))
    async with site.bus.listen(f"commissioning.{row.charge_point_key}") as told:
        for _ in range(turns):
            waiting = asyncio.create_task(told.get())
            await asyncio.wait({waiting, running}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                waiting.cancel()
                break
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@pytest.mark.parametrize(("version", "turns"), [("1.6", 1), ("2.0.1", 2), ("2.1", 5)])
async def test_a_session_survives_its_worker_again_and_again(
    empty_site: BuildingSite, version: str, turns: int
) -> None:
    """Every few transitions the worker dies, often with a CALL in flight; the next one goes on, and nothing is done twice."""
    site = empty_site
    async with site.gateway(), site.charger(version) as (charge_point_id, virtual):
        session_id = (await site.start(charge_point_id)).json()["session_id"]
        deaths = 0
        async with asyncio.timeout(90):
            while (await site.status(charge_point_id))["status"] == "running" and deaths < 12:
                await run_until(Wakeups(site.runner(), site.runner().commands, site.bus), site, session_id, turns)
                deaths += 1
        assert deaths > 2
        async with site.worker():
            details = await assert_went_live(site, charge_point_id)
        assert delivered(virtual) in details["test_transaction"], "and there was only one transaction"


@VERSIONS
async def test_a_session_survives_its_gateway(empty_site: BuildingSite, version: str) -> None:
    """The gateway goes while the test transaction runs; the charge point comes back to another, and the session goes on."""
    site, port = empty_site, free_port()
    async with site.worker(), contextlib.AsyncExitStack() as powered:
        async with site.gateway(port):
            charge_point_id, virtual = await powered.enter_async_context(site.charger(version, time_scale=0.5))
            await site.start(charge_point_id)
            async with asyncio.timeout(30):
                while virtual.state.connectors[0].transaction_id is None:
                    await asyncio.sleep(0.05)
        assert (await site.status(charge_point_id))["current_step"] == "test_transaction"
        async with site.gateway(port):
            details = await assert_went_live(site, charge_point_id)
            assert delivered(virtual) in details["test_transaction"]
            await virtual.stop()


async def test_two_workers_never_run_a_session_at_once(empty_site: BuildingSite) -> None:
    """Eight workers all take the same session, over and over: one transaction, every step once."""
    site = empty_site
    async with site.gateway(), site.charger("1.6") as (charge_point_id, virtual):
        session_id = (await site.start(charge_point_id)).json()["session_id"]
        runners = [site.runner() for _ in range(8)]
        async with asyncio.timeout(60):
            while (await site.status(charge_point_id))["status"] == "running":
                await asyncio.gather(*(runner.advance(session_id) for runner in runners))
        details = await assert_went_live(site, charge_point_id)
        assert delivered(virtual) in details["test_transaction"]


FAILURES = {
    Fault.REJECTS_KEYS: ("configuration", "failed", "; rejected: "),
    Fault.METER_RUNS_BACKWARDS: ("test_transaction", "failed", "The energy register fell during the test, from "),
    Fault.REBOOTS_ON_CHANGE: ("configuration", "passed", "configuration keys applied"),
    Fault.NO_TRIGGER_MESSAGE: ("heartbeat", "passed", "Heartbeat received"),
    Fault.DROPS_SOCKET_ON_GET_CONFIGURATION: ("configuration", "passed", "configuration keys applied"),
    Fault.BOOTS_IN_1970: ("test_transaction", "passed", "kWh delivered"),
    Fault.DISCONNECTS_MID_TRANSACTION: ("test_transaction", "passed", "kWh delivered"),
    Fault.RECONNECTS_WITHOUT_BOOT: ("connectivity", "passed", "WebSocket connected successfully"),
}


@pytest.mark.parametrize("fault", list(FAILURES))
async def test_what_is_wrong_with_a_charge_point_ends_in_the_right_step_and_sentence(
    site: BuildingSite, fault: Fault
) -> None:
    name, expected, sentence = FAILURES[fault]
    async with site.charger("1.6", faults=frozenset({fault})) as (charge_point_id, _):
        await site.start(charge_point_id)
        status = await site.ended(charge_point_id)
        (step,) = [step for step in status["steps"] if step["name"] == name]
        assert (step["status"], sentence in step["detail"]) == (expected, True), step
        (charge_point,) = await site.rows(ChargePointRow, charge_point_id=charge_point_id)
        assert charge_point.commissioning_status == ("completed" if expected == "passed" else "failed")
        if expected == "failed":
            (event,) = await site.rows(OutboxRow, charge_point_key=charge_point.key, name="commissioning.failed")
            assert event.data["result"] == "failed"


async def test_a_project_may_ask_for_a_hand_before_a_charge_point_goes_live(site: BuildingSite) -> None:
    owner = site.owner
    await owner.patch(f"/api/v1/cpo/projects/{site.project_id}", json={"auto_commission": False})
    async with site.charger("1.6") as (charge_point_id, _):
        await site.start(charge_point_id, skip_test_transaction=True)
        status = await site.ended(charge_point_id)
        assert (status["result"], status["commissioned_at"]) == ("passed", None)
        assert status["steps"][-1] == {
            "name": "test_transaction",
            "status": "skipped",
            "duration_ms": None,
            "detail": "Skipped as asked for at the start",
        }
        answer = await site.alex.post(f"/api/v1/installer/charge-points/{charge_point_id}/commission")
        assert answer.json()["commissioned_at"] is not None
        assert len(await site.rows(OutboxRow, name="commissioning.completed")) == 1


async def test_a_session_needs_no_bus_to_get_on(
    database_url: str, web: Database, engine: Database, tmp_path: pathlib.Path
) -> None:
    """Every wake-up has a poll behind it (house §3). CALLs travel by the bus: they wait for it, nothing else does.

    NATS is stopped before the start and comes back later; the session is carried by its rows alone, and does not fail of it.
    """
    folder = tmp_path / "nats"
    with Embedded(folder, postgres=False) as parts:
        bus = Bus(parts.nats_url)
        await bus.connect()
        async with (
            open_site(database_url, parts.nats_url, web, engine, bus, tmp_path) as site,
            site.gateway(),
            site.worker(),
            site.charger("2.0.1") as (charge_point_id, _),
        ):
            (nats,) = parts.children
            nats.stop()
            async with asyncio.timeout(20):
                while bus.is_connected:
                    await asyncio.sleep(0.05)
            session_id = (await site.start(charge_point_id, skip_test_transaction=True)).json()["session_id"]
            async with asyncio.timeout(30):
                while (status := await site.status(charge_point_id))["current_step"] != "heartbeat":
                    await asyncio.sleep(0.05)
            assert status["steps"][0]["status"] == "passed", "the job was found without a word on the bus"
            nats.spawn()
            details = await assert_went_live(site, charge_point_id, expected={"passed", "skipped"})
            assert details["heartbeat"]
            steps = await site.rows(CommissioningStepRow, session_id=session_id)
            assert all(step.finished_at is not None for step in steps)
        await bus.close()
