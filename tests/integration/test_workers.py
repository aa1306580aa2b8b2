"""Many sessions and several workers: nothing waits for a charge point that takes its time, and a session has one worker at a time."""

import asyncio
import contextlib
import os
import pathlib
import signal
from collections.abc import AsyncIterator

import psycopg
import pytest

from building_site import BuildingSite, open_site
from installation import installation
from sliproad.features.commands.service import CommandService
from sliproad.features.commissioning import jobs as commissioning_jobs
from sliproad.features.commissioning.jobs import Wakeups
from sliproad.features.commissioning.store import CommissioningLogRow, CommissioningSessionRow
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import Database
from sliproad.foundation.jobs import Jobs
from sliproad.simulator import Fault

PATIENCE_SECONDS = 180


@pytest.fixture
async def site(
    database_url: str, nats_url: str, web: Database, engine: Database, bus: Bus, tmp_path: pathlib.Path
) -> AsyncIterator[BuildingSite]:
    async with open_site(database_url, nats_url, web, engine, bus, tmp_path) as opened, opened.gateway():
        yield opened


@contextlib.asynccontextmanager
async def a_worker_of_one_job(site: BuildingSite) -> AsyncIterator[Wakeups]:
    """A worker that runs one job at a time."""
    jobs = Jobs(site.engine.url)
    await jobs.open()
    wakeups = Wakeups(site.runner(), CommandService(site.engine, site.bus), site.bus)
    commissioning_jobs.register(jobs, wakeups, site.leftovers())
    await wakeups.open()
    working = asyncio.create_task(jobs.run_worker(concurrency=1))
    try:
        yield wakeups
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await wakeups.close()
        await jobs.close()


async def test_charge_points_that_take_their_time_hold_up_nobody(site: BuildingSite) -> None:
    """The worker runs one job at a time, and has a CALL in flight to each of three charge points that answer after seconds."""
    slow = {"faults": frozenset({Fault.ANSWERS_LATE}), "late_answer_seconds": 8.0}
    async with contextlib.AsyncExitStack() as powered:
        ids = [(await powered.enter_async_context(site.charger(v, **slow)))[0] for v in ("1.6", "2.0.1", "2.1")]
        await powered.enter_async_context(a_worker_of_one_job(site))
        for charge_point_id in ids:
            assert (await site.start(charge_point_id)).status_code == 202
        async with asyncio.timeout(PATIENCE_SECONDS):
            in_flight: list[CommissioningSessionRow] = []
            while len(in_flight) < len(ids):
                rows = await site.rows(CommissioningSessionRow)
                in_flight = [row for row in rows if row.in_flight_until is not None]
                await asyncio.sleep(0.05)
        (quick, _) = await powered.enter_async_context(site.charger("2.1"))
        await site.start(quick)
        assert (await site.ended(quick))["status"] == "completed"
        for charge_point_id in ids:
            assert (await site.status(charge_point_id))["status"] == "running"


@contextlib.asynccontextmanager
async def wakeups_of(site: BuildingSite) -> AsyncIterator[Wakeups]:
    """A worker that has no jobs to do, only sessions to wake."""
    wakeups = Wakeups(site.runner(), CommandService(site.engine, site.bus), site.bus)
    await wakeups.open()
    try:
        yield wakeups
    finally:
        await wakeups.close()


async def test_of_two_workers_that_hold_a_session_one_lets_go(site: BuildingSite) -> None:
    """Both wait for the vehicle; when it comes one takes the session on, the other finds that and leaves it alone."""
    async with (
        wakeups_of(site) as first,
        wakeups_of(site) as second,
        site.charger("1.6", vehicle="manual", time_scale=20.0) as (charge_point_id, virtual),
    ):
        session_id = (await site.start(charge_point_id)).json()["session_id"]
        await first.run(session_id)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "the test transaction" not in ((await site.rows(CommissioningSessionRow))[0].waiting_for or ""):
                await asyncio.sleep(0.05)
            await second.run(session_id)
            await virtual.plug_in(1)
            while len([each for each in (first, second) if session_id in each._waiting.values()]) != 1:
                await asyncio.sleep(0.01)
        assert (await site.status(charge_point_id))["status"] == "running"
        assert (await site.ended(charge_point_id))["status"] == "completed"
        logs = await site.rows(CommissioningLogRow, session_id=session_id)
        begun = [log.step for log in logs if log.message.endswith(" begins")]
        assert len(begun) == len(set(begun)) == 5


@pytest.mark.xdist_group("serve")
async def test_a_machine_runs_as_many_workers_as_it_is_told_and_revives_each() -> None:
    alive = "select count(*) from procrastinate_workers where last_heartbeat > now() - interval '3 seconds'"
    with installation(workers="2", log_level="warning") as sliproad:
        pids = {name: sliproad.pid_of(name) for name in ("worker", "worker-2")}
        for pid in pids.values():
            os.kill(pid, signal.SIGKILL)
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            await psycopg.AsyncConnection.connect(sliproad.database_url, autocommit=True) as owner,
        ):
            while await (await owner.execute(alive)).fetchone() != (2,) or not all(
                sliproad.pid_of(name) != pid for name, pid in pids.items()
            ):
                await asyncio.sleep(0.1)
