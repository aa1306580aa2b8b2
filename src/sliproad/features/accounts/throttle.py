"""Guessing passwords gets slow; the rightful owner is never locked out (trust I2, ASVS 6.3.8).

Only *failed* logins count. Up to ten in five minutes from one address for one account cost nothing. After that, attempts of that
address for that account are looked at one by one, a second apart, and a wrong one is answered 429; the right password still
gets in. Many failures from many addresses make each attempt wait a second, and refuse nobody. Unknown accounts count alike.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from sliproad.foundation.errors import DomainError, TooMany, Unauthenticated
from sliproad.foundation.language import marked
from sliproad.foundation.web.limits import RateLimiter

PER_PLACE = "10/5 minutes"
PER_ACCOUNT = "100/hour"
PAUSE_SECONDS = 1.0
QUEUE = 5


class LoginThrottle:
    """Asked before and told after each password check of one process; the counts hold across processes."""

    def __init__(self, limiter: RateLimiter, *, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self.limiter = limiter
        self.pause = pause
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}
        self._waiting: Counter[tuple[str, str]] = Counter()

    async def admit(self, account: str, address: str) -> bool:
        """Wait as long as it takes for the next guess at `account` from `address`; True where guessing has been noticed there.

        Raises:
            TooMany: several are waiting there already.
        """
        is_noticed = await self.limiter.is_exhausted(PER_PLACE, "login", account, address)
        if is_noticed or await self.limiter.is_exhausted(PER_ACCOUNT, "login", account):
            await self._queue((account, address))
        return is_noticed

    async def failed(self, account: str, address: str, *, is_noticed: bool) -> DomainError:
        """Count it; gives the error to raise: `Unauthenticated`, or `TooMany` when it was one of many."""
        await self.limiter.count(PER_PLACE, "login", account, address)
        await self.limiter.count(PER_ACCOUNT, "login", account)
        if is_noticed:
            return TooMany(
                marked("Too many wrong passwords. Wait, or reset your password."),
                retry_after_seconds=int(PAUSE_SECONDS) + 1,
            )
        return Unauthenticated(marked("The e-mail or the password is wrong."))

    async def succeeded(self, account: str, address: str) -> None:
        """The rightful owner is here: this place begins anew."""
        await self.limiter.forget(PER_PLACE, "login", account, address)

    async def _queue(self, place: tuple[str, str]) -> None:
        if self._waiting[place] >= QUEUE:
            raise TooMany(marked("Too many logins at once."), retry_after_seconds=QUEUE)
        self._waiting[place] += 1
        try:
            async with self._locks.setdefault(place, asyncio.Lock()):
                await self.pause(PAUSE_SECONDS)
        finally:
            self._waiting[place] -= 1
            if not self._waiting[place]:
                del self._waiting[place]
                self._locks.pop(place, None)
