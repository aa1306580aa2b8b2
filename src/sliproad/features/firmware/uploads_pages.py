"""What an installer's diagnostics page (of `commissioning`, a later room) sends and downloads of a charge point's own log."""

from typing import Literal

from fastapi import APIRouter, Request
from starlette.responses import Response

from sliproad.features.accounts.page_guards import InstallerPage
from sliproad.features.firmware.sentences import told
from sliproad.features.firmware.uploads_routes import ChargePointId, UploadId, file_response
from sliproad.features.firmware.uploads_service import UploadService
from sliproad.foundation.errors import Conflict
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web import RequestModel
from sliproad.foundation.web.ui import Form, see_other

PLACE = "/installer/charge-points/{charge_point_id}/diagnostics"


class FetchForm(RequestModel):
    """Which log is fetched."""

    log_type: Literal["diagnostics", "security"] = "diagnostics"


def router(service: UploadService) -> APIRouter:
    """`…/diagnostics/upload` and `…/diagnostics/uploads/{upload_id}/file`."""
    web = APIRouter(include_in_schema=False)

    @web.post(f"{PLACE}/upload")
    async def fetch(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        form = await Form.read(request, FetchForm)
        wanted = form.value or FetchForm()
        notice, tone = _("The charger is asked for its log."), "good"
        try:
            await service.request(actor, charge_point_id, log_type=wanted.log_type, oldest_at=None, latest_at=None)
        except Conflict as error:
            notice, tone = told(error.detail), "warning"
        return see_other(request, PLACE.format(charge_point_id=charge_point_id), notice=notice, tone=tone)

    @web.get(f"{PLACE}/uploads/{{upload_id}}/file")
    async def download(actor: InstallerPage, charge_point_id: ChargePointId, upload_id: UploadId) -> Response:
        return file_response(await service.file(actor, charge_point_id, upload_id))

    return web
