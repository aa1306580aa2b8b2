"""The web application on a database of the test's own, role `web`, with organisations, installers and site owners who use it.

Tests speak to it over HTTP, as these people do: `alex.post("/api/v1/installer/charge-points", json={…})`.
"""

import contextlib
import copy
import email
import email.policy
import functools
import pathlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.ext.asyncio import AsyncSession

from routers import Routers
from sliproad.features.accounts import operator_routes, tokens
from sliproad.features.accounts.authentication import Authentication
from sliproad.features.accounts.guards import Guards
from sliproad.features.accounts.invitations import Invitations
from sliproad.features.accounts.mailed_tokens import MailedTokens
from sliproad.features.accounts.model import Audience, KeyScope, OperatorScope
from sliproad.features.accounts.operators import Operators, new_operator_key
from sliproad.features.accounts.organizations import new_api_key
from sliproad.features.accounts.passwords import Passwords
from sliproad.features.accounts.service import AccountService
from sliproad.features.accounts.store import InstallerRow, OperatorRow, OrganizationRow, UserRow
from sliproad.features.accounts.tokens import AccessTokens
from sliproad.features.charge_points import routes as charge_point_routes
from sliproad.features.charge_points.attempts import AttemptService
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.charging import routes as charging_routes
from sliproad.features.charging.service import ChargingService
from sliproad.features.commands import routes as command_routes
from sliproad.features.commands.service import CommandService
from sliproad.features.connections import assembly, move_routes, rollout_routes
from sliproad.features.connections import cpo_routes as cpo_connection_routes
from sliproad.features.connections import jobs as connection_jobs
from sliproad.features.connections import routes as connection_routes
from sliproad.features.connections.assigning import Assigning
from sliproad.features.connections.following import Placements, SiteConnections
from sliproad.features.frame_log import routes as frame_log_routes
from sliproad.features.frame_log.service import FrameLogService
from sliproad.features.projects import (
    bulk_routes,
    installer_routes,
    registration_routes,
    site_owner_routes,
)
from sliproad.features.projects import (
    routes as project_routes,
)
from sliproad.features.projects.assignment import AssignmentService
from sliproad.features.projects.bulk import BulkRegistrationService
from sliproad.features.projects.checklist_service import ChecklistService
from sliproad.features.projects.model import PlatformCheck
from sliproad.features.projects.registration import RegistrationService
from sliproad.features.projects.service import ProjectService
from sliproad.features.security.service import CredentialService, PasswordHash
from sliproad.features.sites import routes as site_routes
from sliproad.features.sites.ownership import SiteOwnershipService
from sliproad.features.sites.service import SiteService
from sliproad.features.sites.store import SiteOwnerRow
from sliproad.foundation import outgoing
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import Clock, SystemClock
from sliproad.foundation.crypto import SealingKeys, SecretKey
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.files import Files
from sliproad.foundation.ids import new_id
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.mail import FileMailer
from sliproad.foundation.outgoing import Outgoing
from sliproad.foundation.web.application import create_app
from sliproad.foundation.web.idempotency import IdempotencyRecords
from sliproad.foundation.web.limits import RateLimiter

PUBLIC_URL = "http://sliproad.example"
OCPP_PUBLIC_URL = "wss://ocpp.sliproad.example"
SEALING_SECRET = "a sealing key of the tests, random enough"
SEEN: Mapping[str, PlatformCheck] = {}


@functools.cache
def signing_key() -> bytes:
    """One key pair for all tests: making one takes longer than most tests."""
    return tokens.make_key()


@functools.cache
def _read(private_pem: bytes) -> AccessTokens:
    return AccessTokens(private_pem, issuer=PUBLIC_URL, clock=SystemClock())


def access_tokens_of(private_pem: bytes, *, issuer: str, clock: Clock) -> AccessTokens:
    """Tokens of a key that is read once: that takes longer than many tests too."""
    made = copy.copy(_read(private_pem))
    made.issuer, made.clock = issuer, clock
    return made


