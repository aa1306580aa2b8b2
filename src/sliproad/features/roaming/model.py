"""What the hub knows of connections and who calls (pure). A connection is one platform: it speaks for one or more parties."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sliproad.ocpi.ids import Party
from sliproad.ocpi.modules import Interface, ModuleId, Role
from sliproad.ocpi.token_header import TokenStyle


class ConnectionStatus(StrEnum):
    """As HubClientInfo tells it (OCPI 2.2.1 §15)."""

    CONNECTED = "CONNECTED"
    OFFLINE = "OFFLINE"
    PLANNED = "PLANNED"
    SUSPENDED = "SUSPENDED"


@dataclass(frozen=True, slots=True)
class PartyRole:
    """A role that a connection was approved for."""

    party: Party
    role: Role
    business_details: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """A platform at the other end, without its secrets."""

    connection_id: str
    name: str
    status: ConnectionStatus
    roles: tuple[PartyRole, ...]
    style: TokenStyle
    versions_url: str | None
    version: str | None
    is_registered: bool
    created_at: datetime
    changed_at: datetime
    heard_at: datetime | None

    @property
    def parties(self) -> tuple[Party, ...]:
        """Every party it speaks for, once."""
        return tuple(dict.fromkeys(role.party for role in self.roles))

    def roles_of(self, party: Party) -> frozenset[Role]:
        """The approved roles of one of its parties; empty for anybody else's."""
        return frozenset(each.role for each in self.roles if each.party == party)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and how the token was written."""

    connection: Connection
    token: str
    style: TokenStyle
    is_registering: bool
    """The token is a registration token (A), which opens versions and credentials only."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where one party is reached for one module."""

    connection: Connection
    party: Party
    url: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the hub is, and where."""

    party: Party
    name: str
    public_url: str

    @property
    def versions_url(self) -> str:
        return f"{self.public_url}/ocpi/versions"

    @property
    def version_url(self) -> str:
        return f"{self.public_url}/ocpi/2.2.1"

    def endpoint_url(self, module: ModuleId, interface: Interface) -> str:
        """Where the hub answers for a module."""
        if module is ModuleId.CREDENTIALS:
            return f"{self.version_url}/credentials"
        return f"{self.version_url}/{interface.lower()}/{module}"
