"""A whole small feature written the way every feature's pages are: a list that filters, a form, a confirmation. For whoever writes one.

Served at `/dev/ui/example`; it keeps nothing, so that it can be played with anywhere.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from sliproad.foundation.errors import Conflict, DomainError
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web.requests import RequestModel, Text
from sliproad.foundation.web.ui.answers import see_other
from sliproad.foundation.web.ui.forms import Form
from sliproad.foundation.web.ui.pages import Pages
from sliproad.foundation.web.ui.tables import Column, Table

PLACE = "/dev/ui/example"
PAGES = Pages()
CHARGERS = (
    {"serial": "ALP-300-0017", "model": "HYC300", "status": "available", "power_kw": 300},
    {"serial": "ALP-300-0018", "model": "HYC300", "status": "faulted", "power_kw": 300},
    {"serial": "KEBA-30-2204", "model": "P30 <x-series>", "status": "charging", "power_kw": 22},
)


class ChargerForm(RequestModel):
    """What the form asks for."""

    serial: Text
    power_kw: Annotated[int, Field(ge=1, le=1000)]
    note: Text | None = None


def router() -> APIRouter:
    """`/dev/ui/example` and what leads on from it."""
    web = APIRouter(include_in_schema=False)

    @web.get(PLACE)
    async def chargers(request: Request, words: Annotated[str, Query(max_length=100)] = "") -> Response:
        found = [each for each in CHARGERS if words.lower() in f"{each['serial']} {each['model']}".lower()]
        columns = [
            Column("serial", _("Serial number"), sorts=True),
            Column("model", _("Model")),
            Column("status", _("Status")),
            Column("power", _("Power"), sorts=True, is_number=True),
        ]
        table = Table(request, columns, found, total=len(found), target="results")
        name, is_descending = table.sort
        found.sort(key=lambda each: str(each.get(name, each["serial"])), reverse=is_descending)
        return PAGES.answer(request, "example.html", block="results", table=table, form=Form.blank(words=words))

    @web.get(f"{PLACE}/new")
    async def new(request: Request) -> Response:
        return PAGES.render(request, "example_new.html", form=Form.blank(power_kw=22))

    @web.post(f"{PLACE}/new")
    async def add(request: Request) -> Response:
        form = await Form.read(request, ChargerForm)
        if form.value is not None:
            try:
                _register(form.value)
            except DomainError as error:
                form.refuse(error)
            else:
                return see_other(request, PLACE, notice=_("%(serial)s is registered.") % {"serial": form.value.serial})
        return PAGES.render(request, "example_new.html", status_code=422, form=form)

    @web.get(f"{PLACE}/remove")
    async def ask(request: Request) -> Response:
        return PAGES.confirm(
            request,
            title=_("Remove the charger?"),
            text=_("Its settings stop working at once. This can't be undone."),
            action=f"{PLACE}/remove",
            button=_("Remove"),
            back=PLACE,
        )

    @web.post(f"{PLACE}/remove")
    async def remove(request: Request) -> Response:
        return see_other(request, PLACE, notice=_("The charger is removed."))

    return web


def _register(charger: ChargerForm) -> None:
    if any(each["serial"] == charger.serial for each in CHARGERS):
        raise Conflict(_("There is a charger with this serial number already."))
