"""One plain statement at a third of the cost of an object-relational one, for what runs many times a second.

The same statement serves a caller that has a transaction (its effects are that transaction's) and one that has only a `Database`
of role `engine` (it is a transaction by itself, see `Database.ask`). Stores write them with psycopg's `%(name)s`; what a session
has not flushed yet they don't see.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy.ext.asyncio import AsyncSession

from sliproad.foundation.database.scope import ENGINE
from sliproad.foundation.database.sessions import Database, Session, database_error, driver_connection

Where = Session | Database
"""Where a statement runs: in the caller's transaction, or by itself."""


async def run(where: Where, statement: str, parameters: Mapping[str, Any]) -> Sequence[Any]:
    """Its rows, as tuples with the columns' names; none where it returns none.

    Raises:
        DatabaseError: it can't be run; the caller's transaction is over.
    """
    if not isinstance(where, AsyncSession):
        return await where.ask(statement, parameters)
    cursor = (await driver_connection(where)).cursor(row_factory=namedtuple_row)
    try:
        await cursor.execute(statement, parameters)
        return await cursor.fetchall() if cursor.description else ()
    except psycopg.Error as error:
        raise database_error(statement, error) from error


@asynccontextmanager
async def transaction_of(where: Where) -> AsyncIterator[Session]:
    """The caller's transaction; by itself, one of role `engine`."""
    if isinstance(where, AsyncSession):
        yield where
        return
    async with where.transaction(ENGINE) as session:
        yield session
