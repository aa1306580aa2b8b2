"""The configuration step: read, write what differs, read back, compare; one reset; what is refused is listed (contract §3)."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.commissioning.situations import (
    NOW,
    Play,
    a_charge_point,
    assert_calls,
    assert_failed,
    assert_passed,
    assert_waits,
)
from sliproad.features.commissioning.model import Finish, SendCall, WaitUntil
from sliproad.features.commissioning.steps.configuration import DRY_RUN, NEVER_RESET
from sliproad.features.commissioning.steps.configuration_wire import same
from sliproad.features.commissioning.templates import STANDARD_AC, Setting, Variable

SMALL = replace(
    STANDARD_AC,
    settings=(
        Setting("60", "", key="MeterValueSampleInterval", variable=Variable("SampledDataCtrlr", "TxUpdatedInterval")),
        Setting("true", "", key="StopTransactionOnInvalidId", variable=Variable("TxCtrlr", "StopTxOnInvalidId")),
        Setting(
            "true",
            "",
            key="ReserveConnectorZeroSupported",
            variable=Variable("ReservationCtrlr", "NonEvseSpecific"),
            required=False,
        ),
        Setting(
            "300",
            "",
            key="HeartbeatInterval",
            variable=Variable("OCPPCommCtrlr", "HeartbeatInterval"),
            set_by_boot=True,
        ),
    ),
)


class Hardware:
    """Answers the step's CALLs as a charge point with these keys would."""

    def __init__(
        self, values: dict[str, str], *, read_only=(), rejects=(), reboots=(), most: int | None = None
    ) -> None:
        self.values = dict(values)
        self.read_only, self.rejects, self.reboots, self.most = set(read_only), set(rejects), set(reboots), most
        self.after_reboot: dict[str, str] = {}
        self.calls: list[str] = []

    def answer(self, play: Play, call: SendCall) -> Any:
        self.calls.append(call.action)
        named = re.sub("(?<!^)([A-Z])", r"_\1", call.action).lower()
        return getattr(self, named)(play, dict(call.payload))

    def get_configuration(self, play: Play, payload: dict[str, Any]):
        if self.most is not None and len(payload["key"]) > self.most:
            return play.unsure("cut")
        found = [key for key in payload["key"] if key in self.values]
        return play.answer(
            {
                "configurationKey": [
                    {"key": key, "readonly": key in self.read_only, "value": self.values[key]} for key in found
                ],
                "unknownKey": [key for key in payload["key"] if key not in self.values],
            }
        )

    def change_configuration(self, play: Play, payload: dict[str, str]):
        return play.answer({"status": self._write(payload["key"], payload["value"])})

    def _write(self, name: str, value: str) -> str:
        if name in self.rejects:
            return "Rejected"
        if name in self.reboots:
            self.after_reboot[name] = value
            return "RebootRequired"
        self.values[name] = value
        return "Accepted"

    def get_variables(self, play: Play, payload: dict[str, Any]):
        assert self.most is None or len(payload["getVariableData"]) <= self.most
        results = []
        for item in payload["getVariableData"]:
            known = self.values.get(item["variable"]["name"])
            status = (
                {"attributeStatus": "UnknownVariable"}
                if known is None
                else {"attributeStatus": "Accepted", "attributeValue": known}
            )
            results.append(item | status)
        return play.answer({"getVariableResult": results})

    def set_variables(self, play: Play, payload: dict[str, Any]):
        results = []
        for item in payload["setVariableData"]:
            name, place = item["variable"]["name"], {"component": item["component"], "variable": item["variable"]}
            if name in self.read_only:
                results.append(
                    place | {"attributeStatus": "Rejected", "attributeStatusInfo": {"reasonCode": "ReadOnly"}}
                )
            else:
                results.append(place | {"attributeStatus": self._write(name, item["attributeValue"])})
        return play.answer({"setVariableResult": results})

    def reset(self, play: Play, payload: dict[str, str]):
        self.values |= self.after_reboot
        self.values |= {"HeartbeatInterval": "30"}
        return play.answer({"status": "Accepted"})


