"""What a charge point says on one socket, and what it is answered: from bytes to handler, from commit to CALLRESULT.

`connection` passes every text message to `receive`; the rules of the wire are in `ocpp.Conversation`, those of the business in
the handlers. A bad message never closes the socket and never ends as InternalError (ocpp.md "Messages").
"""

from time import monotonic, time
from typing import TYPE_CHECKING

import structlog

from sliproad.foundation.inbound import Answer, Outcome, Peer, Received, Write
from sliproad.gateway.commit_group import Rows
from sliproad.gateway.our_calls import OurCalls
from sliproad.gateway.payloads import escape_nulls, frame_bytes, payload_bytes
from sliproad.gateway.ports import Seen
from sliproad.ocpp.actions import is_transaction_message
from sliproad.ocpp.conversation import Answered, AnswerRejected, Conversation, Ignored, Queued, Reply
from sliproad.ocpp.conversation import Received as Arrived
from sliproad.ocpp.errors import CallRefused, ErrorCode, wire_code
from sliproad.ocpp.frames import Call, Payload, Send
from sliproad.ocpp.validation import answer_may_be_empty
from sliproad.ocpp.versions import OcppVersion

if TYPE_CHECKING:
    from sliproad.gateway.connection import Connection
    from sliproad.gateway.context import Context
    from sliproad.gateway.relay import Relay

log = structlog.get_logger()
BOOT = "BootNotification"
HEARTBEAT = "Heartbeat"
METER_VALUES = "MeterValues"
QUARANTINED_PER_SOCKET = 100
HANDLED: Payload = {}
"""Instead of a payload that was handled: thousands of them waiting for their commit would fall out of the processor's cache."""
NOT_BOOTED = CallRefused(ErrorCode.SECURITY_ERROR, "Not before an accepted BootNotification")
NOT_OURS = CallRefused(ErrorCode.NOT_SUPPORTED, "This is not a message of a charge point")


