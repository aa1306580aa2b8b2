"""NATS: commands, wake-ups and live views between processes. The only module that imports nats.

It may lose everything at any time: nothing is true because it was published, and every wake-up has a poll behind it
(house §3). Subjects are made of internal keys, never of text that a charge point or tenant chose (trust G14).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import nats
import nats.errors
import orjson
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

log = structlog.get_logger()
FLUSH_SECONDS = 2
CONNECT_SECONDS = 5
Handle = Callable[[str, Any, Callable[[Any], Awaitable[None]] | None], Awaitable[None]]


class NoResponder(Exception):
    """Nobody listens on that subject: the process that should is gone."""


class NoAnswer(Exception):
    """Somebody listens, but did not answer in time."""


class Bus:
    """JSON messages over NATS. Reconnects for ever; publishing while it is away is a no-op."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = Client()
        self._connecting: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()
        self._last_error = ""

    async def connect(self) -> None:
        """Connect. Without NATS this returns after a few seconds all the same, and connecting goes on by itself."""
        self._connecting = asyncio.create_task(self._connect())
        done, _ = await asyncio.wait({self._connecting}, timeout=CONNECT_SECONDS)
        if done:
            self._connecting.result()
        else:
            log.warning("bus_away", error=self._last_error)

    async def _connect(self) -> None:
        async def on_error(error: Exception) -> None:
            if (said := repr(error)) != self._last_error:  # the same, four times a second, tells nothing
                self._last_error = said
                log.warning("bus_error", error=said)

        async def on_change() -> None:
            self._last_error = ""
            log.info("bus_state", connected=self.is_connected)

        await self._client.connect(
            self.url,
            error_cb=on_error,
            disconnected_cb=on_change,
            reconnected_cb=on_change,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.25,  # type: ignore[arg-type]  # any number of seconds works
            allow_reconnect=True,
            connect_timeout=CONNECT_SECONDS,
        )
        self._connected.set()

    @property
    def is_connected(self) -> bool:
        return bool(self._client.is_connected)

    async def publish(self, subject: str, message: Any) -> None:
        """Tell whoever listens; silently nothing while NATS is away."""
        if not self._client.is_connected:
            return
        with contextlib.suppress(nats.errors.Error):
            await self._client.publish(subject, orjson.dumps(message))

    async def request(self, subject: str, message: Any, *, timeout_seconds: float) -> Any:
        """Ask and await the answer.

        Raises:
            NoResponder: at once when nobody listens, or NATS is away: nobody got it.
            NoAnswer: after `timeout_seconds`, or when NATS went meanwhile: somebody may have got it.
        """
        if not self._client.is_connected:
            raise NoResponder(subject)
        try:
            answer = await self._client.request(subject, orjson.dumps(message), timeout=timeout_seconds)
        except nats.errors.NoRespondersError:
            raise NoResponder(subject) from None
        except (nats.errors.TimeoutError, TimeoutError):
            raise NoAnswer(subject) from None
        except nats.errors.Error as error:
            raise NoAnswer(f"{subject}: {error!r}") from None
        return orjson.loads(answer.data)

    async def subscribe(self, subject: str, handle: Handle) -> Callable[[], Awaitable[None]]:
        """Call `handle(subject, message, respond)` for each message; `respond` is None when no answer is asked for.

        Handlers run one after another per subscription: one that takes long starts a task of its own. A subscription made
        before NATS was ever there begins when it comes. Returns the function that ends the subscription.
        """

        async def on_message(message: Msg) -> None:
            async def respond(answer: Any) -> None:
                with contextlib.suppress(nats.errors.Error):
                    await message.respond(orjson.dumps(answer))

            try:
                await handle(message.subject, orjson.loads(message.data), respond if message.reply else None)
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("bus_handler_failed", subject=message.subject)

        if self._connected.is_set():
            return _end_of(await self._client.subscribe(subject, cb=on_message))

        async def subscribe_later() -> None:
            await self._connected.wait()
            subscription = await self._client.subscribe(subject, cb=on_message)
            try:
                await asyncio.Event().wait()
            finally:
                await _end_of(subscription)()

        waiting = asyncio.create_task(subscribe_later())

        async def end() -> None:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

        return end

    @contextlib.asynccontextmanager
    async def listen(self, subject: str, *, most: int = 256) -> AsyncIterator[asyncio.Queue[Any]]:
        """The messages of a subject as a bounded queue; the oldest give way when nobody reads (a poll makes up for them)."""
        queue: asyncio.Queue[Any] = asyncio.Queue(most)

        async def put(_subject: str, message: Any, _respond: Any) -> None:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(message)

        end = await self.subscribe(subject, put)
        try:
            yield queue
        finally:
            await end()

    async def flush(self) -> None:
        """Wait until the server has taken everything sent so far (subscriptions included)."""
        with contextlib.suppress(nats.errors.Error, TimeoutError):
            await self._client.flush(timeout=FLUSH_SECONDS)

    async def close(self) -> None:
        """Close; safe to call twice."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        with contextlib.suppress(nats.errors.Error):
            await self._client.close()


def _end_of(subscription: Subscription) -> Callable[[], Awaitable[None]]:
    async def end() -> None:
        with contextlib.suppress(nats.errors.Error):
            await subscription.unsubscribe()

    return end
