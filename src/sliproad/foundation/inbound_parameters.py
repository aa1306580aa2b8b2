"""How the rows of a set-based statement travel to PostgreSQL: as one JSON array, or as one binary array for each column.

JSON suits statements with many optional members. Columns cost PostgreSQL a quarter of that and the gateway less than half
(measured on 500 frames: 1.3 µs a row to read against 5.1), so the statements of the most frequent messages take them. A
`foundation.inbound.Statement` names one of the two; the gateway's commit group encodes the rows of a whole group with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import Any

from psycopg.pq import Format

_head = Struct(">iiiii").pack  # dimensions, whether there are nulls, type of the elements, how many, lower bound
_length = Struct(">i").pack
_bigint = Struct(">iq").pack
_double = Struct(">id").pack
_NULL = _length(-1)


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a statement, by name in its SQL; `encode` makes their values, in order, from what the writes hold."""

    names: tuple[str, ...]
    types: tuple[int, ...]
    """PostgreSQL's type OIDs."""
    formats: tuple[Format, ...]
    encode: Callable[[Sequence[Any]], list[bytes]]

    def placed_in(self, sql: str) -> bytes:
        """`sql` with `$1`, `$2`, … for `%(name)s`, as PostgreSQL prepares it."""
        return (sql % {name: f"${number}" for number, name in enumerate(self.names, 1)}).encode()


@dataclass(frozen=True, slots=True)
class Column:
    """One column's values as an array in PostgreSQL's binary format (`array_send`)."""

    array_type: int
    encode: Callable[[Sequence[Any]], bytes]


def columns(**named: Column) -> Parameters:
    """A parameter for each column, in the order of the members of a write's row; read them by `unnest(%(a)s, %(b)s, …)`."""
    encoders = tuple(column.encode for column in named.values())

    def encode(rows: Sequence[tuple[Any, ...]]) -> list[bytes]:
        return [of(values) for of, values in zip(encoders, zip(*rows, strict=True), strict=True)]

    types = tuple(column.array_type for column in named.values())
    return Parameters(tuple(named), types, (Format.BINARY,) * len(types), encode)


def _json_array(rows: Sequence[bytes]) -> list[bytes]:
    return [b"[%b]" % b",".join(rows)]


def _bigints(values: Sequence[int]) -> bytes:
    return _array(20, [_bigint(8, value) for value in values])


def _doubles(values: Sequence[float | None]) -> bytes:
    return _array(701, [_NULL if value is None else _double(8, value) for value in values])


def _texts(values: Sequence[str | None]) -> bytes:
    return _array(25, [_NULL if value is None else _length(len(text := value.encode())) + text for value in values])


def _words(values: Sequence[str | None]) -> bytes:
    return _array(25, [_word(value) for value in values])


def _encoded_texts(values: Sequence[bytes | None]) -> bytes:
    return _array(25, [_NULL if value is None else _length(len(value)) + value for value in values])


@lru_cache(maxsize=4096)
def _word(value: str | None) -> bytes:
    if value is None:
        return _NULL
    encoded = value.encode()
    return _length(len(encoded)) + encoded


def _array(element_type: int, items: list[bytes]) -> bytes:
    return _head(1, 1, element_type, len(items), 1) + b"".join(items)


json_rows = Parameters(("rows",), (114,), (Format.TEXT,), _json_array)
"""One parameter `rows`: a JSON array of what each write holds, encoded already."""
bigints = Column(1016, _bigints)
"""Whole numbers."""
doubles = Column(1022, _doubles)
"""Numbers, such as Unix seconds."""
texts = Column(1009, _texts)
"""Texts without U+0000 (`inbound_rows.storable`)."""
words = Column(1009, _words)
"""Texts of which there are few different ones, such as actions and organisations."""
encoded_texts = Column(1009, _encoded_texts)
"""Texts in UTF-8 already, such as payloads."""
