"""Applies a template to a charge point while the installer waits, in or out of a session (the reference's `apply-template`).

In a live session it replaces the template of the unfinished steps. It is serialised with the configuration step by the lease that
CALLs have: while it writes, the runner takes the session's next CALL to be in flight; then the step begins anew and finds what
was written. Of two at one charge point the second is refused; one whose process died gives way within seconds.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sliproad.features.accounts.model import InstallerActor
from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.commissioning import apply_template, store, templates_store
from sliproad.features.commissioning import templates_choice as choice
from sliproad.features.commissioning.model import ADVANCE, Note
from sliproad.features.commissioning.steps.configuration import NEVER_RESET
from sliproad.features.commissioning.templates import Template
from sliproad.features.commissioning.templates_definition import definition_of
from sliproad.features.commissioning.templates_visit import TemplateVisit
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Session
from sliproad.foundation.errors import Conflict, Unprocessable
from sliproad.foundation.ids import new_id
from sliproad.foundation.jobs import Jobs

LEASE = timedelta(seconds=8)
PROLONG_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of it. `rejected_keys` are all that do not hold, `unsupported_keys` those of them that the firmware lacks."""

    charge_point_id: str
    template: Template
    applied_keys: tuple[str, ...]
    rejected_keys: tuple[str, ...]
    unsupported_keys: tuple[str, ...]
    pending_reboot: bool
    """Some keys take effect at the next restart only."""
    applied_at: datetime


@dataclass(frozen=True, slots=True)
class Application:
    """One under way. `turn` of the session that it holds; None where it holds none."""

    application_id: str
    charge_point: ChargePoint
    template: Template
    session_id: str | None
    turn: int | None


class ApplyTemplateService:
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
        visit: TemplateVisit,
    ) -> None:
        """`database` speaks as role `web`."""
        self.database = database
        self.clock = clock
        self.jobs = jobs
        self.registry = registry
        self.projects = projects
        self.live = live
        self.visit = visit

    async def apply(self, actor: InstallerActor, charge_point_id: str, template_id: str) -> Applied:
        """Write what differs from the template, read back, and say what holds. Never restarts the charge point.

        Raises:
            NotFound: no such charge point of this installer, or no such template.
            Conflict: `not_connected`, `project_handed_over`, `template_being_applied`.
            Unprocessable: `already_commissioned`.
            UpstreamUnavailable: `charge_point_timeout`.
        """
        application = await self._begin(actor, charge_point_id, template_id)
        outcome: dict[str, Any] | None = None
        try:
            async with self._held(actor, application):
                step = await self.visit.run(application.charge_point, application.template, NEVER_RESET)
            outcome = dict(step.evidence or {})
        finally:
            await asyncio.shield(self._finish(actor, application, outcome))
        return self._applied(application, outcome)

    def _applied(self, application: Application, outcome: Mapping[str, Any]) -> Applied:
        kept = {*outcome["applied"], *apply_template.waiting_for_reboot(outcome)}
        return Applied(
            application.charge_point.charge_point_id,
            application.template,
            tuple(name for name in outcome["values"] if name in kept),
            tuple(name for name in outcome["values"] if name not in kept),
            tuple(outcome["unsupported"]),
            bool(apply_template.waiting_for_reboot(outcome)),
            self.clock.now(),
        )

    async def _begin(self, actor: InstallerActor, charge_point_id: str, template_id: str) -> Application:
        """All checks, the lease, and the new template in the live session, in one transaction."""
        async with self.database.transaction(actor.scope) as session:
            seen = await self.registry.facts(session, charge_point_id)
            await self.projects.for_installer(session, actor, seen.project_id)
        async with self.database.transaction(choice.opened(actor.scope, seen.organization_id)) as session:
            template = await choice.find(session, seen.organization_id, template_id)
        now, application_id = self.clock.now(), new_id("tpa")
        async with self.database.transaction(actor.scope) as session:
            await self.projects.for_work(session, seen.project_id)
            charge_point = await self.registry.facts(session, charge_point_id)
            if charge_point.commissioning_status == "completed":
                raise Unprocessable("This charge point has already been commissioned.", code="already_commissioned")
            if not (await self.live.live(session, charge_point.key)).connected:
                raise Conflict("The charge point is not connected.", code="not_connected")
            values = {
                "application_id": application_id,
                "organization_id": charge_point.organization_id,
                "charge_point_key": charge_point.key,
                "template_id": template.template_id,
                "version": template.version,
                "applied_by": actor.installer_id,
                "started_at": now,
                "lease_until": now + LEASE,
            }
            if not await templates_store.begin_application(session, values, now):
                raise Conflict(
                    "A template is being applied to this charge point already.", code="template_being_applied"
                )
            held = await self._take_over(session, actor, charge_point, template)
            return Application(application_id, charge_point, template, *held)

    async def _take_over(
        self, session: Session, actor: InstallerActor, charge_point: ChargePoint, template: Template
    ) -> tuple[str | None, int | None]:
        """Put the template into the live session, and hold that where its configuration step is on or comes next."""
        rows = await store.lock_active(session, charge_point.key)
        if rows is None:
            return None, None
        row, now = rows[0], self.clock.now()
        before = store.session_of(rows, store.template_of(row))
        after = apply_template.with_template(before, template, row.options, now)
        row.template_id, row.template_version = template.template_id, template.version
        row.template = definition_of(template)
        is_held = apply_template.is_configuring(before)
        await store.replace_steps(session, rows, before.current, after.steps)
        note = Note("info", f"{actor.full_name} applies template {template.name}")
        await store.insert_logs(session, row, now, "configuration" if is_held else None, [note])
        if not is_held:
            return row.session_id, None
        row.outgoing = None
        row.turn += 1
        if row.status == "paused":
            return row.session_id, None
        row.in_flight_until = row.wake_at = now + LEASE
        row.waiting_for = f"template {template.name} to be applied"
        return row.session_id, row.turn

    @contextlib.asynccontextmanager
    async def _held(self, actor: InstallerActor, application: Application) -> AsyncIterator[None]:
        """While the block runs, say again and again that we live."""
        prolonging = asyncio.create_task(self._prolong(actor, application))
        try:
            yield
        finally:
            prolonging.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await prolonging

    async def _prolong(self, actor: InstallerActor, application: Application) -> None:
        while True:
            await asyncio.sleep(PROLONG_SECONDS)
            async with self.database.transaction(actor.scope) as session:
                until = self.clock.now() + LEASE
                row = await templates_store.find_application(session, application.application_id)
                if row is not None:
                    row.lease_until = until
                if application.session_id is not None and application.turn is not None:
                    await store.prolong(session, application.session_id, application.turn, until)

    async def _finish(self, actor: InstallerActor, application: Application, outcome: Mapping[str, Any] | None) -> None:
        """Let go of the charge point and the session, whose log tells how it went."""
        async with self.database.transaction(actor.scope) as session:
            now = self.clock.now()
            row = await templates_store.find_application(session, application.application_id)
            if row is not None:
                row.finished_at, row.outcome = now, None if outcome is None else dict(outcome)
            if application.session_id is None:
                return
            rows = await store.lock_session(session, application.session_id)
            assert rows is not None
            note = apply_template.told(application.template, outcome)
            await store.insert_logs(session, rows[0], now, None, [note])
            if rows[0].turn != application.turn or rows[0].status != "running":
                return
            rows[0].in_flight_until, rows[0].wake_at, rows[0].waiting_for = None, now, None
            rows[0].turn += 1
            session_id = rows[0].session_id
            await self.jobs.enqueue(session, ADVANCE, queueing_lock=session_id, session_id=session_id)
