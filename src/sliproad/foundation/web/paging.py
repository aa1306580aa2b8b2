"""Lists: `?limit=` (50, at most 500) and an opaque `?cursor=`; the answer carries `next_cursor` (contract §1).

A route takes `page: PageQuery`; its store orders by unique columns, starts after `page.after(...)` and reads `page.limit + 1` rows;
`page.cut(rows, key)` gives the page's rows and the next cursor. Keyset paging: rows that come or go in between repeat nothing.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Depends, Query

from sliproad.foundation.errors import InvalidInput

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 500
LARGEST_BIGINT = 2**63 - 1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for."""

    limit: int = DEFAULT_LIMIT
    cursor: str | None = None

    def after(self, *types: type) -> tuple[Any, ...] | None:
        """The values of the sort columns after which the page starts, as `types` (str, int, datetime); None at the beginning.

        Raises:
            InvalidInput: the cursor is not one of ours.
        """
        if self.cursor is None:
            return None
        try:
            values = list(orjson.loads(base64.b64decode(self.cursor.encode("ascii"), altchars=b"-_", validate=True)))
            return tuple(_read(value, kind) for value, kind in zip(values, types, strict=True))
        except (ValueError, binascii.Error, TypeError):
            raise InvalidInput.field(
                "cursor", "is not a cursor of this list; take next_cursor of the page before"
            ) from None

    def cut(self, rows: Sequence[T], key: Callable[[T], tuple[Any, ...]]) -> tuple[list[T], str | None]:
        """The page's rows and the next page's cursor, None at the end. `rows` holds up to `limit + 1`; `key` gives the sort columns."""
        if len(rows) <= self.limit:
            return list(rows), None
        kept = list(rows[: self.limit])
        return kept, base64.urlsafe_b64encode(orjson.dumps(list(key(kept[-1])))).decode()


def _read(value: Any, kind: type) -> Any:
    if kind is datetime and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return moment
    is_sound = type(value) is kind and (
        (isinstance(value, str) and "\0" not in value) or (isinstance(value, int) and abs(value) <= LARGEST_BIGINT)
    )
    if not is_sound:
        raise ValueError("not a cursor of this list")
    return value


async def page_query(  # FastAPI would run a plain function in a thread
    limit: Annotated[int, Query(ge=1, le=LARGEST_LIMIT, description="How many rows at most.")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before.")] = None,
) -> Page:
    """The query parameters of a list."""
    return Page(limit, cursor)


PageQuery = Annotated[Page, Depends(page_query)]
