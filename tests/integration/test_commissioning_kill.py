"""`kill -9` of worker and gateway while sessions run: all finish, no step twice, one test transaction each (issue: durable).

The charge points answer late, so that a kill finds a CALL in flight; their own ledgers are the witness. Counts are asserted, never
times.
"""

import asyncio
import contextlib
import itertools
import json
import os
import pathlib
import signal
import uuid
from collections import Counter
from typing import Any

import psutil
import psycopg
import pytest

from installation import Installation, installation
from sliproad.app.job_client import JobClient
from sliproad.simulator import ChargerSettings, Ledger, Version, VirtualCharger

VERSIONS: tuple[Version, ...] = ("1.6", "2.0.1", "2.1")
CHARGERS = 6
VICTIMS = ("gateway-1", "worker", "gateway-1", "worker")
LATE_SECONDS = 0.4
PATIENCE_SECONDS = 240

pytestmark = pytest.mark.xdist_group("kill")


async def kill(sliproad: Installation, name: str) -> None:
    """`kill -9`, proof that it died of it, and another in its place."""
    pid = sliproad.pid_of(name)
    victim = psutil.Process(pid)
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(10):
        while victim.is_running() and victim.status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.01)
    async with asyncio.timeout(30):
        another = pid
        while another == pid:
            await asyncio.sleep(0.05)
            with contextlib.suppress(json.JSONDecodeError):  # the file is just being written
                another = sliproad.pid_of(name)


async def prepared(sliproad: Installation) -> tuple[JobClient, str]:
    """An installer with a project."""
    mark = uuid.uuid4().hex[:8]
    client = JobClient(sliproad.http_url, sliproad.mail_dir)
    client.api_key = sliproad.create_organization(f"cpo-{mark}@kill.example")["api_key"]
    site = await client.cpo("POST", "cpo/sites", expect=201, body={"name": "S", "address": "A"})
    body = {"name": "P", "site_id": site["site_id"], "charge_points_expected": CHARGERS}
    project = await client.cpo("POST", "cpo/projects", expect=201, body=body)
    await client.sign_up_installer(f"installer-{mark}@kill.example", "correct horse battery", "A", "B")
    path = f"cpo/projects/{project['project_id']}/installers"
    await client.cpo("POST", path, expect=201, body={"installer_id": client.installer_id})
    return client, project["project_id"]


async def charger(
    sliproad: Installation, client: JobClient, project_id: str, number: int, folder: pathlib.Path
) -> VirtualCharger:
    """A registered one that answers late."""
    version = VERSIONS[number % len(VERSIONS)]
    body = {
        "project_id": project_id,
        "serial_number": f"S{number}",
        "model": "M",
        "vendor": "V",
        "ocpp_version": version,
    }
    made = await client.installer("POST", "charge-points", expect=201, body=body)
    return VirtualCharger(
        ChargerSettings(
            url=f"{sliproad.ocpp_url}/ocpp/{version}",
            identity=made["charge_point_id"],
            version=version,
            password=made["provisioning_password"],
            ledger_path=folder / f"{number}.jsonl",
            seed=number,
            time_scale=20.0,
            reconnect_seconds=0.2,
            reconnect_max_seconds=1.0,
            durable=False,
            faults=frozenset({"answers_late"}),
            late_answer_seconds=LATE_SECONDS,
        )
    )


def calls_in_flight(sliproad: Installation) -> dict[tuple[str, int], str]:
    """The CALLs under way at this moment: (session, turn) -> the step that makes it."""
    with psycopg.connect(sliproad.database_url) as connection:
        rows = connection.execute(
            "select s.session_id, s.turn, t.name from commissioning_sessions s join commissioning_steps t using (session_id)"
            " where s.status = 'running' and s.in_flight_until > now() and t.status = 'running'"
        ).fetchall()
    return {(session_id, turn): name for session_id, turn, name in rows}


async def new_calls(sliproad: Installation, before: set[tuple[str, int]], met: set[str]) -> dict[tuple[str, int], str]:
    """CALLs made since the last kill; for some seconds, in a step that no kill has met yet."""
    async with asyncio.timeout(60):
        for attempt in itertools.count():
            calls = {call: step for call, step in calls_in_flight(sliproad).items() if call not in before}
            if calls and (set(calls.values()) - met or attempt > 300):
                return calls
            await asyncio.sleep(0.05)
    raise AssertionError


@pytest.mark.timeout(290)
async def test_sessions_survive_the_kill_of_every_process_that_works_on_them(tmp_path: pathlib.Path) -> None:
    with installation(log_level="warning") as sliproad:
        client, project_id = await prepared(sliproad)
        async with contextlib.AsyncExitStack() as powered:
            powered.push_async_callback(client.close)
            chargers = []
            for number in range(CHARGERS):
                made = await charger(sliproad, client, project_id, number, tmp_path)
                chargers.append(await powered.enter_async_context(made))
                await made.wait_until_connected()
            for each in chargers:
                await client.installer(
                    "POST",
                    f"commissioning/{each.settings.identity}/start",
                    expect=202,
                    body={"run_meter_calibration": True},
                )
            met: set[str] = set()
            interrupted: set[tuple[str, int]] = set()
            for name in VICTIMS:
                calls = await new_calls(sliproad, interrupted, met)
                print(f"killing {name}: calls in flight {dict(Counter(calls.values()))}")
                interrupted |= set(calls)
                met |= set(calls.values())
                await kill(sliproad, name)
            assert len(interrupted) >= len(VICTIMS), "a kill met no CALL in flight: it proved nothing"
            statuses = [
                await client.until_commissioned(each.settings.identity, seconds=PATIENCE_SECONDS) for each in chargers
            ]
            books = [Ledger.read(each.settings.ledger_path) for each in chargers]
        assert_all_went_live(sliproad, statuses)
        assert [len(book.transactions) for book in books] == [1] * CHARGERS, "one test transaction each"


def assert_all_went_live(sliproad: Installation, statuses: list[dict[str, Any]]) -> None:
    """Every session passed, and none of its steps was begun twice."""
    for status in statuses:
        assert status["result"] == "passed", [
            (step["name"], step["status"], step["detail"]) for step in status["steps"]
        ]
    with psycopg.connect(sliproad.database_url) as connection:
        begun = connection.execute(
            "select session_id, step, count(*) from commissioning_logs where message like 'Step % begins' group by 1, 2"
        ).fetchall()
        events = connection.execute(
            "select charge_point_key, count(*) from outbox where name = 'commissioning.completed' group by 1"
        ).fetchall()
    assert {row[2] for row in begun} == {1}
    assert [row[1] for row in events] == [1] * CHARGERS
