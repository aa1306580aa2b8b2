"""Builds a gateway process and takes it down again. Apart from `wiring`, so that a gateway starts with what it needs alone."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from sliproad.app import ocpp_routes
from sliproad.features.authorization.model import Authorize
from sliproad.features.authorization.service import AuthorizationService
from sliproad.features.charge_points.attempts import AttemptService
from sliproad.features.charge_points.presence import RowPresence
from sliproad.features.connections.relay_mirror import RelayMirror
from sliproad.features.connections.relay_model.rules import RelayRules
from sliproad.features.connections.relay_records import RelayRecords
from sliproad.features.connections.relay_tokens import RelayTokens, with_operators
from sliproad.features.connections.sealing import ConnectionSecrets
from sliproad.features.frame_log import frames, quarantine
from sliproad.features.frame_log.redaction import redacted
from sliproad.features.security.mirror import Mirror
from sliproad.features.webhooks.service import subscriptions
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import SystemClock
from sliproad.foundation.crypto import SealingKeys, SecretKey
from sliproad.foundation.database import Database
from sliproad.foundation.errors import Conflict
from sliproad.foundation.outbound import Guard
from sliproad.foundation.settings import Settings
from sliproad.gateway.gateway import Gateway, GatewaySettings, Ports
from sliproad.gateway.relay_ports import RelayPorts
from sliproad.gateway.tls import server_context


@contextlib.asynccontextmanager
async def gateway(settings: Settings) -> AsyncIterator[Gateway]:
    """A gateway that listens, with its mirror kept fresh."""
    if not settings.database_url or not settings.nats_url or settings.secret_key is None:
        raise Conflict("A role needs SLIPROAD_DATABASE_URL, SLIPROAD_NATS_URL and SLIPROAD_SECRET_KEY.")
    clock, secret_key = SystemClock(), SecretKey(settings.secret_key.get_secret_value())
    async with contextlib.AsyncExitStack() as closing:
        engine = Database(settings.database_url, "engine", pool_size=3)
        closing.push_async_callback(engine.close)
        relay_engine = Database(settings.database_url, "engine", pool_size=1)  # signs of life wait behind no relay
        closing.push_async_callback(relay_engine.close)
        bus = Bus(settings.nats_url)
        await bus.connect()
        closing.push_async_callback(bus.close)
        mirror = Mirror(engine, secret_key, subscriptions)
        relay_mirror = RelayMirror(engine, ConnectionSecrets(SealingKeys(settings.sealing_secrets)))
        await mirror.refresh()
        await relay_mirror.refresh()
        tokens = RelayTokens(time.monotonic)
        relay_mirror.on_change(tokens.forget)
        ours = AuthorizationService(secret_key, mirror.test_number).authorize
        records, guard = RelayRecords(relay_engine, redacted), Guard(settings.allowed_private_networks)
        ports = Ports(
            handlers=handlers(settings, with_operators(ours, relay_mirror.decision_of, tokens)),
            identities=mirror,
            presence=RowPresence(engine),
            record_attempts=AttemptService(engine, clock).store_attempts,
            frame_log=frames.write,
            quarantine=quarantine.write,
            relay=RelayPorts(relay_mirror, RelayRules(), records, tokens, guard),
        )
        running = Gateway(engine.url, bus, ports, gateway_settings(settings))
        refreshing = [asyncio.create_task(each.run(bus)) for each in (mirror, relay_mirror)]
        try:
            await running.start(settings.ocpp_host, settings.ocpp_port)
            yield running
            await running.stop()
        finally:
            for task in refreshing:
                task.cancel()
            await asyncio.gather(*refreshing, return_exceptions=True)


def handlers(settings: Settings, authorize: Authorize) -> ocpp_routes.Routes:
    """Of every message that a charge point may send."""
    return ocpp_routes.routes(
        ocpp_routes.InboundSettings(
            heartbeat_seconds=settings.heartbeat_seconds,
            commissioning_heartbeat_seconds=settings.commissioning_heartbeat_seconds,
            authorize=authorize,
        )
    )


def gateway_settings(settings: Settings) -> GatewaySettings:
    """The gateway's values; TLS where a certificate is set."""
    tls = None
    if settings.ocpp_tls_cert and settings.ocpp_tls_key:
        tls = server_context([(settings.ocpp_tls_cert, settings.ocpp_tls_key)])
    return GatewaySettings(
        max_message_bytes=settings.ocpp_max_frame_bytes,
        ping_seconds=settings.ocpp_ping_seconds,
        allow_profile_0=settings.ocpp_allow_profile_0,
        logs_routine_meter_values=settings.frame_log_meter_values,
        tls=tls,
    )
