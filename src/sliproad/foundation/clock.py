"""Time comes in from the edge: services hold a `Clock`, tests hold one that stands still."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class ManualClock:
    """A clock that moves only when told to."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def advance(self, **parts: float) -> None:
        """Move forward by `timedelta(**parts)`."""
        self.at += timedelta(**parts)


def rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC ending in `Z`, milliseconds only where there are some."""
    moment = moment.astimezone(UTC)
    timespec = "milliseconds" if moment.microsecond >= 1000 else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=timespec) + "Z"
