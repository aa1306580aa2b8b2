"""Lists page by page (OCPI 2.2.1 §4.1.5): what a query asks for, and the link to what follows."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from sliproad.ocpi.fields import read_date_time, written
from sliproad.ocpi.status_codes import InvalidParameters

MOST = 100
"""Objects of one page; `X-Limit` says so."""
LARGEST = 2**31 - 1
LARGEST_NUMBER = 2**63 - 1


class PageAsked(NamedTuple):
    """Which objects of a list: changed since `date_from` (with it) and before `date_to` (without it)."""

    date_from: datetime | None
    date_to: datetime | None
    offset: int
    limit: int
    after: int = 0
    """Where the page before ended, in numbers of our own: our links carry it, so that no page costs more than the first."""


def page_asked(query: Mapping[str, str]) -> PageAsked:
    """The four parameters of a query; others are ignored.

    Raises:
        InvalidParameters: naming the wrong one.
    """
    limit = _count(query, "limit", MOST)
    if limit < 1:
        raise InvalidParameters("limit: must be at least 1")
    moments = _moment(query, "date_from"), _moment(query, "date_to")
    offset, after = _count(query, "offset", 0), _count(query, "after", 0, LARGEST_NUMBER)
    return PageAsked(*moments, offset=offset, limit=min(limit, MOST), after=after if offset else 0)


def next_link(url: str, page: PageAsked, total: int, ended_at: int = 0) -> str | None:
    """The `Link` to the page after, with the same filters; None on the last one. `ended_at` is its `after`."""
    following = page.offset + page.limit
    if following >= total:
        return None
    query: dict[str, str | int] = {"offset": following, "limit": page.limit}
    if ended_at:
        query["after"] = ended_at
    for name, moment in (("date_from", page.date_from), ("date_to", page.date_to)):
        if moment is not None:
            query[name] = written(moment)
    return f'<{url}?{urlencode(query, safe=":")}>; rel="next"'


def _count(query: Mapping[str, str], name: str, default: int, largest: int = LARGEST) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > largest:
        raise InvalidParameters(f"{name}: must be a whole number from 0")
    return int(text)


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        return read_date_time(text)
    except ValueError as error:
        raise InvalidParameters(f"{name}: {error}") from None
