"""The relay recognises what a charge point repeats, and knows which connection of a charge point told a state last."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE relay_messages ADD COLUMN recognised_by VARCHAR")
    op.execute(
        "CREATE UNIQUE INDEX relay_messages_recognised_by_key ON relay_messages (charge_point_key, operator_id, recognised_by)"
        " WHERE recognised_by is not null"
    )
    op.execute("ALTER TABLE connection_assignments ADD COLUMN relay_epoch BIGINT DEFAULT 0 NOT NULL")
