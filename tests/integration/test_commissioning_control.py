"""Pause, resume, stop and restart over real sockets: what people do to a session that runs at a virtual charge point (contract §3)."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from building_site import BuildingSite, free_port, open_site
from sliproad.features.charge_points.store import ChargePointRow
from sliproad.features.commissioning.leftovers_store import CommissioningLeftoverRow
from sliproad.features.commissioning.store import CommissioningLogRow
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import Database
from sliproad.simulator import Fault, Ledger, VirtualCharger
from workplace import assert_problem

VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
SLOW = 0.5
"""Seconds of the charge point's time in one of ours, so that a test transaction can be met while it runs."""


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


async def until(happened: Callable[[], Any], seconds: float = 40) -> None:
    async with asyncio.timeout(seconds):
        while not happened():
            await asyncio.sleep(0.02)


async def say(site: BuildingSite, charge_point_id: str, verb: str, **body: Any) -> dict[str, Any]:
    answer = await site.alex.post(site.path(charge_point_id, verb), **({"json": body} if body else {}))
    assert answer.status_code == (202 if verb == "restart" else 200), answer.text
    return answer.json()


def transactions(virtual: VirtualCharger) -> list[Any]:
    """What the charge point's own ledger says it charged."""
    return list(Ledger.read(virtual.settings.ledger_path).transactions.values())


def charging(virtual: VirtualCharger) -> bool:
    return virtual.state.connectors[0].transaction_id is not None


async def test_a_pause_holds_the_step_and_resuming_goes_on_with_it(site: BuildingSite) -> None:
    """A CALL in flight finishes: the charge point answers late, so that the pause meets one."""
    late = frozenset({Fault.ANSWERS_LATE})
    async with site.charger("1.6", faults=late, late_answer_seconds=0.5) as (charge_point_id, virtual):
        await site.start(charge_point_id)
        async with asyncio.timeout(40):
            while (status := await site.status(charge_point_id))["current_step"] != "configuration":
                await asyncio.sleep(0.05)
        paused = await say(site, charge_point_id, "pause")
        assert paused.keys() == {"charge_point_id", "session_id", "status", "paused_at", "paused_at_step"}
        assert (paused["status"], paused["paused_at_step"]) == ("paused", "configuration")
        assert_problem(await site.alex.post(site.path(charge_point_id, "pause")), 409, "invalid_state")
        assert_problem(await site.start(charge_point_id), 409, "session_already_running")
        held = await site.status(charge_point_id)
        await asyncio.sleep(2)  # nothing may happen in it: that is what is shown
        assert (await site.status(charge_point_id))["steps"] == held["steps"]
        resumed = await say(site, charge_point_id, "resume")
        assert resumed.keys() == {"charge_point_id", "session_id", "status", "resumed_at", "resuming_at_step"}
        assert (resumed["status"], resumed["resuming_at_step"]) == ("running", "configuration")
        ended = await site.ended(charge_point_id)
        assert (ended["result"], ended["session_id"]) == ("passed", status["session_id"]), ended["steps"]
        logs = await site.rows(CommissioningLogRow, session_id=status["session_id"])
        begun = [log.step for log in logs if log.message.endswith(" begins")]
        assert len(begun) == len(set(begun)), "no step is begun twice"
        assert len(transactions(virtual)) == 1


@VERSIONS
async def test_a_paused_test_transaction_is_stopped_and_begun_anew(site: BuildingSite, version: str) -> None:
    async with site.charger(version, time_scale=SLOW) as (charge_point_id, virtual):
        await site.start(charge_point_id)
        await until(lambda: charging(virtual))
        assert (await say(site, charge_point_id, "pause"))["paused_at_step"] == "test_transaction"
        await until(lambda: not charging(virtual))
        await until(lambda: transactions(virtual)[0].meter_stop_wh is not None)
        assert (await site.status(charge_point_id))["status"] == "paused"
        await say(site, charge_point_id, "resume")
        ended = await site.ended(charge_point_id)
        assert ended["result"] == "passed", ended["steps"]
        first, second = transactions(virtual)
        assert first.meter_stop_wh is not None
        assert second.meter_stop_wh is not None
        assert first.id_token != second.id_token, "the first test's token is dead"


@VERSIONS
async def test_a_stop_ends_the_session_and_its_test_transaction(site: BuildingSite, version: str) -> None:
    async with site.charger(version, time_scale=SLOW) as (charge_point_id, virtual):
        await site.start(charge_point_id)
        await until(lambda: charging(virtual))
        stopped = await say(site, charge_point_id, "stop")
        assert stopped.keys() == {"charge_point_id", "session_id", "status", "stopped_at"}
        assert stopped["status"] == "stopped"
        await until(lambda: not charging(virtual))
        status = await site.status(charge_point_id)
        assert (status["status"], status["result"]) == ("stopped", None)
        assert status["steps"][-1]["detail"] == "Stopped before it was finished"
        for verb in ("stop", "pause", "resume"):
            assert_problem(await site.alex.post(site.path(charge_point_id, verb)), 409, "invalid_state")
        (charge_point,) = await site.rows(ChargePointRow, charge_point_id=charge_point_id)
        assert (charge_point.commissioning_status, charge_point.test_number) == ("not_started", 1)


