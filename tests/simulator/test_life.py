"""The whole life of a virtual charge point, in each version, with every frame checked against the official schemas."""

import asyncio

import pytest

from simulator.conftest import FileServer, Powered
from simulator.csms import Csms, RefusedError
from simulator.spoken import VERSIONS, Spoken
from sliproad.simulator import Ledger

SAMPLE_INTERVAL = ("MeterValueSampleInterval", ("SampledDataCtrlr", "TxUpdatedInterval"))
PING_INTERVAL = ("WebSocketPingInterval", ("OCPPCommCtrlr", "WebSocketPingInterval"))
HEARTBEAT_INTERVAL = ("HeartbeatInterval", ("OCPPCommCtrlr", "HeartbeatInterval"))

every_version = pytest.mark.parametrize("version", VERSIONS)


@every_version
async def test_connects_with_its_identity_its_password_and_the_right_subprotocol(
    csms: Csms, powered: Powered, version: str
) -> None:
    """OCPP-J 1.6 §3.1, OCPP 2.x Part 4 §3.1, security profile 1."""
    async with powered(version=version):
        handshake = csms.handshakes[0]
    assert handshake.path == "/ocpp/CP-1"
    assert (handshake.user, handshake.password) == ("CP-1", "correct-horse-battery")
    assert handshake.subprotocol == f"ocpp{version}"


@every_version
async def test_boots_then_reports_the_status_of_every_connector(csms: Csms, powered: Powered, version: str) -> None:
    """OCPP 1.6 §4.2, 2.x B01."""
    async with powered(version=version, connectors=2):
        await csms.wait_for("StatusNotification", 3 if version == "1.6" else 2)
    assert csms.received[0].action == "BootNotification"
    number = "connectorId" if version == "1.6" else "evseId"
    assert [status[number] for status in csms.of("StatusNotification")] == ([0, 1, 2] if version == "1.6" else [1, 2])


async def test_the_boot_of_1_6_shows_a_certified_meter_only_where_there_is_one(csms: Csms, powered: Powered) -> None:
    async with powered(version="1.6"):
        assert csms.of("BootNotification")[0]["meterType"] == "MID certified"
    async with powered(version="1.6", meter_type=None):
        assert "meterType" not in csms.of("BootNotification")[1]


@every_version
async def test_boots_again_after_the_interval_while_pending(csms: Csms, powered: Powered, version: str) -> None:
    """OCPP 1.6 §4.2, 2.x B02."""
    csms.boot_status, csms.boot_interval = ["Pending", "Rejected", "Accepted"], 1
    async with powered(version=version):
        assert len(csms.of("BootNotification")) == 3
        assert {received.action for received in csms.received} == {"BootNotification"}


@every_version
async def test_while_pending_a_triggered_boot_is_sent_and_a_remote_start_refused(
    csms: Csms, powered: Powered, version: str
) -> None:
    """OCPP 1.6 §4.2 and §5.17; 2.x B02.FR.05, F06."""
    csms.boot_status, csms.boot_interval = ["Pending", "Accepted"], 3600
    spoken = Spoken(csms, version)
    async with powered(version=version, wait=False) as charger:
        await csms.wait_for("BootNotification")
        assert await spoken.remote_start() == "Rejected"
        assert await spoken.trigger("BootNotification") == "Accepted"
        await charger.wait_until_connected()
    assert len(csms.of("BootNotification")) == 2


@every_version
async def test_sends_heartbeats_at_the_interval_of_the_boot(csms: Csms, powered: Powered, version: str) -> None:
    """OCPP 1.6 §4.6, 2.x G02."""
    csms.boot_interval = 1
    async with powered(version=version):
        await csms.wait_for("Heartbeat", 2)


@every_version
async def test_a_written_heartbeat_interval_acts_at_once(csms: Csms, powered: Powered, version: str) -> None:
    spoken = Spoken(csms, version)
    async with powered(version=version):
        assert await spoken.write(*HEARTBEAT_INTERVAL, "1") == "Accepted"
        await csms.wait_for("Heartbeat")


