"""Statements on organisations, their members and API keys."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, tuple_, update

from sliproad.features.accounts.model import InstallerSummary, Role
from sliproad.features.accounts.store import ApiKeyRow, MailTokenRow, MembershipRow, OrganizationRow
from sliproad.foundation.database import Session

INSTALLER_CARD = text("select installer_id, full_name, email, company, phone from installer_card(:installer_id)")
ORGANIZATION_CARD = text("select name, contact_email from organization_card(:organization_id)")
VALID_API_KEY = (
    "select organization_id, name, key_id, scopes, last_used_at from api_keys where secret_hash = %(secret_hash)s"
    " and revoked_at is null and (expires_at is null or expires_at > %(now)s)"
)
"""Asked on every request that carries an API key (`Database.ask`)."""


async def installer_card(session: Session, installer_id: str) -> InstallerSummary | None:
    """An installer by exact id, in any scope: a function of the owner's reads it, since the row itself is the installer's alone."""
    row = (await session.execute(INSTALLER_CARD, {"installer_id": installer_id})).one_or_none()
    return InstallerSummary(*row) if row else None


async def organization_card(session: Session, organization_id: str) -> tuple[str, str] | None:
    """(name, contact e-mail) by exact id, in any scope."""
    row = (await session.execute(ORGANIZATION_CARD, {"organization_id": organization_id})).one_or_none()
    return (row.name, row.contact_email) if row else None


async def organization(session: Session, organization_id: str, *, lock: bool = False) -> OrganizationRow | None:
    found: OrganizationRow | None = await session.get(OrganizationRow, organization_id, with_for_update=lock)
    return found


async def memberships_of_user(session: Session, user_id: str) -> list[MembershipRow]:
    """A user's memberships, the oldest first."""
    statement = select(MembershipRow).where(MembershipRow.user_id == user_id).order_by(MembershipRow.created_at)
    return list(await session.scalars(statement))


async def membership(session: Session, organization_id: str, user_id: str) -> MembershipRow | None:
    found: MembershipRow | None = await session.get(MembershipRow, (organization_id, user_id))
    return found


async def members(
    session: Session, organization_id: str, after: tuple[datetime, str] | None, limit: int
) -> list[MembershipRow]:
    statement = select(MembershipRow).where(MembershipRow.organization_id == organization_id)
    if after:
        statement = statement.where(tuple_(MembershipRow.created_at, MembershipRow.user_id) > after)
    return list(await session.scalars(statement.order_by(MembershipRow.created_at, MembershipRow.user_id).limit(limit)))


async def owner_count(session: Session, organization_id: str) -> int:
    statement = select(func.count()).where(
        MembershipRow.organization_id == organization_id, MembershipRow.role == Role.OWNER
    )
    return int((await session.execute(statement)).scalar_one())


async def note_key_used(session: Session, secret_hash: str, now: datetime) -> None:
    await session.execute(update(ApiKeyRow).where(ApiKeyRow.secret_hash == secret_hash).values(last_used_at=now))


async def api_keys(
    session: Session, organization_id: str, after: tuple[Any, ...] | None, limit: int
) -> list[ApiKeyRow]:
    """Keys that were not revoked, the oldest first."""
    statement = select(ApiKeyRow).where(ApiKeyRow.organization_id == organization_id, ApiKeyRow.revoked_at.is_(None))
    if after:
        statement = statement.where(tuple_(ApiKeyRow.created_at, ApiKeyRow.key_id) > after)
    return list(await session.scalars(statement.order_by(ApiKeyRow.created_at, ApiKeyRow.key_id).limit(limit)))


async def unrevoked_api_key(session: Session, organization_id: str, key_id: str) -> ApiKeyRow | None:
    statement = select(ApiKeyRow).where(
        ApiKeyRow.organization_id == organization_id, ApiKeyRow.key_id == key_id, ApiKeyRow.revoked_at.is_(None)
    )
    found: ApiKeyRow | None = await session.scalar(statement.with_for_update())
    return found


async def open_invitations(session: Session, organization_id: str, now: datetime) -> list[MailTokenRow]:
    statement = select(MailTokenRow).where(
        MailTokenRow.organization_id == organization_id,
        MailTokenRow.invitation_id.is_not(None),
        MailTokenRow.used_at.is_(None),
        MailTokenRow.expires_at > now,
    )
    return list(await session.scalars(statement.order_by(MailTokenRow.created_at, MailTokenRow.token_hash).limit(500)))
