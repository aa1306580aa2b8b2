"""Stop, pause, resume and restart a session, and look back at earlier ones (contract §3). `control_routes` call it.

The rules are `workflow`'s; here each is one transaction that holds the session's row, so that of any two at once, of people or of
the engine, one sees what the other left. A worker that is about to answer for a session that was stopped finds its turn gone.
"""

from dataclasses import replace
from datetime import datetime

from sliproad.features.accounts.model import InstallerActor
from sliproad.features.commissioning import leftovers, store, views, workflow
from sliproad.features.commissioning.model import ADVANCE, Options
from sliproad.features.commissioning.model import Session as CommissioningSession
from sliproad.features.commissioning.service import Actor, CommissioningService
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import Session
from sliproad.foundation.errors import Conflict, NotFound
from sliproad.foundation.web.paging import Page

STOPPED_STATUS = "not_started"
"""What a charge point goes back to when its commissioning is stopped."""


class CommissioningControl:
    """One per web process."""

    def __init__(self, service: CommissioningService, bus: Bus) -> None:
        self.service = service
        self.database = service.database
        self.clock = service.clock
        self.bus = bus

    async def stop(self, actor: Actor, charge_point_id: str) -> store.Rows:
        """End the active session, and a test transaction that it runs.

        Raises:
            NotFound: no such charge point of whoever asks.
            Conflict: `invalid_state`: no session is active.
        """
        key = await self._key(actor, charge_point_id)
        async with self.database.transaction(actor.scope) as session:
            rows = await self._active(session, key, "stopped")
            await self._stop(session, rows, self.clock.now())
        await self._tell(rows)
        return rows

    async def pause(self, actor: Actor, charge_point_id: str) -> store.Rows:
        """Hold the active session at its current step.

        Raises:
            NotFound: no such charge point of whoever asks.
            Conflict: `invalid_state`: no session is running.
        """
        key, now = await self._key(actor, charge_point_id), self.clock.now()
        async with self.database.transaction(actor.scope) as session:
            rows = await self._active(session, key, "paused")
            await self._apply(session, rows, workflow.pause(_session(rows), now), now)
        await self._tell(rows)
        return rows

    async def resume(self, actor: Actor, charge_point_id: str) -> tuple[store.Rows, datetime]:
        """Have the paused session go on; the session, and when it was resumed.

        Raises:
            NotFound: no such charge point of whoever asks.
            Conflict: `invalid_state`: no session is paused.
        """
        key, now = await self._key(actor, charge_point_id), self.clock.now()
        async with self.database.transaction(actor.scope) as session:
            rows = await self._active(session, key, "resumed")
            charge_point = await self.service.of_actor(session, actor, charge_point_id)
            token = self.service.authorization.test_token(key, charge_point.test_number)
            await self._apply(session, rows, workflow.resume(_session(rows), token, now), now)
            session_id = rows[0].session_id
            await self.service.jobs.enqueue(session, ADVANCE, queueing_lock=session_id, session_id=session_id)
        await self._tell(rows)
        return rows, now

    async def restart(
        self, actor: InstallerActor, charge_point_id: str, *, template_id: str | None = None
    ) -> store.Rows:
        """Stop what is active and begin anew as the newest session was started, in one transaction; that one stays readable.

        Raises:
            NotFound: no such charge point of this installer, or no such template.
            Conflict: `invalid_state` (there is no session to restart), `session_already_running` (another restart won),
                `not_connected` (nothing was stopped), `project_handed_over`.
            Unprocessable: `already_commissioned`.
        """
        key = await self._key(actor, charge_point_id)
        async with self.database.transaction(actor.scope) as session:
            newest = await store.latest_session(session, key)
        if newest is None:
            raise never_started()
        plan = await self.service.plan(actor, charge_point_id, template_id or newest[0].template_id)
        async with self.database.transaction(actor.scope) as session:
            if (active := await store.lock_active(session, key)) is not None:
                await self._stop(session, active, self.clock.now())
                await session.flush()
            options = Options(**newest[0].options)
            rows = await self.service.begin(session, actor, plan, options, newest[0].notes)
        await self._tell(rows)
        return rows

    async def sessions(
        self, actor: Actor, charge_point_id: str, page: Page
    ) -> tuple[list[store.Rows], int, str | None]:
        """A charge point's sessions, newest first; how many there are; the next cursor.

        Raises:
            NotFound: no such charge point of whoever asks.
        """
        key = await self._key(actor, charge_point_id)
        async with self.database.transaction(actor.scope) as session:
            after = page.after(datetime, str)
            found = await store.session_page(session, key, (after[0], after[1]) if after else None, page.limit + 1)
            kept, cursor = page.cut(found, lambda rows: (rows[0].started_at, rows[0].session_id))
            return kept, await store.count_sessions(session, key), cursor

    async def session(self, actor: Actor, charge_point_id: str, session_id: str) -> store.Rows:
        """One of a charge point's sessions.

        Raises:
            NotFound: no such charge point of whoever asks, or no such session of it.
        """
        key = await self._key(actor, charge_point_id)
        async with self.database.transaction(actor.scope) as session:
            rows = await store.find_session(session, key, session_id)
        if rows is None:
            raise NotFound("There is no such commissioning session of this charge point.")
        return rows

    async def _key(self, actor: Actor, charge_point_id: str) -> int:
        async with self.database.transaction(actor.scope) as session:
            return (await self.service.of_actor(session, actor, charge_point_id)).key

    async def _active(self, session: Session, key: int, done: str) -> store.Rows:
        """The active session, held; else why nothing can be `done`."""
        if (rows := await store.lock_active(session, key)) is not None:
            return rows
        newest = await store.latest_session(session, key)
        raise never_started() if newest is None else workflow.wrong_state(done, newest[0].status)

    async def _stop(self, session: Session, rows: store.Rows, now: datetime) -> None:
        await self._apply(session, rows, workflow.stop(_session(rows), now), now)
        await self.service.registry.set_commissioning_status(session, rows[0].charge_point_key, STOPPED_STATUS, now)

    async def _apply(self, session: Session, rows: store.Rows, transition: workflow.Transition, now: datetime) -> None:
        """Make a transition durable. A CALL in flight that the session still wants keeps its turn, so that its answer counts."""
        row = rows[0]
        step = views.current_step(rows) or rows[1][-1].name
        if transition.test is not None:
            await leftovers.end_test(session, self.service.registry, row, transition.test, now)
        after, in_flight_until = transition.session, row.in_flight_until
        wants_answer = in_flight_until is not None and after.outgoing is not None
        if wants_answer and after.status == "running":
            after = replace(after, wake_at=in_flight_until)
        store.keep(rows, after, same_turn=wants_answer)
        if not wants_answer:
            row.in_flight_until = None
        await store.insert_logs(session, row, now, step, transition.notes)

    async def _tell(self, rows: store.Rows) -> None:
        """After the commit: to gateways and to whoever watches."""
        await self.service.registry.announce()
        await self.bus.publish(f"commissioning.{rows[0].charge_point_key}", {})


def _session(rows: store.Rows) -> CommissioningSession:
    return store.session_of(rows, store.template_of(rows[0]))


def never_started() -> Conflict:
    """There is nothing to control."""
    return Conflict("Commissioning has not been started for this charge point.", code="invalid_state")