class Exchange:
    """One per open socket, from the moment its epoch is known."""

    __slots__ = (
        "calls",
        "connection",
        "context",
        "conversation",
        "handlers",
        "heartbeat_at",
        "peer",
        "quarantined",
        "relay",
        "seen_at",
        "version",
    )

    def __init__(self, context: "Context", connection: "Connection", peer: Peer) -> None:
        self.context = context
        self.connection = connection
        self.peer = peer
        self.version = OcppVersion(peer.version)
        self.handlers = context.handlers[self.version]
        self.conversation = Conversation(self.version, message_id_prefix=f"s{peer.epoch}")
        self.calls = OurCalls(context, connection, peer, self.conversation)
        self.seen_at = time()
        self.heartbeat_at: float | None = None
        self.quarantined = 0
        self.relay: Relay | None = None
        """The second connection, to the operator's server, where there is one."""

    def receive(self, data: bytes) -> None:
        """Take in one text message."""
        at = self.seen_at = time()
        arrived = self.conversation.receive(data, monotonic())
        if type(arrived) is Call:
            self._handle(arrived, data, at)
        else:
            self._receive_rarer(arrived, data, at)

    def answer(self, call: Call, answer: bytes) -> None:
        """Send a CALLRESULT, and go on with the CALL that waited for it."""
        conversation = self.conversation
        self.connection.send(conversation.answer(call.message_id, answer))
        if call.action == BOOT:
            self.calls.boot_answered(answer)
        if conversation.has_waiting_calls:
            self._handle_next()

    def refuse(self, call: Call, refusal: CallRefused) -> None:
        """Send a CALLERROR, and go on."""
        self.connection.send(self.conversation.refuse(call.message_id, refusal))
        self._handle_next()

    def close(self) -> None:
        """The socket is gone: our CALLs will have no answer."""
        self.calls.close()
        if self.context.relays is not None:
            self.context.relays.closed(self)

    def poisoned(self, call: Call | Send, raw: bytes, at: float, error: Exception) -> None:
        """A valid message could not be processed: keep it with its payload as it came, then answer; nothing is lost."""
        log.error("message_quarantined", key=self.peer.key, action=call.action, error=repr(error), exc_info=error)
        write = self.context.quarantine(self.peer, frame_bytes(call, raw), f"{call.action}: {type(error).__name__}", at)
        self.context.group.submit(Quarantining(self, call, write))

    def _handle_next(self) -> None:
        waiting = self.conversation.next_call()
        if waiting is not None:
            self._handle(waiting, b"", time())

    def _handle(self, call: Call, data: bytes, at: float) -> None:
        action = call.action
        raw = payload_bytes(data, call)
        payload = call.payload
        if b"\\" in raw and b"\\u0000" in raw:
            payload, raw = escape_nulls(payload)
        handler = self.handlers.get(action)
        if handler is None or (self.calls.is_gated and not self.calls.may_say(action)):
            self._refuse_logged(call, raw, at, NOT_OURS if handler is None else NOT_BOOTED)
            return
        try:
            outcome = handler(self.peer, payload, Received(call.message_id, action, raw, at, call.leniences))
        except CallRefused as refusal:
            self._refuse_logged(call, raw, at, refusal)
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the message is kept and answered
            self.poisoned(call, raw, at, error)
            return
        call.payload = HANDLED
        if action == HEARTBEAT and self._is_mere_sign_of_life(at):
            assert type(outcome.answer) is bytes
            self.answer(call, outcome.answer)
        elif self.relay is None:
            self.submit(call, outcome, raw, at)
        elif (heard := self.relay.heard(call, payload, outcome, raw, at)) is not None:
            self.submit(call, heard, raw, at)
        if self.calls.waits_for_first_frame and action != BOOT:
            self.calls.release()

    def _is_mere_sign_of_life(self, at: float) -> bool:
        """A Heartbeat that nobody watches is answered from memory, without a frame; its time reaches its row within a second."""
        self.heartbeat_at = at
        return self.peer.watched_until <= at

    def _is_routine(self, call: Call, at: float) -> bool:
        """MeterValues as they should be, of a charge point in operation that nobody watches.

        Their samples are kept as they came (`charging.meter_rows`), so a frame would keep the same text twice.
        """
        peer = self.peer
        return (
            peer.commissioned
            and peer.watched_until <= at
            and not call.leniences
            and not self.context.logs_routine_meter_values
        )

    def submit(self, call: Call, outcome: Outcome, raw: bytes, at: float) -> None:
        """Have the writes of a handled CALL committed with its frame, then answer; at once where there are none."""
        context, peer, writes = self.context, self.peer, outcome.writes
        if call.action == METER_VALUES and writes and self._is_routine(call, at):
            if not context.group.submit(Pending(self, call, outcome, writes, raw)):
                self.connection.hold_reading()
            return
        frame = context.frame_log(peer, "in", "call", call.message_id, call.action, raw, at, "result")
        if call.action == HEARTBEAT:
            writes = (*writes, context.presence.seen(peer, Seen(at, at)))
        if writes:
            if not context.group.submit(Pending(self, call, outcome, (*writes, frame), raw)):
                self.connection.hold_reading()
        else:
            context.group.defer(frame)
            assert type(outcome.answer) is bytes
            self.answer(call, outcome.answer)
            self.tell(outcome)

    def _refuse_logged(self, call: Call, raw: bytes, at: float, refusal: CallRefused) -> None:
        context, code = self.context, wire_code(refusal.code, self.version)
        context.group.defer(context.frame_log(self.peer, "in", "call", call.message_id, call.action, raw, at, code))
        self.refuse(call, refusal)

    def _receive_rarer(self, arrived: Arrived, data: bytes, at: float) -> None:
        if type(arrived) is Answered:
            self.calls.answered(arrived, data, at)
        elif type(arrived) is Reply:
            self._reply(arrived, data, at)
        elif type(arrived) is Send:
            self._handle_send(arrived, data, at)
        elif type(arrived) is AnswerRejected:
            log.warning("answer_rejected", key=self.peer.key, code=arrived.error.code)
        elif type(arrived) is Ignored:
            log.info("message_ignored", key=self.peer.key, reason=arrived.reason)
        else:
            assert type(arrived) is Queued

    def _reply(self, reply: Reply, data: bytes, at: float) -> None:
        """A repeated answer, or a refusal; what was unreadable, or part of a transaction, is kept raw before it is refused."""
        refused = reply.refused
        lost = refused is not None and (reply.action is None or is_transaction_message(self.version, reply.action))
        if not lost or self.quarantined >= QUARANTINED_PER_SOCKET:
            self.connection.send(reply.data)
            return
        assert refused is not None
        self.quarantined += 1
        write = self.context.quarantine(self.peer, data, f"{reply.action or 'unreadable'}: {refused.code}", at)
        self.context.group.submit(Refusing(self, reply.data, write))

    def _handle_send(self, send: Send, data: bytes, at: float) -> None:
        """2.1: a message that nobody answers; its handler's writes are committed all the same."""
        handler = self.handlers.get(send.action)
        if handler is None:
            return
        raw = payload_bytes(data, send)
        payload = send.payload
        if b"\\" in raw and b"\\u0000" in raw:
            payload, raw = escape_nulls(payload)
        try:
            outcome = handler(self.peer, payload, Received(send.message_id, send.action, raw, at, send.leniences))
        except CallRefused:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the message is kept and answered
            self.poisoned(send, raw, at, error)
            return
        if self.relay is not None:
            self.relay.sent(send, payload, at)
        frame = self.context.frame_log(self.peer, "in", "call", send.message_id, send.action, raw, at, None)
        self.context.group.submit(Pending(self, send, outcome, (*outcome.writes, frame), raw))

    def tell(self, outcome: Outcome) -> None:
        """Say it on the bus to whoever watches this charge point."""
        live = outcome.live
        if live is not None and self.peer.watched_until > self.seen_at:
            self.context.tell(f"live.{self.peer.key}", {"event": live.event, **live.data})


