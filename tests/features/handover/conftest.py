"""A project with charge points on real tables, the handover's services around it, and a worker that runs their jobs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from features.handover.handovers import INSTALLER
from sliproad.features.accounts.model import InstallerActor
from sliproad.features.accounts.service import AccountService
from sliproad.features.accounts.store import InstallerRow, OrganizationRow, UserRow
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.charge_points.store import ChargePointRow
from sliproad.features.commissioning.records import CommissioningRecords
from sliproad.features.commissioning.store import CommissioningSessionRow, CommissioningStepRow
from sliproad.features.connections.assigning import Assigning
from sliproad.features.connections.following import Placements, SiteConnections
from sliproad.features.handover import jobs as handover_jobs
from sliproad.features.handover.checking import CertificateChecker
from sliproad.features.handover.issuing import CertificateIssuer
from sliproad.features.handover.links import CertificateLinks
from sliproad.features.handover.reading import HandoverReading
from sliproad.features.handover.service import HandoverService
from sliproad.features.handover.signing_identity import own_identity
from sliproad.features.projects.assignment import AssignmentService
from sliproad.features.projects.service import ProjectService
from sliproad.features.projects.store import ChecklistItemRow, ProjectInstallerRow, ProjectRow
from sliproad.features.sites.service import SiteService
from sliproad.features.sites.store import SiteOwnerRow, SiteRow
from sliproad.foundation import outgoing as outgoing_mail
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.documents.identity import SigningIdentity
from sliproad.foundation.files import Files
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.mail import FileMailer
from sliproad.foundation.outgoing import Outgoing
from sliproad.foundation.vault import Vault
from sliproad.foundation.web.limits import RateLimiter

PUBLIC_URL = "https://sliproad.example"
ORGANIZATION = "org_riverside"
PROJECT = "proj_riverside"
ALEX = InstallerActor("ins_alex", INSTALLER, "alex@acme.example", "Acme EV Installations")


@dataclass
class Installation:
    """The parts under test, and what happened in them."""

    engine: Database
    clock: ManualClock
    service: HandoverService
    reading: HandoverReading
    checker: CertificateChecker
    issuer: CertificateIssuer
    links: CertificateLinks
    identity: SigningIdentity
    jobs: Jobs
    mail_folder: Path
    keys: list[int] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.jobs.run_worker(concurrency=4))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def mails(self, count: int) -> dict[str, EmailMessage]:
        """The `count` mails that were sent, by mailbox; waits for them."""
        async with asyncio.timeout(60):
            while len(files := list(self.mail_folder.glob("*.eml"))) < count:
                await asyncio.sleep(0.02)
        mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]
        return {mail["To"]: mail for mail in mails}

    async def change_project(self, **values: object) -> None:
        async with self.engine.transaction(ENGINE) as session:
            project = await session.get_one(ProjectRow, PROJECT)
            for name, value in values.items():
                setattr(project, name, value)

    async def change_charge_point(self, number: int, **values: object) -> None:
        async with self.engine.transaction(ENGINE) as session:
            charge_point = await session.get_one(ChargePointRow, self.keys[number])
            for name, value in values.items():
                setattr(charge_point, name, value)

    async def tick(self, item: str, number: int | None = None, *, done: bool = True) -> None:
        async with self.engine.transaction(ENGINE) as session:
            session.add(
                ChecklistItemRow(
                    project_id=PROJECT,
                    organization_id=ORGANIZATION,
                    charge_point_key=None if number is None else self.keys[number],
                    item=item,
                    done=done,
                    done_by=INSTALLER,
                    done_at=self.clock.now(),
                    note="pressed twice" if item == "emergency_stop" else None,
                )
            )


@pytest.fixture
async def installation(
    web: Database,
    engine: Database,
    bus: Bus,
    clock: ManualClock,
    secret_key: SecretKey,
    tmp_path: Path,
) -> AsyncIterator[Installation]:
    """Two commissioned charge points in a project that expects two; Alex is assigned to it."""
    jobs = Jobs(engine.url)
    await jobs.open()
    records, accounts, files = CommissioningRecords(), AccountService(), Files()
    outgoing = Outgoing(jobs, secret_key)
    links = CertificateLinks(clock, secret_key, PUBLIC_URL)
    vault = Vault(engine, secret_key)
    identity = await own_identity(vault, clock, name="Sliproad")

    def projects(database: Database) -> ProjectService:
        sites = SiteService(database, clock, accounts, SiteConnections(Assigning(clock, jobs)))
        registry = RegistryService(
            database, clock, bus, ocpp_public_url="wss://ocpp.example", placements=Placements(sites, jobs)
        )
        return ProjectService(database, clock, sites, registry, records)

    issuer = CertificateIssuer(
        engine,
        clock,
        projects=projects(engine),
        assignments=AssignmentService(engine, clock, projects(engine), projects(engine).sites, accounts),
        accounts=accounts,
        commissioning=records,
        files=files,
        outgoing=outgoing,
        links=links,
        identity=identity,
    )
    handover_jobs.register(jobs, issuer)
    mail_folder = tmp_path / "mail"
    outgoing_mail.register(
        jobs,
        engine,
        secret_key,
        FileMailer(mail_folder, sender="Sliproad <no-reply@sliproad.example>", clock=clock),
        files,
    )
    service = HandoverService(
        web,
        clock,
        projects=projects(web),
        jobs=jobs,
        links=links,
        files=files,
        limiter=RateLimiter(web, clock),
        patience_seconds=5,
    )
    reading = HandoverReading(
        web,
        projects=service.projects,
        assignments=AssignmentService(web, clock, service.projects, service.projects.sites, accounts),
        accounts=accounts,
        links=links,
    )
    made = Installation(
        engine,
        clock,
        service,
        reading,
        CertificateChecker(web, RateLimiter(web, clock)),
        issuer,
        links,
        identity,
        jobs,
        mail_folder,
    )
    await _fill(made)
    yield made
    await jobs.close()


async def _fill(made: Installation) -> None:
    now = made.clock.now()
    async with made.engine.transaction(ENGINE) as session:
        session.add(
            OrganizationRow(
                organization_id=ORGANIZATION, name="Riverside Charging Ltd", contact_email="ops@riverside.example"
            )
        )
        session.add(
            InstallerRow(
                installer_id=ALEX.installer_id,
                email=ALEX.email,
                email_key=ALEX.email,
                full_name=ALEX.full_name,
                company=ALEX.company,
                password_hash="-",
            )
        )
        await session.flush()
        session.add(
            SiteRow(
                site_id="site_riverside",
                organization_id=ORGANIZATION,
                name="Riverside Business Park",
                address="Unit 12, Riverside Business Park, London E1W 3SJ",
                time_zone="Europe/London",
            )
        )
        session.add(
            UserRow(
                user_id="usr_owner",
                email="owner@riverside.example",
                email_key="owner@riverside.example",
                full_name="Olive Owner",
                password_hash="-",
            )
        )
        await session.flush()
        session.add(
            SiteOwnerRow(
                site_id="site_riverside",
                user_id="usr_owner",
                organization_id=ORGANIZATION,
                email="owner@riverside.example",
                full_name="Olive Owner",
            )
        )
        session.add(
            ProjectRow(
                project_id=PROJECT,
                organization_id=ORGANIZATION,
                site_id="site_riverside",
                name="Riverside — Phase 1",
                charge_points_expected=2,
                site_owner_email="s.owen@riversidebp.example",
            )
        )
        await session.flush()
        session.add(
            ProjectInstallerRow(
                project_id=PROJECT,
                installer_id=ALEX.installer_id,
                organization_id=ORGANIZATION,
                full_name=ALEX.full_name,
                email=ALEX.email,
                company=ALEX.company,
                assigned_at=now,
            )
        )
    for number in range(2):
        await add_charge_point(made, number)


async def add_charge_point(made: Installation, number: int, *, status: str = "completed") -> None:
    now = made.clock.now()
    async with made.engine.transaction(ENGINE) as session:
        charge_point = ChargePointRow(
            charge_point_id=f"CP-RIVERSIDE-{number:03}",
            organization_id=ORGANIZATION,
            site_id="site_riverside",
            project_id=PROJECT,
            serial_number=f"SN-ABX-{number:03}",
            vendor="Alpitronic",
            model="Alpitronic HYC300",
            ocpp_version="2.0.1",
            max_power_kw=300,
            connector_count=2,
            location_description=f"Bay {number}",
            commissioning_status=status,
            commissioned_at=now,
        )
        session.add(charge_point)
        await session.flush()
        made.keys.append(charge_point.key)
        session_id = f"comm_{number}"
        session.add(
            CommissioningSessionRow(
                session_id=session_id,
                organization_id=ORGANIZATION,
                project_id=PROJECT,
                charge_point_key=charge_point.key,
                charge_point_id=charge_point.charge_point_id,
                template_id="tpl_dc_rapid_50kw",
                template_version=1,
                template={},
                status="completed",
                result="passed",
                options={},
                test_token="-",
                started_by=ALEX.installer_id,
                started_at=now - timedelta(minutes=3),
                completed_at=now,
                epoch_at_start=1,
            )
        )
        await session.flush()
        steps = {
            "connectivity": None,
            "heartbeat": None,
            "configuration": None,
            "meter_calibration": None,
            "test_transaction": {"energy_wh": 21},
        }
        for position, (name, evidence) in enumerate(steps.items()):
            session.add(
                CommissioningStepRow(
                    session_id=session_id,
                    position=position,
                    organization_id=ORGANIZATION,
                    charge_point_key=charge_point.key,
                    name=name,
                    shown_as=["step"],
                    status="passed",
                    time_limit_seconds=60,
                    duration_ms=1050,
                    detail="As it should be",
                    evidence=evidence,
                    finished_at=now,
                )
            )
