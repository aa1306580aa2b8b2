"""Is the database there, and at which revision; `/readyz` asks."""

from sqlalchemy import text

from sliproad.foundation.database.scope import NOBODY
from sliproad.foundation.database.sessions import Database


async def schema_revision(database: Database) -> str:
    """The revision of the schema, as role `engine`; empty where there is none.

    Raises:
        DatabaseError: it does not answer, or has no tables of ours.
    """
    async with database.transaction(NOBODY) as session:
        return str(await session.scalar(text("select version_num from alembic_version")) or "")


async def check_answers(database: Database) -> None:
    """Ask it something.

    Raises:
        DatabaseError: it does not answer.
    """
    async with database.transaction(NOBODY) as session:
        await session.execute(text("select 1"))
