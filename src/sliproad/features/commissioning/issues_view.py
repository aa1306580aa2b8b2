"""What pages call an issue's category, and how they tell what was said and done about it. `issues_pages` asks; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sliproad.features.commissioning.issues import Change, Issue
from sliproad.features.commissioning.issues_service import IssueFile
from sliproad.features.commissioning.step_words import STEP_WORDS
from sliproad.foundation.language import gettext as _
from sliproad.foundation.language import marked

CATEGORIES: Mapping[str, str] = {
    "hardware_defect": marked("Hardware defect"),
    "network_problem": marked("Network problem"),
    "configuration_error": marked("Wrong settings"),
    "site_issue": marked("Problem at the site"),
    "other": marked("Something else"),
}
FAULT_CATEGORIES: Mapping[str, str] = {
    "hardware_defect": marked("Something on it is broken"),
    "network_problem": marked("It has no connection"),
    "configuration_error": marked("It does not charge, or charges wrongly"),
    "site_issue": marked("Something around it: cabling, ground, signs"),
    "other": marked("Something else"),
}
"""The same in the words of whoever owns the site."""
SEVERITIES: Mapping[str, str] = {
    "low": marked("Low"),
    "medium": marked("Medium"),
    "high": marked("High"),
    "critical": marked("Critical"),
}
ACTIONS: Mapping[str, str] = {
    "reported": marked("%(who)s reported it"),
    "commented": marked("%(who)s wrote"),
    "assigned": marked("%(who)s gave it to %(whom)s"),
    "unassigned": marked("%(who)s took it back: nobody has it now"),
    "resolved": marked("%(who)s resolved it"),
    "reopened": marked("%(who)s opened it again"),
}


@dataclass(frozen=True, slots=True)
class ChangeView:
    """A line of the history."""

    at: datetime
    title: str
    text: str | None


@dataclass(frozen=True, slots=True)
class IssueView:
    """An issue with its history in the reader's language; `photos` were uploaded here, `links` lie elsewhere."""

    issue: Issue
    category: str
    step: str | None
    photos: Sequence[str]
    links: Sequence[str]
    history: Sequence[ChangeView]


def category_of(issue: Issue) -> str:
    """What its category is called."""
    return _(CATEGORIES[issue.category])


def steps() -> list[tuple[str, str]]:
    """The steps of a commissioning, each with what it is called."""
    return [(name, _(words.title)) for name, words in STEP_WORDS.items()]


def view_of(file: IssueFile) -> IssueView:
    """How a page shows an issue."""
    issue = file.issue
    return IssueView(
        issue=issue,
        category=_(FAULT_CATEGORIES[issue.category]) if issue.reported_by.kind == "site_owner" else category_of(issue),
        step=_(STEP_WORDS[issue.step].title) if issue.step else None,
        photos=[photo for photo in issue.photos if is_uploaded(photo)],
        links=[photo for photo in issue.photos if not is_uploaded(photo)],
        history=[_change(change) for change in file.history],
    )


def is_uploaded(photo: str) -> bool:
    """Whether a photo was uploaded here, and is not a URL."""
    return photo.startswith("pho_")


def _change(change: Change) -> ChangeView:
    whom = change.assigned_to.name if change.assigned_to else ""
    return ChangeView(change.at, _(ACTIONS[change.action]) % {"who": change.by.name, "whom": whom}, change.comment)
