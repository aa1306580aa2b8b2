"""`Idempotency-Key`: a repeated POST gets the first answer again, for 24 hours (contract §1).

`IdempotencyMiddleware` calls `IdempotencyRecords` around every POST that carries the header. A row is found by a keyed hash of
who asks and the header's value. What was answered is encrypted with a key derived from SECRET_KEY and that value, which is not
kept: neither alone reads the provisioning password in it (trust P3). Only answers that created something (2xx) are kept; a
refused or failed request may be tried again under its key.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import LargeBinary, delete, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database, Row, Scope, kept, visible_to
from sliproad.foundation.errors import Conflict

KEPT_FOR = timedelta(hours=24)
RUNS_AT_MOST = timedelta(seconds=60)
"""After this long without an answer its process is taken for dead, and the request may be tried again."""


class InProgress(Conflict):
    """The first request with this key has not been answered yet."""

    code = "idempotency_in_progress"
    retry_after_seconds = 1


class IdempotencyRow(Row):
    __tablename__ = "idempotency_keys"
    __table_args__ = ({"info": visible_to(lookup=("key_hash",)) | kept(0, since="expires_at")},)

    key_hash: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    locked_until: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as it went out: status, the headers that matter, body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that carries a key: who asks (`actor`), the header's value, and what is asked (`method`, `target`, `body`)."""

    actor: str
    key: str
    method: str
    target: str
    body: bytes


class IdempotencyRecords:
    """Claims a key for a request, keeps its answer, and gives that answer to repetitions."""

    def __init__(self, database: Database, secret_key: SecretKey, clock: Clock) -> None:
        self.database = database
        self.secret_key = secret_key
        self.clock = clock

    async def claim(self, attempt: Attempt) -> StoredAnswer | None:
        """The first answer, or None: then the caller runs the request and calls `keep` or `release`.

        Raises:
            Conflict: `idempotency_conflict`, the key was used for another request.
            InProgress: the first request is still running; of two at once one runs.
        """
        key_hash, fingerprint, now = self._key_hash(attempt), self._fingerprint(attempt), self.clock.now()
        fresh = {
            "fingerprint": fingerprint,
            "sealed": None,
            "locked_until": now + RUNS_AT_MOST,
            "expires_at": now + KEPT_FOR,
        }
        is_dead = IdempotencyRow.sealed.is_(None) & (IdempotencyRow.locked_until < now)
        claim = (
            insert(IdempotencyRow)
            .values(key_hash=key_hash, **fresh)
            .on_conflict_do_update(
                index_elements=["key_hash"], set_=fresh, where=or_(IdempotencyRow.expires_at < now, is_dead)
            )
            .returning(IdempotencyRow.key_hash)
        )
        async with self.database.transaction(Scope(lookup=key_hash)) as session:
            if await session.scalar(claim) is not None:
                return None
            row = (
                await session.scalars(select(IdempotencyRow).where(IdempotencyRow.key_hash == key_hash))
            ).one_or_none()
        if row is None:  # released in between
            raise InProgress("Another request with this Idempotency-Key has just ended. Try again.")
        if not hmac.compare_digest(row.fingerprint, fingerprint):
            raise Conflict(
                "This Idempotency-Key was used for another request. Use a new one.", code="idempotency_conflict"
            )
        if row.sealed is None:
            raise InProgress("The first request with this Idempotency-Key is still running.")
        return self._open(attempt, row.sealed)

    async def keep(self, attempt: Attempt, answer: StoredAnswer) -> None:
        """Store the answer of a request that was claimed."""
        key_hash = self._key_hash(attempt)
        plain = orjson.dumps([answer.status, answer.headers, answer.body.decode("latin-1")])
        async with self.database.transaction(Scope(lookup=key_hash)) as session:
            row = await session.get_one(IdempotencyRow, key_hash)
            row.sealed = self.secret_key.encrypt(self._purpose(attempt), plain)

    async def release(self, attempt: Attempt) -> None:
        """Give up the claim: the request created nothing."""
        key_hash = self._key_hash(attempt)
        async with self.database.transaction(Scope(lookup=key_hash)) as session:
            await session.execute(
                delete(IdempotencyRow).where(IdempotencyRow.key_hash == key_hash, IdempotencyRow.sealed.is_(None))
            )

    def _key_hash(self, attempt: Attempt) -> str:
        return self.secret_key.fast_hash("idempotency", f"{attempt.actor}\n{attempt.key}")

    def _fingerprint(self, attempt: Attempt) -> str:
        body = hashlib.sha256(attempt.body).hexdigest()
        return self.secret_key.fast_hash("idempotency fingerprint", f"{attempt.method}\n{attempt.target}\n{body}")

    def _purpose(self, attempt: Attempt) -> str:
        return f"idempotency:{attempt.actor}:{attempt.key}"

    def _open(self, attempt: Attempt, sealed: bytes) -> StoredAnswer:
        status, headers, body = orjson.loads(self.secret_key.decrypt(self._purpose(attempt), sealed))
        return StoredAnswer(status, tuple((name, value) for name, value in headers), body.encode("latin-1"))
