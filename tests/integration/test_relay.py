"""The relay over real sockets: virtual charge points, our gateway, and the `ocpp` package's central system as the operator's."""

import asyncio
import contextlib
from typing import Any

import pytest

from installation import installation
from operator_server import Authority, OperatorServer, Said
from relayed_site import RelayedSite
from sliproad.ocpp.validation import validate_call
from sliproad.ocpp.versions import OcppVersion
from sliproad.simulator import Fault

VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])


def energy_of(messages: list[Said]) -> dict[Any, tuple[int, int]]:
    """Transaction -> register at its start and end, as the operator heard it."""
    found: dict[Any, list[int]] = {}
    for said in messages:
        if said.action == "TransactionEvent":
            kind = said.payload["eventType"]
            if kind in {"Started", "Ended"}:
                context = "Transaction.Begin" if kind == "Started" else "Transaction.End"
                [register] = [
                    round(sample["value"])
                    for reading in said.payload.get("meterValue", [])
                    for sample in reading["sampledValue"]
                    if sample.get("context") == context
                    and sample.get("measurand", "Energy.Active.Import.Register") == "Energy.Active.Import.Register"
                ]
                found.setdefault(said.payload["transactionInfo"]["transactionId"], []).append(register)
    return {transaction: (registers[0], registers[-1]) for transaction, registers in found.items()}


@VERSIONS
async def test_a_charging_session_is_on_both_sides_with_the_same_energy(served_site, relayed, operator, version):
    async with served_site.charger(version, free_vend=True) as (charge_point_id, virtual):
        relayed.apply(charge_point_id, operator)
        await relayed.state(charge_point_id, "connected")
        await operator.heard(charge_point_id, "BootNotification")
        await operator.heard(charge_point_id, "StatusNotification")
        await virtual.start_charging(1, "DRIVER1")
        await operator.until(lambda: len(operator.of(charge_point_id, "MeterValues", "TransactionEvent")) > 2)
        await virtual.stop_charging(1)
        await virtual.wait_until_delivered()
        await relayed.delivered(charge_point_id)
        [transaction] = relayed.transactions(charge_point_id)
        ours = (int(transaction["meter_start_wh"]), int(transaction["meter_stop_wh"]))
        if version == "1.6":
            [start], [stop] = (
                operator.of(charge_point_id, "StartTransaction"),
                operator.of(charge_point_id, "StopTransaction"),
            )
            assert ours == (start.payload["meterStart"], stop.payload["meterStop"])
            theirs = {
                each.payload["transactionId"] for each in operator.of(charge_point_id, "MeterValues", "StopTransaction")
            }
            assert theirs == {operator.given[charge_point_id, start.message_id]}, "under the operator's own id"
            assert int(transaction["transaction_id"]) not in theirs
        else:
            events = operator.of(charge_point_id, "TransactionEvent")
            assert energy_of(events) == {transaction["transaction_id"]: ours}
            assert [each.payload["seqNo"] for each in events] == sorted(each.payload["seqNo"] for each in events)
        assert {row["state"] for row in relayed.messages(charge_point_id, kind="transaction")} == {"delivered"}


@VERSIONS
async def test_behind_wss_with_a_private_ca_and_a_password(served_site, relayed, tmp_path, version):
    authority = Authority(tmp_path)
    async with (
        OperatorServer(authority.server("localhost")) as operator,
        served_site.charger(version) as (cp, _virtual),
    ):
        operator.manners.passwords = {cp: ("SN-1", "a password of the operator")}
        relayed.apply(
            cp, operator, ca=authority.pem, domain="localhost", user="SN-1", password="a password of the operator"
        )
        row = await relayed.state(cp, "connected")
        assert row["connected_at"] is not None
        [boot] = await operator.heard(cp, "BootNotification")
        validate_call(OcppVersion(version), boot.action, boot.payload)


@VERSIONS
async def test_a_server_that_accepts_later_is_asked_again(served_site, relayed, operator, version):
    operator.manners.boot_statuses, operator.manners.interval = ["Rejected", "Pending"], 1
    async with served_site.charger(version) as (cp, _virtual):
        relayed.apply(cp, operator)
        assert (await relayed.state(cp, "failed"))[
            "reason"
        ] == "The server rejected the charge point's BootNotification."
        await relayed.told(cp, "answers its BootNotification with Pending")
        assert not operator.of(cp, "StatusNotification", "Heartbeat"), "nothing before it is accepted"
        assert (await relayed.state(cp, "connected"))["reason"] is None
        await operator.heard(cp, "StatusNotification")
        await operator.heard(cp, "Heartbeat", times=2)  # at their interval


