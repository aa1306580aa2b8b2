"""Brings a database to the newest schema: Alembic's revisions, under an advisory lock so that many processes may try at once."""

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

ADVISORY_LOCK = 7310_2026


def alembic_config() -> Config:
    """Alembic's settings; its scripts are part of the package."""
    config = Config()
    config.set_main_option("script_location", str(files("sliproad.migrations")))
    return config


def migrate(database_url: str) -> str:
    """Upgrade to the newest revision as the owner; blocking. Returns the revision."""
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    config = alembic_config()
    try:
        with engine.begin() as connection:
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            return str(MigrationContext.configure(connection).get_current_revision())
    finally:
        engine.dispose()


def newest_revision() -> str:
    """The revision that this version of the program needs."""
    return str(ScriptDirectory.from_config(alembic_config()).get_current_head())
