"""`/installer/projects/{project_id}/handover`: the checklist, the signature and the handover on one page; then its certificate."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field, TypeAdapter, ValidationError, field_validator
from starlette.responses import Response

from sliproad.features.accounts.model import InstallerActor
from sliproad.features.accounts.page_guards import InstallerPage
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.handover.model import Declaration
from sliproad.features.handover.pages import PAGES
from sliproad.features.handover.reading import HandoverReading
from sliproad.features.handover.routes import HandoverRequest
from sliproad.features.handover.service import HandoverService
from sliproad.features.handover.signature import Signature, strokes_of
from sliproad.features.projects.checklist_service import ChecklistService
from sliproad.features.projects.model import Checklist, ChecklistItem, ProjectOverview, Tick
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.errors import Conflict, DomainError, NotAllowed, NotFound
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web import RequestModel, live
from sliproad.foundation.web.ui import Form, see_other

PLACE = "/installer/projects/{project_id}/handover"
DRAWING: TypeAdapter[Signature] = TypeAdapter(Signature)


class TicksForm(RequestModel):
    """Which items are ticked, and which were when the page was made: others may have ticked more since."""

    ticked: list[str] = Field(default=[], max_length=2000)
    shown: list[str] = Field(default=[], max_length=2000)


class HandoverForm(HandoverRequest, TicksForm):
    """The checklist as it stands on the page, and what is said when handing over."""

    signed_by_strokes: Annotated[str, Field(max_length=500_000)] = "[]"
    """The drawing as JSON."""

    @field_validator("signed_by_strokes")
    @classmethod
    def be_a_drawing(cls, value: str) -> str:
        """Scripts of ours write it."""
        try:
            DRAWING.validate_json(value)
        except ValidationError:
            raise ValueError("must be strokes of points [x, y]") from None
        return value


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the checklist: a charge point's items, or, without one, those of the whole project."""

    charge_point: ChargePoint | None
    items: Sequence[ChecklistItem]


@dataclass(frozen=True, slots=True)
class HandoverPages:
    """What these pages are made of; one per web process."""

    service: HandoverService
    reading: HandoverReading
    projects: ProjectService
    checklists: ChecklistService

    async def open_project(
        self, request: Request, actor: InstallerActor, project_id: str, form: Form[Any] | None = None
    ) -> Response:
        """The page before the handover; with a `form` that was refused, as it was filled in.

        Raises:
            NotFound: no such project of this installer.
        """
        overview, charge_points = await self.projects.installer_view(actor, project_id)
        if overview.project.is_handed_over:
            return await self.handed_over(request, actor, overview)
        checklist = await self.checklists.read(actor, project_id)
        ticked = {place_of(item) for item in checklist.items if item.done}
        if form is not None and "shown" in form.several:
            ticked = set(form.several.get("ticked", []))
        return PAGES.render(
            request,
            "handover.html",
            status_code=422 if form is not None and form.is_refused else 200,
            form=form or Form.blank(signed_by=actor.full_name),
            overview=overview,
            groups=in_groups(checklist, charge_points),
            ticked=ticked,
            place_of=place_of,
            checklist=checklist,
            uncommissioned=[each for each in charge_points if each.commissioning_status != "completed"],
            unregistered=max(overview.project.charge_points_expected, 1) - len(charge_points),
        )

    async def handed_over(self, request: Request, actor: InstallerActor, overview: ProjectOverview) -> Response:
        """The page after the handover: the certificate."""
        project_id = overview.project.project_id
        done = await self.reading.of_project(actor, project_id)
        return PAGES.render(request, "handed_over.html", overview=overview, done=done, project_id=project_id)

    async def tick(self, actor: InstallerActor, project_id: str, form: TicksForm) -> None:
        """Write what was ticked or unticked on this page.

        Raises:
            Conflict: `project_handed_over`.
        """
        checklist = await self.checklists.read(actor, project_id)
        if ticks := changes(checklist, set(form.ticked), set(form.shown)):
            await self.checklists.write(actor, project_id, ticks)


