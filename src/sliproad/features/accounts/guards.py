"""Who is asking? Dependencies of every feature's routes: each gives the actor that the route needs, or refuses.

They read `request.app.state.guards` (a `Guards`, set by wiring). Nothing is cached between requests: a revoked key, a logged-out
token, a changed password or role acts on the next request, with NATS stopped too (trust I3).
"""

from typing import Annotated, Protocol, cast

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer

from sliproad.features.accounts.browser_sessions import BrowserSessions
from sliproad.features.accounts.model import (
    API_KEY_PREFIX,
    Actor,
    Audience,
    InstallerActor,
    OperatorActor,
    OrganizationActor,
    PlatformAdminActor,
    SiteOwnerActor,
)
from sliproad.features.accounts.tokens import Claims
from sliproad.foundation.errors import NotAllowed, Unauthenticated
from sliproad.foundation.web.visitors import PageRole, Visitor

installer_token = HTTPBearer(
    auto_error=False,
    scheme_name="installerToken",
    bearerFormat="JWT",
    description="From `POST /api/v1/installer/login`.",
)
organization_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="organizationBearer",
    description="An API key (`sk_…`), or the token of `POST /api/v1/cpo/login`.",
)
organization_key = APIKeyHeader(
    name="X-API-Key", auto_error=False, scheme_name="organizationKey", description="An API key (`sk_…`)."
)
operator_key = HTTPBearer(auto_error=False, scheme_name="operatorKey", description="An operator's API key (`sk_…`).")
site_owner_token = HTTPBearer(
    auto_error=False,
    scheme_name="siteOwnerToken",
    bearerFormat="JWT",
    description="From `POST /api/v1/site-owner/login`.",
)
platform_token = HTTPBearer(
    auto_error=False,
    scheme_name="platformToken",
    bearerFormat="JWT",
    description="From `POST /api/v1/admin/login`.",
)


class Authenticates(Protocol):
    """What the guards need of `authentication.Authentication`."""

    async def actor(self, bearer: str, audience: Audience | None) -> Actor:
        """Who holds this bearer credential; `audience` None takes any."""
        ...

    async def holder(self, claims: Claims) -> Actor:
        """Whom a browser session speaks of."""
        ...


class Guards:
    """Finds the actor of a request, once per request."""

    def __init__(self, authentication: Authenticates, sessions: BrowserSessions | None = None) -> None:
        """Without `sessions` nobody is signed in with a browser."""
        self.authentication = authentication
        self.sessions = sessions

    async def installer(self, request: Request) -> InstallerActor:
        actor = await self._actor(request, Audience.INSTALLER)
        if not isinstance(actor, InstallerActor):
            raise Unauthenticated("This needs an installer's access token.")
        return actor

    async def organization(self, request: Request) -> OrganizationActor:
        actor = await self._actor(request, Audience.ORGANIZATION)
        if not isinstance(actor, OrganizationActor):
            raise Unauthenticated("This needs an organisation's API key or a user's access token.")
        return actor

    async def site_owner(self, request: Request) -> SiteOwnerActor:
        actor = await self._actor(request, Audience.SITE_OWNER)
        if not isinstance(actor, SiteOwnerActor):
            raise Unauthenticated("This needs a site owner's access token.")
        return actor

    async def operator(self, request: Request) -> OperatorActor:
        actor = await self._actor(request, Audience.OPERATOR)
        if not isinstance(actor, OperatorActor):
            raise Unauthenticated("This needs an operator's API key.")
        return actor

    async def platform_admin(self, request: Request) -> PlatformAdminActor:
        actor = await self._actor(request, Audience.PLATFORM)
        if not isinstance(actor, PlatformAdminActor):
            raise Unauthenticated("This needs a platform administrator's access token.")
        return actor

    async def identify(self, request: Request) -> str | None:
        """Who is asking, as a stable key, whatever kind they are; None for nobody. For idempotency (`foundation.web`)."""
        if (visitor := getattr(request.state, "visitor", None)) is not None:
            return str(visitor.actor.key)
        try:
            return (await self._actor(request, None)).key
        except Unauthenticated:
            return None

    async def visitor(self, request: Request) -> Visitor | None:
        """Who is signed in with the browser that asks; None for nobody."""
        claims = await self.sessions.find(request) if self.sessions else None
        if claims is None:
            return None
        try:
            actor = await self.authentication.holder(claims)
        except Unauthenticated:
            return None
        request.state.actor = actor.key
        return _as_visitor(actor)

    async def _actor(self, request: Request, audience: Audience | None) -> Actor:
        bearer = bearer_of(request)
        if bearer is None:
            raise Unauthenticated("Send your credential as `Authorization: Bearer …`.")
        actor = await self.authentication.actor(bearer, audience)
        request.state.actor = actor.key  # for the log line: who did it (trust S4)
        return actor


