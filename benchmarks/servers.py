"""The servers that are compared, each a process of its own: `servers.py echo|sliproad|ocpp PORT …`. Prints READY."""

import argparse
import asyncio
import gc
import json
import logging
import signal
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path

import structlog
import uvloop


async def until_stopped(port: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    gc.collect()
    gc.freeze()
    print(f"READY {port}", flush=True)
    await stop.wait()


async def echo(arguments) -> None:
    """Raw picows: what a message costs with nothing done about it."""
    from picows import WSListener, ws_create_server

    class Echo(WSListener):
        def on_ws_frame(self, transport, frame) -> None:
            transport.send(frame.msg_type, frame.get_payload_as_bytes())

    context = None
    if arguments.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.tls)
    server = await ws_create_server(
        lambda _request: Echo(), "127.0.0.1", arguments.port, backlog=4096, ssl=context,
        read_buffer_init_size=2048, websocket_handshake_timeout=60,
    )  # fmt: skip
    await until_stopped(server.sockets[0].getsockname()[1])


async def sliproad(arguments) -> None:
    """Our gateway with the real handlers, statements and ports, as `app/wiring.py` builds it."""
    from sliproad.app.ocpp_routes import InboundSettings, routes
    from sliproad.features.authorization.service import AuthorizationService
    from sliproad.features.charge_points.attempts import AttemptService
    from sliproad.features.charge_points.presence import RowPresence
    from sliproad.features.frame_log import frames, quarantine
    from sliproad.features.security.mirror import Mirror
    from sliproad.features.webhooks.service import subscriptions
    from sliproad.foundation.bus import Bus
    from sliproad.foundation.clock import SystemClock
    from sliproad.foundation.crypto import SecretKey
    from sliproad.foundation.database import Database
    from sliproad.gateway.gateway import Gateway, GatewaySettings, Ports
    from sliproad.gateway.tls import server_context

    database, secret_key, bus = (
        Database(arguments.database_url, "engine"),
        SecretKey(arguments.secret),
        Bus(arguments.nats),
    )
    await bus.connect()
    mirror = Mirror(database, secret_key, subscriptions)
    await mirror.refresh()
    settings = InboundSettings(300, 30, AuthorizationService(secret_key).authorize)
    ports = Ports(
        handlers=routes(settings),
        identities=mirror,
        presence=RowPresence(database),
        record_attempts=AttemptService(database, SystemClock()).store_attempts,
        frame_log=frames.write,
        quarantine=quarantine.write,
    )
    tls = server_context([(Path(arguments.tls), Path(arguments.tls))]) if arguments.tls else None
    gateway = Gateway(database.url, bus, ports, GatewaySettings(tls=tls))
    port = await gateway.start("127.0.0.1", arguments.port)
    mirroring = asyncio.create_task(mirror.run(bus))
    await until_stopped(port)
    group = gateway.group
    print(json.dumps({"commits": group.commits, "entries": group.entries_committed}), flush=True)
    mirroring.cancel()
    await gateway.stop()


async def ocpp_package(arguments) -> None:
    """The `ocpp` package's own central system for 1.6: answers with constants, stores nothing."""
    from ocpp.routing import on
    from ocpp.v16 import ChargePoint, call_result
    from websockets.asyncio.server import serve

    def now() -> str:
        return datetime.now(UTC).isoformat()

    class Central(ChargePoint):
        @on("BootNotification")
        def on_boot(self, **_):
            return call_result.BootNotification(current_time=now(), interval=300, status="Accepted")

        @on("Heartbeat")
        def on_heartbeat(self, **_):
            return call_result.Heartbeat(current_time=now())

        @on("StatusNotification")
        def on_status(self, **_):
            return call_result.StatusNotification()

        @on("MeterValues")
        def on_meter_values(self, **_):
            return call_result.MeterValues()

        @on("StartTransaction")
        def on_start(self, **_):
            return call_result.StartTransaction(transaction_id=1, id_tag_info={"status": "Accepted"})

        @on("StopTransaction")
        def on_stop(self, **_):
            return call_result.StopTransaction(id_tag_info={"status": "Accepted"})

    async def handle(socket) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await Central(socket.request.path.rsplit("/", 1)[-1], socket).start()
        except ConnectionClosed:
            return

    server = await serve(
        handle, "127.0.0.1", arguments.port, subprotocols=["ocpp1.6"], backlog=4096, ping_interval=None, open_timeout=60
    )
    await until_stopped(server.sockets[0].getsockname()[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["echo", "sliproad", "ocpp"])
    parser.add_argument("port", type=int)
    parser.add_argument("--database-url", default="")
    parser.add_argument("--nats", default="")
    parser.add_argument("--secret", default="")
    parser.add_argument("--tls", default="")
    parser.add_argument("--profile", default="", help="write a cProfile here")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    run = {"echo": echo, "sliproad": sliproad, "ocpp": ocpp_package}[given.kind]
    if given.profile:
        import cProfile

        profile = cProfile.Profile()
        profile.runcall(uvloop.run, run(given))
        profile.dump_stats(given.profile)
    else:
        uvloop.run(run(given))
