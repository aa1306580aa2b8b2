"""Who may act, and the rules of accounts. Pure; every feature's routes get these actors from `guards`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sliproad.foundation.database.scope import Scope

TOKEN_LIFETIME = timedelta(hours=1)
MAILED_TOKEN_LIFETIME = timedelta(hours=24)
INVITATION_LIFETIME = timedelta(days=14)
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 128
API_KEY_PREFIX = "sk_"


class PersonKind(StrEnum):
    """Two kinds of people with accounts of their own: installers, and users (of organisations; site owners)."""

    INSTALLER = "installer"
    USER = "user"


class Audience(StrEnum):
    """What a token is for: the `aud` of a JWT. A token of one audience is refused everywhere else (trust I1)."""

    INSTALLER = "sliproad:installer"
    ORGANIZATION = "sliproad:organization"
    SITE_OWNER = "sliproad:site-owner"
    PLATFORM = "sliproad:platform"
    OPERATOR = "sliproad:operator"


class Status(StrEnum):
    """Of a person's account. `pending_verification` until the mailbox is proven."""

    PENDING = "pending_verification"
    ACTIVE = "active"


class Role(StrEnum):
    """Of a user in an organisation."""

    OWNER = "owner"
    MANAGER = "manager"
    VIEWER = "viewer"


class KeyScope(StrEnum):
    """Of an API key: everything of the organisation, or reading it."""

    CPO = "cpo"
    CPO_READ = "cpo:read"


class OperatorScope(StrEnum):
    """Of an operator's API key: its connection settings; and reading the passwords in them (contract §2)."""

    CONNECTIONS = "connections"
    SECRETS = "connections:secrets"


class Purpose(StrEnum):
    """What a mailed token is good for."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 (a name, not a password)
    INVITATION = "invitation"


class InvitationPurpose(StrEnum):
    """What accepting an invitation does: accounts knows the first; later rooms register theirs."""

    ORGANIZATION_USER = "organization_user"
    SITE_OWNER = "site_owner"


@dataclass(frozen=True, slots=True)
class InstallerActor:
    installer_id: str
    full_name: str
    email: str
    company: str | None

    @property
    def scope(self) -> Scope:
        return Scope(installer_id=self.installer_id)

    @property
    def actor_id(self) -> str:
        """Who it was, in records of what was done."""
        return self.installer_id

    @property
    def key(self) -> str:
        """Who this is, for idempotency keys and rate limits."""
        return f"installer:{self.installer_id}"


@dataclass(frozen=True, slots=True)
class OrganizationActor:
    """An API key or a user of an organisation, having been found to have the rights that the route asks for."""

    organization_id: str
    display_name: str
    """The user's name, or the name of the API key."""
    user_id: str | None = None
    key_id: str | None = None
    role: Role | None = None
    scopes: frozenset[str] = frozenset()

    @property
    def scope(self) -> Scope:
        return Scope(organization_id=self.organization_id)

    @property
    def actor_id(self) -> str:
        """Who it was, in records of what was done: the user, or the API key."""
        return self.user_id or self.key_id or self.organization_id

    @property
    def key(self) -> str:
        return f"organization:{self.organization_id}:{self.key_id or self.user_id}"

    @property
    def may_read(self) -> bool:
        return self.role is not None or bool(self.scopes & {KeyScope.CPO, KeyScope.CPO_READ})

    @property
    def may_manage(self) -> bool:
        return self.role in {Role.OWNER, Role.MANAGER} or KeyScope.CPO in self.scopes

    @property
    def may_administer(self) -> bool:
        """Users, roles and API keys: owners, and the organisation's own full API keys."""
        return self.role is Role.OWNER or KeyScope.CPO in self.scopes


@dataclass(frozen=True, slots=True)
class SiteOwnerActor:
    user_id: str
    full_name: str
    email: str

    @property
    def scope(self) -> Scope:
        return Scope(user_id=self.user_id)

    @property
    def key(self) -> str:
        return f"site_owner:{self.user_id}"


@dataclass(frozen=True, slots=True)
class PlatformAdminActor:
    """Whoever runs the installation, and supports all who use it. Made by `sliproad admin create-admin` alone."""

    user_id: str
    full_name: str
    email: str

    @property
    def key(self) -> str:
        return f"platform:{self.user_id}"


@dataclass(frozen=True, slots=True)
class OperatorActor:
    """An API key of an operator: a company whose OCPP server charge points of others are connected to (OPER)."""

    operator_id: str
    display_name: str
    key_id: str
    scopes: frozenset[str]

    @property
    def scope(self) -> Scope:
        return Scope(operator_id=self.operator_id)

    @property
    def actor_id(self) -> str:
        """Who it was, in records of what was done."""
        return self.key_id

    @property
    def key(self) -> str:
        return f"operator:{self.operator_id}:{self.key_id}"

    @property
    def may_connect(self) -> bool:
        return OperatorScope.CONNECTIONS in self.scopes

    @property
    def may_see_secrets(self) -> bool:
        return OperatorScope.SECRETS in self.scopes


Actor = InstallerActor | OrganizationActor | SiteOwnerActor | PlatformAdminActor | OperatorActor


@dataclass(frozen=True, slots=True)
class InstallerSummary:
    """What others on a project may know of an installer."""

    installer_id: str
    full_name: str
    email: str
    company: str | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as it may be shown: never the key itself."""

    key_id: str
    name: str
    scopes: tuple[str, ...]
    prefix: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


def email_key(email: str) -> str:
    """Two spellings of one mailbox have one key: upper and lower case are the same."""
    return email.strip().lower()
