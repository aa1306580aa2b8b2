"""What makes sessions move: the job that a start enqueues, wake-ups from the bus, and the poll behind both.

`app/wiring.py` registers it in every process (so that any can enqueue) and opens `Wakeups` in workers. A job ends as soon as the
session's next turn is kept: from then on its row says when to look again, and should this process die, the poll finds it. So jobs
never wait for a charge point. Nothing is held for a waiting session but a timer and an entry in memory.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from sliproad.features.commands.service import CommandService
from sliproad.features.commissioning.leftovers import Leftovers
from sliproad.features.commissioning.model import ADVANCE
from sliproad.features.commissioning.runner import WATCH_SECONDS, CommissioningRunner, Turn
from sliproad.features.commissioning.turns_store import Place
from sliproad.foundation.bus import Bus
from sliproad.foundation.jobs import Jobs

log = structlog.get_logger()
POLL = "commissioning.poll"
CLEAR_UP = "commissioning.clear_up"
POLL_LEFTOVERS = "commissioning.poll_leftovers"
EVERY_TWO_SECONDS = "* * * * * */2"
WATCH_AGAIN_SECONDS = 2.0
"""A gateway that a charge point has just come to does not know yet that it is watched."""
LAST_SECONDS = 2.0
"""So long sessions have to come to rest when the process stops."""
LATER, USUAL = -1, 0
"""Priorities: a thousand sessions that have not begun don't hold up a mail, or sessions whose worker has died."""


class Wakeups:
    """Runs sessions in this process: for each job, when their charge point says something meanwhile, and when time is up."""

    def __init__(self, runner: CommissioningRunner, commands: CommandService, bus: Bus) -> None:
        self.runner = runner
        self.commands = commands
        self.bus = bus
        self._waiting: dict[int, str] = {}
        self._left: dict[str, Place] = {}
        self._running: dict[str, bool] = {}
        self._watched: dict[int, float] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._end: Callable[[], Awaitable[None]] | None = None

    async def open(self) -> None:
        """Listen to the charge points of waiting sessions."""
        self._end = await self.bus.subscribe("live.*", self._on_live)

    async def close(self) -> None:
        """Stop listening, let what runs come to rest for a moment, then drop it; the poll of another process takes it up."""
        if self._end is not None:
            await self._end()
        for timer in self._timers.values():
            timer.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.runner.leases.close()

    async def take_on(self, session_id: str) -> None:
        """The job: until the session's next turn is kept. What follows goes on in this process without it."""
        kept = asyncio.get_running_loop().create_future()
        self._spawn(session_id, kept)
        await kept

    async def run(self, session_id: str, kept: Callable[[], None] | None = None) -> None:
        """Take the session on until it waits or ends. While it runs here already, have it look once more."""
        if session_id in self._running:
            self._running[session_id] = True
            return
        self._running[session_id] = False
        if (timer := self._timers.pop(session_id, None)) is not None:
            timer.cancel()
        try:
            await self._run(session_id, kept)
        finally:
            del self._running[session_id]

    async def _run(self, session_id: str, kept: Callable[[], None] | None) -> None:
        left = self._left.get(session_id) if kept is None else None  # a job means: whoever had it, it is ours now
        if (place := left or await self.runner.place_of(session_id)) is None:
            return
        key, is_new = place.charge_point_key, place.turn == 0
        await self._listen(key, session_id)
        left_at = None if left is None else left.turn
        turn = await self.runner.advance(session_id, left_at=left_at, is_new=is_new, kept=kept)
        while turn is not None and self._running[session_id]:
            self._running[session_id] = False
            await self._listen(key, session_id)
            turn = await self.runner.advance(session_id, left_at=turn.number)
        if turn is None:  # it has ended, is paused, or another process has it
            self._forget(session_id, key)
        else:
            self._wait(session_id, turn)

    def _wait(self, session_id: str, turn: Turn) -> None:
        """Have it looked at when its time comes."""
        assert turn.wake_at is not None
        self._left[session_id] = Place(turn.charge_point_key, turn.number)
        seconds = max(0.0, (turn.wake_at - self.runner.clock.now()).total_seconds())
        self._timers[session_id] = asyncio.get_running_loop().call_later(seconds, self._spawn, session_id)

    def _forget(self, session_id: str, key: int) -> None:
        """What its charge point says is of no concern here any more."""
        self._left.pop(session_id, None)
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
        if (session_id := self._waiting.get(int(subject.rpartition(".")[2]))) is None:
            return
        if session_id in self._running:
            self._running[session_id] = True
        else:
            self._spawn(session_id)

    def _spawn(self, session_id: str, kept: "asyncio.Future[None] | None" = None) -> None:
        """Look at the session soon, in this process."""
        task = asyncio.create_task(self._look(session_id, kept))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, session_id: str, kept: "asyncio.Future[None] | None") -> None:
        def tell() -> None:
            if kept is not None and not kept.done():
                kept.set_result(None)

        try:
            await self.run(session_id, None if kept is None else tell)
        except Exception as error:
            if kept is not None and not kept.done():
                kept.set_exception(error)  # the job is tried again
            else:  # the poll tries again
                log.exception("commissioning_wakeup_failed", session=session_id)
        finally:
            tell()


def register(jobs: Jobs, wakeups: Wakeups, leftovers: Leftovers) -> None:
    """Make the tasks known; `wakeups` may be one that was never opened, in processes that only enqueue."""

    async def advance(session_id: str) -> None:
        await wakeups.take_on(session_id)

    async def poll(timestamp: int) -> None:  # noqa: ARG001 (procrastinate says when it was due)
        for session_id in await wakeups.runner.take_overdue():
            await jobs.enqueue(None, ADVANCE, queueing_lock=session_id, priority=USUAL, session_id=session_id)

    async def clear_up(leftover_key: int) -> None:
        await leftovers.look(leftover_key)

    async def poll_leftovers(timestamp: int) -> None:  # noqa: ARG001
        for leftover_key in await leftovers.due():
            await jobs.enqueue(None, CLEAR_UP, queueing_lock=f"{CLEAR_UP} {leftover_key}", leftover_key=leftover_key)

    jobs.task(ADVANCE, advance, priority=LATER)
    jobs.task(CLEAR_UP, clear_up)
    jobs.periodic(POLL_LEFTOVERS, poll_leftovers, cron=EVERY_TWO_SECONDS)
    jobs.periodic(POLL, poll, cron=EVERY_TWO_SECONDS)
