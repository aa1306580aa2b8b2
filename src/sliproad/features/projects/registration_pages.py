"""Registering a charge point by hand: `/installer/projects/{project_id}/register`, and correcting what was registered.

The answer to a registration is the page with the settings to enter: its password is shown this once. Sent twice, the same page comes
again (`foundation.web.repeated_forms`).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from sliproad.features.accounts.model import InstallerActor
from sliproad.features.accounts.page_guards import InstallerPage
from sliproad.features.charge_points.model import ChargePoint, Location, NewChargePoint, Selection
from sliproad.features.projects.charge_point_pages import ChargePointPages
from sliproad.features.projects.pages import PAGES
from sliproad.features.projects.ports import KnownModels
from sliproad.features.projects.registration import RegistrationService
from sliproad.features.projects.registration_routes import Connectors, OcppVersionWord, Power, address_of, decimal
from sliproad.features.projects.sentences import told
from sliproad.foundation.errors import Conflict, DomainError, NotFound
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web import Label, Page, RequestModel, Text
from sliproad.foundation.web.ui import Form, see_other

MOST_LOOKED_AT = 100
"""So many charge points of the installer's own are looked at for vendors and models to suggest."""
FIELD_OF = {"charge_point_exists": "charge_point_id", "serial_number_exists": "serial_number"}


def _point(typed: Any) -> Any:
    """A number as half of Europe writes it."""
    return typed.replace(",", ".") if isinstance(typed, str) else typed


class RegistrationForm(RequestModel):
    """What is on the type plate, and where it stands."""

    serial_number: Label
    vendor: Label
    model: Label
    ocpp_version: OcppVersionWord
    connector_count: Connectors
    max_power_kw: Annotated[Power | None, BeforeValidator(_point)] = None
    place: Text | None = None
    charge_point_id: Text | None = None


class CorrectionForm(RequestModel):
    """The same without the identity, which stays."""

    serial_number: Label
    vendor: Label
    model: Label
    ocpp_version: OcppVersionWord
    connector_count: Connectors
    max_power_kw: Annotated[Power | None, BeforeValidator(_point)] = None
    place: Text | None = None


def router(of: ChargePointPages, known: KnownModels) -> APIRouter:
    """The forms."""
    web = APIRouter(include_in_schema=False)
    _add_registration(web, of, known)
    _add_correction(web, of.registration, known)
    return web


def _add_registration(web: APIRouter, of: ChargePointPages, known: KnownModels) -> None:
    registration = of.registration
    path = "/installer/projects/{project_id}/register"

    @web.get(path)
    async def ask(
        request: Request, actor: InstallerPage, project_id: str, like: Annotated[str, Query(max_length=64)] = ""
    ) -> Response:
        typed = await _like(registration, actor, like)
        return await _page(request, actor, project_id, Form.blank(**typed))

    @web.post(path)
    async def register(request: Request, actor: InstallerPage, project_id: str) -> Response:
        form = await Form.read(request, RegistrationForm)
        existing = None
        if form.value is not None:
            new = _new(form.value, project_id)
            try:
                made = await registration.register(actor, new, address_of(request))
            except NotFound:
                raise
            except DomainError as error:
                existing = await _refuse(registration, actor, form, error)
            else:
                return await of.registered(request, actor, made, is_new=True)
        return await _page(request, actor, project_id, form, status_code=422, existing=existing)

    async def _page(
        request: Request,
        actor: InstallerActor,
        project_id: str,
        form: Form[Any],
        *,
        status_code: int = 200,
        existing: str | None = None,
    ) -> Response:
        overview, _charge_points = await of.projects.installer_view(actor, project_id)
        if overview.project.is_handed_over:
            raise Conflict(
                "This project has been handed over; nothing in it can be changed.", code="project_handed_over"
            )
        models = await suggestions(registration, actor, known)
        return PAGES.render(
            request, "register.html", status_code=status_code,
            form=form, overview=overview, models=models, existing=existing, action=request.url.path,
        )  # fmt: skip