@every_version
@pytest.mark.parametrize("message", ["Heartbeat", "StatusNotification", "MeterValues"])
async def test_answers_a_trigger_before_it_sends_the_message(
    csms: Csms, powered: Powered, version: str, message: str
) -> None:
    """OCPP 1.6 §5.17, 2.x F06."""
    spoken = Spoken(csms, version)
    async with powered(version=version):
        await csms.wait_for("StatusNotification", 2 if version == "1.6" else 1)
        csms.log.clear()
        before = len(csms.of(message))
        assert await spoken.trigger(message, 1) == "Accepted"
        await csms.wait_for(message, before + 1)
    assert csms.log == ["< answer", f"> {message}"]


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_2_x_refuses_to_boot_again_once_accepted(csms: Csms, powered: Powered, version: str) -> None:
    """F06.FR.17, F06.FR.12."""
    spoken = Spoken(csms, version)
    async with powered(version=version):
        assert await spoken.trigger("BootNotification") == "Rejected"
        assert await spoken.trigger("StatusNotification") == "Rejected"


async def test_1_6_boots_again_when_triggered(csms: Csms, powered: Powered) -> None:
    async with powered(version="1.6"):
        assert await Spoken(csms, "1.6").trigger("BootNotification") == "Accepted"
        await csms.wait_for("BootNotification", 2)


@every_version
async def test_a_remote_transaction_delivers_the_energy_that_the_ledger_knows(
    csms: Csms, powered: Powered, version: str
) -> None:
    """OCPP 1.6 §5.11–5.12, 2.x F01–F03."""
    spoken = Spoken(csms, version)
    async with powered(version=version) as charger:
        assert await spoken.remote_start() == "Accepted"
        transaction_id = await spoken.started()
        readings = await spoken.samples(3)
        assert await spoken.remote_stop(transaction_id) == "Accepted"
        register_wh = await spoken.stopped()
        await charger.wait_until_delivered()
    book = Ledger.read(charger.settings.ledger_path)
    (transaction,) = book.transactions.values()
    assert readings == sorted(readings)
    assert transaction.meter_start_wh < readings[0]
    assert transaction.transaction_id == str(transaction_id)
    assert transaction.meter_stop_wh == register_wh
    assert transaction.energy_wh == book.total_wh == register_wh - transaction.meter_start_wh > 0
    sent = [received for received in csms.received if received.action in spoken.transaction_actions]
    assert [message.message_id for message in book.acknowledged] == [received.message_id for received in sent]
    assert not book.pending


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_2_x_numbers_its_events_and_repeats_the_remote_start_id(
    csms: Csms, powered: Powered, version: str
) -> None:
    """E01.FR.07, F01.FR.25."""
    spoken = Spoken(csms, version)
    async with powered(version=version):
        await spoken.remote_start()
        await spoken.samples(1)
        await spoken.remote_stop(await spoken.started())
        await spoken.stopped()
    events = csms.of("TransactionEvent")
    assert [event["seqNo"] for event in events] == list(range(len(events)))
    assert events[0]["transactionInfo"]["remoteStartId"] == spoken.remote_start_id
    assert events[0]["triggerReason"] == "RemoteStart"
    assert events[-1]["transactionInfo"]["stoppedReason"] == "Remote"


@every_version
async def test_a_remote_stop_of_a_transaction_it_does_not_know_is_rejected(
    csms: Csms, powered: Powered, version: str
) -> None:
    async with powered(version=version):
        assert await Spoken(csms, version).remote_stop(99 if version == "1.6" else "99") == "Rejected"


@every_version
async def test_without_a_car_a_remote_start_ends_at_the_connection_time_out(
    csms: Csms, powered: Powered, version: str
) -> None:
    """OCPP 1.6 ConnectionTimeOut, 2.x TxCtrlr.EVConnectionTimeOut."""
    spoken = Spoken(csms, version)
    async with powered(version=version, vehicle="manual") as charger:
        await spoken.write("ConnectionTimeOut", ("TxCtrlr", "EVConnectionTimeOut"), "1")
        timed_out = charger.events.expect("remote_start_timed_out")
        assert await spoken.remote_start() == "Accepted"
        assert await spoken.remote_start() == "Rejected"
        await timed_out
        assert charger.state.connectors[0].status == "Available"
    assert not Ledger.read(charger.settings.ledger_path).transactions