class CommissioningSaw:
    """What commissioning answers to projects: by charge point key, what was seen of the starred items."""

    def __init__(self) -> None:
        self.checks: dict[int, dict[str, PlatformCheck]] = {}

    async def platform_checks(
        self, session: AsyncSession, charge_point_keys: Sequence[int]
    ) -> Mapping[int, Mapping[str, PlatformCheck]]:
        return {key: self.checks.get(key, SEEN) for key in charge_point_keys}


@dataclass
class Somebody:
    """A person or program with a credential, who asks over HTTP."""

    client: httpx2.AsyncClient
    id: str
    credential: str
    email: str = ""

    async def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.credential}", **options.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, **options: Any) -> httpx2.Response:
        return await self.ask("POST", path, **options)

    async def put(self, path: str, **options: Any) -> httpx2.Response:
        return await self.ask("PUT", path, **options)

    async def patch(self, path: str, **options: Any) -> httpx2.Response:
        return await self.ask("PATCH", path, **options)

    async def delete(self, path: str, **options: Any) -> httpx2.Response:
        return await self.ask("DELETE", path, **options)

    async def create(self, path: str, **body: Any) -> dict[str, Any]:
        """POST that must be a 201; its answer."""
        answer = await self.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()


@dataclass
class Workplace:
    """The application and its parts; see the module."""

    web: Database
    engine: Database
    clock: Clock
    secret_key: SecretKey
    client: httpx2.AsyncClient
    access_tokens: AccessTokens
    jobs: Jobs
    mail_folder: pathlib.Path
    invitations: Invitations
    projects: ProjectService
    registry: RegistryService
    attempts: AttemptService
    commissioning: CommissioningSaw
    password_hash: PasswordHash
    people: list[Somebody] = field(default_factory=list)

    async def organization(self, name: str = "Riverside Charging", scope: KeyScope = KeyScope.CPO) -> Somebody:
        """A new organisation's API key."""
        organization_id = new_id("org")
        async with self.engine.transaction(ENGINE) as session:
            contact = f"office@{organization_id[4:]}.example"
            session.add(OrganizationRow(organization_id=organization_id, name=name, contact_email=contact))
        return await self.api_key(organization_id, scope)

    async def api_key(self, organization_id: str, scope: KeyScope) -> Somebody:
        """One more API key of an organisation."""
        async with self.engine.transaction(ENGINE) as session:
            row, key = new_api_key(self.secret_key, organization_id, "test key", [scope.value], self.clock)
            session.add(row)
        return Somebody(self.client, organization_id, key)

    async def operator(self, name: str = "Northern Lights", *scopes: OperatorScope) -> Somebody:
        """A new operator's API key; with every scope where none is given."""
        operator_id = new_id("opr")
        async with self.engine.transaction(ENGINE) as session:
            session.add(OperatorRow(operator_id=operator_id, name=name, contact_email="ocpp@operator.example"))
        return await self.operator_key(operator_id, *(scopes or OperatorScope))

    async def operator_key(self, operator_id: str, *scopes: OperatorScope) -> Somebody:
        """One more API key of an operator."""
        async with self.engine.transaction(ENGINE) as session:
            names = [scope.value for scope in scopes]
            row, key = new_operator_key(self.secret_key, operator_id, "test key", names, self.clock)
            session.add(row)
        return Somebody(self.client, operator_id, key)

    async def select_operator(self, owner: Somebody, site_id: str, operator: Somebody | None) -> None:
        """The organisation says who runs the connections of a site, and jobs do what follows."""
        answer = await owner.put(
            f"/api/v1/cpo/sites/{site_id}/operator", json={"operator_id": operator.id if operator else None}
        )
        assert answer.status_code == 200, answer.text
        await self.work()

    async def work(self) -> None:
        """Run every job that waits, as a worker does."""
        await self.jobs.app.run_worker_async(
            wait=False, install_signal_handlers=False, listen_notify=False, delete_jobs="successful"
        )

    async def installer(self, full_name: str = "Alex Technician") -> Somebody:
        """A verified installer with an access token."""
        installer_id = new_id("ins")
        mailbox = f"{installer_id}@acme.example"
        async with self.engine.transaction(ENGINE) as session:
            session.add(
                InstallerRow(
                    installer_id=installer_id,
                    email=mailbox,
                    email_key=mailbox,
                    full_name=full_name,
                    company="Acme EV Installations",
                    password_hash="-",
                    status="active",
                    verified_at=self.clock.now(),
                )
            )
        token = self.access_tokens.issue(Audience.INSTALLER, installer_id, 0)
        return Somebody(self.client, installer_id, token, mailbox)

    async def site_owner(self, site_id: str, organization_id: str) -> Somebody:
        """A person bound to a site, with an access token."""
        user_id = new_id("usr")
        mailbox = f"{user_id}@riverside.example"
        async with self.engine.transaction(ENGINE) as session:
            person = {"user_id": user_id, "email": mailbox, "full_name": "Sarah Owen"}
            session.add(UserRow(**person, email_key=mailbox, password_hash="-", status="active"))
            await session.flush()
            session.add(SiteOwnerRow(site_id=site_id, organization_id=organization_id, **person))
        return Somebody(self.client, user_id, self.access_tokens.issue(Audience.SITE_OWNER, user_id, 0), mailbox)

    async def site(self, owner: Somebody, name: str = "Riverside Business Park") -> str:
        """A site of an organisation; its id."""
        address = "Unit 12, Riverside Business Park, London E1W 3SJ"
        return (await owner.create("/api/v1/cpo/sites", name=name, address=address))["site_id"]

    async def project(self, owner: Somebody, *installers: Somebody, site_id: str = "", **more: Any) -> str:
        """A project of an organisation with these installers on it; its id."""
        place = site_id or await self.site(owner)
        body = {"name": "Riverside — Phase 1", "site_id": place, "charge_points_expected": 2, **more}
        project_id = (await owner.create("/api/v1/cpo/projects", **body))["project_id"]
        for installer in installers:
            await owner.create(f"/api/v1/cpo/projects/{project_id}/installers", installer_id=installer.id)
        return project_id

    async def charge_point(self, installer: Somebody, project_id: str, **more: Any) -> dict[str, Any]:
        """A charge point registered with as little as one may say; the answer."""
        body = {
            "project_id": project_id,
            "serial_number": f"SN-{new_id('x')}",
            "vendor": "Alpitronic",
            "model": "HYC300",
            **more,
        }
        return await installer.create("/api/v1/installer/charge-points", **body)

    async def key_of(self, charge_point_id: str) -> int:
        """The internal key of a charge point."""
        async with self.engine.transaction(ENGINE) as session:
            return (await self.registry.facts(session, charge_point_id)).key

    async def hand_over(self, project_id: str) -> None:
        """What the last act of a handover does to a project."""
        async with self.engine.transaction(ENGINE) as session:
            await self.projects.mark_handed_over(session, project_id, self.clock.now())

    async def mailed_links(self) -> dict[str, str]:
        """Send what waits to be mailed: recipient -> the token of the link in their mail."""
        await self.jobs.app.run_worker_async(wait=False, install_signal_handlers=False, listen_notify=False)
        found = {}
        for path in sorted(self.mail_folder.glob("*.eml")):
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            body = mail.get_body(("plain",))
            assert body is not None
            if token := re.search(r"token=(\S+)", body.get_content()):
                found[str(mail["To"])] = token[1]
        return found


