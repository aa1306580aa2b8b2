"""Handing a project over, and fetching its certificate afterwards. `routes` and `pages` call it.

The handover is one transaction: the project is locked, the event goes out, the installer has a link. The certificate is made by
a job that this transaction enqueues (`issuing`), from facts that the lock keeps still.
"""

import asyncio
from dataclasses import asdict, dataclass

from sliproad.features.accounts.model import InstallerActor
from sliproad.features.handover import store
from sliproad.features.handover.links import CertificateLinks
from sliproad.features.handover.model import Declaration, Handover, handover_completed, require_ready
from sliproad.features.projects.model import Project, require_open
from sliproad.features.projects.service import ProjectService
from sliproad.foundation import outbox
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Scope, Session
from sliproad.foundation.errors import NotFound
from sliproad.foundation.files import Files, StoredFile
from sliproad.foundation.ids import new_id
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.web.limits import RateLimiter

ISSUE = "handover.issue_certificate"
SEND_LINK = "handover.send_link"
RENEWALS = "3/hour"
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """What a link leads to. `file` is None while the certificate is being signed, and where the link has expired."""

    certificate_id: str
    mailbox: str
    is_expired: bool
    file: StoredFile | None


class HandoverService:
    """Handovers; see the module."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        projects: ProjectService,
        jobs: Jobs,
        links: CertificateLinks,
        files: Files,
        limiter: RateLimiter,
        patience_seconds: float = 8.0,
    ) -> None:
        """`patience_seconds` is how long an answer waits for the certificate, so that its link works at once."""
        self.database = database
        self.clock = clock
        self.projects = projects
        self.jobs = jobs
        self.links = links
        self.files = files
        self.limiter = limiter
        self.patience_seconds = patience_seconds

    async def complete(self, actor: InstallerActor, project_id: str, declaration: Declaration) -> Handover:
        """Hand a project over to its site owner; of many at once one wins. From its commit on installers change nothing.

        Raises:
            NotFound: absent, or the installer is not assigned to it.
            Conflict: `project_handed_over`, it was already.
            NotAllowed: `handover_not_ready`, with what is missing.
        """
        async with self.database.transaction(actor.scope) as session:
            await self.projects.for_installer(session, actor, project_id)
            project = await self.projects.lock_for_handover(session, project_id)
            require_open(project)
            handover = await self._hand_over(session, actor, project, declaration)
        await self._until_issued(handover.certificate_id)
        return handover

    async def open_link(self, token: str) -> OpenedLink:
        """What a download link leads to.

        Raises:
            NotFound: there never was such a link.
        """
        link = await self._link(token)
        is_expired = link.expires_at <= self.clock.now()
        file = None if is_expired else await self._certificate(link.certificate_id)
        return OpenedLink(link.certificate_id, link.mailbox, is_expired, file)

    async def renew_link(self, token: str) -> str:
        """Mail a new link to the mailbox that this one was for; gives that mailbox.

        Raises:
            NotFound: there never was such a link.
            TooMany: it was asked for too often.
        """
        link = await self._link(token)
        await self.limiter.hit(RENEWALS, "certificate link", link.token_hash)
        await self.jobs.enqueue(None, SEND_LINK, certificate_id=link.certificate_id, mailbox=link.mailbox)
        return link.mailbox

    async def mail_link(self, certificate_id: str, mailbox: str) -> None:
        """Mail a link to somebody who may read the handover.

        Raises:
            TooMany: it was asked for too often.
        """
        await self.limiter.hit(RENEWALS, "certificate link", f"{certificate_id} {mailbox}")
        await self.jobs.enqueue(None, SEND_LINK, certificate_id=certificate_id, mailbox=mailbox)

    async def _hand_over(
        self, session: Session, actor: InstallerActor, project: Project, declaration: Declaration
    ) -> Handover:
        project_id, certificate_id = project.project_id, new_id("cert")
        charge_points = await self.projects.registry.of_project(session, project_id)
        require_ready(project, charge_points, await self.projects.checklist(session, project_id))
        now = self.clock.now()
        await self.projects.mark_handed_over(session, project_id, now)
        owner = {"certificate_id": certificate_id, "organization_id": project.organization_id, "project_id": project_id}
        values = {**owner, "handed_over_at": now, "installer_id": actor.installer_id, **asdict(declaration)}
        await store.insert_handover(session, values)
        url = await self.links.create(session, **owner, mailbox=actor.email)
        handover = Handover(certificate_id, project_id, now, url, self.links.verify_url(certificate_id))
        event = handover_completed(handover, project, declaration, charge_points)
        outbox.publish(session, event, project_id=project_id)
        await self.jobs.enqueue(session, ISSUE, lock=certificate_id, certificate_id=certificate_id)
        return handover

    async def _until_issued(self, certificate_id: str) -> None:
        """Wait for the worker, but not for ever: the handover has happened, and a late certificate comes by the same link."""
        waited = 0.0
        while waited < self.patience_seconds:
            async with self.database.transaction(Scope(lookup=certificate_id)) as session:
                row = await store.find_handover(session, certificate_id)
                if row is not None and row.issued_at is not None:
                    return
            await asyncio.sleep(POLL_SECONDS)
            waited += POLL_SECONDS

    async def _link(self, token: str) -> store.CertificateLinkRow:
        token_hash = self.links.hash_of(token)
        async with self.database.transaction(Scope(lookup=token_hash)) as session:
            link = await store.find_link(session, token_hash)
        if link is None:
            raise NotFound("There is no such certificate, or its address is not complete.")
        return link

    async def _certificate(self, certificate_id: str) -> StoredFile | None:
        async with self.database.transaction(Scope(lookup=certificate_id)) as session:
            row = await store.find_handover(session, certificate_id)
        if row is None or row.pdf_file_id is None:
            return None
        async with self.database.transaction(Scope(lookup=row.pdf_file_id)) as session:
            return await self.files.read(session, row.pdf_file_id)
