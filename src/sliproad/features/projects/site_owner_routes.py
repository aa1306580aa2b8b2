"""`/api/v1/site-owner/projects`: the owner of a site reads how far its projects are, and says who works on them."""

from fastapi import APIRouter

from sliproad.features.accounts.guards import SiteOwner
from sliproad.features.projects import answers
from sliproad.features.projects.assignment import AssignmentService
from sliproad.features.projects.routes import InstallerRequest


def router(assignment: AssignmentService) -> APIRouter:
    """The site owner's routes of projects."""
    api = APIRouter(prefix="/api/v1/site-owner/projects", tags=["Site owner"])

    @api.get("")
    async def list_projects(actor: SiteOwner) -> answers.SiteOwnerProjectList:
        """The projects on your sites, each with its progress."""
        found = [answers.site_owner_project(each) for each in await assignment.of_site_owner(actor)]
        return answers.SiteOwnerProjectList(projects=found, total=len(found))

    @api.get("/{project_id}")
    async def read_project(actor: SiteOwner, project_id: str) -> answers.SiteOwnerProjectDetail:
        """One project with its charge points."""
        return answers.site_owner_project_detail(*await assignment.site_owner_view(actor, project_id))

    @api.get("/{project_id}/installers")
    async def list_installers(actor: SiteOwner, project_id: str) -> answers.ProjectInstallerList:
        """Who works on the project."""
        return answers.installers(await assignment.installers(actor, project_id))

    @api.post("/{project_id}/installers", status_code=201)
    async def assign_installer(
        actor: SiteOwner, project_id: str, body: InstallerRequest
    ) -> answers.ProjectInstallerAnswer:
        """Put an installer on the project."""
        return answers.installer(await assignment.assign(actor, project_id, body.installer_id))

    @api.delete("/{project_id}/installers/{installer_id}", status_code=204)
    async def take_installer_off(actor: SiteOwner, project_id: str, installer_id: str) -> None:
        """Take an installer off the project; they lose it at once."""
        await assignment.take_off(actor, project_id, installer_id)

    return api
