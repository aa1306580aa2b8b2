"""Statements on native moves. Role `engine` alone writes them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select, update

from sliproad.features.connections.store import ConnectionAssignmentRow, ConnectionMoveRow
from sliproad.foundation.database import Session


async def find_move(session: Session, charge_point_key: int) -> ConnectionMoveRow | None:
    """The move of a charge point, held until the transaction ends."""
    row = ConnectionMoveRow
    query = select(row).where(row.charge_point_key == charge_point_key).with_for_update()
    found: ConnectionMoveRow | None = await session.scalar(query, execution_options={"populate_existing": True})
    return found


async def due_moves(session: Session, now: datetime, limit: int) -> Sequence[tuple[int, str]]:
    """(charge point, step) of those that somebody should look at by now."""
    row = ConnectionMoveRow
    query = select(row.charge_point_key, row.step).where(row.look_at <= now).order_by(row.look_at).limit(limit)
    return [(key, step) for key, step in await session.execute(query)]


async def look_later(session: Session, keys: Collection[int], at: datetime) -> None:
    """Nobody needs to look at these before."""
    row = ConnectionMoveRow
    await session.execute(update(row).where(row.charge_point_key.in_(keys)).values(look_at=at))


async def tell_state(
    session: Session,
    charge_point_key: int,
    *,
    state: str,
    reason: str | None,
    connected_at: datetime | None,
    now: datetime,
) -> None:
    """How the charge point's connection to the operator's server is; gateways have no part in it."""
    row = ConnectionAssignmentRow
    values = {"state": state, "reason": reason, "state_at": now, "connected_at": connected_at}
    await session.execute(update(row).where(row.charge_point_key == charge_point_key).values(values))
