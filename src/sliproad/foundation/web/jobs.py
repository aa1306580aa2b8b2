"""Housekeeping of the web plumbing: what is over is forgotten."""

from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.web import idempotency, limits


def register(jobs: Jobs, database: Database, clock: Clock) -> None:
    """`database` speaks as `engine`."""

    async def purge(timestamp: int) -> None:  # noqa: ARG001
        now = clock.now()
        async with database.transaction(ENGINE) as session:
            await limits.purge(session, now)
            await idempotency.purge(session, now)

    jobs.periodic("foundation.purge_web", purge, cron="17 * * * * 0")
