"""`kill -9` of every process at random moments of 30 sessions: all finish, no step twice, one test transaction each (issue 3).

The charge points answer late, so that a kill finds CALLs in flight; their own ledgers are the witness. A moment is drawn as a count
of steps that have passed, not as a time, so that kills fall into the sessions on a slow machine too. Counts are asserted, never
times. `KILL_SEED` in the environment plays other moments than the usual ones.
"""

import asyncio
import contextlib
import os
import pathlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import psycopg
import pytest

from installation import Installation, installation
from sliproad.app.job_client import JobClient
from sliproad.simulator import ChargerSettings, Ledger, Version, VirtualCharger
from sliproad.simulator.ledger_book import LedgerBook

VERSIONS: tuple[Version, ...] = ("1.6", "2.0.1", "2.1")
SESSIONS = 30
STEPS = 7
"""Of each session, with the meter calibration that is asked for."""
KINDS = ("gateway-1", "web", "worker", "postgres", "nats")
KILLS_OF_EACH = 2
LAST_KILL = int(0.85 * SESSIONS * STEPS)
"""When so many steps have passed, there are sessions left that run."""
LATE_SECONDS = 0.3
PATIENCE_SECONDS = 120
"""For any progress at all."""
NOW = (
    "select (select count(*) from commissioning_steps where status = 'passed'),"
    " (select count(*) from commissioning_sessions where status = 'running'),"
    " (select count(*) from commissioning_sessions where status = 'running' and in_flight_until > now())"
)
HISTORY = (
    "select l.session_id, s.name, count(*) filter (where l.message = 'Step ' || s.name || ' begins'),"
    " count(*) filter (where l.message = s.detail), max(s.status) from commissioning_logs l"
    " join commissioning_steps s on s.session_id = l.session_id and s.name = l.step group by 1, 2"
)
EVENTS = "select charge_point_key, name, count(*) from outbox where name like 'commissioning.%' group by 1, 2"

pytestmark = pytest.mark.xdist_group("kill")


@dataclass(frozen=True)
class Moment:
    """How far the sessions are: steps passed of all, sessions that run, and those of them with a CALL in flight."""

    passed: int
    running: int
    calls: int


async def rows(sliproad: Installation, query: str) -> list[tuple[Any, ...]]:
    """What the database says, once it is there again."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                async with await psycopg.AsyncConnection.connect(
                    sliproad.database_url, connect_timeout=5
                ) as connection:
                    return await (await connection.execute(query.encode())).fetchall()
            await asyncio.sleep(0.05)


async def when_passed(sliproad: Installation, steps: int) -> Moment:
    """The moment at which so many steps have passed."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            moment = Moment(*(await rows(sliproad, NOW))[0])
            if moment.passed >= steps:
                return moment
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def fleet(
    sliproad: Installation, client: JobClient, project_id: str, folder: pathlib.Path
) -> AsyncIterator[list[VirtualCharger]]:
    """Connected charge points that answer late."""
    async with contextlib.AsyncExitStack() as powered:
        chargers = []
        for number in range(SESSIONS):
            version = VERSIONS[number % len(VERSIONS)]
            body = {"project_id": project_id, "serial_number": f"S{number}", "model": "M", "vendor": "V"}
            made = await client.installer("POST", "charge-points", expect=201, body=body | {"ocpp_version": version})
            settings = ChargerSettings(
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
            chargers.append(await powered.enter_async_context(VirtualCharger(settings)))
        await asyncio.gather(*(each.wait_until_connected() for each in chargers))
        yield chargers


async def kill_at_random(sliproad: Installation, chance: random.Random) -> list[tuple[str, Moment]]:
    """Every kind of process, in any order, at any moment of the sessions, one perhaps while another is still coming back."""
    victims = [*KINDS] * KILLS_OF_EACH
    chance.shuffle(victims)
    kills = []
    for name, steps in zip(victims, sorted(chance.randrange(LAST_KILL) for _ in victims), strict=True):
        moment = await when_passed(sliproad, steps)
        await sliproad.kill(name)
        print(f"killed {name}: {moment}")
        kills.append((name, moment))
    return kills


async def ended(client: JobClient, chargers: list[VirtualCharger]) -> list[dict[str, Any]]:
    """The last status of each session; a request that a dying web process takes with it is asked again."""
    statuses = []
    for each in chargers:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                with contextlib.suppress(httpx2.TransportError):
                    statuses.append(await client.until_commissioned(each.settings.identity, seconds=PATIENCE_SECONDS))
                    break
    return statuses


@pytest.mark.timeout(290)
async def test_sessions_survive_the_kill_of_every_process(tmp_path: pathlib.Path) -> None:
    seed = int(os.environ.get("KILL_SEED", "3"))
    print(f"seed {seed}")
    with installation(log_level="warning") as sliproad:
        client, project_id = await sliproad.at_work(SESSIONS)
        async with fleet(sliproad, client, project_id, tmp_path) as chargers:
            for each in chargers:
                await client.installer(
                    "POST",
                    f"commissioning/{each.settings.identity}/start",
                    expect=202,
                    body={"run_meter_calibration": True},
                )
            kills = await kill_at_random(sliproad, random.Random(seed))
            statuses = await ended(client, chargers)
            for each in chargers:
                await each.wait_until_delivered()
            books = {each.settings.identity: Ledger.read(each.settings.ledger_path) for each in chargers}
            assert_killed_while_sessions_ran(kills)
            assert_all_passed(statuses)
            assert_no_step_twice(await rows(sliproad, HISTORY))
            assert_each_told_once(await rows(sliproad, EVENTS))
            for identity, book in books.items():
                await assert_one_test_transaction(client, identity, book)
        assert sliproad.stop() == 0


def assert_killed_while_sessions_ran(kills: list[tuple[str, Moment]]) -> None:
    assert Counter(name for name, _ in kills) == dict.fromkeys(KINDS, KILLS_OF_EACH)
    assert min(moment.running for _, moment in kills) > 0
    assert sum(moment.calls for _, moment in kills) > 0, "no kill met a CALL in flight: it proved nothing"


def assert_all_passed(statuses: list[dict[str, Any]]) -> None:
    assert len(statuses) == SESSIONS
    for status in statuses:
        steps = [(step["name"], step["status"], step["detail"]) for step in status["steps"]]
        assert status["result"] == "passed", steps
        assert {step[1] for step in steps} == {"passed"}


def assert_no_step_twice(history: list[tuple[Any, ...]]) -> None:
    """Every step of every session began once and had one outcome."""
    assert len(history) == SESSIONS * STEPS
    assert {(begun, outcomes, status) for *_, begun, outcomes, status in history} == {(1, 1, "passed")}


def assert_each_told_once(events: list[tuple[Any, ...]]) -> None:
    """Every session was said to begin once and to be completed once."""
    assert Counter(name for _, name, _ in events) == {
        "commissioning.started": SESSIONS,
        "commissioning.completed": SESSIONS,
    }
    assert {count for *_, count in events} == {1}


async def assert_one_test_transaction(client: JobClient, identity: str, book: LedgerBook) -> None:
    """In the charge point's own ledger and in our API, with the same energy."""
    (charged,) = book.transactions.values()
    answer = await client.cpo("GET", f"cpo/transactions?charge_point_id={identity}")
    (known,) = answer["transactions"]
    assert known["transaction_id"] == charged.transaction_id
    assert (known["open"], charged.is_open) == (False, False)
    assert (known["meter_start_wh"], known["meter_stop_wh"]) == (charged.meter_start_wh, charged.meter_stop_wh)
    assert known["energy_wh"] == charged.energy_wh > 0
