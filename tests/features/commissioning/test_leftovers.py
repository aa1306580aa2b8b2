"""What is done about a test transaction that its session gave up: a table of cases, and its row (contract §3, `stop`, `pause`)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sliproad.features.charging.model import Transaction
from sliproad.features.commissioning.leftovers import (
    LATE_BEGIN_SECONDS,
    LONGEST_LOOK_SECONDS,
    Found,
    judge,
    look_again_seconds,
)

NOW = datetime(2026, 5, 1, 10, 23, tzinfo=UTC)
LONG_AGO = NOW - timedelta(seconds=LATE_BEGIN_SECONDS + 1)


def a_transaction(transaction_id: str = "1", *, is_open: bool) -> Transaction:
    values: dict[str, Any] = dict.fromkeys(Transaction.__slots__)
    values |= {"transaction_id": transaction_id, "flags": (), "received_at": NOW}
    if not is_open:
        values["stop_received_at"] = NOW
    return Transaction(**values)


RUNNING, ENDED = a_transaction("1", is_open=True), a_transaction("2", is_open=False)


@pytest.mark.parametrize(
    ("transactions", "connected_since", "given_up_at", "found"),
    [
        ([RUNNING], LONG_AGO, LONG_AGO, Found(stop=("1",))),
        ([ENDED, RUNNING], NOW, NOW, Found(stop=("1",))),
        ([RUNNING], None, LONG_AGO, Found()),  # it can't be reached: wait
        ([], LONG_AGO, LONG_AGO, Found(settled="none began")),
        ([ENDED], LONG_AGO, LONG_AGO, Found(settled="1 ended")),
        ([], LONG_AGO, NOW, Found()),  # it may still begin: a vehicle is about to be plugged in
        ([], NOW, LONG_AGO, Found()),  # just back: what it did while it was away is still to come
        ([ENDED], None, LONG_AGO, Found()),
    ],
)
def test_what_is_running_is_stopped_and_what_may_begin_is_waited_for(
    transactions: list[Transaction], connected_since: datetime | None, given_up_at: datetime, found: Found
) -> None:
    assert judge(transactions, connected_since, given_up_at, NOW) == found


def test_looks_grow_rarer_but_never_end() -> None:
    waits = [look_again_seconds(looks) for looks in range(1, 100)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (4, LONGEST_LOOK_SECONDS)