@every_version
async def test_a_local_session_asks_for_authorization_and_ends_by_the_driver(
    csms: Csms, powered: Powered, version: str
) -> None:
    spoken = Spoken(csms, version)
    async with powered(version=version) as charger:
        await charger.plug_in(1, "RFID0001")
        await spoken.samples(1)
        await charger.stop_charging(1)
        await spoken.stopped()
        await charger.wait_until_delivered()
    assert len(csms.of("Authorize")) == 1
    (transaction,) = Ledger.read(charger.settings.ledger_path).transactions.values()
    assert transaction.stop_reason == "Local"


@every_version
async def test_an_invalid_token_in_the_answer_ends_the_transaction(csms: Csms, powered: Powered, version: str) -> None:
    """OCPP 1.6 StopTransactionOnInvalidId, 2.x TxCtrlr.StopTxOnInvalidId."""
    csms.id_token_status = "Invalid"
    spoken = Spoken(csms, version)
    async with powered(version=version) as charger:
        await spoken.remote_start()
        await spoken.stopped()
        await charger.wait_until_delivered()
    (transaction,) = Ledger.read(charger.settings.ledger_path).transactions.values()
    assert transaction.stop_reason == "DeAuthorized"


@every_version
async def test_a_free_vending_charger_asks_nobody(csms: Csms, powered: Powered, version: str) -> None:
    csms.id_token_status = "Invalid"
    spoken = Spoken(csms, version)
    async with powered(version=version, free_vend=True) as charger:
        await charger.start_charging(1, "RFID0001")
        await spoken.samples(2)
        await charger.stop_charging(1)
        await charger.wait_until_delivered()
    assert not csms.of("Authorize")
    (transaction,) = Ledger.read(charger.settings.ledger_path).transactions.values()
    assert transaction.stop_reason == "Local"


@every_version
async def test_a_setting_that_needs_a_reboot_acts_after_the_reset_and_survives_the_power_cut(
    csms: Csms, powered: Powered, version: str
) -> None:
    """OCPP 1.6 §5.3 RebootRequired, 2.x B05.FR.10."""
    spoken = Spoken(csms, version)
    async with powered(version=version) as charger:
        assert await spoken.write(*PING_INTERVAL, "77") == "RebootRequired"
        assert await spoken.read(*PING_INTERVAL) == "60"
        accepted = charger.events.expect("accepted")
        assert await spoken.reset() == "Accepted"
        await accepted
        assert await spoken.read(*PING_INTERVAL) == "77"
    async with powered(version=version):
        assert await spoken.read(*PING_INTERVAL) == "77"


@every_version
async def test_a_reset_ends_the_transaction_and_boots_again(csms: Csms, powered: Powered, version: str) -> None:
    """OCPP 1.6 §5.14, 2.x B12."""
    spoken = Spoken(csms, version)
    async with powered(version=version) as charger:
        await spoken.remote_start()
        await spoken.samples(1)
        assert await spoken.reset() == "Accepted"
        await spoken.stopped()
        boot = await csms.wait_for("BootNotification", 2)
        await charger.wait_until_delivered()
    assert version == "1.6" or boot["reason"] == "RemoteReset"
    (transaction,) = Ledger.read(charger.settings.ledger_path).transactions.values()
    assert transaction.stop_reason == "HardReset"


@every_version
async def test_a_written_password_is_used_from_the_next_connection_on(
    csms: Csms, powered: Powered, version: str
) -> None:
    """OCPP 1.6 AuthorizationKey, 2.x A01."""
    spoken = Spoken(csms, version)
    async with powered(version=version) as charger:
        accepted = charger.events.expect("accepted")
        written = await spoken.write("AuthorizationKey", ("SecurityCtrlr", "BasicAuthPassword"), "0123456789abcdef0123")
        assert written == "Accepted"
        await accepted
    async with powered(version=version):
        pass
    assert [handshake.password for handshake in csms.handshakes] == [
        "correct-horse-battery",
        "0123456789abcdef0123",
        "0123456789abcdef0123",
    ]


