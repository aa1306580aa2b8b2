"""Who owns a site: invited by e-mail, bound to the site on acceptance, taken off by the organisation.

`routes` calls it; accounts calls `bind` when an invitation is accepted; handover asks `owner_mailboxes`.
"""

from collections.abc import Sequence

from sliproad.features.accounts.invitations import Accepted, Invitation, Invitations
from sliproad.features.accounts.model import InvitationPurpose, OrganizationActor, email_key
from sliproad.features.sites import store
from sliproad.features.sites.model import SiteOwner
from sliproad.features.sites.service import SiteService
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Session
from sliproad.foundation.errors import Conflict, NotFound


class SiteOwnershipService:
    """Owners of sites; see the module."""

    def __init__(self, database: Database, clock: Clock, sites: SiteService, invitations: Invitations) -> None:
        self.database = database
        self.clock = clock
        self.sites = sites
        self.invitations = invitations
        invitations.on_acceptance(InvitationPurpose.SITE_OWNER, self.bind)

    async def invite(self, actor: OrganizationActor, site_id: str, email: str, full_name: str | None) -> SiteOwner:
        """Invite somebody to look after a site; an earlier invitation of the same mailbox to it is void.

        Raises:
            NotFound: no such site of theirs.
            Conflict: `site_owner_exists`, this mailbox owns the site already.
        """
        for earlier in await self._open(actor, site_id):
            if email_key(earlier.email) == email_key(email):
                await self.invitations.withdraw(actor, earlier.invitation_id)
        async with self.database.transaction(actor.scope) as session:
            site = await self.sites.of_organization(session, actor, site_id)
            if email_key(email) in map(email_key, await self.owner_mailboxes(session, site_id)):
                raise Conflict("This person looks after the site already.", code="site_owner_exists")
            invitation = await self.invitations.invite_user(
                session,
                actor,
                email,
                InvitationPurpose.SITE_OWNER,
                {"site_id": site_id, "full_name": full_name},
                about=f"to look after the site {site.name}",
            )
            return _invited(invitation)

    async def owners(self, actor: OrganizationActor, site_id: str) -> list[SiteOwner]:
        """Who owns a site, and who is invited to.

        Raises:
            NotFound: no such site of theirs.
        """
        async with self.database.transaction(actor.scope) as session:
            await self.sites.of_organization(session, actor, site_id)
            rows = await store.select_owners(session, site_id)
        bound = [SiteOwner(row.user_id, row.email, row.full_name, "active", row.created_at) for row in rows]
        return bound + [_invited(each) for each in await self._open(actor, site_id)]

    async def remove(self, actor: OrganizationActor, site_id: str, owner_id: str) -> None:
        """Take an owner off a site, or an invitation back, at once.

        Raises:
            NotFound: no such site of theirs, or nobody of that id on it.
        """
        async with self.database.transaction(actor.scope) as session:
            await self.sites.of_organization(session, actor, site_id)
            if await store.delete_owner(session, site_id, owner_id):
                return
        if owner_id not in {each.invitation_id for each in await self._open(actor, site_id)}:
            raise NotFound("There is no such owner of this site.")
        await self.invitations.withdraw(actor, owner_id)

    async def bind(self, session: Session, accepted: Accepted) -> None:
        """Somebody accepted: the site is theirs to look after. Accounts calls it in the transaction of the acceptance.

        Raises:
            NotFound: the site is gone.
        """
        site = await self.sites.by_id(session, accepted.data["site_id"])
        values = {
            "site_id": site.site_id,
            "user_id": accepted.user_id,
            "organization_id": site.organization_id,
            "email": accepted.email,
            "full_name": accepted.full_name,
            "created_at": self.clock.now(),
        }
        await store.insert_owner(session, values)

    async def owner_mailboxes(self, session: Session, site_id: str) -> Sequence[str]:
        """The e-mail addresses of a site's owners."""
        return [row.email for row in await store.select_owners(session, site_id)]

    async def _open(self, actor: OrganizationActor, site_id: str) -> list[Invitation]:
        found = await self.invitations.open_invitations(actor)
        return [
            each
            for each in found
            if each.purpose is InvitationPurpose.SITE_OWNER and each.data.get("site_id") == site_id
        ]


def _invited(invitation: Invitation) -> SiteOwner:
    name = invitation.data.get("full_name")
    return SiteOwner(invitation.invitation_id, invitation.email, name, "invited", invitation.created_at)
