"""The operator's server gone, silent or slow, and connections that are switched off: what waits, what goes, what it costs."""

import asyncio
import contextlib
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from building_site import BuildingSite
from operator_server import OperatorServer
from relayed_site import RelayedSite
from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.connections.relay_presence import RelayPresence
from sliproad.foundation.database import ENGINE
from sliproad.foundation.outbox import StoredEvent
from sliproad.simulator import VirtualCharger

VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])


async def charge(virtual: VirtualCharger, times: int = 1) -> None:
    """So many sessions; each of a driver of its own, since a start in the same second is told from a repetition by that."""
    for number in range(times):
        await virtual.start_charging(1, f"DRIVER{number}")
        await virtual.stop_charging(1)
        await virtual.unplug(1)
    await virtual.wait_until_delivered()


def transaction_messages(operator: OperatorServer, cp: str) -> list[str]:
    return [each.message_id for each in operator.of(cp) if each.message_id.startswith("r")]


@VERSIONS
async def test_what_happened_while_the_server_was_away_arrives_in_order(served_site, relayed, operator, version):
    async with served_site.charger(version, free_vend=True) as (cp, virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        await operator.stop()
        row = await relayed.state(cp, "connecting", "failed")
        assert row["reason"] is not None
        await charge(virtual, times=5)
        waiting = relayed.messages(cp, state="waiting")
        assert len(waiting) >= 10
        assert (await relayed.state(cp, "failed"))["reason"].startswith("Nobody listens at 127.0.0.1")
        await operator.start()
        await relayed.state(cp, "connected")
        await relayed.delivered(cp)
        assert transaction_messages(operator, cp) == [f"r{row['seq']}" for row in waiting]
        assert len(operator.of(cp, "BootNotification")) == 2, "a boot is replayed on each connection"


@VERSIONS
async def test_the_gateway_starts_anew_with_a_queue(served_site, relayed, operator, version):
    await operator.stop()
    async with served_site.charger(version, free_vend=True) as (cp, virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "failed")
        await charge(virtual, times=60)  # more than a page, and more than is kept in memory
        virtual.go_offline()
        waiting = relayed.messages(cp, state="waiting")
        assert len(waiting) > 110
        await operator.start()
        virtual.go_online()
        await relayed.delivered(cp)
        assert transaction_messages(operator, cp) == [f"r{row['seq']}" for row in waiting]


@VERSIONS
async def test_a_hanging_server_costs_the_charge_point_nothing(served_site, relayed, operator, version):
    operator.manners.hangs = True
    async with served_site.charger(version, free_vend=True) as (cp, virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connecting")
        async with asyncio.timeout(60):
            await charge(virtual, times=30)
        before = {row["action"] for row in relayed.messages(cp, state="waiting")}
        assert before
        live = [each for each in relayed.messages(cp) if each["kind"] == "live"]
        assert len(live) < 10, "statuses of a connector take each other's place"


async def test_a_refused_transaction_message_goes_out_three_times_and_then_is_recorded(served_site, relayed, operator):
    operator.manners.refuses = {"StopTransaction"}
    async with served_site.charger("1.6", free_vend=True) as (cp, virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        await charge(virtual)
        await relayed.delivered(cp)
        [stop] = relayed.messages(cp, action="StopTransaction")
        assert (stop["state"], stop["attempts"]) == ("refused", 3)
        assert "InternalError" in stop["error"]
        assert len([each for each in operator.said[cp] if each.action == "StopTransaction"]) == 3
        operator.manners.refuses = set()
        await charge(virtual)
        await relayed.delivered(cp)
        assert relayed.messages(cp, action="StopTransaction")[-1]["state"] == "delivered"


async def test_a_transaction_that_began_before_the_connection_is_begun_there_late(served_site, relayed, operator):
    async with served_site.charger("1.6", free_vend=True) as (cp, virtual):
        await virtual.start_charging(1, "DRIVER1")
        async with asyncio.timeout(60):
            while not relayed.transactions(cp):
                await asyncio.sleep(0.02)
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        await virtual.stop_charging(1)
        await virtual.wait_until_delivered()
        await relayed.delivered(cp)
        [transaction] = relayed.transactions(cp)
        [start], [stop] = operator.of(cp, "StartTransaction"), operator.of(cp, "StopTransaction")
        assert (start.payload["meterStart"], stop.payload["meterStop"]) == (
            int(transaction["meter_start_wh"]),
            int(transaction["meter_stop_wh"]),
        )
        assert stop.payload["transactionId"] == operator.given[cp, start.message_id]


async def test_what_follows_a_refused_start_is_recorded_as_refused(served_site, relayed, operator):
    operator.manners.refuses = {"StartTransaction"}
    async with served_site.charger("1.6", free_vend=True) as (cp, virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        await charge(virtual)
        await relayed.delivered(cp)
        assert {row["state"] for row in relayed.messages(cp, kind="transaction")} == {"refused"}
        assert "its start was refused" in relayed.messages(cp, action="StopTransaction")[0]["error"]
        assert not operator.of(cp, "StopTransaction")


@pytest.mark.parametrize("policy", ["drain", "drop"])
async def test_switching_off_ends_it_as_asked(served_site, relayed, operator, policy):
    async with served_site.charger("2.0.1", free_vend=True) as (cp, virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        await operator.stop()
        await charge(virtual, times=2)
        waiting = len(relayed.messages(cp, state="waiting"))
        assert waiting
        relayed.apply(cp, operator, mode="off", off_policy=policy)
        if policy == "drop":
            await relayed.delivered(cp)
            assert len(relayed.messages(cp, state="dropped", kind="transaction")) == waiting
        await operator.start()
        if policy == "drain":
            await relayed.delivered(cp)
            assert len(transaction_messages(operator, cp)) == waiting
            await operator.until(lambda: cp not in operator.connected)
        assert relayed.assignment(cp)["state"] == "off"
        rows = len(relayed.messages(cp))
        await charge(virtual)
        assert len(relayed.messages(cp)) == rows, "nothing is queued any more"
        if policy == "drop":
            assert cp not in operator.connected


async def test_what_waits_is_delivered_before_the_charge_point_itself_is_moved(served_site, relayed, operator):
    async with served_site.charger("2.0.1", free_vend=True) as (cp, virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        await operator.stop()
        await charge(virtual, times=2)
        waiting = len(relayed.messages(cp, state="waiting"))
        relayed.apply(cp, "ws://127.0.0.1:1/elsewhere", mode="native")
        await operator.start()
        await relayed.delivered(cp)
        assert len(transaction_messages(operator, cp)) == waiting > 0
        await operator.until(lambda: cp not in operator.connected)
        assert relayed.assignment(cp)["state"] == "pending", "the move tells its own state"


async def test_another_operator_gets_nothing_of_the_first_ones(served_site, relayed, operator):
    async with served_site.charger("2.1", free_vend=True) as (cp, virtual), OperatorServer() as another:
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        await operator.stop()
        await charge(virtual)
        relayed.apply(cp, another, operator_id=relayed.new_operator())
        await relayed.state(cp, "connected")
        await relayed.delivered(cp)
        assert transaction_messages(another, cp) == []
        assert relayed.messages(cp, state="dropped", kind="transaction")
        await charge(virtual)
        await relayed.delivered(cp)
        assert transaction_messages(another, cp)


async def test_a_site_of_fifty(served_site: BuildingSite, relayed: RelayedSite, operator: OperatorServer):
    """Fifty charge points of three versions: all come over, and each one's sessions are on both sides."""
    async with contextlib.AsyncExitStack() as powered:
        chargers: dict[str, Any] = {}
        for number in range(50):
            version = ("1.6", "2.0.1", "2.1")[number % 3]
            made = served_site.charger(version, free_vend=True, validate=False)
            cp, virtual = await powered.enter_async_context(made)
            chargers[cp] = virtual
            relayed.apply(cp, operator)
        for cp in chargers:
            await relayed.state(cp, "connected")
        await asyncio.gather(*(charge(virtual) for virtual in chargers.values()))
        for cp in chargers:
            await relayed.delivered(cp)
            [transaction] = relayed.transactions(cp)
            assert transaction["meter_stop_wh"] is not None
            heard = operator.of(cp, "StopTransaction", "TransactionEvent")[-1].payload
            if "meterStop" in heard:
                assert heard["meterStop"] == int(transaction["meter_stop_wh"])
            else:
                assert heard["eventType"] == "Ended"
                samples = [sample for reading in heard["meterValue"] for sample in reading["sampledValue"]]
                assert round(samples[-1]["value"]) == int(transaction["meter_stop_wh"])


async def test_a_charge_point_whose_gateway_died_is_waited_for(served_site, relayed):
    registered = await served_site.workplace.charge_point(served_site.alex, served_site.project_id)
    cp = registered["charge_point_id"]
    key = await served_site.workplace.key_of(cp)
    relayed.apply(cp, "ws://127.0.0.1:1/x")
    relayed.sql("update connection_assignments set state = 'connected'")
    stored = SimpleNamespace(event_id="evt_1", name="charge_point.disconnected", organization_id="org_1", data={"charge_point_id": cp},
                             occurred_at=datetime.now(UTC), charge_point_key=key)  # fmt: skip
    event = StoredEvent(stored)  # type: ignore[arg-type]
    for connected, state in ((True, "connected"), (False, "pending")):
        await served_site.set_live(key, connected=connected)
        async with served_site.engine.transaction(ENGINE) as session:
            await RelayPresence(LiveService()).charge_point_gone(session, event)
        assert relayed.assignment(cp)["state"] == state
