"""Starting a session as the organisation whose charge point it is, by the very use case that installers start with.

`batch` uses it: an organisation starts whole projects. `CommissioningService.start` asks an installer's questions (`installer_id`,
`for_installer`); here they are asked of the organisation.
"""

from dataclasses import dataclass

from sliproad.features.accounts.model import InstallerActor, OrganizationActor
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.commissioning.service import CommissioningService
from sliproad.foundation.database import Scope, Session


@dataclass(frozen=True, slots=True)
class OrganizationAtWork(InstallerActor):
    """An organisation that does an installer's work. Sessions it starts are noted as started by its user or API key."""

    organization: OrganizationActor

    @property
    def scope(self) -> Scope:
        return self.organization.scope


def at_work(actor: InstallerActor | OrganizationActor) -> InstallerActor:
    """Whoever starts, in the words that `start` knows."""
    if isinstance(actor, InstallerActor):
        return actor
    who = actor.user_id or actor.key_id or actor.organization_id
    return OrganizationAtWork(who, actor.display_name, "", None, actor)


class SharedCommissioning(CommissioningService):
    """Commissioning that organisations may start too."""

    async def _of_installer(self, session: Session, actor: InstallerActor, charge_point_id: str) -> ChargePoint:
        if isinstance(actor, OrganizationAtWork):
            return await self.registry.of_organization(session, actor.organization, charge_point_id)
        return await super()._of_installer(session, actor, charge_point_id)
