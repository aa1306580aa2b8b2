"""Statements on sealed passwords, wherever they are, for `key_rotation`."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import select, update

from sliproad.features.connections.store import CURRENT_XID, ConnectionAssignmentRow, ConnectionVersionRow
from sliproad.foundation.database import Session


class SealedTable(NamedTuple):
    """A table with a column `password_sealed`."""

    row: type[ConnectionVersionRow | ConnectionAssignmentRow]
    key: Any
    before_all: Any
    """Less than any key."""


TABLES = (
    SealedTable(ConnectionVersionRow, ConnectionVersionRow.version_id, ""),
    SealedTable(ConnectionAssignmentRow, ConnectionAssignmentRow.charge_point_key, 0),
)
"""Versions first: what is applied meanwhile is copied from them."""


async def next_sealed(session: Session, table: SealedTable, after: Any, limit: int) -> Sequence[tuple[Any, bytes]]:
    """(key, sealed password) of the next rows that have one, held until the transaction ends."""
    row = table.row
    query = (
        select(table.key, row.password_sealed)
        .where(table.key > after, row.password_sealed.is_not(None))
        .order_by(table.key)
        .limit(limit)
        .with_for_update()
    )
    return [(key, sealed) for key, sealed in await session.execute(query)]


async def replace(session: Session, table: SealedTable, sealed: Mapping[Any, bytes]) -> None:
    """Put these in place; gateways are to read them."""
    for key, value in sealed.items():
        values: dict[str, Any] = {"password_sealed": value}
        if table.row is ConnectionAssignmentRow:
            values["changed_xid"] = CURRENT_XID
        await session.execute(update(table.row).where(table.key == key).values(values))
