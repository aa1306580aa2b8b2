"""Sites of an organisation. `routes` calls the use cases; projects and handover compose the `session` methods.

Who owns a site, and how they are invited, is in `ownership`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sliproad.features.accounts.model import OperatorActor, OrganizationActor
from sliproad.features.sites import store
from sliproad.features.sites.model import NewSite, Site
from sliproad.features.sites.ports import Operators, SiteConnections
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Session
from sliproad.foundation.errors import NotFound
from sliproad.foundation.ids import new_id
from sliproad.foundation.web import Page


class SiteService:
    """Sites; see the module."""

    def __init__(self, database: Database, clock: Clock, operators: Operators, connections: SiteConnections) -> None:
        self.database = database
        self.clock = clock
        self.operators = operators
        self.connections = connections

    async def create(self, actor: OrganizationActor, new: NewSite) -> Site:
        """A new site of the organisation."""
        values = {"site_id": new_id("site"), "organization_id": actor.organization_id, **asdict(new)}
        async with self.database.transaction(actor.scope) as session:
            return site_of(await store.insert_site(session, values | {"created_at": self.clock.now()}))

    async def page(self, actor: OrganizationActor, page: Page) -> tuple[list[Site], int, str | None]:
        """One page of the organisation's sites, how many there are in all, and the next cursor."""
        after = page.after(str)
        async with self.database.transaction(actor.scope) as session:
            rows, total = await store.select_page(
                session, actor.organization_id, limit=page.limit, after=after[0] if after else None
            )
        kept, next_cursor = page.cut(rows, lambda row: (row.site_id,))
        return [site_of(row) for row in kept], total, next_cursor

    async def get(self, actor: OrganizationActor, site_id: str) -> Site:
        """One of the organisation's sites.

        Raises:
            NotFound: absent, or another organisation's.
        """
        async with self.database.transaction(actor.scope) as session:
            return await self.of_organization(session, actor, site_id)

    async def change(self, actor: OrganizationActor, site_id: str, changes: Mapping[str, Any]) -> Site:
        """Change what is known of a site; `changes` by field name.

        Raises:
            NotFound: absent, or another organisation's.
        """
        async with self.database.transaction(actor.scope) as session:
            site = await self.of_organization(session, actor, site_id)
            return site_of(await store.change_site(session, site_id, changes)) if changes else site

    async def set_operator(self, actor: OrganizationActor, site_id: str, operator_id: str | None) -> Site:
        """Hand the site's connections to an operator, or to nobody (None).

        Raises:
            NotFound: the site is absent or another organisation's; or there is no such operator.
        """
        async with self.database.transaction(actor.scope) as session:
            before = await self.of_organization(session, actor, site_id, lock=True)
            if operator_id is not None:
                await self.operators.operator_name(session, operator_id)
            if operator_id == before.operator_id:
                return before
            site = site_of(await store.change_site(session, site_id, {"operator_id": operator_id}))
            await self.connections.operator_changed(session, before, site, actor.actor_id)
            return site

    async def of_operator(self, session: Session, actor: OperatorActor, site_id: str) -> Site:
        """A site that has this operator, and keeps it until the transaction ends.

        Raises:
            NotFound: absent, or it has another operator or none.
        """
        row = await store.find_site(session, site_id, keep=True)
        if row is None or row.operator_id != actor.operator_id:
            raise absent()
        return site_of(row)

    async def operated(self, session: Session, actor: OperatorActor) -> list[Site]:
        """The operator's sites, by name."""
        return [site_of(row) for row in await store.select_operated(session, actor.operator_id)]

    async def kept(self, session: Session, site_id: str) -> Site:
        """A site in the transaction's scope, which nobody changes until the transaction ends. Raises NotFound."""
        row = await store.find_site(session, site_id, keep=True)
        if row is None:
            raise absent()
        return site_of(row)

    async def of_organization(
        self, session: Session, actor: OrganizationActor, site_id: str, *, lock: bool = False
    ) -> Site:
        """A site of the actor's organisation; with `lock` held until the transaction ends.

        Raises:
            NotFound: absent, or another organisation's.
        """
        row = await store.find_site(session, site_id, lock=lock)
        if row is None or row.organization_id != actor.organization_id:
            raise absent()
        return site_of(row)

    async def by_id(self, session: Session, site_id: str) -> Site:
        """A site in the transaction's scope.

        Raises:
            NotFound: absent, or out of scope.
        """
        row = await store.find_site(session, site_id)
        if row is None:
            raise absent()
        return site_of(row)

    async def by_ids(self, session: Session, site_ids: Sequence[str]) -> dict[str, Site]:
        """These sites by id, as far as the transaction's scope opens them."""
        return {row.site_id: site_of(row) for row in await store.select_sites(session, site_ids)}

    async def owned_by(self, session: Session, user_id: str) -> list[str]:
        """The ids of the sites that a user is bound to."""
        return list(await store.select_owned(session, user_id))

    async def owner_mailboxes(self, session: Session, site_id: str) -> list[str]:
        """Where a site's owners are mailed to, in the order they were invited."""
        return [row.email for row in await store.select_owners(session, site_id)]


def site_of(row: store.SiteRow) -> Site:
    """The facts in a row."""
    return Site(
        site_id=row.site_id,
        organization_id=row.organization_id,
        name=row.name,
        address=row.address,
        latitude=row.latitude,
        longitude=row.longitude,
        time_zone=row.time_zone,
        operator_id=row.operator_id,
        created_at=row.created_at,
    )


def absent() -> NotFound:
    """The same words whether it does not exist or is somebody else's."""
    return NotFound("There is no such site.")
