"""REST of `apply-template`, as the reference has it."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from sliproad.features.accounts.guards import Installer
from sliproad.features.commissioning.apply_template_service import ApplyTemplateService
from sliproad.foundation.web import RequestModel, Timestamp


class ApplyRequest(RequestModel):
    template_id: Annotated[str, Field(max_length=64, examples=["tpl_standard_ac_22kw"])]


class AppliedAnswer(BaseModel):
    charge_point_id: str
    template_id: str
    applied_keys: int
    """How many of the template's keys hold now, or will after the next restart."""
    rejected_keys: list[str]
    """Keys that were not applied, mostly because the firmware does not support them."""
    unsupported_keys: list[str]
    """Those of them that the firmware does not know."""
    pending_reboot: bool
    """Some of the applied keys take effect when the charge point restarts."""
    applied_at: Timestamp
    version: int


def router(service: ApplyTemplateService) -> APIRouter:
    """The route of `apply-template`."""
    api = APIRouter(prefix="/api/v1/installer/commissioning", tags=["commissioning"])

    @api.post("/{charge_point_id}/apply-template")
    async def apply(
        actor: Installer,
        charge_point_id: Annotated[str, Path(max_length=64, examples=["CP-SITE42-001"])],
        body: ApplyRequest,
    ) -> AppliedAnswer:
        """Write a template's keys to a connected charge point now; a session that runs goes on with that template."""
        applied = await service.apply(actor, charge_point_id, body.template_id)
        return AppliedAnswer(
            charge_point_id=applied.charge_point_id,
            template_id=applied.template.template_id,
            applied_keys=len(applied.applied_keys),
            rejected_keys=list(applied.rejected_keys),
            unsupported_keys=list(applied.unsupported_keys),
            pending_reboot=applied.pending_reboot,
            applied_at=applied.applied_at,
            version=applied.template.version,
        )

    return api
