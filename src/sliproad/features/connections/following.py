"""What follows, in the transaction of the change, when sites get other operators and charge points come and go.

Switching off is done at once; giving versions to those who came is the job of `provisioning`.
"""

from dataclasses import dataclass

from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.connections import assignments_store, rollouts_store, versions_store
from sliproad.features.connections.assigning import Assigning
from sliproad.features.connections.model import Change
from sliproad.features.sites.model import Site
from sliproad.features.sites.service import SiteService
from sliproad.foundation.database import Session
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.outbox import StoredEvent

FOLLOW = "connections.follow"
FOLLOW_SITE = "connections.follow_site"
TAKEN_AWAY = "The site has another operator now, or none."


@dataclass(frozen=True, slots=True)
class SiteConnections:
    """Fills the port of the same name of `features.sites`."""

    assigning: Assigning

    async def operator_changed(self, session: Session, before: Site, after: Site, actor: str) -> None:
        """Switch off what the old operator has there (OPER's option 1), and have the new one's defaults applied."""
        now = self.assigning.clock.now()
        rows = await assignments_store.assignments_of_site(session, after.site_id)
        leaving = [row for row in rows if row.operator_id != after.operator_id]
        await self.assigning.switch_off(session, leaving, actor, TAKEN_AWAY)
        await rollouts_store.end_of_site(session, after.site_id, TAKEN_AWAY, now)
        told = {"operator_cleared": before.operator_id, "operator_selected": after.operator_id}
        changes = [
            Change(change, operator_id, actor, now, organization_id=after.organization_id, site_id=after.site_id)
            for change, operator_id in told.items()
            if operator_id is not None
        ]
        if after.operator_id is not None:
            await self.assigning.jobs.enqueue(session, FOLLOW_SITE, site_id=after.site_id)
        await versions_store.record(session, changes)


@dataclass(frozen=True, slots=True)
class Placements:
    """Fills the port of the same name of `features.charge_points`."""

    sites: SiteService
    jobs: Jobs

    async def registered(self, session: Session, charge_point: ChargePoint) -> None:
        """A charge point stands on a site: what its operator has stored may be for it."""
        if (await self.sites.by_id(session, charge_point.site_id)).operator_id is not None:
            await self.placed(session, charge_point)

    async def placed(self, session: Session, charge_point: ChargePoint) -> None:
        """A charge point stands elsewhere, or is called otherwise: an operator may have lost it, another may have got it."""
        await self.jobs.enqueue(session, FOLLOW, charge_point_key=charge_point.key)

    async def removed(self, session: Session, charge_point_key: int) -> None:
        """A charge point is gone, and with it its connection."""
        await self.jobs.enqueue(session, FOLLOW, charge_point_key=charge_point_key)

    async def handed_over(self, session: Session, event: StoredEvent) -> None:
        """Charge points were handed over: the latest moment for the operator's defaults."""
        await self.jobs.enqueue(session, FOLLOW_SITE, site_id=event.data["site_id"])