def router(pages: HandoverPages) -> APIRouter:
    """Look, tick, hand over, have the certificate mailed."""
    web = APIRouter(include_in_schema=False)

    @web.get(PLACE)
    async def show(request: Request, actor: InstallerPage, project_id: str) -> Response:
        return await pages.open_project(request, actor, project_id)

    @web.post(f"{PLACE}/checklist")
    async def tick(request: Request, actor: InstallerPage, project_id: str) -> Response:
        form = await Form.read(request, TicksForm)
        if form.value is not None:
            try:
                await pages.tick(actor, project_id, form.value)
            except Conflict as error:
                form.refuse(error)
            else:
                return see_other(request, PLACE.format(project_id=project_id), notice=_("The checklist is saved."))
        return await pages.open_project(request, actor, project_id, form)

    @web.post(PLACE)
    async def hand_over(request: Request, actor: InstallerPage, project_id: str) -> Response:
        form = await Form.read(request, HandoverForm)
        if form.value is not None:
            try:
                await pages.tick(actor, project_id, form.value)
                await pages.service.complete(actor, project_id, declaration_of(form.value))
            except NotFound:
                raise
            except NotAllowed:
                form.general.append(_("Not yet: something is still missing. It is listed below."))
            except DomainError as error:
                form.refuse(error)
            else:
                return see_other(request, PLACE.format(project_id=project_id), notice=_("Handed over."))
        return await pages.open_project(request, actor, project_id, form)

    _add_certificate(web, pages)
    return web


def _add_certificate(web: APIRouter, pages: HandoverPages) -> None:
    @web.get(f"{PLACE}/live")
    async def follow(request: Request, actor: InstallerPage, project_id: str) -> Response:
        async def look() -> live.Look:
            done = await pages.reading.of_project(actor, project_id)
            html = PAGES.fragments(request, "handed_over.html", "certificate", done=done, project_id=project_id)
            return live.Look(html, is_over=done.issued_at is not None)

        return await live.answer(request, look)

    @web.post(f"{PLACE}/mail")
    async def mail(request: Request, actor: InstallerPage, project_id: str) -> Response:
        done = await pages.reading.of_project(actor, project_id)
        await pages.service.mail_link(done.certificate_id, actor.email)
        notice = _("A link to the certificate is on its way to %(mailbox)s.") % {"mailbox": actor.email}
        return see_other(request, PLACE.format(project_id=project_id), notice=notice)


def place_of(item: ChecklistItem) -> str:
    """An item's name on the page, with its charge point where it has one."""
    return item.item if item.charge_point_id is None else f"{item.item}@{item.charge_point_id}"


def changes(checklist: Checklist, ticked: set[str], shown: set[str]) -> list[Tick]:
    """What whoever sent the page changed of it; what they left alone stays as others may have set it since."""
    return [
        Tick(item.item, place_of(item) in ticked, item.charge_point_id, item.note, item.photo_url)
        for item in checklist.items
        if not item.by_platform and item.applicable and (place_of(item) in ticked) != (place_of(item) in shown)
    ]


def in_groups(checklist: Checklist, charge_points: Iterable[ChargePoint]) -> list[Group]:
    """The checklist by charge point, and what is of the whole project at the end."""
    applicable = [item for item in checklist.items if item.applicable]
    groups = [
        Group(charge_point, [item for item in applicable if item.charge_point_id == charge_point.charge_point_id])
        for charge_point in charge_points
    ]
    return [*groups, Group(None, [item for item in applicable if item.charge_point_id is None])]


def declaration_of(form: HandoverForm) -> Declaration:
    """What the form says when handing over."""
    return Declaration(
        form.signed_by,
        form.handover_notes,
        form.site_contact_name,
        form.site_contact_email,
        strokes_of(DRAWING.validate_json(form.signed_by_strokes)),
    )
