"""A gateway process's one object: builds the parts, starts, drains and stops them. `app/wiring.py` and tests make it."""

import asyncio
import contextlib
import ssl
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from sliproad.foundation.bus import Bus
from sliproad.foundation.collector import spare_the_collector
from sliproad.foundation.ids import new_id
from sliproad.gateway.admission import Admission
from sliproad.gateway.attempt_limits import AttemptLimits
from sliproad.gateway.attempt_recorder import AttemptRecorder
from sliproad.gateway.command_bridge import CommandBridge
from sliproad.gateway.commit_group import CommitGroup
from sliproad.gateway.context import Context, by_version
from sliproad.gateway.listener import Listener
from sliproad.gateway.ports import FrameLog, Handlers, Identities, Presence, Quarantine, RecordAttempts
from sliproad.gateway.relay_ports import RelayPorts
from sliproad.gateway.relays import Relays
from sliproad.gateway.roster import Roster

log = structlog.get_logger()
DRAIN_SECONDS = 8.0
MOST_WAITING_MESSAGES = 20_000


@dataclass(frozen=True, slots=True)
class Ports:
    """What a gateway needs from the features (`gateway.ports`)."""

    handlers: Handlers
    identities: Identities
    presence: Presence
    record_attempts: RecordAttempts
    frame_log: FrameLog
    quarantine: Quarantine
    relay: RelayPorts | None = None
    """Without it no charge point has a second connection."""


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Values from the settings of the installation."""

    max_message_bytes: int = 65536
    ping_seconds: float = 30.0
    allow_profile_0: bool = False
    logs_routine_meter_values: bool = False
    tls: ssl.SSLContext | None = None


class Gateway:
    """`start` once, then `stop`. The identities' mirror is kept fresh by whoever made it."""

    def __init__(self, engine_url: str, bus: Bus, ports: Ports, settings: GatewaySettings | None = None) -> None:
        """`engine_url` is a libpq URL that speaks as role `engine`; `bus` is connected."""
        settings = settings or GatewaySettings()
        self.gateway_id = new_id("gw")
        self.bus = bus
        self.presence = ports.presence
        self.group = CommitGroup(engine_url)
        self._outgoing: asyncio.Queue[tuple[str, Any]] = asyncio.Queue(MOST_WAITING_MESSAGES)
        self.context = Context(
            gateway_id=self.gateway_id,
            handlers=by_version(ports.handlers),
            group=self.group,
            identities=ports.identities,
            presence=ports.presence,
            frame_log=ports.frame_log,
            quarantine=ports.quarantine,
            tell=self._tell,
            later=asyncio.get_running_loop().call_later,
            max_message_bytes=settings.max_message_bytes,
            ping_seconds=settings.ping_seconds,
            logs_routine_meter_values=settings.logs_routine_meter_values,
        )
        self.roster = Roster(self.context)
        if ports.relay is not None:
            self.context.relays = Relays(ports.relay, self.roster)
        self.bridge = CommandBridge(bus, self.roster, self.gateway_id)
        self.recorder = AttemptRecorder(ports.record_attempts)
        self.listener = Listener(
            Admission(ports.identities, AttemptLimits(), allow_profile_0=settings.allow_profile_0),
            self.recorder,
            self.roster.accept,
            tls=settings.tls,
            max_frame_bytes=settings.max_message_bytes,
        )
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def connections(self) -> int:
        """How many sockets are open."""
        return len(self.roster)

    async def start(self, host: str, port: int) -> int:
        """Listen; gives the port. The row of this gateway exists before the first socket.

        Raises:
            OSError: the address can't be had.
        """
        spare_the_collector()
        await self.presence.sign_of_life(self.gateway_id)
        await self.bridge.start()
        for run in (self.group.run(), self.roster.run(), self.recorder.run(), self._publish()):
            self._tasks.append(asyncio.create_task(self._supervised(run)))
        bound = self.listener.start(host, port)
        log.info("gateway_listens", gateway=self.gateway_id, host=host, port=bound, tls=self.listener.tls is not None)
        return bound

    async def stop(self) -> None:
        """Drain within 10 s: take no more sockets, close those there are, commit what waits, say that we are gone."""
        self.listener.stop_accepting()
        await self.bridge.stop()
        self.roster.close_all()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self.roster.empty()
                if self.context.relays is not None:
                    await self.context.relays.stop()
                await self.bridge.finished()
                await self.group.drained()
                await self.recorder.flush()
                await self.presence.leave(self.gateway_id)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _tell(self, subject: str, message: Any) -> None:
        with contextlib.suppress(asyncio.QueueFull):  # a wake-up; a poll stands behind it
            self._outgoing.put_nowait((subject, message))

    async def _publish(self) -> None:
        while True:
            subject, message = await self._outgoing.get()
            await self.bus.publish(subject, message)

    @staticmethod
    async def _supervised(run: Coroutine[Any, Any, None]) -> None:
        """A part that ends by itself is a mistake of ours: the process must not go on half alive."""
        try:
            await run
        except asyncio.CancelledError:
            raise
        except Exception:
            log.critical("gateway_part_failed", exc_info=True)
            raise
