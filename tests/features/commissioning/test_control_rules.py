"""Pause, resume and stop as rules: what a session becomes (contract §3), driven by hand and by a Hypothesis state machine."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from features.commissioning.situations import NOW, SESSION, TOKEN, a_charge_point, a_connector, a_transaction
from sliproad.features.commissioning import workflow
from sliproad.features.commissioning.model import Answer, Options, Session
from sliproad.features.commissioning.steps.remote_control import remote_start_id
from sliproad.features.commissioning.templates import DC_RAPID, STANDARD_AC
from sliproad.features.commissioning.workflow import Answered, Looked
from sliproad.foundation.errors import Conflict

ACCEPTED = Answer("result", {"status": "Accepted"})
OTHER_TOKEN = "SLPTAAAAABBBBBBBBBBB"


def at(seconds: float):
    return NOW + timedelta(seconds=seconds)


def begun(*steps: str) -> Session:
    """A session whose firmware is known and whose next step has begun."""
    session = workflow.begin(SESSION, replace(STANDARD_AC, steps=steps), Options(), TOKEN, NOW)
    while session.current is not None and session.steps[session.current].name != steps[0]:
        session = workflow.advance(session, Looked(a_charge_point()), NOW).session
    return workflow.advance(session, Looked(a_charge_point()), NOW).session


def look(session: Session, seconds: float, **facts):
    return workflow.advance(session, Looked(a_charge_point(**facts)), at(seconds))


def answer(session: Session, given: Answer, seconds: float, **facts):
    return workflow.advance(session, Answered(a_charge_point(**facts), given), at(seconds))


def test_a_pause_holds_the_current_step() -> None:
    held = workflow.pause(begun("heartbeat"), at(5))
    assert (held.then, held.session.status, held.session.paused_at, held.test) == ("rest", "paused", at(5), None)
    assert (held.session.wake_at, held.session.waiting_for) == (None, None)
    assert [note.message for note in held.notes] == ["Paused at step heartbeat"]
    assert look(held.session, 400) == workflow.Transition(held.session, "rest")


def test_waits_and_time_limits_stand_still() -> None:
    """120 s for a heartbeat: 60 s before the pause and 60 s after it."""
    waiting = answer(look(begun("heartbeat"), 0).session, ACCEPTED, 1).session
    held = workflow.pause(waiting, at(60)).session
    resumed = workflow.resume(held, TOKEN, at(1060))
    assert (resumed.then, resumed.session.status, resumed.session.paused_at) == ("again", "running", None)
    assert look(resumed.session, 1119).then == "wait"
    failed = look(resumed.session, 1121).session
    assert failed.status == "failed"
    assert next(step for step in failed.steps if step.name == "heartbeat").duration_ms == 121_000


def test_a_longer_limit_of_the_step_itself_is_not_held_twice() -> None:
    """A heartbeat that can't be asked for is given one interval, counted from when that was learnt."""
    session = workflow.resume(workflow.pause(begun("heartbeat"), at(0)).session, TOKEN, at(100)).session
    session = answer(look(session, 100).session, Answer("error", code="NotImplemented"), 101).session
    session = answer(session, Answer("error", code="NotSupported"), 102).session
    assert look(session, 102 + 59).then == "wait"
    assert look(session, 102 + 61).session.status == "failed"


def test_moments_from_which_a_step_waits_move_on() -> None:
    session = begun("connector_test")
    asked = look(session, 0).session
    waiting = answer(asked, ACCEPTED, 1).session
    held = workflow.pause(waiting, at(5)).session
    state = workflow.resume(held, TOKEN, at(65)).session.steps[held.current].state
    assert state["asks"]["1"]["at"] == at(60).isoformat()
    assert state["asks"]["1"]["before"] == waiting.steps[held.current].state["asks"]["1"]["before"]


def test_a_call_in_flight_finishes_and_its_answer_waits_for_the_step() -> None:
    asked = look(begun("heartbeat"), 0).session
    held = workflow.pause(asked, at(1)).session
    assert held.outgoing == asked.outgoing
    answered = answer(held, ACCEPTED, 2)
    assert (answered.then, answered.session.outgoing.answer) == ("rest", ACCEPTED)
    resumed = workflow.resume(answered.session, TOKEN, at(100)).session
    on = look(resumed, 100)
    assert (on.then, on.session.waiting_for, on.session.outgoing) == ("wait", "a Heartbeat", None)


def test_a_call_still_in_flight_when_it_goes_on_is_answered_as_ever() -> None:
    asked = look(begun("heartbeat"), 0).session
    resumed = workflow.resume(workflow.pause(asked, at(1)).session, TOKEN, at(2)).session
    assert answer(resumed, ACCEPTED, 3).session.waiting_for == "a Heartbeat"


def test_a_step_that_has_not_begun_is_held_too() -> None:
    session = workflow.begin(SESSION, STANDARD_AC, Options(), TOKEN, NOW)
    held = workflow.pause(session, at(1))
    assert [note.message for note in held.notes] == ["Paused at step connectivity"]
    resumed = workflow.resume(held.session, TOKEN, at(9)).session
    assert look(resumed, 10).session.steps[0].started_at == at(10)


def a_running_test() -> Session:
    """The test transaction was asked for, and the charge point will try."""
    started = look(begun("test_transaction"), 0)
    assert started.session.outgoing.action == "RemoteStartTransaction"
    return answer(started.session, ACCEPTED, 1).session


def test_a_test_transaction_is_given_up_by_a_pause_and_begun_anew() -> None:
    held = workflow.pause(a_running_test(), at(100))
    assert (held.test, held.session.outgoing, held.session.wake_at) == ("abandoned", None, None)
    assert held.session.steps[held.session.current].state == {}
    resumed = workflow.resume(held.session, OTHER_TOKEN, at(500)).session
    assert workflow.deadline(resumed.steps[resumed.current]) - at(500) == timedelta(
        seconds=resumed.steps[resumed.current].time_limit_seconds
    )
    again = look(resumed, 501, transactions=(a_transaction(),))
    assert again.session.outgoing.payload["idTag"] == OTHER_TOKEN, "the old one is nothing to it"


def test_the_answer_to_a_start_that_was_given_up_is_of_no_concern() -> None:
    started = look(begun("test_transaction"), 0).session
    held = workflow.pause(started, at(1)).session
    assert answer(held, ACCEPTED, 2) == workflow.Transition(held, "rest")


@pytest.mark.parametrize("control", [workflow.pause, workflow.stop])
def test_a_test_whose_start_was_rejected_leaves_nothing_but_a_dead_token(control) -> None:
    started = look(begun("test_transaction"), 0).session
    waiting = answer(started, Answer("result", {"status": "Rejected"}), 1)
    assert waiting.session.waiting_for == "the vehicle: plug it in at connector 1 now"
    given_up = control(waiting.session, at(2))
    assert given_up.test == "ended"
    assert not [note for note in given_up.notes if "test transaction" in note.message]


def test_a_refused_test_leaves_nothing_but_a_dead_token() -> None:
    plugged = {"connectors": (a_connector(1, status="Preparing"),)}
    started = look(begun("test_transaction"), 0, **plugged).session
    refused = answer(started, Answer("result", {"status": "Rejected"}), 1, **plugged)
    assert (refused.session.status, refused.test) == ("failed", "ended")


def test_another_token_is_another_start() -> None:
    assert remote_start_id(TOKEN) != remote_start_id(OTHER_TOKEN)


def test_a_stop_ends_the_session_and_its_test() -> None:
    stopped = workflow.stop(a_running_test(), at(7))
    session = stopped.session
    assert (stopped.then, stopped.test, session.status, session.stopped_at) == ("done", "abandoned", "stopped", at(7))
    assert (session.result, session.completed_at, session.wake_at, session.outgoing) == (None, None, None, None)
    step = session.steps[session.current]
    assert (step.status, step.detail) == ("pending", "Stopped before it was finished")


def test_a_paused_session_can_be_stopped_and_its_test_is_given_up_once() -> None:
    held = workflow.pause(a_running_test(), at(7))
    stopped = workflow.stop(held.session, at(8))
    assert (stopped.session.status, stopped.session.paused_at, stopped.test) == ("stopped", None, None)


def test_a_failed_test_is_given_up_and_a_passed_one_is_over() -> None:
    failed = look(a_running_test(), 10_000)
    assert (failed.session.status, failed.test) == ("failed", "abandoned")
    charging = (a_transaction(last_register_wh=1100),)
    stopping = look(a_running_test(), 5, transactions=charging).session
    ending = answer(stopping, ACCEPTED, 6, transactions=charging).session
    done = (a_transaction(last_register_wh=1100, stopped_at=at(8), meter_stop_wh=1100),)
    passed = look(ending, 9, transactions=done)
    assert (passed.session.steps[-1].status, passed.test) == ("passed", "ended")


def test_between_the_last_step_and_the_end_there_is_nothing_to_hold() -> None:
    done = begun("heartbeat")
    done = replace(done, steps=tuple(replace(step, status="passed") for step in done.steps))
    with pytest.raises(Conflict):
        workflow.pause(done, at(1))
    stopped = workflow.stop(done, at(1))
    assert (stopped.session.status, [note.message for note in stopped.notes]) == ("stopped", ["Stopped"])
    held = replace(done, status="paused", paused_at=NOW)
    assert workflow.resume(held, TOKEN, at(1)).session.status == "running"


@pytest.mark.parametrize("status", ["completed", "stopped", "failed"])
def test_what_is_over_takes_no_control(status) -> None:
    over = replace(begun("heartbeat"), status=status)
    for control in (
        lambda: workflow.pause(over, NOW),
        lambda: workflow.stop(over, NOW),
        lambda: workflow.resume(over, TOKEN, NOW),
    ):
        with pytest.raises(Conflict) as refused:
            control()
        assert refused.value.code == "invalid_state"


def test_a_paused_session_is_not_paused_and_a_running_one_not_resumed() -> None:
    running = begun("heartbeat")
    with pytest.raises(Conflict):
        workflow.resume(running, TOKEN, NOW)
    with pytest.raises(Conflict):
        workflow.pause(workflow.pause(running, NOW).session, NOW)


class Sessions(RuleBasedStateMachine):
    """The workflow against a model of what people may expect of it: status, finished steps, one answer a CALL, time that stands still."""

    @initialize(
        version=st.sampled_from(["1.6", "2.0.1"]),
        steps=st.sampled_from(
            [DC_RAPID.steps, ("test_transaction",), ("heartbeat", "test_transaction", "connector_test")]
        ),
    )
    def start(self, version, steps):
        self.template = replace(DC_RAPID, steps=steps)
        self.version, self.seconds, self.round = version, 0.0, 0
        self.charging = set()
        self.begin()

    def begin(self):
        self.round += 1
        self.session = workflow.begin(SESSION, self.template, Options(), f"T{self.round}", at(self.seconds))
        self.status, self.finished, self.in_flight, self.kept = "running", {}, False, None
        self.running_seconds, self.begun_at = 0.0, {}

    def facts(self, *, connected=True, charges=False):
        transactions = ()
        token = self.session.test_token
        if charges:
            self.charging.add(token)
        if token in self.charging:
            transactions = (a_transaction(id_token=token, remote_start_id=remote_start_id(token)),)
        heard = {"last_heartbeat_at": at(self.seconds), "last_heartbeat_epoch": 7} if self.seconds > 30 else {}
        return a_charge_point(self.version, connected=connected, transactions=transactions, **heard)

    def take(self, transition):
        """The engine's part: what it would store."""
        before, self.session = self.session, transition.session
        had = before.current is not None and before.steps[before.current].has_started_test
        has = self.session.current is not None and self.session.steps[self.session.current].has_started_test
        if transition.test is None:
            assert not had or has, "a started test is never forgotten"
        else:
            assert had
            assert not has
        self.in_flight = (
            self.session.outgoing is not None
            and self.session.outgoing.epoch is not None
            and self.session.outgoing.answer is None
        )
        for step in self.session.steps:
            if step.status in {"passed", "failed", "skipped"}:
                self.finished.setdefault(step.name, step)
            if step.status == "running":
                self.begun_at.setdefault(step.name, self.running_seconds)
        self.status = self.session.status if self.session.status in {"completed", "failed"} else self.status

    def pass_time(self, seconds):
        self.seconds += seconds
        if self.status == "running":
            self.running_seconds += seconds

    @rule(connected=st.booleans(), charges=st.booleans(), seconds=st.integers(0, 60), times=st.integers(1, 4))
    def look(self, connected, charges, seconds, times):
        self.pass_time(seconds)
        for _ in range(times):
            if not self.in_flight:
                facts = self.facts(connected=connected or times > 1, charges=charges)
                self.take(workflow.advance(self.session, Looked(facts), at(self.seconds)))

    @precondition(lambda self: self.status == "running")
    @rule(seconds=st.sampled_from([300, 2000]))
    def nobody_looks_for_long(self, seconds):
        self.pass_time(seconds)

    @precondition(lambda self: self.in_flight)
    @rule(
        kind=st.sampled_from(["result", "result", "error", "timeout", "cut", "lost", "not_connected"]),
        seconds=st.integers(0, 30),
        charges=st.booleans(),
    )
    def answered(self, kind, seconds, charges):
        self.pass_time(seconds)
        given = Answer(kind, {"status": "Accepted", "setVariableResult": []}, code="GenericError")
        paused = self.status == "paused"
        event = Answered(self.facts(charges=charges), given)
        self.take(workflow.advance(self.session, event, at(self.seconds)))
        if paused:
            assert self.session.outgoing.answer == given

    @rule()
    def pause(self):
        if self.status == "running" and self.session.current is not None:
            self.take(workflow.pause(self.session, at(self.seconds)))
            self.status = "paused"
        else:
            with pytest.raises(Conflict):
                workflow.pause(self.session, at(self.seconds))

    @rule(seconds=st.integers(0, 5000))
    def resume(self, seconds):
        self.pass_time(seconds)
        if self.status == "paused":
            self.round += 1
            self.take(workflow.resume(self.session, f"T{self.round}", at(self.seconds)))
            self.status = "running"
        else:
            with pytest.raises(Conflict):
                workflow.resume(self.session, "T", at(self.seconds))

    @rule(really=st.sampled_from([True, False, False, False, False]))
    def stop(self, really):
        if not really:
            return
        if self.status in {"running", "paused"}:
            self.take(workflow.stop(self.session, at(self.seconds)))
            self.status = "stopped"
        else:
            with pytest.raises(Conflict):
                workflow.stop(self.session, at(self.seconds))

    @precondition(lambda self: self.status in {"stopped", "failed", "completed"})
    @rule()
    def restart(self):
        self.begin()

    @invariant()
    def the_status_is_the_models(self):
        if hasattr(self, "session"):
            assert self.session.status == self.status
            assert (self.session.paused_at is not None) == (self.status == "paused")
            assert (self.session.stopped_at is not None) == (self.status == "stopped")
            assert (self.session.result is None) == (self.status not in {"completed", "failed"})

    @invariant()
    def finished_steps_stay_finished_and_one_runs_at_most(self):
        if hasattr(self, "session"):
            for step in self.session.steps:
                if step.name in self.finished:
                    assert step == self.finished[step.name]
            assert sum(step.status == "running" for step in self.session.steps) <= 1

    @invariant()
    def no_time_passes_while_it_is_paused(self):
        """A step's duration is never longer than what it ran, and none runs out of a time that it did not have."""
        if hasattr(self, "session"):
            for step in self.session.steps:
                if step.duration_ms is not None:
                    ran = self.running_seconds - self.begun_at.get(step.name, self.running_seconds)
                    assert step.duration_ms <= ran * 1000 + 1

    @invariant()
    def a_session_that_is_over_or_paused_is_due_never(self):
        if hasattr(self, "session") and self.status != "running":
            assert self.session.wake_at is None


Sessions.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestSessions = Sessions.TestCase
