"""A list as a page shows it: columns that sort, one page of rows, the way to the next, and an export. `ui.table` draws it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is what `?sort=` says; an empty `label` is a column of buttons."""

    name: str
    label: str
    sorts: bool = False
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One page of a list. `next_cursor` is as `paging.Page.cut` gives it; `export` is the address of the whole list as a file."""

    request: Request
    columns: Sequence[Column]
    rows: Sequence[Any]
    total: int | None = None
    next_cursor: str | None = None
    export: str | None = None
    caption: str = ""
    target: str = ""
    """The id of the element around the list, where htmx is to replace it alone."""
    default_sort: str = field(default="")

    @property
    def sort(self) -> tuple[str, bool]:
        """By which column (empty: none that sorts), and whether downwards."""
        asked = self.request.query_params.get("sort", "") or self.default_sort
        name = asked.removeprefix("-")
        return (
            (name, asked.startswith("-"))
            if any(each.sorts and each.name == name for each in self.columns)
            else ("", False)
        )

    @property
    def is_later_page(self) -> bool:
        return bool(self.request.query_params.get("cursor"))

    def direction(self, column: Column) -> str | None:
        """What a screen reader hears of the column's order (`aria-sort`)."""
        name, is_descending = self.sort
        if not column.sorts:
            return None
        return ("descending" if is_descending else "ascending") if name == column.name else "none"

    def sort_href(self, column: Column) -> str:
        """This list by that column, from its beginning; the other way round where it is by that column already."""
        name, is_descending = self.sort
        return self._href(
            sort=f"-{column.name}" if name == column.name and not is_descending else column.name, cursor=None
        )

    @property
    def next_href(self) -> str:
        return self._href(cursor=self.next_cursor)

    @property
    def first_href(self) -> str:
        return self._href(cursor=None)

    def _href(self, **changes: str | None) -> str:
        given = dict(self.request.query_params) | changes
        query = urlencode({name: value for name, value in given.items() if value})
        return f"{self.request.url.path}?{query}" if query else self.request.url.path
