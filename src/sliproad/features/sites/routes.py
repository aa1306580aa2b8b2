"""`/api/v1/cpo/sites`: an organisation's sites."""

from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from sliproad.features.accounts.guards import Manager, Viewer
from sliproad.features.sites.model import NewSite, Site, SiteOwner
from sliproad.features.sites.ownership import SiteOwnershipService
from sliproad.features.sites.service import SiteService
from sliproad.foundation.web import Email, PageQuery, RequestModel, Text, Timestamp, unset


def known_time_zone(name: str) -> str:
    """An IANA time zone."""
    if name not in available_timezones():
        raise ValueError("must be an IANA time zone such as Europe/London")
    return name


Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
TimeZone = Annotated[str, Field(max_length=64, examples=["Europe/London"]), AfterValidator(known_time_zone)]
OperatorId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class SiteRequest(RequestModel):
    name: Text
    address: Address
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    time_zone: TimeZone | None = None


class SiteChange(RequestModel):
    name: Text = unset()
    address: Address = unset()
    latitude: Latitude | None = unset()
    longitude: Longitude | None = unset()
    time_zone: TimeZone | None = unset()


class OperatorRequest(RequestModel):
    operator_id: OperatorId | None


class SiteAnswer(BaseModel):
    site_id: str
    name: str
    address: str
    latitude: float | None
    longitude: float | None
    time_zone: str | None
    operator_id: str | None
    created_at: Timestamp


class SiteList(BaseModel):
    sites: list[SiteAnswer]
    total: int
    next_cursor: str | None


class OwnerRequest(RequestModel):
    email: Email
    full_name: Text | None = None


class OwnerAnswer(BaseModel):
    """`owner_id` is what to delete: the person's id, or while they have not accepted, the invitation's."""

    owner_id: str
    email: str
    full_name: str | None
    status: Literal["invited", "active"]
    since: Timestamp


class OwnerList(BaseModel):
    owners: list[OwnerAnswer]
    total: int


def owner_answer(owner: SiteOwner) -> OwnerAnswer:
    return OwnerAnswer(**{name: getattr(owner, name) for name in OwnerAnswer.model_fields})


def site_answer(site: Site) -> SiteAnswer:
    return SiteAnswer(
        site_id=site.site_id,
        name=site.name,
        address=site.address,
        latitude=None if site.latitude is None else float(site.latitude),
        longitude=None if site.longitude is None else float(site.longitude),
        time_zone=site.time_zone,
        operator_id=site.operator_id,
        created_at=site.created_at,
    )


def site_values(body: SiteRequest | SiteChange) -> dict[str, Any]:
    """What was given, with degrees as Decimals of seven places (a centimetre)."""
    values = body.model_dump(exclude_unset=True)
    for axis in ("latitude", "longitude"):
        if values.get(axis) is not None:
            values[axis] = round(Decimal(str(values[axis])), 7)
    return values


def router(sites: SiteService, ownership: SiteOwnershipService) -> APIRouter:
    """The organisation's routes of sites."""
    api = APIRouter(prefix="/api/v1/cpo/sites", tags=["Sites"])

    @api.post("", status_code=201)
    async def create_site(actor: Manager, body: SiteRequest) -> SiteAnswer:
        """A new site."""
        return site_answer(await sites.create(actor, NewSite(**site_values(body))))

    @api.get("")
    async def list_sites(actor: Viewer, page: PageQuery) -> SiteList:
        """The organisation's sites."""
        found, total, next_cursor = await sites.page(actor, page)
        return SiteList(sites=[site_answer(site) for site in found], total=total, next_cursor=next_cursor)

    @api.get("/{site_id}")
    async def read_site(actor: Viewer, site_id: str) -> SiteAnswer:
        """One site."""
        return site_answer(await sites.get(actor, site_id))

    @api.patch("/{site_id}")
    async def change_site(actor: Manager, site_id: str, body: SiteChange) -> SiteAnswer:
        """Change what is named."""
        return site_answer(await sites.change(actor, site_id, site_values(body)))

    @api.put("/{site_id}/operator")
    async def set_operator(actor: Manager, site_id: str, body: OperatorRequest) -> SiteAnswer:
        """Say which operator runs the site's connections; null for none."""
        return site_answer(await sites.set_operator(actor, site_id, body.operator_id))

    @api.post("/{site_id}/owners", status_code=201)
    async def invite_owner(actor: Manager, site_id: str, body: OwnerRequest) -> OwnerAnswer:
        """Invite the site's owner by e-mail."""
        return owner_answer(await ownership.invite(actor, site_id, body.email, body.full_name))

    @api.get("/{site_id}/owners")
    async def list_owners(actor: Viewer, site_id: str) -> OwnerList:
        """Who owns the site, and who is invited to."""
        found = [owner_answer(owner) for owner in await ownership.owners(actor, site_id)]
        return OwnerList(owners=found, total=len(found))

    @api.delete("/{site_id}/owners/{owner_id}", status_code=204)
    async def remove_owner(actor: Manager, site_id: str, owner_id: str) -> None:
        """Take an owner off the site, or an invitation back."""
        await ownership.remove(actor, site_id, owner_id)

    return api
