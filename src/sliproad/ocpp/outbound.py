"""Our CALLs on one socket: one outstanding, the others in order behind it, each with its time limit.

`conversation` alone uses it. OCPP-J 1.6 §4.1.1, 2.x Part 4 §4.1.1.
"""

from __future__ import annotations

from typing import Final

from sliproad.ocpp.frames import Payload, encode_call

MAX_QUEUED_CALLS: Final = 32


class CallQueueFullError(Exception):
    """More CALLs wait for this charge point than are worth waiting for."""


class OutboundCall:
    """One CALL of ours and the token it is recognised by; two are equal only when they are the same one.

    `sent` tells whether the charge point may have seen it: an expired CALL that was sent may still have had its effect.
    """

    __slots__ = ("action", "deadline", "message_id", "payload", "sent", "timeout_seconds")

    def __init__(self, message_id: str, action: str, payload: Payload, *, timeout_seconds: float, now: float) -> None:
        """Describe a CALL that waits since `now` for being sent."""
        self.message_id = message_id
        self.action = action
        self.payload = payload
        self.timeout_seconds = timeout_seconds
        self.deadline = now + timeout_seconds
        self.sent = False


class OutboundCalls:
    """Which CALL of ours is outstanding, and which are to follow."""

    __slots__ = ("_outstanding", "_queue", "held")

    def __init__(self) -> None:
        """Start with none, and free to send."""
        self._outstanding: OutboundCall | None = None
        self._queue: list[OutboundCall] = []
        self.held = False

    def add(self, call: OutboundCall, now: float) -> bytes | None:
        """Give the bytes of `call` when it may go at once, else queue it; raises CallQueueFullError."""
        if len(self._queue) >= MAX_QUEUED_CALLS:
            raise CallQueueFullError
        self._queue.append(call)
        return self.next_to_send(now)

    def next_to_send(self, now: float) -> bytes | None:
        """Give the bytes of the next CALL, which is then outstanding; None when none may go."""
        if self.held or self._outstanding is not None or not self._queue:
            return None
        call = self._outstanding = self._queue.pop(0)
        call.sent = True
        call.deadline = now + call.timeout_seconds
        return encode_call(call.message_id, call.action, call.payload)

    def take_answered(self, message_id: str | None) -> OutboundCall | None:
        """End the outstanding CALL when this is its id and give it, else None: a late or an unknown answer."""
        call = self._outstanding
        if call is None or call.message_id != message_id:
            return None
        self._outstanding = None
        return call

    def next_deadline(self) -> float | None:
        """Give the moment `expire` has something to do at, None when there is no CALL."""
        calls = self._all()
        return min(call.deadline for call in calls) if calls else None

    def expire(self, now: float) -> list[OutboundCall]:
        """End and give every CALL whose time is over, the outstanding one first."""
        expired = [call for call in self._all() if call.deadline <= now]
        if self._outstanding in expired:
            self._outstanding = None
        self._queue = [call for call in self._queue if call not in expired]
        return expired

    def withdraw(self, call: OutboundCall) -> bool:
        """Take back a CALL that was not sent yet; False when it is too late for that."""
        if call not in self._queue:
            return False
        self._queue.remove(call)
        return True

    def close(self) -> list[OutboundCall]:
        """End and give every CALL."""
        calls = self._all()
        self._outstanding, self._queue = None, []
        return calls

    def _all(self) -> list[OutboundCall]:
        return self._queue if self._outstanding is None else [self._outstanding, *self._queue]
