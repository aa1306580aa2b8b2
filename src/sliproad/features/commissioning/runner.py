"""The engine's body: takes a session from row to row until it has to wait. Jobs, wake-ups and the poll run it.

Each turn reads the session and the facts, asks the workflow until there is something to wait for, and keeps what came of it in one
statement or transaction, where nobody has changed the session meanwhile; only then is a CALL made. Whoever makes a CALL says so in
the row (`leases`) and its answer counts only in the same turn: two workers never run a session at once, and one that died is taken
over within seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.charge_points.service import ListedChargePoint
from sliproad.features.commands.service import CommandService
from sliproad.features.commissioning import store, turns_store, workflow
from sliproad.features.commissioning.asking import ask, order_update
from sliproad.features.commissioning.drift_keeping import remember
from sliproad.features.commissioning.ending import Ending
from sliproad.features.commissioning.facts import FactsGatherer
from sliproad.features.commissioning.leases import LEASE, Leases
from sliproad.features.commissioning.model import Answer, Note, Outgoing, Session
from sliproad.features.commissioning.steps.firmware_update import ORDER
from sliproad.features.commissioning.turn_order import TurnOrder
from sliproad.features.commissioning.turns_store import Held, Line, Place
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database

OVERDUE = timedelta(seconds=1)
NEW_OVERDUE = timedelta(seconds=60)
"""One that has not begun has its job, which lasts; many may wait in the queue before it."""
OVERDUE_AGAIN = timedelta(seconds=10)
WATCH_SECONDS = 30
OVERDUE_AT_ONCE = 500
TURNS_AT_ONCE = 8
"""A turn waits for the database, little else; with fewer the worker would idle, with more nothing goes faster."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of one look at a session, kept."""

    number: int
    charge_point_key: int
    outgoing: Outgoing | None
    then: Literal["again", "call", "wait", "rest", "done"]
    wake_at: datetime | None
    is_change: bool
    """Whether there is anything new to be seen."""
    ends_test: bool = False


@dataclass(slots=True)
class Progress:
    """The transitions of one turn, before they are kept."""

    session: Session
    then: Literal["again", "call", "wait", "rest", "done"]
    count: int
    lines: list[Line]
    test: Literal["ended", "abandoned"] | None

    @property
    def has_consequences(self) -> bool:
        """Whether it ends more than a step: the test transaction, or the session."""
        return self.then == "done" or self.test is not None


