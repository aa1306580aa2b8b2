"""`/owner/charge-points/{id}/faults`: the owner of a site reports what is wrong with a charger after the handover, follows it, adds to it.

A fault is an issue (`issues_service`): the organisation that runs the charger gets the same mail, webhook and API as of an installer's.
The list stands on the page of the project (`handover.owner_pages`).
"""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from sliproad.features.accounts.model import SiteOwnerActor
from sliproad.features.accounts.page_guards import SiteOwnerPage
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.commissioning.charge_point_frame import PAGES
from sliproad.features.commissioning.issues import SHORTEST_DESCRIPTION
from sliproad.features.commissioning.issues_pages import CommentForm
from sliproad.features.commissioning.issues_routes import IssueId
from sliproad.features.commissioning.issues_service import IssueService
from sliproad.features.commissioning.issues_view import FAULT_CATEGORIES, SEVERITIES, view_of
from sliproad.features.commissioning.photos_routes import PhotoId, jpeg_answer
from sliproad.features.commissioning.photos_service import PhotoService
from sliproad.features.commissioning.report_form import LARGEST_FORM_BYTES, Filled, ReportForm, report
from sliproad.features.commissioning.routes import ChargePointId
from sliproad.features.projects.model import Project
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web.ui import Form, see_other

PATH = "/owner/charge-points/{charge_point_id}"
PLACE = f"{PATH}/faults"
LARGER_BODIES = {r"/owner/charge-points/[^/]+/faults$": LARGEST_FORM_BYTES}


@dataclass(frozen=True, slots=True)
class FaultsPages:
    """What these pages are made of; one per web process."""

    issues: IssueService
    photos: PhotoService

    async def of(self, actor: SiteOwnerActor, charge_point_id: str) -> tuple[ChargePoint, Project]:
        """The charge point, and the project of which it is.

        Raises:
            NotFound: not on one of their sites.
        """
        async with self.issues.database.transaction(actor.scope) as session:
            charge_point = await self.issues.reach.charge_point(session, actor, charge_point_id)
            return charge_point, await self.issues.reach.project(session, actor, charge_point.project_id)

    async def blank(self, request: Request, actor: SiteOwnerActor, charge_point_id: str, filled: Filled) -> Response:
        """The page to report on; where `filled` was refused, as it was filled in, with the photos that arrived.

        Raises:
            NotFound: not on one of their sites.
        """
        charge_point, project = await self.of(actor, charge_point_id)
        return PAGES.render(
            request,
            "fault_new.html",
            status_code=422 if filled.form.is_refused else 200,
            here=PATH.format(charge_point_id=charge_point_id),
            charge_point=charge_point,
            project=project,
            form=filled.form,
            arrived=filled.arrived,
            categories=[(word, _(text)) for word, text in FAULT_CATEGORIES.items()],
            severities=[(word, text, None) for word, text in SEVERITIES.items()],
            shortest=SHORTEST_DESCRIPTION,
        )

    async def show(
        self, request: Request, actor: SiteOwnerActor, charge_point_id: str, issue_id: str, form: Form[Any]
    ) -> Response:
        """A fault, and what was said and done about it.

        Raises:
            NotFound: not on one of their sites, or no fault that an owner reported.
        """
        charge_point, project = await self.of(actor, charge_point_id)
        return PAGES.render(
            request,
            "fault.html",
            status_code=422 if form.is_refused else 200,
            here=PATH.format(charge_point_id=charge_point_id),
            charge_point=charge_point,
            project=project,
            view=view_of(await self.issues.read(actor, charge_point_id, issue_id)),
            form=form,
        )


def router(pages: FaultsPages) -> APIRouter:
    """The report, a fault and what is said to it, and the photos."""
    web = APIRouter(include_in_schema=False)

    @web.get(f"{PLACE}/new")
    async def ask(request: Request, actor: SiteOwnerPage, charge_point_id: ChargePointId) -> Response:
        return await pages.blank(request, actor, charge_point_id, Filled(Form.blank(severity="medium")))

    @web.post(PLACE)
    async def tell(request: Request, actor: SiteOwnerPage, charge_point_id: ChargePointId) -> Response:
        filled = Filled(await Form.read(request, ReportForm))
        issue = await report(filled, actor, charge_point_id, pages.issues, pages.photos)
        if issue is None:
            return await pages.blank(request, actor, charge_point_id, filled)
        notice = _("Reported as %(number)s.") % {"number": issue.reference_number}
        return see_other(request, f"{PLACE.format(charge_point_id=charge_point_id)}/{issue.issue_id}", notice=notice)

    @web.get(f"{PLACE}/{{issue_id}}")
    async def show(
        request: Request, actor: SiteOwnerPage, charge_point_id: ChargePointId, issue_id: IssueId
    ) -> Response:
        return await pages.show(request, actor, charge_point_id, issue_id, Form.blank())

    @web.post(f"{PLACE}/{{issue_id}}/comments")
    async def comment(
        request: Request, actor: SiteOwnerPage, charge_point_id: ChargePointId, issue_id: IssueId
    ) -> Response:
        form = await Form.read(request, CommentForm)
        if form.value is None:
            return await pages.show(request, actor, charge_point_id, issue_id, form)
        await pages.issues.comment(actor, charge_point_id, issue_id, form.value.text)
        place = f"{PLACE.format(charge_point_id=charge_point_id)}/{issue_id}"
        return see_other(request, place, notice=_("Your comment is there."))

    @web.get(f"{PATH}/photos/{{photo_id}}")
    async def photo(actor: SiteOwnerPage, charge_point_id: ChargePointId, photo_id: PhotoId) -> Response:
        return jpeg_answer(await pages.photos.read_by_reporter(actor, charge_point_id, photo_id), photo_id)

    return web
