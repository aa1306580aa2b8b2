"""Where a commissioning begins: which template, and what it will do. And where another template is put into a charger.

`session_pages` shows the form where nothing was ever started.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from sliproad.features.accounts.model import InstallerActor
from sliproad.features.accounts.page_guards import InstallerPage
from sliproad.features.commissioning.apply_template_service import Applied, ApplyTemplateService
from sliproad.features.commissioning.charge_point_frame import PAGES
from sliproad.features.commissioning.glance import Glance, Glances
from sliproad.features.commissioning.model import Options
from sliproad.features.commissioning.routes import ChargePointId
from sliproad.features.commissioning.sentences import told
from sliproad.features.commissioning.service import CommissioningService
from sliproad.features.commissioning.step_words import StepWords, words_of
from sliproad.features.commissioning.templates import Setting
from sliproad.features.commissioning.templates_service import Offered, TemplateService
from sliproad.features.commissioning.workflow import begin, estimated_duration_seconds
from sliproad.foundation.clock import Clock
from sliproad.foundation.errors import DomainError, NotFound
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web import RequestModel, live
from sliproad.foundation.web.ui import Form, see_other

PLACE = "/installer/charge-points/{charge_point_id}/commissioning"


class StartForm(RequestModel):
    """What a start is told."""

    template_id: Annotated[str, Field(max_length=64)]
    with_test_transaction: bool = False
    with_meter_calibration: bool = False
    notes: Annotated[str | None, Field(max_length=4000)] = None


class TemplateForm(RequestModel):
    """Which template is put into the charger."""

    template_id: Annotated[str, Field(max_length=64)]


@dataclass(frozen=True, slots=True)
class TemplateView:
    """A template that may be chosen, and what it will do to this charger."""

    template_id: str
    name: str
    description: str
    is_default: bool
    is_own: bool
    steps: list[StepWords]
    settings: Sequence[Setting]
    estimated_seconds: int
    version: str
    """The OCPP version that the settings are for."""


@dataclass(frozen=True, slots=True)
class StartPages:
    """What these pages are made of; one per web process."""

    service: CommissioningService
    templates: TemplateService
    applying: ApplyTemplateService
    glances: Glances
    clock: Clock

    async def form(
        self, request: Request, actor: InstallerActor, charge_point_id: str, form: Form[StartForm] | None = None
    ) -> Response:
        """The page to start from; with a `form` that was refused, as it was filled in.

        Raises:
            NotFound: no such charge point of this installer.
        """
        glance, offered = await self.offered(actor, charge_point_id)
        status = 200 if form is None else 422
        if form is None:
            default = next(one.template_id for one in offered if one.is_default)
            form = Form.blank(template_id=default, with_test_transaction="true")
        return PAGES.render(request, "start.html", status_code=status, glance=glance, offered=offered, form=form)

    async def offered(self, actor: InstallerActor, charge_point_id: str) -> tuple[Glance, list[TemplateView]]:
        """The charge point and its templates, the default first."""
        glance = await self.glances.of(actor, charge_point_id)
        found = await self.templates.for_installer(actor, charge_point_id)
        views = [self._view(glance, one) for one in found]
        return glance, sorted(views, key=lambda view: not view.is_default)

    def _view(self, glance: Glance, offered: Offered) -> TemplateView:
        template = offered.template
        version = glance.live.protocol_version or glance.charge_point.ocpp_version
        session = begin("", template, Options(), "", self.clock.now())
        return TemplateView(
            template_id=template.template_id,
            name=template.name,
            description=_(template.description) if template.is_shipped else template.description,
            is_default=bool(offered.is_default),
            is_own=not template.is_shipped,
            steps=[words_of(step.name) for step in session.steps if step.status != "skipped"],
            settings=template.settings_for(version),
            estimated_seconds=estimated_duration_seconds(session),
            version=version,
        )


def router(pages: StartPages) -> APIRouter:
    """Start, and apply a template."""
    web = APIRouter(include_in_schema=False)

    @web.get(f"{PLACE}/start")
    async def choose(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        return await pages.form(request, actor, charge_point_id)

    @web.get(f"{PLACE}/start/live")
    async def follow(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        async def look() -> live.Look:
            glance = await pages.glances.of(actor, charge_point_id)
            return live.Look(PAGES.fragments(request, "start.html", "connection", glance=glance))

        return await live.answer(request, look)

    @web.post(f"{PLACE}/start")
    async def start(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        form = await Form.read(request, StartForm)
        if form.value is not None:
            wanted = form.value
            options = Options(
                skip_test_transaction=not wanted.with_test_transaction,
                run_meter_calibration=wanted.with_meter_calibration,
            )
            try:
                await pages.service.start(
                    actor, charge_point_id, options, template_id=wanted.template_id, notes=wanted.notes
                )
            except NotFound:
                raise
            except DomainError as error:
                if error.code == "session_already_running":
                    return see_other(request, PLACE.format(charge_point_id=charge_point_id), notice=told(error.detail))
                form.general.append(told(error.detail))
            else:
                return see_other(request, PLACE.format(charge_point_id=charge_point_id))
        return await pages.form(request, actor, charge_point_id, form)

    _add_template(web, pages)
    return web


def _add_template(web: APIRouter, pages: StartPages) -> None:
    """`…/template`: another template is written to the charger now; a session that runs goes on with it."""

    async def page(
        request: Request, actor: InstallerActor, charge_point_id: str, form: Form[TemplateForm], **more: Any
    ) -> Response:
        glance, offered = await pages.offered(actor, charge_point_id)
        status = 422 if form.is_refused else 200
        return PAGES.render(
            request, "template.html", status_code=status, glance=glance, offered=offered, form=form,
            **{"applied": None} | more,
        )  # fmt: skip

    @web.get(f"{PLACE}/template")
    async def choose(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        return await page(request, actor, charge_point_id, Form.blank())

    @web.post(f"{PLACE}/template")
    async def apply(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        form = await Form.read(request, TemplateForm)
        applied: Applied | None = None
        if form.value is not None:
            try:
                applied = await pages.applying.apply(actor, charge_point_id, form.value.template_id)
            except NotFound:
                raise
            except DomainError as error:
                form.general.append(told(error.detail))
        return await page(request, actor, charge_point_id, form, applied=applied)
