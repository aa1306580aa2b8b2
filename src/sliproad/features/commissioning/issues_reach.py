"""Of which charge points somebody may report issues, and when: installers during their work, owners of the site after the handover.

`issues_service` and `photos_service` ask, in their own transactions.
"""

from sliproad.features.accounts.model import InstallerActor
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.commissioning.issues import Reporter
from sliproad.features.projects.model import Project
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.database import Session
from sliproad.foundation.errors import Conflict
from sliproad.foundation.language import marked

TOO_EARLY = marked("The project has not been handed over yet. Until then its installers report what is wrong.")


class IssueReach:
    """See the module."""

    def __init__(self, registry: RegistryService, projects: ProjectService) -> None:
        self.registry, self.projects = registry, projects

    async def charge_point(self, session: Session, actor: Reporter, charge_point_id: str) -> ChargePoint:
        """A charge point of a project that the installer works on now, or on a site of the owner.

        Raises:
            NotFound: absent, or not theirs.
        """
        charge_point = await self.registry.facts(session, charge_point_id)
        await self.project(session, actor, charge_point.project_id)
        return charge_point

    async def project(self, session: Session, actor: Reporter, project_id: str) -> Project:
        """A project that the installer works on now, or on a site of the owner.

        Raises:
            NotFound: absent, or not theirs.
        """
        if isinstance(actor, InstallerActor):
            return await self.projects.for_installer(session, actor, project_id)
        return await self.projects.for_site_owner(session, actor, project_id)

    async def require_reporting(self, session: Session, actor: Reporter, project_id: str) -> None:
        """That it is their time to report, of a project in their reach.

        Raises:
            Conflict: `project_handed_over` for installers; `invalid_state` for owners before the handover.
        """
        if isinstance(actor, InstallerActor):
            await self.projects.for_work(session, project_id)
        elif not (await self.projects.by_id(session, project_id)).is_handed_over:
            raise Conflict(TOO_EARLY, code="invalid_state")
