"""Roll-outs of a version over a site: begun, watched, paused, resumed and rolled back by an operator; a periodic job drives them.

Rows hold everything: a worker that dies is followed by the next one, and the last state of each charge point is its assignment's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sliproad.features.accounts.model import OperatorActor
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.connections import assignments_store, rollout_rules, rollouts_store, versions_store
from sliproad.features.connections.applying import CHANGED, ConnectionApplying, split_by_identity
from sliproad.features.connections.model import NATIVE, Change
from sliproad.features.connections.rollout_rules import ROLLED_BACK, RUNNING, WAITING
from sliproad.features.connections.store import ConnectionRolloutItemRow, ConnectionRolloutRow
from sliproad.foundation.database import Database, IntegrityError, Session
from sliproad.foundation.errors import Conflict, NotFound
from sliproad.foundation.ids import new_id
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.web import Page

ADVANCE = "connections.advance"


@dataclass(frozen=True, slots=True)
class Plan:
    """How careful a roll-out is: sizes of the waves (the last one goes on), failures that it goes on with, seconds for each wave."""

    wave_sizes: tuple[int, ...] = (1, 10)
    most_failures: int = 0
    wait_seconds: int = 300


@dataclass(frozen=True, slots=True)
class Rollout:
    """A roll-out with its charge points, as its operator sees it."""

    row: ConnectionRolloutRow
    items: Sequence[ConnectionRolloutItemRow]


@dataclass(frozen=True, slots=True)
class Rollouts:
    """Use cases of an operator; see the module."""

    applying: ConnectionApplying
    jobs: Jobs

    @property
    def database(self) -> Database:
        return self.applying.database

    async def start(self, actor: OperatorActor, site_id: str, version_id: str, plan: Plan) -> Rollout:
        """Begin; the first wave is applied at once by a job.

        Raises:
            NotFound: no such site of this operator.
            InvalidInput: no such version, or it is for a single charge point.
            Conflict: `rollout_running`, another one is under way there.
        """
        now = self.applying.assigning.clock.now()
        async with self.database.transaction(actor.scope) as session:
            version = await self.applying.version(session, actor, version_id)
            charge_points = await self.applying.on_site(session, actor, site_id, version)
            fit, unfit = split_by_identity(version, charge_points)
            reasons = {state.charge_point_id: state.reason for state in unfit}
            before = await assignments_store.select_assignments(session, [each.key for each in charge_points])
            organization_id = (await self.applying.sites.by_id(session, site_id)).organization_id
            numbers = dict(zip([each.key for each in fit], rollout_rules.waves(len(fit), plan.wave_sizes), strict=True))
            await rollouts_store.finish_stopped(session, site_id, now)
            values = {
                "rollout_id": new_id("rol"),
                "operator_id": actor.operator_id,
                "organization_id": organization_id,
                "site_id": site_id,
                "version_id": version_id,
                "state": RUNNING,
                "reason": None,
                "wave": 0,
                "most_failures": plan.most_failures + len(unfit),
                "wait_seconds": plan.wait_seconds,
                "created_by": actor.actor_id,
                "created_at": now,
            }
            items = [
                self._item(
                    values, each, numbers.get(each.key, 0), reasons.get(each.charge_point_id), before.get(each.key)
                )
                for each in charge_points
            ]
            try:
                await rollouts_store.insert_rollout(session, values, items)
            except IntegrityError:
                raise running_already() from None
            started = await self._held(session, actor, str(values["rollout_id"]))
            await self._record(session, started, actor, "rollout_started")
            await self.jobs.enqueue(session, ADVANCE, rollout_id=started.rollout_id)
            return await self._shown(session, started)

    def _item(
        self, rollout: dict[str, Any], charge_point: ChargePoint, wave: int, refusal: str | None, before: Any
    ) -> dict[str, Any]:
        is_own = before is not None and before.operator_id == rollout["operator_id"]
        return {
            "rollout_id": rollout["rollout_id"],
            "charge_point_key": charge_point.key,
            "operator_id": rollout["operator_id"],
            "organization_id": charge_point.organization_id,
            "charge_point_id": charge_point.charge_point_id,
            "serial_number": charge_point.serial_number,
            "wave": wave,
            "state": WAITING if refusal is None else rollout_rules.FAILED,
            "reason": refusal,
            "previous_version_id": before.version_id if is_own else None,
            "previous_mode": before.mode if is_own else None,
            "state_at": rollout["created_at"],
        }

    async def read(self, actor: OperatorActor, rollout_id: str) -> Rollout:
        """One of the operator's. Raises NotFound."""
        async with self.database.transaction(actor.scope) as session:
            row = await rollouts_store.find_rollout(session, rollout_id)
            if row is None or row.operator_id != actor.operator_id:
                raise absent()
            return await self._shown(session, row)

    async def page(
        self, actor: OperatorActor, site_id: str | None, page: Page
    ) -> tuple[list[ConnectionRolloutRow], str | None]:
        """The operator's, newest first, and the next cursor."""
        after = page.after(datetime, str)
        before = (after[0], after[1]) if after else None
        async with self.database.transaction(actor.scope) as session:
            rows = await rollouts_store.newest_rollouts(session, actor.operator_id, site_id, before, page.limit + 1)
        return page.cut(rows, lambda row: (row.created_at, row.rollout_id))

    async def pause(self, actor: OperatorActor, rollout_id: str) -> Rollout:
        """Begin no further wave; what was applied stays. Raises NotFound, and Conflict `invalid_state`."""
        return await self._switch(actor, rollout_id, {"running"}, rollout_rules.PAUSED, "rollout_paused")

    async def resume(self, actor: OperatorActor, rollout_id: str) -> Rollout:
        """Go on, in spite of the failures that stopped it: those are tried again. Raises as `pause`."""
        return await self._switch(actor, rollout_id, {"paused", "stopped"}, RUNNING, "rollout_resumed")

    async def _switch(
        self, actor: OperatorActor, rollout_id: str, allowed: set[str], state: str, change: str
    ) -> Rollout:
        async with self.database.transaction(actor.scope) as session:
            row = await self._held(session, actor, rollout_id, *allowed)
            row.state, row.reason, row.finished_at = state, None, None
            try:
                await session.flush()
            except IntegrityError:
                raise running_already() from None
            if state == RUNNING:
                for item in await rollouts_store.items_of(session, rollout_id):
                    if item.state == rollout_rules.FAILED and item.wave:
                        item.state, item.reason = WAITING, None
                await self.jobs.enqueue(session, ADVANCE, rollout_id=rollout_id)
            await self._record(session, row, actor, change)
            return await self._shown(session, row)

    async def roll_back(self, actor: OperatorActor, rollout_id: str) -> Rollout:
        """Give every charge point that this roll-out has changed, and nobody since, what it had before.

        Raises:
            NotFound: no such roll-out of this operator, or its site has another operator now.
            Conflict: `invalid_state`, it was rolled back already.
        """
        async with self.database.transaction(actor.scope) as session:
            row = await self._held(session, actor, rollout_id, "running", "paused", "stopped", "completed")
            items = await rollouts_store.items_of(session, rollout_id)
            await self._restore(session, actor, row, items)
            row.state, row.reason, row.finished_at = ROLLED_BACK, None, self.applying.assigning.clock.now()
            await self._record(session, row, actor, "rolled_back")
            shown = await self._shown(session, row)
        await self.applying.bus.publish(CHANGED, {})
        return shown

    async def _restore(
        self,
        session: Session,
        actor: OperatorActor,
        row: ConnectionRolloutRow,
        items: Sequence[ConnectionRolloutItemRow],
    ) -> None:
        charge_points = {each.key: each for each in await self.applying.registry.of_site(session, row.site_id)}
        now_there = await assignments_store.select_assignments(session, list(charge_points), lock=True)
        assigning, off = self.applying.assigning, []
        groups: dict[tuple[str, bool], list[ChargePoint]] = {}
        for item in items:
            assignment = now_there.get(item.charge_point_key)
            if item.generation is None or assignment is None or assignment.generation != item.generation:
                continue
            if item.previous_version_id is None or item.previous_mode == "off":
                off.append(assignment)
            else:
                before = (item.previous_version_id, item.previous_mode == NATIVE)
                groups.setdefault(before, []).append(charge_points[item.charge_point_key])
            item.state, item.state_at, item.generation = ROLLED_BACK, assigning.clock.now(), None
        await assigning.switch_off(session, off, actor.actor_id, "The roll-out was rolled back.")
        for (version_id, native), members in sorted(groups.items()):
            version = await self.applying.version(session, actor, version_id)
            about = {"rollout_id": row.rollout_id}
            await assigning.assign(session, version, members, actor.actor_id, native=native, details=about)

    async def _held(
        self, session: Session, actor: OperatorActor, rollout_id: str, *states: str
    ) -> ConnectionRolloutRow:
        """One of the operator's in one of these states; it and its site stay so until the transaction ends."""
        known = await rollouts_store.find_rollout(session, rollout_id)
        if known is None or known.operator_id != actor.operator_id:
            raise absent()
        await self.applying.sites.of_operator(
            session, actor, known.site_id
        )  # before the roll-out: as all who lock both
        row = await rollouts_store.find_rollout(session, rollout_id, lock=True)
        if row is None or (states and row.state not in states):
            raise Conflict(f"The roll-out is {row.state if row else 'gone'}.", code="invalid_state")
        return row

    async def _shown(self, session: Session, row: ConnectionRolloutRow) -> Rollout:
        await session.flush()
        return Rollout(row, await rollouts_store.items_of(session, row.rollout_id))

    async def _record(self, session: Session, row: ConnectionRolloutRow, actor: OperatorActor, change: str) -> None:
        done = Change(
            change,
            row.operator_id,
            actor.actor_id,
            self.applying.assigning.clock.now(),
            organization_id=row.organization_id,
            site_id=row.site_id,
            to_version_id=row.version_id,
            details={"rollout_id": row.rollout_id},
        )
        await versions_store.record(session, [done])


def running_already() -> Conflict:
    return Conflict("Another roll-out is under way on this site.", code="rollout_running")


def absent() -> NotFound:
    return NotFound("There is no such roll-out.")
