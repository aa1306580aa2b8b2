"""Turns a bearer credential into an actor: an API key, or an access token of one of the audiences. `guards` ask it, per request.

It works as role `web`: an API key's row opens by the keyed hash of the key, a person's row by the id that the token names.
"""

from datetime import timedelta

from sliproad.features.accounts import operators_store, organizations_store, people_store
from sliproad.features.accounts.model import (
    API_KEY_PREFIX,
    Actor,
    Audience,
    InstallerActor,
    OperatorActor,
    OrganizationActor,
    PersonKind,
    PlatformAdminActor,
    Role,
    SiteOwnerActor,
)
from sliproad.features.accounts.people_store import KINDS
from sliproad.features.accounts.tokens import AccessTokens, Claims
from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database, Scope
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
            if audience not in {None, Audience.ORGANIZATION, Audience.OPERATOR}:
                raise Unauthenticated("An API key is not good here; log in for an access token.")
            return await self._key_holder(bearer, audience)
        return await self.holder(self.tokens.read(bearer, audience))

    async def log_out(self, bearer: str, audience: Audience) -> None:
        """This access token is dead from now on. Raises Unauthenticated when it is none."""
        claims = self.tokens.read(bearer, audience)
        async with self.database.transaction(Scope(lookup=claims.jti)) as session:
            await people_store.revoke(session, claims.jti, claims.expires_at)

    async def _key_holder(self, key: str, audience: Audience | None) -> Actor:
        """An organisation's key where one may be meant, else an operator's."""
        secret_hash = self.secret_key.fast_hash(API_KEY_PURPOSE, key)
        if audience is not Audience.OPERATOR and (found := await self._organization_key(secret_hash)):
            return found
        if audience is not Audience.ORGANIZATION and (operator := await self._operator_key(secret_hash)):
            return operator
        raise Unauthenticated("This API key is not valid.")

    async def _organization_key(self, secret_hash: str) -> OrganizationActor | None:
        now = self.clock.now()
        scope, values = Scope(lookup=secret_hash), {"secret_hash": secret_hash, "now": now}
        found = await self.database.ask(organizations_store.VALID_API_KEY, values, scope)
        if not found:
            return None
        [(organization_id, name, key_id, scopes, last_used_at)] = found
        if last_used_at is None or now - last_used_at > LAST_USED_PRECISION:
            async with self.database.transaction(scope) as session:
                await organizations_store.note_key_used(session, secret_hash, now)
        return OrganizationActor(organization_id, display_name=name, key_id=key_id, scopes=frozenset(scopes))

    async def _operator_key(self, secret_hash: str) -> OperatorActor | None:
        now = self.clock.now()
        scope, values = Scope(lookup=secret_hash), {"secret_hash": secret_hash, "now": now}
        found = await self.database.ask(operators_store.VALID_OPERATOR_KEY, values, scope)
        if not found:
            return None
        [(operator_id, name, key_id, scopes, last_used_at)] = found
        if last_used_at is None or now - last_used_at > LAST_USED_PRECISION:
            async with self.database.transaction(scope) as session:
                await operators_store.note_key_used(session, secret_hash, now)
        return OperatorActor(operator_id, display_name=name, key_id=key_id, scopes=frozenset(scopes))

    async def holder(self, claims: Claims) -> Actor:
        """The actor that an access token or a browser session speaks of.

        Raises:
            Unauthenticated: not any more.
        """
        if claims.audience is Audience.OPERATOR:
            return await self._operator_in_browser(claims)
        scope = KINDS[KIND_OF[claims.audience]].scope(claims.subject, claims.jti)
        values = {
            "person_id": claims.subject,
            "generation": claims.generation,
            "jti": claims.jti,
            "organization_id": claims.organization_id,
        }
        is_installer = claims.audience is Audience.INSTALLER
        statement = people_store.LIVE_INSTALLER if is_installer else people_store.LIVE_USER
        found = await self.database.ask(statement, values, scope)
        if not found:
            raise Unauthenticated("This access token is not valid any more. Log in again.")
        if is_installer:
            return InstallerActor(claims.subject, *found[0])
        return _user(claims, *found[0])

    async def _operator_in_browser(self, claims: Claims) -> OperatorActor:
        values = {"key_id": claims.subject, "operator_id": claims.operator_id, "now": self.clock.now()}
        scope = Scope(operator_id=claims.operator_id or "")
        found = await self.database.ask(operators_store.KEY_IN_FORCE, values, scope)
        if not found or claims.operator_id is None:
            raise Unauthenticated("This API key is not valid any more.")
        [(name, scopes)] = found
        return OperatorActor(claims.operator_id, display_name=name, key_id=claims.subject, scopes=frozenset(scopes))


def _user(claims: Claims, full_name: str, email: str, is_platform_admin: bool, role: str | None) -> Actor:
    """A user as what the token's audience says."""
    if claims.audience is Audience.SITE_OWNER:
        return SiteOwnerActor(claims.subject, full_name, email)
    if claims.audience is Audience.PLATFORM:
        if not is_platform_admin:
            raise Unauthenticated("You are no longer a platform administrator.")
        return PlatformAdminActor(claims.subject, full_name, email)
    if claims.organization_id is None or role is None:
        raise Unauthenticated("You are no longer a user of this organisation.")
    return OrganizationActor(claims.organization_id, display_name=full_name, user_id=claims.subject, role=Role(role))
