"""What is over is deleted: once an hour, in bounded batches, by what each table says about itself (`database.kept`).

A store writes down how long its rows stay beside who may see them; this module reads that off the metadata and knows no feature.
`plan()` is the whole list as a table. `app/wiring.py` registers the job; workers run it, one at a time in the whole cluster.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy import MetaData, text

from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database, Row
from sliproad.foundation.jobs import Jobs

log = structlog.get_logger()
RETENTION = "foundation.retention"
HOURLY = "41 * * * * 0"
BATCH = 5_000
MOST_BATCHES = 200
"""A table gives up a million rows an hour at most; what is left goes the next time."""


class Rule(NamedTuple):
    """Rows of `table` go when `since` is more than `days` ago and `where` holds."""

    table: str
    since: str
    days: float
    where: str


# procrastinate's own table: failed and given-up jobs stay to be looked at, those that succeeded go at once.
FAILED_JOBS = Rule(
    "procrastinate_jobs",
    "(select max(event.at) from procrastinate_events event where event.job_id = procrastinate_jobs.id)",
    30,
    "status in ('failed', 'aborted', 'cancelled')",
)


def plan(metadata: MetaData = Row.metadata, *, days: Mapping[str, float] | None = None) -> list[Rule]:
    """Every rule, by table; `days` are the installation's own wishes (`SLIPROAD_FRAME_LOG_DAYS`).

    Raises:
        ValueError: a wish for a table that keeps its rows for ever or does not exist.
    """
    wishes = dict(days or {})
    rules = [
        Rule(table.name, kept.since, wishes.pop(table.name, kept.days), kept.where)
        for table in metadata.sorted_tables
        if (kept := table.info.get("kept"))
    ]
    if wishes:
        raise ValueError(f"no rule for {', '.join(sorted(wishes))}")
    return sorted([*rules, FAILED_JOBS])


async def apply(database: Database, rule: Rule, now: datetime) -> int:
    """Delete what is over; each batch is a transaction of its own, and passes over rows that somebody holds. Returns how many."""
    delete = text(
        f"delete from {rule.table} where ctid in (select ctid from {rule.table}"  # noqa: S608 (names are constants of ours)
        f" where {rule.since} < :before and ({rule.where}) limit :batch for update skip locked)"
    )
    total = 0
    for _ in range(MOST_BATCHES):
        async with database.transaction(ENGINE) as session:
            done = await session.execute(delete, {"before": now - timedelta(days=rule.days), "batch": BATCH})
            count: int = done.rowcount  # type: ignore[attr-defined]  # a delete's result has it
        total += count
        if count < BATCH:
            break
    return total


def register(jobs: Jobs, database: Database, clock: Clock, *, days: Mapping[str, float] | None = None) -> None:
    """The periodic job; `database` speaks as `engine`. A table that fails does not keep the others from theirs."""

    async def run(timestamp: int) -> None:  # noqa: ARG001
        for rule in plan(days=days):
            try:
                if count := await apply(database, rule, clock.now()):
                    log.info("rows_deleted", table=rule.table, count=count)
            except Exception:
                log.exception("retention_failed", table=rule.table)

    jobs.periodic(RETENTION, run, cron=HOURLY)
