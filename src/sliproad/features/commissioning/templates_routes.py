"""REST of templates: `/api/v1/cpo/templates` for organisations, the reference's list for installers."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from sliproad.features.accounts.guards import Installer, Manager, Viewer
from sliproad.features.commissioning import templates_answers as answers
from sliproad.features.commissioning.templates_service import TemplateService
from sliproad.foundation.web import PageQuery, RequestModel, Text

TemplateId = Annotated[str, Path(max_length=64, examples=["tpl_standard_ac_22kw"])]
ChargePointId = Annotated[str, Field(max_length=64, examples=["CP-SITE42-001"])]


class CloneRequest(RequestModel):
    name: Text | None = None
    """Without it, the old name and "(copy)"."""


class TestRequest(RequestModel):
    charge_point_id: ChargePointId


class LearnRequest(RequestModel):
    charge_point_id: ChargePointId
    name: Text


def router(service: TemplateService) -> APIRouter:
    """The routes of templates."""
    api = APIRouter(prefix="/api/v1", tags=["templates"])

    @api.get("/installer/commissioning/templates")
    async def list_for_installer(
        actor: Installer, charge_point_id: Annotated[str | None, Query(max_length=64)] = None
    ) -> answers.OfferedList:
        """The templates that a start may name: the shipped ones, and those of the organisations you work for."""
        found = [answers.offered_answer(one) for one in await service.for_installer(actor, charge_point_id)]
        return answers.OfferedList(templates=found, total=len(found))

    @api.post("/cpo/templates", status_code=201)
    async def create(actor: Manager, body: answers.TemplateRequest) -> answers.KeptAnswer:
        """A new template of yours."""
        return answers.kept_answer(await service.create(actor, body.draft()))

    @api.get("/cpo/templates")
    async def list_templates(
        actor: Viewer, page: PageQuery, include_archived: Annotated[bool, Query()] = False
    ) -> answers.KeptList:
        """Your templates in their newest versions, and the shipped ones."""
        found, total, next_cursor = await service.page(actor, page, archived=include_archived)
        return answers.KeptList(
            templates=[answers.kept_answer(one) for one in found], total=total, next_cursor=next_cursor
        )

    @api.post("/cpo/templates/learn", status_code=201)
    async def learn(actor: Manager, body: LearnRequest) -> answers.KeptAnswer:
        """A template from a well-configured charge point, which has to be connected."""
        return answers.kept_answer(await service.learn(actor, body.charge_point_id, body.name))

    @api.get("/cpo/templates/{template_id}")
    async def read(
        actor: Viewer, template_id: TemplateId, version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None
    ) -> answers.KeptAnswer:
        """A template, in its newest version or the one named."""
        return answers.kept_answer(await service.get(actor, template_id, version))

    @api.get("/cpo/templates/{template_id}/versions")
    async def versions(actor: Viewer, template_id: TemplateId) -> answers.VersionList:
        """Every version of a template, newest first."""
        found = [answers.kept_answer(one) for one in await service.versions(actor, template_id)]
        return answers.VersionList(versions=found, total=len(found))

    @api.post("/cpo/templates/{template_id}/versions", status_code=201)
    async def add_version(actor: Manager, template_id: TemplateId, body: answers.TemplateRequest) -> answers.KeptAnswer:
        """The template's next version. Sessions that run keep the one they began with."""
        return answers.kept_answer(await service.add_version(actor, template_id, body.draft()))

    @api.post("/cpo/templates/{template_id}/clone", status_code=201)
    async def clone(actor: Manager, template_id: TemplateId, body: CloneRequest | None = None) -> answers.KeptAnswer:
        """A new template of yours like this one, which may be a shipped one."""
        return answers.kept_answer(await service.clone(actor, template_id, body.name if body else None))

    @api.post("/cpo/templates/{template_id}/archive")
    async def archive(actor: Manager, template_id: TemplateId) -> answers.KeptAnswer:
        """Take it out of use; it stays readable."""
        return answers.kept_answer(await service.archive(actor, template_id))

    @api.post("/cpo/templates/{template_id}/test")
    async def test(actor: Manager, template_id: TemplateId, body: TestRequest) -> answers.TrialAnswer:
        """What applying it to a connected charge point would do, key by key; nothing is written."""
        return answers.trial_answer(await service.test(actor, template_id, body.charge_point_id))

    return api