def _add_correction(web: APIRouter, registration: RegistrationService, known: KnownModels) -> None:
    path = "/installer/charge-points/{charge_point_id}/edit"

    @web.get(path)
    async def show(request: Request, actor: InstallerPage, charge_point_id: str) -> Response:
        charge_point = (await registration.get(actor, charge_point_id)).charge_point
        return await _page(request, actor, charge_point, Form.blank(**_typed(charge_point)))

    @web.post(path)
    async def correct(request: Request, actor: InstallerPage, charge_point_id: str) -> Response:
        form = await Form.read(request, CorrectionForm)
        if form.value is not None:
            changes = form.value.model_dump(exclude={"place"})
            changes["max_power_kw"] = decimal(form.value.max_power_kw, 3)
            changes["location"] = {"description": form.value.place}
            try:
                await registration.change(actor, charge_point_id, changes)
            except NotFound:
                raise
            except DomainError as error:
                await _refuse(registration, actor, form, error)
            else:
                return see_other(request, f"/installer/charge-points/{charge_point_id}", notice=_("Saved."))
        charge_point = (await registration.get(actor, charge_point_id)).charge_point
        return await _page(request, actor, charge_point, form, status_code=422)

    async def _page(
        request: Request, actor: InstallerActor, charge_point: ChargePoint, form: Form[Any], *, status_code: int = 200
    ) -> Response:
        models = await suggestions(registration, actor, known)
        return PAGES.render(
            request, "correct.html", status_code=status_code, form=form, charge_point=charge_point, models=models
        )


async def suggestions(
    registration: RegistrationService, actor: InstallerActor, known: KnownModels
) -> list[tuple[str, str]]:
    """(vendor, model) that the installer may be about to type: those registered last, then those that templates are for."""
    found = await registration.page(actor, Selection(), Page(MOST_LOOKED_AT))
    own = [(each.charge_point.vendor, each.charge_point.model) for each in found.items]
    return list(dict.fromkeys([*own, *await known.known_models(actor)]))


async def _like(registration: RegistrationService, actor: InstallerActor, charge_point_id: str) -> dict[str, Any]:
    """What the next one has in common with a charge point just registered: chargers come by the pallet."""
    if charge_point_id:
        try:
            typed = _typed((await registration.get(actor, charge_point_id)).charge_point)
        except NotFound:
            pass
        else:
            return typed | {"serial_number": "", "place": ""}
    return {"ocpp_version": "1.6", "connector_count": 1}


def _typed(charge_point: ChargePoint) -> dict[str, Any]:
    power = charge_point.max_power_kw
    names = ("serial_number", "vendor", "model", "ocpp_version", "connector_count")
    return {name: getattr(charge_point, name) for name in names} | {
        "max_power_kw": None if power is None else f"{power.normalize():f}",
        "place": charge_point.location.description,
    }


async def _refuse(
    registration: RegistrationService, actor: InstallerActor, form: Form[Any], error: DomainError
) -> str | None:
    """Say it beside the field. Where the serial number is registered in a project of theirs: the id of that charge point."""
    for wrong in getattr(error, "errors", ()):
        form.fail(wrong.field, told(wrong.message))
    name = FIELD_OF.get(error.code)
    if form.is_refused:
        return None
    if name is None:
        form.general.append(told(error.detail))
        return None
    form.fail(name, told(error.detail))
    if name != "serial_number":
        return None
    selection = Selection(serial_number=form.value.serial_number if form.value else "")
    found = await registration.page(actor, selection, Page(1))
    return found.items[0].charge_point.charge_point_id if found.items else None


def _new(form: RegistrationForm, project_id: str) -> NewChargePoint:
    return NewChargePoint(
        project_id=project_id,
        serial_number=form.serial_number,
        vendor=form.vendor,
        model=form.model,
        ocpp_version=form.ocpp_version,
        connector_count=form.connector_count,
        max_power_kw=decimal(form.max_power_kw, 3),
        location=Location(description=form.place),
        charge_point_id=form.charge_point_id,
    )
