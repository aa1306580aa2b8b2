"""Turns a bearer credential into an actor: an API key, or an access token of one of the audiences. `guards` ask it, per request.

It works as role `web`: an API key's row opens by the keyed hash of the key, a person's row by the id that the token names.
"""

from datetime import timedelta

from sliproad.features.accounts import organizations_store, people_store
from sliproad.features.accounts.model import (
    API_KEY_PREFIX,
    Actor,
    Audience,
    InstallerActor,
    OrganizationActor,
    PersonKind,
    PlatformAdminActor,
    Role,
    SiteOwnerActor,
    Status,
)
from sliproad.features.accounts.people_store import KINDS, PersonRow
from sliproad.features.accounts.store import InstallerRow
from sliproad.features.accounts.tokens import AccessTokens, Claims
from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database, Scope, Session
from sliproad.foundation.errors import Unauthenticated

API_KEY_PURPOSE = "api key"
LAST_USED_PRECISION = timedelta(minutes=1)
KIND_OF = {
    Audience.INSTALLER: PersonKind.INSTALLER,
    Audience.ORGANIZATION: PersonKind.USER,
    Audience.SITE_OWNER: PersonKind.USER,
    Audience.PLATFORM: PersonKind.USER,
}


class Authentication:
    """Who holds this credential?"""

    def __init__(self, database: Database, tokens: AccessTokens, secret_key: SecretKey, clock: Clock) -> None:
        self.database = database
        self.tokens = tokens
        self.secret_key = secret_key
        self.clock = clock

    async def actor(self, bearer: str, audience: Audience | None) -> Actor:
        """The actor behind an API key or access token that is good for `audience` (None: for any).

        Raises:
            Unauthenticated: unknown, expired, revoked, logged out, or for another audience.
        """
        if bearer.startswith(API_KEY_PREFIX):
            if audience not in {None, Audience.ORGANIZATION}:
                raise Unauthenticated("An API key is not good here; log in for an access token.")
            return await self._api_key(bearer)
        return await self.holder(self.tokens.read(bearer, audience))

    async def log_out(self, bearer: str, audience: Audience) -> None:
        """This access token is dead from now on. Raises Unauthenticated when it is none."""
        claims = self.tokens.read(bearer, audience)
        async with self.database.transaction(Scope(lookup=claims.jti)) as session:
            await people_store.revoke(session, claims.jti, claims.expires_at)

    async def _api_key(self, key: str) -> OrganizationActor:
        secret_hash, now = self.secret_key.fast_hash(API_KEY_PURPOSE, key), self.clock.now()
        async with self.database.transaction(Scope(lookup=secret_hash)) as session:
            row = await organizations_store.valid_api_key(session, secret_hash, now)
            if row is None:
                raise Unauthenticated("This API key is not valid.")
            if row.last_used_at is None or now - row.last_used_at > LAST_USED_PRECISION:
                row.last_used_at = now
            return OrganizationActor(
                organization_id=row.organization_id,
                display_name=row.name,
                key_id=row.key_id,
                scopes=frozenset(row.scopes),
            )

    async def holder(self, claims: Claims) -> Actor:
        """The actor that an access token or a browser session speaks of.

        Raises:
            Unauthenticated: not any more.
        """
        kind = KIND_OF[claims.audience]
        async with self.database.transaction(KINDS[kind].scope(claims.subject, claims.jti)) as session:
            person = await people_store.person_by_id(session, kind, claims.subject)
            is_dead = (
                person is None
                or person.status != Status.ACTIVE
                or person.token_generation != claims.generation
                or await people_store.is_revoked(session, claims.jti)
            )
            if person is None or is_dead:
                raise Unauthenticated("This access token is not valid any more. Log in again.")
            return await _actor_of(session, person, claims)


async def _actor_of(session: Session, person: PersonRow, claims: Claims) -> Actor:
    if isinstance(person, InstallerRow):
        return InstallerActor(person.installer_id, person.full_name, person.email, person.company)
    if claims.audience is Audience.SITE_OWNER:
        return SiteOwnerActor(person.user_id, person.full_name, person.email)
    if claims.audience is Audience.PLATFORM:
        if not person.is_platform_admin:
            raise Unauthenticated("You are no longer a platform administrator.")
        return PlatformAdminActor(person.user_id, person.full_name, person.email)
    member = await organizations_store.membership(session, claims.organization_id or "", person.user_id)
    if member is None:
        raise Unauthenticated("You are no longer a user of this organisation.")
    return OrganizationActor(
        organization_id=member.organization_id,
        display_name=person.full_name,
        user_id=person.user_id,
        role=Role(member.role),
    )
