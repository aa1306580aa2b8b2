"""Mails the organisation when an installer or the owner of a site reports an issue of one of its charge points.

`app/event_routes.py` calls `tell_organization` for each `issue.reported`, in the transaction that takes it from the outbox.
"""

from sliproad.features.accounts.service import AccountService
from sliproad.features.commissioning import issues_store as store
from sliproad.features.commissioning.issues import Issue
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.database import Session
from sliproad.foundation.letters import Letter
from sliproad.foundation.mail import is_address
from sliproad.foundation.outbox import StoredEvent
from sliproad.foundation.outgoing import Outgoing

SAID_BY = {
    "installer": "an installer reported an issue during commissioning:",
    "site_owner": "the owner of the site reported a fault:",
}


class IssueMails:
    """Used by workers."""

    def __init__(self, accounts: AccountService, projects: ProjectService, outgoing: Outgoing) -> None:
        self.accounts, self.projects, self.outgoing = accounts, projects, outgoing

    async def tell_organization(self, session: Session, event: StoredEvent) -> None:
        """One mail to the organisation's contact address."""
        row = await store.find_issue(session, event.data["issue_id"])
        mailbox = await self.accounts.organization_email(session, event.organization_id)
        if row is None or not is_address(mailbox):
            return
        project = await self.projects.by_id(session, row.project_id)
        await self.outgoing.enqueue(session, letter(store.issue_of(row), project.name).to(mailbox))


def letter(issue: Issue, project_name: str) -> Letter:
    """What the organisation reads."""
    category = issue.category.replace("_", " ")
    return Letter(
        f"{issue.reference_number}: {category} at {issue.charge_point_id}",
        "Hello,",
        (SAID_BY[issue.reported_by.kind], issue.description),
        facts=(
            ("Reference", issue.reference_number),
            ("Severity", issue.severity),
            ("Charge point", issue.charge_point_id),
            ("Project", project_name),
            *([("Step", issue.step)] if issue.step else []),
            ("Reported by", issue.reported_by.name),
            ("Photos", str(len(issue.photos))),
        ),
        closing=(f"Comment, assign or resolve it: /api/v1/cpo/issues/{issue.issue_id}",),
    )
