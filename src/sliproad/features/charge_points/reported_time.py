"""The charge point's own timestamps, made readable for PostgreSQL whatever they look like. Every handler reads them with this.

A timestamp is never a reason to refuse (ocpp.md "Messages"): what is odd about it is said in flags and kept beside the data.
"""

from datetime import UTC, datetime
from functools import lru_cache

from sliproad.ocpp.timestamps import read_timestamp

TIMESTAMP_UNREADABLE = "timestamp_unreadable"

_PLAIN_LENGTH = 20  # 2026-05-01T10:23:00Z
_NO_FLAGS: tuple[str, ...] = ()


def read_reported_time(text: str | None, received_at: float) -> tuple[str, tuple[str, ...]]:
    """What PostgreSQL reads as the moment `text` names, and flags. Absent or unreadable: the time of reception (Unix seconds).

    `text` has been validated, so it is RFC 3339 or something that `ocpp.timestamps` reads. The usual form (`…Z`, 20xx) passes
    as it is, since this runs for every message; PostgreSQL has no offsets beyond 16 hours and no year 0, hence the rest.
    """
    if text is None:
        return received_text(received_at), _NO_FLAGS
    if len(text) >= _PLAIN_LENGTH and text[-1] == "Z" and text[10] == "T" and text[:2] == "20":
        return text, _NO_FLAGS
    moment = read_timestamp(text)
    if moment is None:
        return received_text(received_at), (TIMESTAMP_UNREADABLE,)
    return moment.isoformat(), _NO_FLAGS


def received_text(received_at: float) -> str:
    """Unix seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(received_at, UTC).isoformat()


def current_time(at: float) -> str:
    """`currentTime` of an answer: UTC with milliseconds and `Z` (1.6 §4.6, 2.x G02)."""
    second = int(at)
    return f"{_to_the_second(second)}.{int((at - second) * 1000):03}Z"


@lru_cache(maxsize=2)
def _to_the_second(second: int) -> str:
    """Asked for with every Heartbeat, so each second is written once."""
    return datetime.fromtimestamp(second, UTC).isoformat()[:19]