def run(play: Play, hardware: Hardware) -> Finish:
    """Until the verdict; a reset brings a new connection with a boot."""
    move = play.look()
    for _ in range(100):
        if isinstance(move, Finish):
            return move
        if isinstance(move, WaitUntil):
            move = play.after(5).look(epoch=play.facts.epoch + 1, boot_epoch=play.facts.epoch + 1)
            continue
        move = hardware.answer(play, move)
    raise AssertionError("it never ends")


FACTORY = {"MeterValueSampleInterval": "0", "StopTransactionOnInvalidId": "false", "HeartbeatInterval": "30"}
ALL_16 = FACTORY | {"ReserveConnectorZeroSupported": "true"}


def a_play(version: str = "1.6", **changes: Any) -> Play:
    return Play("configuration", a_charge_point(version, **changes), template=SMALL)


def test_every_key_is_written_read_back_and_equal():
    play, hardware = a_play(), Hardware(ALL_16)
    assert_passed(run(play, hardware), "All 4 configuration keys applied")
    assert hardware.values["MeterValueSampleInterval"] == "60"
    assert hardware.calls == ["GetConfiguration"] * 2 + ["ChangeConfiguration"] * 3 + ["GetConfiguration"]
    assert "Key 'MeterValueSampleInterval' set to '60'" in play.notes


SECRETS = replace(
    STANDARD_AC,
    settings=(
        Setting("hunter2", "", key="AuthorizationKey", variable=Variable("SecurityCtrlr", "BasicAuthPassword")),
        Setting("hunter2", "", key="WifiPSK", variable=Variable("WifiCtrlr", "PSK")),
    ),
)


@pytest.mark.parametrize(("version", "rejects"), [("1.6", ()), ("1.6", ("WifiPSK",)), ("2.0.1", ())])
def test_no_secret_is_told(version: str, rejects: tuple[str, ...]):
    """The same rule as the frame log's (trust P3): notes, sentences and evidence, written or rejected."""
    names = ("AuthorizationKey", "WifiPSK") if version == "1.6" else ("BasicAuthPassword", "PSK")
    play = Play("configuration", a_charge_point(version), template=SECRETS)
    hardware = Hardware(dict.fromkeys(names, "before"), rejects=rejects)
    finish = run(play, hardware)
    assert hardware.values[names[0]] == "hunter2", "it was written as it is"
    told = repr((play.notes, finish.detail, finish.evidence))
    assert "hunter2" not in told
    assert "before" not in told
    assert "to '***'" in told


def test_only_what_differs_is_written():
    hardware = Hardware(
        ALL_16 | {"MeterValueSampleInterval": " 60", "StopTransactionOnInvalidId": "TRUE", "HeartbeatInterval": "300"}
    )
    assert_passed(run(a_play(), hardware), "All 4 configuration keys applied")
    assert "ChangeConfiguration" not in hardware.calls


def test_an_unsupported_key_is_listed_and_not_fatal():
    play = a_play()
    finish = run(play, Hardware(FACTORY))
    assert_passed(
        finish, "3 of 4 configuration keys applied; not supported by the firmware: ReserveConnectorZeroSupported"
    )
    assert "Key 'ReserveConnectorZeroSupported' not supported by firmware — skipped" in play.notes
    assert finish.evidence["unsupported"] == ["ReserveConnectorZeroSupported"]


def test_a_rejected_key_fails_the_step_and_is_named():
    finish = run(a_play(), Hardware(ALL_16, rejects=["MeterValueSampleInterval"]))
    assert_failed(
        finish,
        "3 of 4 configuration keys applied; rejected: MeterValueSampleInterval. Set MeterValueSampleInterval in the charge "
        "point's own menu, or start again with a template that fits this model.",
    )


def test_a_read_only_key_with_another_value_is_told_apart_and_never_written():
    hardware = Hardware(ALL_16, read_only=["MeterValueSampleInterval"])
    finish = run(a_play(), hardware)
    assert finish.status == "failed"
    assert finish.detail.startswith(
        "3 of 4 configuration keys applied; read-only with another value: MeterValueSampleInterval."
    )
    assert hardware.values["MeterValueSampleInterval"] == "0"


