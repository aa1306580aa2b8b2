"""The optional step `firmware_update`, and which templates bring it (issue 3 part 10)."""

from dataclasses import replace

from features.commissioning.situations import (
    NOW,
    Play,
    a_charge_point,
    assert_calls,
    assert_failed,
    assert_passed,
    assert_waits,
)
from sliproad.features.commissioning import workflow
from sliproad.features.commissioning.model import Answer, FirmwareUpdateFact, Options
from sliproad.features.commissioning.steps.firmware_update import ORDER
from sliproad.features.commissioning.templates import STANDARD_AC, FirmwareExpectation

UPDATING = replace(STANDARD_AC, firmware=FirmwareExpectation("4.0.0", update_to="fw_1"))


def a_play(version: str | None = "3.4.1") -> Play:
    return Play("firmware_update", a_charge_point(firmware_version=version), template=UPDATING)


def an_update(state: str, detail: str = "") -> FirmwareUpdateFact:
    return FirmwareUpdateFact("fwu_1", "4.0.1", state, detail)


def test_older_firmware_is_updated():
    play = a_play()
    assert_calls(play.look(), ORDER, {"firmwareId": "fw_1"})
    assert_waits(play.answer({"updateId": "fwu_1"}), "the firmware update to begin")
    assert_waits(play.look(firmware_update=an_update("installing")), "firmware 4.0.1 to be installed: installing")
    assert_passed(play.look(firmware_update=an_update("installed")), "Firmware updated from 3.4.1 to 4.0.1")


def test_firmware_in_the_range_stays():
    assert_passed(a_play("4.1").look(), "Firmware 4.1 runs; nothing to update")


def test_a_charge_point_that_tells_no_version_is_not_updated_blindly():
    assert_passed(a_play(None).look(), "The charge point tells no firmware version; nothing to update")


def test_an_update_that_fails_says_why():
    play = a_play()
    play.look()
    play.answer({"updateId": "fwu_1"})
    assert_failed(
        play.look(firmware_update=an_update("failed", "The charge point could not download the firmware.")),
        "The firmware update to 4.0.1 failed. The charge point could not download the firmware.",
    )


def test_an_order_that_is_refused_says_why():
    play = a_play()
    play.look()
    refused = Answer("error", code="firmware_not_for_this_model", description="This firmware is for ABB.")
    assert_failed(play._move(refused, {}), "The firmware can't be updated: This firmware is for ABB.")


def test_an_order_placed_twice_after_a_crash_follows_the_first():
    play = a_play()
    play.look()
    again = Answer("error", code="firmware_update_running", description="One is under way already.")
    assert_waits(play._move(again, {}), "the firmware update to begin")


def test_an_update_without_end_is_given_up():
    play = a_play()
    play.look()
    play.answer({"updateId": "fwu_1"})
    play.after(3601)
    stuck = an_update("downloading", "The charge point is downloading the firmware.")
    assert_failed(
        play.look(firmware_update=stuck),
        "The firmware update did not end in time. The charge point is downloading the firmware.",
    )


def test_the_step_comes_before_the_version_is_recorded_and_the_keys_are_written():
    names = [step.name for step in workflow.begin("comm_1", UPDATING, Options(), "T", NOW).steps]
    assert names == [
        "connectivity",
        "heartbeat",
        "firmware_update",
        "firmware_version",
        "configuration",
        "test_transaction",
    ]
    assert "firmware_update" not in [
        step.name for step in workflow.begin("comm_1", STANDARD_AC, Options(), "T", NOW).steps
    ]
