"""Pools and transactions. One request or job step is one transaction; a service opens it, its store works inside it.

Two ways to speak as a role:

- The URL's user is `sliproad_owner` and has no password (the embedded cluster, or one that trusts, maps or certifies its users):
  connections *log in* as `sliproad_web` or `sliproad_engine`. No SQL leads from there to another role.
- Any other URL: connections log in as its user and become the role by libpq's `options` before their first statement.
  `RESET ROLE` returns to that role, but whoever can send arbitrary SQL may say `SET ROLE` to any role of the login user.
  Give the web process a URL whose user is `sliproad_web` itself, where that matters; such a URL is used as it is.

Either way the policies are the second wall; the services' own checks are the first.
"""

import asyncio
import select
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, cast

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import namedtuple_row
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidatePoolError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_sessionmaker, create_async_engine

from sliproad.foundation.database import policies
from sliproad.foundation.database.scope import NOBODY, Scope

Session = AsyncSession
"""One transaction as services pass it on; only stores send SQL through it."""

DatabaseError = SQLAlchemyError
"""Whatever goes wrong between us and PostgreSQL, for loops that go on all the same."""

RoleName = Literal["owner", "web", "engine"]
MOST_ASKED_AT_ONCE = 4
LOGIN_NAMES = {"owner": policies.OWNER, "web": policies.WEB, "engine": policies.ENGINE}
SET_SCOPE = (
    "select num_nulls(set_config('sliproad.organization_id', %(organization_id)s, true),"
    " set_config('sliproad.installer_id', %(installer_id)s, true),"
    " set_config('sliproad.user_id', %(user_id)s, true), set_config('sliproad.operator_id', %(operator_id)s, true),"
    " set_config('sliproad.lookup', %(lookup)s, true))"
)
"""Nobody wants the answer: one number."""


def as_role(database_url: str, role: RoleName) -> str:
    """The same PostgreSQL URL, whose connections speak as `role` from their first statement on (see above how)."""
    url = make_url(database_url)
    name = LOGIN_NAMES[role]
    if role == "owner" or url.username == name:
        return database_url
    if url.username == policies.OWNER and not url.password:
        url = url.set(username=name)
    else:
        given = cast("str", url.query.get("options", ""))
        url = url.update_query_dict({"options": f"{given} -c role={name}".strip()})
    address, _, query = url.render_as_string(hide_password=False).partition("?")
    return f"{address}?{query.replace('+', '%20')}".removesuffix("?")  # libpq knows no plus for a space


class Database:
    """Connections of one role. `transaction(scope)` is how everything outside the hot path reaches PostgreSQL."""

    def __init__(self, database_url: str, role: RoleName, *, pool_size: int = 10) -> None:
        """`database_url` is a libpq URL (`postgresql://…`) of the owner."""
        self.role = role
        self.url = as_role(database_url, role)
        self.engine = create_async_engine(
            make_url(self.url).set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=pool_size,
            hide_parameters=True,  # an error's text reaches the log; the values of its statement must not (trust S3)
        )
        event.listen(self.engine.sync_engine, "checkout", _refuse_dead)
        self._session = async_sessionmaker(self.engine, expire_on_commit=False)
        self._asking = asyncio.Semaphore(MOST_ASKED_AT_ONCE)
        self._idle: list[psycopg.AsyncConnection[Any]] = []

    @asynccontextmanager
    async def transaction(self, scope: Scope) -> AsyncIterator[Session]:
        """A session whose work is committed at the end, or rolled back when the block raises."""
        async with self._session() as session, session.begin():
            if self.role == "web":
                await _set_scope(session, scope)
            yield session

    async def ask(self, statement: str, parameters: Mapping[str, Any], scope: Scope = NOBODY) -> Sequence[Any]:
        """One psycopg statement in `scope`, committed by itself, on connections kept for that; for what is asked again and again.

        A tenth of a transaction's cost, a fifth with a scope: no pool, no `begin`, planned once. In the role of this object.
        Rows are tuples that know their columns' names.

        Raises:
            DatabaseError: as a transaction does.
        """
        async with self._asking:
            try:
                connection = await self._kept_connection()
                try:
                    cursor = await _send(connection, statement, parameters, scope)
                    return await cursor.fetchall() if cursor.description else ()
                finally:
                    if connection.info.transaction_status == TransactionStatus.IDLE:
                        self._idle.append(connection)
                    else:
                        await connection.close()
            except psycopg.Error as error:
                raise database_error(statement, error) from error

    async def _kept_connection(self) -> psycopg.AsyncConnection[Any]:
        """An idle connection, or a new one."""
        while self._idle:
            connection = self._idle.pop()
            if is_quiet(connection):
                return connection
            await connection.close()
        return await psycopg.AsyncConnection.connect(
            self.url, autocommit=True, connect_timeout=5, prepare_threshold=0, row_factory=namedtuple_row
        )

    async def close(self) -> None:
        """Close every connection."""
        while self._idle:
            await self._idle.pop().close()
        await self.engine.dispose()


async def _set_scope(session: Session, scope: Scope) -> None:
    """The first statement of a transaction; `begin` goes in the same round trip."""
    connection = await driver_connection(session)
    try:
        async with connection.pipeline():
            await connection.execute(SET_SCOPE, scope.values())
    except psycopg.Error as error:
        raise database_error(SET_SCOPE, error) from error


async def _send(
    connection: psycopg.AsyncConnection[Any], statement: str, parameters: Mapping[str, Any], scope: Scope
) -> psycopg.AsyncCursor[Any]:
    """The scope and the statement in one round trip: what is sent before the answer is awaited is one transaction.

    (PostgreSQL, libpq "Pipeline Mode".) The scope ends with it; where it can't be set, the statement is not run.
    """
    if scope == NOBODY:
        return await connection.execute(statement, parameters)
    async with connection.pipeline():
        await connection.execute(SET_SCOPE, scope.values())
        return await connection.execute(statement, parameters)


def database_error(statement: str, error: psycopg.Error) -> DatabaseError:
    """As SQLAlchemy would have raised it; without the values of the statement, since an error's text reaches the log (trust S3)."""
    return cast("DatabaseError", DBAPIError.instance(statement, None, error, psycopg.Error, hide_parameters=True))


def _refuse_dead(connection: Any, _record: Any, _proxy: Any) -> None:
    """SQLAlchemy's pool asks before it hands a connection out; a ping would be a round trip."""
    if not is_quiet(connection.driver_connection):
        raise InvalidatePoolError("the connection's server has gone")


def is_quiet(connection: psycopg.AsyncConnection[Any]) -> bool:
    """Whether an idle connection is still there: one whose server has gone has something to read, without a round trip."""
    if connection.closed:
        return False
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return not waiting.poll(0)


async def check_quiet(connection: psycopg.AsyncConnection[Any]) -> None:
    """For pools.

    Raises:
        psycopg.OperationalError: its server has gone.
    """
    if not is_quiet(connection):
        await connection.close()  # a pool keeps what is not closed
        raise psycopg.OperationalError("the connection's server has gone")


def violated_constraint(error: IntegrityError) -> str:
    """The name of the constraint or unique index that a change would have broken; empty where PostgreSQL names none."""
    return getattr(getattr(error.orig, "diag", None), "constraint_name", None) or ""


async def driver_connection(session: Session) -> psycopg.AsyncConnection[Any]:
    """The psycopg connection of a session's transaction, for COPY, set-based statements and transactional job enqueue."""
    connection: AsyncConnection = await session.connection()
    raw = await connection.get_raw_connection()
    return cast("psycopg.AsyncConnection[Any]", raw.driver_connection)
