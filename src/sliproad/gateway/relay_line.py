"""What the parts of one charge point's relay share: both ends, the settings, the queue, and the ways into the commit group."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import structlog

from sliproad.foundation.database import DatabaseError
from sliproad.foundation.inbound import Write
from sliproad.gateway.commit_group import Rows
from sliproad.gateway.relay_ports import RelayPorts, Spoken, Target
from sliproad.gateway.relay_queue import UpQueue
from sliproad.ocpp.frames import Payload

if TYPE_CHECKING:
    from sliproad.gateway.exchange import Exchange
    from sliproad.gateway.relay_session import RelaySession

log = structlog.get_logger()
T = TypeVar("T")
DATABASE_PAUSE_SECONDS = 1.0


class Line:
    """See the module. One per relay."""

    __slots__ = (
        "_told",
        "boot",
        "boot_is_new",
        "exchange",
        "is_draining",
        "ours_by_theirs",
        "peer",
        "ports",
        "queue",
        "session",
        "settings",
        "target",
        "theirs_by_ours",
        "version",
        "wake",
    )

    def __init__(self, exchange: "Exchange", target: Target, ports: RelayPorts) -> None:
        self.exchange = exchange
        self.peer = exchange.peer
        self.version = exchange.version
        self.ports = ports
        self.target = target
        """As it is now: states are told of this."""
        self.settings = target
        """Where it dials: while it drains, the settings from before."""
        self.is_draining = target.mode != "relay"
        self.queue = UpQueue()
        self.session: RelaySession | None = None
        self.boot: Payload | None = None
        """The BootNotification that the charge point sent on its socket."""
        self.boot_is_new = False
        """The operator has not heard it yet."""
        self.theirs_by_ours: dict[int, int] = {}
        self.ours_by_theirs: dict[int, int] = {}
        """1.6 transaction ids; the rows have them all."""
        self.wake = asyncio.Event()
        self._told: tuple[int, str, str | None] | None = None

    def tell_state(self, state: str, reason: str | None = None) -> None:
        """Have it written how the connection is, where that is news; what is switched off already is only ended."""
        if self.target.mode == "hand_over" or (self.is_draining and state != "off"):
            return
        news = (self.target.generation, state, reason)
        if news != self._told:
            self._told = news
            self.submit(self.ports.records.state(self.peer, self.target, state, reason))

    def tell_state_unless_failed(self, state: str) -> None:
        """The same, but an attempt alone makes no failure undone."""
        if self._told is None or self._told[:2] != (self.target.generation, "failed"):
            self.tell_state(state, self._told[2] if self._told is not None else None)

    def record(self, spoken: Spoken) -> None:
        """Keep a message for whoever looks; nobody waits for it."""
        self.exchange.context.group.defer(self.ports.records.recorded(self.peer, self.target, spoken))

    def submit(self, *writes: Write) -> None:
        """Have it committed without waiting for it."""
        self.exchange.context.group.submit(Committing(self.peer.key, writes))

    async def commit(self, *writes: Write) -> None:
        """Have it committed, for as long as that takes.

        Raises:
            Exception: PostgreSQL refuses it.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.exchange.context.group.submit(Committing(self.peer.key, writes, done))
        await done

    async def asked(self, ask: Callable[[], Awaitable[T]]) -> T:
        """An answer of the database, as soon as it is there."""
        while True:
            try:
                return await ask()
            except (DatabaseError, OSError) as error:
                log.warning("relay_waits_for_database", key=self.peer.key, error=repr(error))
                await asyncio.sleep(DATABASE_PAUSE_SECONDS)


class Committing:
    """Rows of the relay on their way."""

    __slots__ = ("_done", "key", "writes")

    def __init__(self, key: int, writes: Sequence[Write], done: asyncio.Future[None] | None = None) -> None:
        self.key = key
        self.writes = writes
        self._done = done

    def committed(self, rows: Rows) -> None:  # noqa: ARG002
        if self._done is not None and not self._done.done():
            self._done.set_result(None)

    def refused(self, error: Exception) -> None:
        log.error("relay_write_refused", key=self.key, error=repr(error))
        if self._done is not None and not self._done.done():
            self._done.set_exception(error)
