"""How often somebody may try the wrong password: per identity and address, in memory, never against the right password.

`admission` checks the password first and asks here only about wrong ones, so nobody can lock a charge point out (trust G2).
"""

from collections import OrderedDict

ATTEMPTS = 10
WINDOW_SECONDS = 300.0
REMEMBERED = 20_000


class AttemptLimits:
    """Counts bad attempts; the longest unused pair is forgotten first, so memory is bounded."""

    def __init__(self, attempts: int = ATTEMPTS, window_seconds: float = WINDOW_SECONDS) -> None:
        self.attempts = attempts
        self.window_seconds = window_seconds
        self._bad: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def bad(self, identity: str, address: str, now: float) -> int:
        """Note a bad attempt; gives which one in its window this is, counted from 1."""
        pair = (identity, address)
        since, count = self._bad.pop(pair, (now, 0))
        if now - since > self.window_seconds:
            since, count = now, 0
        self._bad[pair] = (since, count + 1)
        if len(self._bad) > REMEMBERED:
            self._bad.popitem(last=False)
        return count + 1

    def good(self, identity: str, address: str) -> None:
        """The right password clears the record."""
        self._bad.pop((identity, address), None)
