"""PostgreSQL, the only truth. Stores write SQL; this package gives them transactions, row classes and row-level security."""

from sqlalchemy.exc import IntegrityError

from sliproad.foundation.database.rows import Row, kept, visible_to
from sliproad.foundation.database.scope import ENGINE, NOBODY, Scope
from sliproad.foundation.database.sessions import (
    Database,
    DatabaseError,
    Session,
    driver_connection,
    violated_constraint,
)
from sliproad.foundation.database.statements import Where, run, transaction_of

__all__ = [
    "ENGINE",
    "NOBODY",
    "Database",
    "DatabaseError",
    "IntegrityError",
    "Row",
    "Scope",
    "Session",
    "Where",
    "driver_connection",
    "kept",
    "run",
    "transaction_of",
    "violated_constraint",
    "visible_to",
]
