"""`/installer/projects`: an installer's projects, and each with its charge points as they are right now."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote_plus

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from sliproad.features.accounts.model import InstallerActor
from sliproad.features.accounts.page_guards import InstallerPage
from sliproad.features.charge_points.connection_pages import TEMPLATES, connection_word
from sliproad.features.charge_points.model import STATUS_OF, Selection
from sliproad.features.charge_points.service import ChargePointPage
from sliproad.features.projects.model import ProjectOverview
from sliproad.features.projects.next_steps import next_in_project
from sliproad.features.projects.registration import RegistrationService
from sliproad.features.projects.service import ProjectService
from sliproad.features.sites.model import Site
from sliproad.foundation.language import gettext as _
from sliproad.foundation.language import marked
from sliproad.foundation.web import Page, PageQuery, live
from sliproad.foundation.web.ui import Column, Form, NavEntry, PageRole, Pages, Table

PAGES = Pages(Path(__file__).parent / "templates", TEMPLATES)
NAVIGATION = (NavEntry(PageRole.INSTALLER, marked("Projects"), "/installer/projects", icon="folder", order=10),)
FEW = 3
"""So many charge points are seen at a glance; more want filters."""
ONLINE = {"yes": True, "no": False}
Word = Annotated[str, Query(max_length=100)]


@dataclass(frozen=True, slots=True)
class Filters:
    """The query of a project's page; words that nobody offers count as nothing."""

    q: Word = ""
    status: Word = ""
    online: Word = ""

    def selection(self, project_id: str) -> Selection:
        """Which charge points of the project are asked for."""
        return Selection(
            project_id=project_id,
            text=self.q.strip() or None,
            status=self.status if self.status in STATUS_OF.values() else None,
            connected=ONLINE.get(self.online),
        )


FilterQuery = Annotated[Filters, Depends()]


def router(projects: ProjectService, registration: RegistrationService) -> APIRouter:
    """The list, a project, and its live part."""
    web = APIRouter(include_in_schema=False)

    @web.get("/installer/projects")
    async def list_projects(request: Request, actor: InstallerPage) -> Response:
        found = await projects.of_installer(actor)
        return PAGES.render(
            request,
            "projects.html",
            actor=actor,
            opened=[(each, next_in_project(each)) for each in found if not each.project.is_handed_over],
            handed_over=[each for each in found if each.project.is_handed_over],
            map_href=map_href,
        )

    async def seen(
        request: Request, actor: InstallerActor, project_id: str, filters: Filters, page: Page
    ) -> dict[str, Any]:
        overview, _charge_points = await projects.installer_view(actor, project_id)
        selection = filters.selection(project_id)
        found = await registration.page(actor, selection, page)
        is_filtered = selection != Selection(project_id=project_id)
        return _context(request, overview, found) | {
            "is_filtered": is_filtered,
            "has_filters": is_filtered or overview.progress.registered > FEW,
        }

    @web.get("/installer/projects/{project_id}")
    async def show_project(
        request: Request, actor: InstallerPage, project_id: str, filters: FilterQuery, page: PageQuery
    ) -> Response:
        context = await seen(request, actor, project_id, filters, page)
        form: Form[Any] = Form.blank(**asdict(filters))
        return PAGES.answer(request, "project.html", block="results", form=form, **context)

    @web.get("/installer/projects/{project_id}/live")
    async def follow_project(
        request: Request, actor: InstallerPage, project_id: str, filters: FilterQuery, page: PageQuery
    ) -> Response:
        async def look() -> live.Look:
            context = await seen(request, actor, project_id, filters, page)
            html = PAGES.fragments(request, "project.html", "standing", "chargers", **context)
            return live.Look(html, is_over=context["overview"].project.is_handed_over)

        return await live.answer(request, look)

    return web


def map_href(site: Site) -> str:
    """A map of the site, which a phone opens in its own: by coordinates where they are known, else by the address."""
    if site.latitude is not None and site.longitude is not None:
        return f"https://www.openstreetmap.org/?mlat={site.latitude}&mlon={site.longitude}#map=18/{site.latitude}/{site.longitude}"
    return f"https://www.openstreetmap.org/search?query={quote_plus(site.address)}"


def _context(request: Request, overview: ProjectOverview, found: ChargePointPage) -> dict[str, Any]:
    """What the page of a project shows, but for its filters."""
    here = f"/installer/projects/{overview.project.project_id}"
    columns = [
        Column("serial", _("Serial number")),
        Column("status", _("Status")),
        Column("connection", _("Connection")),
    ]
    query = f"?{request.url.query}" if request.url.query else ""
    return {
        "overview": overview,
        "here": here,
        "live_url": f"{here}/live{query}",
        "next_step": next_in_project(overview),
        "statuses": list(STATUS_OF.values()),
        "table": Table(
            Request({**request.scope, "path": here}),  # its links lead to the page, also out of the live part
            columns,
            found.items,
            total=found.total,
            next_cursor=found.next_cursor,
            caption=_("Charge points"),
        ),
        "connection_word": connection_word,
        "map_href": map_href,
    }
