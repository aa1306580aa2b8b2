"""The conversation on one socket, without the socket: what arrives, what it means, what is to be sent.

The gateway's connection owns one of these: it passes every text message to `receive` and acts on the outcome. Time is
passed in as monotonic seconds. The two directions are independent, with one CALL outstanding in each (1.6 §4.1.1, 2.x
Part 4 §4.1.1). After `answer` or `refuse` ask `next_call`; after an outcome `Answered` or after `expire` ask
`next_to_send`.
"""

from __future__ import annotations

from sliproad.ocpp.errors import CallRefused, ErrorCode, wire_code
from sliproad.ocpp.frames import (
    CALL_ERROR,
    CALL_RESULT,
    BadFrame,
    Call,
    CallError,
    CallResult,
    CallResultError,
    Payload,
    Send,
    encode_error,
    encode_result,
    encode_result_error,
    parse,
)
from sliproad.ocpp.inbound import InboundCalls
from sliproad.ocpp.outbound import OutboundCall, OutboundCalls
from sliproad.ocpp.outcomes import Answered, AnswerRejected, Ignored, Queued, Received, Reply
from sliproad.ocpp.validation import rules_of
from sliproad.ocpp.versions import OcppVersion

__all__ = ["AnswerRejected", "Answered", "Conversation", "Ignored", "Queued", "Received", "Reply"]


