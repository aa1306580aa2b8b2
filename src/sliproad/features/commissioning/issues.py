"""Issues: what installers, and site owners after the handover, found wrong and reported to the organisation and platform support.

REF, "Report an issue"; contract §2, "site owner". Pure. `issues_service` (those who report) and `issues_desk` (the organisation,
support) work with these words; `issues_store` keeps them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sliproad.features.accounts.model import InstallerActor, OrganizationActor, PlatformAdminActor, SiteOwnerActor
from sliproad.foundation.clock import rfc3339
from sliproad.foundation.errors import Conflict
from sliproad.foundation.events import DomainEvent

Category = Literal["hardware_defect", "network_problem", "configuration_error", "site_issue", "other"]
Severity = Literal["low", "medium", "high", "critical"]
Status = Literal["open", "resolved"]
StepName = Literal[
    "connectivity",
    "heartbeat",
    "firmware_update",
    "firmware_version",
    "configuration",
    "connector_test",
    "meter_calibration",
    "test_transaction",
]
Action = Literal["reported", "commented", "assigned", "unassigned", "resolved", "reopened"]
PersonKind = Literal["installer", "site_owner", "user", "api_key", "platform_admin"]
Reporter = InstallerActor | SiteOwnerActor

SHORTEST_DESCRIPTION = 20
MOST_PHOTOS = 20
PHOTO_ID = re.compile(r"pho_[0-9a-z]{20}")
ID_OF = {"installer": "installer_id", "site_owner": "user_id"}
"""What the reporter's id is called in `issue.reported`, by the kind of person."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who did something, by id and by the name they had then."""

    kind: PersonKind
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class NewIssue:
    """What is reported. A photo is a URL, kept as text and never dialled, or the id of an uploaded one."""

    category: Category
    severity: Severity
    description: str
    step: StepName | None = None
    photos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Issue:
    issue_id: str
    organization_id: str
    project_id: str
    charge_point_id: str
    session_id: str | None
    """The commissioning session that was active or newest when it was reported."""
    reference_number: str
    category: Category
    severity: Severity
    description: str
    step: StepName | None
    photos: tuple[str, ...]
    status: Status
    assigned_to: Person | None
    reported_by: Person
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was done to an issue."""

    at: datetime
    action: Action
    by: Person
    comment: str | None = None
    assigned_to: Person | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which issues a list shows; every part narrows. None of the first two is for platform support alone."""

    organization_id: str | None = None
    charge_point_key: int | None = None
    charge_point_id: str | None = None
    project_id: str | None = None
    status: Status | None = None
    severity: Severity | None = None
    reporter_kind: PersonKind | None = None


def person_of(actor: Reporter | OrganizationActor | PlatformAdminActor) -> Person:
    """Whoever acts, as the history names them."""
    if isinstance(actor, InstallerActor):
        return Person("installer", actor.installer_id, actor.full_name)
    if isinstance(actor, SiteOwnerActor):
        return Person("site_owner", actor.user_id, actor.full_name)
    if isinstance(actor, PlatformAdminActor):
        return Person("platform_admin", actor.user_id, actor.full_name)
    if actor.user_id is not None:
        return Person("user", actor.user_id, actor.display_name)
    return Person("api_key", actor.key_id or "", actor.display_name)


def reference_number(prefix: str, year: int, number: int) -> str:
    """`SLP-2026-00847`: five digits, more after 99,999 in a year."""
    return f"{prefix}-{year}-{number:05d}"


def photo_ids(photos: Sequence[str]) -> dict[int, str]:
    """Place -> id of those photos that were uploaded here."""
    return {place: photo for place, photo in enumerate(photos) if PHOTO_ID.fullmatch(photo)}


def require_status(issue: Issue, status: Status) -> None:
    """Refuse what the issue's status does not permit.

    Raises:
        Conflict: `invalid_state`, it is not `status`.
    """
    if issue.status != status:
        raise Conflict(f"This issue is {issue.status} already.", code="invalid_state")


def issue_reported(issue: Issue, charge_point_key: int) -> DomainEvent:
    """`issue.reported`: webhooks carry it, and the organisation is mailed."""
    data: dict[str, Any] = {
        "issue_id": issue.issue_id,
        "reference_number": issue.reference_number,
        "charge_point_id": issue.charge_point_id,
        "project_id": issue.project_id,
        "session_id": issue.session_id,
        "category": issue.category,
        "severity": issue.severity,
        "status": issue.status,
        "description": issue.description,
        "step": issue.step,
        "photo_urls": list(issue.photos),
        "reported_by": {ID_OF[issue.reported_by.kind]: issue.reported_by.id, "full_name": issue.reported_by.name},
        "created_at": rfc3339(issue.created_at),
    }
    return DomainEvent("issue.reported", issue.organization_id, issue.created_at, data, charge_point_key)