def _as_visitor(actor: Actor) -> Visitor:
    """How the pages' frame shows somebody."""
    match actor:
        case InstallerActor():
            return Visitor(PageRole.INSTALLER, actor.full_name, actor.company or actor.email, actor)
        case SiteOwnerActor():
            return Visitor(PageRole.SITE_OWNER, actor.full_name, actor.email, actor)
        case PlatformAdminActor():
            return Visitor(PageRole.PLATFORM, actor.full_name, actor.email, actor)
        case OrganizationActor():
            return Visitor(PageRole.ORGANIZATION, actor.display_name, str(actor.role or ""), actor)
        case OperatorActor():
            return Visitor(PageRole.OPERATOR, actor.display_name, actor.operator_id, actor)


def bearer_of(request: Request) -> str | None:
    """The credential that the request carries, in `Authorization: Bearer` or `X-API-Key`."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    key = request.headers.get("x-api-key", "")
    return key if key.startswith(API_KEY_PREFIX) else None


def _guards(request: Request) -> Guards:
    return cast("Guards", request.app.state.guards)


async def current_installer(request: Request, _scheme: Annotated[object, Security(installer_token)]) -> InstallerActor:
    """An installer with a valid token."""
    return await _guards(request).installer(request)


async def organization_viewer(
    request: Request,
    _bearer: Annotated[object, Security(organization_bearer)],
    _key: Annotated[object, Security(organization_key)],
) -> OrganizationActor:
    """An API key of scope `cpo` or `cpo:read`, or a user of any role: reads."""
    actor = await _guards(request).organization(request)
    if not actor.may_read:
        raise NotAllowed("This API key has no scope that reads here.")
    return actor


async def organization_manager(actor: Annotated[OrganizationActor, Depends(organization_viewer)]) -> OrganizationActor:
    """An API key of scope `cpo`, or a user who is owner or manager: reads and writes."""
    if not actor.may_manage:
        raise NotAllowed("This needs the role owner or manager, or an API key of scope cpo.")
    return actor


async def organization_owner(actor: Annotated[OrganizationActor, Depends(organization_viewer)]) -> OrganizationActor:
    """An API key of scope `cpo`, or a user who is owner: users, roles and API keys."""
    if not actor.may_administer:
        raise NotAllowed("This needs the role owner, or an API key of scope cpo.")
    return actor


async def current_site_owner(
    request: Request, _scheme: Annotated[object, Security(site_owner_token)]
) -> SiteOwnerActor:
    """A user who acts as site owner."""
    return await _guards(request).site_owner(request)


async def current_operator(request: Request, _scheme: Annotated[object, Security(operator_key)]) -> OperatorActor:
    """An operator's API key of scope `connections`."""
    actor = await _guards(request).operator(request)
    if not actor.may_connect:
        raise NotAllowed("This needs an API key of scope connections.")
    return actor


async def current_platform_admin(
    request: Request, _scheme: Annotated[object, Security(platform_token)]
) -> PlatformAdminActor:
    """A platform administrator with a valid token."""
    return await _guards(request).platform_admin(request)


Installer = Annotated[InstallerActor, Depends(current_installer)]
Viewer = Annotated[OrganizationActor, Depends(organization_viewer)]
Manager = Annotated[OrganizationActor, Depends(organization_manager)]
Owner = Annotated[OrganizationActor, Depends(organization_owner)]
SiteOwner = Annotated[SiteOwnerActor, Depends(current_site_owner)]
Operator = Annotated[OperatorActor, Depends(current_operator)]
PlatformAdmin = Annotated[PlatformAdminActor, Depends(current_platform_admin)]