class Conversation:
    """What is under way on one socket.

    `message_id_prefix` makes the ids of our CALLs unique among all sockets of the charge point (2.1 Part 4 §4.1.4):
    other for each socket, at most 24 characters.
    """

    __slots__ = (
        "_inbound",
        "_outbound",
        "_prefix",
        "_requests",
        "_rules",
        "_sequence",
        "_shallow_actions",
        "call_timeout_seconds",
        "version",
    )

    def __init__(
        self, version: OcppVersion, *, call_timeout_seconds: float = 30.0, message_id_prefix: str = "csms"
    ) -> None:
        """Begin with nothing outstanding in either direction, and our CALLs not held."""
        self.version = version
        self.call_timeout_seconds = call_timeout_seconds
        self._prefix = message_id_prefix
        self._sequence = 0
        self._rules = rules_of(version)
        self._requests = self._rules.requests
        self._shallow_actions = self._rules.shallow_actions
        self._inbound = InboundCalls()
        self._outbound = OutboundCalls()

    def receive(self, data: bytes | memoryview, now: float) -> Received:
        """Take in one text message; never raises, whatever it is.

        A Call or Send is valid and to be handled; its `leniences` say what was forgiven. For the others see their
        classes.
        """
        if type(data) is not bytes:
            data = bytes(data)
        try:
            frame = parse(data, self.version, self._shallow_actions)
        except BadFrame as bad:
            return self._receive_bad(bad)
        if type(frame) is not Call:
            return self._receive_rarer(frame)  # type: ignore[arg-type]
        inbound = self._inbound
        rules = self._requests.get(frame.action)
        if (
            inbound.current is None
            and frame.message_id != inbound.answered_id
            and rules is not None
            and rules.is_valid(frame.payload)
        ):
            inbound.begin(frame, hash(data), now)
            return frame
        return self._receive_unusual_call(frame, hash(data), now)

    @property
    def current_call(self) -> Call | None:
        """The CALL of the charge point that is being handled."""
        return self._inbound.current

    def answer(self, message_id: str, payload: Payload | bytes) -> bytes:
        """Give the CALLRESULT to send for the CALL being handled, and remember it for a repetition.

        `payload` may be encoded already. Raises NotOutstandingError when another CALL or none is being handled.
        """
        data = encode_result(message_id, payload)
        self._inbound.finish(message_id, data)
        return data

    def refuse(self, message_id: str, refusal: CallRefused) -> bytes:
        """Give the CALLERROR to send for the CALL being handled; a repetition of it is tried anew.

        Raises NotOutstandingError when another CALL or none is being handled.
        """
        self._inbound.finish(message_id, None)
        return self._encode_refusal(message_id, refusal)

    @property
    def has_waiting_calls(self) -> bool:
        """Whether the charge point sent CALLs before it had its answer."""
        return bool(self._inbound.waiting)

    def next_call(self) -> Call | None:
        """Give the CALL that waited for the last answer, to be handled now; None when none waits."""
        return self._inbound.next()

    def call(
        self,
        action: str,
        payload: Payload,
        now: float,
        *,
        timeout_seconds: float | None = None,
        message_id: str | None = None,
    ) -> tuple[bytes | None, OutboundCall]:
        """Send a CALL of ours, when one may go now, else queue it: then the bytes are None and `next_to_send` gives
        them.

        The payload is to be valid (`validation.validate_call`). The time limit counts anew from when it is sent.
        `message_id` is for a CALL that may go out again on another socket and is to be recognised there. Raises
        CallQueueFullError when too many wait.
        """
        self._sequence += 1
        call = OutboundCall(
            message_id or f"{self._prefix}-{self._sequence}",
            action,
            payload,
            timeout_seconds=self.call_timeout_seconds if timeout_seconds is None else timeout_seconds,
            now=now,
        )
        return self._outbound.add(call, now), call

    def withdraw(self, call: OutboundCall) -> bool:
        """Take back a CALL that was not sent yet; False when it was sent, answered or expired."""
        return self._outbound.withdraw(call)

    def hold_calls(self) -> None:
        """Send no CALL of ours from now on: they queue. For the time before our BootNotification answer is out."""
        self._outbound.held = True

    def release_calls(self) -> None:
        """Let our CALLs go; `next_to_send` gives the first."""
        self._outbound.held = False

    @property
    def calls_held(self) -> bool:
        """Whether our CALLs are held back."""
        return self._outbound.held

    def next_to_send(self, now: float) -> bytes | None:
        """Give the next queued CALL of ours when it may go now."""
        return self._outbound.next_to_send(now)

    def next_deadline(self) -> float | None:
        """Give the moment at which to call `expire`, None when no CALL of ours is under way."""
        return self._outbound.next_deadline()

    def expire(self, now: float) -> list[OutboundCall]:
        """End every CALL of ours whose time is over; an answer that still comes is Ignored."""
        return self._outbound.expire(now)

    def close(self) -> list[OutboundCall]:
        """End the conversation: give every CALL of ours that will have no answer."""
        return self._outbound.close()

    def _receive_unusual_call(self, call: Call, fingerprint: int, now: float) -> Received:
        """Receive a CALL that is repeated, comes too early, or is not quite valid."""
        inbound = self._inbound
        if inbound.is_repeated(call.message_id, fingerprint):
            return Ignored("the same CALL is being handled")
        answer = inbound.answer_given(call, fingerprint, now)
        if answer is not None:
            return Reply(answer, action=call.action)
        try:
            call.leniences = self._rules.check_call(call.action, call.payload)
        except CallRefused as refusal:
            return self._reply_refusal(call, refusal)
        if inbound.is_full():
            too_many = CallRefused(ErrorCode.RPC_FRAMEWORK_ERROR, "Too many CALLs wait for their answer")
            return self._reply_refusal(call, too_many)
        if inbound.current is None:
            inbound.begin(call, fingerprint, now)
            return call
        inbound.wait(call, fingerprint, now)
        return Queued(call)

    def _receive_rarer(self, frame: CallResult | CallError | CallResultError | Send) -> Received:
        if isinstance(frame, CallResult):
            return self._receive_result(frame)
        if isinstance(frame, CallError):
            return self._receive_error(frame)
        if isinstance(frame, Send):
            return self._receive_send(frame)
        return AnswerRejected(frame)

    def _receive_send(self, send: Send) -> Received:
        try:
            leniences = self._rules.check_send(send.action, send.payload)
        except CallRefused as refusal:
            return Ignored(f"a SEND that is not valid: {refusal.description}")
        return Send(send.message_id, send.action, send.payload, leniences) if leniences else send

    def _receive_result(self, result: CallResult) -> Received:
        call = self._outbound.take_answered(result.message_id)
        if call is None:
            return Ignored("a late answer, or one to nothing we asked")
        try:
            leniences = self._rules.check_result(call.action, result.payload)
        except CallRefused as refusal:
            return self._ill_formed(call, refusal.code, refusal.description, result.payload)
        return Answered(call, payload=result.payload, leniences=leniences)

    def _receive_error(self, error: CallError) -> Received:
        call = self._outbound.take_answered(error.message_id)
        if call is None:
            return Ignored("a late error, or one to nothing we asked")
        return Answered(call, error=error)

    def _receive_bad(self, bad: BadFrame) -> Received:
        """Answer what can't be read where the version lets us; what can't be read of an answer still ends our CALL."""
        if bad.answerable:
            refusal = CallRefused(bad.code, bad.description)
            return Reply(self._encode_refusal(bad.message_id, refusal), refused=refusal)
        if bad.message_type in {CALL_RESULT, CALL_ERROR}:
            call = self._outbound.take_answered(bad.message_id)
            if call is not None and bad.message_type == CALL_RESULT:
                return self._ill_formed(call, bad.code, bad.description, None)
            if call is not None:
                return Answered(call, error=CallError(call.message_id, ErrorCode.GENERIC_ERROR, bad.description))
        return Ignored(bad.description)

    def _ill_formed(self, call: OutboundCall, code: str, description: str, payload: Payload | None) -> Answered:
        reply = None
        if self.version is OcppVersion.V21:
            reply = encode_result_error(call.message_id, code, description, version=self.version)
        error = CallError(call.message_id, wire_code(code, self.version), f"The answer is not valid: {description}")
        return Answered(call, error=error, ill_formed=payload, reply=reply)

    def _reply_refusal(self, call: Call, refusal: CallRefused) -> Reply:
        return Reply(self._encode_refusal(call.message_id, refusal), action=call.action, refused=refusal)

    def _encode_refusal(self, message_id: str | None, refusal: CallRefused) -> bytes:
        return encode_error(message_id, refusal.code, refusal.description, refusal.details, version=self.version)
