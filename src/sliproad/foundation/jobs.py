"""Durable jobs on PostgreSQL (procrastinate), enqueued in the transaction of the change that needs them.

Tasks are defined in a feature's `jobs` module as plain async functions and registered here by name; multi-step flows are rows
with a state, whose every transition enqueues the next idempotent job (house §3). `app/processes.py` runs the worker.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import procrastinate
import structlog
from procrastinate import RetryStrategy
from procrastinate.exceptions import AlreadyEnqueued, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.psycopg_connector import PsycopgConnector
from psycopg_pool import AsyncConnectionPool

from sliproad.foundation.database import Session, driver_connection
from sliproad.foundation.database.sessions import check_quiet

log = structlog.get_logger()
Task = Callable[..., Awaitable[None]]
HEARTBEAT_SECONDS = 1.0
STALLED_SECONDS = 5.0
GRACEFUL_SECONDS = 5.0
MOST_STARTS = 50
"""A job whose worker died this often under it is given up, or it would take down worker after worker for ever."""


def connection_pool(**options: Any) -> AsyncConnectionPool:
    """procrastinate's, which sees without a round trip whether the server has gone: it asks before each statement."""
    return AsyncConnectionPool(**options | {"check": check_quiet})


class Queue(JobManager):
    """procrastinate's queue, which can try a job again also while another with its `queueing_lock` waits already."""

    async def retry_job(self, job: Job, *arguments: Any, **options: Any) -> None:
        """Put `job` back into the queue; the one that waits in its place does its work, where there is one.

        Without this, a job that fails or whose worker was killed while the next one is queued stays `doing` for ever, and
        `retry_stalled` stops at it and never reaches those behind.
        """
        try:
            await super().retry_job(job, *arguments, **options)
        except UniqueViolation:
            log.info("job_replaced", job=job.id, task=job.task_name)
            await self.finish_job(job, Status.ABORTED, delete_job=True)


class Jobs:
    """The queue of one process. Every process registers the same tasks, so that any can enqueue and any worker can run."""

    def __init__(self, engine_url: str, *, pool_size: int = 4) -> None:
        """`engine_url` is a libpq URL that speaks as role `engine`."""
        self.app = procrastinate.App(
            connector=PsycopgConnector(
                pool_factory=connection_pool, conninfo=engine_url, min_size=1, max_size=pool_size
            ),
        )
        self.app.job_manager = Queue(self.app.connector)
        self._register_retry_stalled()

    def task(self, name: str, function: Task, *, attempts: int = 10, queue: str = "default", priority: int = 0) -> None:
        """Register `function` (called with the job's JSON arguments) as `name`; it is retried up to `attempts` times, with back-off.

        Waits double: 2 s, 4 s, … After the last one the job stays in the queue's table as `failed`. Jobs of a higher `priority`
        go first.
        """
        retry = RetryStrategy(max_attempts=attempts, exponential_wait=2)
        self.app.task(name=name, queue=queue, retry=retry, priority=priority)(function)

    def periodic(self, name: str, function: Callable[[int], Awaitable[None]], *, cron: str) -> None:
        """Run `function(timestamp)` by a cron expression with seconds last (`* * * * * */2`), once in the whole cluster."""
        task = self.app.task(name=name, queueing_lock=name)(function)
        self.app.periodic(cron=cron)(task)

    async def enqueue(
        self,
        session: Session | None,
        name: str,
        *,
        lock: str | None = None,
        queueing_lock: str | None = None,
        at: datetime | None = None,
        delay_seconds: float = 0,
        priority: int | None = None,
        **arguments: Any,
    ) -> None:
        """Enqueue in `session`'s transaction, or at once without one.

        Jobs with the same `lock` run one after another; while one with the same `queueing_lock` waits, another is a no-op. The
        one that waits may start before this transaction commits and miss its change: have a poll behind such a wake-up.
        `priority` None is the task's own.
        """
        options: dict[str, Any] = {"lock": lock, "queueing_lock": queueing_lock}
        if priority is not None:
            options["priority"] = priority
        if at or delay_seconds:
            options["schedule_at"] = at or datetime.now(UTC) + timedelta(seconds=delay_seconds)
        if session is None:
            try:
                await self.app.configure_task(name, **options).defer_async(**arguments)
            except AlreadyEnqueued:
                return
            return
        try:
            async with session.begin_nested():  # a duplicate must not spoil the caller's transaction
                options["connection"] = await driver_connection(session)  # in here: asking for it sets the savepoint
                await self.app.configure_task(name, **options).defer_async(**arguments)
        except AlreadyEnqueued:
            return

    async def open(self) -> None:
        """Open the pool; enqueuing needs it."""
        await self.app.open_async()

    async def close(self) -> None:
        await self.app.close_async()

    async def has_worker(self) -> bool:
        """Whether somebody works, in any process."""
        alive = "select exists (select from procrastinate_workers where last_heartbeat > now() - make_interval(secs => %(s)s))"
        found = await self.app.connector.execute_query_one_async(alive, s=2 * STALLED_SECONDS)
        return bool(found["exists"])

    async def worker_seen_at(self) -> datetime | None:
        """The newest sign of life of any worker; None where there is none."""
        newest = "select max(last_heartbeat) as at from procrastinate_workers"
        found: datetime | None = (await self.app.connector.execute_query_one_async(newest))["at"]
        return found

    async def run_worker(self, *, concurrency: int = 50) -> None:
        """Work until cancelled; `app/processes.py` starts it anew when it ends by itself."""
        await self.app.run_worker_async(
            concurrency=concurrency,
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=STALLED_SECONDS,
            shutdown_graceful_timeout=GRACEFUL_SECONDS,
            install_signal_handlers=False,
            delete_jobs="successful",
        )

    def _register_retry_stalled(self) -> None:
        """Jobs of a killed worker stay `doing` for ever unless somebody brings them back (trust, procrastinate)."""

        async def retry_stalled(timestamp: int) -> None:  # noqa: ARG001
            for job in await self.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
                if job.attempts >= MOST_STARTS:
                    log.error("job_kills_workers", job=job.id, task=job.task_name, starts=job.attempts)
                    await self.app.job_manager.finish_job(job, Status.FAILED, delete_job=False)
                    continue
                log.info("job_brought_back", job=job.id, task=job.task_name)
                await self.app.job_manager.retry_job(job)

        self.periodic("foundation.retry_stalled", retry_stalled, cron="* * * * * */5")