@contextlib.asynccontextmanager
async def open_workplace(
    web: Database, engine: Database, bus: Bus, clock: Clock, secret_key: SecretKey, folder: pathlib.Path
) -> AsyncIterator[Workplace]:
    """Everything of sites, projects, charge points and commands, behind the real guards, answering HTTP in this process."""
    access_tokens = access_tokens_of(signing_key(), issuer=PUBLIC_URL, clock=clock)
    limiter = RateLimiter(web, clock)
    jobs = Jobs(engine.url)
    await jobs.open()
    outgoing.register(
        jobs, engine, secret_key, FileMailer(folder, sender="Sliproad <no-reply@a.example>", clock=clock), Files()
    )
    invitations = Invitations(
        database=web,
        mailed_tokens=MailedTokens(secret_key, PUBLIC_URL, clock),
        outgoing=Outgoing(jobs, secret_key),
        passwords=Passwords(Argon2Hasher(time_cost=1, memory_cost=1024, parallelism=1)),
        limiter=limiter,
        clock=clock,
    )
    commissioning = CommissioningSaw()
    assigning = Assigning(clock, jobs)
    sites = SiteService(web, clock, AccountService(), SiteConnections(assigning))
    placements = Placements(sites, jobs)
    registry = RegistryService(web, clock, bus, ocpp_public_url=OCPP_PUBLIC_URL, placements=placements)
    room = assembly.assemble(
        web,
        engine,
        bus,
        assigning=assigning,
        sealing_keys=SealingKeys([SEALING_SECRET]),
        registry=registry,
        sites=sites,
        accounts=AccountService(),
        commands=CommandService(engine, bus),
        credentials=CredentialService(secret_key),
    )
    connection_jobs.register(jobs, room.provisioning, room.driver, room.moving)
    projects = ProjectService(web, clock, sites, registry, commissioning)
    assignment = AssignmentService(web, clock, projects, sites, AccountService())
    checklists = ChecklistService(web, clock, projects)
    registration = RegistrationService(web, clock, projects, registry, CredentialService(secret_key), limiter=limiter)
    attempts = AttemptService(engine, clock, FrameLogService())
    with Routers() as routers:
        app = create_app(
            [
                routers.of(site_routes.router, sites, SiteOwnershipService(web, clock, sites, invitations)),
                routers.of(project_routes.router, projects, assignment, checklists, registration),
                routers.of(site_owner_routes.router, assignment),
                routers.of(installer_routes.router, projects, checklists),
                routers.of(registration_routes.router, registration, attempts),
                routers.of(
                    bulk_routes.router,
                    BulkRegistrationService(web, projects, registry, CredentialService(secret_key), limiter=limiter),
                ),
                routers.of(charge_point_routes.router, registry, attempts),
                routers.of(cpo_connection_routes.router, room.overview),
                routers.of(operator_routes.router, Operators(web, secret_key, clock)),
                routers.of(connection_routes.router, room.versions, room.applying),
                routers.of(move_routes.router, room.applying, room.moving, room.sheets),
                routers.of(rollout_routes.router, room.rollouts),
                routers.of(command_routes.router, registry, CommandService(engine, bus)),
                routers.of(charging_routes.router, web, ChargingService(), registry),
                routers.of(frame_log_routes.router, web, FrameLogService(), registry),
            ],
            guards=Guards(Authentication(web, access_tokens, secret_key, clock)),
            idempotency=IdempotencyRecords(web, secret_key, clock),
            public_url=PUBLIC_URL,
            version="0",
            larger_bodies=bulk_routes.LARGER_BODIES,
        )
        transport = httpx2.ASGITransport(app=app, client=("198.51.100.7", 50_000))
        async with httpx2.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
            yield Workplace(
                web, engine, clock, secret_key, client, access_tokens, jobs, folder, invitations, projects, registry,
                attempts, commissioning, PasswordHash(secret_key),
            )  # fmt: skip
    await jobs.close()


def assert_problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The answer is this problem (RFC 9457); gives its body."""
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()