def test_a_read_only_key_that_is_not_required_is_only_listed():
    finish = run(
        a_play(),
        Hardware(ALL_16 | {"ReserveConnectorZeroSupported": "false"}, read_only=["ReserveConnectorZeroSupported"]),
    )
    assert_passed(
        finish, "3 of 4 configuration keys applied; read-only with another value: ReserveConnectorZeroSupported"
    )


def test_a_key_that_reads_back_otherwise_is_written_once_more_and_then_fails():
    class Forgetful(Hardware):
        def _write(self, name: str, value: str) -> str:
            return "Accepted" if name == "MeterValueSampleInterval" else super()._write(name, value)

    hardware = Forgetful(ALL_16)
    finish = run(a_play(), hardware)
    assert finish.status == "failed"
    assert "set, but read back with another value: MeterValueSampleInterval" in finish.detail
    assert hardware.calls.count("ChangeConfiguration") == 4


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_reboot_required_brings_one_reset_and_goes_on_after_the_new_boot(version):
    """ocpp.md: collect all keys, one Reset (Soft, OnIdle), wait for the new socket and boot, read back, go on."""
    names = (
        ["MeterValueSampleInterval", "StopTransactionOnInvalidId"]
        if version == "1.6"
        else ["TxUpdatedInterval", "StopTxOnInvalidId"]
    )
    values = (
        ALL_16
        if version == "1.6"
        else {
            "TxUpdatedInterval": "0",
            "StopTxOnInvalidId": "false",
            "NonEvseSpecific": "true",
            "HeartbeatInterval": "30",
        }
    )
    hardware = Hardware(values, reboots=names)
    play = a_play(version)
    assert_passed(run(play, hardware), "All 4 configuration keys applied")
    assert hardware.calls.count("Reset") == 1
    assert hardware.values["HeartbeatInterval"] == "300", "the boot answer undid it, so that it is written again"
    kind = "Soft" if version == "1.6" else "OnIdle"
    assert f"Restarting the charge point ({kind}), since some keys take effect only then" in play.notes


def test_a_refused_soft_reset_is_followed_by_a_hard_one():
    hardware = Hardware(ALL_16, reboots=["MeterValueSampleInterval"])
    kinds: list[str] = []

    def reset(play: Play, payload: dict[str, str]):
        kinds.append(payload["type"])
        return (
            play.answer({"status": "Rejected"})
            if payload["type"] == "Soft"
            else Hardware.reset(hardware, play, payload)
        )

    hardware.reset = reset
    assert_passed(run(a_play(), hardware), "All 4 configuration keys applied")
    assert kinds == ["Soft", "Hard"]


def test_a_charge_point_that_refuses_every_reset_fails_with_the_key_named():
    hardware = Hardware(ALL_16, reboots=["MeterValueSampleInterval"])
    hardware.reset = lambda play, payload: play.answer({"status": "Rejected"})
    finish = run(a_play(), hardware)
    assert finish.status == "failed"
    assert "set, but read back with another value: MeterValueSampleInterval" in finish.detail
    assert hardware.calls.count("Reset") == 2


def test_a_reset_whose_answer_was_lost_is_not_repeated_before_the_reboot_had_its_time():
    hardware = Hardware(ALL_16, reboots=["MeterValueSampleInterval"])
    play = a_play()
    move = play.look()
    while not (isinstance(move, SendCall) and move.action == "Reset"):
        move = hardware.answer(play, move)
    assert not move.repeatable
    assert_waits(play.unsure("lost"), "the charge point to restart")
    assert_waits(play.after(30).look(), "the charge point to restart")
    assert_calls(play.after(31).look(), "Reset", {"type": "Hard"})


def test_a_charge_point_that_comes_back_without_a_boot_is_taken_after_a_minute():
    hardware = Hardware(ALL_16, reboots=["MeterValueSampleInterval"])
    play = a_play()
    move = play.look()
    while not isinstance(move, WaitUntil):
        move = hardware.answer(play, move)
    assert_waits(play.after(10).look(epoch=8), "the charge point to restart")
    assert_calls(play.after(51).look(), "GetConfiguration")


