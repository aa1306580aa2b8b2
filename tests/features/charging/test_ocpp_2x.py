"""Transactions of OCPP 2.0.1 and 2.1: TransactionEvent (E01-E15) and MeterValues (J01)."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from inbound_wire import NOW, Installation, Wire
from sliproad.features.charging.model import Transaction
from sliproad.features.charging.service import ChargingService
from sliproad.foundation.database import ENGINE, Database

TX = "3f0c9a52-7f51-4f0e-9a67-0c6d3f2b1a90"


@pytest.fixture
def installation(database_url: str) -> Iterator[Installation]:
    found = Installation(database_url)
    yield found
    found.close()


@pytest.fixture(params=["2.0.1", "2.1"])
def wire(installation: Installation, request: pytest.FixtureRequest) -> Wire:
    return installation.charge_point(request.param)


def reading(minute: int, value: float, context: str = "Sample.Periodic", **measure: Any) -> dict[str, Any]:
    sample: dict[str, Any] = {"value": value, "context": context}
    return {
        "timestamp": f"2026-05-01T10:{minute}:00Z",
        "sampledValue": [sample | ({"unitOfMeasure": measure} if measure else {})],
    }


def event(kind: str, seq_no: int, minute: int = 23, *, transaction_id: str = TX, info: Any = None, **more: Any) -> dict:
    return {
        "eventType": kind,
        "timestamp": f"2026-05-01T10:{minute}:00Z",
        "triggerReason": "MeterValuePeriodic",
        "seqNo": seq_no,
        "transactionInfo": {"transactionId": transaction_id, **(info or {})},
    } | more


def session_of(token: str) -> list[dict[str, Any]]:
    """Started, two Updated, Ended: 1000 to 6000 Wh."""
    return [
        event(
            "Started",
            0,
            info={"remoteStartId": 77, "chargingState": "EVConnected"},
            evse={"id": 1, "connectorId": 2},
            idToken={"idToken": token, "type": "Central"},
            meterValue=[reading(23, 1000, "Transaction.Begin")],
        ),
        event("Updated", 1, 33, info={"chargingState": "Charging"}, meterValue=[reading(33, 2.5, unit="kWh")]),
        event("Updated", 2, 43, meterValue=[reading(43, 4, multiplier=3, unit="Wh")]),
        event(
            "Ended",
            3,
            53,
            info={"stoppedReason": "Remote", "chargingState": "Idle"},
            meterValue=[reading(53, 6000, "Transaction.End")],
        ),
    ]


async def transactions(engine: Database, wire: Wire, **filters: Any) -> list[Transaction]:
    async with engine.transaction(ENGINE) as session:
        return await ChargingService().transactions_of(session, wire.key, **filters)


async def test_a_whole_transaction(installation: Installation, engine: Database, wire: Wire) -> None:
    token = installation.authorization.test_token(wire.key, 1)
    answers = [
        wire.say("TransactionEvent", each, NOW + timedelta(minutes=10 * n)) for n, each in enumerate(session_of(token))
    ]
    assert answers == [{"idTokenInfo": {"status": "Accepted"}}, {}, {}, {}]
    (found,) = await transactions(engine, wire, remote_start_id=77, id_token=token.lower(), since=NOW)
    assert (found.transaction_id, found.evse_id, found.connector_id) == (TX, 1, 2)
    assert (found.id_token, found.id_token_type, found.authorization_status) == (token, "Central", "Accepted")
    assert (found.meter_start_wh, found.meter_stop_wh, found.energy_wh) == (1000, 6000, 5000)
    assert (found.started_at, found.received_at, found.stop_reason) == (NOW, NOW, "Remote")
    assert (found.charging_state, found.flags, found.is_open) == ("Idle", (), False)
    events = [live.event for live in wire.live]
    assert events == ["transaction_started", "meter_values", "meter_values", "transaction_ended"]
    assert await transactions(engine, wire, remote_start_id=78) == []
    assert await transactions(engine, wire, since=NOW + timedelta(seconds=1)) == []


async def test_unknown_token_is_kept_and_flagged(engine: Database, wire: Wire) -> None:
    """E05: it is said that the token is invalid, and what happened is stored."""
    assert wire.say("TransactionEvent", session_of("NOBODY")[0]) == {"idTokenInfo": {"status": "Invalid"}}
    (found,) = await transactions(engine, wire)
    assert (found.flags, found.is_open) == (("token_not_accepted",), True)


async def test_energy_while_it_runs(engine: Database, wire: Wire) -> None:
    for each in session_of("X")[:3]:
        wire.say("TransactionEvent", each)
    (found,) = await transactions(engine, wire)
    assert (found.energy_wh, found.last_register_wh) == (3000, 4000)


@pytest.mark.parametrize("order", [(3, 1, 2, 0), (1, 0, 3, 2), (2, 3, 0, 1)])
async def test_out_of_order_ends_the_same(engine: Database, wire: Wire, order: tuple[int, ...]) -> None:
    """E04, E12: an offline queue may arrive in any order."""
    events = session_of("X")
    for index in order:
        wire.say("TransactionEvent", events[index])
    (found,) = await transactions(engine, wire)
    assert (found.energy_wh, found.started_at, found.stopped_at) == (5000, NOW, NOW + timedelta(minutes=30))
    assert (found.remote_start_id, found.charging_state, found.stop_reason) == (77, "Idle", "Remote")
    assert found.flags == ("token_not_accepted",)


async def test_a_gap_is_flagged_until_it_is_filled(engine: Database, wire: Wire) -> None:
    """E04.FR.06 and T4: seqNo tells what is missing."""
    events = session_of("X")
    for index in (0, 3):
        wire.say("TransactionEvent", events[index])
    assert "seq_no_gap" in (await transactions(engine, wire))[0].flags
    for index in (1, 2, 2, 1):
        wire.say("TransactionEvent", events[index])
    assert "seq_no_gap" not in (await transactions(engine, wire))[0].flags


async def test_ended_without_started(engine: Database, wire: Wire) -> None:
    wire.say("TransactionEvent", session_of("X")[3])
    (found,) = await transactions(engine, wire)
    assert (found.started_at, found.meter_stop_wh, "start_missing" in found.flags) == (None, 6000, True)


async def test_one_seq_no_twice_loses_nothing(installation: Installation, engine: Database, wire: Wire) -> None:
    """A charge point that never counts up: its Ended is no retry of its Started."""
    started, *_, ended = session_of("X")
    wire.say("TransactionEvent", started)
    wire.say("TransactionEvent", ended | {"seqNo": 0})
    (found,) = await transactions(engine, wire)
    assert (found.energy_wh, found.is_open, "seq_no_repeated" in found.flags) == (5000, False, True)
    assert installation.row("select count(*) from transaction_events")["count"] == 2


def test_retry_counts_once(installation: Installation, wire: Wire) -> None:
    """T2: (charge point, transactionId, seqNo); in one group and much later."""
    first = session_of("X")[0]
    answers = installation.commit([wire.message("TransactionEvent", first) for _ in range(3)])
    assert answers == [{"idTokenInfo": {"status": "Invalid"}}] * 3
    assert wire.say("TransactionEvent", first, NOW + timedelta(days=2)) == answers[0]
    assert installation.row("select count(*) from transaction_events")["count"] == 1
    assert installation.row("select count(*) from meter_values")["count"] == 1
    assert installation.row("select received_at, flags from transactions") == {
        "received_at": NOW,
        "flags": ["token_not_accepted"],
    }


async def test_same_id_at_another_charge_point_is_another(
    installation: Installation, engine: Database, wire: Wire
) -> None:
    """T3: transaction ids of 2.x are the charge point's own."""
    other = installation.charge_point(wire.peer.version)
    wire.say("TransactionEvent", session_of("X")[0])
    other.say("TransactionEvent", session_of("X")[3])
    (mine,), (theirs,) = await transactions(engine, wire), await transactions(engine, other)
    assert (mine.is_open, theirs.is_open) == (True, False)


