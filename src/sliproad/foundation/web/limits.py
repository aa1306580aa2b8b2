"""Rate limits that hold across processes: the library `limits` counting in an unlogged PostgreSQL table.

Services ask `RateLimiter.hit(...)` where something can be guessed, probed or flooded; the answer is 429 with `Retry-After`. What
is counted is a hash, never an e-mail or address. A crash of PostgreSQL forgets the counts and nothing else.
"""

import math
from datetime import datetime, timedelta

from limits import RateLimitItem, parse
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter
from sqlalchemy import delete, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import sha256_hex
from sliproad.foundation.database import Database, Row, Scope, kept, visible_to
from sliproad.foundation.errors import TooMany
from sliproad.foundation.language import marked

COUNT = text("""
    insert into rate_limits (key, hits, expires_at) values (:key, :amount, :expires_at)
    on conflict (key) do update set
        hits = case when rate_limits.expires_at <= :now then excluded.hits else rate_limits.hits + excluded.hits end,
        expires_at = case when rate_limits.expires_at <= :now then excluded.expires_at else rate_limits.expires_at end
    returning hits
""")


class RateLimitRow(Row):
    __tablename__ = "rate_limits"
    __table_args__ = ({"prefixes": ["UNLOGGED"], "info": visible_to(lookup=("key",)) | kept(0, since="expires_at")},)

    key: Mapped[str] = mapped_column(primary_key=True)
    hits: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class PostgresStorage(Storage):
    """What `limits` needs of a storage, on PostgreSQL: one statement a hit, atomic."""

    STORAGE_SCHEME = None

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__()
        self.database = database
        self.clock = clock

    @property
    def base_exceptions(self) -> type[Exception]:
        return DBAPIError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count `amount` more for `key`, whose window lasts `expiry` seconds from its first hit; gives the window's count."""
        row, now = sha256_hex(key), self.clock.now()
        values = {"key": row, "amount": amount, "now": now, "expires_at": now + timedelta(seconds=expiry)}
        async with self.database.transaction(Scope(lookup=row)) as session:
            return int((await session.execute(COUNT, values)).scalar_one())

    async def get(self, key: str) -> int:
        row = await self._row(key)
        return row.hits if row else 0

    async def get_expiry(self, key: str) -> float:
        row = await self._row(key)
        return (row.expires_at if row else self.clock.now()).timestamp()

    async def check(self) -> bool:
        await self._row("check")
        return True

    async def reset(self) -> int | None:
        """Nobody may forget all counts: role `web` can't, and needn't."""
        return None

    async def clear(self, key: str) -> None:
        row = sha256_hex(key)
        async with self.database.transaction(Scope(lookup=row)) as session:
            await session.execute(delete(RateLimitRow).where(RateLimitRow.key == row))

    async def _row(self, key: str) -> RateLimitRow | None:
        row = sha256_hex(key)
        query = select(RateLimitRow).where(RateLimitRow.key == row, RateLimitRow.expires_at > self.clock.now())
        async with self.database.transaction(Scope(lookup=row)) as session:
            return (await session.scalars(query)).one_or_none()


class RateLimiter:
    """Limits by name and by what they count: `await limiter.hit("10/minute", "signup", address)`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.clock = clock
        self.windows = FixedWindowRateLimiter(PostgresStorage(database, clock))
        self._parsed: dict[str, RateLimitItem] = {}

    async def hit(self, limit: str, *what: str) -> None:
        """Count one; `limit` is such as `10/minute`.

        Raises:
            TooMany: it was one too many; with the seconds until the window ends.
        """
        if not await self.windows.hit(self._item(limit), *what):
            raise TooMany(
                marked("Too many requests of this kind. Wait and try again."),
                retry_after_seconds=await self._wait(limit, *what),
            )

    async def count(self, limit: str, *what: str) -> None:
        """Count one without asking whether it was too many."""
        await self.windows.hit(self._item(limit), *what)

    async def is_exhausted(self, limit: str, *what: str) -> bool:
        """Whether one more would be too many; counts nothing."""
        return not await self.windows.test(self._item(limit), *what)

    async def forget(self, limit: str, *what: str) -> None:
        """Begin a new window."""
        await self.windows.clear(self._item(limit), *what)

    def _item(self, limit: str) -> RateLimitItem:
        return self._parsed.setdefault(limit, parse(limit))

    async def _wait(self, limit: str, *what: str) -> int:
        ends_at, _ = await self.windows.get_window_stats(self._item(limit), *what)
        return max(1, math.ceil(ends_at - self.clock.now().timestamp()))
