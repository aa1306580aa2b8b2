"""Durable answers: the writes of all sockets that wait go into one transaction; the answers go out after its commit.

One writer connection per process, no timers: what is waiting is committed as soon as the previous commit returns, so groups
size themselves (performance.md). A group that fails is tried entry by entry; the poison is handed back, the others are
answered. While PostgreSQL is away everything waits, unanswered (house §3, trust T1).
"""

import asyncio
import struct
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Protocol

import psycopg
import structlog
from psycopg import errors

from sliproad.foundation.inbound import Statement, Write
from sliproad.gateway.pipeline import Pipeline, connect

log = structlog.get_logger()
MOST_ENTRIES = 1000
MOST_DEFERRED = 2000
KEPT_DEFERRED = 50_000
MOST_WAITING = 5000
RETRY_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)
NO_ROW: tuple[Any, ...] = ()

Rows = Sequence[Sequence[Any]]


class Entry(Protocol):
    """What waits for a commit: writes that stand or fall together, and what to do then."""

    @property
    def key(self) -> int:
        """The charge point's key: entries go sorted by it, so that groups of several processes can't deadlock."""
        ...

    @property
    def writes(self) -> Sequence[Write]: ...

    def committed(self, rows: Rows) -> None:
        """Called after the commit, with the rows of the returning writes, in their order, without the position."""
        ...

    def refused(self, error: Exception) -> None:
        """Called when PostgreSQL refuses this very entry, alone too; nothing of it was stored."""
        ...


class Bucket:
    """The rows of one statement in one group."""

    __slots__ = ("returned", "rows", "statement")

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self.rows: list[Any] = []
        self.returned: list[Sequence[Any]] = []