async def test_offline_is_said(engine: Database, wire: Wire) -> None:
    """E04: kept with its own time and when it came."""
    wire.say("TransactionEvent", session_of("X")[0] | {"offline": True}, NOW + timedelta(hours=3))
    (found,) = await transactions(engine, wire)
    assert {"offline", "late"} <= set(found.flags)
    assert found.received_at == NOW + timedelta(hours=3)


def test_a_group_of_many_transactions(installation: Installation, wire: Wire) -> None:
    events = [
        each | {"transactionInfo": each["transactionInfo"] | {"transactionId": f"tx-{n}"}}
        for n in range(20)
        for each in session_of("X")
    ]
    installation.commit([wire.message("TransactionEvent", each) for each in reversed(events)])
    found = installation.rows("select meter_stop_wh - meter_start_wh as energy from transactions")
    assert found == [{"energy": 5000}] * 20


def test_sessions_are_told_once(installation: Installation, wire: Wire) -> None:
    wire.peer.subscribed = frozenset({"session.started", "session.ended"})
    for each in [*session_of("X"), *session_of("X")]:
        wire.say("TransactionEvent", each, NOW + timedelta(minutes=31))
    started, ended = installation.rows("select name, data from outbox order by seq")
    assert (started["name"], ended["name"]) == ("session.started", "session.ended")
    assert (ended["data"]["energy_wh"], ended["data"]["id_token"], ended["data"]["transaction_id"]) == (5000, "X", TX)


async def test_meter_values_outside_a_transaction(engine: Database, wire: Wire) -> None:
    """J01; signed values of 2.x stay as they are."""
    signed = {"signedMeterData": "QUJD", "signingMethod": "", "encodingMethod": "OCMF", "publicKey": ""}
    value = reading(23, 1234.5)
    value["sampledValue"][0]["signedMeterValue"] = signed
    value["sampledValue"].append(
        {"value": 230, "measurand": "Voltage", "phase": "L1-N", "unitOfMeasure": {"unit": "V"}}
    )
    assert wire.say("MeterValues", {"evseId": 1, "meterValue": [value]}) == {}
    async with engine.transaction(ENGINE) as session:
        (found,) = await ChargingService().meter_readings(session, wire.key, NOW)
    assert (found.energy_wh, found.voltage_v, found.is_signed) == (Decimal("1234.5"), 230, True)
    assert found.transaction_id is None
