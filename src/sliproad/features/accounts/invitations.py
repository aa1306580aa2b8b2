"""Inviting people by e-mail: users into an organisation, and whatever later rooms make of an acceptance (site owners).

A later room registers what accepting its invitations does: `invitations.on_acceptance(InvitationPurpose.SITE_OWNER, sites.bind_owner)`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sliproad.features.accounts import organizations_store, people_store
from sliproad.features.accounts.mailed_tokens import MailedTokens
from sliproad.features.accounts.model import (
    INVITATION_LIFETIME,
    InvitationPurpose,
    OrganizationActor,
    PersonKind,
    Purpose,
    Role,
    Status,
    email_key,
)
from sliproad.features.accounts.passwords import Passwords
from sliproad.features.accounts.people_store import KINDS
from sliproad.features.accounts.store import MailTokenRow, MembershipRow, UserRow
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Scope, Session
from sliproad.foundation.errors import Conflict, FieldError, InvalidInput, NotFound
from sliproad.foundation.ids import new_id
from sliproad.foundation.letters import Letter
from sliproad.foundation.outgoing import Outgoing
from sliproad.foundation.web.limits import RateLimiter

INVITATIONS = "100/hour"


@dataclass(frozen=True, slots=True)
class Invitation:
    invitation_id: str
    email: str
    purpose: InvitationPurpose
    data: dict[str, Any]
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Accepted:
    """Who accepted what."""

    user_id: str
    email: str
    full_name: str
    organization_id: str
    data: dict[str, Any]


OnAcceptance = Callable[[Session, Accepted], Awaitable[None]]
"""Called inside the transaction of the acceptance, whose scope is the inviting organisation and the user."""


class Invitations:
    """Use cases of inviting and accepting."""

    def __init__(
        self,
        *,
        database: Database,
        mailed_tokens: MailedTokens,
        outgoing: Outgoing,
        passwords: Passwords,
        limiter: RateLimiter,
        clock: Clock,
    ) -> None:
        self.database = database
        self.mailed_tokens = mailed_tokens
        self.outgoing = outgoing
        self.passwords = passwords
        self.limiter = limiter
        self.clock = clock
        self._on_acceptance: dict[InvitationPurpose, OnAcceptance] = {InvitationPurpose.ORGANIZATION_USER: _join}

    def on_acceptance(self, purpose: InvitationPurpose, act: OnAcceptance) -> None:
        """Say what accepting an invitation for `purpose` does."""
        self._on_acceptance[purpose] = act

    async def invite_user(
        self,
        session: Session,
        actor: OrganizationActor,
        email: str,
        purpose: InvitationPurpose,
        data: dict[str, Any],
        *,
        about: str,
    ) -> Invitation:
        """Invite `email` in the running transaction (scope: the organisation); the mail goes out with its commit.

        Args:
            session: of the caller.
            actor: who invites.
            email: the mailbox, already checked by `Email`.
            purpose: what accepting does.
            data: given back to `on_acceptance`.
            about: completes the sentence "… invites you", such as `to look after the site Riverside`.

        Raises:
            TooMany: the organisation invites too much.
        """
        await self.limiter.hit(INVITATIONS, "invitation", actor.organization_id)
        card = await organizations_store.organization_card(session, actor.organization_id)
        name = card[0] if card else "An organisation"
        invitation_id = new_id("inv")
        link, expires_at = self.mailed_tokens.make(
            session, Purpose.INVITATION, email, lifetime=INVITATION_LIFETIME, organization_id=actor.organization_id,
            invitation_id=invitation_id, data={"purpose": purpose.value, "about": about, **data}, created_at=self.clock.now(),
        )  # fmt: skip
        letter = Letter(
            f"{name} invites you",
            "Hello,",
            (f"{name} invites you {about}.", "Accept below; the link is good for 14 days, once."),
            link=("See the invitation", link),
            closing=("If you don't know why you got this mail, you can ignore it.",),
        )
        await self.outgoing.enqueue(session, letter.to(email))
        return Invitation(invitation_id, email, purpose, data, self.clock.now(), expires_at)

    async def open_invitations(self, actor: OrganizationActor) -> list[Invitation]:
        """Those that nobody has accepted yet."""
        async with self.database.transaction(actor.scope) as session:
            rows = await organizations_store.open_invitations(session, actor.organization_id, self.clock.now())
        return [_invitation(row) for row in rows]

    async def withdraw(self, actor: OrganizationActor, invitation_id: str) -> None:
        """The mailed link is void. Raises NotFound."""
        async with self.database.transaction(actor.scope) as session:
            rows = await organizations_store.open_invitations(session, actor.organization_id, self.clock.now())
            row = next((row for row in rows if row.invitation_id == invitation_id), None)
            if row is None:
                raise NotFound("There is no such invitation.")
            row.used_at = self.clock.now()

    async def look(self, token: str) -> tuple[Invitation, bool]:
        """The invitation behind a mailed token, and whether its mailbox has an account already; nothing changes.

        Raises:
            InvalidInput: the token is not good.
        """
        row = await self.mailed_tokens.find(self.database, token, Purpose.INVITATION)
        return _invitation(row), await self._active_user(row.email) is not None

    async def accept(self, token: str, *, full_name: str | None, password: str | None) -> Accepted:
        """Accept; who has no account yet gets one with `full_name` and `password`, verified, since the mailbox is proven.

        Raises:
            InvalidInput: the token is not good, or name and password are needed.
        """
        row = await self.mailed_tokens.find(self.database, token, Purpose.INVITATION)
        user = await self._active_user(row.email)
        password_hash = ""
        if user is None:
            if full_name is None or password is None:
                given = {"full_name": full_name, "password": password}
                raise InvalidInput(
                    "Choose a name and a password for your new account.",
                    tuple(FieldError(name, "is required") for name, value in given.items() if value is None),
                )
            password_hash = await self.passwords.hash(password)
        user_id = user.user_id if user else await self._pending_id(row.email) or new_id(KINDS[PersonKind.USER].prefix)
        scope = Scope(organization_id=row.organization_id or "", user_id=user_id, lookup=row.token_hash)
        async with self.database.transaction(scope) as session:
            await self.mailed_tokens.spend(session, row)
            if user is None:
                await self._make_user(session, user_id, row.email, full_name or "", password_hash)
            held = await people_store.person_by_id(session, PersonKind.USER, user_id)
            if held is None:
                raise Conflict("Somebody signed up with this e-mail in this moment. Open the link again.")
            accepted = Accepted(user_id, held.email, held.full_name, row.organization_id or "", row.data)
            await self._on_acceptance[InvitationPurpose(row.data["purpose"])](session, accepted)
            return accepted

    async def _make_user(self, session: Session, user_id: str, email: str, full_name: str, password_hash: str) -> None:
        """A new account; or one that signed up but never proved the mailbox: nothing of that stays but its id."""
        held = await people_store.person_by_id(session, PersonKind.USER, user_id, lock=True)
        if held is None:
            await people_store.insert_person(
                session, PersonKind.USER, user_id, email=email, email_key=email_key(email), full_name=full_name,
                password_hash=password_hash, status=Status.ACTIVE, verified_at=self.clock.now(),
            )  # fmt: skip
            return
        people_store.set_password(held, password_hash)
        people_store.set_verified(held, self.clock.now())
        held.full_name = full_name
        await people_store.drop_memberships(session, user_id)
        await people_store.spend_mail_tokens(session, PersonKind.USER, user_id, Purpose.VERIFY_EMAIL, self.clock.now())

    async def _active_user(self, email: str) -> UserRow | None:
        user = await self._user(email)
        return user if user is not None and user.status == Status.ACTIVE else None

    async def _pending_id(self, email: str) -> str | None:
        user = await self._user(email)
        return user.user_id if user else None

    async def _user(self, email: str) -> UserRow | None:
        key = email_key(email)
        async with self.database.transaction(Scope(lookup=key)) as session:
            user = await people_store.person_by_email(session, PersonKind.USER, key)
        return user if isinstance(user, UserRow) else None


async def _join(session: Session, accepted: Accepted) -> None:
    """Become a user of the organisation, with the role of the invitation."""
    held = await organizations_store.membership(session, accepted.organization_id, accepted.user_id)
    if held is not None:
        held.role = Role(accepted.data["role"])
        return
    session.add(
        MembershipRow(
            organization_id=accepted.organization_id,
            user_id=accepted.user_id,
            role=Role(accepted.data["role"]),
            email=accepted.email,
            full_name=accepted.full_name,
        )
    )


def _invitation(row: MailTokenRow) -> Invitation:
    data = {name: value for name, value in row.data.items() if name != "purpose"}
    purpose = InvitationPurpose(row.data["purpose"])
    return Invitation(row.invitation_id or "", row.email, purpose, data, row.created_at, row.expires_at)
