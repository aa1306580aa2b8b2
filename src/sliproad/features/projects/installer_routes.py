"""`/api/v1/installer/projects`: an installer's projects (GUIDE step 3) and their checklists."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from sliproad.features.accounts.guards import Installer
from sliproad.features.projects import answers
from sliproad.features.projects.checklist_service import ChecklistService
from sliproad.features.projects.model import Tick
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.web import RequestModel, Text

Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
PhotoUrl = Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://[^\s\x00-\x1f]+$")]


class TickRequest(RequestModel):
    """An item, at a charge point or (`owner_briefed`) of the whole project. Who did it and when is recorded."""

    item: Text
    done: bool
    charge_point_id: Text | None = None
    note: Note | None = None
    photo_url: PhotoUrl | None = None


class ChecklistRequest(RequestModel):
    """The items to set; the others stay as they are."""

    items: Annotated[list[TickRequest], Field(min_length=1, max_length=500)]


def router(projects: ProjectService, checklists: ChecklistService) -> APIRouter:
    """The installer's routes of projects."""
    api = APIRouter(prefix="/api/v1/installer/projects", tags=["Installer"])

    @api.get("")
    async def list_projects(actor: Installer) -> answers.InstallerProjectList:
        """The projects you are assigned to."""
        found = await projects.of_installer(actor)
        return answers.InstallerProjectList(projects=[answers.installer_project(each) for each in found])

    @api.get("/{project_id}")
    async def read_project(actor: Installer, project_id: str) -> answers.InstallerProjectDetail:
        """One project, with its charge points and how far each is commissioned."""
        overview, charge_points = await projects.installer_view(actor, project_id)
        return answers.installer_project_detail(overview, charge_points, projects.registry)

    @api.get("/{project_id}/checklist")
    async def read_checklist(actor: Installer, project_id: str) -> answers.ChecklistAnswer:
        """What is to be verified on site before the handover."""
        return answers.checklist(await checklists.read(actor, project_id))

    @api.put("/{project_id}/checklist")
    async def write_checklist(actor: Installer, project_id: str, body: ChecklistRequest) -> answers.ChecklistAnswer:
        """Tick what you verified. `ocpp_connection`, `heartbeat` and `meter_calibration` are filled by the platform."""
        ticks = [Tick(**each.model_dump()) for each in body.items]
        return answers.checklist(await checklists.write(actor, project_id, ticks))

    return api
