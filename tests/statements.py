"""Which SQL a piece of work sends, and how PostgreSQL runs it: performance as counts and plans, never as time."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event

from sliproad.foundation.database import Database, Scope


@dataclass(frozen=True)
class Plan:
    """What PostgreSQL did for a statement: the indexes it went along, and how many rows it took from tables and indexes."""

    indexes: set[str]
    rows_read: int


@dataclass(frozen=True)
class Statement:
    sql: str
    parameters: Any

    async def plan(self, database: Database, scope: Scope) -> Plan:
        """Run it again in `scope`, explained."""
        async with database.transaction(scope) as session:
            connection = await session.connection()
            done = await connection.exec_driver_sql(f"explain (analyze, format json) {self.sql}", self.parameters)
            nodes = list(_nodes(done.scalar_one()[0]["Plan"]))
        return Plan(
            {node["Index Name"] for node in nodes if "Index Name" in node},
            sum(round(node["Actual Rows"] * node["Actual Loops"]) for node in nodes if "Scan" in node["Node Type"]),
        )


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)


@contextlib.contextmanager
def statements(database: Database) -> Iterator[list[Statement]]:
    """Every statement that the block sends through `database`, in order."""
    sent: list[Statement] = []

    def note(_connection, _cursor, sql: str, parameters: Any, _context, _many) -> None:
        sent.append(Statement(sql, parameters))

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
