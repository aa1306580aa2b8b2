"""The body of a virtual charge point: its parts, its memory and its line to the CSMS, whatever the version.

`sessions` charges with it, `connection` gives it a line, the links let the CSMS act on it, `charger` owns it.
"""

import asyncio
import random
import uuid
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from sliproad.simulator.clock import Clock
from sliproad.simulator.connectors import Connector
from sliproad.simulator.dialect import Dialect, Message
from sliproad.simulator.events import EventStream
from sliproad.simulator.faults import Fault
from sliproad.simulator.ledger import Ledger
from sliproad.simulator.ledger_book import LedgerTransaction
from sliproad.simulator.meter import Meter
from sliproad.simulator.settings import ChargerSettings

Status = tuple[int, str]


class CallRefusedError(Exception):
    """The CSMS answered a call with a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code


class ConnectionLostError(Exception):
    """The connection ended, or the CSMS did not answer in time (which ends it)."""


class Line(Protocol):
    """A live connection to the CSMS, as the station sees it."""

    async def request(self, message: Message, message_id: str | None = None) -> dict[str, Any]:
        """Send a call and return the payload of its answer."""

    def end(self, why: str) -> None:
        """Close the connection in good order."""

    def abort(self) -> None:
        """Lose the connection, as when a cable is pulled."""


class Station:
    """State and small acts of one charge point. `open` it inside a running loop before anything else."""

    def __init__(self, settings: ChargerSettings, ledger: Ledger, clock: Clock, events: EventStream) -> None:
        self.settings = settings
        self.ledger = ledger
        self.clock = clock
        self.events = events
        self.rng = random.Random(f"{settings.identity}:{settings.seed}")  # noqa: S311 - reproducible, not secret
        self.dialect: Dialect
        self.connectors: dict[int, Connector] = {}
        self.line: Line | None = None
        self.accepted = False
        self.boot_status: str | None = None
        self.boot_reason = "PowerUp"
        self.reboot_due = False
        self.active_slot = "0"
        self.profiles: dict[int, dict[str, Any]] = {}
        self.local_list_version = 0
        self.local_list: dict[str, str] = {}
        self.installed_by_request: tuple[int | None] | None = None
        self.announced: dict[int, str] = {}
        self.outbox: asyncio.Queue[Message | Status] | None = None
        self.queue_grew = asyncio.Event()
        self.boot_now = asyncio.Event()
        self.spawn: Callable[[Coroutine[Any, Any, None]], object]
        self._options_changed = asyncio.Event()
        self._announcing: dict[int, str] = {}
        self._read_at: dict[int, float] = {}

    def open(self, spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        """Switch the hardware on: the ledger is open, background work goes to `spawn`; the dialect comes next."""
        self.spawn = spawn
        self.boot_reason, self.boot_status, self.reboot_due = "PowerUp", None, False
        self.announced.clear()
        self._read_at.clear()
        book = self.ledger.book
        self.rng.seed(f"{self.settings.identity}:{self.settings.seed}:{book.records}")  # never the same ids twice
        direction = -1 if self.settings.has(Fault.METER_RUNS_BACKWARDS) else 1
        for number in range(1, self.settings.connectors + 1):
            register_wh = book.registers.get(number, float(self.rng.randrange(100_000, 2_000_000)))
            meter = Meter(self.settings, register_wh, self.rng, direction)
            self.connectors[number] = Connector(number, meter)
            self.ledger.record_register(number, register_wh)

    @property
    def online(self) -> bool:
        """Whether the charge point may speak freely: connected and its boot accepted."""
        return self.line is not None and self.accepted

    @property
    def password(self) -> str | None:
        """The password in force: the one that the CSMS wrote, else the installer's."""
        written = self.ledger.book.settings.get("password")
        return self.settings.password if written is None else str(written)

    def written(self, prefix: str) -> dict[str, str]:
        """The settings that were written under this prefix, by the rest of their names."""
        stored = self.ledger.book.settings.items()
        return {name.removeprefix(prefix): str(value) for name, value in stored if name.startswith(prefix)}

    @property
    def firmware_version(self) -> str:
        """The version in force, after an update the new one."""
        return str(self.ledger.book.settings.get("firmware_version", self.settings.firmware_version))

    def new_id(self) -> str:
        """A UUID from the seeded generator."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    # -- time ---------------------------------------------------------------------------------------------------------

    def tick(self, connector: Connector) -> None:
        """Bring the meter of a connector up to this moment."""
        now = asyncio.get_running_loop().time()
        since = self._read_at.get(connector.number, now)
        connector.meter.advance((now - since) * self.settings.time_scale)
        self._read_at[connector.number] = now

    def options_changed(self) -> None:
        """Somebody wrote a setting: everything that waits for an interval looks at it again."""
        waiting, self._options_changed = self._options_changed, asyncio.Event()
        waiting.set()

    async def wait_interval(self, interval: Callable[[], float]) -> None:
        """Return after `interval()` seconds, which may change meanwhile; 0 or less is never."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            changed, seconds = self._options_changed, interval()
            left = None if seconds <= 0 else began + seconds - loop.time()
            try:
                async with asyncio.timeout(left):
                    await changed.wait()
            except TimeoutError:
                return

    # -- what the CSMS leaves with us ---------------------------------------------------------------------------------

    def clear_profiles(self, wanted: dict[str, Any]) -> int:
        """Forget the charging profiles that have these fields; returns how many there were."""
        matching = [
            key
            for key, profile in self.profiles.items()
            if all(profile.get(name) == value for name, value in wanted.items())
        ]
        for key in matching:
            del self.profiles[key]
        return len(matching)

    def take_local_list(self, version: int, entries: dict[str, str | None], *, full: bool) -> str:
        """Replace or amend the local authorisation list (an entry without status leaves it); returns UpdateStatus."""
        if not full and version <= self.local_list_version:
            return "VersionMismatch"
        kept = {} if full else self.local_list
        self.local_list = {tag: status for tag, status in (kept | entries).items() if status is not None}
        self.local_list_version = version
        return "Accepted"

    # -- speaking -----------------------------------------------------------------------------------------------------

    def hang_up(self, line: Line) -> None:
        """This line is dead or dying: from now on the charge point is offline."""
        if self.line is line:
            self.line = self.outbox = None
            self.accepted = False

    def begin_outbox(self) -> "asyncio.Queue[Message | Status]":
        """A new connection may speak freely from now on."""
        self.outbox = asyncio.Queue()
        self._announcing = dict(self.announced)
        return self.outbox

    def say(self, message: Message) -> None:
        """Send something that is worth nothing later: dropped while offline."""
        if self.outbox is not None:
            self.outbox.put_nowait(message)

    def announce(self, number: int) -> None:
        """Report the status of a connector (0: the charge point) if it is not what the CSMS was told last."""
        reported = self.dialect.reported_status(self.connectors.get(number))
        if number:
            self.events.publish("status_changed", connector=number, status=self.connectors[number].status)
        if self.outbox is not None and self._announcing.get(number) != reported:
            self._announcing[number] = reported
            self.outbox.put_nowait((number, reported))

    async def ask(self, message: Message) -> dict[str, Any] | None:
        """Send something whose answer is wanted now; None if there is none (offline, refused, connection lost)."""
        line = self.line
        if line is None or not self.accepted:
            return None
        try:
            return await line.request(message)
        except (CallRefusedError, ConnectionLostError):
            return None

    def queue(self, transaction: LedgerTransaction, message: Message) -> None:
        """Owe the CSMS a transaction message; it is on its way to the disk when this returns."""
        self.ledger.queue_message(transaction.key, self.new_id(), message.action, message.payload)
        self.queue_grew.set()
        self.events.publish("message_queued", action=message.action, transaction=transaction.key)

    def reboot(self, reason: str) -> None:
        """Switch off and on again; `reason` is what the next boot says."""
        self.boot_reason, self.reboot_due = reason, True
        self.events.publish("rebooting", reason=reason)
        if self.line is not None:
            self.line.end("reboot")
