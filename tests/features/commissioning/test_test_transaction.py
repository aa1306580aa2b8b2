"""The test transaction: started, charged, stopped and judged by us, exactly once (1.6 §5.11–12; 2.x F01–F03; contract §3)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from features.commissioning.situations import (
    NOW,
    TOKEN,
    Play,
    a_charge_point,
    a_connector,
    a_transaction,
    assert_calls,
    assert_failed,
    assert_passed,
    assert_waits,
)
from sliproad.features.commissioning.model import Finish, SendCall, WaitUntil
from sliproad.features.commissioning.steps.remote_control import remote_start_id

ACCEPTED = {"status": "Accepted"}
START_16 = {"connectorId": 1, "idTag": TOKEN}
START_2X = {
    "evseId": 1,
    "remoteStartId": remote_start_id(TOKEN),
    "idToken": {"idToken": TOKEN, "type": "Central"},
}


def begun(version: str = "1.6", **changes) -> Play:
    """A test whose transaction runs."""
    play = Play("test_transaction", a_charge_point(version))
    play.look()
    play.answer(ACCEPTED)
    play.look(transactions=(a_transaction(**changes),))
    return play


@pytest.mark.parametrize(
    ("version", "start", "payload", "stop", "stop_payload"),
    [
        ("1.6", "RemoteStartTransaction", START_16, "RemoteStopTransaction", {"transactionId": 4711}),
        ("2.0.1", "RequestStartTransaction", START_2X, "RequestStopTransaction", {"transactionId": "4711"}),
        ("2.1", "RequestStartTransaction", START_2X, "RequestStopTransaction", {"transactionId": "4711"}),
    ],
)
def test_it_starts_charges_stops_and_agrees(version, start, payload, stop, stop_payload):
    play = Play("test_transaction", a_charge_point(version))
    move = play.look()
    assert_calls(move, start, payload)
    assert isinstance(move, SendCall)
    assert not move.repeatable
    assert_waits(play.answer(ACCEPTED), "the test transaction: plug in the vehicle at connector 1 now")
    assert_waits(play.look(transactions=(a_transaction(),)), "the vehicle to draw energy (0 Wh so far)")
    assert_calls(play.look(transactions=(a_transaction(last_register_wh=1021),)), stop, stop_payload)
    assert_waits(play.answer(ACCEPTED), "the end of the test transaction")
    ended = a_transaction(last_register_wh=1021, meter_stop_wh=1024, stopped_at=NOW, stop_reason="Remote")
    move = play.look(transactions=(ended,))
    assert_passed(move, "Test transaction completed, 0.02 kWh delivered")
    assert move.evidence["energy_wh"] == 24


def test_the_connector_with_a_vehicle_in_it_is_taken():
    play = Play("test_transaction", a_charge_point(connectors=(a_connector(1), a_connector(2, status="Preparing"))))
    assert_calls(play.look(), "RemoteStartTransaction", {"connectorId": 2, "idTag": TOKEN})


def test_a_connector_that_told_nothing_yet_is_tried():
    play = Play("test_transaction", a_charge_point(connectors=(a_connector(1, status="Unavailable"),)))
    assert_calls(play.look(), "RemoteStartTransaction", {"connectorId": 2, "idTag": TOKEN})


def test_no_free_connector_is_waited_for_and_then_named():
    busy = (a_connector(1, status="Charging"), a_connector(2, status="Faulted"))
    play = Play("test_transaction", a_charge_point(connectors=busy))
    assert_waits(play.look(), "a free connector (now: 1 Charging, 2 Faulted)")
    assert_waits(play.after(50).look(), "a free connector (now: 1 Charging, 2 Faulted)")
    assert_failed(
        play.after(11).look(),
        "No connector is free for the test: 1 Charging, 2 Faulted. Free one and start again.",
    )


def test_a_rejected_start_with_a_vehicle_plugged_in_fails():
    play = Play("test_transaction", a_charge_point(connectors=(a_connector(1, status="Preparing"),)))
    play.look()
    assert_failed(
        play.answer({"status": "Rejected"}),
        "The charge point rejected RemoteStartTransaction at connector 1. Check that remote start is allowed in its settings "
        "and that the connector shows no fault.",
    )


def test_a_rejected_start_without_a_vehicle_asks_for_it_and_tries_again():
    play = Play("test_transaction", a_charge_point())
    play.look()
    assert_waits(play.answer({"status": "Rejected"}), "the vehicle: plug it in at connector 1 now")
    plugged = (a_connector(1, status="Preparing"), a_connector(2))
    assert_calls(play.after(5).look(connectors=plugged), "RemoteStartTransaction", START_16)


def test_a_rejected_start_into_which_nobody_plugs_fails():
    play = Play("test_transaction", a_charge_point())
    play.look()
    play.answer({"status": "Rejected"})
    assert_failed(
        play.after(61).look(),
        "The charge point rejected RemoteStartTransaction at connector 1. Plug in the vehicle and start again. Check that "
        "remote start is allowed in its settings and that the connector shows no fault.",
    )


@pytest.mark.parametrize(("version", "status"), [("1.6", "Preparing"), ("2.0.1", "Occupied"), ("2.1", "Occupied")])
def test_a_start_that_an_earlier_test_is_in_the_way_of_is_made_again_until_it_is_over(version, status):
    """More often than a start that is rejected for other reasons: the earlier one is being stopped."""
    play = Play(
        "test_transaction", a_charge_point(version, connectors=(a_connector(1, status=status),), earlier_test=True)
    )
    for _ in range(5):
        started = play.look()
        assert isinstance(started, SendCall)
        assert_waits(play.answer({"status": "Rejected"}), "the end of an earlier test at connector 1")
        assert_waits(play.after(2).look(), "the end of an earlier test at connector 1")
        play.after(1)
    assert_calls(play.look(earlier_test=False), started.action, dict(started.payload))
    assert isinstance(play.answer({"status": "Accepted"}), WaitUntil)


def test_an_earlier_test_that_does_not_end_is_waited_for_five_minutes():
    play = Play("test_transaction", a_charge_point(connectors=(a_connector(1, status="Preparing"),), earlier_test=True))
    play.look()
    play.answer({"status": "Rejected"})
    play.after(301).look()
    refused = play.answer({"status": "Rejected"})
    assert isinstance(refused, Finish)
    assert refused.detail.startswith("The charge point rejected RemoteStartTransaction at connector 1.")


def test_a_connector_that_an_earlier_test_has_is_waited_for_longer():
    busy = (a_connector(1, status="Charging"), a_connector(2, status="Faulted"))
    play = Play("test_transaction", a_charge_point(connectors=busy, earlier_test=True))
    assert_waits(play.look(), "a free connector (now: 1 Charging, 2 Faulted)")
    assert_waits(play.after(299).look(), "a free connector (now: 1 Charging, 2 Faulted)")
    assert_failed(
        play.after(2).look(), "No connector is free for the test: 1 Charging, 2 Faulted. Free one and start again."
    )


def test_nothing_is_left_of_a_start_that_was_certainly_rejected():
    plugged = (a_connector(1, status="Preparing"),)
    play = Play("test_transaction", a_charge_point(connectors=plugged))
    play.look()
    refused = play.answer({"status": "Rejected"})
    assert isinstance(refused, Finish)
    assert refused.leaves_test is False
    unsure = Play("test_transaction", a_charge_point(connectors=plugged))
    unsure.look()
    unsure.unsure("cut")
    unsure.after(61).look()
    refused = unsure.answer({"status": "Rejected"})
    assert isinstance(refused, Finish)
    assert refused.leaves_test is True, "the first may have been heard"


def test_an_error_to_the_start_fails():
    play = Play("test_transaction", a_charge_point())
    play.look()
    assert_failed(
        play.error("NotImplemented"),
        "The charge point answered RemoteStartTransaction with an error: it does not know how to.",
    )
    play = Play("test_transaction", a_charge_point())
    play.look()
    assert_failed(
        play.error("InternalError"),
        "The charge point answered RemoteStartTransaction with an error: InternalError.",
    )


@pytest.mark.parametrize("how", ["timeout", "cut", "lost"])
def test_a_start_whose_fate_is_unknown_is_not_repeated_before_a_transaction_had_time_to_show(how):
    play = Play("test_transaction", a_charge_point())
    play.look()
    assert_waits(play.unsure(how), "the test transaction, if the charge point heard of it")
    assert_waits(play.after(30).look(transactions=(a_transaction(),)), "the vehicle to draw energy (0 Wh so far)")


def test_after_the_uncertainty_it_is_tried_again_with_the_same_token_and_then_given_up():
    play = Play("test_transaction", a_charge_point("2.0.1"))
    play.look()
    for _ in range(2):
        play.unsure("timeout")
        assert_calls(play.after(61).look(), "RequestStartTransaction", START_2X)
    play.unsure("timeout")
    assert_failed(
        play.after(61).look(),
        "The charge point did not answer RequestStartTransaction, asked 3 times. Check its connection and start again.",
    )


def test_a_transaction_of_this_session_is_taken_up_instead_of_started():
    play = Play("test_transaction", a_charge_point(transactions=(a_transaction(),)))
    assert_waits(play.look(), "the vehicle to draw energy (0 Wh so far)")
    assert "Test transaction 4711 began" in play.notes


def test_anothers_transaction_is_none_of_ours():
    other = a_transaction(id_token="04A1B2C3", remote_start_id=None)
    play = Play("test_transaction", a_charge_point(transactions=(other,)))
    assert_calls(play.look(), "RemoteStartTransaction", START_16)


def test_an_accepted_start_that_leads_to_nothing_fails():
    play = Play("test_transaction", a_charge_point())
    play.look()
    play.answer(ACCEPTED)
    assert_failed(
        play.after(241).look(),
        "The charge point accepted the remote start, but no transaction began at connector 1 within 240 s. Plug in the "
        "vehicle and start again.",
    )


def test_a_restart_after_the_accepted_start_leads_to_another_start():
    play = Play("test_transaction", a_charge_point())
    play.look()
    play.answer(ACCEPTED)
    assert_waits(play.after(5).look(epoch=8, boot_epoch=8), "the test transaction, if the charge point heard of it")
    assert_calls(play.after(61).look(), "RemoteStartTransaction", START_16)


def test_a_fresh_value_is_asked_for_while_charging():
    play = begun()
    assert_calls(play.after(5).look(), "TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 1})
    assert_waits(play.answer(ACCEPTED), "the vehicle to draw energy (0 Wh so far)")
    play = begun("2.0.1")
    assert_calls(play.after(5).look(), "TriggerMessage", {"requestedMessage": "TransactionEvent", "evse": {"id": 1}})


def test_a_charge_point_that_can_not_be_asked_is_left_to_its_own_interval():
    play = begun()
    play.after(5).look()
    play.error("NotImplemented")
    assert_waits(play.after(20).look(), "the vehicle to draw energy (0 Wh so far)")


def test_too_little_energy_is_stopped_and_fails():
    play = begun()
    assert_calls(play.after(301).look(transactions=(a_transaction(last_register_wh=1003),)), "RemoteStopTransaction")
    play.answer(ACCEPTED)
    ended = a_transaction(last_register_wh=1003, meter_stop_wh=1003, stopped_at=NOW, stop_reason="Remote")
    assert_failed(
        play.look(transactions=(ended,)),
        "Only 3 Wh were delivered, 10 Wh are the least that proves charging. Check that the vehicle is ready to charge and "
        "not full, and start again.",
    )


def test_a_register_that_falls_is_stopped_at_once_and_fails():
    play = begun()
    assert_calls(play.look(transactions=(a_transaction(last_register_wh=998),)), "RemoteStopTransaction")
    play.answer(ACCEPTED)
    ended = a_transaction(last_register_wh=998, meter_stop_wh=990, stopped_at=NOW, stop_reason="Remote")
    assert_failed(
        play.look(transactions=(ended,)),
        "The energy register fell during the test, from 1000 Wh to 990 Wh. Check the meter and its wiring.",
    )


def stopped(version: str = "1.6", **changes):
    play = begun(version)
    play.look(transactions=(a_transaction(last_register_wh=1020),))
    play.answer(ACCEPTED)
    end = {"last_register_wh": 1020, "meter_stop_wh": 1022, "stopped_at": NOW, "stop_reason": "Remote"}
    return play.look(transactions=(a_transaction(**end | changes),))


def test_readings_that_contradict_the_register_fail():
    assert_failed(
        stopped(last_register_wh=1500),
        "The register showed 1500 Wh while charging, but 1022 Wh at the end: the two disagree. Check the meter and its wiring.",
    )


def test_a_transaction_without_readings_fails():
    assert_failed(
        stopped(meter_start_wh=None),
        "The test transaction came without readings of the energy register. Check the meter and its wiring.",
    )


def test_a_2x_transaction_with_our_token_but_no_remote_start_id_passes_with_a_warning():
    """F01: it charges, counts and stops; only the firmware forgets to say who asked."""
    assert_passed(
        stopped("2.0.1", remote_start_id=None),
        "Test transaction completed, 0.02 kWh delivered; it came without the remoteStartId of our request (OCPP 2.x F01), so "
        "that it was known by its token alone: update the charge point's firmware",
    )


def test_a_2x_transaction_with_anothers_remote_start_id_fails():
    assert_failed(
        stopped("2.1", remote_start_id=7),
        "The transaction came with remoteStartId 7 instead of that of our request (OCPP 2.x F01), so that apps and roaming "
        "partners would take it for another's. Update the charge point's firmware.",
    )


def test_a_register_that_runs_faster_than_the_charge_point_can_charge_is_told():
    """22 kW deliver 61 Wh in 10 s, not 1 kWh."""
    move = stopped(meter_stop_wh=2000, stopped_at=NOW + timedelta(seconds=10))
    assert_passed(
        move,
        "Test transaction completed, 1.00 kWh delivered; the register says 360.0 kW on average, more than the 22 kW that the "
        "charge point is rated for: check the ratio of its meter",
    )
    assert move.evidence["average_power_w"] == 360_000


def test_an_end_without_a_register_is_judged_by_the_last_reading():
    assert_passed(stopped(meter_stop_wh=None), "Test transaction completed, 0.02 kWh delivered")


@pytest.mark.parametrize(("reason", "words"), [("EVDisconnected", " (EVDisconnected)"), (None, "")])
def test_a_transaction_that_ends_by_itself_fails(reason, words):
    play = begun()
    ended = a_transaction(last_register_wh=1005, meter_stop_wh=1006, stopped_at=NOW, stop_reason=reason)
    assert_failed(
        play.look(transactions=(ended,)),
        f"The transaction ended by itself{words} before we stopped it. Leave the vehicle plugged in until the test is over, "
        "and start again.",
    )


def test_a_refused_stop_is_tried_three_times():
    play = begun()
    assert_calls(play.look(transactions=(a_transaction(last_register_wh=1020),)), "RemoteStopTransaction")
    for _ in range(2):
        assert_waits(play.answer({"status": "Rejected"}), "another try to stop")
        assert_calls(play.after(5).look(), "RemoteStopTransaction")
    assert_failed(
        play.answer({"status": "Rejected"}),
        "The charge point refused RemoteStopTransaction for the transaction that it runs. Unplug the vehicle to end it, and "
        "check the charge point's firmware.",
    )


def test_a_transaction_that_never_ends_fails():
    play = begun()
    play.look(transactions=(a_transaction(last_register_wh=1020),))
    play.answer(ACCEPTED)
    assert_failed(
        play.after(121).look(),
        "The charge point accepted the remote stop, but did not end the transaction within 120 s. Unplug the vehicle to end "
        "it, and check the charge point's firmware.",
    )


def test_of_two_transactions_the_running_one_is_ours():
    old = a_transaction(transaction_id="1", stopped_at=NOW)
    play = Play("test_transaction", a_charge_point(transactions=(old, a_transaction())))
    play.look()
    assert "Test transaction 4711 began" in play.notes


def test_remote_start_ids_are_positive_and_of_the_session():
    ids = {remote_start_id(f"comm_{n}") for n in range(1000)}
    assert len(ids) == 1000
    assert all(0 < one < 2**31 for one in ids)
    assert remote_start_id(TOKEN) == remote_start_id(TOKEN)


def test_the_answer_that_comes_after_its_transaction_changes_nothing():
    play = Play("test_transaction", a_charge_point())
    play.look()
    assert_waits(
        play.answer(ACCEPTED, transactions=(replace(a_transaction(), meter_start_wh=5),)),
        "the vehicle to draw energy (0 Wh so far)",
    )
