"""Who looks at this page? Dependencies of every feature's pages: each gives the actor that the page is for.

`guards.visitor` has found them already (the pages' layer asks once a request). Nobody: to the log-in. Somebody of another role: 403.
"""

from typing import Annotated, TypeVar

from fastapi import Depends, Request

from sliproad.features.accounts.model import (
    Actor,
    InstallerActor,
    OperatorActor,
    OrganizationActor,
    PlatformAdminActor,
    SiteOwnerActor,
)
from sliproad.foundation.errors import NotAllowed, Unauthenticated
from sliproad.foundation.language import gettext as _

Kind = TypeVar("Kind", InstallerActor, OrganizationActor, SiteOwnerActor, PlatformAdminActor, OperatorActor)


def _of_kind(request: Request, kind: type[Kind]) -> Kind:
    actor = _signed_in(request)
    if not isinstance(actor, kind):
        raise NotAllowed(_("This page is for another role. Log out, and log in with the role that it is for."))
    return actor


def _signed_in(request: Request) -> Actor:
    visitor = getattr(request.state, "visitor", None)
    if visitor is None:
        raise Unauthenticated("Log in first.")
    actor: Actor = visitor.actor
    return actor


async def signed_in(request: Request) -> Actor:
    """Whoever is signed in. Raises Unauthenticated, which leads to the log-in."""
    return _signed_in(request)


async def installer(request: Request) -> InstallerActor:
    """An installer."""
    return _of_kind(request, InstallerActor)


async def member(request: Request) -> OrganizationActor:
    """A user of an organisation, whatever the role: reads."""
    return _of_kind(request, OrganizationActor)


async def manager(request: Request) -> OrganizationActor:
    """A user who is owner or manager: reads and writes."""
    actor = _of_kind(request, OrganizationActor)
    if not actor.may_manage:
        raise NotAllowed(_("This needs the role owner or manager."))
    return actor


async def owner(request: Request) -> OrganizationActor:
    """A user who is owner: users, roles and API keys."""
    actor = _of_kind(request, OrganizationActor)
    if not actor.may_administer:
        raise NotAllowed(_("This needs the role owner."))
    return actor


async def site_owner(request: Request) -> SiteOwnerActor:
    """A user who acts as site owner."""
    return _of_kind(request, SiteOwnerActor)


async def operator(request: Request) -> OperatorActor:
    """Whoever signed in with an operator's API key of scope `connections`."""
    actor = _of_kind(request, OperatorActor)
    if not actor.may_connect:
        raise NotAllowed(_("This needs an API key of scope connections."))
    return actor


async def platform_admin(request: Request) -> PlatformAdminActor:
    """Whoever runs the installation."""
    return _of_kind(request, PlatformAdminActor)


SignedIn = Annotated[Actor, Depends(signed_in)]
InstallerPage = Annotated[InstallerActor, Depends(installer)]
MemberPage = Annotated[OrganizationActor, Depends(member)]
ManagerPage = Annotated[OrganizationActor, Depends(manager)]
OwnerPage = Annotated[OrganizationActor, Depends(owner)]
SiteOwnerPage = Annotated[SiteOwnerActor, Depends(site_owner)]
OperatorPage = Annotated[OperatorActor, Depends(operator)]
AdminPage = Annotated[PlatformAdminActor, Depends(platform_admin)]
