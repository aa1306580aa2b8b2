"""A process that has CALLs in flight says so in their sessions' rows, again and again: no other takes them over meanwhile.

The runner holds a lease for each CALL. Should the process die, its leases run out within seconds, and whoever finds the session
goes on. One statement prolongs all leases of the process, however many charge points take their time.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.commissioning import turns_store
from sliproad.features.commissioning.model import Answer
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database, DatabaseError

log = structlog.get_logger()
LEASE = timedelta(seconds=6)
PROLONG_SECONDS = 2.0


@dataclass(eq=False, slots=True)
class Lease:
    """One CALL: of which turn of its session, on which connection; `ended` without an answer where it is of no use any more."""

    session_id: str
    turn: int
    charge_point_key: int
    epoch: int | None
    ended: asyncio.Future[Answer | None]


class Leases:
    """One per worker process. `database` speaks as role `engine`."""

    def __init__(self, database: Database, clock: Clock, live: LiveService) -> None:
        self.database = database
        self.clock = clock
        self.live = live
        self._held: dict[str, Lease] = {}
        self._prolonging: asyncio.Task[None] | None = None

    async def during(
        self, session_id: str, turn: int, charge_point_key: int, epoch: int | None, call: Coroutine[Any, Any, Answer]
    ) -> Answer | None:
        """Make the CALL under a lease, and give its outcome: `cut` where its connection has gone meanwhile, None where another
        process has taken over.
        """
        calling = asyncio.ensure_future(call)
        lease = Lease(session_id, turn, charge_point_key, epoch, asyncio.get_running_loop().create_future())
        self._held[session_id] = lease
        if self._prolonging is None or self._prolonging.done():
            self._prolonging = asyncio.create_task(self._prolong_all())
        try:
            either: set[asyncio.Future[Any]] = {calling, lease.ended}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return calling.result() if calling.done() else lease.ended.result()
        finally:
            if self._held.get(session_id) is lease:
                del self._held[session_id]
            calling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({calling})

    async def _prolong_all(self) -> None:
        """Until no CALL is in flight."""
        while self._held:
            await asyncio.sleep(PROLONG_SECONDS)
            leases = list(self._held.values())
            try:
                await self._prolong(leases)
            except (
                DatabaseError
            ):  # they may run out; then the answers don't count, and the sessions are found by the poll
                log.exception("leases_not_prolonged", calls=len(leases))

    async def _prolong(self, leases: list[Lease]) -> None:
        if not leases:
            return
        async with self.database.transaction(ENGINE) as session:
            turns = {lease.session_id: lease.turn for lease in leases}
            ours = await turns_store.prolong(session, turns, self.clock.now() + LEASE)
            live = await self.live.live_of(session, [lease.charge_point_key for lease in leases])
        for lease in leases:
            if lease.ended.done():
                continue
            if lease.session_id not in ours:
                lease.ended.set_result(None)
            elif (state := live.get(lease.charge_point_key)) is None or state.epoch != lease.epoch:
                lease.ended.set_result(Answer("cut"))

    async def close(self) -> None:
        """Prolong no more."""
        if self._prolonging is not None:
            self._prolonging.cancel()
            await asyncio.gather(self._prolonging, return_exceptions=True)