@pytest.mark.parametrize("how", ["cut", "timeout"])
def test_a_charge_point_that_fails_on_many_keys_at_once_is_asked_key_by_key(how):
    play, hardware = a_play(), Hardware(ALL_16, most=1)
    assert_passed(run(play, hardware), "All 4 configuration keys applied")
    assert (
        "The charge point dropped its connection when asked for several keys at once: asking key by key" in play.notes
    )


def test_the_limit_of_keys_at_once_is_kept():
    hardware = Hardware(ALL_16 | {"GetConfigurationMaxKeys": "2"}, most=2)
    assert_passed(run(a_play(), hardware), "All 4 configuration keys applied")


def test_a_read_that_was_interrupted_is_made_again():
    play = a_play()
    play.look()
    first = play.answer({"unknownKey": ["GetConfigurationMaxKeys"]})
    again = play.unsure("lost")
    assert_calls(again, "GetConfiguration", dict(first.payload))


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_variables_are_written_in_messages_of_as_many_items_as_allowed(version):
    """OCPP 2.x B05, B06: ItemsPerMessage."""
    values = {"TxUpdatedInterval": "0", "StopTxOnInvalidId": "false", "HeartbeatInterval": "30", "ItemsPerMessage": "2"}
    hardware = Hardware(values, most=2)
    assert_passed(
        run(a_play(version), hardware),
        "3 of 4 configuration keys applied; not supported by the firmware: ReservationCtrlr.NonEvseSpecific",
    )
    assert hardware.calls.count("SetVariables") == 2


def test_a_read_only_variable_is_known_by_the_reason_of_its_rejection():
    values = {
        "TxUpdatedInterval": "0",
        "StopTxOnInvalidId": "true",
        "NonEvseSpecific": "true",
        "HeartbeatInterval": "300",
    }
    finish = run(a_play("2.0.1"), Hardware(values, read_only=["TxUpdatedInterval"]))
    assert "read-only with another value: SampledDataCtrlr.TxUpdatedInterval" in finish.detail


def test_a_heartbeat_interval_that_every_boot_resets_is_no_failure():
    """A charge point that reboots by itself after each write takes the interval of the boot's answer again."""
    hardware = Hardware(ALL_16)
    play = a_play()
    move = play.look()
    while not isinstance(move, Finish):
        move = hardware.answer(play, move)
        hardware.values["HeartbeatInterval"] = "30"
        play.facts = replace(play.facts, epoch=9, boot_epoch=9)
    assert_passed(move, "All 4 configuration keys applied")


def test_a_charge_point_that_knows_none_of_the_keys_passes_with_a_hint():
    """Contract §3: unsupported keys are listed, not fatal."""
    finish = run(a_play(), Hardware({}))
    assert_passed(
        finish,
        "0 of 4 configuration keys applied; not supported by the firmware: MeterValueSampleInterval, "
        "StopTransactionOnInvalidId, ReserveConnectorZeroSupported, HeartbeatInterval. Check that this is the right model and "
        "that its firmware is current",
    )


def test_a_template_may_go_on_in_spite_of_a_rejected_key():
    play = Play("configuration", a_charge_point(), template=replace(SMALL, configuration_reject="continue"))
    assert_passed(
        run(play, Hardware(ALL_16, rejects=["MeterValueSampleInterval"])),
        "3 of 4 configuration keys applied; rejected: MeterValueSampleInterval. Set MeterValueSampleInterval in the charge "
        "point's own menu; the template goes on without",
    )


def test_a_template_without_keys_for_the_version_says_so():
    play = Play("configuration", a_charge_point("2.1"), template=replace(SMALL, settings=()))
    assert_passed(play.look(), "The template has no configuration keys for OCPP 2.1")


def test_a_setting_for_one_version_is_kept_from_the_others():
    only_21 = replace(SMALL.settings[0], version="2.1")
    play = Play("configuration", a_charge_point("2.0.1"), template=replace(SMALL, settings=(only_21,)))
    assert_passed(play.look(), "The template has no configuration keys for OCPP 2.0.1")


def test_a_dry_run_reads_and_writes_nothing():
    play, hardware = a_play(), Hardware(ALL_16, read_only=["StopTransactionOnInvalidId"])
    play.state = dict(DRY_RUN)
    finish = run(play, hardware)
    assert hardware.calls == ["GetConfiguration"] * 2
    assert finish.evidence["values"]["MeterValueSampleInterval"] == "0"
    assert finish.evidence["read_only"] == ["StopTransactionOnInvalidId"]


