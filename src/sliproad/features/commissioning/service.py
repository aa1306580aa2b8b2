"""Commissioning's use cases: start a session, read it, put a charge point live by hand. The engine is in `runner`.

`routes` call them with whoever asks; every effect of a start (session, status, event, log, first job) is one transaction.
"""

from dataclasses import asdict, dataclass

from sliproad.features.accounts.model import InstallerActor, OrganizationActor
from sliproad.features.authorization.service import AuthorizationService
from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.commissioning import store, views, workflow
from sliproad.features.commissioning.ending import Ending
from sliproad.features.commissioning.model import ADVANCE, Note, Options, commissioning_started
from sliproad.features.commissioning.templates import Template
from sliproad.features.commissioning.templates_choice import for_start, opened
from sliproad.features.commissioning.templates_definition import definition_of
from sliproad.features.projects.service import ProjectService
from sliproad.foundation import outbox
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Session
from sliproad.foundation.errors import Conflict, NotFound, Unprocessable
from sliproad.foundation.ids import new_id
from sliproad.foundation.jobs import Jobs

Actor = InstallerActor | OrganizationActor
"""Who may start a session: whoever works on the project, and the organisation whose charge point it is."""
COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a session would be about, as read before it begins."""

    seen: ChargePoint
    template: Template


class CommissioningService:
    """One per web process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        jobs: Jobs,
        *,
        registry: RegistryService,
        projects: ProjectService,
        live: LiveService,
        authorization: AuthorizationService,
    ) -> None:
        """`database` speaks as role `web`."""
        self.database = database
        self.clock = clock
        self.jobs = jobs
        self.registry = registry
        self.projects = projects
        self.live = live
        self.authorization = authorization
        self.ending = Ending(registry, projects)

    async def start(
        self,
        actor: Actor,
        charge_point_id: str,
        options: Options,
        *,
        template_id: str | None = None,
        notes: str | None = None,
    ) -> store.Rows:
        """Begin a session; its first job runs once this is committed.

        Raises:
            NotFound: no such charge point of whoever starts, or no such template.
            Conflict: `session_already_running`, `not_connected`, `project_handed_over`.
            Unprocessable: `already_commissioned`.
        """
        plan = await self.plan(actor, charge_point_id, template_id)
        async with self.database.transaction(actor.scope) as session:
            rows = await self.begin(session, actor, plan, options, notes)
        await self.registry.announce()
        return rows

    async def plan(self, actor: Actor, charge_point_id: str, template_id: str | None) -> Plan:
        """What a session would be about; `template_id` None chooses by the model.

        Raises:
            NotFound: no such charge point of whoever starts, or no such template.
            Conflict: `project_handed_over`.
        """
        async with self.database.transaction(actor.scope) as session:
            seen = await self.of_actor(session, actor, charge_point_id)
            await self.projects.for_work(session, seen.project_id)
        async with self.database.transaction(opened(actor.scope, seen.organization_id)) as session:
            return Plan(seen, await for_start(session, seen, template_id))

    async def begin(
        self, session: Session, actor: Actor, plan: Plan, options: Options, notes: str | None
    ) -> store.Rows:
        """A new session in the caller's transaction. Gateways must hear of it afterwards (`registry.announce`).

        Raises:
            Conflict: `session_already_running`, `not_connected`, `project_handed_over`.
            Unprocessable: `already_commissioned`.
        """
        session_id, now = new_id("comm"), self.clock.now()
        begun = workflow.begin(session_id, plan.template, options, "", now)
        # The row comes first: whoever has put it in is alone, and what is read afterwards is what the last session left.
        values = {
            "session_id": session_id,
            "organization_id": plan.seen.organization_id,
            "project_id": plan.seen.project_id,
            "charge_point_key": plan.seen.key,
            "charge_point_id": plan.seen.charge_point_id,
            "template_id": plan.template.template_id,
            "template_version": plan.template.version,
            "template": definition_of(plan.template),
            "notes": notes,
            "options": asdict(options),
            "test_token": begun.test_token,
            "started_by": actor.actor_id,
            "started_at": now,
            "epoch_at_start": 0,
        }
        if (rows := await store.insert_session(session, values, begun)) is None:
            raise Conflict(
                "A commissioning session is already active for this charge point.", code="session_already_running"
            )
        charge_point, rows[0].epoch_at_start = await self._may_start(session, actor, plan.seen.charge_point_id)
        rows[0].test_token = self.authorization.test_token(charge_point.key, charge_point.test_number)
        await self.registry.set_commissioning_status(session, charge_point.key, "in_progress", now)
        event = commissioning_started(views.event_data(rows), charge_point.organization_id, charge_point.key, now)
        outbox.publish(session, event, project_id=charge_point.project_id)
        begins = Note("info", f"Commissioning begins with template {plan.template.name}")
        await store.insert_logs(session, rows[0], now, views.current_step(rows), [begins])
        await self.jobs.enqueue(session, ADVANCE, queueing_lock=session_id, session_id=session_id)
        return rows

    async def status(self, actor: Actor, charge_point_id: str) -> store.Rows:
        """The active, else the newest session of a charge point.

        Raises:
            NotFound: no such charge point of whoever asks, or it was never commissioned.
        """
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.of_actor(session, actor, charge_point_id)
            rows = await store.latest_session(session, charge_point.key)
        if rows is None:
            raise NotFound("Commissioning has not been started for this charge point.")
        return rows

    async def commission(self, actor: InstallerActor, charge_point_id: str) -> store.Rows:
        """Put a charge point live by hand, after a session that passed in a project with `auto_commission` off.

        Raises:
            NotFound: no such charge point of this installer, or it was never commissioned.
            Conflict: `invalid_state` (its newest session has not passed), `project_handed_over`.
            Unprocessable: `already_commissioned`.
        """
        async with self.database.transaction(actor.scope) as session:
            seen = await self.of_actor(session, actor, charge_point_id)
            await self.projects.for_work(session, seen.project_id)
            newest = await store.latest_session(session, seen.key)
        if newest is None:
            raise NotFound("Commissioning has not been started for this charge point.")
        async with self.database.transaction(actor.scope) as session:
            rows = await store.lock_session(session, newest[0].session_id)
            assert rows is not None
            charge_point = await self.of_actor(session, actor, charge_point_id)
            require_not_commissioned(charge_point)
            if rows[0].result != "passed":
                raise Conflict(
                    "The newest commissioning session of this charge point has not passed.", code="invalid_state"
                )
            now = self.clock.now()
            await self.ending.go_live(session, rows, charge_point, now)
            by_hand = Note("info", f"Put live by {actor.full_name}")
            await store.insert_logs(session, rows[0], now, rows[1][-1].name, [by_hand])
        await self.registry.announce()
        return rows

    async def _may_start(self, session: Session, actor: Actor, charge_point_id: str) -> tuple[ChargePoint, int]:
        """The charge point as the last session left it, if it may be commissioned now; and which connection it has."""
        charge_point = await self.of_actor(session, actor, charge_point_id)
        await self.projects.for_work(session, charge_point.project_id)
        require_not_commissioned(charge_point)
        live = await self.live.live(session, charge_point.key)
        if not live.connected:
            raise Conflict(
                "The charge point is not connected. Look at its connection attempts to see why.", code="not_connected"
            )
        return charge_point, live.epoch

    async def of_actor(self, session: Session, actor: Actor, charge_point_id: str) -> ChargePoint:
        """A charge point of whoever asks.

        Raises:
            NotFound: it is not theirs.
        """
        if isinstance(actor, OrganizationActor):
            return await self.registry.of_organization(session, actor, charge_point_id)
        charge_point = await self.registry.facts(session, charge_point_id)
        await self.projects.for_installer(session, actor, charge_point.project_id)
        return charge_point


def require_not_commissioned(charge_point: ChargePoint) -> None:
    """Refuse what is live already.

    Raises:
        Unprocessable: `already_commissioned`.
    """
    if charge_point.commissioning_status == COMPLETED:
        raise Unprocessable("This charge point has already been commissioned.", code="already_commissioned")
