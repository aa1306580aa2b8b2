"""Transactions of OCPP 1.6: §4.7 MeterValues, §4.8 StartTransaction, §4.10 StopTransaction."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from inbound_wire import NOW, Installation, Wire
from sliproad.features.charging.model import Transaction
from sliproad.features.charging.service import ChargingService
from sliproad.foundation.database import ENGINE, Database

LATER = NOW + timedelta(minutes=30)


@pytest.fixture
def installation(database_url: str) -> Iterator[Installation]:
    found = Installation(database_url)
    yield found
    found.close()


@pytest.fixture
def wire(installation: Installation) -> Wire:
    return installation.charge_point("1.6")


def start_request(**changes: Any) -> dict[str, Any]:
    return {"connectorId": 1, "idTag": "UNKNOWN", "meterStart": 1000, "timestamp": "2026-05-01T10:23:00Z"} | changes


def stop_request(transaction_id: int, **changes: Any) -> dict[str, Any]:
    return {"transactionId": transaction_id, "meterStop": 6000, "timestamp": "2026-05-01T10:53:00Z"} | changes


def meter_request(transaction_id: int | None, *samples: dict[str, Any], at: str = "2026-05-01T10:33:00Z") -> dict:
    request: dict[str, Any] = {"connectorId": 1, "meterValue": [{"timestamp": at, "sampledValue": list(samples)}]}
    return request if transaction_id is None else request | {"transactionId": transaction_id}


def start(wire: Wire, **changes: Any) -> int:
    return wire.say("StartTransaction", start_request(**changes))["transactionId"]


async def transactions(engine: Database, wire: Wire, **filters: Any) -> list[Transaction]:
    async with engine.transaction(ENGINE) as session:
        return await ChargingService().transactions_of(session, wire.key, **filters)


class TestStartTransaction:
    async def test_a_whole_transaction(self, installation: Installation, engine: Database, wire: Wire) -> None:
        token = installation.authorization.test_token(wire.key, 1)
        answer = wire.say("StartTransaction", start_request(idTag=token))
        assert answer["idTagInfo"] == {"status": "Accepted"}
        assert wire.say("StopTransaction", stop_request(answer["transactionId"], reason="Remote"), LATER) == {}
        (found,) = await transactions(engine, wire)
        assert found.transaction_id == str(answer["transactionId"])
        assert (found.evse_id, found.connector_id, found.id_token) == (1, 1, token)
        assert (found.started_at, found.received_at, found.stopped_at) == (NOW, NOW, LATER)
        assert (found.meter_start_wh, found.meter_stop_wh, found.energy_wh) == (1000, 6000, 5000)
        assert (found.stop_reason, found.flags, found.is_open) == ("Remote", (), False)
        assert [live.event for live in wire.live] == ["transaction_started", "transaction_ended"]

    def test_ids_are_positive_and_never_repeat(self, installation: Installation) -> None:
        wires = [installation.charge_point() for _ in range(3)]
        ids = [start(wire, meterStart=n) for n in range(4) for wire in wires]
        assert len(set(ids)) == len(ids)
        assert all(0 < each < 2**31 for each in ids)

    def test_retry_gets_the_first_answer(self, installation: Installation, wire: Wire) -> None:
        """T2: the same message again, under a new message id."""
        first = wire.say("StartTransaction", start_request())
        assert wire.say("StartTransaction", start_request(), LATER) == first
        assert installation.row("select count(*) from transactions")["count"] == 1

    def test_retries_in_one_group_get_one_id(self, installation: Installation, wire: Wire) -> None:
        other = installation.charge_point()
        group = [each.message("StartTransaction", start_request()) for each in (wire, other, wire, other, wire)]
        ids = [answer["transactionId"] for answer in installation.commit(group)]
        assert ids[0] == ids[2] == ids[4] != ids[1] == ids[3]

    async def test_unknown_token_is_kept_and_flagged(self, engine: Database, wire: Wire) -> None:
        assert wire.say("StartTransaction", start_request())["idTagInfo"] == {"status": "Invalid"}
        (found,) = await transactions(engine, wire)
        assert (found.id_token, found.authorization_status, found.flags) == (
            "UNKNOWN",
            "Invalid",
            ("token_not_accepted",),
        )

    async def test_start_twice_on_a_connector(self, engine: Database, wire: Wire) -> None:
        start(wire)
        start(wire, meterStart=1500, timestamp="2026-05-01T10:24:00Z")
        start(wire, meterStart=1500, connectorId=2)
        flagged = ["connector_in_use" in found.flags for found in await transactions(engine, wire)]
        assert flagged == [False, True, False]

    @pytest.mark.parametrize(
        ("timestamp", "flag"),
        [
            ("1970-01-01T00:00:12Z", "clock_wrong"),
            ("2099-01-01T00:00:00Z", "clock_wrong"),
            ("0001-01-01T00:00:00Z", "clock_wrong"),
            ("2026-05-01T08:00:00Z", "late"),
            ("2026-05-01T10:23:00", "timestamp_repaired"),
            ("2026-05-01 10:23:00", "timestamp_repaired"),
        ],
    )
    async def test_odd_time_is_kept(self, engine: Database, wire: Wire, timestamp: str, flag: str) -> None:
        """T4: late, 1970, far future, without a zone; what we received when stands beside it."""
        transaction_id = start(wire, timestamp=timestamp)
        (found,) = await transactions(engine, wire)
        assert flag in found.flags
        assert found.received_at == NOW
        assert found.transaction_id == str(transaction_id)
        if flag == "timestamp_repaired":
            assert found.started_at == NOW

    @pytest.mark.parametrize(
        "timestamp", ["2016-12-31T23:59:60Z", "2026-05-01T10:23:00.123456789+13:45", "2026-05-01T10:23:00-23:59"]
    )
    def test_rare_but_right_times(self, wire: Wire, timestamp: str) -> None:
        """RFC 3339 §5.6: leap seconds, long fractions, wide offsets."""
        assert start(wire, timestamp=timestamp) > 0

    def test_nul_and_wide_numbers(self, installation: Installation, wire: Wire) -> None:
        first = wire.say("StartTransaction", start_request(idTag="A\0B", meterStart=2**53 - 1))
        assert wire.say("StartTransaction", start_request(idTag="A\0B", meterStart=2**53 - 1)) == first
        found = installation.row("select id_token, meter_start_wh from transactions")
        assert found == {"id_token": "A\\u0000B", "meter_start_wh": Decimal(2**53 - 1)}


class TestStopTransaction:
    async def test_the_first_stop_counts(self, engine: Database, wire: Wire) -> None:
        transaction_id = start(wire)
        for meter_stop in (6000, 6000, 9000):
            wire.say("StopTransaction", stop_request(transaction_id, meterStop=meter_stop), LATER)
        (found,) = await transactions(engine, wire)
        assert found.energy_wh == 5000

    async def test_stop_without_start_is_kept(self, engine: Database, wire: Wire) -> None:
        """Chargers use -1 or 0 when their start was never answered: two such stops are two transactions."""
        for transaction_id, meter_stop in ((-1, 5), (-1, 9), (-1, 9), (2_000_000_000, 7)):
            assert wire.say(
                "StopTransaction", stop_request(transaction_id, meterStop=meter_stop, idTag="X"), LATER
            ) == {"idTagInfo": {"status": "Invalid"}}
        found = await transactions(engine, wire)
        assert [(each.transaction_id, each.meter_stop_wh) for each in found] == [
            ("-1", 5),
            ("-1", 9),
            ("2000000000", 7),
        ]
        assert all({"unknown_transaction", "start_missing"} <= set(each.flags) for each in found)
        assert [each.energy_wh for each in found] == [None] * 3

    async def test_only_the_owner_touches_a_transaction(
        self, installation: Installation, engine: Database, wire: Wire
    ) -> None:
        """T3, CVE-2026-28230: another charge point names the id."""
        thief = installation.charge_point()
        transaction_id = start(wire)
        assert thief.say("StopTransaction", stop_request(transaction_id), LATER) == {}
        thief.say("MeterValues", meter_request(transaction_id, {"value": "999999"}))
        (mine,) = await transactions(engine, wire)
        assert (mine.is_open, mine.last_register_wh, mine.meter_stop_wh) == (True, None, None)
        (theirs,) = await transactions(engine, thief)
        assert "unknown_transaction" in theirs.flags

    async def test_an_orphan_never_takes_the_id_of_a_later_start(self, engine: Database, wire: Wire) -> None:
        following = start(wire) + 1
        wire.say("StopTransaction", stop_request(following), LATER)
        assert start(wire, connectorId=2) == following
        wire.say("StopTransaction", stop_request(following, meterStop=1234), LATER)
        found = [each for each in await transactions(engine, wire) if each.connector_id == 2]
        assert [each.energy_wh for each in found] == [234]

    async def test_negative_energy_is_flagged_never_shown(self, engine: Database, wire: Wire) -> None:
        wire.say("StopTransaction", stop_request(start(wire), meterStop=10), LATER)
        (found,) = await transactions(engine, wire)
        assert (found.energy_wh, "negative_energy" in found.flags) == (None, True)

    async def test_transaction_data_is_kept(self, engine: Database, wire: Wire) -> None:
        data = [
            {"timestamp": "2026-05-01T10:40:00Z", "sampledValue": [{"value": "2.5", "unit": "kWh"}]},
            {"timestamp": "2026-05-01T10:53:00Z", "sampledValue": [{"value": "6000", "context": "Transaction.End"}]},
        ]
        wire.say("StopTransaction", stop_request(start(wire), transactionData=data), LATER)
        async with engine.transaction(ENGINE) as session:
            readings = await ChargingService().meter_readings(session, wire.key, NOW)
        assert [(reading.energy_wh, reading.context) for reading in readings] == [
            (2500, None),
            (6000, "Transaction.End"),
        ]

    def test_a_nan_in_transaction_data_loses_nothing(self, installation: Installation, wire: Wire) -> None:
        data = [{"timestamp": "2026-05-01T10:40:00Z", "sampledValue": [{"value": "NaN"}]}]
        wire.say("StopTransaction", stop_request(start(wire), transactionData=data), LATER)
        assert "sample_unreadable" in installation.row("select flags from transactions")["flags"]
        assert installation.row("select energy_wh, sampled from meter_values") == {
            "energy_wh": None,
            "sampled": '[{"value":"NaN"}]',
        }


class TestMeterValues:
    async def test_registers_power_voltage_and_current(self, engine: Database, wire: Wire) -> None:
        transaction_id = start(wire)
        samples = (
            {
                "value": "1.75",
                "measurand": "Energy.Active.Import.Register",
                "unit": "kWh",
                "context": "Sample.Periodic",
            },
            {"value": "3.6", "measurand": "Power.Active.Import", "unit": "kW", "phase": "L1"},
            {"value": "3600", "measurand": "Power.Active.Import", "unit": "W", "phase": "L2"},
            {"value": "231.4", "measurand": "Voltage", "unit": "V", "phase": "L1-N"},
            {"value": "229.0", "measurand": "Voltage", "unit": "V", "phase": "L2-N"},
            {"value": "15.8", "measurand": "Current.Import", "unit": "A", "phase": "L1", "location": "Outlet"},
        )
        assert wire.say("MeterValues", meter_request(transaction_id, *samples)) == {}
        async with engine.transaction(ENGINE) as session:
            (reading,) = await ChargingService().meter_readings(session, wire.key, NOW)
        assert (reading.evse_id, reading.transaction_id, reading.energy_wh) == (1, str(transaction_id), 1750)
        assert (reading.power_w, reading.voltage_v, reading.current_a) == (7200, Decimal("231.4"), Decimal("15.8"))
        assert reading.at - reading.received_at == timedelta(minutes=10)

    async def test_energy_grows_with_the_register_while_it_runs(self, engine: Database, wire: Wire) -> None:
        transaction_id = start(wire)
        for minute, register in ((33, "2000"), (43, "3000.5"), (38, "2500")):
            wire.say(
                "MeterValues", meter_request(transaction_id, {"value": register}, at=f"2026-05-01T10:{minute}:00Z")
            )
        (found,) = await transactions(engine, wire)
        assert (found.last_register_wh, found.energy_wh, found.is_open) == (Decimal("3000.5"), Decimal("2000.5"), True)

    def test_the_same_reading_counts_once(self, installation: Installation, wire: Wire) -> None:
        """Natural key: transaction, timestamp, connector, measurands."""
        reading = meter_request(7, {"value": "5"})
        installation.commit([wire.message("MeterValues", reading) for _ in range(3)])
        wire.say("MeterValues", reading, LATER)
        wire.say("MeterValues", meter_request(7, {"value": "5", "measurand": "Voltage"}))
        wire.say("MeterValues", meter_request(None, {"value": "5"}))
        wire.say("MeterValues", reading | {"connectorId": 2})
        assert installation.row("select count(*) from meter_values")["count"] == 4

    def test_signed_values_are_kept_whole(self, installation: Installation, wire: Wire) -> None:
        sample = {"value": "OCMF|{…}|{…}", "format": "SignedData", "context": "Transaction.End", "unit": "Wh"}
        wire.say("MeterValues", meter_request(1, sample))
        found = installation.row("select energy_wh, sampled::json as sampled from meter_values")
        assert found == {"energy_wh": None, "sampled": [sample]}

    def test_any_gateway_of_watched_charge_points_tells(self, wire: Wire) -> None:
        wire.say("MeterValues", meter_request(1, {"value": "1"}))
        assert wire.live == []
        wire.peer.watched_until = NOW.timestamp() + 10
        wire.say("MeterValues", meter_request(1, {"value": "2"}))
        assert wire.live[-1].event == "meter_values"


class TestSessionEvents:
    """Contract §4: `session.started`, `session.ended`, once, in the commit of the change."""

    def test_told_once(self, installation: Installation, wire: Wire) -> None:
        wire.peer.subscribed = frozenset({"session.started", "session.ended"})
        transaction_id = start(wire)
        start(wire)
        for _ in range(2):
            wire.say("StopTransaction", stop_request(transaction_id, reason="EVDisconnected"), LATER)
        started, ended = installation.rows("select name, data, occurred_at, charge_point_key from outbox order by seq")
        assert (started["name"], ended["name"]) == ("session.started", "session.ended")
        assert (started["occurred_at"], ended["occurred_at"], ended["charge_point_key"]) == (NOW, LATER, wire.key)
        assert ended["data"] == {
            "charge_point_id": wire.peer.charge_point_id,
            "transaction_id": str(transaction_id),
            "evse_id": 1,
            "connector_id": 1,
            "id_token": "UNKNOWN",
            "started_at": "2026-05-01T10:23:00Z",
            "meter_start_wh": 1000,
            "stopped_at": "2026-05-01T10:53:00Z",
            "meter_stop_wh": 6000,
            "energy_wh": 5000,
            "stop_reason": "EVDisconnected",
        }

    def test_orphans_are_told_too(self, installation: Installation, wire: Wire) -> None:
        wire.peer.subscribed = frozenset({"session.ended"})
        group = [wire.message("StopTransaction", stop_request(-1, meterStop=meter)) for meter in (1, 2, 2)]
        installation.commit(group)
        assert installation.row("select count(*) from outbox")["count"] == 2
