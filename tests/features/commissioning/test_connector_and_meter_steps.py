"""connector_test (1.6 §5.17, 2.x F06) and meter_calibration, as contract §3's table and ocpp.md have them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from features.commissioning.situations import (
    NOW,
    Play,
    a_charge_point,
    a_connector,
    a_reading,
    assert_calls,
    assert_failed,
    assert_passed,
    assert_skipped,
    assert_waits,
)
from sliproad.features.commissioning.templates import STANDARD_AC

ACCEPTED = {"status": "Accepted"}


def reported(play: Play, **statuses: str):
    """The connectors of `play` after each said its status once more."""
    return tuple(
        replace(one, report_count=one.report_count + 1, status=statuses.get(f"n{one.evse_id}", one.status))
        for one in play.facts.connectors
    )


def test_each_connector_is_asked_and_reports():
    play = Play("connector_test", a_charge_point())
    assert_calls(play.look(), "TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 1})
    assert_calls(play.answer(ACCEPTED), "TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 2})
    assert_waits(play.answer(ACCEPTED), "the status of connector 1, 2")
    assert_passed(
        play.look(connectors=reported(play, n2="Preparing")), "2 connectors report a status: 1 Available, 2 Preparing"
    )


def test_a_connector_of_2x_is_named_by_evse_and_connector():
    """F06.FR.12."""
    connectors = (a_connector(1, 1), a_connector(1, 2))
    play = Play("connector_test", a_charge_point("2.0.1", connectors=connectors))
    ask = {"requestedMessage": "StatusNotification", "evse": {"id": 1, "connectorId": 1}}
    assert_calls(play.look(), "TriggerMessage", ask)
    ask["evse"] = {"id": 1, "connectorId": 2}
    assert_calls(play.answer(ACCEPTED), "TriggerMessage", ask)
    play.answer(ACCEPTED)
    assert_passed(play.look(connectors=reported(play)), "2 connectors report a status: 1 Available, 1/2 Available")


def test_a_connector_that_never_reported_is_asked_as_registered():
    play = Play("connector_test", a_charge_point(connector_count=1, connectors=()))
    assert_calls(play.look(), "TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 1})
    play.answer(ACCEPTED)
    assert_passed(play.look(connectors=(a_connector(1),)), "1 connector reports a status: 1 Available")


def test_a_report_that_does_not_come_is_asked_for_again_and_then_the_connector_is_named():
    play = Play("connector_test", a_charge_point())
    play.look()
    play.answer(ACCEPTED)
    play.answer(ACCEPTED)
    first = (replace(a_connector(1), report_count=2), a_connector(2))
    assert_waits(play.look(connectors=first), "the status of connector 2")
    assert_calls(play.after(21).look(), "TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 2})
    assert_waits(play.answer(ACCEPTED), "the status of connector 2")
    assert_calls(play.after(21).look(), "TriggerMessage")
    assert_waits(play.answer(ACCEPTED), "the status of connector 2")
    assert_failed(
        play.after(180).look(),
        "Connector 2 did not report a status when asked. Check its cabling inside the charge point, and whether the charge "
        "point really has 2 connectors.",
    )


def test_a_refused_connector_fails():
    play = Play("connector_test", a_charge_point())
    play.look()
    play.answer({"status": "Rejected"}, connectors=(a_connector(1),))
    move = play.answer({"status": "Rejected"})
    assert_failed(
        move,
        "Connector 1, 2 did not report a status when asked. Check its cabling inside the charge point, and whether the "
        "charge point really has 2 connectors.",
    )


def test_without_trigger_message_the_report_of_the_boot_counts():
    play = Play("connector_test", a_charge_point())
    play.look()
    assert_calls(play.error("NotImplemented"), "TriggerMessage")
    assert_passed(play.error("NotImplemented"), "2 connectors report a status: 1 Available, 2 Available")


def faulted_play(**template) -> tuple[Play, tuple]:
    play = Play("connector_test", a_charge_point(), template=replace(STANDARD_AC, **template))
    play.look()
    play.answer(ACCEPTED)
    play.answer(ACCEPTED)
    return play, (
        replace(a_connector(1), report_count=2),
        replace(a_connector(2), report_count=2, status="Faulted", error_code="GroundFailure"),
    )


def test_a_faulted_connector_did_report_and_is_told():
    """Contract §3: passes when every connector reports a status when asked."""
    play, faulted = faulted_play()
    assert_passed(
        play.look(connectors=faulted),
        "2 connectors report a status: 1 Available, 2 Faulted. Connector 2 (GroundFailure) reports Faulted: clear the fault at "
        "the charge point before anyone charges there",
    )


def test_a_faulted_connector_fails_where_the_template_says_so():
    play, faulted = faulted_play(faulted_connector="fail")
    assert_failed(
        play.look(connectors=faulted),
        "Connector 2 (GroundFailure) reports Faulted. Clear the fault at the charge point and start again.",
    )


@pytest.mark.parametrize(
    ("version", "out", "back"),
    [
        ("1.6", {"connectorId": 1, "type": "Inoperative"}, {"connectorId": 1, "type": "Operative"}),
        (
            "2.0.1",
            {"evse": {"id": 1, "connectorId": 1}, "operationalStatus": "Inoperative"},
            {"evse": {"id": 1, "connectorId": 1}, "operationalStatus": "Operative"},
        ),
    ],
)
def test_each_free_connector_goes_out_of_service_and_comes_back(version, out, back):
    """1.6 §5.2; 2.x G03: only where the template asks for it, and never one that is in use."""
    connectors = (a_connector(1, 1), a_connector(2, 2 if version == "1.6" else 1, status="Charging"))
    play = round_trip(version, connectors)
    assert_calls(play.look(connectors=reported(play)), "ChangeAvailability", out)
    assert_waits(play.answer(ACCEPTED), "connector 1 to go out of service")
    assert_calls(play.look(connectors=reported(play, n1="Unavailable")), "ChangeAvailability", back)
    assert_waits(play.answer(ACCEPTED), "connector 1 to go back in service")
    move = play.look(connectors=reported(play, n1="Available"))
    assert_passed(move, "2 connectors report a status: 1 Available, 2 Charging; each went out of service and came back")
    assert move.evidence["availability"] == {"1": "went out of service and came back"}


def round_trip(version: str, connectors) -> Play:
    template = replace(STANDARD_AC, availability_round_trip=True)
    play = Play("connector_test", a_charge_point(version, connectors=connectors), template=template)
    play.look()
    for _ in connectors:
        play.answer(ACCEPTED)
    return play


def test_a_connector_that_stays_in_service_is_brought_back_and_named():
    play = round_trip("1.6", (a_connector(1), a_connector(2, status="Charging")))
    play.look(connectors=reported(play))
    play.answer(ACCEPTED)
    assert_calls(play.after(21).look(), "ChangeAvailability", {"connectorId": 1, "type": "Operative"})
    assert_failed(
        play.answer(ACCEPTED),
        "Connector 1 accepted ChangeAvailability to Inoperative, but still reports Available. Restart the charge point and "
        "start again.",
    )


def test_a_connector_that_refuses_to_go_out_of_service_is_named():
    play = round_trip("2.1", (a_connector(1, 1), a_connector(2, 1, status="Occupied")))
    play.look(connectors=reported(play))
    play.answer({"status": "Rejected"})
    assert_failed(play.answer(ACCEPTED), "Connector 1 refused ChangeAvailability to Inoperative (Rejected).")


METERED = {"meter_type": "MID certified"}


def test_two_plausible_rounds_of_readings_pass():
    play = Play("meter_calibration", a_charge_point(**METERED))
    for turn in range(2):
        for connector in (1, 2):
            move = play.look() if (turn, connector) == (0, 1) else play.look(readings=readings)  # noqa: F821
            assert_calls(move, "TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": connector})
            assert_waits(play.answer(ACCEPTED), f"the meter readings of connector {connector}")
            play.after(1)
            seconds = (play.now - NOW).total_seconds()
            readings = (*play.facts.readings, a_reading(connector, 12345.0 + turn, seconds))
    assert_passed(
        play.look(readings=readings),
        "Meter readings are plausible: 12.346 kWh at connector 1, 12.346 kWh at connector 2",
    )


@pytest.mark.parametrize(
    ("readings", "problem"),
    [
        ((), "Connector 1 sent no meter readings when asked"),
        ((a_reading(1, None), a_reading(1, None, 1)), "Connector 1 sends readings without its energy register"),
        (
            (a_reading(1, 500.0), a_reading(1, 400.0, 1)),
            "The energy register of connector 1 fell from 500 Wh to 400 Wh",
        ),
        ((a_reading(1, 5.0, voltage_v=120.0),), "Connector 1 reports 120 V, which no healthy supply has"),
        ((a_reading(1, 5.0, current_a=6.3),), "Connector 1 reports 6.3 A although nothing charges there"),
    ],
)
def test_implausible_readings_fail_with_what_is_wrong(readings, problem):
    play = Play("meter_calibration", a_charge_point(connector_count=1, connectors=(a_connector(1),), **METERED))
    play.look()
    play.answer(ACCEPTED)
    play.now = NOW + play.limit
    late = [replace(one, received_at=one.received_at - timedelta(seconds=9)) for one in readings]
    assert_failed(play.look(readings=tuple(late)), f"{problem}. Check the meter and its wiring.")


def test_a_dc_output_may_be_without_voltage_and_a_running_charge_may_draw_current():
    reading = a_reading(1, 5.0, voltage_v=0.0, current_a=80.0, in_transaction=True)
    play = Play("meter_calibration", a_charge_point(connector_count=1, connectors=(), max_power_kw=50.0, **METERED))
    play.look()
    play.answer(ACCEPTED)
    assert_calls(play.look(readings=(reading,)), "TriggerMessage")
    play.answer(ACCEPTED)
    assert_passed(
        play.look(readings=(reading, a_reading(1, None, 2, voltage_v=400.0))),
        "Meter readings are plausible: 0.005 kWh at connector 1",
    )


NO_METER = "Skipped: the charge point shows no meter support (it names no meter at its boot and has no key for signed readings)"


def test_hardware_without_meter_support_is_skipped_with_the_reason_in_16():
    play = Play("meter_calibration", a_charge_point())
    assert_calls(play.look(), "GetConfiguration", {"key": ["MeterPublicKey1", "MeterPublicKey2"]})
    assert_skipped(play.answer({"unknownKey": ["MeterPublicKey1", "MeterPublicKey2"]}), NO_METER)


def test_a_meters_public_key_shows_support_in_16():
    play = Play("meter_calibration", a_charge_point())
    play.look()
    known = {"configurationKey": [{"key": "MeterPublicKey1", "readonly": True, "value": "3059..."}]}
    assert_calls(play.answer(known), "TriggerMessage")


def variables(**statuses: str):
    places = {
        "fiscal": {"component": {"name": "FiscalMetering"}, "variable": {"name": "PublicKey"}},
        "signs": {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "SignReadings"}},
        "key": {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "PublicKeyWithSignedMeterValue"}},
    }
    results = []
    for name, place in places.items():
        said = statuses.get(name, "UnknownComponent")
        status = (
            {"attributeStatus": said}
            if said.startswith("Unknown")
            else {"attributeStatus": "Accepted", "attributeValue": said}
        )
        results.append(place | status)
    return {"getVariableResult": results}


@pytest.mark.parametrize(
    ("said", "supported"),
    [
        ({}, False),
        ({"signs": "false"}, False),
        ({"signs": "true"}, True),
        ({"fiscal": "UnknownVariable"}, True),
        ({"key": "Never"}, True),
    ],
)
def test_meter_support_shows_in_the_device_model_of_2x(said, supported):
    play = Play("meter_calibration", a_charge_point("2.0.1"))
    assert_calls(play.look(), "GetVariables")
    move = play.answer(variables(**said))
    if supported:
        assert_calls(move, "TriggerMessage", {"requestedMessage": "MeterValues", "evse": {"id": 1}})
    else:
        assert_skipped(move, NO_METER)


def test_a_connector_that_refuses_is_left_out_of_the_rounds_and_fails_the_step():
    play = Play("meter_calibration", a_charge_point(**METERED))
    play.look()
    assert_calls(
        play.answer({"status": "Rejected"}), "TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 2}
    )
    play.answer(ACCEPTED)
    assert_calls(play.look(readings=(a_reading(2, 5.0),)), "TriggerMessage")
    play.answer(ACCEPTED)
    assert_failed(
        play.after(1).look(readings=(a_reading(2, 5.0, 2),)),
        "Connector 1 sent no meter readings when asked. Check the meter and its wiring.",
    )


def test_without_trigger_message_the_quarter_hourly_readings_are_awaited():
    play = Play("meter_calibration", a_charge_point(connector_count=1, connectors=(), **METERED))
    play.look()
    assert_waits(play.error("NotImplemented"), "meter readings, which come every quarter of an hour unasked")
    assert_waits(play.after(600).look(), "meter readings, which come unasked")
    assert_passed(
        play.after(300).look(readings=(a_reading(1, 1000.0, 899),)),
        "Meter readings are plausible: 1.000 kWh at connector 1",
    )


def test_quarter_hourly_readings_that_never_come_fail():
    play = Play("meter_calibration", a_charge_point(connector_count=1, connectors=(), **METERED))
    play.look()
    play.error("NotImplemented")
    assert_failed(
        play.after(961).look(), "Connector 1 sent no meter readings when asked. Check the meter and its wiring."
    )
