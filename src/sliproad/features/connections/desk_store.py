"""Statements on the relay's messages, as an operator's desk shows them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from sliproad.features.connections.relay_store import RelayMessageRow
from sliproad.foundation.database import Session

SHOWN = 50


async def waiting_of(session: Session, operator_id: str, charge_point_key: int) -> tuple[int, datetime | None]:
    """How many messages wait for the operator's server, and since when the first."""
    row = RelayMessageRow
    query = select(func.count(), func.min(row.at)).where(
        row.charge_point_key == charge_point_key, row.state == "waiting", row.operator_id == operator_id
    )
    count, oldest_at = (await session.execute(query)).one()
    return count, oldest_at


async def newest_messages(session: Session, operator_id: str, charge_point_key: int) -> Sequence[RelayMessageRow]:
    """The newest through the relay, either way, newest first."""
    row = RelayMessageRow
    query = (
        select(row)
        .where(row.charge_point_key == charge_point_key, row.operator_id == operator_id)
        .order_by(row.seq.desc())
        .limit(SHOWN)
    )
    return (await session.scalars(query)).all()
