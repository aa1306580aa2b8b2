"""The servers that are compared, each a process of its own: `servers.py echo|sliproad|ocpp|operator PORT …`. Prints READY."""

import argparse
import asyncio
import gc
import json
import logging
import signal
import ssl
import sys
from datetime import UTC, datetime
from ipaddress import ip_network
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
    relay_mirror, relay = await relay_of(database, arguments.secret)
    ports = Ports(
        handlers=routes(settings),
        identities=mirror,
        presence=RowPresence(database),
        record_attempts=AttemptService(database, SystemClock()).store_attempts,
        frame_log=frames.write,
        quarantine=quarantine.write,
        relay=relay,
    )
    tls = server_context([(Path(arguments.tls), Path(arguments.tls))]) if arguments.tls else None
    gateway = Gateway(database.url, bus, ports, GatewaySettings(tls=tls))
    port = await gateway.start("127.0.0.1", arguments.port)
    mirroring = [asyncio.create_task(each.run(bus)) for each in (mirror, relay_mirror)]
    await until_stopped(port)
    group = gateway.group
    print(json.dumps({"commits": group.commits, "entries": group.entries_committed}), flush=True)
    for task in mirroring:
        task.cancel()
    await gateway.stop()


async def relay_of(database, secret: str):
    """The relay's ports, as `app/gateway_wiring.py` builds them; charge points without an assignment have none."""
    from time import monotonic

    from sliproad.features.connections.relay_mirror import RelayMirror
    from sliproad.features.connections.relay_model.rules import RelayRules
    from sliproad.features.connections.relay_records import RelayRecords
    from sliproad.features.connections.relay_tokens import RelayTokens
    from sliproad.features.connections.sealing import ConnectionSecrets
    from sliproad.features.frame_log.redaction import redacted
    from sliproad.foundation.crypto import SealingKeys
    from sliproad.foundation.outbound import Guard
    from sliproad.gateway.relay_ports import RelayPorts

    mirror = RelayMirror(database, ConnectionSecrets(SealingKeys([secret])))
    await mirror.refresh()
    guard = Guard([ip_network("127.0.0.0/8")])
    return mirror, RelayPorts(mirror, RelayRules(), RelayRecords(database, redacted), RelayTokens(monotonic), guard)


async def operator(arguments) -> None:
    """An operator's server that costs next to nothing: constant answers, or, with `--hangs`, none but to BootNotification."""
    from picows import WSListener, WSMsgType, WSUpgradeResponse, WSUpgradeResponseWithListener, ws_create_server

    accepted = b'{"status":"Accepted","currentTime":"2026-01-01T00:00:00Z","interval":300}'
    answers = {
        b"BootNotification": accepted,
        b"Heartbeat": b'{"currentTime":"2026-01-01T00:00:00Z"}',
        b"StartTransaction": b'{"transactionId":1,"idTagInfo":{"status":"Accepted"}}',
        b"Authorize": b'{"idTagInfo":{"status":"Accepted"}}',
    }

    class Constant(WSListener):
        def on_ws_frame(self, transport, frame) -> None:
            if frame.msg_type is not WSMsgType.TEXT:
                return
            message_id, action = frame.get_payload_as_bytes().split(b'"', 4)[1:4:2]
            if action == b"BootNotification" or not arguments.hangs:
                transport.send(WSMsgType.TEXT, b'[3,"%b",%b]' % (message_id, answers.get(action, b"{}")))

    def accept(_request):
        response = WSUpgradeResponse.create_101_response({"Sec-WebSocket-Protocol": "ocpp1.6"})
        return WSUpgradeResponseWithListener(response, Constant())

    server = await ws_create_server(
        accept, "127.0.0.1", arguments.port, backlog=4096, read_buffer_init_size=2048, websocket_handshake_timeout=60
    )
    await until_stopped(server.sockets[0].getsockname()[1])


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
    parser.add_argument("kind", choices=["echo", "sliproad", "ocpp", "operator"])
    parser.add_argument("port", type=int)
    parser.add_argument("--database-url", default="")
    parser.add_argument("--nats", default="")
    parser.add_argument("--secret", default="")
    parser.add_argument("--tls", default="")
    parser.add_argument(
        "--hangs", action="store_true", help="the operator's server accepts charge points and then is silent"
    )
    parser.add_argument("--profile", default="", help="write a cProfile here")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    run = {"echo": echo, "sliproad": sliproad, "ocpp": ocpp_package, "operator": operator}[given.kind]
    if given.profile:
        import cProfile

        profile = cProfile.Profile()
        profile.runcall(uvloop.run, run(given))
        profile.dump_stats(given.profile)
    else:
        uvloop.run(run(given))
