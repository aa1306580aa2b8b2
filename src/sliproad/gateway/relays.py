"""All relays of a gateway process: each begins with its charge point's socket and ends with it, and follows the settings.

`exchange` and `connection` know only `opened` and their own `relay`; a process without operators has none of this.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

import structlog

from sliproad.gateway.relay import Relay
from sliproad.gateway.relay_line import Committing, Line
from sliproad.gateway.relay_ports import RelayPorts, Target

if TYPE_CHECKING:
    from sliproad.gateway.exchange import Exchange
    from sliproad.gateway.roster import Roster

log = structlog.get_logger()
DIALLED_AT_ONCE = 64
SWITCHED_OFF = "The connection was switched off."


class Relays:
    """See the module. One per process."""

    def __init__(self, ports: RelayPorts, roster: "Roster") -> None:
        self._ports = ports
        self._roster = roster
        self._dialling: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(DIALLED_AT_ONCE))
        """By operator: one whose server hangs holds up nobody else's."""
        self._ending: set[asyncio.Task[None]] = set()
        ports.targets.on_change(self._changed)

    def opened(self, exchange: "Exchange") -> None:
        """A charge point's socket is open and known by its row."""
        target = self._ports.targets.find(exchange.peer.key)
        if target is not None and target.mode != "drop":
            self._begin(exchange, target)

    def closed(self, exchange: "Exchange") -> None:
        """It is gone; the relay goes with it, and what is queued waits as rows."""
        relay = exchange.relay
        if relay is not None:
            if not exchange.connection.is_superseded and not relay.line.is_draining:
                relay.line.tell_state("pending", self._ports.rules.offline)
            self._end(exchange)

    async def stop(self) -> None:
        """Wait until every relay has ended."""
        if self._ending:
            await asyncio.wait(self._ending)

    def _changed(self, keys: Iterable[int]) -> None:
        for key in keys:
            connection = self._roster.get(key)
            exchange = None if connection is None else connection.exchange
            if exchange is not None:
                self._follow(exchange, self._ports.targets.find(key))

    def _follow(self, exchange: "Exchange", target: Target | None) -> None:
        """Have the charge point's relay be what the settings say now."""
        relay = exchange.relay
        if relay is not None and target is not None and relay.line.target.generation == target.generation:
            return
        if relay is not None and target is not None and target.mode in {"drain", "hand_over"}:
            relay.drain(target)
            return
        boot = None if relay is None else relay.line.boot
        if relay is not None:
            last = relay.line.target
            self._end(exchange)
            if target is None or target.mode == "drop":
                self._drop(exchange, target or last)
        if target is not None and target.mode != "drop":
            self._begin(exchange, target, boot)

    def _drop(self, exchange: "Exchange", target: Target) -> None:
        records, peer = self._ports.records, exchange.peer
        writes = (
            records.dropped(peer.key, target, SWITCHED_OFF, of_others=False),
            records.state(peer, target, "off", None),
        )
        exchange.context.group.submit(Committing(peer.key, writes))

    def _begin(self, exchange: "Exchange", target: Target, boot: dict[str, object] | None = None) -> None:
        line = Line(exchange, target, self._ports)
        line.boot = boot
        exchange.relay = Relay(line, self._dialling[target.operator_id])
        exchange.relay.start()

    def _end(self, exchange: "Exchange") -> None:
        relay, exchange.relay = exchange.relay, None
        task = None if relay is None else relay.close()
        if task is not None:
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
