"""The roaming hub: connections, parties, tokens, endpoints, objects, messages and their addresses (`v0008_roaming.sql`)."""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    connection = op.get_bind().execution_options(no_parameters=True)
    connection.exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())