@VERSIONS
async def test_a_charge_point_that_reconnects_without_a_boot_boots_there_all_the_same(
    served_site, relayed, operator, version
):
    faults = frozenset({Fault.RECONNECTS_WITHOUT_BOOT, Fault.DISCONNECTS_MID_TRANSACTION})
    async with served_site.charger(version, free_vend=True, faults=faults) as (cp, virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        await virtual.start_charging(1, "DRIVER1")
        await operator.until(lambda: operator.connections[cp] == 2)  # its connection was lost, and came back
        first, second = await operator.heard(cp, "BootNotification", times=2)
        assert first.payload | {"reason": ""} == second.payload | {"reason": ""}
        await virtual.stop_charging(1)
        await virtual.wait_until_delivered()
        await relayed.delivered(cp)
        [transaction] = relayed.transactions(cp)
        rows = relayed.messages(cp, kind="transaction")
        heard = [each for each in operator.of(cp) if each.message_id.startswith("r")]
        assert [each.message_id for each in heard] == [f"r{row['seq']}" for row in rows]
        last = heard[-1].payload
        assert last.get("meterStop", transaction["meter_stop_wh"]) == transaction["meter_stop_wh"]
        assert last.get("eventType", "Ended") == "Ended"


@VERSIONS
async def test_what_changed_before_the_server_accepted_is_told(served_site, relayed, operator, version):
    operator.manners.boot_statuses, operator.manners.interval = ["Pending"] * 2, 1
    async with served_site.charger(version) as (cp, virtual):
        relayed.apply(cp, operator)
        await operator.heard(cp, "BootNotification")
        await virtual.set_fault(1)
        await relayed.state(cp, "connected")
        name = "status" if version == "1.6" else "connectorStatus"
        await operator.heard(cp, "StatusNotification", **{name: "Faulted"})
        last = [
            each.payload[name] for each in operator.of(cp, "StatusNotification") if each.payload["connectorId"] == 1
        ][-1]
        assert last == "Faulted"


@VERSIONS
async def test_the_operator_hears_of_a_reboot(served_site, relayed, operator, version):
    async with served_site.charger(version) as (cp, virtual):
        relayed.apply(cp, operator)
        await operator.heard(cp, "StatusNotification")
        await virtual.reboot()
        await operator.heard(cp, "BootNotification", times=2)
        await operator.until(lambda: operator.connections[cp] == 2)
        await relayed.state(cp, "connected")


async def test_whoever_subscribed_hears_of_each_state(served_site, relayed, operator):
    relayed.sql(
        "insert into webhook_endpoints (endpoint_id, organization_id, url, events, secret_sealed, created_at)"
        " select 'whe_1', organization_id, 'https://x.example', array['connection.state_changed'], '', now() from organizations"
    )
    [organization] = relayed.sql("select organization_id from organizations")
    identities = served_site.gateways[0].context.identities
    async with asyncio.timeout(30):
        while not identities.subscribed(organization["organization_id"]):
            await asyncio.sleep(0.05)
    async with served_site.charger("2.1") as (cp, _virtual):
        generation = relayed.apply(cp, "ws://127.0.0.1:1/x")
        await relayed.state(cp, "failed")
        relayed.apply(cp, operator)
        assert (await relayed.state(cp, "connected"))["generation"] > generation
        events = relayed.sql("select name, data from outbox where name = 'connection.state_changed' order by seq")
        assert [event["data"]["state"] for event in events] == ["connecting", "failed", "connecting", "connected"]
        told = events[1]["data"]
        assert told["reason"].startswith("Nobody listens at 127.0.0.1, port 1")
        assert set(told) == {"charge_point_id", "operator_id", "version", "state", "reason", "changed_at"}
        assert (told["charge_point_id"], told["operator_id"], told["version"]) == (cp, relayed.operator_id, "ocv_test")


async def test_a_charge_point_without_a_relay_has_none(served_site, relayed, operator):
    async with served_site.charger("1.6", free_vend=True) as (cp, virtual):
        await virtual.start_charging(1, "DRIVER1")
        await virtual.stop_charging(1)
        await virtual.wait_until_delivered()
        assert relayed.messages(cp) == []
        assert not operator.connections


async def test_the_second_server_is_another_sliproad(served_site, relayed):
    """Ours is as good an operator's server as any: its charge point is ours, relayed."""
    with installation(allowed_private_networks="127.0.0.0/8", log_level="warning") as theirs:
        client, project_id = await theirs.at_work(1)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(client.close)
            cp, virtual = await stack.enter_async_context(served_site.charger("2.0.1", free_vend=True))
            body = {"project_id": project_id, "serial_number": "S-1", "model": "M", "vendor": "V", "ocpp_version": "2.0.1",
                    "charge_point_id": cp}  # fmt: skip
            made = await client.installer("POST", "charge-points", expect=201, body=body)
            relayed.apply(cp, f"{theirs.ocpp_url}/ocpp/2.0.1", password=made["provisioning_password"])
            await relayed.state(cp, "connected")
            await virtual.start_charging(1, "DRIVER1")
            await virtual.stop_charging(1)
            await virtual.wait_until_delivered()
            await relayed.delivered(cp)
            [ours], [other] = relayed.transactions(cp), RelayedSite.transactions_in(theirs.database_url, cp)
            for name in ("transaction_id", "meter_start_wh", "meter_stop_wh", "started_at", "stopped_at"):
                assert ours[name] == other[name], name
