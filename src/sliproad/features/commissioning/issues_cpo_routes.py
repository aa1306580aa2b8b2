"""REST of issues for those who work on them: `/api/v1/cpo/issues` for organisations, `/api/v1/admin/issues` for platform support."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from sliproad.features.accounts.guards import Manager, PlatformAdmin, Viewer
from sliproad.features.commissioning import issues_answers as answers
from sliproad.features.commissioning.issues import Selection, Severity, Status
from sliproad.features.commissioning.issues_desk import IssueDesk
from sliproad.features.commissioning.issues_routes import CommentRequest, CommentText, IssueId
from sliproad.features.commissioning.issues_service import IssuePage
from sliproad.foundation.web import PageQuery, RequestModel, query_of

Id = Annotated[str | None, Query(max_length=64)]


@dataclass(frozen=True)
class IssueQuery:
    """What narrows the list."""

    status: Annotated[Status | None, Query()] = None
    severity: Annotated[Severity | None, Query()] = None
    charge_point_id: Id = None
    project_id: Id = None

    def selection(self, organization_id: str | None = None) -> Selection:
        return Selection(
            organization_id=organization_id,
            charge_point_id=self.charge_point_id,
            project_id=self.project_id,
            status=self.status,
            severity=self.severity,
        )


class AssignRequest(RequestModel):
    user_id: Annotated[str, Field(max_length=64)] | None
    """A user of your organisation; null for nobody."""


class DecisionRequest(RequestModel):
    comment: CommentText | None = None


def issue_list(page: IssuePage) -> answers.IssueAnswerList:
    """One page of issues."""
    found = [answers.issue_answer(issue) for issue in page.issues]
    return answers.IssueAnswerList(issues=found, total=page.total, next_cursor=page.next_cursor)


def router(desk: IssueDesk) -> APIRouter:
    """The organisation's routes of issues."""
    api = APIRouter(prefix="/api/v1/cpo/issues", tags=["Issues"])

    @api.get("")
    async def list_issues(
        actor: Viewer, page: PageQuery, query: Annotated[IssueQuery, Depends(query_of(IssueQuery))]
    ) -> answers.IssueAnswerList:
        """What installers reported of your charge points, newest first."""
        return issue_list(await desk.page(actor, query.selection(), page))

    @api.get("/{issue_id}")
    async def read_issue(actor: Viewer, issue_id: IssueId) -> answers.IssueDetail:
        """One issue with its history."""
        return answers.issue_detail(await desk.read(actor, issue_id))

    @api.post("/{issue_id}/comments", status_code=201)
    async def comment_on_issue(actor: Manager, issue_id: IssueId, body: CommentRequest) -> answers.IssueDetail:
        """Say something about an issue; the installers of its project read it."""
        return answers.issue_detail(await desk.comment(actor, issue_id, body.text))

    @api.post("/{issue_id}/assign")
    async def assign_issue(actor: Manager, issue_id: IssueId, body: AssignRequest) -> answers.IssueDetail:
        """Give an issue to a user of your organisation."""
        return answers.issue_detail(await desk.assign(actor, issue_id, body.user_id))

    @api.post("/{issue_id}/resolve")
    async def resolve_issue(
        actor: Manager, issue_id: IssueId, body: DecisionRequest | None = None
    ) -> answers.IssueDetail:
        """The issue is dealt with."""
        return answers.issue_detail(await desk.resolve(actor, issue_id, body.comment if body else None))

    @api.post("/{issue_id}/reopen")
    async def reopen_issue(
        actor: Manager, issue_id: IssueId, body: DecisionRequest | None = None
    ) -> answers.IssueDetail:
        """The issue is not dealt with after all."""
        return answers.issue_detail(await desk.reopen(actor, issue_id, body.comment if body else None))

    return api


def support_router(desk: IssueDesk) -> APIRouter:
    """Platform support's routes of issues."""
    api = APIRouter(prefix="/api/v1/admin/issues", tags=["platform administration"])

    @api.get("")
    async def list_all_issues(
        actor: PlatformAdmin,
        page: PageQuery,
        query: Annotated[IssueQuery, Depends(query_of(IssueQuery))],
        organization_id: Id = None,
    ) -> answers.IssueAnswerList:
        """What installers reported, of all organisations, newest first."""
        return issue_list(await desk.page(actor, query.selection(organization_id), page))

    @api.get("/{issue_id}")
    async def read_any_issue(actor: PlatformAdmin, issue_id: IssueId) -> answers.IssueDetail:
        """One issue with its history."""
        return answers.issue_detail(await desk.read(actor, issue_id))

    @api.post("/{issue_id}/comments", status_code=201)
    async def comment_as_support(actor: PlatformAdmin, issue_id: IssueId, body: CommentRequest) -> answers.IssueDetail:
        """Say something about an issue; its organisation and its installers read it."""
        return answers.issue_detail(await desk.comment(actor, issue_id, body.text))

    return api
