"""connectivity, heartbeat and firmware_version, as contract §3's table and ocpp.md "Commissioning steps on the wire" have them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from features.commissioning.situations import (
    NOW,
    Play,
    a_charge_point,
    assert_calls,
    assert_failed,
    assert_passed,
    assert_skipped,
    assert_waits,
)
from sliproad.features.commissioning.templates import STANDARD_AC, FirmwareExpectation

VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])


@VERSIONS
def test_connectivity_passes_with_a_boot_on_this_connection(version):
    play = Play("connectivity", a_charge_point(version))
    assert_passed(play.look(), f"WebSocket connected successfully over OCPP {version}, BootNotification accepted")


def test_connectivity_counts_the_last_boot_of_a_charge_point_that_reconnected_without_one():
    play = Play("connectivity", a_charge_point(boot_epoch=4))
    detail = "WebSocket connected successfully over OCPP 1.6, back after a lost connection, its last BootNotification accepted"
    assert_passed(play.look(), detail)


def test_connectivity_fails_on_another_subprotocol_than_registered():
    play = Play("connectivity", a_charge_point("1.6", protocol_version="2.0.1"))
    assert_failed(
        play.look(),
        "The charge point speaks OCPP 2.0.1, but it is registered with OCPP 1.6. Set it to OCPP 1.6, or register it with "
        "OCPP 2.0.1.",
    )


def test_connectivity_waits_for_a_boot_and_names_what_to_do_without_one():
    play = Play("connectivity", a_charge_point(boot_status=None, boot_epoch=None))
    assert_waits(play.look(), "a BootNotification")
    assert_failed(
        play.after(91).look(),
        "The charge point is connected, but has sent no BootNotification. Restart it; if that does not help, check that "
        "its OCPP mode is on.",
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [("Pending", "answered Pending, so that it may not charge yet"), ("Rejected", "answered Rejected")],
)
def test_connectivity_names_the_boot_policy_when_that_is_in_the_way(status, words):
    play = Play("connectivity", a_charge_point(boot_status=status))
    assert_waits(play.look(), "a BootNotification")
    assert_failed(
        play.after(91).look(),
        f"The charge point is connected, but its BootNotification is {words}: that is its boot policy here. "
        "Ask the operator to set the boot policy to accepted, then restart the charge point.",
    )


@VERSIONS
def test_heartbeat_is_triggered_and_awaited(version):
    play = Play("heartbeat", a_charge_point(version))
    assert_calls(play.look(), "TriggerMessage", {"requestedMessage": "Heartbeat"})
    assert_waits(play.answer({"status": "Accepted"}), "a Heartbeat")
    heard = {"last_heartbeat_at": NOW + timedelta(seconds=1.4), "last_heartbeat_epoch": 7}
    assert_passed(play.after(1.5).look(**heard), "Heartbeat received within 2s")


def test_heartbeat_that_is_already_there_is_not_asked_for():
    play = Play("heartbeat", a_charge_point(last_heartbeat_at=NOW, last_heartbeat_epoch=7))
    assert_passed(play.look(), "Heartbeat received on this connection")


def test_heartbeat_of_an_earlier_connection_does_not_count_and_a_new_connection_is_asked_anew():
    play = Play("heartbeat", a_charge_point(last_heartbeat_at=NOW, last_heartbeat_epoch=6))
    assert_calls(play.look(), "TriggerMessage")
    assert_waits(play.answer({"status": "Accepted"}), "a Heartbeat")
    assert_calls(play.look(epoch=8), "TriggerMessage")


def test_heartbeat_without_trigger_message_is_given_one_interval():
    play = Play("heartbeat", a_charge_point())
    play.look()
    assert_calls(play.error("NotImplemented"), "GetConfiguration", {"key": ["HeartbeatInterval"]})
    known = {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}]}
    assert_waits(play.answer(known), "a Heartbeat, which comes every 300 s")
    assert_waits(play.after(320).look(), "a Heartbeat")
    assert_failed(
        play.after(20).look(),
        "No Heartbeat arrived within 330 s. Check that heartbeats are switched on in the charge point and that its firmware "
        "is current.",
    )


def test_heartbeat_interval_is_read_from_the_device_model_in_2x():
    play = Play("heartbeat", a_charge_point("2.0.1"))
    play.look()
    place = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
    assert_calls(play.answer({"status": "NotImplemented"}), "GetVariables", {"getVariableData": [place]})
    told = {"getVariableResult": [place | {"attributeStatus": "Accepted", "attributeValue": "86400"}]}
    assert_failed(
        play.answer(told),
        "The charge point can't be asked for a Heartbeat and sends one only every 86400 s. Set its heartbeat interval to "
        "300 s or less and start again.",
    )


def test_heartbeat_interval_that_is_not_told_is_the_one_of_the_boot():
    play = Play("heartbeat", a_charge_point())
    play.look()
    play.answer({"status": "Rejected"})
    assert_waits(play.error("NotSupported"), "a Heartbeat, which comes every 30 s")


def test_heartbeat_that_was_promised_and_never_came_fails():
    play = Play("heartbeat", a_charge_point())
    play.look()
    play.answer({"status": "Accepted"})
    assert_failed(
        play.after(121).look(),
        "No Heartbeat arrived within 120 s although the charge point agreed to send one. Check that heartbeats are switched "
        "on in the charge point and that its firmware is current.",
    )


@VERSIONS
def test_firmware_version_of_the_boot_is_recorded(version):
    move = Play("firmware_version", a_charge_point(version)).look()
    assert_passed(move, "Firmware version 3.4.1 recorded")
    assert move.value == "3.4.1"


def test_firmware_version_is_asked_for_by_another_boot_in_16():
    play = Play("firmware_version", a_charge_point(firmware_version=None))
    assert_calls(play.look(), "TriggerMessage", {"requestedMessage": "BootNotification"})
    assert_waits(play.answer({"status": "Accepted"}), "the firmware version")
    assert_waits(play.after(10).look(), "the firmware version")
    assert_passed(play.look(firmware_version="1.2"), "Firmware version 1.2 recorded")


def test_firmware_version_is_read_from_the_device_model_in_2x():
    """F06.FR.17: a BootNotification can't be triggered once one was accepted."""
    play = Play("firmware_version", a_charge_point("2.1", firmware_version=None))
    place = {"component": {"name": "ChargingStation"}, "variable": {"name": "FirmwareVersion"}}
    assert_calls(play.look(), "GetVariables", {"getVariableData": [place]})
    told = {"getVariableResult": [place | {"attributeStatus": "Accepted", "attributeValue": "9.9"}]}
    assert_passed(play.answer(told), "Firmware version 9.9 recorded")


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_firmware_version_that_the_hardware_does_not_tell_is_skipped_with_the_reason(version):
    play = Play("firmware_version", a_charge_point(version, firmware_version=None))
    play.look()
    assert_skipped(
        play.error("NotSupported"),
        "Skipped: the charge point tells no firmware version, neither at its boot nor when asked",
    )


