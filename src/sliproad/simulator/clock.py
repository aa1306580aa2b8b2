"""The charge point's own idea of the time: UTC, or 1970 for one that cannot keep it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def system_time() -> datetime:
    """The machine's time, in UTC."""
    return datetime.now(UTC)


class Clock:
    """Tells the time for everything that a charge point sends."""

    def __init__(self, now: Callable[[], datetime] = system_time, *, starts_in_1970: bool = False) -> None:
        self._now = now
        self._offset = datetime(1970, 1, 1, tzinfo=UTC) - now() if starts_in_1970 else timedelta()

    def now(self) -> datetime:
        """The time as the charge point sees it."""
        return self._now() + self._offset

    def stamp(self) -> str:
        """The time as RFC 3339 in UTC with milliseconds."""
        return self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
