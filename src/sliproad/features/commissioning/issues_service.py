"""Issues as those use them who report them (installers, owners of sites): report one, list, read one with its history, add a comment.

`issues_routes`, `issues_pages` and their likes for owners, `faults_…`, call it. An owner reads what owners reported: what installers
and the organisation settled during the commissioning stays between them. A report is one transaction: the issue, its number, the
first line of its history, the event that webhooks and the mail to the organisation follow from.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sliproad.features.accounts.model import InstallerActor
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.commissioning import issues_store as store
from sliproad.features.commissioning.issues import (
    Change,
    Issue,
    NewIssue,
    Reporter,
    Selection,
    issue_reported,
    person_of,
    photo_ids,
    reference_number,
)
from sliproad.features.commissioning.issues_reach import IssueReach
from sliproad.features.commissioning.photos_service import PhotoService
from sliproad.features.commissioning.store import latest_session
from sliproad.features.projects.service import ProjectService
from sliproad.foundation import outbox
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Session
from sliproad.foundation.errors import NotFound
from sliproad.foundation.ids import new_id
from sliproad.foundation.web import Page
from sliproad.foundation.web.limits import RateLimiter

REPORTS = "300/hour"


@dataclass(frozen=True, slots=True)
class IssueFile:
    """An issue with its history."""

    issue: Issue
    history: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class IssuePage:
    issues: tuple[Issue, ...]
    total: int
    next_cursor: str | None


class IssueService:
    """One per web process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        registry: RegistryService,
        projects: ProjectService,
        photos: PhotoService,
        limiter: RateLimiter,
        prefix: str,
    ) -> None:
        """`database` speaks as role `web`; `prefix` begins the reference numbers of this installation."""
        self.database, self.clock = database, clock
        self.photos, self.limiter, self.prefix = photos, limiter, prefix
        self.reach = IssueReach(registry, projects)

    async def report(self, actor: Reporter, charge_point_id: str, new: NewIssue) -> Issue:
        """Report an issue of a charge point.

        Raises:
            NotFound: no such charge point in their reach.
            Conflict: `project_handed_over` for installers; `invalid_state` for owners before the handover.
            InvalidInput: a photo is named that was not uploaded for this charge point.
            TooMany: more than `REPORTS` of this person.
        """
        now, who = self.clock.now(), person_of(actor)
        await self.limiter.hit(REPORTS, "issues", who.id)
        async with self.database.transaction(replace(actor.scope, lookup=str(now.year))) as session:
            charge_point = await self.reach.charge_point(session, actor, charge_point_id)
            await self.reach.require_reporting(session, actor, charge_point.project_id)
            await self.photos.require_uploaded(session, charge_point.key, photo_ids(new.photos))
            newest = await latest_session(session, charge_point.key)
            number = await store.take_number(
                session, now.year
            )  # last: it holds back all other reports until the commit
            row = store.IssueRow(
                issue_id=new_id("iss"),
                organization_id=charge_point.organization_id,
                project_id=charge_point.project_id,
                charge_point_key=charge_point.key,
                charge_point_id=charge_point.charge_point_id,
                session_id=newest[0].session_id if newest else None,
                reference_number=reference_number(self.prefix, now.year, number),
                category=new.category,
                severity=new.severity,
                description=new.description,
                step=new.step,
                photos=list(new.photos),
                status="open",
                reported_by=who.id,
                reported_by_kind=who.kind,
                reported_by_name=who.name,
                created_at=now,
                updated_at=now,
            )
            session.add(row)
            await session.flush()
            store.insert_change(session, row, Change(now, "reported", who))
            issue = store.issue_of(row)
            outbox.publish(session, issue_reported(issue, charge_point.key), project_id=charge_point.project_id)
        return issue

    async def of_charge_point(self, actor: Reporter, charge_point_id: str, page: Page) -> IssuePage:
        """What was reported of a charge point, newest first.

        Raises:
            NotFound: no such charge point in their reach.
        """
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.reach.charge_point(session, actor, charge_point_id)
            return await issue_page(session, seen_by(actor, Selection(charge_point_key=charge_point.key)), page)

    async def of_project(self, actor: Reporter, project_id: str, page: Page) -> IssuePage:
        """What was reported in a project, newest first.

        Raises:
            NotFound: absent, or not in their reach (any more).
        """
        async with self.database.transaction(actor.scope) as session:
            await self.reach.project(session, actor, project_id)
            return await issue_page(session, seen_by(actor, Selection(project_id=project_id)), page)

    async def read(self, actor: Reporter, charge_point_id: str, issue_id: str) -> IssueFile:
        """One issue of a charge point, with what was said and done about it.

        Raises:
            NotFound: no such charge point in their reach, or no such issue of it.
        """
        async with self.database.transaction(actor.scope) as session:
            row = await self._row(session, actor, charge_point_id, issue_id)
            return await issue_file(session, row)

    async def comment(self, actor: Reporter, charge_point_id: str, issue_id: str, text: str) -> IssueFile:
        """Add to what is known of an issue.

        Raises:
            NotFound: no such charge point in their reach, or no such issue of it.
        """
        async with self.database.transaction(actor.scope) as session:
            row = await self._row(session, actor, charge_point_id, issue_id, lock=True)
            store.insert_change(session, row, Change(self.clock.now(), "commented", person_of(actor), text))
            return await issue_file(session, row)

    async def _row(
        self, session: Session, actor: Reporter, charge_point_id: str, issue_id: str, *, lock: bool = False
    ) -> store.IssueRow:
        charge_point = await self.reach.charge_point(session, actor, charge_point_id)
        row = await store.find_issue(session, issue_id, lock=lock)
        kind = seen_by(actor, Selection()).reporter_kind
        if row is None or row.charge_point_key != charge_point.key or (kind and row.reported_by_kind != kind):
            raise absent()
        return row


def seen_by(actor: Reporter, selection: Selection) -> Selection:
    """What of a selection somebody reads: installers all of it, owners of the site what owners reported."""
    return selection if isinstance(actor, InstallerActor) else replace(selection, reporter_kind="site_owner")


async def issue_page(session: Session, selection: Selection, page: Page) -> IssuePage:
    """One page of what `selection` and the transaction's scope leave, newest first."""
    before = page.after(datetime, str)
    rows = await store.select_issues(session, selection, limit=page.limit, before=before and (before[0], before[1]))
    kept, next_cursor = page.cut(rows, lambda row: (row.created_at, row.issue_id))
    total = await store.count_issues(session, selection)
    return IssuePage(tuple(store.issue_of(row) for row in kept), total, next_cursor)


async def issue_file(session: Session, row: store.IssueRow) -> IssueFile:
    """A row with its history, what this transaction adds included."""
    await session.flush()
    return IssueFile(store.issue_of(row), await store.select_changes(session, row.issue_id))


def absent() -> NotFound:
    """The same words whether it does not exist or is somebody else's."""
    return NotFound("There is no such issue.")
