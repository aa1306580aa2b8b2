"""Durable jobs: enqueued with their change, retried, serialised, and brought back from dead workers (house §3, trust T1)."""

import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from sliproad.foundation import jobs as jobs_module
from sliproad.foundation.database import ENGINE, Scope
from sliproad.foundation.database.sessions import as_role
from sliproad.foundation.jobs import Jobs

WORKER = Path(__file__).with_name("worker_process.py")
ALICE = Scope(organization_id="org_alice")


@pytest.fixture
async def jobs(database_url) -> AsyncIterator[Jobs]:
    jobs = Jobs(as_role(database_url, "engine"))
    await jobs.open()
    yield jobs
    await jobs.close()


@contextlib.asynccontextmanager
async def a_worker(jobs: Jobs) -> AsyncIterator[None]:
    """Started anew when it ends by itself, as `app/processes.py` does: procrastinate's ends when LISTEN fails twice."""

    async def work() -> None:
        while True:
            with contextlib.suppress(Exception):
                await jobs.run_worker(concurrency=5)
            await asyncio.sleep(0.1)

    working = asyncio.create_task(work())
    try:
        yield
    finally:
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working


def queued(database_url: str, *columns: str) -> list[tuple]:
    with psycopg.connect(database_url) as owner:
        return owner.execute(
            f"select {', '.join(columns) or 'id'} from procrastinate_jobs where task_name like 'test.%' order by id"
        ).fetchall()


class Diary:
    """What the task of a test did, and a way to wait for it."""

    def __init__(self) -> None:
        self.entries: list = []
        self.changed = asyncio.Condition()

    async def write(self, entry) -> None:
        async with self.changed:
            self.entries.append(entry)
            self.changed.notify_all()

    async def has(self, count: int, seconds: float = 30) -> list:
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(lambda: len(self.entries) >= count)
        return self.entries


@pytest.fixture
def diary() -> Diary:
    return Diary()


async def a_site(session, name: str) -> None:
    """Some change of a use case."""
    await session.execute(
        text(
            "insert into organizations (organization_id, name, contact_email) values ('org_alice', :name, 'a@b.example')"
        ),
        {"name": name},
    )


async def test_a_job_is_there_when_its_change_is(jobs, web, database_url, diary):
    jobs.task("test.write", diary.write)
    async with web.transaction(ALICE) as session:
        await a_site(session, "Alice")
        await jobs.enqueue(session, "test.write", entry=1)
        assert queued(database_url) == []
    assert len(queued(database_url)) == 1
    async with a_worker(jobs):
        assert await diary.has(1) == [1]


