"""Live parts of a page: server-sent events (WHATWG HTML §9.2) that carry fragments of HTML, for the session of a browser.

A page's route says how to look (`look`) and what wakes it (`subject`, on the bus). Rows decide what is shown; the bus only says that it
is worth looking now, and a poll is behind it. An event's id is a digest of what it shows: whoever comes again with `Last-Event-ID` gets
nothing twice, from any process. Nothing is kept between looks: a process that dies loses nothing, and the page comes again by itself.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from sliproad.foundation.bus import Bus
from sliproad.foundation.crypto import sha256_hex
from sliproad.foundation.errors import DomainError, TooMany, Unauthenticated

MOST_STREAMS = 200
"""Of a process; whoever comes too late is told 429 and tries again."""
POLL_SECONDS = 2.0
HEARTBEAT_SECONDS = 10.0
LONGEST_SECONDS = 900.0
RETRY_MILLISECONDS = 1000
SESSION_SECONDS = 5.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to see now: `html` as `Pages.fragments` makes it; `is_over` when nothing will change any more."""

    html: str
    is_over: bool = False

    @property
    def id(self) -> str:
        return sha256_hex(self.html)[:24]


Looks = Callable[[], Awaitable[Look]]


class LiveParts:
    """One per web process: counts the streams, and knows the bus and when the process ends."""

    def __init__(self, bus: Bus | None, ending: asyncio.Event, *, poll_seconds: float = POLL_SECONDS) -> None:
        """Without a bus the poll alone finds what is new."""
        self.bus = bus
        self.ending = ending
        self.poll_seconds = poll_seconds
        self.streams = 0

    async def begin(self, look: Looks, *, subject: str, last_id: str = "") -> AsyncIterator[bytes]:
        """The events' bytes; the first look is taken before anything is answered.

        Raises:
            TooMany: this process has as many readers as it takes.
            DomainError: whatever the first look raises: not theirs, not there.
        """
        if self.streams >= MOST_STREAMS:
            raise TooMany("Too many pages are watching at the moment.", retry_after_seconds=5)
        self.streams += 1
        try:
            first = await look()
        except BaseException:
            self.streams -= 1
            raise
        return self._stream(look, first, subject, last_id)

    async def _stream(self, look: Looks, seen: Look, subject: str, last_id: str) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        said_at, ends_at = loop.time(), loop.time() + LONGEST_SECONDS
        try:
            async with self._woken_by(subject) as told:
                yield b"retry: %d\n\n" % RETRY_MILLISECONDS
                while True:
                    if seen.id != last_id:
                        yield event(seen)
                        last_id, said_at = seen.id, loop.time()
                    elif loop.time() - said_at >= HEARTBEAT_SECONDS:
                        yield b": still here\n\n"
                        said_at = loop.time()
                    if seen.is_over:
                        yield b"event: end\ndata: over\n\n"
                        return
                    await self._something(told)
                    if self.ending.is_set() or loop.time() >= ends_at:
                        return
                    seen = await look()
        except DomainError:  # the reader lost it, or was logged out: the page asks anew and hears why
            return
        finally:
            self.streams -= 1

    @contextlib.asynccontextmanager
    async def _woken_by(self, subject: str) -> AsyncIterator["asyncio.Queue[Any]"]:
        if self.bus is None or not subject:
            yield asyncio.Queue()
            return
        async with self.bus.listen(subject, most=1) as told:
            yield told

    async def _something(self, told: "asyncio.Queue[Any]") -> None:
        """Until the bus says something, the process ends, or it is time to look anyway."""
        waits = {asyncio.ensure_future(told.get()), asyncio.ensure_future(self.ending.wait())}
        try:
            await asyncio.wait(waits, timeout=self.poll_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in waits:
                waiting.cancel()
            await asyncio.gather(*waits, return_exceptions=True)


def event(look: Look) -> bytes:
    """One event. It has no name: htmx swaps what it carries."""
    lines = b"".join(b"data: %s\n" % line for line in look.html.encode().splitlines())
    return b"id: %s\n%s\n" % (look.id.encode(), lines)


async def answer(request: Request, look: Looks, *, subject: str = "") -> Response:
    """A route's answer: the stream of one page's live parts. One connection a page. See `LiveParts.begin` for what it raises."""
    parts: LiveParts = request.app.state.live
    stream = await parts.begin(
        _as_signed_in(request, look), subject=subject, last_id=request.headers.get("last-event-id", "")
    )
    return StreamingResponse(stream, media_type="text/event-stream", headers=HEADERS)


def _as_signed_in(request: Request, look: Looks) -> Looks:
    """`look`, as long as the session that asked is still good: a log-out or a lost role ends the stream within seconds."""
    visitor = getattr(request.state, "visitor", None)
    asked_at = asyncio.get_running_loop().time()

    async def looked() -> Look:
        nonlocal asked_at
        now = asyncio.get_running_loop().time()
        if visitor is not None and now - asked_at >= SESSION_SECONDS:
            asked_at = now
            if await request.app.state.guards.visitor(request) != visitor:
                raise Unauthenticated("You are not logged in any more.")
        return await look()

    return looked
