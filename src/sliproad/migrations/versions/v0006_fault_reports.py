"""Owners of sites report faults too: issues say which kind of person reported them."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("ALTER TABLE issues ADD COLUMN reported_by_kind VARCHAR DEFAULT 'installer' NOT NULL")
