"""REST of issues for installers: the reference's two requests, and reading one with what the organisation says to it."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field, StringConstraints

from sliproad.features.accounts.guards import Installer
from sliproad.features.commissioning import issues_answers as answers
from sliproad.features.commissioning.issues import (
    MOST_PHOTOS,
    SHORTEST_DESCRIPTION,
    Category,
    NewIssue,
    Severity,
    StepName,
)
from sliproad.features.commissioning.issues_service import IssueService
from sliproad.foundation.web import PageQuery, RequestModel

ChargePointId = Annotated[str, Path(max_length=64, examples=["CP-SITE42-001"])]
IssueId = Annotated[str, Path(max_length=64, examples=[answers.ISSUE_ID])]
Description = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=SHORTEST_DESCRIPTION, max_length=10_000)
]
CommentText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
PhotoReference = Annotated[
    str, StringConstraints(max_length=2000, pattern=r"^(https?://[^\s\x00-\x1f\x7f]+|pho_[0-9a-z]{20})$")
]


class ReportRequest(RequestModel):
    category: Category
    description: Annotated[Description, Field(examples=["The charge point drops the connection after five seconds."])]
    severity: Severity
    step: StepName | None = None
    """The commissioning step where it happened."""
    photo_urls: Annotated[list[PhotoReference], Field(default_factory=list, max_length=MOST_PHOTOS)]
    """URLs, which are kept as text and never opened; or ids of photos that were uploaded for this charge point."""


class CommentRequest(RequestModel):
    text: CommentText


def router(service: IssueService) -> APIRouter:
    """The installer's routes of issues."""
    api = APIRouter(prefix="/api/v1/installer/commissioning/{charge_point_id}", tags=["commissioning"])

    @api.post("/report-issue", status_code=201)
    async def report_issue(
        actor: Installer, charge_point_id: ChargePointId, body: ReportRequest
    ) -> answers.IssueReported:
        """Report a problem for the organisation and platform support to look at."""
        new = NewIssue(
            category=body.category,
            severity=body.severity,
            description=body.description,
            step=body.step,
            photos=tuple(body.photo_urls),
        )
        return answers.issue_reported(await service.report(actor, charge_point_id, new))

    @api.get("/issues")
    async def list_issues(actor: Installer, charge_point_id: ChargePointId, page: PageQuery) -> answers.IssueItemList:
        """Everything that was reported of this charge point, newest first."""
        return answers.issue_item_list(await service.of_charge_point(actor, charge_point_id, page))

    @api.get("/issues/{issue_id}")
    async def read_issue(actor: Installer, charge_point_id: ChargePointId, issue_id: IssueId) -> answers.IssueDetail:
        """One issue, with what was said and done about it."""
        return answers.issue_detail(await service.read(actor, charge_point_id, issue_id))

    @api.post("/issues/{issue_id}/comments", status_code=201)
    async def comment_on_issue(
        actor: Installer, charge_point_id: ChargePointId, issue_id: IssueId, body: CommentRequest
    ) -> answers.IssueDetail:
        """Add to what is known of an issue."""
        return answers.issue_detail(await service.comment(actor, charge_point_id, issue_id, body.text))

    return api