class CommitGroup:
    """`submit` and `defer` never wait; `run` is the one task that writes."""

    def __init__(self, engine_url: str) -> None:
        """`engine_url` is a libpq URL that speaks as role `engine`."""
        self.engine_url = engine_url
        self.commits = 0
        self.entries_committed = 0
        self._entries: list[Entry] = []
        self._deferred: list[Write] = []
        self._wake: asyncio.Future[None] | None = None
        self._idle: asyncio.Event = asyncio.Event()
        self._idle.set()
        self._when_room: list[Callable[[], None]] = []
        self._pipeline: Pipeline | None = None

    def submit(self, entry: Entry) -> bool:
        """Take `entry` into the next group; False when so much waits that its socket should not be read (`when_room`)."""
        entries = self._entries
        entries.append(entry)
        wake = self._wake
        if wake is not None and not wake.done():
            wake.set_result(None)
        return len(entries) <= MOST_WAITING

    def defer(self, write: Write) -> None:
        """Take a row that nobody waits for into some later group: at the next `flush_deferred`, or with others before."""
        if len(self._deferred) < KEPT_DEFERRED:
            self._deferred.append(write)

    def flush_deferred(self) -> None:
        """Have what was deferred written now; called every second."""
        wake = self._wake
        if self._deferred and wake is not None and not wake.done():
            wake.set_result(None)

    def when_room(self, call: Callable[[], None]) -> None:
        """Call back once when there is room again."""
        self._when_room.append(call)

    async def run(self) -> None:
        """Write groups for ever; cancelling it closes the connection."""
        try:
            while True:
                if not self._entries and not self._deferred:
                    self._idle.set()
                    self._wake = asyncio.get_running_loop().create_future()
                    await self._wake
                    self._wake = None
                self._idle.clear()
                await self._write_next()
        finally:
            if self._pipeline is not None:
                await self._pipeline.close()

    async def drained(self) -> None:
        """Wait until nothing waits."""
        self.flush_deferred()
        while self._entries or self._deferred or not self._idle.is_set():
            await self._idle.wait()
            await asyncio.sleep(0)
            self.flush_deferred()

    async def _write_next(self) -> None:
        entries, self._entries = self._entries[:MOST_ENTRIES], self._entries[MOST_ENTRIES:]
        deferred, self._deferred = self._deferred[:MOST_DEFERRED], self._deferred[MOST_DEFERRED:]
        entries.sort(key=attrgetter("key"))
        try:
            results = await self._commit(entries, deferred)
        except psycopg.Error as error:
            log.warning("group_failed", entries=len(entries), deferred=len(deferred), error=str(error))
            await self._one_by_one(entries, deferred)
        else:
            self._answer(entries, results)
        if self._when_room and len(self._entries) <= MOST_WAITING:
            waiting, self._when_room = self._when_room, []
            for call in waiting:
                call()

    async def _one_by_one(self, entries: list[Entry], deferred: list[Write]) -> None:
        """Find the poison: each entry in a transaction of its own."""
        for entry in entries:
            try:
                results = await self._commit([entry], [])
            except psycopg.Error as error:
                try:
                    entry.refused(error)
                except Exception:
                    log.exception("entry_failed")
            else:
                self._answer([entry], results)
        for write in deferred:
            try:
                await self._commit([], [write])
            except psycopg.Error as error:
                log.warning("deferred_row_lost", statement=write[0].name, error=str(error))

    def _answer(self, entries: list[Entry], results: list[Rows]) -> None:
        self.commits += 1
        self.entries_committed += len(entries)
        for entry, rows in zip(entries, results, strict=True):
            try:
                entry.committed(rows)
            except Exception:  # one entry's trouble is no other's
                log.exception("entry_failed")

    async def _commit(self, entries: list[Entry], deferred: list[Write]) -> list[Rows]:
        """One transaction; tried again for as long as PostgreSQL is away or in trouble of its own.

        Raises:
            psycopg.Error: it refuses something in this group.
        """
        attempt = 0
        while True:
            try:
                return await self._try_commit(entries, deferred)
            except psycopg.Error as error:
                if not self._is_passing(error):
                    raise
                pause = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
                attempt += 1
                log.warning("group_waits", error=str(error), seconds=pause)
                await asyncio.sleep(pause)

    async def _try_commit(self, entries: list[Entry], deferred: list[Write]) -> list[Rows]:
        pipeline = self._pipeline
        if pipeline is None or pipeline.closed:
            pipeline = self._pipeline = await connect(self.engine_url)
        buckets: dict[Statement, Bucket] = {}
        places = [_sort_in(buckets, entry.writes) for entry in entries]
        _sort_in(buckets, deferred)
        ordered = sorted(buckets.values(), key=_order)
        returned = await pipeline.commit([(bucket.statement, _encoded(bucket)) for bucket in ordered])
        for bucket, rows in zip(ordered, returned, strict=True):
            bucket.returned = [NO_ROW] * len(bucket.rows)
            for row in rows:
                bucket.returned[row[0]] = row[1:]
        return [NO_ROW if place is None else [bucket.returned[at] for bucket, at in place] for place in places]

    @staticmethod
    def _is_passing(error: psycopg.Error) -> bool:
        """Whether `error` is PostgreSQL's own trouble (gone, restarting, disk full, deadlock), not this group's fault."""
        state = error.sqlstate
        return (
            state is None
            or state[:2] in {"08", "40", "53", "57", "58"}
            or isinstance(error, errors.ReadOnlySqlTransaction)
        )


def _order(bucket: Bucket) -> int:
    return bucket.statement.order


def _encoded(bucket: Bucket) -> list[bytes]:
    """The rows as the statement takes them.

    Raises:
        psycopg.errors.InvalidParameterValue: a row can't be written so; as if PostgreSQL had refused it, so that it is found.
    """
    try:
        return bucket.statement.parameters.encode(bucket.rows)
    except (TypeError, ValueError, struct.error) as error:
        raise errors.InvalidParameterValue(f"{bucket.statement.name}: {error}") from error


def _sort_in(buckets: dict[Statement, Bucket], writes: Sequence[Write]) -> list[tuple[Bucket, int]] | None:
    """Put each write's row into its statement's bucket; gives where the returning ones are."""
    places: list[tuple[Bucket, int]] | None = None
    for statement, row in writes:
        bucket = buckets.get(statement)
        if bucket is None:
            bucket = buckets[statement] = Bucket(statement)
        if statement.returns:
            if places is None:
                places = []
            places.append((bucket, len(bucket.rows)))
        bucket.rows.append(row)
    return places
