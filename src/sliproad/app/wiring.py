"""Builds the parts and services of web and worker processes, and takes them down again; with `gateway_wiring`, nothing else does.

`processes` calls one function a role.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from importlib.metadata import version

from fastapi import FastAPI

from sliproad.app import event_routes, http_routes, public_pages
from sliproad.app.parts import Parts
from sliproad.app.services import Services
from sliproad.app.system_status import SystemStatus
from sliproad.features.accounts import jobs as account_jobs
from sliproad.features.accounts.tokens import VAULT_NAME as JWT_KEY
from sliproad.features.accounts.tokens import make_key
from sliproad.features.charge_points.presence import count_gateways
from sliproad.features.commissioning import diagnostics_jobs
from sliproad.features.commissioning import jobs as commissioning_jobs
from sliproad.features.connections import jobs as connection_jobs
from sliproad.features.firmware import jobs as firmware_jobs
from sliproad.features.handover import jobs as handover_jobs
from sliproad.features.handover.signing_identity import given_identity, own_identity
from sliproad.features.roaming import jobs as roaming_jobs
from sliproad.features.webhooks import jobs as webhook_jobs
from sliproad.foundation import outgoing, retention
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import Clock, SystemClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.database.condition import check_answers, schema_revision
from sliproad.foundation.database.migrations import newest_revision
from sliproad.foundation.database.sessions import as_role
from sliproad.foundation.documents.identity import SigningIdentity
from sliproad.foundation.documents.signing import TimestampService
from sliproad.foundation.documents.trust_services import through
from sliproad.foundation.errors import Conflict, UpstreamUnavailable
from sliproad.foundation.files import Files
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.mail import FileMailer, Mailer, SmtpMailer
from sliproad.foundation.outbound import Guard, OutboundClient
from sliproad.foundation.outbox import Drain
from sliproad.foundation.settings import Settings
from sliproad.foundation.vault import Vault
from sliproad.foundation.web.application import create_app
from sliproad.foundation.web.health import ReadinessCheck
from sliproad.foundation.web.idempotency import IdempotencyRecords

DRAIN_SECONDS = 0.3
SIGNER = "Sliproad handover certificates"
Loop = Callable[[], Awaitable[None]]


@contextlib.asynccontextmanager
async def open_parts(settings: Settings, *, as_web: bool) -> AsyncIterator[Parts]:
    """Pools, bus and keys; closed in reverse order at the end.

    Raises:
        Conflict: a setting that this role needs is missing.
        WrongKey: stored keys were sealed with another SECRET_KEY.
    """
    if not settings.database_url or not settings.nats_url or settings.secret_key is None:
        raise Conflict("A role needs SLIPROAD_DATABASE_URL, SLIPROAD_NATS_URL and SLIPROAD_SECRET_KEY.")
    clock, secret_key = SystemClock(), SecretKey(settings.secret_key.get_secret_value())
    async with contextlib.AsyncExitStack() as closing:
        engine = Database(settings.database_url, "engine")
        closing.push_async_callback(engine.close)
        database = engine
        if as_web:
            database = Database(settings.database_url, "web")
            closing.push_async_callback(database.close)
        bus = Bus(settings.nats_url)
        await bus.connect()
        closing.push_async_callback(bus.close)
        jobs = Jobs(as_role(settings.database_url, "engine"))
        await jobs.open()
        closing.push_async_callback(jobs.close)
        client = OutboundClient(Guard(settings.allowed_private_networks))
        vault = Vault(engine, secret_key)
        yield Parts(
            settings=settings,
            clock=clock,
            secret_key=secret_key,
            database=database,
            engine=engine,
            bus=bus,
            jobs=jobs,
            client=client,
            jwt_key=await vault.get_or_make(JWT_KEY, make_key),
            identity=await signing_identity(settings, vault, clock),
            timestamp_service=timestamp_service(settings),
        )


async def signing_identity(settings: Settings, vault: Vault, clock: Clock) -> SigningIdentity:
    """Who signs certificates: the PKCS#12 of the settings, or the installation's own CA."""
    if settings.signing_pkcs12 is None:
        return await own_identity(vault, clock, name=SIGNER)
    password = settings.signing_pkcs12_password
    return given_identity(settings.signing_pkcs12, password.get_secret_value() if password else None)


