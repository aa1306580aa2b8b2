"""Reading the timestamps of charge points, of which many write theirs without a zone.

The validator asks it whether a timestamp that is not RFC 3339 can be read all the same; handlers read all with it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_DATE_AND_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?\Z",
    re.ASCII,
)
_LEAP_SECOND = re.compile(r"(?<=:\d\d):60(?=\D|$)")


def read_timestamp(text: str) -> datetime | None:
    """Give the moment `text` names as an aware UTC datetime, None when it can't be read; never raises.

    Without a zone it is taken as UTC, which OCPP asks clocks to be set to (1.6 §3.14, 2.x Part 2 B04). A leap second
    is the second before it. A moment outside the years 1 to 9999 can't be read.
    """
    written = text.strip().upper()
    if not _DATE_AND_TIME.match(written):
        return None
    try:
        moment = datetime.fromisoformat(_LEAP_SECOND.sub(":59", written))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
