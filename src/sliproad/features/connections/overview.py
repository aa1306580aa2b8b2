"""What an organisation sees of the operators of its sites: how connections are, and who changed what. Never settings or secrets."""

from collections.abc import Sequence
from dataclasses import dataclass

from sliproad.features.accounts.model import OrganizationActor
from sliproad.features.accounts.service import AccountService
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.connections import assignments_store, versions_store
from sliproad.features.connections.applying import state_of
from sliproad.features.connections.model import Change, ConnectionState
from sliproad.features.sites.model import Site
from sliproad.features.sites.service import SiteService
from sliproad.foundation.database import Database
from sliproad.foundation.web import Page


@dataclass(frozen=True, slots=True)
class SiteOverview:
    """A site, what its operator is called, and how the connections of its charge points are."""

    site: Site
    operator_name: str | None
    states: Sequence[ConnectionState]


@dataclass(frozen=True, slots=True)
class ConnectionOverview:
    """Use cases of an organisation."""

    database: Database
    registry: RegistryService
    sites: SiteService
    accounts: AccountService

    async def site(self, actor: OrganizationActor, site_id: str) -> SiteOverview:
        """How the connections at a site are.

        Raises:
            NotFound: absent, or another organisation's.
        """
        async with self.database.transaction(actor.scope) as session:
            site = await self.sites.of_organization(session, actor, site_id)
            name = await self.accounts.operator_name(session, site.operator_id) if site.operator_id else None
            charge_points = await self.registry.of_site(session, site_id)
            rows = await assignments_store.select_assignments(session, [each.key for each in charge_points])
        states = [state_of(each, rows.get(each.key), site.operator_id or "") for each in charge_points]
        return SiteOverview(site, name, states)

    async def changes(self, actor: OrganizationActor, page: Page) -> tuple[list[Change], str | None]:
        """Who changed what about connections of the organisation's charge points, newest first, and the next cursor."""
        after = page.after(int)
        async with self.database.transaction(actor.scope) as session:
            found = await versions_store.newest_changes(
                session,
                organization_id=actor.organization_id,
                before=after[0] if after else None,
                limit=page.limit + 1,
            )
        kept, next_cursor = page.cut(found, lambda entry: (entry[0],))
        return [change for _, change in kept], next_cursor
