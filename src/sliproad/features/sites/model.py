"""A site: the place where charge points stand, with its owners and, later, its operator. Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class NewSite:
    """What an organisation says about a place. `time_zone` is an IANA name."""

    name: str
    address: str
    latitude: Decimal | None = None
    longitude: Decimal | None = None
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Site:
    site_id: str
    organization_id: str
    name: str
    address: str
    latitude: Decimal | None
    longitude: Decimal | None
    time_zone: str | None
    operator_id: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SiteOwner:
    """Somebody who looks after a site. `owner_id` is their user id when `active`, the invitation's while `invited`."""

    owner_id: str
    email: str
    full_name: str | None
    status: str
    since: datetime
