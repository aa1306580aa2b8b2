"""The three roles, each a process of its own: gateway, web, worker. Start, work until SIGTERM, drain, stop.

The supervisor starts them as children; on several machines each runs by itself with `sliproad serve --role …`.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator

import structlog
import uvicorn
import uvloop

from sliproad.foundation.collector import spare_the_collector
from sliproad.foundation.settings import Settings
from sliproad.foundation.telemetry import configure_logging

log = structlog.get_logger()
RESTART_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 75
"""Longer than proxies and HTTP clients keep idle connections (60 s and less): who ends one first must not be the one that is sent to."""


def run_role(role: str, settings: Settings, *, http_fd: int | None) -> None:
    """Run one role until SIGTERM or SIGINT; returns when it has drained and stopped."""
    configure_logging(settings.log_format, settings.log_level, role=role)
    runners: dict[str, Callable[[], Awaitable[None]]] = {
        "web": lambda: run_web(settings, http_fd),
        "worker": lambda: run_worker(settings),
        "gateway": lambda: run_gateway(settings),
    }

    async def run() -> None:
        await runners[role]()

    uvloop.run(run())


class Server(uvicorn.Server):
    """uvicorn, whose signals are ours: its own handler would end the process before it has stopped in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run_web(settings: Settings, http_fd: int | None) -> None:
    """The API and the pages."""
    from sliproad.app import wiring  # each role imports only what it needs

    ending = end_event()
    async with wiring.web(settings) as app:
        config = uvicorn.Config(
            app,
            host=settings.http_host,
            port=settings.http_port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=True,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=5,
            lifespan="off",
        )
        server = Server(config)
        spare_the_collector()
        # uvicorn's own `fd` would take it for a UNIX socket, whose connections get no TCP_NODELAY: 40 ms a request.
        held = None if http_fd is None else [socket.socket(fileno=http_fd)]
        serving = asyncio.create_task(server.serve(held))
        await first_of(ending, serving)
        app.state.ending.set()
        server.should_exit = True
        await serving


async def run_worker(settings: Settings) -> None:
    """Jobs, the outbox, and whatever has to be looked at again and again."""
    from sliproad.app import wiring

    ending = end_event()
    async with wiring.worker(settings) as loops:
        spare_the_collector()
        tasks = [asyncio.create_task(for_ever(name, work)) for name, work in loops.items()]
        await ending.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def run_gateway(settings: Settings) -> None:
    """The sockets of charge points."""
    from sliproad.app import gateway_wiring

    ending = end_event()
    async with gateway_wiring.gateway(settings):
        await ending.wait()


def end_event() -> asyncio.Event:
    """Set by SIGTERM or SIGINT."""
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    return ending


async def first_of(ending: asyncio.Event, serving: "asyncio.Task[None]") -> None:
    """Wait for a signal, or for the server to end by itself."""
    waiting = asyncio.create_task(ending.wait())
    await asyncio.wait({waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def for_ever(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do `work`, and when it ends or fails, do it again: a worker whose database was away for a minute goes on."""
    while True:
        try:
            await work()
            log.warning("loop_ended", loop=name)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("loop_failed", loop=name)
        await asyncio.sleep(RESTART_SECONDS)