async def test_no_change_no_job(jobs, web, database_url, diary):
    jobs.task("test.write", diary.write)

    async def change_and_fail() -> None:
        async with web.transaction(ALICE) as session:
            await a_site(session, "Alice")
            await jobs.enqueue(session, "test.write", entry=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_and_fail()
    assert queued(database_url) == []


async def test_while_one_waits_another_is_a_no_op_and_spoils_no_transaction(jobs, web, engine, database_url, diary):
    jobs.task("test.write", diary.write)
    await jobs.enqueue(None, "test.write", queueing_lock="one", entry=1)
    await jobs.enqueue(None, "test.write", queueing_lock="one", entry=2)
    async with web.transaction(ALICE) as session:
        await a_site(session, "before")
        await jobs.enqueue(session, "test.write", queueing_lock="one", entry=3)
        await session.execute(text("update organizations set name = 'after'"))
        await jobs.enqueue(session, "test.write", queueing_lock="other", entry=4)
    assert queued(database_url, "args->>'entry'") == [("1",), ("4",)]
    async with engine.transaction(ENGINE) as session:
        assert await session.scalar(text("select name from organizations")) == "after"
    async with a_worker(jobs):
        assert sorted(await diary.has(2)) == [1, 4]
    await jobs.enqueue(None, "test.write", queueing_lock="one", entry=5)
    assert queued(database_url, "args->>'entry'") == [("5",)]


async def test_of_many_at_once_one_is_queued(jobs, web, database_url, diary):
    jobs.task("test.write", diary.write)

    async def enqueue(number: int) -> None:
        async with web.transaction(ALICE) as session:
            await jobs.enqueue(session, "test.write", queueing_lock="one", entry=number)

    await asyncio.gather(*(enqueue(number) for number in range(12)))
    assert len(queued(database_url)) == 1


async def test_a_lock_runs_jobs_one_after_another_in_their_order(jobs, diary):
    inside: Counter[str] = Counter()
    most: Counter[str] = Counter()
    together = asyncio.Event()

    async def work(number: int, group: str) -> None:
        inside[group] += 1
        most[group] = max(most[group], inside[group])
        if group == "free":
            if inside["free"] == 3:
                together.set()
            await asyncio.wait_for(together.wait(), 20)
        await asyncio.sleep(0)
        inside[group] -= 1
        await diary.write((group, number))

    jobs.task("test.work", work)
    for number in range(6):
        await jobs.enqueue(None, "test.work", lock="key", number=number, group="locked")
    for number in range(3):
        await jobs.enqueue(None, "test.work", number=number, group="free")
    async with a_worker(jobs):
        done = await diary.has(9)
    assert [number for group, number in done if group == "locked"] == list(range(6))
    assert most == {"locked": 1, "free": 3}


async def test_a_failing_job_is_tried_again_with_back_off(jobs, database_url, diary):
    async def fail_twice(entry: int) -> None:
        await diary.write(entry)
        if len(diary.entries) < 3:
            raise ConnectionError("the partner is away")

    jobs.task("test.fail", fail_twice)
    await jobs.enqueue(None, "test.fail", entry=1)
    waits = []
    async with a_worker(jobs):
        for tries in (1, 2):
            await diary.has(tries)
            waits.append(await planned(database_url, tries))
        await diary.has(3)
        await until_empty(database_url)
    assert waits[0] < waits[1]


async def planned(database_url: str, attempts: int) -> float:
    """In how many seconds the next attempt is planned, which is then brought forward."""
    async with asyncio.timeout(20):
        while True:
            with psycopg.connect(database_url, autocommit=True) as owner:
                found = owner.execute(
                    "select extract(epoch from scheduled_at - now())::float, id from procrastinate_jobs"
                    " where task_name like 'test.%%' and status = 'todo' and attempts = %s and scheduled_at is not null",
                    [attempts],
                ).fetchone()
                if found:
                    owner.execute("update procrastinate_jobs set scheduled_at = now() where id = %s", [found[1]])
                    return found[0]
            await asyncio.sleep(0.02)


async def until_empty(database_url: str) -> None:
    async with asyncio.timeout(20):
        while queued(database_url):
            await asyncio.sleep(0.02)


async def test_after_its_attempts_a_job_is_failed_and_kept_to_be_seen(jobs, database_url, diary):
    async def fail(entry: int) -> None:
        await diary.write(entry)
        raise ValueError(entry)

    jobs.task("test.fail", fail, attempts=1)
    await jobs.enqueue(None, "test.fail", entry=1)
    async with a_worker(jobs):
        await planned(database_url, 1)
        await diary.has(2)
        async with asyncio.timeout(20):
            while queued(database_url, "status::text") != [("failed",)]:
                await asyncio.sleep(0.02)


async def test_a_job_that_fails_while_its_successor_waits_leaves_the_work_to_it(jobs, database_url, diary):
    """The retry would break the queueing lock: the job must not stay `doing` for ever."""

    async def fail_first(entry: int) -> None:
        await diary.write(entry)
        if entry == 1:
            await jobs.enqueue(None, "test.fail", queueing_lock="one", delay_seconds=1, entry=2)
            raise ConnectionError

    jobs.task("test.fail", fail_first)
    await jobs.enqueue(None, "test.fail", queueing_lock="one", entry=1)
    async with a_worker(jobs):
        assert await diary.has(2) == [1, 2]
        await until_empty(database_url)


async def test_a_planned_job_waits_for_its_time(jobs, database_url, diary, clock):
    jobs.task("test.write", diary.write)
    clock.advance(days=3650)
    await jobs.enqueue(None, "test.write", at=clock.now(), entry=1)
    await jobs.enqueue(None, "test.write", delay_seconds=3600, entry=2)
    await jobs.enqueue(None, "test.write", entry=3)
    async with a_worker(jobs):
        assert await diary.has(1) == [3]
    with psycopg.connect(database_url) as owner:
        later = owner.execute(
            "select scheduled_at, scheduled_at - now() < interval '1 hour' from procrastinate_jobs"
            " where task_name = 'test.write' order by id"
        ).fetchall()
    assert later[0][0] == clock.now()
    assert later[1][1]


async def test_a_periodic_job_runs_by_itself(jobs, diary):
    async def tick(timestamp: int) -> None:
        await diary.write(timestamp)

    jobs.periodic("test.tick", tick, cron="* * * * * */1")
    async with a_worker(jobs):
        first, second, *_ = await diary.has(2)
    assert second > first


async def test_a_worker_survives_its_connections_being_terminated(jobs, database_url, diary):
    jobs.task("test.write", diary.write)
    async with a_worker(jobs):
        await jobs.enqueue(None, "test.write", entry=1)
        await diary.has(1)
        with psycopg.connect(database_url, autocommit=True) as admin:
            gone = admin.execute(
                "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity"
                " where datname = current_database() and usename = 'sliproad_engine'"
            ).fetchone()
        assert gone[0] >= 2  # the listener and a fetcher, at least
        async with asyncio.timeout(120):
            while len(diary.entries) < 2:
                with contextlib.suppress(Exception):  # the pool replaces what is broken when it meets it
                    await jobs.enqueue(None, "test.write", entry=2)
                    await diary.has(2, seconds=10)


async def start_worker(database_url: str, name: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, WORKER, as_role(database_url, "engine"), name, stdout=asyncio.subprocess.PIPE
    )


async def says(process: asyncio.subprocess.Process, words: str) -> None:
    async with asyncio.timeout(60):
        while line := await process.stdout.readline():
            if line.decode().strip() == words:
                return
    raise AssertionError(f"it ended without saying {words!r}")


async def kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


@pytest.mark.parametrize("successor_waits", [False, True])
async def test_the_job_of_a_killed_worker_runs_elsewhere(jobs, database_url, successor_waits):
    """Trust T1, kill -9 in mid-job. With a successor already queued under the same lock, the work is done by that one."""

    async def never(hold: str) -> None:
        raise AssertionError(hold)

    jobs.task("test.work", never)
    await jobs.enqueue(None, "test.work", queueing_lock="one", hold="first")
    first = await start_worker(database_url, "first")
    second = None
    try:
        await says(first, "started first")
        assert queued(database_url, "status::text") == [("doing",)]
        await kill(first)
        assert first.returncode == -9
        assert queued(database_url, "status::text") == [("doing",)]  # died while work was in flight
        if successor_waits:
            await jobs.enqueue(None, "test.work", queueing_lock="one", delay_seconds=30, hold="first")
        second = await start_worker(database_url, "second")
        if successor_waits:
            async with asyncio.timeout(60):
                while len(queued(database_url)) > 1:
                    await asyncio.sleep(0.05)
            with psycopg.connect(database_url, autocommit=True) as owner:
                owner.execute("update procrastinate_jobs set scheduled_at = now() where task_name = 'test.work'")
        await says(second, "done second")
        await until_empty(database_url)
    finally:
        for process in (first, second):
            if process is not None:
                await kill(process)


async def test_a_job_that_kills_its_workers_is_given_up(jobs, database_url, monkeypatch, diary):
    """It would take down worker after worker for ever."""
    jobs.task("test.write", diary.write)
    await jobs.enqueue(None, "test.write", entry=1)
    with psycopg.connect(database_url, autocommit=True) as owner:
        worker = owner.execute(
            "insert into procrastinate_workers (last_heartbeat) values (now() - interval '1 hour') returning id"
        ).fetchone()
        owner.execute(
            "update procrastinate_jobs set status = 'doing', attempts = %s, worker_id = %s where task_name = 'test.write'",
            [jobs_module.MOST_STARTS, worker[0]],
        )
    retry_stalled = jobs.app.tasks["foundation.retry_stalled"]
    await retry_stalled.func(0)
    assert queued(database_url, "status::text") == [("failed",)]
    assert diary.entries == []


async def test_stopping_a_worker_leaves_its_job_to_the_next(jobs, database_url, diary, monkeypatch):
    """A deployment: the worker is stopped while a job runs that does not end in time."""
    monkeypatch.setattr(jobs_module, "GRACEFUL_SECONDS", 0.1)
    ready = asyncio.Event()

    async def hold_once(entry: int) -> None:
        await diary.write(entry)
        if len(diary.entries) == 1:
            ready.set()
            await asyncio.Event().wait()

    jobs.task("test.hold", hold_once)
    await jobs.enqueue(None, "test.hold", entry=1)
    async with a_worker(jobs):
        await asyncio.wait_for(ready.wait(), 20)
    assert queued(database_url, "status::text") == [("todo",)]
    async with a_worker(jobs):
        await planned(database_url, 1)
        assert await diary.has(2) == [1, 1]
        await until_empty(database_url)


async def test_whether_anybody_works_can_be_asked(jobs, diary):
    jobs.task("test.write", diary.write)
    assert not await jobs.has_worker()
    await jobs.enqueue(None, "test.write", entry=1)
    async with a_worker(jobs):
        await diary.has(1)
        assert await jobs.has_worker()


def test_the_stalled_time_is_longer_than_several_heartbeats():
    assert timedelta(seconds=jobs_module.STALLED_SECONDS) >= 4 * timedelta(seconds=jobs_module.HEARTBEAT_SECONDS)
