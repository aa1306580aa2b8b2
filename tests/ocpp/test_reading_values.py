"""Timestamps and decimal texts as charge points write them."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sliproad.ocpp.samples import is_not_finite, read_decimal
from sliproad.ocpp.timestamps import read_timestamp

ZONES = [UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-11))]
NOON = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T12:00:00Z",
        "2026-01-01T12:00:00.000Z",
        "2026-01-01T13:00:00+01:00",
        "2026-01-01T13:00:00+0100",
        "2026-01-01T12:00:00",
        "2026-01-01 12:00:00Z",
        "2026-01-01T12:00Z",
        " 2026-01-01t12:00:00z ",
    ],
)
def test_every_common_writing_of_noon_is_noon(text):
    """OCPP 1.6 §3.14: UTC is recommended, so a timestamp without zone is UTC."""
    assert read_timestamp(text) == NOON


def test_a_leap_second_is_the_second_before():
    assert read_timestamp("2016-12-31T23:59:60Z") == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert read_timestamp("2016-12-31T23:59:60") == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-01-01",
        "2026-02-30T12:00:00Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:00",
        "1767268800",
        "2026-W01-1T12:00",
        "٢٠٢٦-01-01T12:00:00Z",
        "2026-01-01T12:00:00Z\x00",
    ],
)
def test_what_names_no_moment_is_not_read(text):
    assert read_timestamp(text) is None


@given(st.text())
def test_no_text_breaks_the_readers(text):
    read_timestamp(text)
    read_decimal(text)
    is_not_finite(text)


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.sampled_from(ZONES)))  # noqa: DTZ001
def test_every_moment_is_read_back(moment):
    assert read_timestamp(moment.isoformat()) == moment.astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", "0"),
        ("12345", "12345"),
        ("-1.5", "-1.5"),
        ("+230.10", "230.10"),
        ("1.", "1"),
        (".5", "0.5"),
        ("1.5e3", "1500"),
        ("1E-2", "0.01"),
        ("99999999999999999999", "99999999999999999999"),
    ],
)
def test_a_decimal_text_is_its_number(text, number):
    assert read_decimal(text) == Decimal(number)


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "1\n", "1,5", "NaN", "Infinity", "-inf", "sNaN1", "0x10", "1e999", "1_000", "--1", "1" * 21, "٣"],
)
def test_what_is_no_finite_decimal_number_is_none(text):
    """OCPP 1.6 §7.43 (SampledValue): the value is a decimal number."""
    assert read_decimal(text) is None


@pytest.mark.parametrize(
    "text", ["NaN", "nan", "-NaN", "sNaN", "Infinity", "+inf", " INF ", "-1.#IND", "1.#INF", "nan(ind)"]
)
def test_the_writings_of_what_is_not_finite_are_recognised(text):
    assert is_not_finite(text)


@pytest.mark.parametrize("text", ["1", "", "n/a", "information", "12,5"])
def test_other_texts_are_not_taken_for_it(text):
    assert not is_not_finite(text)
