"""Projects: opened by an organisation, worked on by installers, finished by a handover.

`routes` call the use cases; registration, commissioning and handover compose the `session` methods into their own transactions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sliproad.features.accounts.model import InstallerActor, OrganizationActor, SiteOwnerActor
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.projects import store
from sliproad.features.projects.model import (
    HANDED_OVER,
    RULES,
    Checklist,
    ChecklistItem,
    NewProject,
    Progress,
    Project,
    ProjectOverview,
    fill_checklist,
    require_open,
)
from sliproad.features.projects.ports import CommissioningFacts
from sliproad.features.sites.service import SiteService
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Session
from sliproad.foundation.errors import NotFound
from sliproad.foundation.ids import new_id
from sliproad.foundation.web import Page


class ProjectService:
    """Projects; see the module. Who works on them is in `assignment`, what people tick in `checklist_service`."""

    def __init__(
        self, database: Database, clock: Clock, sites: SiteService, registry: RegistryService, facts: CommissioningFacts
    ) -> None:
        self.database = database
        self.clock = clock
        self.sites = sites
        self.registry = registry
        self.facts = facts

    async def create(self, actor: OrganizationActor, new: NewProject) -> ProjectOverview:
        """Open a project on a site of the organisation.

        Raises:
            NotFound: there is no such site, or it is another organisation's.
        """
        async with self.database.transaction(actor.scope) as session:
            await self.sites.of_organization(session, actor, new.site_id)
            values = {"project_id": new_id("proj"), "organization_id": actor.organization_id, **asdict(new)}
            row = await store.insert_project(session, values | {"created_at": self.clock.now()})
            return await self._overview(session, project_of(row))

    async def page(self, actor: OrganizationActor, page: Page) -> tuple[list[ProjectOverview], int, str | None]:
        """One page of the organisation's projects with their progress, how many there are in all, and the next cursor."""
        after = page.after(str)
        async with self.database.transaction(actor.scope) as session:
            rows, total = await store.select_page(
                session, actor.organization_id, limit=page.limit, after=after[0] if after else None
            )
            kept, next_cursor = page.cut(rows, lambda row: (row.project_id,))
            return await self.overviews(session, [project_of(row) for row in kept]), total, next_cursor

    async def get(self, actor: OrganizationActor, project_id: str) -> ProjectOverview:
        """One of the organisation's projects.

        Raises:
            NotFound: absent, or another organisation's.
        """
        async with self.database.transaction(actor.scope) as session:
            return await self._overview(session, await self.of_organization(session, actor, project_id))

    async def change(self, actor: OrganizationActor, project_id: str, changes: Mapping[str, Any]) -> ProjectOverview:
        """Change what an organisation says about its project, before the handover.

        Raises:
            NotFound: absent, or another organisation's.
            Conflict: `project_handed_over`.
        """
        async with self.database.transaction(actor.scope) as session:
            project = await self.of_organization(session, actor, project_id)
            require_open(await self.lock_for_handover(session, project.project_id))
            if changes:
                project = project_of(await store.change_project(session, project_id, changes))
            return await self._overview(session, project)

    async def of_installer(self, actor: InstallerActor) -> list[ProjectOverview]:
        """The projects an installer is assigned to, newest assignment first."""
        async with self.database.transaction(actor.scope) as session:
            rows = await store.select_assigned(session, actor.installer_id)
            return await self.overviews(
                session, [project_of(row) for row, _ in rows], {row.project_id: at for row, at in rows}
            )

    async def installer_view(
        self, actor: InstallerActor, project_id: str
    ) -> tuple[ProjectOverview, tuple[ChargePoint, ...]]:
        """One of an installer's projects with its charge points.

        Raises:
            NotFound: absent, or they are not assigned to it (any more).
        """
        async with self.database.transaction(actor.scope) as session:
            project = await self.for_installer(session, actor, project_id)
            assignment = await store.find_assignment(session, project_id, actor.installer_id)
            assigned = {project_id: assignment.assigned_at} if assignment else {}
            (overview,) = await self.overviews(session, [project], assigned)
            return overview, await self.registry.of_project(session, project_id)

    async def of_organization(self, session: Session, actor: OrganizationActor, project_id: str) -> Project:
        """A project of the actor's organisation.

        Raises:
            NotFound: absent, or another organisation's.
        """
        row = await store.find_project(session, project_id)
        if row is None or row.organization_id != actor.organization_id:
            raise absent()
        return project_of(row)

    async def for_installer(self, session: Session, actor: InstallerActor, project_id: str) -> Project:
        """A project that the installer is assigned to now.

        Raises:
            NotFound: absent, or they are not assigned to it (any more).
        """
        row = await store.find_project(session, project_id)
        if row is None or await store.find_assignment(session, project_id, actor.installer_id) is None:
            raise absent()
        return project_of(row)

    async def for_site_owner(self, session: Session, actor: SiteOwnerActor, project_id: str) -> Project:
        """A project on a site that is bound to this owner now.

        Raises:
            NotFound: absent, or not on one of their sites.
        """
        row = await store.find_project(session, project_id)
        if row is None or row.site_id not in await self.sites.owned_by(session, actor.user_id):
            raise absent()
        return project_of(row)

    async def for_work(self, session: Session, project_id: str) -> Project:
        """A project that is still worked on; its handover has to wait until this transaction ends.

        Raises:
            NotFound: absent, or out of the transaction's scope.
            Conflict: `project_handed_over`.
        """
        row = await store.find_project_for_share(session, project_id)
        if row is None:
            raise absent()
        project = project_of(row)
        require_open(project)
        return project

    async def by_id(self, session: Session, project_id: str) -> Project:
        """A project in the transaction's scope.

        Raises:
            NotFound: absent, or out of scope.
        """
        row = await store.find_project(session, project_id)
        if row is None:
            raise absent()
        return project_of(row)

    async def lock_for_handover(self, session: Session, project_id: str) -> Project:
        """The project, whose row nobody else works on until this transaction ends: of two handovers, one waits.

        Raises:
            NotFound: absent, or out of the transaction's scope.
        """
        row = await store.find_project_for_update(session, project_id)
        if row is None:
            raise absent()
        return project_of(row)

    async def mark_handed_over(self, session: Session, project_id: str, at: datetime) -> Project:
        """The installers' work is over; call it on a project that `lock_for_handover` gave.

        Raises:
            Conflict: `project_handed_over`, it was already.
        """
        require_open(await self.lock_for_handover(session, project_id))
        return project_of(
            await store.change_project(session, project_id, {"status": HANDED_OVER, "handed_over_at": at})
        )

    async def checklist(self, session: Session, project_id: str) -> Checklist:
        """What is to be verified on site, with what people ticked and what the platform saw.

        Raises:
            NotFound: the project is absent, or out of the transaction's scope.
        """
        project = await self.by_id(session, project_id)
        charge_points = await self.registry.of_project(session, project_id)
        ids = {charge_point.key: charge_point.charge_point_id for charge_point in charge_points}
        stored = {
            (row.charge_point_key, row.item): _checklist_item(row, ids)
            for row in await store.select_checklist(session, project_id)
        }
        platform = await self.facts.platform_checks(session, list(ids))
        return fill_checklist(project, charge_points, stored, platform)

    async def progress(self, session: Session, project_ids: Sequence[str]) -> dict[str, Progress]:
        """How far each project is."""
        counts = await self.registry.status_counts(session, project_ids)
        return {project_id: _progress(counts.get(project_id, {})) for project_id in project_ids}

    async def overviews(
        self, session: Session, projects: Sequence[Project], assigned_at: Mapping[str, datetime] | None = None
    ) -> list[ProjectOverview]:
        """Projects with site and progress, in two queries however many they are."""
        sites = await self.sites.by_ids(session, [project.site_id for project in projects])
        progress = await self.progress(session, [project.project_id for project in projects])
        when = assigned_at or {}
        return [
            ProjectOverview(project, sites[project.site_id], progress[project.project_id], when.get(project.project_id))
            for project in projects
        ]

    async def of_sites(self, session: Session, site_ids: Sequence[str]) -> list[Project]:
        """The projects on these sites, oldest first."""
        return [project_of(row) for row in await store.select_of_sites(session, site_ids)]

    async def _overview(self, session: Session, project: Project) -> ProjectOverview:
        (overview,) = await self.overviews(session, [project])
        return overview


