"""A session's log as people read it: what the engine noted and the OCPP frames between, each under the step that was on. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sliproad.features.commissioning.model import Level
from sliproad.features.commissioning.ports import Frame

NOTE, FRAME = 0, 1
"""Where an entry comes from; of two at the same moment the note comes first."""


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which lines; None lets all pass, but `session_id` None means the active, else the newest session."""

    session_id: str | None = None
    level: str | None = None
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A step and when it was on; `until` None while it is."""

    step: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line. What begins with `direction` is of a frame, and None of a note."""

    source: int
    id: int
    timestamp: datetime
    level: Level
    step: str | None
    message: str
    direction: str | None = None
    """`in` comes from the charge point."""
    kind: str | None = None
    action: str | None = None
    message_id: str | None = None
    duration_ms: float | None = None
    error_code: str | None = None
    payload: Any = None

    @property
    def key(self) -> tuple[datetime, int, int]:
        """Entries are in this order."""
        return self.timestamp, self.source, self.id


def frame_errors(level: str | None) -> tuple[bool, bool | None]:
    """Whether frames have this level at all, and which of them: `errors` of `ports.Frames`."""
    if level is None:
        return True, None
    return level in {"debug", "warn"}, level == "warn"


def frame_entry(frame: Frame, spans: Sequence[Span]) -> LogEntry:
    """A frame as a line of the log."""
    went_wrong = frame.kind == "error" or frame.answer_kind == "error"
    return LogEntry(
        source=FRAME,
        id=frame.id,
        timestamp=frame.at,
        level="warn" if went_wrong else "debug",
        step=step_at(frame.at, spans),
        message=_sentence(frame),
        direction=frame.direction,
        kind=frame.kind,
        action=frame.action,
        message_id=frame.message_id,
        duration_ms=None if frame.duration_ms is None else round(frame.duration_ms, 3),
        error_code=frame.error_code,
        payload=frame.payload,
    )


def step_at(at: datetime, spans: Sequence[Span]) -> str | None:
    """The step that was on at that moment, else the one that had been on last; before the first, the first. None without any."""
    return next((span.step for span in reversed(spans) if span.since <= at), spans[0].step if spans else None)


def _sentence(frame: Frame) -> str:
    incoming = frame.direction == "in"
    if frame.kind in {"call", "send"}:
        said = f"{frame.action} received" if incoming else f"{frame.action} sent"
        return f"{said} and refused with {frame.error_code}" if frame.answer_kind == "error" else said
    took = "" if frame.duration_ms is None else f" after {frame.duration_ms:.0f} ms"
    what = f"Answer to {frame.action}" if frame.kind == "result" else f"Error {frame.error_code} to {frame.action}"
    return f"{what} {'received' if incoming else 'sent'}{took}"


def merged(notes: Sequence[LogEntry], frames: Sequence[LogEntry], limit: int) -> list[LogEntry]:
    """The first `limit` of both, in order."""
    return sorted((*notes, *frames), key=lambda entry: entry.key)[:limit]
