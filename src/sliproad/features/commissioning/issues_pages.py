"""`/installer/charge-points/{id}/issues`: what was found wrong with a charger: report it with photos, follow it, add to it.

`/installer/projects/{id}/issues` lists those of all chargers of a project.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from sliproad.features.accounts.model import InstallerActor
from sliproad.features.accounts.page_guards import InstallerPage
from sliproad.features.commissioning.charge_point_frame import PAGES
from sliproad.features.commissioning.glance import Glances
from sliproad.features.commissioning.issues import SHORTEST_DESCRIPTION
from sliproad.features.commissioning.issues_routes import CommentText, IssueId
from sliproad.features.commissioning.issues_service import IssuePage, IssueService
from sliproad.features.commissioning.issues_view import CATEGORIES, SEVERITIES, category_of, steps, view_of
from sliproad.features.commissioning.photos_routes import PhotoId, jpeg_answer
from sliproad.features.commissioning.photos_service import PhotoService
from sliproad.features.commissioning.report_form import LARGEST_FORM_BYTES, Filled, ReportForm
from sliproad.features.commissioning.report_form import report as report_filled
from sliproad.features.commissioning.routes import ChargePointId
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web import PageQuery, RequestModel
from sliproad.foundation.web.ui import Column, Form, Table, see_other

PATH = "/installer/charge-points/{charge_point_id}"
PLACE = f"{PATH}/issues"
LARGER_BODIES = {r"/installer/charge-points/[^/]+/issues$": LARGEST_FORM_BYTES}
StepQuery = Annotated[str, Query(max_length=40)]


class CommentForm(RequestModel):
    text: CommentText


@dataclass(frozen=True, slots=True)
class IssuesPages:
    """What these pages are made of; one per web process."""

    issues: IssueService
    photos: PhotoService
    projects: ProjectService
    glances: Glances

    async def blank(
        self,
        request: Request,
        actor: InstallerActor,
        charge_point_id: str,
        form: Form[Any],
        arrived: Sequence[str] = (),
    ) -> Response:
        """The page to report on; with a `form` that was refused, as it was filled in and with the photos that arrived.

        Raises:
            NotFound: no such charge point of this installer.
        """
        return PAGES.render(
            request,
            "issue_new.html",
            status_code=422 if form.is_refused else 200,
            glance=await self.glances.of(actor, charge_point_id),
            form=form,
            arrived=arrived,
            categories=[(word, _(text)) for word, text in CATEGORIES.items()],
            severities=[(word, text, None) for word, text in SEVERITIES.items()],
            steps=steps(),
            shortest=SHORTEST_DESCRIPTION,
        )


def router(pages: IssuesPages) -> APIRouter:
    """The lists, the report, an issue and what is said to it, and the photos."""
    web = APIRouter(include_in_schema=False)

    @web.get(PLACE)
    async def list_issues(
        request: Request, actor: InstallerPage, charge_point_id: ChargePointId, page: PageQuery
    ) -> Response:
        glance = await pages.glances.of(actor, charge_point_id)
        found = await pages.issues.of_charge_point(actor, charge_point_id, page)
        table = table_of(request, found)
        return PAGES.render(request, "issues.html", glance=glance, table=table, category_of=category_of)

    @web.get("/installer/projects/{project_id}/issues")
    async def list_of_project(request: Request, actor: InstallerPage, project_id: str, page: PageQuery) -> Response:
        overview, charge_points = await pages.projects.installer_view(actor, project_id)
        found = await pages.issues.of_project(actor, project_id, page)
        return PAGES.render(
            request,
            "project_issues.html",
            overview=overview,
            charge_points=charge_points,
            serials={each.charge_point_id: each.serial_number for each in charge_points},
            table=table_of(request, found, Column("charge_point", _("Charger"))),
            category_of=category_of,
        )

    _add_report(web, pages)
    _add_issue(web, pages)
    return web


def _add_report(web: APIRouter, pages: IssuesPages) -> None:
    @web.get(f"{PLACE}/new")
    async def ask(
        request: Request, actor: InstallerPage, charge_point_id: ChargePointId, step: StepQuery = ""
    ) -> Response:
        return await pages.blank(request, actor, charge_point_id, Form.blank(severity="medium", step=step))

    @web.post(PLACE)
    async def report(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        filled = Filled(await Form.read(request, ReportForm))
        issue = await report_filled(filled, actor, charge_point_id, pages.issues, pages.photos)
        if issue is None:
            return await pages.blank(request, actor, charge_point_id, filled.form, filled.arrived)
        notice = _("Reported as %(number)s.") % {"number": issue.reference_number}
        return see_other(request, f"{PLACE.format(charge_point_id=charge_point_id)}/{issue.issue_id}", notice=notice)

    @web.get(f"{PATH}/photos/{{photo_id}}")
    async def photo(actor: InstallerPage, charge_point_id: ChargePointId, photo_id: PhotoId) -> Response:
        return jpeg_answer(await pages.photos.read_by_reporter(actor, charge_point_id, photo_id), photo_id)


def _add_issue(web: APIRouter, pages: IssuesPages) -> None:
    async def page(
        request: Request, actor: InstallerActor, charge_point_id: str, issue_id: str, form: Form[Any]
    ) -> Response:
        glance = await pages.glances.of(actor, charge_point_id)
        view = view_of(await pages.issues.read(actor, charge_point_id, issue_id))
        status = 422 if form.is_refused else 200
        return PAGES.render(request, "issue.html", status_code=status, glance=glance, view=view, form=form)

    @web.get(f"{PLACE}/{{issue_id}}")
    async def show(
        request: Request, actor: InstallerPage, charge_point_id: ChargePointId, issue_id: IssueId
    ) -> Response:
        return await page(request, actor, charge_point_id, issue_id, Form.blank())

    @web.post(f"{PLACE}/{{issue_id}}/comments")
    async def comment(
        request: Request, actor: InstallerPage, charge_point_id: ChargePointId, issue_id: IssueId
    ) -> Response:
        form = await Form.read(request, CommentForm)
        if form.value is None:
            return await page(request, actor, charge_point_id, issue_id, form)
        await pages.issues.comment(actor, charge_point_id, issue_id, form.value.text)
        place = f"{PLACE.format(charge_point_id=charge_point_id)}/{issue_id}"
        return see_other(request, place, notice=_("Your comment is there."))


def table_of(request: Request, found: IssuePage, *more: Column) -> Table:
    """A list of issues."""
    columns = [
        Column("issue", _("Issue")),
        *more,
        Column("severity", _("Severity")),
        Column("status", _("Status")),
        Column("created", _("Reported")),
    ]
    return Table(request, columns, found.issues, total=found.total, next_cursor=found.next_cursor, caption=_("Issues"))
