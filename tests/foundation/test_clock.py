"""Time: aware, UTC, written with a `Z` (contract §1, RFC 3339)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sliproad.foundation.clock import ManualClock, SystemClock, rfc3339

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_the_systems_clock_is_aware_and_utc():
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert before <= now <= datetime.now(UTC)


def test_a_manual_clock_moves_only_when_told_to():
    clock = ManualClock(NOON)
    assert clock.now() == clock.now() == NOON
    clock.advance(hours=1, seconds=2.5)
    assert clock.now() == NOON + timedelta(hours=1, seconds=2.5)


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (NOON, "2026-05-01T12:00:00Z"),
        (NOON.replace(microsecond=999), "2026-05-01T12:00:00Z"),
        (NOON.replace(microsecond=1000), "2026-05-01T12:00:00.001Z"),
        (NOON.replace(microsecond=123999), "2026-05-01T12:00:00.123Z"),
        (NOON.astimezone(timezone(timedelta(hours=5, minutes=30))), "2026-05-01T12:00:00Z"),
        (datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), "2025-12-31T23:30:00Z"),
    ],
)
def test_times_are_written_in_utc_ending_in_z(moment, written):
    assert rfc3339(moment) == written