class Pending:
    """A message whose writes wait for their commit, and its answer with them."""

    __slots__ = ("_call", "_exchange", "_outcome", "_raw", "key", "writes")

    def __init__(
        self, exchange: Exchange, call: Call | Send, outcome: Outcome, writes: tuple[Write, ...], raw: bytes
    ) -> None:
        self._exchange = exchange
        self._call = call
        self._outcome = outcome
        self._raw = raw
        self.key = exchange.peer.key
        self.writes = writes

    def committed(self, rows: Rows) -> None:
        exchange, call = self._exchange, self._call
        if type(call) is Call:
            answer: bytes | None
            given: Answer = self._outcome.answer
            if type(given) is bytes:
                answer = given
            else:
                try:
                    answer = given(rows)  # type: ignore[operator]
                except CallRefused as refusal:
                    exchange.refuse(call, refusal)
                    return
                except Exception as error:  # noqa: BLE001 - whatever it is, the message is kept and answered
                    exchange.poisoned(call, self._raw, time(), error)
                    return
            if answer is not None:  # else the relay gives it, when the operator has decided
                exchange.answer(call, answer)
        if self._outcome.live is not None:
            exchange.tell(self._outcome)

    def refused(self, error: Exception) -> None:
        self._exchange.poisoned(self._call, self._raw, time(), error)


class Quarantining:
    """A message that could not be processed, on its way into quarantine; then it is answered."""

    __slots__ = ("_call", "_exchange", "key", "writes")

    def __init__(self, exchange: Exchange, call: Call | Send, write: Write) -> None:
        self._exchange = exchange
        self._call = call
        self.key = exchange.peer.key
        self.writes = (write,)

    def committed(self, rows: Rows) -> None:  # noqa: ARG002
        exchange, call = self._exchange, self._call
        if type(call) is not Call:
            return
        version, action = exchange.version, call.action
        if is_transaction_message(version, action) and answer_may_be_empty(version, action):
            exchange.answer(
                call, b"{}"
            )  # it is kept; a CALLERROR would have the charge point send it again and then drop it
        else:
            exchange.refuse(call, CallRefused(ErrorCode.GENERIC_ERROR, "Kept, but it could not be processed"))

    def refused(self, error: Exception) -> None:
        log.critical("quarantine_failed", key=self.key, error=repr(error))
        if type(self._call) is Call:
            self._exchange.refuse(self._call, CallRefused(ErrorCode.GENERIC_ERROR, "It could not be processed"))


class Refusing:
    """A refused message on its way into quarantine; then the refusal goes out."""

    __slots__ = ("_exchange", "_reply", "key", "writes")

    def __init__(self, exchange: Exchange, reply: bytes, write: Write) -> None:
        self._exchange = exchange
        self._reply = reply
        self.key = exchange.peer.key
        self.writes = (write,)

    def committed(self, rows: Rows) -> None:  # noqa: ARG002
        self._exchange.connection.send(self._reply)

    def refused(self, error: Exception) -> None:
        log.critical("quarantine_failed", key=self.key, error=repr(error))
        self._exchange.connection.send(self._reply)