class CommissioningRunner:
    """One per worker process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        bus: Bus,
        commands: CommandService,
        *,
        facts: FactsGatherer,
        ending: Ending,
    ) -> None:
        """`database` speaks as role `engine`."""
        self.database = database
        self.clock = clock
        self.bus = bus
        self.commands = commands
        self.facts = facts
        self.ending = ending
        self.leases = Leases(database, clock, facts.live)
        self.order = TurnOrder(TURNS_AT_ONCE)

    async def advance(
        self,
        session_id: str,
        *,
        left_at: int | None = None,
        is_new: bool = False,
        kept: Callable[[], None] | None = None,
    ) -> Turn | None:
        """Run until the session waits, ends, or is found in another's hands. Returns the last turn while it waits.

        Idempotent: at any moment, any number of times, from any process. `left_at` is the turn at which the caller has left it:
        at another one, another has it. `is_new` lets others go first. `kept` is called when the first turn is, and again.
        """
        answer: Answer | None = None
        number = left_at
        while True:
            async with self.order.turn(is_new=is_new):
                turn = await self._turn(session_id, number, answer)
            if kept is not None:
                kept()
            if turn is None:
                return None
            answer, number, is_new = None, turn.number, False
            if turn.is_change:
                await self.bus.publish(f"commissioning.{turn.charge_point_key}", {})
            if turn.then == "call" and turn.outgoing is not None:
                answer = await self._call(session_id, turn, turn.outgoing)
                if answer is None:
                    return None
            elif turn.then == "wait":
                return turn
            if turn.then == "done" or turn.ends_test:
                await self.facts.registry.announce()
            if turn.then in {"done", "rest"}:
                return None

    async def take_overdue(self) -> list[str]:
        """The sessions that somebody should have looked at by now: their own process does so at the moment itself."""
        now = self.clock.now()
        return await turns_store.take_overdue(
            self.database, now - OVERDUE, now - NEW_OVERDUE, now + OVERDUE_AGAIN, OVERDUE_AT_ONCE
        )

    async def place_of(self, session_id: str) -> Place | None:
        """The charge point that a running session is about, and its turn."""
        return await turns_store.place_of(self.database, session_id)

    async def _turn(self, session_id: str, number: int | None, answer: Answer | None) -> Turn | None:
        """As many transitions as follow each other at once, kept; None where there is nothing to do for us."""
        while True:
            held = await turns_store.read(self.database, session_id)
            if held is None or (number is not None and held.turn != number):
                return None
            if held.session.status == "paused" and answer is None:
                return None
            given, now = answer, self.clock.now()
            if given is None and held.in_flight_until is not None:
                if held.in_flight_until > now:
                    return None
                given = Answer("lost")
            found = await self.facts.registry.by_key_with_live(self.database, held.charge_point_key)
            await remember(self.database, self.clock, found.charge_point, held.session.outgoing, given)
            progress = await self._progress(held, found, given)
            if progress is None:
                return Turn(held.turn, held.charge_point_key, None, "wait", held.session.wake_at, is_change=False)
            after = progress.session
            leased_until = self.clock.now() + LEASE if progress.then == "call" else None
            if leased_until is not None:
                progress.session = after = replace(after, wake_at=leased_until)
            if await self._keep(held, found.charge_point, progress, leased_until):
                return Turn(
                    held.turn + progress.count,
                    held.charge_point_key,
                    after.outgoing,
                    progress.then,
                    after.wake_at,
                    is_change=True,
                    ends_test=progress.test is not None,
                )

    async def _progress(self, held: Held, found: ListedChargePoint, answer: Answer | None) -> Progress | None:
        """What the workflow makes of it now; None where the session waits on as before."""
        session, now = held.session, self.clock.now()
        progress = Progress(session, "again", 0, [], None)
        while progress.then == "again":
            facts = await self.facts.gather(self.database, found.charge_point, session, found.live)
            event = workflow.Looked(facts) if answer is None else workflow.Answered(facts, answer)
            step = session.steps[-1 if session.current is None else session.current].name
            transition = workflow.advance(session, event, now)
            if not progress.count and _is_idle(session, transition, now):
                return None
            notes = (*_told(session, answer), *transition.notes)
            progress.lines += [Line(self.clock.now(), step, note) for note in notes]
            progress.test = progress.test or transition.test
            progress.then, progress.count = transition.then, progress.count + 1
            session, answer, now = transition.session, None, self.clock.now()
        progress.session = session
        return progress

    async def _keep(
        self, held: Held, charge_point: ChargePoint, progress: Progress, leased_until: datetime | None
    ) -> bool:
        """Put it into the rows, with its consequences in one transaction; False where somebody came between."""
        keep = partial(
            turns_store.keep,
            held=held,
            after=progress.session,
            turns=progress.count,
            in_flight_until=leased_until,
            lines=progress.lines,
        )
        if not progress.has_consequences:
            return await keep(self.database)
        async with self.database.transaction(ENGINE) as session:
            if not await keep(session):
                return False
            rows, now = await store.lock_session(session, held.session.session_id), self.clock.now()
            assert rows is not None
            if progress.test is not None:
                await self.ending.test(session, rows[0], progress.test, now)
            if progress.then == "done":
                await self.ending.settle(session, rows, charge_point, now)
        return True

    async def _call(self, session_id: str, turn: Turn, outgoing: Outgoing) -> Answer | None:
        """Make the CALL and see how it ends; None where another has taken over."""
        key = turn.charge_point_key
        return await self.leases.during(session_id, turn.number, key, outgoing.epoch, self._ask(key, outgoing))

    async def _ask(self, key: int, outgoing: Outgoing) -> Answer:
        updates = self.facts.updates
        if outgoing.action == ORDER and updates is not None:
            return await order_update(self.database, updates, key, outgoing.payload["firmwareId"])
        return await ask(self.commands, key, outgoing)


def _is_idle(before: Session, transition: workflow.Transition, now: datetime) -> bool:
    """Whether it waits on as before and is due soon enough: then there is nothing to write."""
    if transition.then != "wait" or transition.notes or before.wake_at is None:
        return False
    return before.wake_at > now and replace(transition.session, wake_at=before.wake_at) == before


def _told(session: Session, answer: Answer | None) -> tuple[Note, ...]:
    """How the CALL ended, for the log."""
    if answer is None or session.outgoing is None:
        return ()
    action = session.outgoing.action
    if answer.kind == "result":
        status = answer.payload.get("status")
        return (Note("debug", f"{action} was answered {status}" if status else f"{action} was answered"),)
    if answer.kind == "error":
        return (Note("warn", f"{action} was answered with the error {answer.code}: {answer.description}"),)
    outcome = {
        "timeout": "was not answered in time",
        "cut": "was not answered: the connection was lost",
        "lost": "was interrupted by a restart of the platform",
        "not_connected": "could not be sent: the charge point is not connected",
    }
    return (Note("warn", f"{action} {outcome[answer.kind]}"),)
