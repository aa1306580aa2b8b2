"""The engine's body: takes a session from row to row until it has to wait. Jobs, wake-ups and the poll run it.

Each turn is a transaction: lock the session, gather facts, ask the workflow, store, until there is something to wait for; commit;
only then is a CALL made, outside of any transaction. Whoever makes a CALL says so in the row (`in_flight_until`, prolonged while it
waits) and its answer counts only in the same `turn`: two workers never run a session at once, and one that died is taken over
within seconds.
"""

import asyncio
import contextlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import structlog

from sliproad.features.commands.service import CommandService
from sliproad.features.commissioning import store, views, workflow
from sliproad.features.commissioning.asking import ask, order_update
from sliproad.features.commissioning.drift_keeping import remember
from sliproad.features.commissioning.ending import Ending
from sliproad.features.commissioning.facts import FactsGatherer
from sliproad.features.commissioning.model import Answer, Note, Outgoing, Session
from sliproad.features.commissioning.steps.firmware_update import ORDER
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.database import Session as DatabaseSession

log = structlog.get_logger()
LEASE = timedelta(seconds=6)
PROLONG_SECONDS = 2.0
OVERDUE = timedelta(seconds=1)
WATCH_SECONDS = 30
DUE_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Turn:
    """A transition that is committed."""

    key: int
    turn: int
    outgoing: Outgoing | None
    then: Literal["again", "call", "wait", "rest", "done"]
    ends_test: bool
    wake_at: datetime | None
    shown: dict[str, Any] | None
    """What watchers are told; None where nothing changed."""


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

    async def advance(self, session_id: str) -> datetime | None:
        """Run until the session waits, ends, or is found in another's hands. Returns when to look again while it waits.

        Idempotent: at any moment, any number of times, from any process.
        """
        answer: Answer | None = None
        turn: Turn | None = None
        while True:
            turn = await self._transition(session_id, turn, answer)
            if turn is None:
                return None
            answer = None
            if turn.shown is not None:
                await self.bus.publish(f"commissioning.{turn.key}", turn.shown)
            if turn.then == "call" and turn.outgoing is not None:
                answer = await self._call(session_id, turn, turn.outgoing)
                if answer is None:
                    return None
            elif turn.then == "wait":
                return turn.wake_at
            if turn.then == "done" or turn.ends_test:
                await self.facts.registry.announce()
            if turn.then in {"done", "rest"}:
                return None

    async def due(self) -> list[str]:
        """The sessions that somebody should have looked at by now: their own process does so at the moment itself."""
        async with self.database.transaction(ENGINE) as session:
            return list(await store.due_sessions(session, self.clock.now() - OVERDUE, DUE_AT_ONCE))

    async def charge_point_of(self, session_id: str) -> int | None:
        """The key of the charge point that a running session is about."""
        async with self.database.transaction(ENGINE) as session:
            return await store.running_charge_point(session, session_id)

    async def _transition(self, session_id: str, before: Turn | None, answer: Answer | None) -> Turn | None:
        """In one transaction as many transitions as follow each other at once; None where there is nothing to do for us."""
        async with self.database.transaction(ENGINE) as session:
            session.autoflush = False  # what a turn changes is written once, at its end
            rows = await store.lock_session(session, session_id)
            if rows is None or rows[0].status not in store.ACTIVE_STATUSES:
                return None
            row, now = rows[0], self.clock.now()
            if row.status == "paused" and answer is None:
                return None
            if answer is not None and (before is None or row.turn != before.turn):
                return None
            if answer is None and row.in_flight_until is not None:
                if row.in_flight_until > now:
                    return None
                answer = Answer("lost")
            charge_point = await self.facts.registry.by_key(session, row.charge_point_key)
            commissioning, ends_test = store.session_of(rows, store.template_of(row)), False
            await remember(session, self.clock, charge_point, commissioning.outgoing, answer)
            live = await self.facts.live.live(session, row.charge_point_key)
            while True:
                facts = await self.facts.gather(session, charge_point, commissioning, live)
                event = workflow.Looked(facts) if answer is None else workflow.Answered(facts, answer)
                step = commissioning.steps[-1 if commissioning.current is None else commissioning.current].name
                transition = workflow.advance(commissioning, event, now)
                if row.wake_at is not None and _is_idle(commissioning, transition, now):
                    return Turn(row.charge_point_key, row.turn, None, "wait", ends_test, row.wake_at, None)
                if transition.test is not None:
                    ends_test = True
                    await self.ending.test(session, row, transition.test, now)
                await self._store(session, rows, transition, step, _told(commissioning, answer))
                if transition.then != "again":
                    break
                commissioning, answer, now = transition.session, None, self.clock.now()
            if transition.then == "done":
                await self.ending.settle(session, rows, charge_point, now)
            shown, outgoing = views.progress(rows), transition.session.outgoing
            return Turn(row.charge_point_key, row.turn, outgoing, transition.then, ends_test, row.wake_at, shown)

    async def _store(
        self,
        session: DatabaseSession,
        rows: store.Rows,
        transition: workflow.Transition,
        step: str | None,
        told: tuple[Note, ...],
    ) -> None:
        row, now = rows[0], self.clock.now()
        store.keep(rows, transition.session)
        row.in_flight_until = now + LEASE if transition.then == "call" else None
        if transition.then == "call":
            row.wake_at = row.in_flight_until
        await store.insert_logs(session, row, now, step, (*told, *transition.notes))

    async def _call(self, session_id: str, turn: Turn, outgoing: Outgoing) -> Answer | None:
        """Make the CALL and see how it ends, saying all the while that we live; None where another has taken over."""
        call = asyncio.ensure_future(self._ask(turn.key, outgoing))
        try:
            while not (await asyncio.wait({call}, timeout=PROLONG_SECONDS))[0]:
                async with self.database.transaction(ENGINE) as session:
                    if not await store.prolong(session, session_id, turn.turn, self.clock.now() + LEASE):
                        return None
                    live = await self.facts.live.live(session, turn.key)
                if not call.done() and live.epoch != outgoing.epoch:
                    return Answer("cut")
            return call.result()
        finally:
            call.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({call})

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
