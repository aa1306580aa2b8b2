"""Issues as those work on them whom installers tell: the organisation whose charge point it is, and platform support.

`issues_cpo_routes` calls it. Everything done to an issue is a line of its history: who, when, what.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from sliproad.features.accounts.model import OrganizationActor, PlatformAdminActor
from sliproad.features.accounts.service import AccountService
from sliproad.features.commissioning import issues_store as store
from sliproad.features.commissioning.issues import Action, Change, Person, Selection, person_of, require_status
from sliproad.features.commissioning.issues_service import IssueFile, IssuePage, absent, issue_file, issue_page
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database, Session
from sliproad.foundation.errors import InvalidInput, NotFound
from sliproad.foundation.web import Page

Actor = OrganizationActor | PlatformAdminActor


class IssueDesk:
    """One per web process."""

    def __init__(self, database: Database, engine: Database, clock: Clock, accounts: AccountService) -> None:
        """`database` speaks as role `web`; `engine`, which sees all organisations, is asked for platform support alone."""
        self.database, self.engine, self.clock, self.accounts = database, engine, clock, accounts

    async def page(self, actor: Actor, selection: Selection, page: Page) -> IssuePage:
        """The organisation's issues (support: all issues) that `selection` leaves, newest first."""
        if isinstance(actor, OrganizationActor):
            selection = replace(selection, organization_id=actor.organization_id)
        async with self._transaction(actor) as session:
            return await issue_page(session, selection, page)

    async def read(self, actor: Actor, issue_id: str) -> IssueFile:
        """One issue with its history.

        Raises:
            NotFound: absent, or another organisation's.
        """
        async with self._transaction(actor) as session:
            return await issue_file(session, await self._row(session, actor, issue_id))

    async def comment(self, actor: Actor, issue_id: str, text: str) -> IssueFile:
        """Say something about an issue; its reporter reads it.

        Raises:
            NotFound: absent, or another organisation's.
        """
        async with self._transaction(actor) as session:
            row = await self._row(session, actor, issue_id, lock=True)
            store.insert_change(session, row, Change(self.clock.now(), "commented", person_of(actor), text))
            return await issue_file(session, row)

    async def assign(self, actor: OrganizationActor, issue_id: str, user_id: str | None) -> IssueFile:
        """Give an issue to a user of the organisation, or (None) to nobody. Whoever has it already keeps it.

        Raises:
            NotFound: absent, or another organisation's.
            InvalidInput: `user_id` is no user of the organisation.
        """
        async with self._transaction(actor) as session:
            row = await self._row(session, actor, issue_id, lock=True)
            to = None if user_id is None else await self._member(session, actor, user_id)
            if row.assigned_to != user_id:
                action: Action = "assigned" if to else "unassigned"
                row.assigned_to, row.assigned_to_name = user_id, to.name if to else None
                change = Change(self.clock.now(), action, person_of(actor), assigned_to=to)
                store.insert_change(session, row, change)
            return await issue_file(session, row)

    async def resolve(self, actor: OrganizationActor, issue_id: str, comment: str | None) -> IssueFile:
        """The issue is dealt with.

        Raises:
            NotFound: absent, or another organisation's.
            Conflict: `invalid_state`, it is resolved already.
        """
        async with self._transaction(actor) as session:
            row = await self._row(session, actor, issue_id, lock=True)
            require_status(store.issue_of(row), "open")
            now = self.clock.now()
            row.status, row.resolved_at = "resolved", now
            store.insert_change(session, row, Change(now, "resolved", person_of(actor), comment))
            return await issue_file(session, row)

    async def reopen(self, actor: OrganizationActor, issue_id: str, comment: str | None) -> IssueFile:
        """The issue is not dealt with after all.

        Raises:
            NotFound: absent, or another organisation's.
            Conflict: `invalid_state`, it is open.
        """
        async with self._transaction(actor) as session:
            row = await self._row(session, actor, issue_id, lock=True)
            require_status(store.issue_of(row), "resolved")
            row.status, row.resolved_at = "open", None
            store.insert_change(session, row, Change(self.clock.now(), "reopened", person_of(actor), comment))
            return await issue_file(session, row)

    @asynccontextmanager
    async def _transaction(self, actor: Actor) -> AsyncIterator[Session]:
        if isinstance(actor, PlatformAdminActor):
            async with self.engine.transaction(ENGINE) as session:
                yield session
        else:
            async with self.database.transaction(actor.scope) as session:
                yield session

    async def _row(self, session: Session, actor: Actor, issue_id: str, *, lock: bool = False) -> store.IssueRow:
        row = await store.find_issue(session, issue_id, lock=lock)
        is_foreign = (
            row is not None and isinstance(actor, OrganizationActor) and row.organization_id != actor.organization_id
        )
        if row is None or is_foreign:
            raise absent()
        return row

    async def _member(self, session: Session, actor: OrganizationActor, user_id: str) -> Person:
        try:
            name = await self.accounts.member_name(session, actor.organization_id, user_id)
        except NotFound:
            raise InvalidInput.field("user_id", "is not a user of your organisation") from None
        return Person("user", user_id, name)
