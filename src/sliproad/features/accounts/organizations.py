"""What an organisation does with itself: its profile, its users and their roles, its API keys."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sliproad.features.accounts import organizations_store
from sliproad.features.accounts.authentication import API_KEY_PURPOSE
from sliproad.features.accounts.model import API_KEY_PREFIX, ApiKey, OrganizationActor, Role
from sliproad.features.accounts.store import ApiKeyRow, MembershipRow, OperatorKeyRow, OrganizationRow
from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database, Scope, Session
from sliproad.foundation.errors import Conflict, InvalidInput, NotAllowed, NotFound
from sliproad.foundation.ids import new_id, random_text
from sliproad.foundation.language import marked
from sliproad.foundation.web.paging import Page

SECRET_CHARACTERS = 40
SHOWN_CHARACTERS = 8


def new_api_key(
    secret_key: SecretKey, organization_id: str, name: str, scopes: list[str], clock: Clock
) -> tuple[ApiKeyRow, str]:
    """A row to be added, and the key itself, to be shown once (238 random bits; only its keyed hash is kept)."""
    values, secret = new_secret(secret_key, clock)
    return ApiKeyRow(organization_id=organization_id, name=name, scopes=scopes, **values), secret


def new_secret(secret_key: SecretKey, clock: Clock) -> tuple[dict[str, Any], str]:
    """What every kind of API key has in its row, and the key itself."""
    secret = API_KEY_PREFIX + random_text(SECRET_CHARACTERS)
    values = {
        "key_id": new_id("key"),
        "prefix": secret[:SHOWN_CHARACTERS],
        "secret_hash": secret_key.fast_hash(API_KEY_PURPOSE, secret),
        "created_at": clock.now(),
    }
    return values, secret


@dataclass(frozen=True, slots=True)
class Organizations:
    """Use cases of an organisation's owners."""

    database: Database
    secret_key: SecretKey
    clock: Clock

    async def profile(self, actor: OrganizationActor) -> OrganizationRow:
        async with self.database.transaction(actor.scope) as session:
            row = await organizations_store.organization(session, actor.organization_id)
        if row is None:
            raise NotFound("There is no such organisation.")
        return row

    async def update_profile(self, actor: OrganizationActor, changes: dict[str, str]) -> OrganizationRow:
        """Set `name` or `contact_email`: where handover certificates and the like are mailed to."""
        async with self.database.transaction(actor.scope) as session:
            row = await organizations_store.organization(session, actor.organization_id, lock=True)
            if row is None:
                raise NotFound("There is no such organisation.")
            for name, value in changes.items():
                setattr(row, name, value)
            return row

    async def create_api_key(
        self, actor: OrganizationActor, *, name: str, scopes: list[str], expires_at: datetime | None
    ) -> tuple[ApiKey, str]:
        """A new key: as it may be shown, and itself, this once.

        Raises:
            InvalidInput: it would have expired already.
        """
        if expires_at is not None and expires_at <= self.clock.now():
            raise InvalidInput.field("expires_at", "must be in the future")
        row, secret = new_api_key(self.secret_key, actor.organization_id, name, scopes, self.clock)
        row.expires_at, row.created_by = expires_at, actor.actor_id
        async with self.database.transaction(actor.scope) as session:
            session.add(row)
        return shown_key(row), secret

    async def api_keys(self, actor: OrganizationActor, page: Page) -> tuple[list[ApiKey], str | None]:
        """The keys that were not revoked, and the next cursor."""
        async with self.database.transaction(actor.scope) as session:
            after = page.after(datetime, str)
            rows = await organizations_store.api_keys(session, actor.organization_id, after, page.limit + 1)
        kept, next_cursor = page.cut(rows, lambda row: (row.created_at, row.key_id))
        return [shown_key(row) for row in kept], next_cursor

    async def revoke_api_key(self, actor: OrganizationActor, key_id: str) -> None:
        """From the next request on the key is worth nothing. Raises NotFound."""
        async with self.database.transaction(actor.scope) as session:
            row = await organizations_store.unrevoked_api_key(session, actor.organization_id, key_id)
            if row is None:
                raise NotFound("There is no such API key.")
            row.revoked_at = self.clock.now()

    async def members(self, actor: OrganizationActor, page: Page) -> tuple[list[MembershipRow], str | None]:
        """The organisation's users, and the next cursor."""
        async with self.database.transaction(actor.scope) as session:
            after = page.after(datetime, str)
            rows = await organizations_store.members(session, actor.organization_id, after, page.limit + 1)
        return page.cut(rows, lambda row: (row.created_at, row.user_id))

    async def membership_for_login(self, user_id: str, organization_id: str | None) -> MembershipRow:
        """The membership that a login is for: the one asked for, or the only or oldest one.

        Raises:
            NotAllowed: `no_organization`, the user belongs to none, or not to that one.
        """
        async with self.database.transaction(Scope(user_id=user_id)) as session:
            rows = await organizations_store.memberships_of_user(session, user_id)
        for row in rows:
            if organization_id in {None, row.organization_id}:
                return row
        raise NotAllowed(marked("You are not a user of this organisation."), code="no_organization")

    async def of_user(self, user_id: str) -> list[tuple[str, str]]:
        """(id, name) of every organisation that a user belongs to, the oldest membership first."""
        async with self.database.transaction(Scope(user_id=user_id)) as session:
            rows = await organizations_store.memberships_of_user(session, user_id)
            cards = [await organizations_store.organization_card(session, row.organization_id) for row in rows]
        return [
            (row.organization_id, card[0] if card else row.organization_id)
            for row, card in zip(rows, cards, strict=True)
        ]

    async def change_role(self, actor: OrganizationActor, user_id: str, role: Role) -> MembershipRow:
        """Give a user another role; it acts on the user's next request.

        Raises:
            NotFound: no such user here.
            Conflict: `last_owner`, an organisation is never without one.
        """
        async with self.database.transaction(actor.scope) as session:
            await organizations_store.organization(session, actor.organization_id, lock=True)
            row = await organizations_store.membership(session, actor.organization_id, user_id)
            if row is None:
                raise NotFound("There is no such user.")
            if row.role == Role.OWNER and role is not Role.OWNER:
                await self._keep_an_owner(session, actor.organization_id)
            row.role = role
            return row

    async def remove_member(self, actor: OrganizationActor, user_id: str) -> None:
        """The user's tokens for this organisation are worth nothing from the next request on. Raises as `change_role`."""
        async with self.database.transaction(actor.scope) as session:
            await organizations_store.organization(session, actor.organization_id, lock=True)
            row = await organizations_store.membership(session, actor.organization_id, user_id)
            if row is None:
                raise NotFound("There is no such user.")
            if row.role == Role.OWNER:
                await self._keep_an_owner(session, actor.organization_id)
            await session.delete(row)

    async def _keep_an_owner(self, session: Session, organization_id: str) -> None:
        if await organizations_store.owner_count(session, organization_id) < 2:
            raise Conflict("An organisation needs an owner: give somebody else that role first.", code="last_owner")


def shown_key(row: ApiKeyRow | OperatorKeyRow) -> ApiKey:
    """A key as it may be shown."""
    return ApiKey(
        key_id=row.key_id,
        name=row.name,
        scopes=tuple(row.scopes),
        prefix=row.prefix,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )
