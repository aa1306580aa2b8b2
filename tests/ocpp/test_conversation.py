"""One socket, both directions: order, repetitions, time limits. OCPP-J 1.6 §4.1, OCPP 2.x Part 4 §4.1."""

import json

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sliproad.ocpp.conversation import Conversation
from sliproad.ocpp.errors import CallRefused, ErrorCode
from sliproad.ocpp.frames import Call, Send, encode_call, encode_error, encode_result, encode_result_error, encode_send
from sliproad.ocpp.inbound import MAX_WAITING_CALLS, REPEAT_WINDOW_SECONDS, NotOutstandingError
from sliproad.ocpp.leniences import Lenience
from sliproad.ocpp.outbound import MAX_QUEUED_CALLS, CallQueueFullError
from sliproad.ocpp.outcomes import Answered, AnswerRejected, Ignored, Queued, Reply
from sliproad.ocpp.versions import OcppVersion

V16, V201, V21 = OcppVersion.V16, OcppVersion.V201, OcppVersion.V21
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
STREAM = {"id": 1, "pending": 0, "basetime": "2026-01-01T12:00:00Z", "data": [{"t": 0, "v": "1"}]}


def status(message_id, **fields):
    return encode_call(message_id, "StatusNotification", STATUS | fields)


def heartbeat(message_id):
    return encode_call(message_id, "Heartbeat", {})


def a_conversation(version=V16, **options):
    return Conversation(version, **options)


def assert_handed_out(outcome, message_id):
    assert isinstance(outcome, Call)
    assert outcome.message_id == message_id
    return outcome


def assert_refused(outcome, message_id, code):
    assert isinstance(outcome, Reply)
    assert json.loads(outcome.data)[:3] == [4, message_id, code]
    assert outcome.refused is not None


# What the charge point asks


def test_a_call_is_handed_out_and_answered():
    conversation = a_conversation()
    call = conversation.receive(status("1"), 0.0)
    assert call == Call("1", "StatusNotification", STATUS, Lenience.NONE)
    assert conversation.current_call is call
    assert conversation.answer("1", {}) == b'[3,"1",{}]'
    assert conversation.current_call is None


def test_what_was_forgiven_comes_with_the_call():
    call = a_conversation().receive(memoryview(status("1", timestamp="2026-01-01T12:00:00")), 0.0)
    assert_handed_out(call, "1")
    assert call.leniences == Lenience.TIMESTAMP
    assert call.payload["timestamp"] == "2026-01-01T12:00:00Z"


def test_a_refusal_is_told_in_the_words_of_the_version():
    """1.6 §4.2.3, 2.x Part 4 §4.3."""
    for version, code in ((V16, "FormationViolation"), (V201, "FormatViolation")):
        conversation = a_conversation(version)
        conversation.receive(heartbeat("1"), 0.0)
        data = conversation.refuse("1", CallRefused(ErrorCode.FORMAT_VIOLATION, "no", {"why": "so"}))
        assert json.loads(data) == [4, "1", code, "no", {"why": "so"}]


def test_an_invalid_call_is_refused_at_once_even_while_another_is_handled():
    conversation = a_conversation()
    conversation.receive(status("1"), 0.0)
    refused = conversation.receive(status("2", status="Broken"), 0.0)
    assert_refused(refused, "2", "PropertyConstraintViolation")
    assert refused.action == "StatusNotification"
    assert_refused(conversation.receive(encode_call("3", "Coffee", {}), 0.0), "3", "NotImplemented")
    assert conversation.current_call.message_id == "1"


def test_calls_that_do_not_wait_for_their_turn_keep_their_order():
    """1.6 §4.1.1, 2.x Part 4 §4.1.1: one at a time; nothing is lost when a charge point does otherwise."""
    conversation = a_conversation()
    assert_handed_out(conversation.receive(status("1"), 0.0), "1")
    for message_id in ("2", "3"):
        queued = conversation.receive(status(message_id), 0.0)
        assert isinstance(queued, Queued)
        assert queued.call.message_id == message_id
    assert conversation.next_call() is None
    conversation.answer("1", b"{}")
    assert_handed_out(conversation.next_call(), "2")
    conversation.refuse("2", CallRefused(ErrorCode.INTERNAL_ERROR))
    assert_handed_out(conversation.next_call(), "3")
    conversation.answer("3", b"{}")
    assert conversation.next_call() is None


@pytest.mark.parametrize(
    ("version", "code"), [(V16, "GenericError"), (V201, "RpcFrameworkError"), (V21, "RpcFrameworkError")]
)
def test_no_more_than_sixteen_wait(version, code):
    conversation = a_conversation(version)
    conversation.receive(heartbeat("first"), 0.0)
    for number in range(MAX_WAITING_CALLS):
        assert isinstance(conversation.receive(heartbeat(f"{number}"), 0.0), Queued)
    assert_refused(conversation.receive(heartbeat("too many"), 0.0), "too many", code)
    conversation.answer("first", b"{}")
    assert_handed_out(conversation.next_call(), "0")
    assert isinstance(conversation.receive(heartbeat("fits again"), 0.0), Queued)


def test_the_same_call_while_it_is_handled_or_waits_is_answered_once():
    """1.6 §4.2.3: an existing call with the same unique identifier is being handled already."""
    conversation = a_conversation()
    conversation.receive(status("1"), 0.0)
    assert isinstance(conversation.receive(status("1"), 0.1), Ignored)
    assert isinstance(conversation.receive(status("2"), 0.2), Queued)
    assert isinstance(conversation.receive(status("2"), 0.3), Ignored)
    conversation.answer("1", b"{}")
    assert_handed_out(conversation.next_call(), "2")
    conversation.answer("2", b"{}")
    assert conversation.next_call() is None


def test_the_same_call_again_gets_the_same_answer_again():
    """2.1 Part 4 §4.1.4: a retried message may have the same id."""
    conversation = a_conversation()
    conversation.receive(status("1"), 0.0)
    answer = conversation.answer("1", {})
    repeated = conversation.receive(status("1"), 1.0)
    assert isinstance(repeated, Reply)
    assert (repeated.data, repeated.refused, repeated.action) == (answer, None, "StatusNotification")
    assert conversation.current_call is None


def test_an_answer_is_remembered_until_the_next():
    """Nothing else may be outstanding, so what is sent again comes next; what comes later is told by its rows (ocpp.md, Retries)."""
    conversation = a_conversation()
    for number in range(2):
        conversation.receive(status(f"{number}"), 0.0)
        conversation.answer(f"{number}", {})
    assert isinstance(conversation.receive(status("1"), 1.0), Reply)
    assert_handed_out(conversation.receive(status("0"), 1.0), "0")


def test_an_id_used_again_for_another_call_is_another_call():
    """Some charge points count from one after every message; none of these may be lost."""
    conversation = a_conversation()
    conversation.receive(status("1"), 0.0)
    conversation.answer("1", {})
    assert_handed_out(conversation.receive(status("1", status="Charging"), 1.0), "1")
    assert isinstance(conversation.receive(status("1", status="Faulted"), 1.0), Queued)
    conversation.answer("1", {})
    assert_handed_out(conversation.next_call(), "1")


def test_an_answer_is_not_repeated_for_ever():
    conversation = a_conversation()
    conversation.receive(status("1"), 0.0)
    conversation.answer("1", {})
    assert_handed_out(conversation.receive(status("1"), REPEAT_WINDOW_SECONDS + 0.1), "1")


def test_a_heartbeat_is_always_answered_with_the_time_of_now():
    conversation = a_conversation()
    conversation.receive(heartbeat("1"), 0.0)
    conversation.answer("1", {"currentTime": "2026-01-01T12:00:00Z"})
    assert_handed_out(conversation.receive(heartbeat("1"), 1.0), "1")


def test_what_was_refused_may_be_tried_again():
    conversation = a_conversation()
    conversation.receive(status("1"), 0.0)
    conversation.refuse("1", CallRefused(ErrorCode.INTERNAL_ERROR))
    assert_handed_out(conversation.receive(status("1"), 1.0), "1")


def test_only_the_call_being_handled_can_be_answered():
    conversation = a_conversation()
    with pytest.raises(NotOutstandingError):
        conversation.answer("1", {})
    conversation.receive(status("1"), 0.0)
    with pytest.raises(NotOutstandingError):
        conversation.refuse("2", CallRefused(ErrorCode.INTERNAL_ERROR))
    conversation.answer("1", {})
    with pytest.raises(NotOutstandingError):
        conversation.answer("1", {})


def test_an_answer_that_can_not_be_written_leaves_the_call_to_be_refused():
    conversation = a_conversation()
    conversation.receive(status("1"), 0.0)
    with pytest.raises(TypeError):
        conversation.answer("1", {"x": object()})
    assert json.loads(conversation.refuse("1", CallRefused(ErrorCode.INTERNAL_ERROR)))[2] == "InternalError"


def test_a_send_is_handed_out_at_any_time_and_never_answered():
    """2.1 Part 4 §4.2.4."""
    conversation = a_conversation(V21)
    conversation.receive(heartbeat("1"), 0.0)
    outcome = conversation.receive(encode_send("s", "NotifyPeriodicEventStream", STREAM), 0.0)
    assert outcome == Send("s", "NotifyPeriodicEventStream", STREAM)
    careless = STREAM | {"basetime": "2026-01-01T12:00:00"}
    outcome = conversation.receive(encode_send("s", "NotifyPeriodicEventStream", careless), 0.0)
    assert outcome == Send("s", "NotifyPeriodicEventStream", STREAM, Lenience.TIMESTAMP)
    outcome = conversation.receive(encode_send("s", "NotifyPeriodicEventStream", {}), 0.0)
    assert isinstance(outcome, Ignored)
    assert conversation.current_call.message_id == "1"


def test_a_charge_point_may_find_fault_with_our_answer():
    """2.1 Part 4 §4.2.3 CALLRESULTERROR."""
    outcome = a_conversation(V21).receive(encode_result_error("1", "FormatViolation", "no", version=V21), 0.0)
    assert isinstance(outcome, AnswerRejected)
    assert (outcome.error.message_id, outcome.error.code) == ("1", "FormatViolation")


# What we ask


def sent(data):
    assert data is not None
    return json.loads(data)


def test_a_call_of_ours_is_sent_at_once_and_its_answer_recognised():
    conversation = a_conversation(message_id_prefix="s7")
    data, call = conversation.call("Reset", {"type": "Soft"}, 10.0)
    assert sent(data) == [2, "s7-1", "Reset", {"type": "Soft"}]
    assert (call.message_id, call.sent, call.deadline) == ("s7-1", True, 40.0)
    outcome = conversation.receive(encode_result("s7-1", {"status": "Accepted"}), 11.0)
    assert isinstance(outcome, Answered)
    assert outcome.call is call
    assert (outcome.payload, outcome.error, outcome.reply) == ({"status": "Accepted"}, None, None)
    assert conversation.next_deadline() is None


def test_our_calls_go_one_after_the_other_each_under_its_own_id():
    """1.6 §4.1.1 and §4.1.4, 2.x Part 4 §4.1.1 and §4.1.4."""
    conversation = a_conversation()
    first, _ = conversation.call("ClearCache", {}, 0.0)
    second, call = conversation.call("GetLocalListVersion", {}, 0.0)
    assert second is None
    assert not call.sent
    assert conversation.next_to_send(0.0) is None
    conversation.receive(encode_result(sent(first)[1], {"status": "Accepted"}), 5.0)
    data = conversation.next_to_send(5.0)
    assert sent(data)[2] == "GetLocalListVersion"
    assert sent(data)[1] != sent(first)[1]
    assert (call.sent, call.deadline) == (True, 35.0)
    assert conversation.next_to_send(5.0) is None


def test_the_directions_are_independent():
    """1.6 §4.1.1 and 2.x Part 4 §4.1.1, the note: CALLs of both sides may cross each other."""
    conversation = a_conversation()
    data, _ = conversation.call("ClearCache", {}, 0.0)
    assert_handed_out(conversation.receive(status(sent(data)[1]), 1.0), sent(data)[1])
    assert isinstance(conversation.receive(encode_result(sent(data)[1], {"status": "Accepted"}), 2.0), Answered)
    conversation.answer(sent(data)[1], {})


def test_the_error_of_a_charge_point_is_the_answer():
    conversation = a_conversation()
    data, call = conversation.call("ClearCache", {}, 0.0)
    outcome = conversation.receive(encode_error(sent(data)[1], "NotSupported", "no", version=V16), 1.0)
    assert isinstance(outcome, Answered)
    assert (outcome.call, outcome.payload, outcome.error.code, outcome.error.description) == (
        call,
        None,
        "NotSupported",
        "no",
    )


def test_a_careless_answer_is_an_answer():
    conversation = a_conversation()
    data, _ = conversation.call("GetLocalListVersion", {}, 0.0)
    outcome = conversation.receive(encode_result(sent(data)[1], {"listVersion": 3.0}), 1.0)
    assert (outcome.payload, outcome.leniences) == ({"listVersion": 3}, Lenience.INTEGER_WITH_FRACTION)


@pytest.mark.parametrize(
    ("answer", "in_16", "in_2x", "ill_formed"),
    [
        ('[3,"%s",{"status":"Perhaps"}]', "PropertyConstraintViolation", "PropertyConstraintViolation", True),
        ('[3,"%s",{}]', "OccurenceConstraintViolation", "OccurrenceConstraintViolation", True),
        ('[3,"%s",[]]', "FormationViolation", "FormatViolation", False),
        ('[3,"%s",{"status":NaN}]', "FormationViolation", "FormatViolation", False),
    ],
)
@pytest.mark.parametrize("version", list(OcppVersion))
def test_an_answer_that_is_not_valid_ends_the_call_with_an_error(version, answer, in_16, in_2x, ill_formed):
    """2.1 Part 4 §4.2.3 tells the charge point, by CALLRESULTERROR; before, nobody may."""
    conversation = a_conversation(version)
    data, call = conversation.call("ClearCache", {}, 0.0)
    outcome = conversation.receive((answer % sent(data)[1]).encode(), 1.0)
    assert isinstance(outcome, Answered)
    code = in_2x if version.is_2x else in_16
    assert (outcome.call, outcome.payload, outcome.error.code) == (call, None, code)
    assert (outcome.ill_formed is not None) is ill_formed
    if version is V21:
        assert json.loads(outcome.reply)[:3] == [5, sent(data)[1], code]
    else:
        assert outcome.reply is None
    assert conversation.next_deadline() is None


def test_an_unreadable_error_still_ends_the_call():
    conversation = a_conversation()
    data, call = conversation.call("ClearCache", {}, 0.0)
    outcome = conversation.receive(f'[4,"{sent(data)[1]}"]'.encode(), 1.0)
    assert isinstance(outcome, Answered)
    assert (outcome.call, outcome.error.code, outcome.reply) == (call, "GenericError", None)


@pytest.mark.parametrize(
    "data",
    [
        encode_result("nobody", {}),
        encode_error("nobody", "GenericError", version=V16),
        b'[3,"nobody",[]]',
        b'[4,"nobody"]',
        b"[4]",
    ],
)
def test_an_answer_to_nothing_we_asked_is_ignored(data):
    conversation = a_conversation()
    _, call = conversation.call("ClearCache", {}, 0.0)
    assert isinstance(conversation.receive(data, 1.0), Ignored)
    assert conversation.close() == [call]


def test_a_call_without_answer_times_out_and_its_late_answer_is_ignored():
    """1.6 §4.1.1, 2.x Part 4 §4.1.1: a CALL has timed out."""
    conversation = a_conversation(call_timeout_seconds=10.0)
    data, call = conversation.call("ClearCache", {}, 100.0)
    assert conversation.next_deadline() == 110.0
    assert conversation.expire(109.9) == []
    assert conversation.expire(110.0) == [call]
    assert conversation.next_deadline() is None
    assert isinstance(conversation.receive(encode_result(sent(data)[1], {"status": "Accepted"}), 111.0), Ignored)
    following, _ = conversation.call("ClearCache", {}, 112.0)
    assert sent(following)[1] != sent(data)[1]


def test_a_call_that_could_not_be_sent_in_time_is_not_sent_at_all():
    """Nobody waits for it any more; a remote start minutes later would be dangerous."""
    conversation = a_conversation()
    conversation.call("ClearCache", {}, 0.0)
    _, urgent = conversation.call("UnlockConnector", {"connectorId": 1}, 0.0, timeout_seconds=5.0)
    assert conversation.next_deadline() == 5.0
    assert conversation.expire(5.0) == [urgent]
    assert not urgent.sent
    assert conversation.next_deadline() == 30.0


def test_a_waiting_call_can_be_withdrawn_a_sent_one_not():
    conversation = a_conversation()
    _, first = conversation.call("ClearCache", {}, 0.0)
    _, second = conversation.call("ClearCache", {}, 0.0)
    assert conversation.withdraw(second)
    assert not conversation.withdraw(second)
    assert not conversation.withdraw(first)
    assert conversation.close() == [first]
    assert conversation.close() == []


def test_no_call_of_ours_goes_while_they_are_held():
    """design: no CALL of ours before our BootNotification answer is out."""
    conversation = a_conversation()
    conversation.hold_calls()
    assert conversation.calls_held
    data, call = conversation.call("ClearCache", {}, 0.0)
    assert data is None
    assert conversation.next_to_send(1.0) is None
    assert conversation.next_deadline() == 30.0
    conversation.release_calls()
    assert not conversation.calls_held
    assert sent(conversation.next_to_send(2.0))[1] == call.message_id
    assert conversation.next_deadline() == 32.0


def test_no_more_of_our_calls_wait_than_are_worth_it():
    conversation = a_conversation()
    conversation.call("ClearCache", {}, 0.0)
    for _ in range(MAX_QUEUED_CALLS):
        conversation.call("ClearCache", {}, 0.0)
    with pytest.raises(CallQueueFullError):
        conversation.call("ClearCache", {}, 0.0)
    assert len(conversation.close()) == MAX_QUEUED_CALLS + 1


class AnyOrderOfThings(RuleBasedStateMachine):
    """Whatever both sides do in whatever order: every CALL is answered once, in order, and ours end once."""

    @initialize(version=st.sampled_from(list(OcppVersion)))
    def begin(self, version):
        self.conversation = Conversation(version)
        self.now = 0.0
        self.accepted, self.handled = [], []
        self.current = None
        self.ours, self.ended = [], []
        self.on_the_wire = None
        self.count = 0

    @rule(delay=st.floats(0.0, 40.0))
    def time_passes(self, delay):
        self.now += delay
        expired = self.conversation.expire(self.now)
        assert all(call.deadline <= self.now for call in expired)
        self.ended += expired
        if self.on_the_wire in expired:
            self.on_the_wire = None
        self.pump()

    @rule()
    def the_charge_point_asks(self):
        self.count += 1
        message_id = f"cp-{self.count}"
        self.take(self.conversation.receive(heartbeat(message_id), self.now), message_id)

    @precondition(lambda self: self.current is not None)
    @rule()
    def the_charge_point_repeats_itself(self):
        assert isinstance(self.conversation.receive(heartbeat(self.current), self.now), Ignored)

    @rule(data=st.binary(max_size=30))
    def the_charge_point_babbles(self, data):
        assert isinstance(self.conversation.receive(data, self.now), Reply | Ignored)

    @precondition(lambda self: self.current is not None)
    @rule(well=st.booleans())
    def we_answer(self, well):
        if well:
            self.conversation.answer(self.current, b"{}")
        else:
            self.conversation.refuse(self.current, CallRefused(ErrorCode.INTERNAL_ERROR))
        self.handled.append(self.current)
        following = self.conversation.next_call()
        self.current = following.message_id if following else None

    @rule()
    def we_ask(self):
        try:
            data, call = self.conversation.call("GetLocalListVersion", {}, self.now)
        except CallQueueFullError:
            return
        self.ours.append(call)
        if data is not None:
            assert self.on_the_wire is None
            self.on_the_wire = call

    @precondition(lambda self: self.on_the_wire is not None)
    @rule(payload=st.sampled_from([{"listVersion": 1}, {"versionNumber": 1}, {}]))
    def the_charge_point_answers(self, payload):
        outcome = self.conversation.receive(encode_result(self.on_the_wire.message_id, payload), self.now)
        assert isinstance(outcome, Answered)
        assert outcome.call is self.on_the_wire
        assert (outcome.payload is None) != (outcome.error is None)
        self.ended.append(outcome.call)
        self.on_the_wire = None
        self.pump()

    @rule()
    def the_charge_point_answers_something_over(self):
        if self.ended:
            late = encode_result(self.ended[-1].message_id, {"listVersion": 1})
            assert isinstance(self.conversation.receive(late, self.now), Ignored)

    @rule()
    def we_hold(self):
        self.conversation.hold_calls()

    @rule()
    def we_release(self):
        self.conversation.release_calls()
        self.pump()

    @invariant()
    def calls_are_handled_in_the_order_they_came(self):
        if hasattr(self, "handled"):
            assert self.accepted[: len(self.handled)] == self.handled

    @invariant()
    def a_call_of_ours_ends_once(self):
        if hasattr(self, "ended"):
            assert len(self.ended) == len({id(call) for call in self.ended})

    def teardown(self):
        if hasattr(self, "conversation"):
            self.ended += self.conversation.close()
            assert {id(call) for call in self.ended} == {id(call) for call in self.ours}

    def take(self, outcome, message_id):
        if isinstance(outcome, Reply):
            assert len(self.accepted) - len(self.handled) > MAX_WAITING_CALLS
            return
        self.accepted.append(message_id)
        if isinstance(outcome, Call):
            assert self.current is None
            self.current = message_id

    def pump(self):
        data = self.conversation.next_to_send(self.now)
        if data is not None:
            assert self.on_the_wire is None
            self.on_the_wire = next(call for call in self.ours if call.message_id == json.loads(data)[1])
        assert self.conversation.next_to_send(self.now) is None or self.on_the_wire is not None


AnyOrderOfThings.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAnyOrderOfThings = AnyOrderOfThings.TestCase
