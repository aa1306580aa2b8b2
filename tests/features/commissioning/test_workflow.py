"""The workflow: the order of steps, what becomes of a CALL, when a session is over (contract §3, "One `start`, two documents")."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.commissioning.situations import NOW, SESSION, TOKEN, a_charge_point
from sliproad.features.commissioning import workflow
from sliproad.features.commissioning.model import Answer, Options, Session
from sliproad.features.commissioning.templates import DC_RAPID, STANDARD_AC, STEP_ESTIMATES_SECONDS
from sliproad.features.commissioning.workflow import Answered, Looked

ACCEPTED = Answer("result", {"status": "Accepted"})


def a_session(template=STANDARD_AC, **options) -> Session:
    return workflow.begin(SESSION, template, Options(**options), TOKEN, NOW)


def names(session: Session, shown_as: str) -> list[str]:
    return [step.name for step in session.steps if shown_as in step.shown_as]


def look(session: Session, facts=None, after: float = 0):
    return workflow.advance(session, Looked(facts or a_charge_point()), NOW + timedelta(seconds=after))


def answered(session: Session, answer: Answer, facts=None, after: float = 0):
    return workflow.advance(session, Answered(facts or a_charge_point(), answer), NOW + timedelta(seconds=after))


def at_heartbeat() -> Session:
    """A session whose heartbeat step has begun."""
    session = a_session()
    for _ in range(3):
        session = look(session).session
    return session


def test_the_steps_are_the_templates_in_its_order_and_checks_are_a_view_of_them():
    assert names(a_session(), "step") == ["connectivity", "heartbeat", "configuration", "test_transaction"]
    assert names(a_session(), "check") == ["connectivity", "heartbeat", "firmware_version"]
    assert names(a_session(DC_RAPID), "step") == list(DC_RAPID.steps)


def test_meter_calibration_comes_before_the_test_transaction_when_asked_for():
    session = a_session(run_meter_calibration=True)
    assert names(session, "step") == [
        "connectivity",
        "heartbeat",
        "configuration",
        "meter_calibration",
        "test_transaction",
    ]
    assert names(session, "check") == ["connectivity", "heartbeat", "firmware_version", "meter_calibration"]


def test_a_template_of_few_steps_still_records_the_firmware():
    assert [step.name for step in a_session(replace(STANDARD_AC, steps=("configuration",))).steps] == [
        "firmware_version",
        "configuration",
    ]
    few = a_session(replace(STANDARD_AC, steps=("configuration",)), run_meter_calibration=True)
    assert few.steps[-1].name == "meter_calibration"
    twice = a_session(replace(STANDARD_AC, steps=("meter_calibration",)), run_meter_calibration=True)
    assert names(twice, "step") == ["meter_calibration"]


def test_what_the_start_does_not_want_is_skipped_with_the_reason():
    session = a_session(skip_test_transaction=True, run_connectivity_test=False)
    skipped = {step.name: step.detail for step in session.steps if step.status == "skipped"}
    assert skipped == dict.fromkeys(("connectivity", "test_transaction"), "Skipped as asked for at the start")
    assert {step.status for step in session.steps} == {"pending", "skipped"}


def test_the_estimate_leaves_out_what_is_skipped():
    everything = workflow.estimated_duration_seconds(a_session())
    assert everything == 120
    less = workflow.estimated_duration_seconds(a_session(skip_test_transaction=True))
    assert less == everything - STEP_ESTIMATES_SECONDS["test_transaction"]


def test_a_step_begins_in_a_transition_of_its_own_and_is_timed():
    begun = look(a_session())
    assert begun.then == "again"
    assert begun.session.steps[0].status == "running"
    passed = look(begun.session, after=0.342)
    assert (passed.session.steps[0].status, passed.session.steps[0].duration_ms) == ("passed", 342)
    assert passed.then == "again"
    assert passed.session.steps[1].status == "pending"


def test_a_call_is_stored_before_it_is_made():
    transition = look(at_heartbeat(), a_charge_point(epoch=7))
    assert transition.then == "call"
    outgoing = transition.session.outgoing
    assert (outgoing.action, outgoing.epoch, outgoing.attempts) == ("TriggerMessage", 7, 1)
    waiting = answered(transition.session, ACCEPTED)
    assert waiting.then == "wait"
    assert waiting.session.outgoing is None
    assert waiting.session.waiting_for == "a Heartbeat"
    assert waiting.session.wake_at == NOW + timedelta(seconds=workflow.LOOK_SECONDS)


def test_waiting_on_is_told_once():
    waiting = answered(look(at_heartbeat()).session, ACCEPTED)
    assert [note.message for note in waiting.notes] == ["Waiting for a Heartbeat"]
    assert look(waiting.session, after=5).notes == ()


@pytest.mark.parametrize("kind", ["timeout", "cut"])
def test_a_repeatable_call_that_is_not_answered_is_made_three_times(kind):
    transition = look(at_heartbeat())
    for attempt in (2, 3):
        transition = answered(transition.session, Answer(kind))
        assert (transition.then, transition.session.outgoing.attempts) == ("call", attempt)
    transition = answered(transition.session, Answer(kind))
    assert transition.then == "done"
    assert transition.session.steps[1].detail == (
        "The charge point did not answer TriggerMessage, asked 3 times. Check its connection and that its firmware is current."
    )


def test_a_call_that_a_dying_process_lost_is_made_again_without_counting():
    transition = look(at_heartbeat())
    for _ in range(5):
        transition = answered(transition.session, Answer("lost"))
        assert (transition.then, transition.session.outgoing.attempts) == ("call", 1)


def test_a_call_that_can_not_be_sent_waits_for_the_connection():
    gone = a_charge_point(connected=False)
    held = answered(look(at_heartbeat()).session, Answer("not_connected"), gone)
    assert (held.then, held.session.waiting_for) == ("wait", "the charge point to connect again")
    assert held.session.outgoing.epoch is None
    assert look(held.session, gone, after=60).then == "wait"
    back = look(held.session, a_charge_point(epoch=8), after=61)
    assert (back.then, back.session.outgoing.epoch) == ("call", 8)


def test_a_call_that_its_connection_does_not_take_is_tried_again_each_second_without_counting():
    """The rows still say connected, but the gateway that held the socket has died."""
    transition, seconds = look(at_heartbeat()), 0
    for _ in range(5):
        held = answered(transition.session, Answer("not_connected"), after=seconds)
        assert (held.then, held.session.waiting_for) == ("wait", "the charge point to connect again")
        assert held.session.wake_at == NOW + timedelta(seconds=seconds + workflow.REFUSED_SECONDS)
        seconds += workflow.REFUSED_SECONDS
        transition = look(held.session, after=seconds)
        assert (transition.then, transition.session.outgoing.attempts) == ("call", 1)
    elsewhere = answered(transition.session, Answer("not_connected"), a_charge_point(epoch=8), after=seconds)
    assert (elsewhere.then, elsewhere.session.outgoing.epoch) == ("call", 8), "it has come to another by now"


LOST = (
    "The charge point lost its connection and did not come back within the 120 s of this step. Check its power and its "
    "network: cable, SIM card, signal strength."
)


def test_a_call_that_can_not_be_sent_in_time_fails_the_step():
    gone = a_charge_point(connected=False)
    held = answered(look(at_heartbeat()).session, Answer("not_connected"), gone)
    failed = look(held.session, gone, after=121)
    assert (failed.then, failed.session.status, failed.session.result) == ("done", "failed", "failed")
    assert failed.session.steps[1].detail == LOST


def test_a_lost_socket_is_no_failure_until_the_steps_time_is_up():
    gone = a_charge_point(connected=False)
    waiting = look(at_heartbeat(), gone, after=119)
    assert waiting.then == "wait"
    assert look(at_heartbeat(), gone, after=120).session.steps[1].detail == LOST


def test_what_may_not_be_done_twice_is_left_to_the_step():
    session = a_session(replace(STANDARD_AC, steps=("test_transaction",)))
    for _ in range(3):
        session = look(session).session
    started = look(session)
    assert started.session.outgoing.action == "RemoteStartTransaction"
    unsure = answered(started.session, Answer("timeout"))
    assert (unsure.then, unsure.session.outgoing) == ("wait", None)


def test_a_step_may_ask_for_more_time():
    asked = look(at_heartbeat())
    interval = answered(asked.session, Answer("error", code="NotImplemented"))
    waiting = answered(interval.session, Answer("error", code="NotSupported"))
    assert waiting.session.steps[1].time_limit_seconds == 60
    failed = look(waiting.session, after=61)
    assert failed.session.status == "failed"


def test_a_wait_whose_time_is_up_fails_with_what_was_awaited():
    session = a_session(replace(STANDARD_AC, steps=("configuration",), time_limits_seconds={"configuration": 0.5}))
    for _ in range(3):
        session = look(session).session
    session = replace(
        session,
        steps=(
            session.steps[0],
            replace(
                session.steps[1],
                state={"phase": "reboot", "reset_at": NOW.isoformat(), "reset_epoch": 7, "resets": 0},
            ),
        ),
    )
    failed = look(session, after=1)
    assert failed.session.steps[1].detail == "Not finished within 0 s: still waiting for the charge point to restart."


def test_a_skipped_step_goes_on_and_is_warned_of():
    session = a_session(replace(STANDARD_AC, steps=()))
    session = look(session).session
    nothing = a_charge_point("2.0.1", firmware_version=None)
    skipped = answered(look(session, nothing).session, Answer("error", code="NotSupported"), nothing)
    assert (skipped.then, skipped.session.steps[0].status) == ("again", "skipped")
    assert skipped.notes[-1].level == "warn"
    completed = look(skipped.session, after=2)
    assert (completed.session.status, completed.session.result, completed.then) == ("completed", "passed", "done")
    assert completed.session.completed_at == NOW + timedelta(seconds=2)


@pytest.mark.parametrize(
    ("status", "then"), [("paused", "rest"), *[(s, "done") for s in ("completed", "stopped", "failed")]]
)
def test_nothing_happens_to_a_session_that_does_not_run(status, then):
    session = replace(a_session(), status=status)
    assert look(session) == workflow.Transition(session, then)


KINDS = st.sampled_from(["result", "error", "timeout", "cut", "lost", "not_connected"])


@given(st.lists(st.tuples(KINDS, st.booleans(), st.integers(0, 40)), max_size=60), st.sampled_from(["1.6", "2.0.1"]))
def test_whatever_happens_finished_steps_stay_finished_and_time_ends_it(events, version):
    """No step is repeated, none is begun before the last one ended, and every session ends once time has gone by."""
    session, seconds = a_session(DC_RAPID, run_meter_calibration=True), 0
    for kind, connected, wait in [*events, *[("timeout", False, 2000)] * 20]:
        seconds += wait
        facts = a_charge_point(version, connected=connected)
        answer = Answer(kind, {"status": "Accepted", "setVariableResult": []}, code="GenericError")
        in_flight = session.outgoing is not None and session.outgoing.epoch is not None
        before = session
        session = (answered if in_flight else look)(session, *((answer,) if in_flight else ()), facts, seconds).session
        finished = [step for step in before.steps if step.status in {"passed", "failed", "skipped"}]
        assert [step for step in session.steps if step.finished_at is not None][: len(finished)] == finished
        assert sum(step.status == "running" for step in session.steps) <= 1
    assert session.status in {"failed", "completed"}
