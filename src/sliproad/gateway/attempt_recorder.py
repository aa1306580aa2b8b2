"""Stores attempts to connect in batches, off the sockets' path: a flood of attempts costs one insert now and then."""

import asyncio
from collections import deque

import structlog

from sliproad.foundation.database import DatabaseError
from sliproad.gateway.ports import Attempt, RecordAttempts

log = structlog.get_logger()
MOST_WAITING = 10_000
BATCH = 1000
PAUSE_SECONDS = 0.2


class AttemptRecorder:
    """`record` never waits; when the database is away the oldest attempts give way."""

    def __init__(self, store: RecordAttempts) -> None:
        self._store = store
        self._waiting: deque[Attempt] = deque(maxlen=MOST_WAITING)
        self._wake = asyncio.Event()

    def record(self, attempt: Attempt) -> None:
        """Keep an attempt for the next batch."""
        self._waiting.append(attempt)
        self._wake.set()

    async def run(self) -> None:
        """Store for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()
            await asyncio.sleep(PAUSE_SECONDS)

    async def flush(self) -> None:
        """Store what waits; what can't be stored now stays."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            try:
                await self._store(batch)
            except (DatabaseError, OSError) as error:
                log.warning("attempts_not_stored", error=repr(error))
                self._waiting.extendleft(reversed(batch))
                self._wake.set()
                return
