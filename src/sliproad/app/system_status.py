"""Whether each part of the installation works, for the public page `/status`. `public_pages` shows it.

It tells no more than that: no address, no name, no error text. Whoever reloads the page costs nothing: what was seen a moment ago
is told again.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from sliproad.features.charge_points.presence import connections_by_gateway
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.web.health import PATIENCE_SECONDS, ReadinessCheck, states

log = structlog.get_logger()
FRESH = timedelta(seconds=5)
NEEDS_DATABASE = frozenset({"schema", "gateway", "worker"})
"""What can't be judged while the database is away."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stood at `looked_at`. `parts`: name -> `ready`, `not_ready` or `unknown`."""

    parts: Mapping[str, str]
    connections: tuple[int, ...]
    """Of each gateway that is alive: how many charge points it holds."""
    worker_seen_at: datetime | None
    looked_at: datetime

    @property
    def is_well(self) -> bool:
        return all(state == "ready" for state in self.parts.values())


class SystemStatus:
    """One per web process."""

    def __init__(self, checks: Mapping[str, ReadinessCheck], engine: Database, jobs: Jobs, clock: Clock) -> None:
        """`checks` are those of `/readyz`; `engine` speaks as role `engine`."""
        self.checks = checks
        self.engine = engine
        self.jobs = jobs
        self.clock = clock
        self._newest: Standing | None = None
        self._looking = asyncio.Lock()

    async def standing(self) -> Standing:
        """How things stand, at most five seconds ago; never raises on account of a part."""
        async with self._looking:
            if self._newest is None or self.clock.now() - self._newest.looked_at > FRESH:
                self._newest = await self._look()
            return self._newest

    async def _look(self) -> Standing:
        parts = await states(self.checks)
        if parts.get("database") != "ready":
            parts |= dict.fromkeys(NEEDS_DATABASE & parts.keys(), "unknown")
            return Standing(parts, (), None, self.clock.now())
        connections: tuple[int, ...] = ()
        worker_seen_at = None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                worker_seen_at = await self.jobs.worker_seen_at()
                async with self.engine.transaction(ENGINE) as session:
                    connections = await connections_by_gateway(session)
        except Exception as error:  # noqa: BLE001 (whatever it was, the page tells what is known)
            log.warning("status_unreadable", error=type(error).__name__)
        return Standing(parts, connections, worker_seen_at, self.clock.now())
