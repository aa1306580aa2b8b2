"""Alembic's entry; `foundation.database.migrations` hands it the connection and its transaction.

When a revision was run, roles and row-level security are brought to what the tables of this version declare.
"""

from collections.abc import Collection, Mapping
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from sqlalchemy import text

from sliproad.foundation.database import policies
from sliproad.migrations.tables import metadata

connection = context.config.attributes["connection"]
applied: list[Any] = []


def note(ctx: MigrationContext, step: MigrationInfo, heads: Collection[Any], run_args: Mapping[str, Any]) -> None:  # noqa: ARG001
    """Remember that something changed; alembic calls it by these names."""
    applied.append(step)


context.configure(connection=connection, transactional_ddl=True, on_version_apply=note)
with context.begin_transaction():
    context.run_migrations()
    if applied:
        for statement in policies.statements(metadata()):
            connection.execute(text(statement))
