"""The operator's CALLs through the relay: down to the charge point and back, refused in words, and never mixed up with ours."""

import asyncio
from typing import Any

import pytest
from ocpp.exceptions import OCPPError

from sliproad.features.commands.service import CommandService
from sliproad.features.connections.relay_model.ids import FIRST_OF_THEIRS
from sliproad.gateway import relay_commands
from sliproad.simulator import Fault

VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
TWO_X = pytest.mark.parametrize("version", ["2.0.1", "2.1"])
TOKEN = {"id_token": "OPERATORS", "type": "Central"}


def start(version: str) -> tuple[str, dict[str, Any]]:
    if version == "1.6":
        return "RemoteStartTransaction", {"id_tag": "OPERATORS", "connector_id": 1}
    return "RequestStartTransaction", {"remote_start_id": 7, "id_token": TOKEN, "evse_id": 1}


@VERSIONS
async def test_an_operator_starts_and_stops_a_session(served_site, relayed, operator, version):
    async with served_site.charger(version) as (cp, virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        action, payload = start(version)
        assert (await operator.call(cp, action, **payload)).status == "Accepted"
        if version == "1.6":
            [started] = await operator.heard(cp, "StartTransaction")
            assert started.payload["idTag"] == "OPERATORS"
            await operator.until(lambda: operator.given.get((cp, started.message_id)))
            await relayed.delivered(cp)
            theirs = operator.given[cp, started.message_id]
            stopped = await operator.call(cp, "RemoteStopTransaction", transaction_id=theirs)
        else:
            found = await operator.until(lambda: [each for each in operator.of(cp, "TransactionEvent")
                                                  if each.payload["transactionInfo"].get("remoteStartId") == 7])  # fmt: skip
            transaction_id = found[0].payload["transactionInfo"]["transactionId"]
            stopped = await operator.call(cp, "RequestStopTransaction", transaction_id=transaction_id)
        assert stopped.status == "Accepted"
        await virtual.wait_until_delivered()
        [transaction] = relayed.transactions(cp)
        assert transaction["authorization_status"] == "Accepted", "what they start with is a token that they accept"
        assert transaction["stop_reason"] == "Remote"
        if version != "1.6":
            assert transaction["remote_start_id"] == 7 + FIRST_OF_THEIRS
        down = await relayed.recorded(cp, direction="down", action=action)
        assert down[0]["state"] == "delivered"


@VERSIONS
async def test_a_trigger_is_followed_by_its_message(served_site, relayed, operator, version):
    async with served_site.charger(version) as (cp, _virtual):
        relayed.apply(cp, operator)
        await operator.heard(cp, "StatusNotification")
        await relayed.state(cp, "connected")
        for asked in ("Heartbeat", "StatusNotification"):
            before = len(operator.of(cp, asked))
            where = {"connector_id": 1} if version == "1.6" else {"evse": {"id": 1, "connector_id": 1}}
            payload = {"requested_message": asked} | (where if asked != "Heartbeat" else {})
            assert (await operator.call(cp, "TriggerMessage", **payload)).status == "Accepted"
            await operator.heard(cp, asked, times=before + 1)


async def test_16_settings_are_read_and_written_but_not_the_platforms_own(served_site, relayed, operator):
    async with served_site.charger("1.6") as (cp, _virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        changed = await operator.call(cp, "ChangeConfiguration", key="MeterValueSampleInterval", value="17")
        assert changed.status == "Accepted"
        read = await operator.call(cp, "GetConfiguration", key=["MeterValueSampleInterval"])
        assert read.configuration_key[0]["value"] == "17"
        for key in ("AuthorizationKey", "SecurityProfile", "G_ServerURL"):
            assert (await operator.call(cp, "ChangeConfiguration", key=key, value="0" * 32)).status == "Rejected"
        [refused] = [
            row
            for row in await relayed.recorded(cp, direction="down", state="refused")
            if "AuthorizationKey" in row["payload"]
        ]
        assert "kept by its platform" in refused["error"]
        assert "0" * 32 not in refused["payload"], "no secret is recorded"
        assert (await operator.call(cp, "RemoteStopTransaction", transaction_id=4711)).status == "Rejected"


@TWO_X
async def test_a_mixture_of_variables_is_set_as_far_as_it_may_be(served_site, relayed, operator, version):
    async with served_site.charger(version) as (cp, _virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        asked = [("OCPPCommCtrlr", "HeartbeatInterval", "77"), ("SecurityCtrlr", "BasicAuthPassword", "x" * 20),
                 ("OCPPCommCtrlr", "NetworkConfigurationPriority", "1"), ("TxCtrlr", "EVConnectionTimeOut", "66")]  # fmt: skip
        data = [{"attribute_value": value, "component": {"name": component}, "variable": {"name": variable}}
                for component, variable, value in asked]  # fmt: skip
        answer = await operator.call(cp, "SetVariables", set_variable_data=data)
        assert [(each["variable"]["name"], each["attribute_status"]) for each in answer.set_variable_result] == [
            ("HeartbeatInterval", "Accepted"),
            ("BasicAuthPassword", "Rejected"),
            ("NetworkConfigurationPriority", "Rejected"),
            ("EVConnectionTimeOut", "Accepted"),
        ]


@TWO_X
async def test_the_same_request_id_on_both_sides_is_no_confusion(served_site, relayed, operator, version):
    async with served_site.charger(version) as (cp, _virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        key = await served_site.workplace.key_of(cp)
        ours = CommandService(served_site.engine, served_site.bus)
        asked, answer = await asyncio.gather(
            operator.call(cp, "GetBaseReport", request_id=5, report_base="FullInventory"),
            ours.call(key, "GetBaseReport", {"requestId": 5, "reportBase": "FullInventory"}),
        )
        assert (asked.status, answer.status) == ("Accepted", "Accepted")
        last = await operator.until(
            lambda: [each for each in operator.of(cp, "NotifyReport") if not each.payload.get("tbc", False)]
        )
        assert len(last) == 1, "they hear their report, not ours"
        reports = operator.of(cp, "NotifyReport")
        assert {each.payload["requestId"] for each in reports} == {5}
        assert [each.payload["seqNo"] for each in reports] == list(range(len(reports)))
        with pytest.raises(OCPPError, match="between 0 and 2130706431"):
            await operator.call(cp, "GetBaseReport", request_id=2**31 - 1, report_base="FullInventory")


@VERSIONS
async def test_nobody_disturbs_a_technician(served_site, relayed, operator, version):
    async with served_site.worker(), served_site.charger(version) as (cp, _virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        begun = await served_site.start(cp)
        assert begun.status_code == 202
        action, payload = start(version)
        while (await served_site.status(cp))["status"] == "running":
            kind = "Soft" if version == "1.6" else "OnIdle"
            assert (await operator.call(cp, "Reset", type=kind)).status == "Rejected"
            assert (await operator.call(cp, action, **payload)).status == "Rejected"
        assert (await served_site.ended(cp))["result"] == "passed"


@VERSIONS
async def test_what_the_charge_point_refuses_is_refused_to_them(served_site, relayed, operator, version):
    async with served_site.charger(version) as (cp, _virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        action, payload = ("UpdateFirmware", {"location": "ftp://x", "retrieve_date": "yesterday"})
        if version != "1.6":
            action, payload = "GetReport", {"request_id": 1, "component_variable": []}
        with pytest.raises(OCPPError) as refused:
            await operator.call(cp, action, **payload)
        assert refused.value.code != "InternalError"


async def test_a_charge_point_that_does_not_answer_is_told_of(served_site, relayed, operator, monkeypatch):
    monkeypatch.setattr(relay_commands, "CALL_SECONDS", 0.5)
    late = {"faults": frozenset({Fault.ANSWERS_LATE}), "late_answer_seconds": 3.0}
    async with served_site.charger("1.6", **late) as (cp, _virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        with pytest.raises(OCPPError, match="did not answer in time"):
            await operator.call(cp, "GetConfiguration")
        [row] = await relayed.recorded(cp, direction="down", action="GetConfiguration")
        assert row["state"] == "refused"
