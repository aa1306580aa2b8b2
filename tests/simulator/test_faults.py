"""Each fault does what its name says, and nothing that it does not say."""

import asyncio

import pytest

from simulator.conftest import Powered
from simulator.csms import Csms, RefusedError
from simulator.spoken import VERSIONS, Spoken
from sliproad.simulator import FAULTS, ChargerSettings, Fault, Ledger

every_version = pytest.mark.parametrize("version", VERSIONS)
HEARTBEAT = ("HeartbeatInterval", ("OCPPCommCtrlr", "HeartbeatInterval"))
SAMPLE = ("MeterValueSampleInterval", ("SampledDataCtrlr", "TxUpdatedInterval"))


def test_the_table_describes_every_fault() -> None:
    assert set(FAULTS) == set(Fault)


def test_an_unknown_fault_is_refused(tmp_path) -> None:
    with pytest.raises(ValueError, match="no such fault: sings"):
        ChargerSettings(url="ws://x", identity="A", version="1.6", ledger_path=tmp_path, faults=frozenset({"sings"}))


@every_version
async def test_rejects_keys(csms: Csms, powered: Powered, version: str) -> None:
    spoken = Spoken(csms, version)
    async with powered(version=version, faults=frozenset({"rejects_keys"})):
        before = await spoken.read(*HEARTBEAT)
        assert await spoken.write(*HEARTBEAT, "17") == "Rejected"
        assert await spoken.read(*HEARTBEAT) == before


@every_version
async def test_rejects_only_the_keys_it_is_told_to(csms: Csms, powered: Powered, version: str) -> None:
    spoken = Spoken(csms, version)
    rejected = frozenset({"HeartbeatInterval"})
    async with powered(version=version, faults=frozenset({"rejects_keys"}), rejected_keys=rejected):
        assert await spoken.write(*HEARTBEAT, "17") == "Rejected"
        assert await spoken.write(*SAMPLE, "17") == "Accepted"


@every_version
async def test_reboots_on_change(csms: Csms, powered: Powered, version: str) -> None:
    spoken = Spoken(csms, version)
    async with powered(version=version, faults=frozenset({"reboots_on_change"})) as charger:
        accepted = charger.events.expect("accepted")
        assert await spoken.write(*SAMPLE, "17") == "Accepted"
        await accepted
        assert await spoken.read(*SAMPLE) == "17"
    assert len(csms.of("BootNotification")) == 2


@every_version
async def test_no_trigger_message(csms: Csms, powered: Powered, version: str) -> None:
    async with powered(version=version, faults=frozenset({"no_trigger_message"})):
        with pytest.raises(RefusedError, match="NotImplemented"):
            await Spoken(csms, version).trigger("Heartbeat")


@every_version
async def test_drops_socket_on_get_configuration(csms: Csms, powered: Powered, version: str) -> None:
    """Asked for everything it goes away; asked for one setting it answers."""
    spoken = Spoken(csms, version)
    everything = ("GetConfiguration", {}) if version == "1.6" else (
        "GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"},
    )  # fmt: skip
    async with powered(version=version, faults=frozenset({"drops_socket_on_get_configuration"})) as charger:
        dropped, accepted = charger.events.expect("disconnected"), charger.events.expect("accepted")
        asked = asyncio.ensure_future(csms.call(*everything))
        await dropped
        await accepted
        assert not asked.done()
        asked.cancel()
        assert await spoken.read(*SAMPLE) == "60"


@every_version
async def test_boots_in_1970(csms: Csms, powered: Powered, version: str) -> None:
    spoken = Spoken(csms, version)
    async with powered(version=version, faults=frozenset({"boots_in_1970"})):
        await spoken.remote_start()
        await spoken.started()
        await csms.wait_for("StatusNotification")
    started = csms.of("StartTransaction" if version == "1.6" else "TransactionEvent")[0]
    assert started["timestamp"].startswith("1970-01-01T00:0")
    assert csms.of("StatusNotification")[0]["timestamp"].startswith("1970-01-01T00:0")


@every_version
async def test_never_sends_heartbeats(csms: Csms, powered: Powered, version: str) -> None:
    csms.boot_interval = 1
    spoken = Spoken(csms, version)
    async with powered(version=version, faults=frozenset({"never_sends_heartbeats"})) as charger:
        assert await spoken.trigger("Heartbeat") == "Accepted"
        await charger.start_charging(1, "RFID0001")
        await spoken.samples(25)  # 1.25 s of them
    assert not csms.of("Heartbeat")


