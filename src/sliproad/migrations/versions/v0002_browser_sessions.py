"""People sign in with browsers: their sessions."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE browser_sessions (
            session_hash VARCHAR NOT NULL,
            audience VARCHAR NOT NULL,
            installer_id VARCHAR,
            user_id VARCHAR,
            organization_id VARCHAR,
            token_generation INTEGER NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT browser_sessions_pkey PRIMARY KEY (session_hash)
        )
    """)
    op.execute("CREATE INDEX browser_sessions_installer_id_idx ON browser_sessions (installer_id)")
    op.execute("CREATE INDEX browser_sessions_user_id_idx ON browser_sessions (user_id)")
    op.execute("CREATE INDEX browser_sessions_expires_at_idx ON browser_sessions (expires_at)")
