"""People's passwords: argon2id in threads, a few at a time, and the same work for an account that does not exist (trust I2)."""

import asyncio
from collections.abc import Callable
from typing import Annotated, TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers import HasherProtocol
from pwdlib.hashers.argon2 import Argon2Hasher
from pydantic import StringConstraints

from sliproad.features.accounts.model import LONGEST_PASSWORD, SHORTEST_PASSWORD
from sliproad.foundation.errors import TooMany
from sliproad.foundation.ids import random_text

NewPassword = Annotated[str, StringConstraints(min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD)]
"""10–128 characters and no other rule (contract §2)."""
GivenPassword = Annotated[str, StringConstraints(max_length=LONGEST_PASSWORD)]
AT_ONCE = 2
WAITING_AT_MOST = 100
T = TypeVar("T")


class Passwords:
    """Hashes and verifies. One verification costs about 0.1 s and 64 MiB, so that only a few run at a time."""

    def __init__(self, hasher: HasherProtocol | None = None) -> None:
        self.password_hash = PasswordHash((hasher or Argon2Hasher(),))
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._nobodys_hash = self.password_hash.hash(random_text(20))

    async def hash(self, password: str) -> str:
        """The argon2id hash with its salt and parameters."""
        return await self._run(lambda: self.password_hash.hash(password))

    async def verify(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Whether it is right, and a new hash where the stored one has outdated parameters. No account: as much work, and False."""
        is_right, renewed = await self._run(
            lambda: self.password_hash.verify_and_update(password, stored or self._nobodys_hash)
        )
        return is_right and stored is not None, renewed

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING_AT_MOST:
            raise TooMany("Too many people are logging in just now.", retry_after_seconds=5)
        self._waiting += 1
        try:
            async with self._slots:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1
