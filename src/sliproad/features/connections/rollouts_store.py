"""Statements on roll-outs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from sliproad.features.connections.store import ConnectionRolloutItemRow, ConnectionRolloutRow
from sliproad.foundation.database import Session

OPEN_RUNNING = (
    "select rollout_id from connection_rollouts where finished_at is null and state = 'running' order by created_at"
)
"""Asked by a periodic job (`Database.ask`)."""


async def insert_rollout(session: Session, values: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> None:
    """Raises IntegrityError where another one is open on this site."""
    session.add(ConnectionRolloutRow(**values))
    await session.flush()
    if items:
        await session.execute(insert(ConnectionRolloutItemRow), [dict(item) for item in items])


async def find_rollout(session: Session, rollout_id: str, *, lock: bool = False) -> ConnectionRolloutRow | None:
    query = select(ConnectionRolloutRow).where(ConnectionRolloutRow.rollout_id == rollout_id)
    if lock:
        query = query.with_for_update()
    return await session.scalar(query, execution_options={"populate_existing": True})


async def items_of(session: Session, rollout_id: str) -> Sequence[ConnectionRolloutItemRow]:
    """Its charge points, wave after wave."""
    row = ConnectionRolloutItemRow
    query = select(row).where(row.rollout_id == rollout_id).order_by(row.wave, row.charge_point_key)
    return (await session.scalars(query, execution_options={"populate_existing": True})).all()


async def newest_rollouts(
    session: Session, operator_id: str, site_id: str | None, before: tuple[datetime, str] | None, limit: int
) -> Sequence[ConnectionRolloutRow]:
    """An operator's, of one site where it is given, newest first."""
    row = ConnectionRolloutRow
    query = select(row).where(row.operator_id == operator_id).order_by(row.created_at.desc(), row.rollout_id.desc())
    if site_id is not None:
        query = query.where(row.site_id == site_id)
    if before is not None:
        at, rollout_id = before
        query = query.where((row.created_at < at) | ((row.created_at == at) & (row.rollout_id < rollout_id)))
    return (await session.scalars(query.limit(limit))).all()


async def end_of_site(session: Session, site_id: str, reason: str, now: datetime) -> None:
    """Stop whatever is under way at a site, for good."""
    row = ConnectionRolloutRow
    values = {"state": "stopped", "reason": reason, "finished_at": now}
    await session.execute(update(row).where(row.site_id == site_id, row.finished_at.is_(None)).values(values))


async def finish_stopped(session: Session, site_id: str, now: datetime) -> None:
    """What failures have stopped at a site makes room for the next one; it can still be rolled back."""
    row = ConnectionRolloutRow
    query = update(row).where(row.site_id == site_id, row.state == "stopped", row.finished_at.is_(None))
    await session.execute(query.values(finished_at=now))
