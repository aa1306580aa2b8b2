"""Who works on a project: organisations, and owners of its site, put installers on it and take them off, at once (trust I3).

`routes` and `site_owner_routes` call it. A site owner also reads here how far the projects of their sites are.
"""

from sliproad.features.accounts.model import OrganizationActor, SiteOwnerActor
from sliproad.features.charge_points.service import ListedChargePoint
from sliproad.features.projects import store
from sliproad.features.projects.model import Project, ProjectInstaller, ProjectOverview, require_open
from sliproad.features.projects.ports import Installers
from sliproad.features.projects.service import ProjectService
from sliproad.features.sites.service import SiteService
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Session
from sliproad.foundation.errors import NotFound

Assigner = OrganizationActor | SiteOwnerActor


class AssignmentService:
    """Installers of projects; see the module."""

    def __init__(
        self, database: Database, clock: Clock, projects: ProjectService, sites: SiteService, installers: Installers
    ) -> None:
        self.database = database
        self.clock = clock
        self.projects = projects
        self.sites = sites
        self.accounts = installers

    async def assign(self, actor: Assigner, project_id: str, installer_id: str) -> ProjectInstaller:
        """Put an installer on a project; again is no change.

        Raises:
            NotFound: no such project in the actor's reach, or no such installer.
            Conflict: `project_handed_over`.
        """
        async with self.database.transaction(actor.scope) as session:
            project = await self.project_of(session, actor, project_id)
            require_open(project)
            installer = await self.accounts.installer_summary(session, installer_id)
            values = {
                "project_id": project_id,
                "installer_id": installer.installer_id,
                "organization_id": project.organization_id,
                "full_name": installer.full_name,
                "email": installer.email,
                "company": installer.company,
                "assigned_at": self.clock.now(),
            }
            return installer_of(await store.assign(session, values))

    async def take_off(self, actor: Assigner, project_id: str, installer_id: str) -> None:
        """Take an installer off a project; from this commit on they see nothing of it.

        Raises:
            NotFound: no such project in the actor's reach, or the installer is not on it.
        """
        async with self.database.transaction(actor.scope) as session:
            await self.project_of(session, actor, project_id)
            if not await store.take_off(session, project_id, installer_id, self.clock.now()):
                raise NotFound("This installer is not assigned to this project.")

    async def installers(self, actor: Assigner, project_id: str) -> list[ProjectInstaller]:
        """Who works on a project now.

        Raises:
            NotFound: no such project in the actor's reach.
        """
        async with self.database.transaction(actor.scope) as session:
            await self.project_of(session, actor, project_id)
            return await self.installers_of(session, project_id)

    async def installers_of(self, session: Session, project_id: str) -> list[ProjectInstaller]:
        """The same for a project that the caller has found open to whoever asks."""
        return [installer_of(row) for row in await store.select_assignments(session, project_id)]

    async def of_site_owner(self, actor: SiteOwnerActor) -> list[ProjectOverview]:
        """The projects on the sites of a site owner, oldest first."""
        async with self.database.transaction(actor.scope) as session:
            site_ids = await self.sites.owned_by(session, actor.user_id)
            return await self.projects.overviews(session, await self.projects.of_sites(session, site_ids))

    async def site_owner_view(
        self, actor: SiteOwnerActor, project_id: str
    ) -> tuple[ProjectOverview, tuple[ListedChargePoint, ...]]:
        """A project on a site of a site owner, with its charge points as they are now.

        Raises:
            NotFound: absent, or not on one of their sites.
        """
        async with self.database.transaction(actor.scope) as session:
            project = await self.project_of(session, actor, project_id)
            (overview,) = await self.projects.overviews(session, [project])
            found = await self.projects.registry.of_project(session, project_id)
            live = await self.projects.registry.live.live_of(session, [each.key for each in found])
            return overview, tuple(ListedChargePoint(each, live[each.key]) for each in found)

    async def project_of(self, session: Session, actor: Assigner, project_id: str) -> Project:
        """A project of the actor's organisation, or on one of the actor's sites.

        Raises:
            NotFound: absent, or not theirs.
        """
        if isinstance(actor, OrganizationActor):
            return await self.projects.of_organization(session, actor, project_id)
        return await self.projects.for_site_owner(session, actor, project_id)


def installer_of(row: store.ProjectInstallerRow) -> ProjectInstaller:
    """The facts in a row."""
    return ProjectInstaller(row.installer_id, row.full_name, row.email, row.company, row.assigned_at)
