"""A workplace whose installers and site owners can report issues and upload photos, and whose organisations and support can work on them."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2

from routers import Routers
from sliproad.features.accounts import platform_routes
from sliproad.features.accounts.authentication import Authentication
from sliproad.features.accounts.guards import Guards
from sliproad.features.accounts.model import Audience, PersonKind
from sliproad.features.accounts.people import People
from sliproad.features.accounts.service import AccountService
from sliproad.features.accounts.store import MembershipRow, UserRow
from sliproad.features.accounts.throttle import LoginThrottle
from sliproad.features.commissioning import faults_routes, issues_cpo_routes, issues_routes, photos_routes
from sliproad.features.commissioning.issues_desk import IssueDesk
from sliproad.features.commissioning.issues_mails import IssueMails
from sliproad.features.commissioning.issues_service import IssueService
from sliproad.features.commissioning.photos_service import PhotoService
from sliproad.foundation import outbox
from sliproad.foundation.database import ENGINE
from sliproad.foundation.files import Files
from sliproad.foundation.ids import new_id
from sliproad.foundation.outgoing import Outgoing
from sliproad.foundation.web.application import create_app
from sliproad.foundation.web.idempotency import IdempotencyRecords
from sliproad.foundation.web.limits import RateLimiter
from workplace import PUBLIC_URL, Somebody, Workplace

REPORT = {
    "category": "network_problem",
    "description": "Charge point connects briefly then drops WebSocket connection after ~5 seconds.",
    "severity": "high",
}


@dataclass
class ReportingSite:
    """Riverside, with Alex on a project of it with one charge point; and the application that issues are reported to."""

    workplace: Workplace
    client: httpx2.AsyncClient
    riverside: Somebody
    alex: Somebody
    project_id: str
    charge_point_id: str
    workplace_owner: Somebody
    """Riverside and Alex as they ask the workplace's application: for projects, registrations and the like."""
    workplace_alex: Somebody

    def path(self, rest: str) -> str:
        return f"/api/v1/installer/commissioning/{self.charge_point_id}/{rest}"

    def here(self, who: Somebody) -> Somebody:
        """The same person, asking this application."""
        return Somebody(self.client, who.id, who.credential, who.email)

    async def report(self, **changes: Any) -> dict[str, Any]:
        """What the report of an issue was answered."""
        return await self.alex.create(self.path("report-issue"), **REPORT | changes)

    async def upload(self, photo: bytes, name: str = "photo.jpg", who: Somebody | None = None) -> httpx2.Response:
        return await (who or self.alex).post(self.path("photos"), files={"photo": (name, photo)})

    async def user(self, organization: Somebody, full_name: str = "Priya Manager", role: str = "manager") -> Somebody:
        """A user of an organisation with an access token for it."""
        somebody = await self._somebody(full_name)
        async with self.workplace.engine.transaction(ENGINE) as session:
            names = {"email": somebody.email, "full_name": full_name, "role": role}
            session.add(MembershipRow(organization_id=organization.id, user_id=somebody.id, **names))
        token = self.workplace.access_tokens.issue(
            Audience.ORGANIZATION, somebody.id, 0, organization_id=organization.id
        )
        return Somebody(self.client, somebody.id, token, somebody.email)

    async def site_owner(self) -> Somebody:
        """Sarah Owen, to whom the project's site is bound."""
        project = (await self.workplace_owner.get(f"/api/v1/cpo/projects/{self.project_id}")).json()
        return self.here(await self.workplace.site_owner(project["site_id"], self.riverside.id))

    async def support(self) -> Somebody:
        """A platform administrator with an access token."""
        somebody = await self._somebody("Sam Support", is_platform_admin=True)
        token = self.workplace.access_tokens.issue(Audience.PLATFORM, somebody.id, 0)
        return Somebody(self.client, somebody.id, token, somebody.email)

    async def drain(self) -> int:
        """Do what workers do with what has happened: mail."""
        work = self.workplace
        mails = IssueMails(AccountService(), work.projects, Outgoing(work.jobs, work.secret_key))
        drained = await outbox.Drain(work.engine, {"issue.reported": (mails.tell_organization,)}).drain()
        await work.jobs.app.run_worker_async(wait=False, install_signal_handlers=False, listen_notify=False)
        return drained

    async def _somebody(self, full_name: str, **columns: Any) -> Somebody:
        user_id = new_id("usr")
        mailbox = f"{user_id}@riverside.example"
        person = {"user_id": user_id, "email": mailbox, "email_key": mailbox, "full_name": full_name}
        async with self.workplace.engine.transaction(ENGINE) as session:
            session.add(UserRow(**person, password_hash="-", status="active", **columns))
        return Somebody(self.client, user_id, "", mailbox)


@contextlib.asynccontextmanager
async def open_reporting(workplace: Workplace, *, prefix: str = "SLP") -> AsyncIterator[ReportingSite]:
    """The routes of issues, photos and platform administrators behind the real guards, on the workplace's database."""
    web, clock, secret_key = workplace.web, workplace.clock, workplace.secret_key
    limiter = RateLimiter(web, clock)
    parts = {"registry": workplace.registry, "projects": workplace.projects, "limiter": limiter}
    photos = PhotoService(web, clock, files=Files(), **parts)
    issues = IssueService(web, clock, photos=photos, prefix=prefix, **parts)
    desk = IssueDesk(web, workplace.engine, clock, AccountService())
    authentication = Authentication(web, workplace.access_tokens, secret_key, clock)
    people = People(
        kind=PersonKind.USER,
        database=web,
        passwords=workplace.invitations.passwords,
        mailed_tokens=workplace.invitations.mailed_tokens,
        throttle=LoginThrottle(limiter),
        limiter=limiter,
        jobs=workplace.jobs,
        clock=clock,
    )
    with Routers() as routers:
        app = create_app(
            [
                routers.of(issues_routes.router, issues),
                routers.of(photos_routes.router, photos, public_url=PUBLIC_URL),
                routers.of(faults_routes.router, issues, photos, public_url=PUBLIC_URL),
                routers.of(issues_cpo_routes.router, desk),
                routers.of(issues_cpo_routes.support_router, desk),
                routers.of(platform_routes.router, people, authentication, workplace.access_tokens),
            ],
            guards=Guards(authentication),
            idempotency=IdempotencyRecords(web, secret_key, clock),
            public_url=PUBLIC_URL,
            version="0",
            larger_bodies=photos_routes.LARGER_BODIES | faults_routes.LARGER_BODIES,
        )
        riverside, alex = await workplace.organization("Riverside"), await workplace.installer()
        project_id = await workplace.project(riverside, alex)
        charge_point_id = (await workplace.charge_point(alex, project_id))["charge_point_id"]
        transport = httpx2.ASGITransport(app=app, client=("198.51.100.7", 50_000))
        async with httpx2.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
            site = ReportingSite(workplace, client, riverside, alex, project_id, charge_point_id, riverside, alex)
            site.riverside, site.alex = site.here(riverside), site.here(alex)
            yield site
