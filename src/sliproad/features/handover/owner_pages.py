"""`/owner/projects`: the owner of a site sees how far its projects are and who works on them, has the certificate, and reports faults.

Faults go by mail to the organisation that runs the chargers: site owners have no issues of their own.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import Response

from sliproad.features.accounts.model import SiteOwnerActor
from sliproad.features.accounts.page_guards import SiteOwnerPage
from sliproad.features.accounts.service import AccountService
from sliproad.features.charge_points.model import ChargePoint
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
from sliproad.foundation.web import live
from sliproad.foundation.web.ui import Column, Form, NavEntry, PageRole, Table, see_other

PLACE = "/owner/projects"
NAVIGATION = (NavEntry(PageRole.SITE_OWNER, marked("Projects"), PLACE, icon="folder", order=10),)
BLOCKS = ("standing", "certificate", "chargers")
"""What of a project's page lives."""


@dataclass(frozen=True, slots=True)
class OwnerPages:
    """What these pages are made of; one per web process."""

    assignment: AssignmentService
    reading: HandoverReading
    accounts: AccountService

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
            Column("fault", ""),
        ]
        return {
            "overview": overview,
            "here": f"{PLACE}/{project_id}",
            "done": await self.reading.of_project(actor, project_id) if project.is_handed_over else None,
            "installers": await self.assignment.installers(actor, project_id),
            "operator": name,
            "mailbox": mailbox,
            "table": Table(request, columns, charge_points, caption=_("Charge points")),
            "fault_mail": lambda charge_point=None: fault_mail(mailbox, project, charge_point),
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
            done = context["done"]
            return live.Look(html, is_over=done is not None and done.issued_at is not None)

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


def fault_mail(mailbox: str, project: Project, charge_point: ChargePoint | None) -> str:
    """A mail to the operator that says already what it is about (RFC 6068)."""
    about = project.name if charge_point is None else f"{charge_point.serial_number}, {project.name}"
    subject = _("Fault: %(about)s") % {"about": about}
    lines = [_("What happened, and when:"), "", ""]
    if charge_point is not None:
        lines += [
            f"{charge_point.vendor} {charge_point.model}, {charge_point.serial_number}",
            charge_point.charge_point_id,
        ]
    body = "\r\n".join([*lines, project.name])
    return f"mailto:{quote(mailbox, safe='@')}?subject={quote(subject, safe='')}&body={quote(body, safe='')}"