@every_version
async def test_meter_runs_backwards(csms: Csms, powered: Powered, version: str) -> None:
    spoken = Spoken(csms, version)
    async with powered(version=version, faults=frozenset({"meter_runs_backwards"})) as charger:
        await spoken.remote_start()
        readings = await spoken.samples(3)
        await spoken.remote_stop(await spoken.started())
        await spoken.stopped()
        await charger.wait_until_delivered()
    assert readings[0] > readings[1] > readings[2]
    assert Ledger.read(charger.settings.ledger_path).total_wh < 0


@every_version
async def test_refuses_remote_start(csms: Csms, powered: Powered, version: str) -> None:
    spoken = Spoken(csms, version)
    async with powered(version=version, faults=frozenset({"refuses_remote_start"})) as charger:
        assert await spoken.remote_start() == "Rejected"
        await charger.start_charging(1, "RFID0001")
        await spoken.started()


@every_version
async def test_disconnects_mid_transaction(csms: Csms, powered: Powered, version: str) -> None:
    """Once for each transaction; the transaction goes on and nothing of it is lost."""
    spoken = Spoken(csms, version)
    async with powered(version=version, faults=frozenset({"disconnects_mid_transaction"})) as charger:
        disconnected, accepted = charger.events.expect("disconnected"), charger.events.expect("accepted")
        await charger.start_charging(1, "RFID0001")
        await disconnected
        await accepted
        await spoken.samples(4)
        await charger.stop_charging(1)
        await charger.wait_until_delivered()
    assert len(csms.handshakes) == 2
    book = Ledger.read(charger.settings.ledger_path)
    assert len(book.transactions) == 1
    assert all(message.acknowledged for message in book.messages.values())


@every_version
async def test_answers_late(csms: Csms, powered: Powered, version: str) -> None:
    """Its own calls are not held up by that."""
    spoken = Spoken(csms, version)
    async with powered(version=version, faults=frozenset({"answers_late"}), late_answer_seconds=0.4) as charger:
        began = asyncio.get_running_loop().time()
        reading = asyncio.ensure_future(spoken.read(*SAMPLE))
        await charger.start_charging(1, "RFID0001")
        await spoken.samples(1)
        assert not reading.done()
        await reading
        assert asyncio.get_running_loop().time() - began >= 0.4


async def test_appends_serial_to_url(csms: Csms, powered: Powered) -> None:
    """Given the endpoint with the identity already in it, as installers do, it appends what it calls itself."""
    faults = frozenset({"appends_serial_to_url"})
    async with powered(version="1.6", url=f"{csms.url}/1.6/CP-1", serial_number="SN 7", faults=faults):
        assert (csms.handshakes[0].path, csms.handshakes[0].user) == ("/ocpp/1.6/CP-1/SN%207", "SN 7")


async def test_a_charger_may_also_append_nothing(csms: Csms, powered: Powered) -> None:
    async with powered(version="1.6", url=f"{csms.url}/1.6/CP-1", append_identity=False, basic_user="other"):
        assert (csms.handshakes[0].path, csms.handshakes[0].user) == ("/ocpp/1.6/CP-1", "other")


@every_version
async def test_reconnects_without_boot(csms: Csms, powered: Powered, version: str) -> None:
    """It boots after being switched on and after a reset, and reports then only what has changed meanwhile."""
    spoken = Spoken(csms, version)
    async with powered(version=version, vehicle="manual", faults=frozenset({"reconnects_without_boot"})) as charger:
        await csms.wait_for("StatusNotification", 2 if version == "1.6" else 1)
        charger.go_offline()
        await charger.plug_in(1)
        charger.go_online()
        await charger.wait_until_connected()
        status = await csms.wait_for("StatusNotification", 3 if version == "1.6" else 2)
        assert (status.get("status") or status["connectorStatus"]) in {"Preparing", "Occupied"}
        assert len(csms.of("BootNotification")) == 1
        await spoken.reset()
        await csms.wait_for("BootNotification", 2)


@every_version
async def test_without_that_fault_it_boots_on_every_connection(csms: Csms, powered: Powered, version: str) -> None:
    async with powered(version=version) as charger:
        charger.go_offline()
        charger.go_online()
        await charger.events.expect("accepted")
    assert len(csms.of("BootNotification")) == 2
