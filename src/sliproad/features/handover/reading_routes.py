"""`GET …/projects/{project_id}/handover`: the organisation, the site's owner and the installer fetch a certificate again."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from sliproad.features.accounts.guards import Installer, SiteOwner, Viewer
from sliproad.features.handover.reading import HandoverReading, ReadHandover
from sliproad.foundation.web import Timestamp


class HandoverReadAnswer(BaseModel):
    project_id: str
    certificate_id: str = Field(examples=["cert_5k8m2p4r6t9v1x3z7b0d"])
    handed_over_at: Timestamp
    signed_by: str
    handover_notes: str | None
    site_contact_name: str | None
    site_contact_email: str | None
    issued_at: Timestamp | None
    """When the certificate was signed; null for the moment until then, in which the link says so."""
    pdf_sha256: str | None
    handover_certificate_url: str
    """Whoever has it may download, until `link_expires_at`; the same for a month, then another."""
    link_expires_at: Timestamp
    verify_url: str
    """Tells anyone whether the certificate is genuine."""


def router(reading: HandoverReading) -> APIRouter:
    """The routes that read handovers."""
    api = APIRouter(prefix="/api/v1", tags=["Handover"])

    @api.get("/cpo/projects/{project_id}/handover")
    async def read_as_organization(actor: Viewer, project_id: str) -> HandoverReadAnswer:
        """The handover of one of the organisation's projects, with a link to its certificate.

        `404 not_found` before the handover.
        """
        return _answer(await reading.of_project(actor, project_id))

    @api.get("/site-owner/projects/{project_id}/handover", tags=["Site owner"])
    async def read_as_site_owner(actor: SiteOwner, project_id: str) -> HandoverReadAnswer:
        """The handover of a project on one of your sites, with a link to its certificate.

        `404 not_found` before the handover.
        """
        return _answer(await reading.of_project(actor, project_id))

    @api.get("/installer/projects/{project_id}/handover")
    async def read_as_installer(actor: Installer, project_id: str) -> HandoverReadAnswer:
        """The handover of a project that you work on, should the answer that told of it have been lost.

        `404 not_found` before the handover.
        """
        return _answer(await reading.of_project(actor, project_id))

    return api


def _answer(found: ReadHandover) -> HandoverReadAnswer:
    return HandoverReadAnswer(
        project_id=found.project_id,
        certificate_id=found.certificate_id,
        handed_over_at=found.handed_over_at,
        signed_by=found.signed_by,
        handover_notes=found.handover_notes,
        site_contact_name=found.site_contact_name,
        site_contact_email=found.site_contact_email,
        issued_at=found.issued_at,
        pdf_sha256=found.pdf_sha256,
        handover_certificate_url=found.link.url,
        link_expires_at=found.link.expires_at,
        verify_url=found.verify_url,
    )
