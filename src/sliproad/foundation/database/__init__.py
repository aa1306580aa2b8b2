"""PostgreSQL, the only truth. Stores write SQL; this package gives them transactions, row classes and row-level security."""

from sliproad.foundation.database.rows import Row, visible_to
from sliproad.foundation.database.scope import ENGINE, NOBODY, Scope
from sliproad.foundation.database.sessions import Database, driver_connection

__all__ = ["ENGINE", "NOBODY", "Database", "Row", "Scope", "driver_connection", "visible_to"]
