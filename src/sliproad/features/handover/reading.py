"""A handover as those read it whom it concerns: the organisation, the owners of its site, its installers. `reading_routes` call it.

Reading gives a link to the certificate, since the one of the installer's answer and those of the mails expire or get lost.
"""

from dataclasses import dataclass
from datetime import datetime

from sliproad.features.accounts.model import InstallerActor, OrganizationActor, SiteOwnerActor
from sliproad.features.accounts.service import AccountService
from sliproad.features.handover import store
from sliproad.features.handover.links import CertificateLinks, Link
from sliproad.features.projects.assignment import AssignmentService
from sliproad.features.projects.model import Project
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.database import Database, Session
from sliproad.foundation.errors import NotFound

Reader = InstallerActor | OrganizationActor | SiteOwnerActor


@dataclass(frozen=True, slots=True)
class ReadHandover:
    """A handover that happened. `issued_at` and `pdf_sha256` are None until the certificate has been signed."""

    project_id: str
    certificate_id: str
    handed_over_at: datetime
    signed_by: str
    handover_notes: str | None
    site_contact_name: str | None
    site_contact_email: str | None
    issued_at: datetime | None
    pdf_sha256: str | None
    verify_url: str
    link: Link


class HandoverReading:
    """One per web process."""

    def __init__(
        self,
        database: Database,
        *,
        projects: ProjectService,
        assignments: AssignmentService,
        accounts: AccountService,
        links: CertificateLinks,
    ) -> None:
        """`database` speaks as role `web`."""
        self.database = database
        self.projects = projects
        self.assignments = assignments
        self.accounts = accounts
        self.links = links

    async def of_project(self, actor: Reader, project_id: str) -> ReadHandover:
        """The handover of a project, with a link to its certificate.

        Raises:
            NotFound: no such project of whoever asks, or it has not been handed over.
        """
        async with self.database.transaction(actor.scope) as session:
            project = await self._project(session, actor, project_id)
            row = await store.handover_of_project(session, project_id)
            if row is None:
                raise NotFound("This project has not been handed over.")
            mailbox = await self._mailbox(session, actor, project)
            link = await self.links.standing(
                session,
                reader=actor.key,
                certificate_id=row.certificate_id,
                organization_id=row.organization_id,
                project_id=project_id,
                mailbox=mailbox,
            )
        return ReadHandover(
            project_id=project_id,
            certificate_id=row.certificate_id,
            handed_over_at=row.handed_over_at,
            signed_by=row.signed_by,
            handover_notes=row.handover_notes,
            site_contact_name=row.site_contact_name,
            site_contact_email=row.site_contact_email,
            issued_at=row.issued_at,
            pdf_sha256=row.pdf_sha256,
            verify_url=self.links.verify_url(row.certificate_id),
            link=link,
        )

    async def _project(self, session: Session, actor: Reader, project_id: str) -> Project:
        if isinstance(actor, InstallerActor):
            return await self.projects.for_installer(session, actor, project_id)
        return await self.assignments.project_of(session, actor, project_id)

    async def _mailbox(self, session: Session, actor: Reader, project: Project) -> str:
        """Where the link's successor may be sent one day: a person's own mailbox, and the organisation's for all who act for it."""
        if isinstance(actor, OrganizationActor):
            return await self.accounts.organization_email(session, project.organization_id)
        return actor.email
