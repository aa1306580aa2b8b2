"""What issues look like in answers; the routes of installers, site owners, organisations and support share it."""

from pydantic import BaseModel, Field

from sliproad.features.commissioning.issues import Action, Category, Change, Issue, Person, PersonKind, Severity, Status
from sliproad.features.commissioning.issues import photo_ids as uploaded
from sliproad.features.commissioning.issues_service import IssueFile, IssuePage
from sliproad.foundation.web import Timestamp

ISSUE_ID = "iss_01hx9k2m3n4p5q6r7s8t"


class IssueItem(BaseModel):
    """As the reference lists it."""

    issue_id: str = Field(examples=[ISSUE_ID])
    category: Category
    severity: Severity
    status: Status
    created_at: Timestamp
    reference_number: str = Field(examples=["SLP-2026-00847"])


class IssueItemList(BaseModel):
    issues: list[IssueItem]
    total: int
    next_cursor: str | None


class IssueReported(IssueItem):
    charge_point_id: str = Field(examples=["CP-SITE42-001"])


class PersonAnswer(BaseModel):
    kind: PersonKind
    id: str
    name: str


class ChangeAnswer(BaseModel):
    at: Timestamp
    action: Action
    by: PersonAnswer
    comment: str | None
    assigned_to: PersonAnswer | None


class IssueAnswer(IssueReported):
    """All of an issue but its history."""

    organization_id: str
    project_id: str
    session_id: str | None
    """The commissioning session that was active or newest when it was reported."""
    description: str
    step: str | None
    photo_urls: list[str]
    """As reported: URLs, which are never opened by us, and ids of uploaded photos."""
    photo_ids: list[str]
    """Those of them that were uploaded; `GET …/photos/{photo_id}` gives them out."""
    assigned_to: PersonAnswer | None
    reported_by: PersonAnswer
    updated_at: Timestamp
    resolved_at: Timestamp | None


class IssueDetail(IssueAnswer):
    history: list[ChangeAnswer]
    """Who did what and when, oldest first."""


class IssueAnswerList(BaseModel):
    issues: list[IssueAnswer]
    total: int
    next_cursor: str | None


def issue_item(issue: Issue) -> IssueItem:
    """The reference's list entry."""
    return IssueItem(**{name: getattr(issue, name) for name in IssueItem.model_fields})


def issue_item_list(page: IssuePage) -> IssueItemList:
    """One page of the reference's list."""
    items = [issue_item(issue) for issue in page.issues]
    return IssueItemList(issues=items, total=page.total, next_cursor=page.next_cursor)


def issue_reported(issue: Issue) -> IssueReported:
    """The reference's answer to a report."""
    return IssueReported(**{name: getattr(issue, name) for name in IssueReported.model_fields})


def issue_answer(issue: Issue) -> IssueAnswer:
    """An issue without its history."""
    return IssueAnswer(
        **issue_reported(issue).model_dump(),
        organization_id=issue.organization_id,
        project_id=issue.project_id,
        session_id=issue.session_id,
        description=issue.description,
        step=issue.step,
        photo_urls=list(issue.photos),
        photo_ids=list(uploaded(issue.photos).values()),
        assigned_to=person_answer(issue.assigned_to) if issue.assigned_to else None,
        reported_by=person_answer(issue.reported_by),
        updated_at=issue.updated_at,
        resolved_at=issue.resolved_at,
    )


def issue_detail(file: IssueFile) -> IssueDetail:
    """An issue with its history."""
    history = [change_answer(change) for change in file.history]
    return IssueDetail(**issue_answer(file.issue).model_dump(), history=history)


def change_answer(change: Change) -> ChangeAnswer:
    """One line of the history."""
    return ChangeAnswer(
        at=change.at,
        action=change.action,
        by=person_answer(change.by),
        comment=change.comment,
        assigned_to=person_answer(change.assigned_to) if change.assigned_to else None,
    )


def person_answer(person: Person) -> PersonAnswer:
    """Somebody, by id and the name they had."""
    return PersonAnswer(kind=person.kind, id=person.id, name=person.name)
