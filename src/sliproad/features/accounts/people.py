"""What all people do with their accounts: prove their mailbox, log in and out, forget and change passwords.

One `People` per kind (installers; users). What must not tell whether an account exists is a job: the request enqueues the same
whatever the e-mail, and the worker (`account_mails`) looks (trust I2).
"""

from dataclasses import dataclass

from sliproad.features.accounts import people_store
from sliproad.features.accounts.mailed_tokens import MailedTokens, kind_of
from sliproad.features.accounts.model import PersonKind, Purpose, Status, email_key
from sliproad.features.accounts.passwords import Passwords
from sliproad.features.accounts.people_store import KINDS, PersonRow, id_of
from sliproad.features.accounts.throttle import LoginThrottle
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Scope, Session
from sliproad.foundation.errors import InvalidInput, NotAllowed, NotFound
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.language import marked
from sliproad.foundation.web.limits import RateLimiter

SIGN_UPS = "100/hour"
MAIL_REQUESTS = "60/hour"
PASSWORD_CHANGES = "10/hour"  # noqa: S105 (a limit)
SIGNED_UP, RESEND, FORGOT, CHANGED = (
    "accounts.signed_up",
    "accounts.resend_verification",
    "accounts.forgot_password",
    "accounts.password_changed",
)


@dataclass(frozen=True, slots=True)
class People:
    """Use cases of one kind of people."""

    kind: PersonKind
    database: Database
    passwords: Passwords
    mailed_tokens: MailedTokens
    throttle: LoginThrottle
    limiter: RateLimiter
    jobs: Jobs
    clock: Clock

    async def verify_email(self, token: str) -> PersonRow:
        """The mailbox is proven; the account becomes `active`. Raises InvalidInput for a token that is not good."""
        row = await self.mailed_tokens.find(self.database, token, Purpose.VERIFY_EMAIL, self.kind)
        person_id = row.installer_id or row.user_id or ""
        async with self.database.transaction(KINDS[self.kind].scope(person_id, row.token_hash)) as session:
            await self.mailed_tokens.spend(session, row)
            person = await self._held(session, person_id)
            people_store.set_verified(person, self.clock.now())
            return person

    async def resend_verification(self, email: str, address: str) -> None:
        """Mail the link anew, where there is an account that waits for it; the answer does not tell."""
        await self._mail_request(RESEND, email, address)

    async def forgot_password(self, email: str, address: str) -> None:
        """Mail a link for a new password, where there is such an account; the answer does not tell."""
        await self._mail_request(FORGOT, email, address)

    async def reset_password(self, token: str, password: str) -> PersonRow:
        """A new password by a mailed token, which also proves the mailbox; all access tokens of before are dead."""
        row = await self.mailed_tokens.find(self.database, token, Purpose.RESET_PASSWORD, self.kind)
        person_id = row.installer_id or row.user_id or ""
        password_hash = await self.passwords.hash(password)
        async with self.database.transaction(KINDS[self.kind].scope(person_id, row.token_hash)) as session:
            await self.mailed_tokens.spend(session, row)
            person = await self._held(session, person_id)
            people_store.set_password(person, password_hash)
            people_store.set_verified(person, self.clock.now())
            for purpose in (Purpose.RESET_PASSWORD, Purpose.VERIFY_EMAIL):
                await people_store.spend_mail_tokens(session, self.kind, person_id, purpose, self.clock.now())
            await self.jobs.enqueue(session, CHANGED, kind=self.kind.value, person_id=person_id)
            return person

    async def change_password(self, person_id: str, current: str, new: str) -> None:
        """Replace the password by who knows it; all access tokens of before are dead, the one in use too.

        Raises:
            InvalidInput: `current_password` is wrong.
            TooMany: after ten attempts in an hour.
        """
        await self.limiter.hit(PASSWORD_CHANGES, "change-password", person_id)
        scope = KINDS[self.kind].scope(person_id)
        async with self.database.transaction(scope) as session:
            stored = (await self._held(session, person_id)).password_hash
        if not (await self.passwords.verify(current, stored))[0]:
            raise InvalidInput.field("current_password", marked("is wrong"))
        password_hash = await self.passwords.hash(new)
        async with self.database.transaction(scope) as session:
            people_store.set_password(await self._held(session, person_id), password_hash)
            await self.jobs.enqueue(session, CHANGED, kind=self.kind.value, person_id=person_id)

    async def authenticate(self, email: str, password: str, address: str) -> PersonRow:
        """The person with this e-mail and password, coming from the network address `address`.

        Raises:
            Unauthenticated: no such pair; an unknown e-mail costs the same time.
            NotAllowed: `email_not_verified`, where the password is right.
            TooMany: guessing has been noticed (see `throttle`).
        """
        account = f"{self.kind}:{email_key(email)}"
        is_noticed = await self.throttle.admit(account, address)
        async with self.database.transaction(Scope(lookup=email_key(email))) as session:
            person = await people_store.person_by_email(session, self.kind, email_key(email))
        is_right, renewed = await self.passwords.verify(password, person.password_hash if person else None)
        if person is None or not is_right:
            raise await self.throttle.failed(account, address, is_noticed=is_noticed)
        await self.throttle.succeeded(account, address)
        if person.status != Status.ACTIVE:
            raise NotAllowed(
                marked("Verify your e-mail address first: open the link in the mail that we sent."),
                code="email_not_verified",
            )
        async with self.database.transaction(KINDS[self.kind].scope(id_of(person))) as session:
            held = await self._held(session, id_of(person))
            held.last_login_at = self.clock.now()
            if renewed and held.password_hash == person.password_hash:
                held.password_hash = renewed
        return person

    async def profile(self, person_id: str) -> PersonRow:
        async with self.database.transaction(KINDS[self.kind].scope(person_id)) as session:
            return await self._held(session, person_id)

    async def update_profile(self, person_id: str, changes: dict[str, str | None]) -> PersonRow:
        """Set the given columns (`full_name`, `phone`, `company`)."""
        async with self.database.transaction(KINDS[self.kind].scope(person_id)) as session:
            person = await self._held(session, person_id)
            for name, value in changes.items():
                setattr(person, name, value)
            if self.kind is PersonKind.USER and "full_name" in changes:
                await people_store.rename_memberships(session, person_id, person.full_name)
            return person

    async def _held(self, session: Session, person_id: str) -> PersonRow:
        person = await people_store.person_by_id(session, self.kind, person_id, lock=True)
        if person is None:
            raise NotFound("There is no such account.")
        return person

    async def _mail_request(self, job: str, email: str, address: str) -> None:
        await self.limiter.hit(MAIL_REQUESTS, "mail-request", address)
        await self.jobs.enqueue(None, job, kind=self.kind.value, email=email)


async def kind_of_token(mailed_tokens: MailedTokens, database: Database, token: str, purpose: Purpose) -> PersonKind:
    """Whose a mailed token is: pages are the same for all people. Raises InvalidInput for one that is not good."""
    return kind_of(await mailed_tokens.find(database, token, purpose))