def test_an_applied_template_never_restarts_the_charge_point():
    play, hardware = a_play(), Hardware(ALL_16, reboots=["MeterValueSampleInterval"])
    play.state = dict(NEVER_RESET)
    finish = run(play, hardware)
    assert "Reset" not in hardware.calls
    assert finish.evidence["reboot_required"] == ["MeterValueSampleInterval"]


REJECTING_2X = {
    "TxUpdatedInterval": "0",
    "StopTxOnInvalidId": "true",
    "NonEvseSpecific": "true",
    "HeartbeatInterval": "300",
}


@pytest.mark.parametrize(
    ("mutability", "words"),
    [("ReadOnly", "read-only with another value: "), ("ReadWrite", "rejected: ")],
)
def test_a_rejected_variable_is_looked_up_in_a_report(mutability, words):
    """OCPP 2.x B08: GetVariables does not tell what can be written, NotifyReport does."""
    play, hardware = a_play("2.0.1"), Hardware(REJECTING_2X, rejects=["TxUpdatedInterval"])
    asked: list[dict[str, Any]] = []

    def get_report(play: Play, payload: dict[str, Any]):
        asked.extend(payload["componentVariable"])
        assert_waits(play.answer({"status": "Accepted"}), "the charge point to tell which variables can be written")
        return play.after(1).look(mutability={"SampledDataCtrlr.TxUpdatedInterval": mutability})

    hardware.get_report = get_report
    finish = run(play, hardware)
    assert asked == [{"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "TxUpdatedInterval"}}]
    assert f"{words}SampledDataCtrlr.TxUpdatedInterval" in finish.detail


def test_a_charge_point_that_gives_no_report_has_rejected_the_variable():
    play, hardware = a_play("2.1"), Hardware(REJECTING_2X, rejects=["TxUpdatedInterval"])
    hardware.get_report = lambda play, payload: play.error("NotImplemented")
    assert "rejected: SampledDataCtrlr.TxUpdatedInterval" in run(play, hardware).detail


def test_a_charge_point_that_drops_its_socket_when_asked_for_both_limits_is_asked_one_by_one():
    play, hardware = a_play("2.0.1"), Hardware(REJECTING_2X)
    hardware.set_variables = None
    move = play.look()
    assert not move.repeatable
    move = play.unsure("cut")
    assert len(move.payload["getVariableData"]) == 1


def test_a_call_error_to_a_write_counts_as_rejected():
    hardware = Hardware(ALL_16)
    hardware.change_configuration = lambda play, payload: play.error("InternalError")
    assert "rejected: MeterValueSampleInterval, StopTransactionOnInvalidId" in run(a_play(), hardware).detail


def test_a_key_whose_value_is_never_shown_is_written_once():
    class Hiding(Hardware):
        def get_configuration(self, play: Play, payload: dict[str, Any]):
            return play.answer({"configurationKey": [{"key": key, "readonly": False} for key in payload["key"]]})

    hardware = Hiding(ALL_16)
    assert_passed(run(a_play(), hardware), "All 4 configuration keys applied")
    assert hardware.calls.count("ChangeConfiguration") == 4


def test_out_of_time_while_restarting():
    play = a_play()
    hardware = Hardware(ALL_16, reboots=["MeterValueSampleInterval"])
    move = play.look()
    while not isinstance(move, WaitUntil):
        move = hardware.answer(play, move)
    play.now = NOW + play.limit
    assert_calls(play.look(), "Reset")


@pytest.mark.parametrize(
    ("wanted", "found", "equal"),
    [
        ("true", "TRUE", True),
        ("300", "0300", True),
        ("a,b", "b, a", True),
        ("a,b", "a", False),
        ("60", "6", False),
        ("", "", True),
    ],
)
def test_values_that_mean_the_same(wanted, found, equal):
    assert same(wanted, found) is equal


@given(st.text(max_size=40))
def test_every_value_equals_itself(value):
    assert same(value, value)
