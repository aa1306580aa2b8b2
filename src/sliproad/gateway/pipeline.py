"""The commit group's connection to PostgreSQL: a group's statements and their commit in one round trip.

libpq's pipeline mode by hand, since a group is sent and awaited as a whole: psycopg's own pipeline looks for answers after each
statement, which costs a tenth of a millisecond each time, and groups are small while the database is quick. What stands between
two synchronisation points is one transaction, committed at the second before PostgreSQL answers it (its protocol, "Pipelining").
psycopg opens the connection and says what an error is.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

from sliproad.foundation.inbound import Statement

Run = tuple[Statement, Sequence[bytes]]
"""A statement and its parameters' values (`Statement.parameters.encode`)."""
Returned = list[tuple[Any, ...]]

_FAILED = frozenset({ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE, ExecStatus.PIPELINE_ABORTED})


class Pipeline:
    """Transactions one after another."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Take over an open connection that is in no transaction; nobody else may use it from now on."""
        self._connection = connection
        self._pgconn = connection.pgconn
        self._loop = asyncio.get_running_loop()
        self._socket = self._pgconn.socket
        self._rows = Transformer(connection)
        self._prepared: dict[Statement, bytes] = {}
        self._results: list[PGresult] = []
        """Of the oldest transaction that is not answered yet."""
        self._waiting: deque[asyncio.Future[list[PGresult]]] = deque()
        self._is_writing = False
        self.closed = False
        self._pgconn.enter_pipeline_mode()
        self._loop.add_reader(self._socket, self._read)

    async def commit(self, runs: Sequence[Run]) -> list[Returned]:
        """Run the statements in one transaction; gives each one's rows after the commit.

        Raises:
            psycopg.Error: PostgreSQL refused something and nothing is stored; or it is gone (`closed`), and nobody knows.
        """
        await self._prepare([statement for statement, _ in runs if statement not in self._prepared])
        send = self._pgconn.send_query_prepared
        for statement, values in runs:
            send(self._prepared[statement], values, statement.parameters.formats)
        results = await self._synced()
        return [
            self._rows_of(result) if statement.returns else []
            for (statement, _), result in zip(runs, results, strict=True)
        ]

    async def close(self) -> None:
        """Close the connection; what was not committed is not stored."""
        self._lost(psycopg.OperationalError("the connection was closed"))
        await self._connection.close()

    async def _prepare(self, statements: list[Statement]) -> None:
        if not statements:
            return
        for statement in statements:
            parameters = statement.parameters
            name = self._prepared[statement] = statement.name.encode()
            self._pgconn.send_prepare(name, parameters.placed_in(statement.sql), parameters.types)
        await self._synced()

    async def _synced(self) -> list[PGresult]:
        """Send what was queued and wait until PostgreSQL has answered all of it."""
        if self.closed:
            raise psycopg.OperationalError("the connection is closed")
        self._pgconn.pipeline_sync()
        answered: asyncio.Future[list[PGresult]] = self._loop.create_future()
        self._waiting.append(answered)
        self._write()
        results = await answered
        for result in results:
            if result.status in _FAILED:
                raise error_from_result(result, "utf-8")
        return results

    def _write(self) -> None:
        try:
            unsent = self._pgconn.flush()
        except psycopg.OperationalError as error:
            self._lost(error)
            return
        if unsent and not self._is_writing:
            self._is_writing = True
            self._loop.add_writer(self._socket, self._write)
        elif self._is_writing and not unsent:
            self._is_writing = False
            self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        pgconn = self._pgconn
        try:
            pgconn.consume_input()
        except psycopg.OperationalError as error:
            self._lost(error)
            return
        while self._waiting and not pgconn.is_busy():
            result = pgconn.get_result()
            if result is None:  # one statement's results end
                if pgconn.status == ConnStatus.BAD:
                    self._lost(psycopg.OperationalError(pgconn.get_error_message()))
                continue
            if result.status == ExecStatus.PIPELINE_SYNC:
                answered, results = self._waiting.popleft(), self._results
                self._results = []
                if not answered.done():
                    answered.set_result(results)
            else:
                self._results.append(result)

    def _rows_of(self, result: PGresult) -> Returned:
        self._rows.set_pgresult(result)
        return self._rows.load_rows(0, result.ntuples, tuple)

    def _lost(self, error: psycopg.OperationalError) -> None:
        """The connection is gone, and with it the answers that somebody waits for."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        while self._waiting:
            answered = self._waiting.popleft()
            if not answered.done():
                answered.set_exception(error)


async def connect(engine_url: str) -> Pipeline:
    """A connection whose commits are durable before they return.

    Raises:
        psycopg.OperationalError: PostgreSQL is not there.
    """
    connection = await psycopg.AsyncConnection.connect(engine_url, autocommit=True, connect_timeout=5)
    await connection.execute("set synchronous_commit = on")
    # Statements are planned once, on tables that may still be small then, and kept: only lookups by key stay right.
    for plan in ("seqscan", "bitmapscan", "mergejoin"):
        await connection.execute(f"set enable_{plan} = off")
    await connection.execute("set application_name = 'sliproad gateway'")
    return Pipeline(connection)
