"""Nothing that a transaction says is lost: not to a dead line, a dead server or a dead charger (1.6 §4.1, 2.x E04, E13)."""

import asyncio
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from simulator.conftest import Powered
from simulator.csms import Answer, Csms
from simulator.spoken import VERSIONS, Spoken, register
from sliproad.simulator import Ledger, LedgerBook

every_version = pytest.mark.parametrize("version", VERSIONS)


def assert_agreement(csms: Csms, book: LedgerBook, version: str) -> None:
    """The CSMS, counting each message once, has the ledger's transactions and energy, and every acknowledged message."""
    assert not book.pending
    assert all(message.acknowledged for message in book.messages.values())
    once = {received.message_id: received for received in csms.received}
    assert all(once[message.message_id].action == message.action for message in book.acknowledged)
    if version == "1.6":
        started = {
            (one.payload["timestamp"], one.payload["connectorId"]): one.payload["meterStart"]
            for one in once.values()
            if one.action == "StartTransaction"
        }
        stopped = [one.payload["meterStop"] for one in once.values() if one.action == "StopTransaction"]
        energy_wh = sum(stopped) - sum(started.values())
    else:
        events = [one.payload for one in once.values() if one.action == "TransactionEvent"]
        started = {
            one["transactionInfo"]["transactionId"]: register(one) for one in events if one["eventType"] == "Started"
        }
        stopped = [register(one) for one in events if one["eventType"] == "Ended"]
        energy_wh = sum(stopped) - sum(started.values())
    assert len(started) == len(stopped) == len(book.transactions)
    assert energy_wh == book.total_wh > 0


@every_version
async def test_what_happens_offline_is_told_in_order_afterwards(csms: Csms, powered: Powered, version: str) -> None:
    spoken = Spoken(csms, version)
    async with powered(version=version) as charger:
        charger.go_offline()
        for _ in range(2):
            sampled = charger.events.expect("sampled")
            await charger.start_charging(1, "RFID0001")
            await sampled
            await charger.stop_charging(1)
            await charger.unplug(1)
        assert not [one for one in csms.received if one.action in spoken.transaction_actions]
        queued = [message.message_id for message in charger.ledger.book.pending]
        charger.go_online()
        await charger.wait_until_connected()
        await charger.wait_until_delivered()
    sent = [one for one in csms.received if one.action in spoken.transaction_actions]
    assert [one.message_id for one in sent] == queued
    if version != "1.6":
        assert all(one.payload["offline"] for one in sent)
    assert_agreement(csms, Ledger.read(charger.settings.ledger_path), version)


async def test_while_offline_unknown_tokens_may_charge_only_if_the_settings_say_so(
    csms: Csms, powered: Powered
) -> None:
    """OCPP 1.6 LocalAuthorizeOffline."""
    async with powered(version="1.6") as charger:
        await Spoken(csms, "1.6").write("LocalAuthorizeOffline", ("", ""), "false")
        charger.go_offline()
        with pytest.raises(Exception, match="may not charge"):
            await charger.start_charging(1, "RFID0001")


@every_version
async def test_a_killed_server_gets_everything_when_it_is_back(csms: Csms, powered: Powered, version: str) -> None:
    spoken = Spoken(csms, version)
    async with powered(version=version) as charger:
        await charger.start_charging(1, "RFID0001")
        await spoken.samples(2)
        failed = charger.events.expect("connection_failed")
        await csms.die()
        await failed
        await charger.events.expect("sampled")
        await charger.stop_charging(1)
        await csms.open()
        await charger.wait_until_delivered()
    assert_agreement(csms, Ledger.read(charger.settings.ledger_path), version)