@every_version
async def test_an_unavailable_connector_refuses_and_a_busy_one_becomes_so_later(
    csms: Csms, powered: Powered, version: str
) -> None:
    """OCPP 1.6 §5.2, 2.x G03."""
    spoken = Spoken(csms, version)
    change = {"connectorId": 1, "type": "Inoperative"}
    if version != "1.6":
        change = {"evse": {"id": 1}, "operationalStatus": "Inoperative"}
    async with powered(version=version) as charger:
        await spoken.remote_start()
        transaction_id = await spoken.started()
        await spoken.samples(1)
        assert (await csms.call("ChangeAvailability", change))["status"] == "Scheduled"
        await spoken.remote_stop(transaction_id)
        await spoken.stopped()
        assert charger.state.connectors[0].status == "Unavailable"
        assert await spoken.remote_start() == "Rejected"


@every_version
async def test_a_firmware_update_goes_through_its_stages_and_boots_the_new_version(
    csms: Csms, powered: Powered, file_server: FileServer, version: str
) -> None:
    """OCPP 1.6 §6.6, 2.x L02."""
    file_server.files["/fw-4.0.1.bin"] = b"firmware"
    firmware = {"location": f"{file_server.url}/fw-4.0.1.bin", "retrieveDate": "2026-01-01T00:00:00Z"}
    if version != "1.6":
        wanted = {"location": firmware["location"], "retrieveDateTime": firmware["retrieveDate"]}
        firmware = {"requestId": 9, "firmware": wanted}  # type: ignore[dict-item]
    async with powered(version=version):
        await csms.call("UpdateFirmware", firmware)
        boot = await csms.wait_for("BootNotification", 2)
        await csms.wait_for("FirmwareStatusNotification", status="Installed")
    stages = [found["status"] for found in csms.of("FirmwareStatusNotification")]
    assert stages == ["Downloading", "Downloaded", "Installing", "Installed"]
    assert (boot if version == "1.6" else boot["chargingStation"])["firmwareVersion"] == "4.0.1"


@every_version
async def test_unknown_and_unsupported_actions_get_the_codes_of_the_specification(
    csms: Csms, powered: Powered, version: str
) -> None:
    """OCPP-J 1.6 §4.2.3, OCPP 2.x Part 4 §4.3: the `ocpp` package has the two swapped, and is silent in 2.1."""
    async with powered(version=version):
        with pytest.raises(RefusedError, match="NotImplemented"):
            await csms.call("MakeCoffee")
        with pytest.raises(RefusedError, match="NotSupported"):
            await csms.call("ReserveNow")
        malformed = "FormationViolation" if version == "1.6" else "FormatViolation"
        with pytest.raises(RefusedError, match=malformed):
            await csms.call("ClearCache", {"unexpected": 1})


@every_version
async def test_charging_profiles_and_local_lists_are_remembered(csms: Csms, powered: Powered, version: str) -> None:
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}]}
    profile = {"stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Relative"}
    if version == "1.6":
        installed = profile | {"chargingProfileId": 7, "chargingSchedule": schedule}
        setting = {"connectorId": 1, "csChargingProfiles": installed}
        entry, clearing = {"idTag": "A", "idTagInfo": {"status": "Accepted"}}, {"id": 7}
        local = {"listVersion": 3, "updateType": "Full", "localAuthorizationList": [entry]}
    else:
        installed = profile | {"id": 7, "chargingSchedule": [schedule | {"id": 1}]}
        setting = {"evseId": 1, "chargingProfile": installed}
        entry = {"idToken": {"idToken": "A", "type": "Central"}, "idTokenInfo": {"status": "Accepted"}}
        local, clearing = {"versionNumber": 3, "updateType": "Full", "localAuthorizationList": [entry]}, {}
        clearing = {"chargingProfileId": 7}
    async with powered(version=version):
        assert (await csms.call("SetChargingProfile", setting))["status"] == "Accepted"
        assert (await csms.call("ClearChargingProfile", clearing))["status"] == "Accepted"
        assert (await csms.call("ClearChargingProfile", clearing))["status"] == "Unknown"
        assert (await csms.call("SendLocalList", local))["status"] == "Accepted"
        version_field = "listVersion" if version == "1.6" else "versionNumber"
        assert (await csms.call("GetLocalListVersion"))[version_field] == 3
        assert (await csms.call("SendLocalList", local | {"updateType": "Differential"}))["status"] == "VersionMismatch"


