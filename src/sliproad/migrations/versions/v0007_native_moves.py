"""Charge points are themselves moved to operators' servers: how far each is."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute(
        "CREATE TABLE connection_moves ("
        "charge_point_key BIGINT NOT NULL, organization_id VARCHAR NOT NULL, operator_id VARCHAR NOT NULL,"
        " generation BIGINT NOT NULL, protocol_version VARCHAR NOT NULL, step VARCHAR NOT NULL,"
        " step_at TIMESTAMP WITH TIME ZONE NOT NULL, progress JSONB DEFAULT '{}' NOT NULL, attempts INTEGER DEFAULT 0 NOT NULL,"
        " turn BIGINT DEFAULT 0 NOT NULL, look_at TIMESTAMP WITH TIME ZONE,"
        " CONSTRAINT connection_moves_pkey PRIMARY KEY (charge_point_key),"
        " CONSTRAINT connection_moves_charge_point_key_fkey FOREIGN KEY(charge_point_key) REFERENCES charge_points (key))"
    )
    op.execute("CREATE INDEX connection_moves_look_at_idx ON connection_moves (look_at) WHERE look_at is not null")
