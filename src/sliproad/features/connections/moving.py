"""Moves charge points themselves to operators' servers (contract §5, `"delivery": "native"`): rows, CALLs, and what is told of it.

Jobs call `advance`, one job for each transition; `move_model` says what is next. Everything that is known stands in the row before a
CALL is made and after its answer, so that a worker may die at any moment and the next one goes on there.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.charge_points.service import ListedChargePoint, RegistryService
from sliproad.features.commands.service import CommandService
from sliproad.features.connections import assignments_store, moves_store, versions_store
from sliproad.features.connections.assigning import MOVE
from sliproad.features.connections.model import NATIVE, Change, state_changed
from sliproad.features.connections.move_model import certificates, course
from sliproad.features.connections.move_model.course import Decision
from sliproad.features.connections.move_model.parts import Answer, Call, Move, Situation, Target
from sliproad.features.connections.move_model.vendor_keys import VendorKeys
from sliproad.features.connections.sealing import ConnectionSecrets
from sliproad.features.connections.store import ConnectionAssignmentRow, ConnectionMoveRow
from sliproad.features.security.service import CredentialService
from sliproad.foundation import outbox
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database, Session
from sliproad.foundation.errors import Conflict, InvalidInput, NotFound, UpstreamUnavailable
from sliproad.foundation.jobs import Jobs

log = structlog.get_logger()
LEASE = timedelta(seconds=45)
"""So long a CALL may take before another worker looks."""
DUE_AT_ONCE = 500
OWN = "to be made"
"""In place of the password that is made only when it is the next to be sent."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A CALL to be made in a turn of a move; its answer counts in that turn only."""

    turn: int
    call: Call
    target: Target
    credential_id: int | None


@dataclass(frozen=True, slots=True)
class Scene:
    """What one look at a move works with, held by its transaction."""

    row: ConnectionMoveRow
    assignment: ConnectionAssignmentRow | None
    charge_point: ChargePoint
    move: Move
    target: Target
    at: Situation