async def test_a_test_transaction_is_stopped_when_its_charge_point_comes_back(empty_site: BuildingSite) -> None:
    """The gateway is gone when the session is stopped; nobody remembers but a row."""
    site, port = empty_site, free_port()
    async with contextlib.AsyncExitStack() as powered:
        async with site.gateway(port), site.worker():
            charge_point_id, virtual = await powered.enter_async_context(site.charger("1.6", time_scale=SLOW))
            await site.start(charge_point_id)
            await until(lambda: charging(virtual))
        await say(site, charge_point_id, "stop")
        assert charging(virtual)
        (leftover,) = await site.rows(CommissioningLeftoverRow)
        assert leftover.settled_at is None
        async with site.gateway(port), site.worker():
            await until(lambda: not charging(virtual))
        await virtual.stop()


async def test_a_restart_begins_anew_and_the_old_session_stays_readable(site: BuildingSite) -> None:
    async with site.charger("2.0.1") as (charge_point_id, _):
        assert_problem(await site.alex.post(site.path(charge_point_id, "restart"), json={}), 409, "invalid_state")
        await site.start(charge_point_id, skip_test_transaction=True, notes="first")
        first = (await say(site, charge_point_id, "pause"))["session_id"]
        again = await say(site, charge_point_id, "restart", template_id="tpl_dc_rapid_50kw")
        assert (again["status"], again["template_id"], again["notes"]) == ("running", "tpl_dc_rapid_50kw", "first")
        assert again["session_id"] != first
        assert again["steps"][-1]["status"] == "skipped", "as it was asked for"
        old = (await site.alex.get(site.path(charge_point_id, f"sessions/{first}"))).json()
        assert (old["session_id"], old["status"]) == (first, "stopped")
        ended = await site.ended(charge_point_id)
        assert ended["result"] == "passed", ended["steps"]
        listed = (await site.alex.get(site.path(charge_point_id, "sessions"), params={"limit": 1})).json()
        assert (listed["total"], [one["session_id"] for one in listed["sessions"]]) == (2, [again["session_id"]])
        cursor = {"cursor": listed["next_cursor"]}
        older = (await site.alex.get(site.path(charge_point_id, "sessions"), params=cursor)).json()
        assert ([one["session_id"] for one in older["sessions"]], older["next_cursor"]) == ([first], None)
        assert_problem(
            await site.alex.post(site.path(charge_point_id, "restart"), json={}), 422, "already_commissioned"
        )


@VERSIONS
async def test_a_restart_in_the_middle_of_the_test_waits_for_its_end(site: BuildingSite, version: str) -> None:
    """The new session is at its own test before the earlier one has let go of the connector."""
    async with site.charger(version, time_scale=2.0) as (charge_point_id, virtual):
        await site.start(charge_point_id)
        await until(lambda: charging(virtual))
        await say(site, charge_point_id, "restart")
        ended = await site.ended(charge_point_id)
        assert ended["result"] == "passed", ended["steps"]
        first, second = transactions(virtual)
        assert first.stopped_at <= second.started_at
        assert first.id_token != second.id_token


async def test_of_many_controls_at_once_one_wins(empty_site: BuildingSite) -> None:
    """Trust I5."""
    site = empty_site
    charge_point_id = (await site.connected())["charge_point_id"]
    await site.start(charge_point_id)

    async def wins(verb: str) -> int:
        answers = await asyncio.gather(*(site.alex.post(site.path(charge_point_id, verb)) for _ in range(10)))
        assert {answer.status_code for answer in answers} <= {200, 202, 409}, [answer.text for answer in answers]
        return sum(answer.status_code < 300 for answer in answers)

    assert [await wins(verb) for verb in ("pause", "resume", "pause", "stop")] == [1, 1, 1, 1]
    assert await wins("restart") >= 1
    listed = (await site.alex.get(site.path(charge_point_id, "sessions"))).json()["sessions"]
    assert [one["status"] for one in listed].count("running") == 1


async def test_the_organisation_may_stop_a_session_and_strangers_see_none(empty_site: BuildingSite) -> None:
    """Trust I4."""
    site = empty_site
    charge_point_id = (await site.connected())["charge_point_id"]
    session_id = (await site.start(charge_point_id)).json()["session_id"]
    stranger, bob = await site.workplace.organization("Other"), await site.workplace.installer("Bob")
    ask = type(site.alex)
    path = f"/api/v1/cpo/charge-points/{charge_point_id}/commissioning"
    assert_problem(await ask(stranger, site.alex.commissioning).post(f"{path}/stop"), 404, "not_found")
    assert_problem(await ask(stranger, site.alex.commissioning).get(f"{path}/sessions"), 404, "not_found")
    for verb in ("stop", "pause", "resume", "restart"):
        answer = await ask(bob, site.alex.commissioning).post(site.path(charge_point_id, verb))
        assert_problem(answer, 404, "not_found")
    for verb in ("sessions", f"sessions/{session_id}"):
        assert_problem(await ask(bob, site.alex.commissioning).get(site.path(charge_point_id, verb)), 404, "not_found")
    stopped = await ask(site.owner, site.alex.commissioning).post(f"{path}/stop")
    assert (stopped.status_code, stopped.json()["status"]) == (200, "stopped")
    assert (await ask(site.owner, site.alex.commissioning).get(f"{path}/sessions")).json()["total"] == 1