def timestamp_service(settings: Settings) -> TimestampService | None:
    """The RFC 3161 service of the settings; like revocation lists it signs what it answers and is mostly plain http."""
    if settings.timestamp_url is None:
        return None
    guard = Guard(settings.allowed_private_networks, allows_plain_http=True)
    return TimestampService(settings.timestamp_url, through(OutboundClient(guard)))


def register_jobs(of: Services) -> None:
    """Every task of every feature: any process can enqueue, workers run them."""
    parts = of.parts
    account_jobs.register(parts.jobs, of.account_mails)
    commissioning_jobs.register(parts.jobs, of.wakeups, of.leftovers)
    connection_jobs.register(parts.jobs, of.connections.provisioning, of.connections.driver, of.connections.moving)
    diagnostics_jobs.register(parts.jobs, of.diagnostics_collector)
    firmware_jobs.register(parts.jobs, of.firmware.upload_follower, of.firmware.update_follower)
    handover_jobs.register(parts.jobs, of.certificate_issuer)
    roaming_jobs.register(parts.jobs, of.roaming.delivery, of.roaming.presence, of.roaming.quick_start)
    webhook_jobs.register(parts.jobs, of.webhooks, of.webhook_control)
    retention.register(parts.jobs, parts.engine, parts.clock, days={"ocpp_messages": parts.settings.frame_log_days})
    outgoing.register(
        parts.jobs,
        parts.engine,
        parts.secret_key,
        mailer(parts),
        Files(),
        support_url=parts.settings.support_url,
    )


def mailer(parts: Parts) -> Mailer:
    """SMTP where it is set, else files."""
    settings = parts.settings
    if settings.smtp_url is None:
        return FileMailer(settings.data_dir / "mail", sender=settings.mail_from, clock=parts.clock)
    return SmtpMailer(settings.smtp_url.get_secret_value(), sender=settings.mail_from, clock=parts.clock)


@contextlib.asynccontextmanager
async def web(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application of a web process."""
    async with open_parts(settings, as_web=True) as parts:
        of = Services(parts)
        register_jobs(of)
        checks = readiness(parts)
        yield create_app(
            [
                *http_routes.routers(of),
                public_pages.router(SystemStatus(checks, parts.engine, parts.jobs, parts.clock)),
            ],
            guards=of.guards,
            idempotency=IdempotencyRecords(parts.database, parts.secret_key, parts.clock),
            public_url=parts.public_url,
            version=version("sliproad"),
            readiness=checks,
            larger_bodies=http_routes.LARGER_BODIES,
            streamed=http_routes.STREAMED,
            navigation=http_routes.NAVIGATION,
            bus=parts.bus,
            support_url=settings.support_url,
        )


def readiness(parts: Parts) -> Mapping[str, ReadinessCheck]:
    """What `/readyz` asks: each check raises when its part does not work."""

    async def database() -> None:
        await check_answers(parts.database)

    async def schema() -> None:
        if (have := await schema_revision(parts.engine)) != (want := newest_revision()):
            raise Conflict(f"The schema is at {have}, not {want}.")

    async def bus() -> None:
        if not parts.bus.is_connected:
            raise UpstreamUnavailable("NATS is away.")

    async def gateway() -> None:
        async with parts.engine.transaction(ENGINE) as session:
            if not await count_gateways(session):
                raise UpstreamUnavailable("No gateway is alive.")

    async def worker() -> None:
        if not await parts.jobs.has_worker():
            raise UpstreamUnavailable("No worker is alive.")

    return {"database": database, "schema": schema, "bus": bus, "gateway": gateway, "worker": worker}


@contextlib.asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[dict[str, Loop]]:
    """The loops of a worker, by name; `processes` keeps each of them going."""
    async with open_parts(settings, as_web=False) as parts:
        of = Services(parts)
        register_jobs(of)
        drain = Drain(parts.engine, event_routes.routes(of))

        async def run_jobs() -> None:
            await parts.jobs.run_worker()

        async def drain_outbox() -> None:
            while True:
                if not await drain.drain():
                    await asyncio.sleep(DRAIN_SECONDS)

        await of.wakeups.open()
        try:
            yield {"jobs": run_jobs, "outbox": drain_outbox}
        finally:
            await of.wakeups.close()
