"""Which of many sessions goes first: so many turns at once in this process, and those that have begun before those that have not.

A begun session's step has a time limit that is running; one that has not begun loses nothing by waiting. `runner` calls it for
each turn. A CALL in flight takes no place: its session waits for the charge point, not for us.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

Waiting = deque[asyncio.Future[None]]


class TurnOrder:
    """One per worker process."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._begun: Waiting = deque()
        self._new: Waiting = deque()

    @contextlib.asynccontextmanager
    async def turn(self, *, is_new: bool) -> AsyncIterator[None]:
        """Holds a place while the block runs; waits for one before."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(self._new if is_new else self._begun)
        try:
            yield
        finally:
            self._leave()

    async def _wait(self, queue: Waiting) -> None:
        place = asyncio.get_running_loop().create_future()
        queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():  # it was given the place in the same moment
                self._leave()
            raise

    def _leave(self) -> None:
        """Hand the place to whoever is next."""
        for queue in (self._begun, self._new):
            while queue:
                if not (next_one := queue.popleft()).done():
                    next_one.set_result(None)
                    return
        self._free += 1
