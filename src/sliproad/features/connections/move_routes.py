"""What belongs to the native move under OPER's paths: the operator confirms an arrival; the settings sheet to print."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from sliproad.features.connections.answers import StateAnswer, state_answer
from sliproad.features.connections.applying import ConnectionApplying
from sliproad.features.connections.moving import Moving
from sliproad.features.connections.routes import PREFIX, Own, SerialNumber
from sliproad.features.connections.settings_sheet.document import settings_sheet_pdf
from sliproad.features.connections.sheets import SettingsSheets

PDF = "application/pdf"


def router(applying: ConnectionApplying, moving: Moving, sheets: SettingsSheets) -> APIRouter:
    """An extension of OPER."""
    api = APIRouter(prefix=f"{PREFIX}/connections/chargers/{{serial_number}}", tags=["operator connections"])

    @api.post("/confirm")
    async def confirm_arrival(actor: Own, serial_number: SerialNumber) -> StateAnswer:
        """Say that a charger that was moved natively has arrived at your server: that is the proof of its move."""
        async with applying.database.transaction(actor.scope) as session:
            charge_point = await applying.find(session, actor, serial_number)
        await moving.confirm(charge_point.key, actor.operator_id, actor.actor_id)
        return state_answer(await applying.state_of_charger(actor, serial_number))

    @api.get("/settings-sheet", response_class=Response, responses={200: {"content": {PDF: {}}}})
    async def settings_sheet(
        actor: Own,
        serial_number: SerialNumber,
        to: Annotated[
            Literal["operator", "platform"], Query(description="Your server, or this platform for the way back.")
        ] = "operator",
    ) -> Response:
        """A page to print with what is to be entered in a charger by hand. Your password only for a key that may see secrets."""
        make = sheets.of_platform if to == "platform" else sheets.of_operator
        sheet = await make(actor, serial_number)
        headers = {
            "Content-Disposition": f'inline; filename="settings-{sheet.charge_point_id}.pdf"',
            "Cache-Control": "no-store",
        }
        return Response(await settings_sheet_pdf(sheet), media_type=PDF, headers=headers)

    return api