async def test_configuration_of_1_6_is_listed_with_its_rights(csms: Csms, powered: Powered) -> None:
    """OCPP 1.6 §5.8: an unknown key is named, AuthorizationKey shows no value, GetConfigurationMaxKeys is kept."""
    async with powered(version="1.6", connectors=3):
        keys = {key["key"]: key for key in (await csms.call("GetConfiguration"))["configurationKey"]}
        assert keys["NumberOfConnectors"] == {"key": "NumberOfConnectors", "readonly": True, "value": "3"}
        assert "AuthorizationKey" not in keys
        answer = await csms.call("GetConfiguration", {"key": ["ReserveConnectorZeroSupported", "AuthorizationKey"]})
        assert answer["unknownKey"] == ["ReserveConnectorZeroSupported"]
        assert "value" not in answer["configurationKey"][0]
        most = int(keys["GetConfigurationMaxKeys"]["value"])
        with pytest.raises(RefusedError, match="PropertyConstraintViolation"):
            await csms.call("GetConfiguration", {"key": list(keys)[: most + 1]})


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_a_base_report_arrives_in_numbered_parts(csms: Csms, powered: Powered, version: str) -> None:
    """B07."""
    async with powered(version=version, connectors=2):
        answer = await csms.call("GetBaseReport", {"requestId": 5, "reportBase": "FullInventory"})
        assert answer["status"] == "Accepted"
        await csms.wait_for("NotifyReport", tbc=False)
    parts = csms.of("NotifyReport")
    assert len(parts) > 2
    assert [part["seqNo"] for part in parts] == list(range(len(parts)))
    assert [part["tbc"] for part in parts] == [True] * (len(parts) - 1) + [False]
    reported = {(item["component"]["name"], item["variable"]["name"]) for part in parts for item in part["reportData"]}
    assert {("FiscalMetering", "Available"), ("SampledDataCtrlr", "SignReadings"), ("EVSE", "Power")} <= reported


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_more_variables_than_announced_are_refused(csms: Csms, powered: Powered, version: str) -> None:
    """B06.FR.16, DeviceDataCtrlr.ItemsPerMessage."""
    item = {"component": {"name": "ChargingStation"}, "variable": {"name": "Model"}}
    async with powered(version=version):
        with pytest.raises(RefusedError, match="OccurrenceConstraintViolation"):
            await csms.call("GetVariables", {"getVariableData": [item] * 21})


async def test_an_on_idle_reset_waits_for_the_car(csms: Csms, powered: Powered) -> None:
    """2.x B12.FR.03."""
    spoken = Spoken(csms, "2.0.1")
    async with powered(version="2.0.1") as charger:
        await spoken.remote_start()
        transaction_id = await spoken.started()
        assert (await csms.call("Reset", {"type": "OnIdle"}))["status"] == "Scheduled"
        await spoken.samples(1)
        rebooting = charger.events.expect("rebooting")
        await spoken.remote_stop(transaction_id)
        await rebooting
        boot = await csms.wait_for("BootNotification", 2)
    assert boot["reason"] == "ScheduledReset"


async def test_clock_aligned_values_come_at_their_interval(csms: Csms, powered: Powered) -> None:
    """OCPP 1.6 §9.1 ClockAlignedDataInterval."""
    async with powered(version="1.6"):
        await Spoken(csms, "1.6").write("ClockAlignedDataInterval", ("", ""), "1")
        values = await csms.wait_for("MeterValues")
    assert values["meterValue"][0]["sampledValue"][0]["context"] == "Sample.Clock"


async def test_two_chargers_with_the_same_seed_and_identity_say_the_same(
    csms: Csms, powered: Powered, tmp_path
) -> None:
    for number in (1, 2):
        async with powered(version="1.6", ledger_path=tmp_path / f"{number}", seed=7):
            await csms.wait_for("StatusNotification", 2 * number)
    first, second = csms.received[:3], csms.received[3:]
    assert [one.message_id for one in first] == [other.message_id for other in second]


async def test_events_can_be_followed(powered: Powered) -> None:
    names = []
    async with powered(version="1.6", wait=False) as charger:
        async for event in charger:
            names.append(event.name)
            if event.name == "accepted":
                break
    assert [name for name in names if "frame" not in name] == ["connected", "booted", "accepted"]


async def test_leaves_no_task_behind(powered: Powered) -> None:
    before = asyncio.all_tasks()
    async with powered(version="1.6", vehicle="manual") as charger:
        await charger.plug_in(1, "RFID0001")
    assert asyncio.all_tasks() == before
