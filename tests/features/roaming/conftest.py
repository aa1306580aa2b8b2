"""The hub behind its real routes and guards, on a database of the test's own; partners are servers of their own (`ocpi_platform`)."""

import contextlib
import ipaddress
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from ocpi_platform import Platform, running
from sliproad.features.accounts.authentication import Authentication
from sliproad.features.accounts.guards import Guards
from sliproad.features.accounts.model import Audience
from sliproad.features.accounts.store import UserRow
from sliproad.features.roaming import admin_routes, assembly, ocpi_routes
from sliproad.features.roaming import jobs as roaming_jobs
from sliproad.features.roaming.assembly import RoamingRoom
from sliproad.features.roaming.model import Identity
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.database import ENGINE
from sliproad.foundation.ids import new_id
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.outbound import Guard, OutboundClient
from sliproad.foundation.web.application import create_app
from sliproad.foundation.web.idempotency import IdempotencyRecords
from sliproad.ocpi.ids import Party
from workplace import PUBLIC_URL, Somebody, access_tokens_of, signing_key

HUB = ("DE", "SLR")


@dataclass
class HubSite:
    """The hub, its administrator, and the partners that a test starts."""

    client: httpx2.AsyncClient
    admin: Somebody
    jobs: Jobs
    clock: ManualClock
    room: RoamingRoom
    closing: contextlib.AsyncExitStack
    platforms: list[Platform] = field(default_factory=list)

    async def invite(self, country: str, party: str, *roles: str) -> dict[str, Any]:
        """An invitation by the administrator."""
        wanted = [{"country_code": country, "party_id": party, "role": role} for role in roles]
        return await self.admin.create("/api/v1/admin/ocpi/connections", name=f"{party} Energy", roles=wanted)

    async def partner(self, country: str, party: str, *roles: str, **options: Any) -> Platform:
        """A platform that runs and holds a registration token for these roles."""
        invitation = await self.invite(country, party, *roles)
        said = Platform(
            self.client, country, party, roles, f"B-of-{party}", token=invitation["registration_token"], **options
        )
        self.platforms.append(said)
        return await self.closing.enter_async_context(running(said))

    async def connected(self, country: str, party: str, *roles: str, **options: Any) -> Platform:
        """A partner that has done the handshake; what it heard meanwhile is forgotten."""
        partner = await self.partner(country, party, *roles, **options)
        answer = await partner.register()
        assert answer.json()["status_code"] == 1000, answer.text
        await self.work()
        for each in self.platforms:
            each.heard.clear()
        return partner

    async def connection(self, partner: Platform) -> dict[str, Any]:
        """What the administrator sees of a partner."""
        rows = (await self.admin.get("/api/v1/admin/ocpi/connections")).json()["connections"]
        return next(row for row in rows if row["name"] == f"{partner.party} Energy")

    async def work(self) -> None:
        """Run every job that waits, as a worker does."""
        await self.jobs.app.run_worker_async(
            wait=False, install_signal_handlers=False, listen_notify=False, delete_jobs="successful"
        )


@pytest.fixture
async def hub(web, engine, clock, secret_key) -> AsyncIterator[HubSite]:
    tokens = access_tokens_of(signing_key(), issuer=PUBLIC_URL, clock=clock)
    jobs = Jobs(engine.url)
    await jobs.open()
    guard = Guard([ipaddress.ip_network("127.0.0.0/8")])
    room = assembly.assemble(
        engine, clock, jobs, secret_key=secret_key, client=OutboundClient(guard),
        identity=Identity(Party(*HUB), "Sliproad", PUBLIC_URL),
    )  # fmt: skip
    roaming_jobs.register(jobs, room.delivery, room.presence, room.quick_start)
    app = create_app(
        [admin_routes.router(room.parties, room.quick_start), ocpi_routes.router(room.edge)],
        guards=Guards(Authentication(web, tokens, secret_key, clock)),
        idempotency=IdempotencyRecords(web, secret_key, clock),
        public_url=PUBLIC_URL,
        version="0",
    )
    user_id = new_id("usr")
    async with engine.transaction(ENGINE) as session:
        mailbox = f"{user_id}@hub.example"
        session.add(
            UserRow(
                user_id=user_id, email=mailbox, email_key=mailbox, full_name="Ada Hub", password_hash="-",
                status="active", is_platform_admin=True,
            )
        )  # fmt: skip
    transport = httpx2.ASGITransport(app=app, client=("198.51.100.7", 50_000))
    async with (
        contextlib.AsyncExitStack() as closing,
        httpx2.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client,
    ):
        admin = Somebody(client, user_id, tokens.issue(Audience.PLATFORM, user_id, 0))
        yield HubSite(client, admin, jobs, clock, room, closing)
    await jobs.close()
