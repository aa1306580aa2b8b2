"""Which charge points this process holds, and everything done for all of them at once, every second.

The newest socket wins: here at once, in other processes by `gateway.opened` on the bus, and, with the bus away, by comparing
epochs with the rows every second (house §3, trust G3).
"""

import asyncio
from collections.abc import Iterable
from operator import attrgetter
from time import monotonic, time

import structlog
from picows import WSCloseCode

from sliproad.foundation.database import DatabaseError
from sliproad.foundation.inbound import Peer, Write
from sliproad.gateway.admission import Admitted
from sliproad.gateway.commit_group import Rows
from sliproad.gateway.connection import Connection
from sliproad.gateway.context import Context
from sliproad.gateway.ports import KnownChargePoint, Opened, Seen

log = structlog.get_logger()
TICK_SECONDS = 1.0


class Roster:
    """The sockets of one gateway process, by charge point key."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._current: dict[int, Connection] = {}
        self._all: set[Connection] = set()
        self._watched: dict[int, float] = {}
        self._seen_flushed_at = time()
        self._empty = asyncio.Event()
        self._empty.set()
        context.identities.on_change(self._identities_changed)

    def __len__(self) -> int:
        return len(self._all)

    def accept(self, admitted: Admitted, address: str, path: str) -> Connection:
        """The listener of a socket that is about to open."""
        known = admitted.known
        older = self._current.get(known.key)
        if older is not None and not older.is_closing:
            admitted.details["replaces"] = older.opened.remote_address
        peer = Peer(known.key, known.charge_point_id, known.organization_id, admitted.version.value)
        self._refresh(peer, known)
        peer.watched_until = self._watched.get(known.key, 0.0)
        opened = Opened(self.context.gateway_id, address, path, admitted.security_profile, time())
        return Connection(self.context, self, peer, opened, admitted.verified)

    def get(self, key: int) -> Connection | None:
        """The newest socket of a charge point here."""
        return self._current.get(key)

    def joined(self, connection: Connection) -> None:
        """A socket opened; an older one of the same charge point ends."""
        key = connection.peer.key
        older = self._current.get(key)
        self._current[key] = connection
        self._all.add(connection)
        self._empty.clear()
        if older is not None:
            older.supersede()

    def left(self, connection: Connection) -> None:
        """A socket is gone."""
        self._all.discard(connection)
        if self._current.get(connection.peer.key) is connection:
            del self._current[connection.peer.key]
        if not self._all:
            self._empty.set()

    async def empty(self) -> None:
        """Wait until no socket is open."""
        await self._empty.wait()

    def opened_elsewhere(self, key: int, epoch: int) -> None:
        """Some gateway (this one too) opened connection `epoch` of a charge point: older ones end."""
        mine = self._current.get(key)
        if mine is not None and mine.exchange is not None and mine.peer.epoch < epoch:
            mine.supersede()

    def watch(self, key: int, until: float) -> None:
        """Somebody wants live events of a charge point until then (Unix seconds)."""
        self._watched[key] = max(until, self._watched.get(key, 0.0))
        mine = self._current.get(key)
        if mine is not None:
            mine.peer.watched_until = self._watched[key]

    def close_all(self) -> None:
        """This process stops: say so to every charge point, so that it comes back elsewhere at once."""
        for connection in list(self._all):
            connection.close(WSCloseCode.SERVICE_RESTART, b"")

    async def run(self) -> None:
        """Tick for ever."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.tick()
            try:
                await self.context.presence.sign_of_life(self.context.gateway_id)
                await self.compare_epochs()
            except (DatabaseError, OSError) as error:
                log.warning("presence_unavailable", error=repr(error))

    def tick(self) -> None:
        """Pings and time limits of every socket; what was seen since the last tick goes to its rows."""
        now, since = monotonic(), self._seen_flushed_at
        self._seen_flushed_at = time()
        writes: list[Write] = []
        for connection in sorted(self._all, key=attrgetter("peer.key")):
            connection.tick(now)
            exchange = connection.exchange
            if exchange is not None and exchange.seen_at >= since and not connection.is_superseded:
                seen = Seen(exchange.seen_at, exchange.heartbeat_at)
                writes.append(self.context.presence.seen(connection.peer, seen))
                exchange.heartbeat_at = None
        if writes:
            self.context.group.submit(Flush(writes))
        self.context.group.flush_deferred()
        wall = time()
        self._watched = {key: until for key, until in self._watched.items() if until > wall}

    async def compare_epochs(self) -> None:
        """End every socket whose row says that a newer one exists, or that this gateway does not hold it any more."""
        mine = {key: each for key, each in self._current.items() if each.exchange is not None}
        expected = (len(mine), sum(each.peer.epoch for each in mine.values()))
        if await self.context.presence.held(self.context.gateway_id) == expected:
            return
        rows = await self.context.presence.held_epochs(self.context.gateway_id)
        for key, connection in mine.items():
            if self._current.get(key) is connection and rows.get(key) != connection.peer.epoch:
                log.info("stale_connection_closed", key=key, epoch=connection.peer.epoch)
                connection.supersede()

    def _identities_changed(self, keys: Iterable[int]) -> None:
        for key in keys:
            connection = self._current.get(key)
            if connection is None:
                continue
            known = self.context.identities.by_key(key)
            if known is None:
                connection.close(WSCloseCode.POLICY_VIOLATION, b"this charge point was removed")
            elif connection.credential_id is not None and not self.context.identities.is_valid(
                known, connection.credential_id
            ):
                connection.close(WSCloseCode.POLICY_VIOLATION, b"its password was replaced")
            else:
                self._refresh(connection.peer, known)

    def _refresh(self, peer: Peer, known: KnownChargePoint) -> None:
        peer.boot_policy = known.boot_policy
        peer.commissioned = known.commissioned
        peer.subscribed = self.context.identities.subscribed(known.organization_id)


class Flush:
    """When charge points were last seen, for all that were, in one statement; ordered by key."""

    __slots__ = ("writes",)
    key = 0

    def __init__(self, writes: list[Write]) -> None:
        self.writes = writes

    def committed(self, rows: Rows) -> None:
        pass

    def refused(self, error: Exception) -> None:
        pass
