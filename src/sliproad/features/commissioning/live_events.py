"""A session as it happens: its log and its progress, from row to row. `live_routes` sends them as server-sent events.

Rows decide what is new; the bus only says that it is worth looking now, and a poll is behind it. An event's id says where in the
rows it stands (`{log line}-{transaction}-{frame}`): whoever resumes after it gets everything that came later, each once.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sliproad.features.accounts.model import InstallerActor, OrganizationActor
from sliproad.features.commissioning import logs_store, store, views
from sliproad.features.commissioning.logs_model import LogEntry, frame_entry
from sliproad.features.commissioning.logs_service import ended_at, note_entry, spans_of
from sliproad.features.commissioning.ports import Frames
from sliproad.features.commissioning.service import CommissioningService
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import Session
from sliproad.foundation.errors import DomainError, InvalidInput, NotFound, TooMany

Actor = InstallerActor | OrganizationActor
POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 10.0
LONGEST_SECONDS = 900.0
"""A stream ends then; its reader comes again where it left off."""
QUIET_SECONDS = 3.0
"""So long after a session's end its last frames may still be on their way into the database."""
MOST_STREAMS = 200
AT_ONCE = 500
PLACE = re.compile(r"(\d{1,18})-(\d{1,10})-(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Place:
    """How far somebody has read."""

    log_id: int = 0
    transaction: int = 0
    frame_id: int = 0

    def __str__(self) -> str:
        return f"{self.log_id}-{self.transaction}-{self.frame_id}"

    @classmethod
    def read(cls, text: str) -> "Place":
        """The place that an event's id names.

        Raises:
            InvalidInput: it is not an id of ours.
        """
        if (found := PLACE.fullmatch(text)) is None:
            raise InvalidInput.field("Last-Event-ID", "is not the id of an event of this stream")
        return cls(*map(int, found.groups()))


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """What goes out: a line of the log with its `place`, or `progress`, or the `end`; all None is a sign of life."""

    place: Place | None = None
    entry: LogEntry | None = None
    session_id: str | None = None
    progress: dict[str, Any] | None = None
    end: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the rows gave."""

    events: tuple[LiveEvent, ...]
    place: Place
    progress: dict[str, Any]
    is_over: bool


class LiveEvents:
    """One per web process."""

    def __init__(self, service: CommissioningService, frames: Frames, bus: Bus) -> None:
        self.service = service
        self.database = service.database
        self.frames = frames
        self.bus = bus
        self._streams = 0

    async def begin(
        self, actor: Actor, charge_point_id: str, place: Place | None
    ) -> "tuple[int, datetime, Look] | None":
        """The charge point, since when to read, and the first look; None where all is over and read.

        Raises:
            NotFound: no such charge point of whoever asks, or it was never commissioned.
            TooMany: this process has as many readers as it takes.
        """
        if self._streams >= MOST_STREAMS:
            raise TooMany("Too many watch sessions at the moment.", retry_after_seconds=5)
        async with self.database.transaction(actor.scope) as session:
            key = (await self.service.of_actor(session, actor, charge_point_id)).key
            newest = await store.latest_session(session, key)
            if newest is None:
                raise NotFound("Commissioning has not been started for this charge point.")
            since = newest[0].started_at
            if place is not None and place.log_id:
                since = await logs_store.start_of_line(session, key, place.log_id) or since
            look = await self._look(session, key, since, place or Place())
        if place is not None and look.is_over and not look.events:
            return None
        return key, since, look

    async def stream(
        self, actor: Actor, charge_point_id: str, begun: tuple[int, datetime, Look], ending: asyncio.Event
    ) -> AsyncIterator[LiveEvent]:
        """Events until the session is over, the reader loses the charge point, the process ends, or a quarter of an hour is up."""
        key, since, look = begun
        loop = asyncio.get_running_loop()
        last_said, ends_at, progress = loop.time(), loop.time() + LONGEST_SECONDS, None
        self._streams += 1
        try:
            async with self.bus.listen(f"commissioning.{key}", most=1) as told:
                while True:
                    changed = look.progress != progress
                    for event in (*look.events, *((LiveEvent(progress=look.progress),) if changed else ())):
                        yield event
                        last_said = loop.time()
                    progress = look.progress
                    if look.is_over and not look.events:
                        yield LiveEvent(end=True)
                        return
                    if ending.is_set() or loop.time() >= ends_at:
                        return
                    if loop.time() - last_said >= HEARTBEAT_SECONDS:
                        yield LiveEvent()
                        last_said = loop.time()
                    if len(look.events) < AT_ONCE:
                        await _first_of(told, ending)
                    try:
                        async with self.database.transaction(actor.scope) as session:
                            await self.service.of_actor(session, actor, charge_point_id)
                            look = await self._look(session, key, since, look.place)
                    except DomainError:  # taken off the project meanwhile
                        return
        finally:
            self._streams -= 1

    async def _look(self, session: Session, key: int, since: datetime, place: Place) -> Look:
        # Frames first: the steps that are read afterwards tell the step of each.
        after = (place.transaction, place.frame_id)
        said = await self.frames.frames_as_committed(session, key, since=since, after=after, limit=AT_ONCE)
        newest = await store.latest_session(session, key)
        sessions = await logs_store.sessions_since(session, key, since)
        if newest is None or not sessions:
            raise NotFound("Commissioning has not been started for this charge point.")
        ids = [row.session_id for row in sessions]
        spans = spans_of(newest[1])
        events: list[LiveEvent] = []
        for row in await logs_store.notes_after(session, ids, place.log_id, AT_ONCE):
            place = replace(place, log_id=row.log_id)
            events.append(LiveEvent(place, note_entry(row), row.session_id))
        for transaction, frame in said:
            place = replace(place, transaction=transaction, frame_id=frame.id)
            if (session_id := _session_at(sessions, frame.at)) is not None:
                events.append(LiveEvent(place, frame_entry(frame, spans), session_id))
        ended = ended_at(newest[0])
        is_over = ended is not None and self.service.clock.now() - ended > timedelta(seconds=QUIET_SECONDS)
        return Look(tuple(events), place, views.progress(newest), is_over)


def _session_at(sessions: Sequence[store.CommissioningSessionRow], at: datetime) -> str | None:
    """The session during which something happened."""
    for row in reversed(sessions):
        if row.started_at <= at:
            ended = ended_at(row)
            return row.session_id if ended is None or at <= ended else None
    return None


async def _first_of(told: "asyncio.Queue[Any]", ending: asyncio.Event) -> None:
    """Until the bus says something, the process ends, or it is time to look anyway."""
    waits = {asyncio.ensure_future(told.get()), asyncio.ensure_future(ending.wait())}
    try:
        await asyncio.wait(waits, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiting in waits:
            waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*waits, return_exceptions=True)