def project_of(row: store.ProjectRow) -> Project:
    """The facts in a row."""
    return Project(
        project_id=row.project_id,
        organization_id=row.organization_id,
        site_id=row.site_id,
        name=row.name,
        charge_points_expected=row.charge_points_expected,
        site_owner_email=row.site_owner_email,
        auto_commission=row.auto_commission,
        mail_site_owner=row.mail_site_owner,
        require_checklist=row.require_checklist,
        status=row.status,
        created_at=row.created_at,
        handed_over_at=row.handed_over_at,
    )


def absent() -> NotFound:
    """The same words whether it does not exist or is somebody else's."""
    return NotFound("There is no such project.")


def _progress(counts: Mapping[str, int]) -> Progress:
    return Progress(
        registered=sum(counts.values()),
        in_progress=counts.get("in_progress", 0),
        failed=counts.get("failed", 0),
        commissioned=counts.get("completed", 0),
    )


def _checklist_item(row: store.ChecklistItemRow, ids: Mapping[int, str]) -> ChecklistItem:
    return ChecklistItem(
        item=row.item,
        description=RULES[row.item].description,
        by_platform=False,
        charge_point_key=row.charge_point_key,
        charge_point_id=None if row.charge_point_key is None else ids.get(row.charge_point_key),
        done=row.done,
        done_by=row.done_by,
        done_at=row.done_at,
        note=row.note,
        photo_url=row.photo_url,
    )
