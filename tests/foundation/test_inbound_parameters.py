"""Rows as binary columns: PostgreSQL reads what was written, and a row that can't be written is a psycopg error of its own."""

import struct

import psycopg
import pytest

from inbound_wire import executed
from sliproad.foundation.inbound_parameters import bigints, columns, doubles, encoded_texts, texts, words

PARAMETERS = columns(k=bigints, t=doubles, o=words, m=texts, p=encoded_texts)
ECHO = "select * from unnest(%(k)s, %(t)s, %(o)s, %(m)s, %(p)s)"


@pytest.fixture
def connection(database_url: str):
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("count", [1, 3, 1000])
def test_rows_arrive_as_they_were(connection: psycopg.Connection, count: int) -> None:
    rows = [
        (number - 2**62, number / 7, f"org_{number % 3}", f"ü\\\"{{}},'{number}", f'{{"a":"日本 {number}"}}'.encode())
        for number in range(count)
    ]
    found = executed(connection, ECHO, PARAMETERS, rows)
    assert found == [(*row[:4], row[4].decode()) for row in rows]


def test_null_is_no_empty_text(connection: psycopg.Connection) -> None:
    rows = [(1, None, None, None, None), (2, 0.0, "", "", b"")]
    assert executed(connection, ECHO, PARAMETERS, rows) == [(1, None, None, None, None), (2, 0.0, "", "", "")]


@pytest.mark.parametrize("row", [("1", 0.0, "", "", b""), (2**63, 0.0, "", "", b""), (1, 0.0, "", "\ud800", b"")])
def test_what_is_no_such_value_is_refused_here(row: tuple) -> None:
    with pytest.raises((ValueError, TypeError, struct.error)):
        PARAMETERS.encode([row])