@every_version
async def test_an_unanswered_message_is_sent_again_the_same_on_the_next_connection(
    csms: Csms, powered: Powered, version: str
) -> None:
    action = "StartTransaction" if version == "1.6" else "TransactionEvent"

    def silent_once(_: dict[str, Any]) -> Answer | None:
        del csms.answers[action]
        return None

    csms.answers[action] = silent_once
    async with powered(version=version, answer_timeout_seconds=0.2) as charger:
        await charger.start_charging(1, "RFID0001")
        await csms.wait_for(action, 2)
        await charger.stop_charging(1)
        await charger.wait_until_delivered()
    first, second = [one for one in csms.received if one.action == action][:2]
    assert (first.payload, first.message_id) == (second.payload, second.message_id)
    assert first.connection != second.connection
    book = Ledger.read(charger.settings.ledger_path)
    assert book.messages[first.message_id].attempts == 2
    assert_agreement(csms, book, version)


async def test_a_refused_message_is_tried_again_and_given_up_after_the_configured_attempts(
    csms: Csms, powered: Powered
) -> None:
    """OCPP 1.6 TransactionMessageAttempts, TransactionMessageRetryInterval: a CALLERROR ends in data loss."""
    spoken = Spoken(csms, "1.6")
    csms.answers["MeterValues"] = lambda _: ("InternalError", "")
    async with powered(version="1.6", sample_interval_override=0.3) as charger:
        await spoken.write("TransactionMessageAttempts", ("", ""), "2")
        await spoken.write("TransactionMessageRetryInterval", ("", ""), "0")
        await charger.start_charging(1, "RFID0001")
        await charger.events.expect("message_refused", given_up=True)
        await charger.stop_charging(1)
        await spoken.stopped()
        await charger.wait_until_delivered()
    refused = [message for message in Ledger.read(charger.settings.ledger_path).messages.values() if message.given_up]
    assert {(message.action, message.refusals, message.attempts) for message in refused} == {("MeterValues", 2, 2)}


@every_version
async def test_a_killed_charger_goes_on_where_it_was(
    csms: Csms, powered: Powered, version: str, tmp_path: Path
) -> None:
    """kill -9 in the middle of a transaction: it is neither forgotten nor started twice, and no message is lost."""
    spoken, ledger = Spoken(csms, version), tmp_path / "ledger.jsonl"
    script = Path(__file__).with_name("charger_process.py")
    process = await asyncio.create_subprocess_exec(sys.executable, str(script), csms.url, str(ledger), version)
    async with asyncio.timeout(30):
        await spoken.samples(3)
        process.send_signal(signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
    before = Ledger.read(ledger)
    (running,) = before.transactions.values()
    assert running.is_open, "the charger was killed while charging"
    async with powered(version=version, ledger_path=ledger, vehicle="manual") as charger:
        assert charger.state.connectors[0].status == "Charging"
        await charger.events.expect("sampled")
        await charger.stop_charging(1)
        await charger.wait_until_delivered()
    after = Ledger.read(ledger)
    (ended,) = after.transactions.values()
    assert ended.key == running.key
    assert ended.meter_start_wh == running.meter_start_wh
    assert after.registers[1] >= before.registers[1]
    assert set(before.messages) <= set(after.messages)
    assert_agreement(csms, after, version)
    ids = Counter(message.message_id for message in after.messages.values())
    assert max(ids.values()) == 1


async def test_a_storm_over_a_server_that_keeps_dying_loses_nothing(csms: Csms, powered: Powered) -> None:
    async with powered(version="1.6", connectors=3, answer_timeout_seconds=1.0) as charger:
        for round_number in range(4):
            for connector in (1, 2, 3):
                await charger.start_charging(connector, f"RFID{round_number}")
            await charger.events.expect("sampled")
            await csms.die()
            for connector in (1, 2, 3):
                await charger.stop_charging(connector)
                await charger.unplug(connector)
            await csms.open()
            await charger.wait_until_connected()
        await charger.wait_until_delivered()
    book = Ledger.read(charger.settings.ledger_path)
    assert len(book.transactions) == 12
    assert_agreement(csms, book, "1.6")