@dataclass(frozen=True, slots=True)
class Moving:
    """See the module; `engine` speaks as that role."""

    engine: Database
    clock: Clock
    jobs: Jobs
    registry: RegistryService
    live: LiveService
    commands: CommandService
    credentials: CredentialService
    secrets: ConnectionSecrets
    families: tuple[VendorKeys, ...]
    window: timedelta
    """How long leaving and arriving may take."""

    async def advance(self, charge_point_key: int) -> None:
        """Look at a charge point's move, and make the next CALL where one is due. Any number of times, from any worker."""
        claim = await self._look(charge_point_key)
        if claim is None:
            return
        if claim.credential_id is not None:
            await self.registry.announce()
        answer = await self._ask(charge_point_key, claim.call)
        await self._take(charge_point_key, claim, answer)

    async def poll(self) -> None:
        """Have due moves looked at; those that only wait for a charge point to come (back), when it is there."""
        async with self.engine.transaction(ENGINE) as session:
            now = self.clock.now()
            due = await moves_store.due_moves(session, now, DUE_AT_ONCE)
            watched = [key for key, step in due if step in course.WATCHED]
            here = await self.live.live_of(session, watched)
            calling = [key for key, step in due if step not in course.WATCHED or (key in here and here[key].connected)]
            await moves_store.look_later(session, [key for key, _ in due], now + course.WATCH_AGAIN)
        for key in calling:
            await self._enqueue(None, key)

    async def confirm(self, charge_point_key: int, operator_id: str, actor: str) -> None:
        """The operator says that the charge point has arrived at its server.

        Raises:
            Conflict: `not_moved`, or `still_here`.
        """
        async with self.engine.transaction(ENGINE) as session:
            scene = await self._scene(session, charge_point_key)
            if (
                scene is None
                or scene.assignment is None
                or scene.assignment.operator_id != operator_id
                or not scene.at.is_wanted
            ):
                raise Conflict("This charge point was not moved by native delivery.", code="not_moved")
            if scene.move.step == course.ARRIVED:
                return
            if scene.at.is_connected:
                raise Conflict("This charge point is connected here, not at your server.", code="still_here")
            decision = course.confirmed(scene.move, scene.at)
            if decision is None:
                raise Conflict("This charge point has not been given your server's address yet.", code="not_moved")
            await self._keep(session, scene, decision)
            confirmed = Change(
                "arrival_confirmed",
                scene.assignment.operator_id,
                actor,
                scene.at.now,
                organization_id=scene.assignment.organization_id,
                site_id=scene.assignment.site_id,
                charge_point_key=charge_point_key,
                charge_point_id=scene.charge_point.charge_point_id,
                serial_number=scene.charge_point.serial_number,
                to_version_id=scene.assignment.version_id,
            )
            await versions_store.record(session, [confirmed])

    # ------------------------------------------------------------------ a look, and an answer

    async def _look(self, key: int) -> Claim | None:
        async with self.engine.transaction(ENGINE) as session:
            scene = await self._scene(session, key)
            if scene is None:
                return None
            decision = course.decide(scene.move, scene.target, scene.at, self.window)
            call, target, credential_id = decision.call, scene.target, None
            if call is not None and course.carries_password(target, decision.move.progress, call):
                target, credential_id = await self._give_password(session, scene)
                decision = course.decide(scene.move, target, scene.at, self.window)
                call = decision.call
                if credential_id is None:  # one that it has just accepted is to be used first
                    call, decision = None, replace(decision, call=None, look_after=course.LOOK_AGAIN)
            await self._keep(session, scene, decision)
            if call is None:
                return None
            scene.row.turn += 1
            scene.row.look_at = scene.at.now + LEASE
            return Claim(scene.row.turn, call, target, credential_id)

    async def _give_password(self, session: Session, scene: Scene) -> tuple[Target, int | None]:
        """Have gateways let the charge point in with the password that it is about to be given, too; None: not now."""
        organization_id, key = scene.charge_point.organization_id, scene.charge_point.key
        if scene.move.step == course.RESTORING and not await self.credentials.settle(session, key):
            return scene.target, None
        if scene.move.step == course.RESTORING:
            made = await self.credentials.begin_rotation(session, key, organization_id)
            return replace(scene.target, own_password=made.password), made.credential_id
        shared = await self.credentials.begin_sharing(session, key, organization_id, scene.target.password or "")
        return scene.target, shared.credential_id

    async def _ask(self, key: int, call: Call) -> Answer:
        try:
            answer = await self.commands.call(key, call.action, call.payload)
        except Conflict:
            return Answer("absent")
        except UpstreamUnavailable as error:
            return Answer("absent" if error.code == "charge_point_busy" else "lost")
        except InvalidInput as error:  # the version has no such CALL, or what an operator stored is not valid in it
            log.warning("native_move_call_invalid", key=key, action=call.action, error=str(error))
            return Answer("error", code="NotSupported")
        if answer.payload is None:
            return Answer("error", code=answer.code or "InternalError")
        return Answer("result", answer.payload)

    async def _take(self, key: int, claim: Claim, answer: Answer) -> None:
        async with self.engine.transaction(ENGINE) as session:
            scene = await self._scene(session, key)
            if scene is None or scene.row.turn != claim.turn:
                return
            decision = course.taken(scene.move, claim.target, claim.call, answer, scene.at)
            if claim.credential_id is not None and answer.kind in {"result", "error"}:
                if decision.move.progress != scene.move.progress:
                    await self.credentials.accepted(session, claim.credential_id)
                elif await self.credentials.settle(session, key):
                    await self.credentials.abandon_rotation(session, key)
            await self._keep(session, scene, decision)

    # ------------------------------------------------------------------ rows

    async def _scene(self, session: Session, key: int) -> Scene | None:
        """The move as it is; a new one where the operator has just applied it. None where there is nothing to move."""
        assignment = (await assignments_store.select_assignments(session, [key], lock=True)).get(key)
        row = await moves_store.find_move(session, key)
        try:
            listed = await self.registry.by_key_with_live(session, key)
        except NotFound:  # removed
            if row is not None:
                row.look_at = None
            return None
        live = await self.live.live(session, key)
        now = self.clock.now()
        if (
            assignment is not None
            and assignment.mode == NATIVE
            and (row is None or row.generation != assignment.generation)
        ):
            row = self._begin(session, row, assignment, now)
        if row is None:
            return None
        if row.step in {course.BEGIN, course.ENDED}:
            row.protocol_version = live.protocol_version or listed.charge_point.ocpp_version
        is_wanted = assignment is not None and assignment.mode == NATIVE and assignment.generation == row.generation
        return Scene(
            row,
            assignment,
            listed.charge_point,
            Move(row.step, row.step_at, dict(row.progress), row.attempts),
            self._target(row, assignment, listed),
            Situation(now, live.connected, live.epoch, is_wanted),
        )

    @staticmethod
    def _begin(
        session: Session, row: ConnectionMoveRow | None, assignment: ConnectionAssignmentRow, now: datetime
    ) -> ConnectionMoveRow:
        """A move from its start; what an earlier one changed and nobody restored is remembered as the way back."""
        if row is None:
            row = ConnectionMoveRow(charge_point_key=assignment.charge_point_key, progress={}, attempts=0, turn=0)
            row.step, row.protocol_version = course.ENDED, ""
            session.add(row)
        unrestored = row.step != course.ENDED and "before" in row.progress
        row.progress = {"before": row.progress["before"]} if unrestored else {}
        row.organization_id, row.operator_id = assignment.organization_id, assignment.operator_id
        row.generation = assignment.generation
        row.step, row.step_at, row.attempts, row.look_at = course.BEGIN, now, 0, now
        row.turn += 1
        return row

    def _target(
        self, row: ConnectionMoveRow, assignment: ConnectionAssignmentRow | None, listed: ListedChargePoint
    ) -> Target:
        charge_point = listed.charge_point
        here = self.registry.address(charge_point)
        url = assignment.url if assignment else ""
        return Target(
            version=row.protocol_version,
            url=url,
            identity=assignment.identity if assignment else "",
            password=self.secrets.open(assignment.password_sealed) if assignment else None,
            certificates=certificates.split(assignment.ca_certificate) if assignment and url.startswith("wss") else (),
            our_identity=here.identity,
            our_url=f"{here.base_url}/{charge_point.ocpp_version}",
            vendor=charge_point.vendor,
            families=self.families,
            own_password=OWN,
        )

    async def _keep(self, session: Session, scene: Scene, decision: Decision) -> None:
        """Keep what was decided, tell what is new, and have the next look made in time."""
        row, move, now = scene.row, decision.move, scene.at.now
        row.step, row.step_at, row.progress, row.attempts = move.step, move.step_at, dict(move.progress), move.attempts
        row.look_at = None if decision.look_after is None else now + decision.look_after
        if decision.again:
            row.look_at = now + course.LOOK_AGAIN
            await self._enqueue(session, row.charge_point_key)
        if decision.state is not None and scene.assignment is not None:
            await self._tell(session, scene, scene.assignment, *decision.state)

    async def _tell(
        self, session: Session, scene: Scene, assignment: ConnectionAssignmentRow, state: str, reason: str | None
    ) -> None:
        now = scene.at.now
        if state == "gone":  # the operator wants something else, which can't begin: say so
            state = assignment.state
        elif state == "unrestored":
            state, reason = assignment.state, (assignment.reason or "") + (reason or "")
        if (state, reason) == (assignment.state, assignment.reason):
            return
        await moves_store.tell_state(
            session,
            assignment.charge_point_key,
            state=state,
            reason=reason,
            connected_at=now if state == "connected" else assignment.connected_at,
            now=now,
        )
        told = state_changed(
            organization_id=assignment.organization_id,
            charge_point_key=assignment.charge_point_key,
            charge_point_id=scene.charge_point.charge_point_id,
            operator_id=assignment.operator_id,
            version_id=assignment.version_id,
            state=state,
            reason=reason,
            at=now,
        )
        outbox.publish(session, told)

    async def _enqueue(self, session: Session | None, key: int) -> None:
        await self.jobs.enqueue(session, MOVE, lock=f"{MOVE} {key}", charge_point_key=key)
