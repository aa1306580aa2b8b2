"""`/api/v1/cpo/projects`: what an organisation does with its projects; and the move of a charge point between them."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from sliproad.features.accounts.guards import Manager, Viewer
from sliproad.features.charge_points.answers import ListedChargePointAnswer, listed_answer
from sliproad.features.projects import answers
from sliproad.features.projects.assignment import AssignmentService
from sliproad.features.projects.checklist_service import ChecklistService
from sliproad.features.projects.model import NewProject
from sliproad.features.projects.registration import RegistrationService
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.web import Email, PageQuery, RequestModel, Text, unset

Expected = Annotated[int, Field(ge=1, le=10_000, description="How many charge points the project is to have.")]


class ProjectRequest(RequestModel):
    name: Text
    site_id: Text
    charge_points_expected: Expected
    site_owner_email: Email | None = None
    auto_commission: bool = True
    require_checklist: bool = False
    mail_site_owner: bool = True


class ProjectChange(RequestModel):
    name: Text = unset()
    charge_points_expected: Expected = unset()
    site_owner_email: Email | None = unset()
    auto_commission: bool = unset()
    require_checklist: bool = unset()
    mail_site_owner: bool = unset()


class InstallerRequest(RequestModel):
    installer_id: Text


class MoveRequest(RequestModel):
    project_id: Text


def router(
    projects: ProjectService,
    assignment: AssignmentService,
    checklists: ChecklistService,
    registration: RegistrationService,
) -> APIRouter:
    """The organisation's routes of projects."""
    api = APIRouter(prefix="/api/v1/cpo", tags=["Projects"])

    @api.post("/projects", status_code=201)
    async def create_project(actor: Manager, body: ProjectRequest) -> answers.ProjectAnswer:
        """Open a project on one of the organisation's sites."""
        return answers.project(await projects.create(actor, NewProject(**body.model_dump())))

    @api.get("/projects")
    async def list_projects(actor: Viewer, page: PageQuery) -> answers.ProjectList:
        """The organisation's projects, each with its progress."""
        found, total, next_cursor = await projects.page(actor, page)
        return answers.ProjectList(
            projects=[answers.project(each) for each in found], total=total, next_cursor=next_cursor
        )

    @api.get("/projects/{project_id}")
    async def read_project(actor: Viewer, project_id: str) -> answers.ProjectAnswer:
        """One project."""
        return answers.project(await projects.get(actor, project_id))

    @api.patch("/projects/{project_id}")
    async def change_project(actor: Manager, project_id: str, body: ProjectChange) -> answers.ProjectAnswer:
        """Change what is named; not after the handover."""
        return answers.project(await projects.change(actor, project_id, body.model_dump(exclude_unset=True)))

    @api.get("/projects/{project_id}/checklist")
    async def read_checklist(actor: Viewer, project_id: str) -> answers.ChecklistAnswer:
        """What the installers verified on site."""
        return answers.checklist(await checklists.read_as_organization(actor, project_id))

    @api.post("/projects/{project_id}/installers", status_code=201)
    async def assign_installer(
        actor: Manager, project_id: str, body: InstallerRequest
    ) -> answers.ProjectInstallerAnswer:
        """Put an installer on the project, by the `installer_id` that their sign-up gave them."""
        return answers.installer(await assignment.assign(actor, project_id, body.installer_id))

    @api.get("/projects/{project_id}/installers")
    async def list_installers(actor: Viewer, project_id: str) -> answers.ProjectInstallerList:
        """Who works on the project."""
        return answers.installers(await assignment.installers(actor, project_id))

    @api.delete("/projects/{project_id}/installers/{installer_id}", status_code=204)
    async def take_installer_off(actor: Manager, project_id: str, installer_id: str) -> None:
        """Take an installer off the project; they lose it at once."""
        await assignment.take_off(actor, project_id, installer_id)

    @api.post("/charge-points/{charge_point_id}/move", tags=["Charge points"])
    async def move_charge_point(actor: Manager, charge_point_id: str, body: MoveRequest) -> ListedChargePointAnswer:
        """Put a charge point into another project, before the handover; its history stays with it."""
        found = await registration.move(actor, charge_point_id, body.project_id)
        return listed_answer(found.charge_point, found.live, registration.registry.address(found.charge_point))

    return api
