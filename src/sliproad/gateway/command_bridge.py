"""From the bus to a socket of this process and back: `commands.service` asks, a charge point answers.

One subscription per gateway, `gateway.{gateway_id}.call`; the request names the epoch of the connection it means, and another
one's is refused, so that no CALL reaches a socket other than the one that was looked up.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import time
from typing import Any

from sliproad.foundation.bus import Bus
from sliproad.gateway.roster import Roster

Respond = Callable[[Any], Awaitable[None]]
GONE = {"outcome": "gone"}
MOST_SECONDS = 3600.0


class CommandBridge:
    """Serves commands, takeovers and watches that come over the bus."""

    def __init__(self, bus: Bus, roster: Roster, gateway_id: str) -> None:
        self._bus = bus
        self._roster = roster
        self._gateway_id = gateway_id
        self._calls: set[asyncio.Task[None]] = set()
        self._ends: list[Callable[[], Awaitable[None]]] = []

    async def start(self) -> None:
        """Subscribe; the bus subscribes anew by itself when it was away."""
        self._ends = [
            await self._bus.subscribe(f"gateway.{self._gateway_id}.call", self._on_call),
            await self._bus.subscribe("gateway.opened", self._on_opened),
            await self._bus.subscribe("watch", self._on_watch),
        ]
        await self._bus.flush()

    async def stop(self) -> None:
        """Take no more; who still waits is told that the socket is gone when it closes."""
        for end in self._ends:
            await end()
        self._ends.clear()

    async def finished(self) -> None:
        """Wait until every answer is out."""
        if self._calls:
            await asyncio.wait(self._calls)

    async def _on_call(self, _subject: str, message: Any, respond: Respond | None) -> None:
        if respond is None:
            return
        connection = self._roster.get(message["key"])
        exchange = connection.exchange if connection is not None else None
        if connection is None or exchange is None or connection.peer.epoch != message["epoch"]:
            await respond(GONE)
            return
        timeout = min(float(message["timeout"]), MOST_SECONDS)
        answer = exchange.calls.call(message["action"], message["payload"], timeout)
        task = asyncio.create_task(_respond_with(answer, respond))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _on_opened(self, _subject: str, message: Any, _respond: Respond | None) -> None:
        self._roster.opened_elsewhere(message["key"], message["epoch"])

    async def _on_watch(self, _subject: str, message: Any, _respond: Respond | None) -> None:
        self._roster.watch(message["key"], time() + min(float(message["seconds"]), MOST_SECONDS))


async def _respond_with(answer: asyncio.Future[dict[str, Any]], respond: Respond) -> None:
    await respond(await answer)
