"""Statements on people (installers and users alike), their mailed tokens and their revoked access tokens."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from sliproad.features.accounts.model import PersonKind, Purpose, Status
from sliproad.features.accounts.store import (
    BrowserSessionRow,
    InstallerRow,
    MailTokenRow,
    MembershipRow,
    RevokedTokenRow,
    UserRow,
)
from sliproad.foundation.database import Scope, Session

PersonRow = InstallerRow | UserRow
IS_ALIVE = (
    "status = 'active' and token_generation = %(generation)s"
    " and not exists (select from revoked_tokens where jti = %(jti)s)"
)
LIVE_INSTALLER = f"select full_name, email, company from installers where installer_id = %(person_id)s and {IS_ALIVE}"  # noqa: S608
LIVE_USER = (
    "select full_name, email, is_platform_admin, (select role from memberships m"  # noqa: S608 - put together from constants
    f" where m.organization_id = %(organization_id)s and m.user_id = u.user_id) from users u"
    f" where user_id = %(person_id)s and {IS_ALIVE}"
)
"""Whose access token this is, unless it is dead. Asked on every request that carries one (`Database.ask`)."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Where a kind of people lives: its rows, the name of its id, and how ids begin."""

    row: type[InstallerRow] | type[UserRow]
    id_name: str
    prefix: str

    def scope(self, person_id: str, lookup: str = "") -> Scope:
        """A scope that opens this person's own rows, and what `lookup` names."""
        if self.id_name == "installer_id":
            return Scope(installer_id=person_id, lookup=lookup)
        return Scope(user_id=person_id, lookup=lookup)


KINDS = {
    PersonKind.INSTALLER: Kind(InstallerRow, "installer_id", "ins"),
    PersonKind.USER: Kind(UserRow, "user_id", "usr"),
}


def id_of(person: PersonRow) -> str:
    return person.installer_id if isinstance(person, InstallerRow) else person.user_id


async def insert_person(session: Session, kind: PersonKind, person_id: str, **columns: Any) -> bool:
    """Whether the person is new: with a known e-mail nothing happens."""
    place = KINDS[kind]
    values = {place.id_name: person_id, **columns}
    statement = insert(place.row).values(values).on_conflict_do_nothing(index_elements=["email_key"])
    return await session.scalar(statement.returning(place.row.email_key)) is not None


async def person_by_email(session: Session, kind: PersonKind, email_key: str) -> PersonRow | None:
    row = KINDS[kind].row
    found: PersonRow | None = await session.scalar(select(row).where(row.email_key == email_key))
    return found


async def person_by_id(session: Session, kind: PersonKind, person_id: str, *, lock: bool = False) -> PersonRow | None:
    found: PersonRow | None = await session.get(KINDS[kind].row, person_id, with_for_update=lock)
    return found


def set_password(person: PersonRow, password_hash: str) -> None:
    """A new password; every access token of before is dead."""
    person.password_hash = password_hash
    person.token_generation += 1


def set_verified(person: PersonRow, now: datetime) -> None:
    person.status = Status.ACTIVE
    person.verified_at = person.verified_at or now


async def rename_memberships(session: Session, user_id: str, full_name: str) -> None:
    """A user's new name, wherever it is copied."""
    await session.execute(update(MembershipRow).where(MembershipRow.user_id == user_id).values(full_name=full_name))


async def drop_memberships(session: Session, user_id: str) -> None:
    """Leave every organisation."""
    await session.execute(delete(MembershipRow).where(MembershipRow.user_id == user_id))


async def usable_mail_token(session: Session, token_hash: str, now: datetime) -> MailTokenRow | None:
    """The mailed token, unless it was used or has expired; locked, so that of two at once one wins."""
    statement = select(MailTokenRow).where(
        MailTokenRow.token_hash == token_hash, MailTokenRow.used_at.is_(None), MailTokenRow.expires_at > now
    )
    found: MailTokenRow | None = await session.scalar(statement.with_for_update())
    return found


async def spend_mail_tokens(
    session: Session, kind: PersonKind, person_id: str, purpose: Purpose, now: datetime
) -> None:
    """All of the person's unused tokens for `purpose` are void."""
    owner = getattr(MailTokenRow, KINDS[kind].id_name)
    await session.execute(
        update(MailTokenRow)
        .where(owner == person_id, MailTokenRow.purpose == purpose, MailTokenRow.used_at.is_(None))
        .values(used_at=now)
    )


async def revoke(session: Session, jti: str, expires_at: datetime) -> None:
    await session.execute(insert(RevokedTokenRow).values(jti=jti, expires_at=expires_at).on_conflict_do_nothing())


async def usable_session(session: Session, session_hash: str, now: datetime) -> BrowserSessionRow | None:
    """The browser session of that name, unless one of its clocks has run out."""
    statement = select(BrowserSessionRow).where(
        BrowserSessionRow.session_hash == session_hash, BrowserSessionRow.expires_at > now
    )
    found: BrowserSessionRow | None = await session.scalar(statement)
    return found


async def end_session(session: Session, session_hash: str) -> None:
    """The browser session is over; nothing happens where there is none."""
    await session.execute(delete(BrowserSessionRow).where(BrowserSessionRow.session_hash == session_hash))


async def usable_sessions(
    session: Session, kind: PersonKind, person_id: str, generation: int, now: datetime
) -> list[BrowserSessionRow]:
    """Where a person is signed in with a browser, the one used last first."""
    statement = select(BrowserSessionRow).where(
        getattr(BrowserSessionRow, KINDS[kind].id_name) == person_id,
        BrowserSessionRow.token_generation == generation,
        BrowserSessionRow.expires_at > now,
    )
    return list(await session.scalars(statement.order_by(BrowserSessionRow.seen_at.desc()).limit(100)))


async def end_other_sessions(session: Session, kind: PersonKind, person_id: str, session_hash: str) -> None:
    """All browser sessions of a person are over but this one."""
    await session.execute(
        delete(BrowserSessionRow).where(
            getattr(BrowserSessionRow, KINDS[kind].id_name) == person_id,
            BrowserSessionRow.session_hash != session_hash,
        )
    )
