"""PostgreSQL, the only truth. Stores write SQL; this package gives them transactions, row classes and row-level security."""

from sliproad.foundation.database.rows import Row, kept, visible_to
from sliproad.foundation.database.scope import ENGINE, NOBODY, Scope
from sliproad.foundation.database.sessions import Database, Session, driver_connection

__all__ = ["ENGINE", "NOBODY", "Database", "Row", "Scope", "Session", "driver_connection", "kept", "visible_to"]
