"""Housekeeping of the web plumbing: what is over is forgotten."""

from datetime import UTC, datetime

from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.web import idempotency, limits


def register(jobs: Jobs, database: Database) -> None:
    """`database` speaks as `engine`."""

    async def purge(timestamp: int) -> None:
        now = datetime.fromtimestamp(timestamp, UTC)
        async with database.transaction(ENGINE) as session:
            await limits.purge(session, now)
            await idempotency.purge(session, now)

    jobs.periodic("foundation.purge_web", purge, cron="17 * * * * 0")
