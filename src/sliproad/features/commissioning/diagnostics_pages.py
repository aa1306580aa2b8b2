"""`/installer/charge-points/{id}/diagnostics`: what a charge point says of itself, asked anew on request; its own log; its firmware."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from sliproad.features.accounts.model import InstallerActor
from sliproad.features.accounts.page_guards import InstallerPage
from sliproad.features.commissioning.charge_point_frame import PAGES
from sliproad.features.commissioning.diagnostics_service import DiagnosticsService
from sliproad.features.commissioning.diagnostics_view import view_of
from sliproad.features.commissioning.glance import Glances
from sliproad.features.commissioning.routes import ChargePointId
from sliproad.features.commissioning.sentences import told
from sliproad.features.firmware.uploads_service import UploadService
from sliproad.foundation.errors import Conflict
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web import live
from sliproad.foundation.web.ui import see_other

PLACE = "/installer/charge-points/{charge_point_id}/diagnostics"
BLOCKS = ("asking", "report", "uploads", "firmware")


def router(diagnostics: DiagnosticsService, uploads: UploadService, glances: Glances) -> APIRouter:
    """The page, its live parts, and the request to ask anew. Logs are fetched by `firmware.uploads_pages`."""
    web = APIRouter(include_in_schema=False)

    async def seen(actor: InstallerActor, charge_point_id: str) -> dict[str, Any]:
        glance = await glances.of(actor, charge_point_id)
        report = await diagnostics.read(actor, charge_point_id, waits=False)
        connectors, update = await glances.hardware(actor, charge_point_id)
        view = view_of(report, connectors, await uploads.uploads(actor, charge_point_id), update)
        return {"glance": glance, "view": view}

    @web.get(PLACE)
    async def show(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        return PAGES.render(request, "diagnostics.html", **await seen(actor, charge_point_id))

    @web.get(f"{PLACE}/live")
    async def follow(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        async def look() -> live.Look:
            context = await seen(actor, charge_point_id)
            html = PAGES.fragments(request, "diagnostics.html", *BLOCKS, **context)
            return live.Look(html, is_over=not context["view"].is_moving)

        return await live.answer(request, look)

    @web.post(f"{PLACE}/refresh")
    async def refresh(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        notice, tone = _("The charger is asked."), "good"
        try:
            await diagnostics.refresh(actor, charge_point_id)
        except Conflict as error:
            notice, tone = told(error.detail), "warning"
        return see_other(request, PLACE.format(charge_point_id=charge_point_id), notice=notice, tone=tone)

    return web
