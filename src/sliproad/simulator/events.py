"""What a virtual charge point tells those who watch it: the live table, scenarios and tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ChargerEvent:
    """One thing that happened: a past-tense name and what belongs to it."""

    identity: str
    name: str
    details: dict[str, Any] = field(default_factory=dict)


class EventStream:
    """Publishes to callbacks and to any number of `async for` readers; keeps nothing for those who come later."""

    def __init__(self, identity: str) -> None:
        self._identity = identity
        self._callbacks: list[Callable[[ChargerEvent], None]] = []

    def subscribe(self, callback: Callable[[ChargerEvent], None]) -> Callable[[], None]:
        """Call `callback` with each event from now on; the returned function ends that."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def publish(self, name: str, **details: Any) -> None:
        """Tell everybody, in the order of their subscription."""
        if not self._callbacks:
            return
        event = ChargerEvent(self._identity, name, details)
        for callback in tuple(self._callbacks):
            callback(event)

    async def __aiter__(self) -> AsyncIterator[ChargerEvent]:
        """All events from the first `anext` on."""
        queue: asyncio.Queue[ChargerEvent] = asyncio.Queue()
        unsubscribe = self.subscribe(queue.put_nowait)
        try:
            while True:
                yield await queue.get()
        finally:
            unsubscribe()

    async def wait_for(self, name: str, **details: Any) -> ChargerEvent:
        """The next event of this name whose details include these. Waits from the moment of the call.

        Use `expect` to begin listening before the thing that causes the event.
        """
        return await self.expect(name, **details)

    def expect(self, name: str, **details: Any) -> "asyncio.Future[ChargerEvent]":
        """A future of the next event of this name with these details, listening from now on."""
        future: asyncio.Future[ChargerEvent] = asyncio.get_running_loop().create_future()

        def check(event: ChargerEvent) -> None:
            matches = event.name == name and all(event.details.get(key) == value for key, value in details.items())
            if matches and not future.done():
                future.set_result(event)

        unsubscribe = self.subscribe(check)
        future.add_done_callback(lambda _: unsubscribe())
        return future
