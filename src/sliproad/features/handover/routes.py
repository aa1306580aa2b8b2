"""`POST /api/v1/installer/projects/{project_id}/complete-handover`: GUIDE's last step."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints, field_validator

from sliproad.features.accounts.guards import Installer
from sliproad.features.handover.model import Declaration
from sliproad.features.handover.service import HandoverService
from sliproad.features.handover.signature import Signature, strokes_of
from sliproad.foundation.mail import is_address
from sliproad.foundation.web import RequestModel, Text, Timestamp

LONGEST_NOTES = 4000


class HandoverRequest(RequestModel):
    signed_by: Annotated[Text, Field(examples=["Alex Technician"])]
    handover_notes: Annotated[str | None, StringConstraints(max_length=LONGEST_NOTES)] = None
    site_contact_name: Text | None = None
    site_contact_email: Annotated[str | None, Field(max_length=254, examples=["s.owen@riversidebp.co.uk"])] = None
    signature: Signature = Field(default=[])
    """What the installer drew with a finger; it is on the certificate, above the name in `signed_by`."""

    @field_validator("site_contact_email")
    @classmethod
    def be_an_address(cls, value: str | None) -> str | None:
        """The certificate is mailed there."""
        if value is not None and not is_address(value):
            raise ValueError("must be an e-mail address")
        return value


class HandoverAnswer(BaseModel):
    project_id: str
    status: Literal["handed_over"]
    handover_certificate_url: str
    """Works for 90 days; whoever has it may download."""
    handed_over_at: Timestamp
    certificate_id: str
    verify_url: str
    """Tells anyone whether the certificate is genuine."""


def router(service: HandoverService) -> APIRouter:
    """The routes of handovers."""
    api = APIRouter(prefix="/api/v1/installer/projects", tags=["Handover"])

    @api.post("/{project_id}/complete-handover")
    async def complete_handover(actor: Installer, project_id: str, body: HandoverRequest) -> HandoverAnswer:
        """Hand the project over to the site owner. Installers can't change it afterwards.

        `403 handover_not_ready` lists what is `missing`; `409 project_handed_over` when it was handed over before.
        """
        declaration = Declaration(**body.model_dump() | {"signature": strokes_of(body.signature)})
        done = await service.complete(actor, project_id, declaration)
        return HandoverAnswer(
            project_id=done.project_id,
            status="handed_over",
            handover_certificate_url=done.certificate_url,
            handed_over_at=done.handed_over_at,
            certificate_id=done.certificate_id,
            verify_url=done.verify_url,
        )

    return api
