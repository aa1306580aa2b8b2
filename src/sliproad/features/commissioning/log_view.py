"""Lines of a session's log as pages show them: what the engine noted in the reader's language, frames as who said what to whom.

What a charge point said stays its own text; secrets were taken out before anything was kept (`frame_log.redaction`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from sliproad.features.commissioning.live_events import LiveEvent, LiveEvents, Place
from sliproad.features.commissioning.logs_model import LogEntry, LogFilter
from sliproad.features.commissioning.logs_service import Actor
from sliproad.features.commissioning.sentences import told
from sliproad.features.commissioning.step_words import words_of
from sliproad.foundation.language import gettext as _
from sliproad.foundation.language import marked

LONGEST_PAYLOAD = 20_000
"""Characters; a longer one is cut, and whole in the download."""
ENOUGH = 500
LEVELS = {
    "debug": (marked("Detail"), "neutral"),
    "info": (marked("Information"), "busy"),
    "warn": (marked("Warning"), "warning"),
    "error": (marked("Error"), "bad"),
}


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `way`: `in` from the charge point, `out` to it, None where it is no frame."""

    at: datetime
    tone: str
    level: str
    step: str
    message: str
    way: str | None
    action: str
    milliseconds: float | None
    payload: str

    @property
    def clock(self) -> str:
        """The part of a second that belongs to its time: `.123`."""
        return f".{self.at.microsecond // 1000:03d}"


def line_of(entry: LogEntry) -> LogLine:
    """One entry for people."""
    level, tone = LEVELS[entry.level]
    return LogLine(
        at=entry.timestamp,
        tone=tone,
        level=_(level),
        step="" if entry.step is None else words_of(entry.step).title,
        message=_frame(entry) if entry.direction is not None else told(_with_title(entry.message)),
        way=entry.direction,
        action=entry.action or "",
        milliseconds=entry.duration_ms,
        payload=_pretty(entry) if entry.direction is not None else "",
    )


def _with_title(message: str) -> str:
    """The engine's name of a step, where a note ends in one, as pages call it."""
    for before in ("Step ", "Paused at step ", "Resumed at step ", "Stopped at step "):
        name, _space, rest = message.removeprefix(before).partition(" ")
        if message.startswith(before) and name.islower():
            return f"{before}“{words_of(name).title}”{_space}{rest}"
    return message


def _frame(entry: LogEntry) -> str:
    if entry.kind == "result":
        return _("Answer")
    if entry.kind == "error":
        return _("Refused: %(error)s") % {"error": entry.error_code}
    if entry.error_code:
        return _("Request, refused with %(error)s") % {"error": entry.error_code}
    return _("Request")


def _pretty(entry: LogEntry) -> str:
    text = orjson.dumps(entry.payload, option=orjson.OPT_INDENT_2).decode()
    return text if len(text) <= LONGEST_PAYLOAD else f"{text[:LONGEST_PAYLOAD]}\n…"


def selected(event: LiveEvent, selection: LogFilter) -> bool:
    """Whether an event is a line that the filter lets pass."""
    entry = event.entry
    return (
        entry is not None
        and selection.level in {None, entry.level}
        and selection.step in {None, entry.step}
        and selection.session_id in {None, event.session_id}
    )


async def newest(live: LiveEvents, actor: Actor, charge_point_id: str) -> tuple[Sequence[LiveEvent], Place]:
    """All events of the newest session up to now, and where to go on.

    Raises:
        NotFound: no such charge point of whoever asks, or it was never commissioned.
    """
    place, found = Place(), list[LiveEvent]()
    while (begun := await live.begin(actor, charge_point_id, place if found else None)) is not None:
        look = begun[2]
        found += look.events
        place = look.place
        if len(look.events) < ENOUGH:
            break
    return found, place
