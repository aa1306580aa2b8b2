"""What makes sessions move: the job that a start enqueues, wake-ups from the bus, and the poll behind both.

`app/wiring.py` registers it in every process (so that any can enqueue) and opens `Wakeups` in workers. A job ends when its session
waits; nothing is held for a waiting session but a timer and an entry in memory, and should they be lost, the poll finds the session.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from sliproad.features.commands.service import CommandService
from sliproad.features.commissioning.leftovers import Leftovers
from sliproad.features.commissioning.model import ADVANCE
from sliproad.features.commissioning.runner import WATCH_SECONDS, CommissioningRunner
from sliproad.foundation.bus import Bus
from sliproad.foundation.jobs import Jobs

log = structlog.get_logger()
POLL = "commissioning.poll"
CLEAR_UP = "commissioning.clear_up"
POLL_LEFTOVERS = "commissioning.poll_leftovers"
EVERY_TWO_SECONDS = "* * * * * */2"
WATCH_AGAIN_SECONDS = 2.0
"""A gateway that a charge point has just come to does not know yet that it is watched."""
AT_ONCE = 30
"""Woken sessions that one process looks at in parallel; each look is a few milliseconds, its CALLs are not counted."""


class Wakeups:
    """Runs sessions in this process: for each job, when their charge point says something meanwhile, and when time is up."""

    def __init__(self, runner: CommissioningRunner, commands: CommandService, bus: Bus) -> None:
        self.runner = runner
        self.commands = commands
        self.bus = bus
        self._waiting: dict[int, str] = {}
        self._keys: dict[str, int] = {}
        self._running: dict[str, bool] = {}
        self._watched: dict[int, float] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._looks = asyncio.Semaphore(AT_ONCE)
        self._end: Callable[[], Awaitable[None]] | None = None

    async def open(self) -> None:
        """Listen to the charge points of waiting sessions."""
        self._end = await self.bus.subscribe("live.*", self._on_live)

    async def close(self) -> None:
        """Stop listening and drop what runs; the poll of another process takes it up."""
        if self._end is not None:
            await self._end()
        for timer in self._timers.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def run(self, session_id: str) -> None:
        """The job: take the session on until it waits or ends. While it runs here already, have it look once more."""
        if session_id in self._running:
            self._running[session_id] = True
            return
        self._running[session_id] = False
        if (timer := self._timers.pop(session_id, None)) is not None:
            timer.cancel()
        try:
            key = self._keys.get(session_id) or await self.runner.charge_point_of(session_id)
            if key is None:
                return
            self._keys[session_id] = key
            await self._listen(key, session_id)
            while (wake_at := await self.runner.advance(session_id)) is not None and self._running[session_id]:
                self._running[session_id] = False
                await self._listen(key, session_id)
            if wake_at is not None:
                seconds = max(0.0, (wake_at - self.runner.clock.now()).total_seconds())
                self._timers[session_id] = asyncio.get_running_loop().call_later(seconds, self._wake, session_id)
            else:  # it has ended, is paused, or another process has it
                self._forget(session_id, key)
        finally:
            del self._running[session_id]

    def _forget(self, session_id: str, key: int) -> None:
        """What its charge point says is of no concern here any more."""
        self._keys.pop(session_id, None)
        if self._waiting.get(key) == session_id:
            del self._waiting[key]
            self._watched.pop(key, None)

    async def _listen(self, key: int, session_id: str) -> None:
        """Have the gateways say what this charge point does; before looking, so that nothing falls in between."""
        self._waiting[key] = session_id
        now = asyncio.get_running_loop().time()
        if self._watched.get(key, 0.0) < now:
            self._watched[key] = now + WATCH_AGAIN_SECONDS
            await self.commands.watch(key, WATCH_SECONDS)

    async def _on_live(self, subject: str, _message: Any, _respond: Any) -> None:
        if (session_id := self._waiting.get(int(subject.rpartition(".")[2]))) is not None:
            self._wake(session_id)

    def _wake(self, session_id: str) -> None:
        """Look at the session soon, in this process."""
        if session_id in self._running:
            self._running[session_id] = True
            return
        task = asyncio.create_task(self._woken(session_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _woken(self, session_id: str) -> None:
        try:
            async with self._looks:
                await self.run(session_id)
        except Exception:  # the poll tries again
            log.exception("commissioning_wakeup_failed", session=session_id)


def register(jobs: Jobs, wakeups: Wakeups, leftovers: Leftovers) -> None:
    """Make the tasks known; `wakeups` may be one that was never opened, in processes that only enqueue."""

    async def advance(session_id: str) -> None:
        await wakeups.run(session_id)

    async def poll(timestamp: int) -> None:  # noqa: ARG001 (procrastinate says when it was due)
        for session_id in await wakeups.runner.due():
            await jobs.enqueue(None, ADVANCE, queueing_lock=session_id, session_id=session_id)

    async def clear_up(leftover_key: int) -> None:
        await leftovers.look(leftover_key)

    async def poll_leftovers(timestamp: int) -> None:  # noqa: ARG001
        for leftover_key in await leftovers.due():
            await jobs.enqueue(None, CLEAR_UP, queueing_lock=f"{CLEAR_UP} {leftover_key}", leftover_key=leftover_key)

    jobs.task(ADVANCE, advance)
    jobs.task(CLEAR_UP, clear_up)
    jobs.periodic(POLL_LEFTOVERS, poll_leftovers, cron=EVERY_TWO_SECONDS)
    jobs.periodic(POLL, poll, cron=EVERY_TWO_SECONDS)
