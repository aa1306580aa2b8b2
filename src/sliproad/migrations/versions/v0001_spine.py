"""The spine: everything of the first release."""

from alembic import op
from procrastinate.schema import SchemaManager
from sqlalchemy import text

from sliproad.foundation.database import policies
from sliproad.migrations.tables import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    connection = op.get_bind()
    connection.execution_options(no_parameters=True).exec_driver_sql(SchemaManager.get_schema())
    metadata().create_all(connection)
    for statement in policies.statements(metadata()):
        connection.execute(text(statement))
