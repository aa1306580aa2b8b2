"""Who is signed in with a browser: a row, and an opaque cookie that names it. `guards` ask at every page; `login_pages` begin and end them.

A log-in always makes a new session and ends the one that the browser had. Nothing is cached: log-out, a changed password, a lost
membership act on the next request. Two clocks end a session: it was not used for a while, or it is old (ASVS 7.3).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from sliproad.features.accounts import people_store
from sliproad.features.accounts.model import Audience, OperatorActor, PersonKind
from sliproad.features.accounts.people_store import KINDS, PersonRow, id_of
from sliproad.features.accounts.store import BrowserSessionRow, InstallerRow
from sliproad.features.accounts.tokens import Claims
from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database, Scope
from sliproad.foundation.ids import random_text

SECRET_CHARACTERS = 43
"""256 random bits."""
HASH_PURPOSE = "browser session"
SEEN_PRECISION = timedelta(minutes=1)
LONGEST_COOKIE = 200


class Clocks(NamedTuple):
    """When a session ends: not used for `idle`, or older than `longest`."""

    idle: timedelta
    longest: timedelta


CLOCKS = {
    # a technician's own phone, locked by its owner: nobody types a password on every roof
    Audience.INSTALLER: Clocks(timedelta(days=7), timedelta(days=30)),
    Audience.SITE_OWNER: Clocks(timedelta(days=2), timedelta(days=30)),
    Audience.ORGANIZATION: Clocks(timedelta(hours=12), timedelta(days=7)),
    Audience.OPERATOR: Clocks(timedelta(hours=12), timedelta(days=7)),
    Audience.PLATFORM: Clocks(timedelta(minutes=30), timedelta(hours=12)),
}


@dataclass(frozen=True, slots=True)
class Login:
    """One browser in which somebody is signed in; `is_this` is the one that asks."""

    audience: Audience
    since: datetime
    seen_at: datetime
    is_this: bool


@dataclass(frozen=True, slots=True)
class BrowserSessions:
    """Begins, finds and ends sessions. `is_https` decides the cookie's name and whether it is for https alone."""

    database: Database
    secret_key: SecretKey
    clock: Clock
    is_https: bool

    @property
    def cookie(self) -> str:
        """`__Host-` binds the cookie to this very host (RFC 6265bis §4.1.3.2); browsers refuse that name on plain http."""
        return "__Host-session" if self.is_https else "session"

    async def begin(
        self,
        request: Request,
        answer: Response,
        audience: Audience,
        person: PersonRow,
        organization_id: str | None = None,
    ) -> None:
        """Sign `person` in: a new session whose cookie `answer` carries; the browser's earlier one is over."""
        is_installer = isinstance(person, InstallerRow)
        await self._begin(
            request,
            answer,
            audience,
            installer_id=id_of(person) if is_installer else None,
            user_id=None if is_installer else id_of(person),
            organization_id=organization_id,
            token_generation=person.token_generation,
        )

    async def begin_operator(self, request: Request, answer: Response, actor: OperatorActor) -> None:
        """Sign somebody in who holds an operator's API key; it ends with the key, too."""
        holder = {"operator_id": actor.operator_id, "operator_key_id": actor.key_id, "token_generation": 0}
        await self._begin(request, answer, Audience.OPERATOR, **holder)

    async def _begin(self, request: Request, answer: Response, audience: Audience, **holder: Any) -> None:
        await self.end(request)
        secret, now = random_text(SECRET_CHARACTERS), self.clock.now()
        row = BrowserSessionRow(
            session_hash=self._hash(secret),
            audience=audience.value,
            **holder,
            created_at=now,
            seen_at=now,
            expires_at=now + min(CLOCKS[audience]),
        )
        async with self.database.transaction(Scope(lookup=row.session_hash)) as session:
            session.add(row)
        longest = int(CLOCKS[audience].longest.total_seconds())
        answer.set_cookie(self.cookie, secret, max_age=longest, httponly=True, secure=self.is_https, samesite="lax")

    async def find(self, request: Request) -> Claims | None:
        """What the session of this request's cookie says of its holder; None where there is none that is still good."""
        session_hash = self._named(request)
        if session_hash is None:
            return None
        now = self.clock.now()
        async with self.database.transaction(Scope(lookup=session_hash)) as session:
            row = await people_store.usable_session(session, session_hash, now)
            if row is None:
                return None
            audience = Audience(row.audience)
            if now - row.seen_at >= SEEN_PRECISION:
                row.seen_at = now
                row.expires_at = min(now + CLOCKS[audience].idle, row.created_at + CLOCKS[audience].longest)
            return Claims(
                audience=audience,
                subject=row.installer_id or row.user_id or row.operator_key_id or "",
                jti=session_hash,
                generation=row.token_generation,
                expires_at=row.expires_at,
                organization_id=row.organization_id,
                operator_id=row.operator_id,
            )

    async def of_person(self, request: Request, person: PersonRow) -> list[Login]:
        """The browsers in which `person` is signed in now, the one used last first."""
        kind, this = _kind(person), self._named(request)
        async with self.database.transaction(KINDS[kind].scope(id_of(person))) as session:
            rows = await people_store.usable_sessions(
                session, kind, id_of(person), person.token_generation, self.clock.now()
            )
        return [Login(Audience(row.audience), row.created_at, row.seen_at, row.session_hash == this) for row in rows]

    async def end_others(self, request: Request, person: PersonRow) -> None:
        """Sign `person` out in every browser at once, but in the one that asks."""
        kind = _kind(person)
        async with self.database.transaction(KINDS[kind].scope(id_of(person))) as session:
            await people_store.end_other_sessions(session, kind, id_of(person), self._named(request) or "")

    async def end(self, request: Request, answer: Response | None = None) -> None:
        """The session of this request's cookie is over at once; `answer` takes the cookie away."""
        if (session_hash := self._named(request)) is not None:
            async with self.database.transaction(Scope(lookup=session_hash)) as session:
                await people_store.end_session(session, session_hash)
        if answer is not None:
            answer.delete_cookie(self.cookie, httponly=True, secure=self.is_https, samesite="lax")

    def _named(self, request: Request) -> str | None:
        secret = request.cookies.get(self.cookie, "")
        return self._hash(secret) if 0 < len(secret) <= LONGEST_COOKIE else None

    def _hash(self, secret: str) -> str:
        return self.secret_key.fast_hash(HASH_PURPOSE, secret)


def _kind(person: PersonRow) -> PersonKind:
    return PersonKind.INSTALLER if isinstance(person, InstallerRow) else PersonKind.USER
