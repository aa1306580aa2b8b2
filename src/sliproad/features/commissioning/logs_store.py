"""SQL that reads the lines of sessions' logs; `logs_service` and `live_events` call it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, tuple_

from sliproad.features.commissioning.logs_model import LogFilter
from sliproad.features.commissioning.store import CommissioningLogRow, CommissioningSessionRow
from sliproad.foundation.database import Session


async def notes(
    session: Session,
    session_id: str,
    selection: LogFilter,
    after: tuple[datetime, int] | None,
    limit: int,
) -> Sequence[CommissioningLogRow]:
    """The oldest first, after (at, log_id)."""
    row = CommissioningLogRow
    query = _selected(select(row), session_id, selection).order_by(row.at, row.log_id).limit(limit)
    if after is not None:
        query = query.where(tuple_(row.at, row.log_id) > tuple_(*after))
    return (await session.scalars(query)).all()


async def count_notes(session: Session, session_id: str, selection: LogFilter) -> int:
    """How many there are in all."""
    query = _selected(select(func.count()).select_from(CommissioningLogRow), session_id, selection)
    return await session.scalar(query) or 0


async def notes_after(
    session: Session, session_ids: Sequence[str], log_id: int, limit: int
) -> Sequence[CommissioningLogRow]:
    """Lines of these sessions after this one.

    Whoever writes to a session's log holds its row until the commit, and a charge point has one active session: so the ids of
    its lines rise in the order of commits.
    """
    row = CommissioningLogRow
    query = select(row).where(row.session_id.in_(session_ids), row.log_id > log_id).order_by(row.log_id).limit(limit)
    return (await session.scalars(query)).all()


async def sessions_since(session: Session, charge_point_key: int, since: datetime) -> Sequence[CommissioningSessionRow]:
    """A charge point's sessions started at `since` or later, oldest first."""
    row = CommissioningSessionRow
    query = (
        select(row).where(row.charge_point_key == charge_point_key, row.started_at >= since).order_by(row.started_at)
    )
    return (await session.scalars(query)).all()


async def start_of_line(session: Session, charge_point_key: int, log_id: int) -> datetime | None:
    """When the session began that this line of the log is of."""
    log, row = CommissioningLogRow, CommissioningSessionRow
    query = (
        select(row.started_at)
        .join(log, log.session_id == row.session_id)
        .where(log.log_id == log_id, row.charge_point_key == charge_point_key)
    )
    return await session.scalar(query)


def _selected(query: Select[Any], session_id: str, selection: LogFilter) -> Select[Any]:
    row = CommissioningLogRow
    query = query.where(row.session_id == session_id)
    if selection.level is not None:
        query = query.where(row.level == selection.level)
    if selection.step is not None:
        query = query.where(row.step == selection.step)
    return query
