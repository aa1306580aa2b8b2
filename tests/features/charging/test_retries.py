"""However often and in whatever order a charge point repeats itself, each thing counts once (trust T2, OCPP 2.1 Part 4 §5.3)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inbound_wire import NOW, Installation

SETTINGS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
KINDS = ("Started", "Updated", "Updated", "Ended")


@pytest.fixture
def installation(database_url: str) -> Iterator[Installation]:
    found = Installation(database_url)
    yield found
    found.close()


def event(seq_no: int) -> dict[str, Any]:
    at = f"2026-05-01T10:{23 + seq_no}:00Z"
    return {
        "eventType": KINDS[seq_no],
        "timestamp": at,
        "triggerReason": "MeterValuePeriodic",
        "seqNo": seq_no,
        "transactionInfo": {"transactionId": "tx"},
        "meterValue": [{"timestamp": at, "sampledValue": [{"value": 1000 * (seq_no + 1)}]}],
    }


@SETTINGS
@given(groups=st.lists(st.lists(st.sampled_from(range(4)), min_size=1, max_size=6), max_size=5))
def test_transaction_events_in_any_order_and_grouping(installation: Installation, groups: list[list[int]]) -> None:
    """2.x: every order, every repetition, every way to fall into commit groups ends the same."""
    wire = installation.charge_point("2.0.1", subscribed=frozenset({"session.started", "session.ended"}))
    for group in [*groups, [0, 1, 2, 3]]:
        installation.commit([wire.message("TransactionEvent", event(seq_no)) for seq_no in group])
    found = installation.row(
        "select meter_start_wh, meter_stop_wh, started_at, stopped_at, flags from transactions"
        " where charge_point_key = %s",
        wire.key,
    )
    assert found == {
        "meter_start_wh": 1000,
        "meter_stop_wh": 4000,
        "started_at": NOW,
        "stopped_at": NOW + timedelta(minutes=3),
        "flags": [],
    }
    counts = installation.row(
        "select (select count(*) from transaction_events where charge_point_key = %(k)s) as events,"
        " (select count(*) from meter_values where charge_point_key = %(k)s) as readings,"
        " (select count(*) from outbox where charge_point_key = %(k)s) as told".replace("%(k)s", str(wire.key))
    )
    assert counts == {"events": 4, "readings": 4, "told": 2}


@SETTINGS
@given(groups=st.lists(st.lists(st.sampled_from(range(5)), min_size=1, max_size=6), min_size=1, max_size=5))
def test_starts_and_meter_values_of_16(installation: Installation, groups: list[list[int]]) -> None:
    """1.6: one id for one natural key, whichever group it is in; nobody else's id."""
    wires = [installation.charge_point(), installation.charge_point()]
    ids: dict[tuple[int, int], set[int]] = {}
    for group in groups:
        asked = [(wire, meter) for meter in group for wire in wires]
        answers = installation.commit(
            [
                wire.message(
                    "StartTransaction",
                    {"connectorId": 1, "idTag": "T", "meterStart": meter, "timestamp": "2026-05-01T10:23:00Z"},
                )
                for wire, meter in asked
            ]
        )
        for (wire, meter), answer in zip(asked, answers, strict=True):
            ids.setdefault((wire.key, meter), set()).add(answer["transactionId"])
    assert all(len(given) == 1 for given in ids.values())
    assert len(set.union(*ids.values())) == len(ids)
