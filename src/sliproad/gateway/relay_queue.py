"""What waits for an operator's server on one connection, in the order in which it goes out. Pure; `relay` owns one.

Transaction messages are rows; a few of them are kept here too while the connection is up, and where there are more, the queue is
`behind` and the rest is read from the rows. Live messages are only here: a connector's latest status, the last hundred of others.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from sliproad.ocpp.frames import Payload

MOST_KEPT = 100
MOST_LIVE = 100


@dataclass(slots=True)
class Durable:
    """A transaction message; `our_transaction` is 1.6's id that its answer gave out."""

    seq: int
    action: str
    payload: bytes
    our_transaction: int | None = None
    attempts: int = 0


@dataclass(slots=True)
class LiveMessage:
    """Any other message. It goes out after the transaction message `after`, which came before it."""

    action: str
    payload: Payload
    message_id: str
    at: float
    after: int = 0
    place: tuple[int, int] | None = None
    is_send: bool = False
    """2.1: nobody answers it."""


@dataclass(slots=True)
class Asking:
    """An Authorize of ours that a charge point waits for: before everything else, and not for long."""

    payload: Payload
    answer: asyncio.Future[Payload | None] = field(compare=False)


class UpQueue:
    """See the module."""

    __slots__ = ("_durable", "_last_seq", "_live", "_missed", "asking", "behind", "overflowed")

    def __init__(self) -> None:
        self.asking: deque[Asking] = deque()
        self.behind = True
        """Whether rows wait that are not here; so it begins."""
        self.overflowed = 0
        """Live messages that gave way to newer ones."""
        self._durable: deque[Durable] = deque()
        self._live: deque[LiveMessage] = deque()
        self._last_seq = 0
        self._missed = False

    def push(self, message: Durable) -> None:
        """Take a transaction message that is a row by now."""
        if message.seq <= self._last_seq:
            return
        if self.behind or len(self._durable) >= MOST_KEPT:
            self.behind = self._missed = True
        else:
            self._durable.append(message)
            self._last_seq = message.seq

    def begin_page(self) -> None:
        """The oldest rows are about to be read, since none is here; what comes meanwhile may be among them or not."""
        self._missed = False

    def push_page(self, page: list[Durable], *, is_last: bool) -> None:
        """Take the oldest rows that wait, as they were read; `is_last`: there were no more."""
        self._durable.extend(page)
        if page:
            self._last_seq = max(self._last_seq, page[-1].seq)
        self.behind = self._missed or not is_last

    def push_live(self, message: LiveMessage) -> None:
        """Take a live message; the status that the connector had before goes for it, or the oldest of too many."""
        message.after = self._last_seq
        if message.place is not None:
            self._live = deque(each for each in self._live if each.place != message.place)
        if len(self._live) >= MOST_LIVE:
            self._live.popleft()
            self.overflowed += 1
        self._live.append(message)

    def next(self) -> Asking | LiveMessage | Durable | None:
        """What goes out now; None when nothing is here (there may be rows: `behind`)."""
        while self.asking:
            asking = self.asking.popleft()
            if not asking.answer.done():
                return asking
        first = self._durable[0] if self._durable else None
        if self._live and (first is None or self.behind or self._live[0].after < first.seq):
            return self._live.popleft()
        return self._durable.popleft() if first is not None else None

    def unsent(self, message: Durable) -> None:
        """Put a message back in front: it is to go out again."""
        self._durable.appendleft(message)

    @property
    def places(self) -> set[tuple[int, int]]:
        """The connectors whose status waits here."""
        return {each.place for each in self._live if each.place is not None}

    def disconnected(self) -> None:
        """The connection is gone: the rows are read anew at the next."""
        self._durable.clear()
        self._last_seq = 0
        self.behind = True
        while self.asking:
            asking = self.asking.popleft()
            if not asking.answer.done():
                asking.answer.set_result(None)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits, here or as a row that is known of."""
        return not (self._durable or self._live or self.asking or self.behind)
