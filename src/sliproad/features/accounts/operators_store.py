"""Statements on operators and their API keys."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, text, tuple_, update

from sliproad.features.accounts.store import OperatorKeyRow, OperatorRow
from sliproad.foundation.database import Session

OPERATOR_CARD = text("select name, contact_email from operator_card(:operator_id)")
VALID_OPERATOR_KEY = (
    "select operator_id, name, key_id, scopes, last_used_at from operator_keys where secret_hash = %(secret_hash)s"
    " and revoked_at is null and (expires_at is null or expires_at > %(now)s)"
)
"""Asked on every request of an operator (`Database.ask`)."""

KEY_IN_FORCE = (
    "select o.name, k.scopes from operator_keys k join operators o using (operator_id) where k.key_id = %(key_id)s"
    " and k.operator_id = %(operator_id)s and k.revoked_at is null and (k.expires_at is null or k.expires_at > %(now)s)"
)
"""Asked for every page of somebody who signed in with a key."""


async def operator_card(session: Session, operator_id: str) -> tuple[str, str] | None:
    """(name, contact e-mail) by exact id, in any scope."""
    row = (await session.execute(OPERATOR_CARD, {"operator_id": operator_id})).one_or_none()
    return (row.name, row.contact_email) if row else None


async def operator(session: Session, operator_id: str) -> OperatorRow | None:
    return await session.get(OperatorRow, operator_id)


async def note_key_used(session: Session, secret_hash: str, now: datetime) -> None:
    await session.execute(
        update(OperatorKeyRow).where(OperatorKeyRow.secret_hash == secret_hash).values(last_used_at=now)
    )


async def keys(session: Session, operator_id: str, after: tuple[Any, ...] | None, limit: int) -> list[OperatorKeyRow]:
    """Keys that were not revoked, the oldest first."""
    row = OperatorKeyRow
    statement = select(row).where(row.operator_id == operator_id, row.revoked_at.is_(None))
    if after:
        statement = statement.where(tuple_(row.created_at, row.key_id) > after)
    return list(await session.scalars(statement.order_by(row.created_at, row.key_id).limit(limit)))


async def unrevoked_key(session: Session, operator_id: str, key_id: str) -> OperatorKeyRow | None:
    row = OperatorKeyRow
    statement = select(row).where(row.operator_id == operator_id, row.key_id == key_id, row.revoked_at.is_(None))
    return await session.scalar(statement)