EXPECTED = FirmwareExpectation("3.2.0", "3.9")


@pytest.mark.parametrize(
    ("version", "mismatch", "status", "detail"),
    [
        ("v3.4.1", "fail", "passed", "Firmware version v3.4.1 recorded, as expected: 3.2.0 to 3.9"),
        ("3.10", "warn", "passed", "Firmware version 3.10 recorded; it is newer than template Standard AC 22kW expects (3.2.0 to 3.9)"),
        ("3.1.9", "warn", "passed", "Firmware version 3.1.9 recorded; it is older than template Standard AC 22kW expects (3.2.0 to 3.9)"),
        (
            "3.2.0-rc1",
            "fail",
            "passed",
            "Firmware version 3.2.0-rc1 recorded, as expected: 3.2.0 to 3.9",
        ),
        (
            "3.1.9",
            "fail",
            "failed",
            ("Firmware version 3.1.9 is older than template Standard AC 22kW expects (3.2.0 to 3.9). Update the firmware and "
            "start again."),
        ),
        (
            "4",
            "fail",
            "failed",
            ("Firmware version 4 is newer than template Standard AC 22kW expects (3.2.0 to 3.9). Choose a template that fits "
            "this firmware and start again."),
        ),
    ],
)  # fmt: skip
def test_a_firmware_version_is_held_against_the_range_of_the_template(version, mismatch, status, detail):
    template = replace(STANDARD_AC, firmware=replace(EXPECTED, on_mismatch=mismatch))
    move = Play("firmware_version", a_charge_point(firmware_version=version), template=template).look()
    assert (move.status, move.detail, move.value) == (status, detail, version)
