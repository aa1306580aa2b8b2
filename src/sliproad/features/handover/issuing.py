"""Makes the certificate of a handover and mails it. Runs as role `engine` in a worker; `jobs` calls it.

A certificate is issued once, however often the job runs: what was typeset and signed twice is kept once.
"""

from collections.abc import Sequence

import structlog

from sliproad.features.accounts.model import email_key
from sliproad.features.accounts.service import AccountService
from sliproad.features.commissioning.records import CommissioningRecords
from sliproad.features.handover import store
from sliproad.features.handover.certificate.document import Certificate, issue_certificate
from sliproad.features.handover.certificate.record import HandoverRecord
from sliproad.features.handover.links import CertificateLinks
from sliproad.features.handover.mails import HandoverMails
from sliproad.features.handover.model import Declaration, Handover
from sliproad.features.handover.recording import Facts, record_of
from sliproad.features.handover.signature import strokes_of
from sliproad.features.projects.assignment import AssignmentService
from sliproad.features.projects.model import Project
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database, Session
from sliproad.foundation.documents.identity import SigningIdentity, to_pem
from sliproad.foundation.documents.signing import TimestampService
from sliproad.foundation.errors import NotFound
from sliproad.foundation.files import Files
from sliproad.foundation.mail import is_address
from sliproad.foundation.outgoing import Outgoing

log = structlog.get_logger()


class CertificateIssuer:
    """Issues certificates; see the module."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        projects: ProjectService,
        assignments: AssignmentService,
        accounts: AccountService,
        commissioning: CommissioningRecords,
        files: Files,
        outgoing: Outgoing,
        links: CertificateLinks,
        identity: SigningIdentity,
        timestamp_service: TimestampService | None = None,
    ) -> None:
        self.database = database
        self.clock = clock
        self.projects = projects
        self.assignments = assignments
        self.accounts = accounts
        self.commissioning = commissioning
        self.files = files
        self.outgoing = outgoing
        self.links = links
        self.identity = identity
        self.timestamp_service = timestamp_service
        self.mails = HandoverMails()

    async def issue(self, certificate_id: str) -> None:
        """Typeset, sign, keep and mail the certificate, unless it has been.

        Raises:
            NotFound: there was no such handover.
            SignatureError: no time stamp could be had; the job tries again.
        """
        async with self.database.transaction(ENGINE) as session:
            row = await self._handover(session, certificate_id)
            if row.issued_at is not None:
                return
            record = await self._record(session, row)
        certificate = await issue_certificate(record, self.identity, timestamp_service=self.timestamp_service)
        async with self.database.transaction(ENGINE) as session:
            row = await self._handover(session, certificate_id, lock=True)
            if row.issued_at is not None:
                return
            await self._keep(session, row, certificate, record)
        log.info("certificate_issued", certificate_id=certificate_id, bytes=len(certificate.pdf))

    async def send_link(self, certificate_id: str, mailbox: str) -> None:
        """Mail a new link to somebody whose old one has expired.

        Raises:
            NotFound: there was no such handover.
        """
        async with self.database.transaction(ENGINE) as session:
            row = await self._handover(session, certificate_id)
            project = await self.projects.by_id(session, row.project_id)
            url = await self._link(session, row, mailbox)
            mail = self.mails.new_link(mailbox, project, url, self.links.verify_url(certificate_id))
            await self.outgoing.enqueue(session, mail)

    async def _keep(
        self, session: Session, row: store.HandoverRow, certificate: Certificate, record: HandoverRecord
    ) -> None:
        name = f"handover-{row.certificate_id}.pdf"
        file_id = await self.files.save(
            session, row.organization_id, name, "application/pdf", certificate.pdf, project_id=row.project_id
        )
        values = {
            "issued_at": self.clock.now(),
            "record_json": certificate.record_json,
            "record_sha256": certificate.record_sha256,
            "pdf_file_id": file_id,
            "pdf_sha256": certificate.pdf_sha256,
            "trust_root": to_pem(self.identity.trust_root).decode(),
        }
        await store.save_certificate(session, row.certificate_id, values)
        project = await self.projects.by_id(session, row.project_id)
        for mailbox in await self._mailboxes(session, row, project):
            url = await self._link(session, row, mailbox)
            await self.outgoing.enqueue(session, self.mails.completed(mailbox, record, url), file_ids=(file_id,))

    async def _record(self, session: Session, row: store.HandoverRow) -> HandoverRecord:
        project = await self.projects.by_id(session, row.project_id)
        charge_points = await self.projects.registry.of_project(session, row.project_id)
        facts = Facts(
            project=project,
            site=await self.projects.sites.by_id(session, project.site_id),
            organization_name=await self.accounts.organization_name(session, row.organization_id),
            installers=await self.assignments.installers_of(session, row.project_id),
            charge_points=charge_points,
            summaries=await self.commissioning.summaries(session, [each.key for each in charge_points]),
            checklist=await self.projects.checklist(session, row.project_id),
        )
        verify_url = self.links.verify_url(row.certificate_id)
        handover = Handover(row.certificate_id, row.project_id, row.handed_over_at, "", verify_url)
        return record_of(handover, declaration_of(row), facts)

    async def _mailboxes(self, session: Session, row: store.HandoverRow, project: Project) -> Sequence[str]:
        """The organisation, the site's owners and the contact that the installer named; each once."""
        found = [
            await self.accounts.organization_email(session, row.organization_id),
            project.site_owner_email,
            *await self.projects.sites.owner_mailboxes(session, project.site_id),
            row.site_contact_email,
        ]
        return list(
            {email_key(mailbox): mailbox for mailbox in reversed(found) if mailbox and is_address(mailbox)}.values()
        )

    async def _link(self, session: Session, row: store.HandoverRow, mailbox: str) -> str:
        return await self.links.create(
            session,
            certificate_id=row.certificate_id,
            organization_id=row.organization_id,
            project_id=row.project_id,
            mailbox=mailbox,
        )

    async def _handover(self, session: Session, certificate_id: str, *, lock: bool = False) -> store.HandoverRow:
        row = await store.find_handover(session, certificate_id, lock=lock)
        if row is None:
            raise NotFound("There is no such handover.")
        return row


def declaration_of(row: store.HandoverRow) -> Declaration:
    """What the installer said."""
    return Declaration(
        row.signed_by,
        row.handover_notes,
        row.site_contact_name,
        row.site_contact_email,
        strokes_of(row.signature or ()),
    )
