"""A virtual charge point: switch it on with `start`, plug cars in, pull its cable, and read its ledger afterwards.

Used by `fleet` and `scenarios`, by the demo, and by every test that wants a charge point on a real socket.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any, Self

from websockets.exceptions import InvalidHandshake, InvalidStatus

from sliproad.simulator.clock import Clock
from sliproad.simulator.connection import Connection, NoCommonSubprotocolError
from sliproad.simulator.connectors import Connector, ConnectorStatus, IdToken, StopReason
from sliproad.simulator.events import ChargerEvent, EventStream
from sliproad.simulator.faults import Fault
from sliproad.simulator.ledger import Ledger
from sliproad.simulator.link import Link
from sliproad.simulator.networks import Dialing
from sliproad.simulator.sessions import ChargingRefusedError, Sessions
from sliproad.simulator.settings import ChargerSettings
from sliproad.simulator.station import Station
from sliproad.simulator.versions import VERSIONS


@dataclass(frozen=True)
class ConnectorState:
    """One connector at one moment. Energy is that of the running transaction."""

    number: int
    status: ConnectorStatus
    register_wh: int
    power_w: float
    transaction_id: str | None
    id_token: str | None
    energy_wh: int


@dataclass(frozen=True)
class ChargerState:
    """A charge point at one moment, for tables and assertions."""

    identity: str
    version: str
    connected: bool
    boot_status: str | None
    connectors: tuple[ConnectorState, ...]
    transactions: int
    total_wh: int
    queued_messages: int
    trouble: str | None


class VirtualCharger:
    """One virtual charge point on one ledger. A wss URL without `ssl_context` is checked against the machine's CAs."""

    def __init__(self, settings: ChargerSettings, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self.settings = settings
        self.events = EventStream(settings.identity)
        self.clock = Clock(starts_in_1970=settings.has(Fault.BOOTS_IN_1970))
        self.ledger = Ledger(settings.ledger_path, durable=settings.durable)
        self.station = Station(settings, self.ledger, self.clock, self.events)
        self.sessions = Sessions(self.station)
        self.trouble: str | None = None
        self._tls = ssl_context or (
            ssl.create_default_context() if settings.connection_url.startswith("wss:") else None
        )
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._may_connect = asyncio.Event()
        self._may_connect.set()

    # -- on and off ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Switch on; returns at once. Does nothing when it is on."""
        if self._task is None:
            self._stopping.clear()
            self._task = asyncio.create_task(self.run(), name=f"charger {self.settings.identity}")
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """Switch off in good order: transactions stay open in the ledger, as after a power cut.

        Raises:
            Exception: what ended the charger's work before, if something did.
        """
        self._stopping.set()
        task, self._task = self._task, None
        if task is not None:
            await task

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def run(self) -> None:
        """Work until `stop`: connect, boot, charge, reconnect.

        Raises:
            LedgerInUseError: another charger works on this ledger.
        """
        self.ledger.open()
        parts = VERSIONS[self.settings.version]
        try:
            async with asyncio.TaskGroup() as tasks:

                def spawn(work: Coroutine[Any, Any, None]) -> object:
                    return tasks.create_task(work)

                self.station.open(spawn)
                self.station.dialect = parts.dialect(self.station)
                self.sessions.resume()
                work = [
                    tasks.create_task(self._stay_connected(parts.link)),
                    tasks.create_task(self.sessions.sample_on_the_clock()),
                ]
                await self._until_switched_off(work)
        except* _SwitchedOffError:
            pass
        finally:
            for connector in self.station.connectors.values():
                self.station.tick(connector)
                self.ledger.record_register(connector.number, connector.meter.register_wh)
            self.ledger.close()

    async def _until_switched_off(self, work: list[asyncio.Task[None]]) -> None:
        """Let the connection end in good order first; whatever else still waits is then cancelled by the error."""
        await self._stopping.wait()
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        raise _SwitchedOffError

    async def _stay_connected(self, link_type: type[Link]) -> None:
        settings, failures, dialing = self.settings, 0, Dialing(self.station, self._tls)
        while not self._stopping.is_set():
            await self._may_connect.wait()
            try:
                network = dialing.network()
                why = await Connection(self.station, self.sessions, link_type, network, dialing.tls(network)).run()
                self.trouble, failures = why, 0
                dialing.succeeded()
            except (OSError, TimeoutError, InvalidHandshake, NoCommonSubprotocolError) as error:
                failures += 1
                dialing.failed()
                self.trouble = _sentence(error)
                status = error.response.status_code if isinstance(error, InvalidStatus) else None
                self.events.publish("connection_failed", why=self.trouble, status=status)
            if self.station.reboot_due:
                self.station.reboot_due = False
                self.station.dialect.apply_reboot()
                dialing.rebooted()
                self.station.boot_status = None
                await asyncio.sleep(settings.reboot_seconds)
                continue
            delay = min(settings.reconnect_seconds * 2 ** min(failures, 16), settings.reconnect_max_seconds)
            await asyncio.sleep(delay * self.station.rng.uniform(0.5, 1.0))

    # -- the line -----------------------------------------------------------------------------------------------------

    async def wait_until_connected(self) -> None:
        """Return when the charge point is connected and its BootNotification accepted; waits for ever if need be."""
        while not self.station.online:
            self._check_alive()
            await self._next("accepted")

    async def wait_until_delivered(self) -> None:
        """Return when the CSMS has acknowledged (or finally refused) every transaction message."""
        while self.ledger.book.pending:
            self._check_alive()
            await self._next("queue_empty")

    def go_offline(self) -> None:
        """Pull the network cable; charging goes on, messages wait in the ledger."""
        self._may_connect.clear()
        if self.station.line is not None:
            self.station.line.abort()

    def go_online(self) -> None:
        """Plug the network cable in again."""
        self._may_connect.set()

    async def reboot(self) -> None:
        """Press the reset button: transactions stay, the charge point boots anew."""
        self.station.reboot("LocalReset")

    # -- the plug -----------------------------------------------------------------------------------------------------

    async def plug_in(self, connector: int, id_token: str | None = None) -> None:
        """Plug a car in; with a token, its driver also starts charging.

        Raises:
            ChargingRefusedError: see `start_charging`.
        """
        self.sessions.plug_in(self._connector(connector))
        if id_token is not None:
            await self.start_charging(connector, id_token)

    async def unplug(self, connector: int) -> None:
        """Take the car away, which ends a running transaction."""
        self.sessions.unplug(self._connector(connector))

    async def start_charging(self, connector: int, id_token: str) -> str:
        """A driver shows a token at the charge point; a car is plugged in if there is none. Returns the ledger's key.

        Raises:
            ChargingRefusedError: the connector is not free or the token may not charge.
        """
        transaction = await self.sessions.start_locally(self._connector(connector), IdToken(id_token))
        return transaction.key

    async def stop_charging(self, connector: int) -> None:
        """The driver ends the transaction at the charge point.

        Raises:
            ChargingRefusedError: nothing is being charged there.
        """
        if self.sessions.end(self._connector(connector), StopReason.LOCAL) is None:
            raise ChargingRefusedError(f"nothing is being charged on connector {connector}")

    async def set_fault(self, connector: int, *, faulted: bool = True) -> None:
        """Break a connector, or mend it."""
        self._connector(connector).faulted = faulted
        self.station.announce(connector)

    # -- looking at it ------------------------------------------------------------------------------------------------

    @property
    def state(self) -> ChargerState:
        """What can be seen of it now."""
        book = self.ledger.book
        return ChargerState(
            identity=self.settings.identity,
            version=self.settings.version,
            connected=self.station.line is not None,
            boot_status=self.station.boot_status,
            connectors=tuple(_connector_state(connector) for connector in self.station.connectors.values()),
            transactions=len(book.transactions),
            total_wh=book.total_wh,
            queued_messages=len(book.pending),
            trouble=None if self.station.line is not None else self.trouble,
        )

    def __aiter__(self) -> AsyncIterator[ChargerEvent]:
        return self.events.__aiter__()

    def _connector(self, number: int) -> Connector:
        try:
            return self.station.connectors[number]
        except KeyError:
            raise ChargingRefusedError(f"no connector {number} here, or the charger was never on") from None

    def _check_alive(self) -> None:
        if self._task is not None and self._task.done():
            self._task.result()

    async def _next(self, name: str) -> None:
        """Wait for an event or for the charger's end, so that nobody waits for a charger that failed."""
        event = self.events.expect(name)
        ends: set[asyncio.Future[Any]] = {event} if self._task is None else {event, self._task}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        self._check_alive()
        if not event.done():
            event.cancel()
            raise ChargingRefusedError("the charger was switched off")


class _SwitchedOffError(Exception):
    pass


def _connector_state(connector: Connector) -> ConnectorState:
    register_wh, transaction = int(connector.meter.register_wh), connector.transaction
    return ConnectorState(
        number=connector.number,
        status=connector.status,
        register_wh=register_wh,
        power_w=connector.meter.power_w,
        transaction_id=(transaction.transaction_id or transaction.key) if transaction else None,
        id_token=transaction.id_token if transaction else None,
        energy_wh=register_wh - transaction.meter_start_wh if transaction else 0,
    )


def _sentence(error: BaseException) -> str:
    if isinstance(error, InvalidStatus):
        return f"the server refused the connection with HTTP {error.response.status_code}"
    return str(error) or type(error).__name__


__all__ = ["ChargerState", "ChargingRefusedError", "ConnectorState", "VirtualCharger"]
