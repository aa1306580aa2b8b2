"""Our CALLs on one socket: when they may go, who waits for their answers, and what a charge point may say because of them.

`exchange` owns one. No CALL goes before the answer to a BootNotification; where the charge point was accepted before and merely
reconnects, none before its first message or 5 s (ocpp.md "Messages"). Every CALL and its answer is logged as a frame.
"""

import asyncio
from time import monotonic, time
from typing import TYPE_CHECKING, Any

import orjson

from sliproad.foundation.inbound import Peer
from sliproad.ocpp.conversation import Answered, Conversation
from sliproad.ocpp.frames import Payload
from sliproad.ocpp.outbound import CallQueueFullError, OutboundCall

if TYPE_CHECKING:
    from sliproad.gateway.connection import Connection
    from sliproad.gateway.context import Context

RELEASE_AFTER_SECONDS = 5.0
BOOT = "BootNotification"
# What a charge point that is not accepted yet may send because we asked for it (2.x B02.FR.05, B03.FR.04, F06).
_ASKED_FOR = {
    "GetBaseReport": "NotifyReport",
    "GetReport": "NotifyReport",
    "GetMonitoringReport": "NotifyMonitoringReport",
    "GetLog": "LogStatusNotification",
    "CustomerInformation": "NotifyCustomerInformation",
    "UpdateFirmware": "FirmwareStatusNotification",
}
Answer = dict[str, Any]
"""As the command bridge gives it: `outcome` is `result`, `error`, `timeout`, `busy`, `gone` (never sent) or `lost` (sent, but the
socket went before the answer)."""


class Waiting:
    """A CALL of ours and who waits for its answer."""

    __slots__ = ("answer", "call", "logged", "sent_at")

    def __init__(self, call: OutboundCall, answer: asyncio.Future[Answer]) -> None:
        self.call = call
        self.answer = answer
        self.logged = False
        self.sent_at = 0.0
        """On the monotonic clock."""


class OurCalls:
    """See the module."""

    __slots__ = (
        "_asked_for",
        "_connection",
        "_context",
        "_conversation",
        "_peer",
        "_timer",
        "_waiting",
        "is_gated",
        "release_at",
        "waits_for_first_frame",
    )

    def __init__(self, context: "Context", connection: "Connection", peer: Peer, conversation: Conversation) -> None:
        self._context = context
        self._connection = connection
        self._peer = peer
        self._conversation = conversation
        self._waiting: dict[str, Waiting] = {}
        self._asked_for: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        conversation.hold_calls()
        self.is_gated = peer.version != "1.6" and not peer.is_booted
        """2.x, not accepted: anything but a boot or what we asked for is a SecurityError (B02.FR.09, B03.FR.07)."""
        self.waits_for_first_frame = peer.is_booted
        self.release_at = monotonic() + RELEASE_AFTER_SECONDS if peer.is_booted else None

    def may_say(self, action: str) -> bool:
        """Whether a charge point that is not accepted may send `action`."""
        return action == BOOT or action in self._asked_for

    def boot_answered(self, answer: bytes) -> None:
        """Our answer to a BootNotification is out: CALLs may go, except to a charge point that was rejected (B03)."""
        accepted = b'"Accepted"' in answer
        self._peer.is_booted = accepted
        self.is_gated = self._peer.version != "1.6" and not accepted
        if b'"Rejected"' in answer:
            self._conversation.hold_calls()
            self.release_at, self.waits_for_first_frame = None, False
        else:
            self.release()

    def release(self) -> None:
        """Let our CALLs go."""
        self.release_at, self.waits_for_first_frame = None, False
        self._conversation.release_calls()
        self._send_next()

    def call(self, action: str, payload: Payload, timeout_seconds: float) -> asyncio.Future[Answer]:
        """Send or queue a CALL; the future always gets an answer, never an exception."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        try:
            data, call = self._conversation.call(action, payload, monotonic(), timeout_seconds=timeout_seconds)
        except CallQueueFullError:
            answer.set_result({"outcome": "busy"})
            return answer
        waiting = self._waiting[call.message_id] = Waiting(call, answer)
        if data is not None:
            self._send(data, waiting)
        self._arm()
        return answer

    def answered(self, answered: Answered, data: bytes, at: float) -> None:
        """A CALL of ours has its answer; the next may go."""
        call = answered.call
        if answered.reply is not None:
            self._connection.send(answered.reply)
        if answered.payload is not None:
            kind, said = "result", orjson.dumps(answered.payload)
            answer: Answer = {"outcome": "result", "payload": answered.payload}
        else:
            error = answered.error
            assert error is not None
            kind, said = "error", orjson.dumps([error.code, error.description, error.details])
            answer = {"outcome": "error", "code": error.code, "description": error.description}
        if b"\\u0000" in data:
            said = said.replace(b"\\u0000", b"\\\\u0000")
        context, waiting = self._context, self._waiting.get(call.message_id)
        took_ms = None if waiting is None else (monotonic() - waiting.sent_at) * 1000
        frame = context.frame_log(self._peer, "in", kind, call.message_id, call.action, said, at, duration_ms=took_ms)
        context.group.defer(frame)
        self._settle(call, answer)
        self._send_next()

    def close(self) -> None:
        """The socket is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for call in self._conversation.close():
            self._settle(call, {"outcome": "lost" if call.sent else "gone"})

    def _send_next(self) -> None:
        data = self._conversation.next_to_send(monotonic())
        if data is not None:
            waiting = next(each for each in self._waiting.values() if each.call.sent and not each.logged)
            self._send(data, waiting)
        self._arm()

    def _send(self, data: bytes, waiting: Waiting) -> None:
        call, context = waiting.call, self._context
        waiting.logged, waiting.sent_at = True, monotonic()
        if call.action == "TriggerMessage":
            self._asked_for.add(str(call.payload.get("requestedMessage")))
        elif call.action in _ASKED_FOR:
            self._asked_for.add(_ASKED_FOR[call.action])
        said = orjson.dumps(call.payload).replace(b"\\u0000", b"\\\\u0000")
        context.group.defer(context.frame_log(self._peer, "out", "call", call.message_id, call.action, said, time()))
        self._connection.send(data)

    def _settle(self, call: OutboundCall, answer: Answer) -> None:
        waiting = self._waiting.pop(call.message_id, None)
        if waiting is not None and not waiting.answer.done():
            waiting.answer.set_result(answer)

    def _arm(self) -> None:
        """Have `_expire` called when the next CALL's time is over."""
        deadline = self._conversation.next_deadline()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, deadline - monotonic()) + 0.001, self._expire)

    def _expire(self) -> None:
        self._timer = None
        for call in self._conversation.expire(monotonic()):
            self._settle(call, {"outcome": "timeout"})
        self._send_next()
