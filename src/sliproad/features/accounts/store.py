"""Rows of accounts. The statements on people are in `people_store`, on API keys and organisations in `organizations_store`.

Row-level security: a person's row opens to the person (`installer_id`, `user_id`) and to whoever names it exactly: the e-mail at
login. A mailed token's or API key's row opens to whoever holds it, by its keyed hash.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, kept, visible_to


class OrganizationRow(Row):
    __tablename__ = "organizations"
    __table_args__ = ({"info": visible_to("organization")},)

    organization_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    contact_email: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class PersonColumns:
    """What the two kinds of people have in common."""

    email: Mapped[str]
    email_key: Mapped[str] = mapped_column(unique=True)
    full_name: Mapped[str]
    password_hash: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="pending_verification")
    token_generation: Mapped[int] = mapped_column(server_default=text("0"))
    """Carried by each of the person's JWTs; a changed password raises it, and older tokens are dead."""
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    verified_at: Mapped[datetime | None]
    last_login_at: Mapped[datetime | None]


class InstallerRow(PersonColumns, Row):
    __tablename__ = "installers"
    __table_args__ = ({"info": visible_to("installer", lookup=("email_key",))},)

    installer_id: Mapped[str] = mapped_column(primary_key=True)
    phone: Mapped[str | None]
    company: Mapped[str | None]


class UserRow(PersonColumns, Row):
    """A user of organisations, a site owner, or both: what they may do is in `memberships` and `site_owners`."""

    __tablename__ = "users"
    __table_args__ = ({"info": visible_to("user", lookup=("email_key",))},)

    user_id: Mapped[str] = mapped_column(primary_key=True)
    phone: Mapped[str | None]
    is_platform_admin: Mapped[bool] = mapped_column(server_default=text("false"))


class MembershipRow(Row):
    """A user's role in an organisation. E-mail and name are copied, so that an organisation's list needs no look at `users`."""

    __tablename__ = "memberships"
    __table_args__ = (
        Index("memberships_user_id_idx", "user_id"),
        {"info": visible_to("organization", "user")},
    )

    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.user_id"), primary_key=True)
    role: Mapped[str]
    email: Mapped[str]
    full_name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class ApiKeyRow(Row):
    __tablename__ = "api_keys"
    __table_args__ = (
        Index("api_keys_organization_id_created_at_idx", "organization_id", "created_at"),
        {"info": visible_to("organization", lookup=("secret_hash",))},
    )

    key_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"))
    name: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    prefix: Mapped[str]
    secret_hash: Mapped[str] = mapped_column(unique=True)
    created_by: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class OperatorRow(Row):
    """A company that runs charge points of others by an OCPP server of its own (OPER)."""

    __tablename__ = "operators"
    __table_args__ = ({"info": visible_to("operator")},)

    operator_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    contact_email: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class OperatorKeyRow(Row):
    """An operator's API key; as `ApiKeyRow`, which is an organisation's."""

    __tablename__ = "operator_keys"
    __table_args__ = (
        Index("operator_keys_operator_id_created_at_idx", "operator_id", "created_at"),
        {"info": visible_to("operator", lookup=("secret_hash",))},
    )

    key_id: Mapped[str] = mapped_column(primary_key=True)
    operator_id: Mapped[str] = mapped_column(ForeignKey("operators.operator_id"))
    name: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    prefix: Mapped[str]
    secret_hash: Mapped[str] = mapped_column(unique=True)
    created_by: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class MailTokenRow(Row):
    """A token that went out by mail: only its keyed hash is kept. `installer_id` or `user_id` says whose; an invitation has neither."""

    __tablename__ = "mail_tokens"
    __table_args__ = (
        Index("mail_tokens_installer_id_idx", "installer_id"),
        Index("mail_tokens_user_id_idx", "user_id"),
        Index("mail_tokens_organization_id_idx", "organization_id"),
        {
            "info": visible_to("organization", "installer", "user", lookup=("token_hash",))
            | kept(0, since="least(expires_at, used_at)")
        },
    )

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    invitation_id: Mapped[str | None] = mapped_column(unique=True)
    purpose: Mapped[str]
    organization_id: Mapped[str | None]
    installer_id: Mapped[str | None]
    user_id: Mapped[str | None]
    email: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RevokedTokenRow(Row):
    """A JWT that was logged out, until it would have expired anyway."""

    __tablename__ = "revoked_tokens"
    __table_args__ = ({"info": visible_to(lookup=("jti",)) | kept(0, since="expires_at")},)

    jti: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class BrowserSessionRow(Row):
    """Somebody signed in with a browser. Only the keyed hash of the cookie is kept; `token_generation` is the person's at log-in."""

    __tablename__ = "browser_sessions"
    __table_args__ = (
        Index("browser_sessions_installer_id_idx", "installer_id"),
        Index("browser_sessions_user_id_idx", "user_id"),
        {"info": visible_to("installer", "user", lookup=("session_hash",)) | kept(0, since="expires_at")},
    )

    session_hash: Mapped[str] = mapped_column(primary_key=True)
    audience: Mapped[str]
    installer_id: Mapped[str | None]
    user_id: Mapped[str | None]
    organization_id: Mapped[str | None]
    operator_id: Mapped[str | None]
    operator_key_id: Mapped[str | None]
    """The API key that somebody signed in with, for an operator."""
    token_generation: Mapped[int]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    """The earlier of two ends: too long unused, too long altogether."""
