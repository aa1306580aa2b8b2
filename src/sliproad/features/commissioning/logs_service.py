"""The logs of a session: pages of them and the whole as a download. `logs_routes` call it, `live_events` builds on it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sliproad.features.accounts.model import InstallerActor, OrganizationActor
from sliproad.features.commissioning import logs_store, store
from sliproad.features.commissioning.logs_model import (
    FRAME,
    NOTE,
    LogEntry,
    LogFilter,
    Span,
    frame_entry,
    frame_errors,
    merged,
)
from sliproad.features.commissioning.model import Level
from sliproad.features.commissioning.ports import Frames
from sliproad.features.commissioning.service import CommissioningService
from sliproad.foundation.database import Session
from sliproad.foundation.errors import NotFound
from sliproad.foundation.web.paging import Page

Actor = InstallerActor | OrganizationActor
AT_ONCE = 500
"""Lines of a download read in one transaction."""


@dataclass(frozen=True, slots=True)
class LogPage:
    session_id: str
    entries: list[LogEntry]
    total: int
    next_cursor: str | None


class LogService:
    """One per web process."""

    def __init__(self, service: CommissioningService, frames: Frames) -> None:
        self.service = service
        self.database = service.database
        self.frames = frames

    async def page(self, actor: Actor, charge_point_id: str, selection: LogFilter, page: Page) -> LogPage:
        """One page, oldest first.

        Raises:
            NotFound: no such charge point of whoever asks, no such session, or it was never commissioned.
        """
        async with self.database.transaction(actor.scope) as session:
            rows = await self._session(session, actor, charge_point_id, selection.session_id)
            after = page.after(datetime, int, int)
            place = None if after is None else (after[0], after[1], after[2])
            found = await self._entries(session, rows, selection, place, page.limit + 1)
            kept, cursor = page.cut(found, lambda entry: entry.key)
            return LogPage(rows[0].session_id, kept, await self._count(session, rows, selection), cursor)

    async def download(self, actor: Actor, charge_point_id: str, selection: LogFilter) -> AsyncIterator[LogEntry]:
        """Every line, oldest first, read bit by bit; of a session that goes on, up to the moment it was asked for.

        Raises:
            NotFound: as `page`, before the first line.
        """
        async with self.database.transaction(actor.scope) as session:
            rows = await self._session(session, actor, charge_point_id, selection.session_id)
        return self._lines(actor, rows, selection)

    async def _lines(self, actor: Actor, rows: store.Rows, selection: LogFilter) -> AsyncIterator[LogEntry]:
        place: tuple[datetime, int, int] | None = None
        while True:
            async with self.database.transaction(actor.scope) as session:
                entries = await self._entries(session, rows, selection, place, AT_ONCE)
            for entry in entries:
                yield entry
            if len(entries) < AT_ONCE:
                return
            place = entries[-1].key

    async def _session(
        self, session: Session, actor: Actor, charge_point_id: str, session_id: str | None
    ) -> store.Rows:
        charge_point = await self.service.of_actor(session, actor, charge_point_id)
        if session_id is None:
            rows = await store.latest_session(session, charge_point.key)
        else:
            rows = await store.find_session(session, charge_point.key, session_id)
        if rows is None:
            raise NotFound("There is no such commissioning session of this charge point.")
        return rows

    async def _entries(
        self,
        session: Session,
        rows: store.Rows,
        selection: LogFilter,
        place: tuple[datetime, int, int] | None,
        limit: int,
    ) -> list[LogEntry]:
        noted = await logs_store.notes(session, rows[0].session_id, selection, _after(place, NOTE), limit)
        notes = [note_entry(row) for row in noted]
        window = _window(rows, selection)
        if window is None:
            return notes
        since, until, errors = window
        key, after = rows[0].charge_point_key, _after(place, FRAME)
        found = await self.frames.frames(
            session, key, since=since, until=until, errors=errors, after=after, limit=limit
        )
        spans = spans_of(rows[1])
        return merged(notes, [frame_entry(frame, spans) for frame in found], limit)

    async def _count(self, session: Session, rows: store.Rows, selection: LogFilter) -> int:
        total = await logs_store.count_notes(session, rows[0].session_id, selection)
        if (window := _window(rows, selection)) is not None:
            since, until, errors = window
            key = rows[0].charge_point_key
            total += await self.frames.count_frames(session, key, since=since, until=until, errors=errors)
        return total


def note_entry(row: store.CommissioningLogRow) -> LogEntry:
    """A line that the engine noted."""
    return LogEntry(NOTE, row.log_id, row.at, cast("Level", row.level), row.step, row.message)


def ended_at(row: store.CommissioningSessionRow) -> datetime | None:
    """When a session ended; None while it is active."""
    return row.completed_at or row.stopped_at


def spans_of(steps: Sequence[store.CommissioningStepRow]) -> list[Span]:
    """When each step was on, in their order."""
    return [Span(step.name, step.started_at, step.finished_at) for step in steps if step.started_at is not None]


def _after(place: tuple[datetime, int, int] | None, source: int) -> tuple[datetime, int] | None:
    """The same place in the order of one source alone; ids begin at 1."""
    if place is None:
        return None
    at, other, entry_id = place
    if other == source:
        return at, entry_id
    return (at, 0) if source > other else (at, 2**63 - 1)


def _window(rows: store.Rows, selection: LogFilter) -> tuple[datetime, datetime | None, bool | None] | None:
    """From when to when the selected frames came, and `errors`; None where no frame is selected."""
    wanted, errors = frame_errors(selection.level)
    if not wanted:
        return None
    row, steps = rows
    since, until = row.started_at, ended_at(row)
    if selection.step is not None:
        spans = spans_of(steps)
        position = next((at for at, span in enumerate(spans) if span.step == selection.step), None)
        if position is None:
            return None
        since = spans[position].since if position else since
        if position + 1 < len(spans):
            until = spans[position + 1].since - timedelta(microseconds=1)
    return since, until, errors
