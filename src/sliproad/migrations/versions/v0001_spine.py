"""The first release: its tables stand in `v0001_spine.sql`, the queue's in procrastinate's own schema."""

from pathlib import Path

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0001"
down_revision = None


def upgrade() -> None:
    connection = op.get_bind().execution_options(no_parameters=True)
    connection.exec_driver_sql(SchemaManager.get_schema())
    connection.exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())
