"""Installers sign handovers with a finger."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE handovers ADD COLUMN signature JSON")
