"""Who looks at a page, as the pages' frame needs to know it: name, role, and where the role can go. `accounts` fills it in."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from starlette.requests import Request


class PageRole(StrEnum):
    """Whose pages: each role has its own, and its own way to log in."""

    INSTALLER = "installer"
    ORGANIZATION = "organization"
    SITE_OWNER = "site_owner"
    PLATFORM = "platform"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody signed in with a browser. `actor` is the feature `accounts`' own; the frame never looks inside."""

    role: PageRole
    name: str
    subtitle: str
    actor: Any


@dataclass(frozen=True, slots=True)
class NavEntry:
    """One place in a role's navigation; `label` is `marked(...)`, the lowest `order` is where a log-in leads."""

    role: PageRole
    label: str
    href: str
    icon: str
    order: int = 50


class KnowsVisitors(Protocol):
    """What the pages' layer needs of `accounts.guards.Guards`."""

    async def visitor(self, request: Request) -> Visitor | None:
        """Who holds the session that the request's cookie names; None for nobody."""
        ...


def entries_of(navigation: Sequence[NavEntry], visitor: Visitor | None) -> list[NavEntry]:
    """The visitor's places, in their order."""
    return sorted((entry for entry in navigation if visitor and entry.role is visitor.role), key=lambda one: one.order)


def current_of(entries: Sequence[NavEntry], path: str) -> NavEntry | None:
    """The place a path belongs to: the longest address that it begins with."""
    inside = [entry for entry in entries if path == entry.href or path.startswith(f"{entry.href}/")]
    return max(inside, key=lambda entry: len(entry.href), default=None)
