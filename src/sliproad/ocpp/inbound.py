"""The CALLs of a charge point on one socket: one at a time, in order, each answered once.

`conversation` alone uses it. A charge point should wait for its answer before the next CALL (1.6 §4.1.1, 2.x Part 4 §4.1.1);
one that does not has its CALLs kept in order. One that sends the same CALL again gets one answer while it is being
handled, and the same answer again shortly after.
"""

from __future__ import annotations

from typing import Final

from sliproad.ocpp.frames import Call

MAX_WAITING_CALLS: Final = 16
REMEMBERED_ANSWERS: Final = 4
REPEAT_WINDOW_SECONDS: Final = 60.0
_ALWAYS_NEW: Final = frozenset({"Heartbeat"})  # its answer is the time of now


class NotOutstandingError(LookupError):
    """An answer was given to a CALL that is not the one being handled: a mistake of the caller."""


class InboundCalls:
    """Which CALL is being handled, which wait, and what was answered lately."""

    __slots__ = ("_answered", "_current", "_fingerprint", "_received_at", "_waiting")

    def __init__(self) -> None:
        """Start with none."""
        self._current: Call | None = None
        self._fingerprint = 0
        self._received_at = 0.0
        self._waiting: list[tuple[Call, int, float]] | None = None
        self._answered: list[tuple[str, int, float, bytes]] = []

    @property
    def current(self) -> Call | None:
        """The CALL that is being handled."""
        return self._current

    def is_repeated(self, message_id: str, fingerprint: int) -> bool:
        """Tell whether this CALL is being handled or waits already."""
        current = self._current
        if current is None:
            return False
        if current.message_id == message_id and self._fingerprint == fingerprint:
            return True
        return self._waiting is not None and any(
            call.message_id == message_id and known == fingerprint for call, known, _ in self._waiting
        )

    def answer_given(self, call: Call, fingerprint: int, now: float) -> bytes | None:
        """Give the answer this very CALL got a short while ago; an id that comes with other content is another CALL."""
        for message_id, known, received_at, answer in self._answered:
            if message_id == call.message_id and known == fingerprint:
                fresh = now - received_at <= REPEAT_WINDOW_SECONDS and call.action not in _ALWAYS_NEW
                return answer if fresh else None
        return None

    def is_full(self) -> bool:
        """Tell whether no further CALL may wait."""
        return self._waiting is not None and len(self._waiting) >= MAX_WAITING_CALLS

    def admit(self, call: Call, fingerprint: int, now: float) -> bool:
        """Take in a new CALL; True when it is to be handled now, False when it waits."""
        if self._current is None:
            self._current, self._fingerprint, self._received_at = call, fingerprint, now
            return True
        if self._waiting is None:
            self._waiting = []
        self._waiting.append((call, fingerprint, now))
        return False

    def finish(self, message_id: str, answer: bytes | None) -> None:
        """End the CALL being handled; `answer` is kept for a repetition, None for one that is to be tried anew."""
        if self._current is None or self._current.message_id != message_id:
            raise NotOutstandingError("no CALL with this id is being handled")
        if answer is not None:
            answered = self._answered
            if len(answered) == REMEMBERED_ANSWERS:
                del answered[0]
            answered.append((message_id, self._fingerprint, self._received_at, answer))
        self._current = None

    def next(self) -> Call | None:
        """Give the longest waiting CALL, which is then the one being handled; None while one is, or when none waits."""
        if self._current is not None or not self._waiting:
            return None
        self._current, self._fingerprint, self._received_at = self._waiting.pop(0)
        return self._current
