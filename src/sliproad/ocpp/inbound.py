"""The CALLs of a charge point on one socket: one at a time, in order, each answered once.

`conversation` alone uses it. A charge point should wait for its answer before the next CALL (1.6 §4.1.1, 2.x Part 4
§4.1.1); one that does not has its CALLs kept in order. One that sends the same CALL again gets one answer while it is
being handled, and the same answer again shortly after.
"""

from __future__ import annotations

from typing import Final

from sliproad.ocpp.frames import Call

MAX_WAITING_CALLS: Final = 16
REPEAT_WINDOW_SECONDS: Final = 60.0
_ALWAYS_NEW: Final = frozenset({"Heartbeat", "BootNotification"})  # their answers are what is so now


class NotOutstandingError(LookupError):
    """An answer was given to a CALL that is not the one being handled: a mistake of the caller."""


class InboundCalls:
    """Which CALL is being handled, which wait, and what was answered lately.

    `current` is the CALL being handled, `waiting` those behind it. Of the CALL answered last, `answered_id` is the id: what is
    sent again comes next, since nothing else may be outstanding. One answer is kept and not several because every message
    touches what is kept, and with thousands of sockets it is never in the processor's cache.
    """

    __slots__ = (
        "_answer",
        "_answered_fingerprint",
        "_answered_received_at",
        "_fingerprint",
        "_received_at",
        "answered_id",
        "current",
        "waiting",
    )

    def __init__(self) -> None:
        """Start with none."""
        self.current: Call | None = None
        self.answered_id: str | None = None
        self._answer = b""
        self._answered_fingerprint = 0
        self._answered_received_at = 0.0
        self._fingerprint = 0
        self._received_at = 0.0
        self.waiting: list[tuple[Call, int, float]] = []

    def is_repeated(self, message_id: str, fingerprint: int) -> bool:
        """Tell whether this CALL is being handled or waits already."""
        current = self.current
        if current is None:
            return False
        if current.message_id == message_id and self._fingerprint == fingerprint:
            return True
        return any(call.message_id == message_id and known == fingerprint for call, known, _ in self.waiting)

    def answer_given(self, call: Call, fingerprint: int, now: float) -> bytes | None:
        """Give the answer this very CALL got a short while ago; an id that comes with other content is another CALL."""
        repeated = (
            self.answered_id == call.message_id
            and self._answered_fingerprint == fingerprint
            and now - self._answered_received_at <= REPEAT_WINDOW_SECONDS
        )
        return self._answer if repeated and call.action not in _ALWAYS_NEW else None

    def is_full(self) -> bool:
        """Tell whether no further CALL may wait."""
        return len(self.waiting) >= MAX_WAITING_CALLS

    def begin(self, call: Call, fingerprint: int, now: float) -> None:
        """Take in a CALL to be handled now; `fingerprint` recognises its bytes."""
        self.current = call
        self._fingerprint = fingerprint
        self._received_at = now

    def wait(self, call: Call, fingerprint: int, now: float) -> None:
        """Take in a CALL to be handled after those before it."""
        self.waiting.append((call, fingerprint, now))

    def finish(self, message_id: str, answer: bytes | None) -> None:
        """End the CALL being handled; `answer` is kept for a repetition, None for one that is to be tried anew."""
        if self.current is None or self.current.message_id != message_id:
            raise NotOutstandingError("no CALL with this id is being handled")
        self.current = None
        if answer is None:
            self.answered_id = None
        else:
            self.answered_id = message_id
            self._answer = answer
            self._answered_fingerprint = self._fingerprint
            self._answered_received_at = self._received_at

    def next(self) -> Call | None:
        """Give the longest waiting CALL, which is then the one being handled; None while one is, or when none waits."""
        if self.current is not None or not self.waiting:
            return None
        self.begin(*self.waiting.pop(0))
        return self.current
