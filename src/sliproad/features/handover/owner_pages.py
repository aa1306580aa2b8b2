"""`/owner/projects`: the owner of a site sees how far its projects are and who works on them, has the certificate, and reports faults.

Also how its chargers are right now, and what became of the faults (`commissioning.faults_pages` has a page for each).
"""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from sliproad.features.accounts.model import SiteOwnerActor
from sliproad.features.accounts.page_guards import SiteOwnerPage
from sliproad.features.accounts.service import AccountService
from sliproad.features.charge_points.connection_pages import connection_word
from sliproad.features.commissioning.issues_service import IssueService
from sliproad.features.handover.pages import PAGES
from sliproad.features.handover.reading import HandoverReading
from sliproad.features.projects.assignment import AssignmentService
from sliproad.features.projects.model import Project
from sliproad.features.projects.pages import map_href
from sliproad.features.projects.routes import InstallerRequest
from sliproad.features.projects.sentences import told
from sliproad.foundation.errors import Conflict, NotFound
from sliproad.foundation.language import gettext as _
from sliproad.foundation.language import marked
from sliproad.foundation.web import Page, live
from sliproad.foundation.web.ui import Column, Form, NavEntry, PageRole, Table, see_other

PLACE = "/owner/projects"
NAVIGATION = (NavEntry(PageRole.SITE_OWNER, marked("Projects"), PLACE, icon="folder", order=10),)
BLOCKS = ("standing", "certificate", "chargers", "faults")
"""What of a project's page lives."""
FAULTS = 50
"""So many of a project stand on its page; the API has all."""


@dataclass(frozen=True, slots=True)
class OwnerPages:
    """What these pages are made of; one per web process."""

    assignment: AssignmentService
    reading: HandoverReading
    accounts: AccountService
    issues: IssueService

    async def seen(self, request: Request, actor: SiteOwnerActor, project_id: str) -> dict[str, Any]:
        """What the page of a project shows.

        Raises:
            NotFound: absent, or not on one of their sites.
        """
        overview, charge_points = await self.assignment.site_owner_view(actor, project_id)
        project = overview.project
        name, mailbox = await self._operator(actor, project)
        columns = [
            Column("serial", _("Serial number")),
            Column("place", _("Where it stands")),
            Column("status", _("Status")),
            Column("connection", _("Connection")),
            *([Column("fault", "")] if project.is_handed_over else []),
        ]
        faults = await self.issues.of_project(actor, project_id, Page(limit=FAULTS))
        return {
            "overview": overview,
            "here": f"{PLACE}/{project_id}",
            "done": await self.reading.of_project(actor, project_id) if project.is_handed_over else None,
            "installers": await self.assignment.installers(actor, project_id),
            "operator": name,
            "mailbox": mailbox,
            "faults": Table(request, fault_columns(), faults.issues, total=faults.total or None, caption=_("Faults")),
            "serials": {each.charge_point.charge_point_id: each.charge_point.serial_number for each in charge_points},
            "connection_word": connection_word,
            "table": Table(request, columns, charge_points, caption=_("Charge points")),
            "map_href": map_href,
        }

    async def show(
        self, request: Request, actor: SiteOwnerActor, project_id: str, form: Form[InstallerRequest]
    ) -> Response:
        """The page of a project. Raises as `seen`."""
        context = await self.seen(request, actor, project_id)
        status = 422 if form.is_refused else 200
        return PAGES.render(request, "owner_project.html", status_code=status, form=form, **context)

    async def _operator(self, actor: SiteOwnerActor, project: Project) -> tuple[str, str]:
        """Who runs the chargers: its name, and where it wants mail."""
        async with self.reading.database.transaction(actor.scope) as session:
            name = await self.accounts.organization_name(session, project.organization_id)
            return name, await self.accounts.organization_email(session, project.organization_id)


def router(pages: OwnerPages) -> APIRouter:
    """The list, a project with its live parts, and who works on it."""
    web = APIRouter(include_in_schema=False)

    @web.get(PLACE)
    async def list_projects(request: Request, actor: SiteOwnerPage) -> Response:
        found = await pages.assignment.of_site_owner(actor)
        return PAGES.render(request, "owner_projects.html", found=found, map_href=map_href)

    @web.get(f"{PLACE}/{{project_id}}")
    async def show(request: Request, actor: SiteOwnerPage, project_id: str) -> Response:
        return await pages.show(request, actor, project_id, Form.blank())

    @web.get(f"{PLACE}/{{project_id}}/live")
    async def follow(request: Request, actor: SiteOwnerPage, project_id: str) -> Response:
        async def look() -> live.Look:
            context = await pages.seen(request, actor, project_id)
            html = PAGES.fragments(request, "owner_project.html", *BLOCKS, **context)
            return live.Look(html)

        return await live.answer(request, look)

    _add_installers(web, pages)
    return web


def _add_installers(web: APIRouter, pages: OwnerPages) -> None:
    @web.post(f"{PLACE}/{{project_id}}/installers")
    async def assign(request: Request, actor: SiteOwnerPage, project_id: str) -> Response:
        form = await Form.read(request, InstallerRequest)
        if form.value is not None:
            try:
                put = await pages.assignment.assign(actor, project_id, form.value.installer_id)
            except NotFound:
                form.fail("installer_id", _("There is no installer with this id, or no such project of yours."))
            except Conflict as error:
                form.general.append(told(error.detail))
            else:
                notice = _("%(name)s works on it now.") % {"name": put.full_name}
                return see_other(request, f"{PLACE}/{project_id}", notice=notice)
        return await pages.show(request, actor, project_id, form)

    @web.get(f"{PLACE}/{{project_id}}/installers/{{installer_id}}/remove")
    async def ask(request: Request, actor: SiteOwnerPage, project_id: str, installer_id: str) -> Response:
        working = await pages.assignment.installers(actor, project_id)
        names = [each.full_name for each in working if each.installer_id == installer_id]
        if not names:
            raise NotFound("This installer is not assigned to this project.")
        return PAGES.confirm(
            request,
            title=_("Take %(name)s off the project?") % {"name": names[0]},
            text=_("They see nothing of it from then on."),
            action=request.url.path,
            button=_("Take off"),
            back=f"{PLACE}/{project_id}",
        )

    @web.post(f"{PLACE}/{{project_id}}/installers/{{installer_id}}/remove")
    async def take_off(request: Request, actor: SiteOwnerPage, project_id: str, installer_id: str) -> Response:
        await pages.assignment.take_off(actor, project_id, installer_id)
        return see_other(request, f"{PLACE}/{project_id}", notice=_("They are off the project."))


def fault_columns() -> list[Column]:
    """Of the list of faults."""
    words = (("fault", _("Fault")), ("charger", _("Charger")), ("status", _("Status")), ("created", _("Reported")))
    return [Column(name, text) for name, text in words]
