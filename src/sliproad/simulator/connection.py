"""One connection of a charge point to its CSMS, from the handshake to its end. `charger` makes one after the other."""

import asyncio
import ssl
from collections.abc import Coroutine
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from sliproad.simulator.delivery import deliver
from sliproad.simulator.dialect import Message
from sliproad.simulator.faults import Fault
from sliproad.simulator.link import Link
from sliproad.simulator.networks import Network
from sliproad.simulator.sessions import Sessions
from sliproad.simulator.station import CallRefusedError, ConnectionLostError, Station

BOOT_RETRY_SECONDS = 10.0
MAX_FRAME_BYTES = 4 * 1024 * 1024
CLOSE_SECONDS = 1.0


class NoCommonSubprotocolError(Exception):
    """The server upgraded without agreeing to our OCPP version."""


class Connection:
    """Dials, boots, then talks until the connection ends."""

    def __init__(
        self,
        station: Station,
        sessions: Sessions,
        link_type: type[Link],
        network: Network | None,
        tls: ssl.SSLContext | None,
    ) -> None:
        """`network` None is the CSMS that the charge point was installed with."""
        self._network = network
        self._station = station
        self._sessions = sessions
        self._link_type = link_type
        self._tls = tls
        self._link: Link

    async def run(self) -> str:
        """Live through one connection; returns why it ended.

        Raises:
            OSError, TimeoutError, websockets.exceptions.InvalidHandshake, NoCommonSubprotocolError: there was none.
        """
        settings, station = self._station.settings, self._station
        network = self._network
        async with connect(
            settings.connection_url if network is None else network.url,
            subprotocols=[Subprotocol(settings.subprotocol)],
            additional_headers=settings.authorization(station.password) if network is None else network.authorization,
            ssl=self._tls,
            compression=None,
            proxy=None,
            open_timeout=settings.answer_timeout_seconds,
            ping_interval=station.dialect.options().websocket_ping_seconds or None,
            close_timeout=CLOSE_SECONDS,
            max_size=MAX_FRAME_BYTES,
        ) as socket:
            if socket.subprotocol != settings.subprotocol:
                raise NoCommonSubprotocolError(f"the server did not agree to {settings.subprotocol}")
            return await self._live(socket)

    async def _live(self, socket: ClientConnection) -> str:
        station = self._station
        self._link = link = self._link_type(station, self._sessions, socket)
        station.line = link
        station.events.publish(
            "connected", url=station.settings.connection_url if self._network is None else self._network.url
        )
        try:
            await until_one_ends(link.start(), link.answer_calls(), self._talk(), _raise_at_end(link))
        except (ConnectionClosed, ConnectionLostError) as lost:
            link.end(str(lost))
        finally:
            link.end("cancelled")
            station.events.publish("disconnected", why=link.ended.result())
        return str(link.ended.result())

    async def _talk(self) -> None:
        station = self._station
        skips_boot = station.settings.has(Fault.RECONNECTS_WITHOUT_BOOT) and station.boot_status == "Accepted"
        if not skips_boot:
            await self._boot_until_accepted()
        station.accepted = True
        station.events.publish("accepted")
        outbox = station.begin_outbox()
        for number in station.dialect.status_numbers():
            station.announce(number)
        if station.installed_by_request is not None:
            station.say(station.dialect.firmware_status("Installed", station.installed_by_request[0]))
            station.installed_by_request = None
        await until_one_ends(
            self._speak(outbox),
            deliver(station, self._sessions, self._link),
            self._beat(),
            self._boot_when_triggered(),
        )

    async def _boot_until_accepted(self) -> None:
        station = self._station
        while True:
            station.boot_now.clear()
            answer = await self._boot(station.boot_reason)
            if station.boot_status == "Accepted":
                station.boot_reason = "Unknown"
                station.announced.clear()
                return
            seconds = float(answer.get("interval") or BOOT_RETRY_SECONDS)
            try:
                async with asyncio.timeout(seconds):
                    await station.boot_now.wait()
            except TimeoutError:
                continue

    async def _boot(self, reason: str) -> dict[str, Any]:
        """One BootNotification (OCPP 1.6 §4.2, 2.x B01–B03); a CALLERROR counts as no decision."""
        station = self._station
        try:
            answer = await self._link.request(station.dialect.boot(reason))
        except CallRefusedError:
            answer = {}
        station.boot_status = answer.get("status", station.boot_status)
        if answer.get("status") == "Accepted" and int(answer.get("interval", 0)) > 0:
            station.dialect.note_boot_interval(int(answer["interval"]))
            station.options_changed()
        station.events.publish("booted", status=answer.get("status"), interval=answer.get("interval"))
        return answer

    async def _boot_when_triggered(self) -> None:
        while True:
            await self._station.boot_now.wait()
            self._station.boot_now.clear()
            await self._boot("Triggered")

    async def _speak(self, outbox: "asyncio.Queue[Any]") -> None:
        station = self._station
        while True:
            thing = await outbox.get()
            if isinstance(thing, Message):
                await self._link.tell(thing)
                continue
            number, reported = thing
            await self._link.tell(station.dialect.status(number, reported))
            station.announced[number] = reported

    def _heartbeat_seconds(self) -> float:
        override = self._station.settings.heartbeat_interval_override
        return self._station.dialect.options().heartbeat_seconds if override is None else override

    async def _beat(self) -> None:
        never = self._station.settings.has(Fault.NEVER_SENDS_HEARTBEATS)
        while True:
            await self._station.wait_interval((lambda: 0.0) if never else self._heartbeat_seconds)
            await self._link.tell(self._station.dialect.heartbeat())


async def until_one_ends(*work: Coroutine[Any, Any, object]) -> None:
    """Do all of it until one piece ends, then cancel the rest and raise what the ended one raised.

    Not a task group: those of Python 3.11 lose a cancellation that comes while they wind up after an error.
    """
    tasks = [asyncio.create_task(piece) for piece in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        ended = [task for task in tasks if task.done()]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()


async def _raise_at_end(link: Link) -> None:
    why = await asyncio.shield(link.ended)
    raise ConnectionLostError(why)
