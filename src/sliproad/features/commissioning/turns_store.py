"""SQL of the engine: a session is read by one statement and kept by one, for a thousand may run at once. `runner` calls it.

No lock is held between the two: a session that anybody else has changed meanwhile is not kept (`Held.version`), and the engine looks
at it anew. `store` has the tables, and what people do with them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from sliproad.features.commissioning import store
from sliproad.features.commissioning.model import Note, Session, Step
from sliproad.features.commissioning.templates_definition import template_of
from sliproad.foundation.database import Where, run

HELD = """
select s.xmin::text as version, s.session_id, s.charge_point_key, s.turn, s.in_flight_until, s.status, s.result, s.template, s.test_token,
       s.started_at, s.completed_at, s.outgoing, s.wake_at, s.waiting_for, s.paused_at, s.stopped_at,
       (select json_agg(t order by t.position) from commissioning_steps t where t.session_id = s.session_id) as steps
  from commissioning_sessions s where s.session_id = %(session_id)s and s.status in ('running', 'paused')
"""
KEEP = """
with kept as (
  update commissioning_sessions s set
      status = %(status)s, result = %(result)s, completed_at = %(completed_at)s, outgoing = %(outgoing)s::jsonb,
      wake_at = %(wake_at)s, waiting_for = %(waiting_for)s, in_flight_until = %(in_flight_until)s, turn = s.turn + %(turns)s
    where s.session_id = %(session_id)s and s.xmin = %(version)s::xid
  returning s.session_id, s.organization_id, s.charge_point_key, s.turn
), steps as (
  update commissioning_steps t set
      status = i.status, state = i.state, time_limit_seconds = i.time_limit_seconds, held_seconds = i.held_seconds,
      started_at = i.started_at, finished_at = i.finished_at, duration_ms = i.duration_ms, detail = i.detail, value = i.value,
      evidence = i.evidence
    from kept, json_to_recordset(%(steps)s::json) as i(
      position int, status text, state jsonb, time_limit_seconds float8, held_seconds float8, started_at timestamptz,
      finished_at timestamptz, duration_ms int, detail text, value text, evidence jsonb)
    where t.session_id = kept.session_id and t.position = i.position
), told as (
  insert into commissioning_logs (session_id, organization_id, charge_point_key, at, level, step, message)
    select k.session_id, k.organization_id, k.charge_point_key, i.at, i.level, i.step, i.message
      from kept k, rows from (json_to_recordset(%(lines)s::json) as (at timestamptz, level text, step text, message text))
        with ordinality as i(at, level, step, message, n)
      order by i.n
)
select turn from kept
"""
PROLONG = """
update commissioning_sessions s set in_flight_until = %(until)s, wake_at = %(until)s
  from json_to_recordset(%(turns)s::json) as i(session_id text, turn bigint)
  where s.session_id = i.session_id and s.turn = i.turn and s.status in ('running', 'paused')
returning s.session_id
"""
OVERDUE = """
update commissioning_sessions set wake_at = %(again)s where session_id in (
    select session_id from commissioning_sessions where status = 'running' and wake_at <= %(before)s
        and (turn > 0 or wake_at <= %(new_before)s)
      order by wake_at limit %(limit)s for update skip locked)
returning session_id
"""
PLACE = """
select charge_point_key, turn from commissioning_sessions where session_id = %(session_id)s and status = 'running'
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A session as it was read."""

    session: Session
    charge_point_key: int
    turn: int
    """Goes up with every transition, the engine's and people's."""
    in_flight_until: datetime | None
    version: str
    """Of the row: another one, and somebody has changed it."""


class Line(NamedTuple):
    """One of the session's log."""

    at: datetime
    step: str
    note: Note


class Place(NamedTuple):
    """Which charge point a session is about, and how far it has got."""

    charge_point_key: int
    turn: int


async def read(where: Where, session_id: str) -> Held | None:
    """An active session; None where there is none."""
    rows = await run(where, HELD, {"session_id": session_id})
    if not rows:
        return None
    row = rows[0]
    session = store.session_from(row, tuple(map(_step, row.steps)), template_of(row.template))
    return Held(session, row.charge_point_key, row.turn, row.in_flight_until, row.version)


async def keep(
    where: Where,
    held: Held,
    after: Session,
    *,
    turns: int,
    in_flight_until: datetime | None,
    lines: Sequence[Line],
) -> bool:
    """Put a session's new state and its log's lines into the rows; False where it has changed since it was read."""
    changed = [
        {"position": position, **store.step_columns(step)}
        for position, (before, step) in enumerate(zip(held.session.steps, after.steps, strict=True))
        if step != before
    ]
    told = [
        {"at": line.at, "level": line.note.level, "step": line.step, "message": line.note.message} for line in lines
    ]
    values = {
        "session_id": after.session_id,
        "version": held.version,
        "turns": turns,
        "status": after.status,
        "result": after.result,
        "completed_at": after.completed_at,
        "outgoing": None if after.outgoing is None else _json(asdict(after.outgoing)),
        "wake_at": after.wake_at,
        "waiting_for": after.waiting_for,
        "in_flight_until": in_flight_until,
        "steps": _json(changed),
        "lines": _json(told),
    }
    return bool(await run(where, KEEP, values))


async def prolong(where: Where, turns: Mapping[str, int], until: datetime) -> set[str]:
    """Say that the maker of these sessions' CALLs is alive (session -> turn); those that have not gone on without it."""
    given = [{"session_id": session_id, "turn": turn} for session_id, turn in turns.items()]
    return {row.session_id for row in await run(where, PROLONG, {"turns": _json(given), "until": until})}


async def take_overdue(where: Where, before: datetime, new_before: datetime, again: datetime, limit: int) -> list[str]:
    """Running sessions that should have been looked at by `before`, those that have not begun by `new_before`; the longest
    overdue first. All are due `again` then.
    """
    given = {"before": before, "new_before": new_before, "again": again, "limit": limit}
    return [row.session_id for row in await run(where, OVERDUE, given)]


async def place_of(where: Where, session_id: str) -> Place | None:
    """Which charge point a running session is about; None where it does not run."""
    rows = await run(where, PLACE, {"session_id": session_id})
    return Place(*rows[0]) if rows else None


def _json(value: Any) -> str:
    """As PostgreSQL takes it, which has no U+0000."""
    return orjson.dumps(value).replace(b"\\u0000", b"\\\\u0000").decode()


def _step(columns: Mapping[str, Any]) -> Step:
    return Step(
        name=columns["name"],
        shown_as=tuple(columns["shown_as"]),
        time_limit_seconds=float(columns["time_limit_seconds"]),
        status=columns["status"],
        state=columns["state"],
        started_at=_moment(columns["started_at"]),
        finished_at=_moment(columns["finished_at"]),
        duration_ms=columns["duration_ms"],
        detail=columns["detail"],
        value=columns["value"],
        evidence=columns["evidence"],
        held_seconds=float(columns["held_seconds"]),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
