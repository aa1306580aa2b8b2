"""Mails about accounts, decided and written by the workers (role `engine`): who signed up, forgot, or changed something."""

from typing import Any

from sliproad.features.accounts import people_store
from sliproad.features.accounts.mailed_tokens import MailedTokens
from sliproad.features.accounts.model import PersonKind, Purpose, Status, email_key
from sliproad.features.accounts.people_store import KINDS, PersonRow, id_of
from sliproad.foundation.database import ENGINE, Database, Session
from sliproad.foundation.errors import TooMany
from sliproad.foundation.letters import Letter
from sliproad.foundation.outgoing import Outgoing
from sliproad.foundation.web.limits import RateLimiter

PER_MAILBOX = "5/hour"
NOT_YOU = "If this was not you, you can ignore this mail: nothing happens without the link."


class AccountMails:
    """Jobs call these; each is one transaction, so that a mail and its token go together."""

    def __init__(
        self, database: Database, mailed_tokens: MailedTokens, outgoing: Outgoing, limiter: RateLimiter
    ) -> None:
        self.database = database
        self.mailed_tokens = mailed_tokens
        self.outgoing = outgoing
        self.limiter = limiter

    async def signed_up(self, kind: str, person_id: str, email: str) -> None:
        """The verification link to who is new; a hint to whoever has this e-mail already."""
        if await self._is_flooded(email):
            return
        async with self.database.transaction(ENGINE) as session:
            person = await people_store.person_by_email(session, PersonKind(kind), email_key(email))
            if person is None:
                return
            if person.status == Status.ACTIVE:
                await self.outgoing.enqueue(session, _known(person).to(person.email))
            else:
                await self._send_verification(session, PersonKind(kind), person, is_new=id_of(person) == person_id)

    async def resend_verification(self, kind: str, email: str) -> None:
        """The verification link anew, where an account waits for it."""
        if await self._is_flooded(email):
            return
        async with self.database.transaction(ENGINE) as session:
            person = await people_store.person_by_email(session, PersonKind(kind), email_key(email))
            if person is not None and person.status != Status.ACTIVE:
                await self._send_verification(session, PersonKind(kind), person, is_new=True)

    async def forgot_password(self, kind: str, email: str) -> None:
        """A link for a new password, where there is an account."""
        if await self._is_flooded(email):
            return
        async with self.database.transaction(ENGINE) as session:
            person = await people_store.person_by_email(session, PersonKind(kind), email_key(email))
            if person is None:
                return
            link, _ = self.mailed_tokens.make(
                session, Purpose.RESET_PASSWORD, person.email, **_owner(PersonKind(kind), person)
            )
            letter = Letter(
                "Choose a new password",
                f"Hello {person.full_name},",
                (
                    "Somebody, probably you, asked for a new password for your Sliproad account. The link is good for 24 hours, once.",
                ),
                link=("Choose a new password", link),
                closing=(NOT_YOU,),
            )
            await self.outgoing.enqueue(session, letter.to(person.email))

    async def password_changed(self, kind: str, person_id: str) -> None:
        """Tell the owner, in case it was somebody else."""
        async with self.database.transaction(ENGINE) as session:
            person = await people_store.person_by_id(session, PersonKind(kind), person_id)
            if person is None:
                return
            letter = Letter(
                "Your password was changed",
                f"Hello {person.full_name},",
                (
                    "The password of your Sliproad account was changed, and every earlier login was ended.",
                    "If this was not you, ask for a new password at once: your mailbox still belongs to you.",
                ),
            )
            await self.outgoing.enqueue(session, letter.to(person.email))

    async def _is_flooded(self, email: str) -> bool:
        """Whether this mailbox was written to often enough for this hour; nobody is told, since that would tell of the account."""
        try:
            await self.limiter.hit(PER_MAILBOX, "mailbox", email_key(email))
        except TooMany:
            return True
        return False

    async def _send_verification(self, session: Session, kind: PersonKind, person: PersonRow, *, is_new: bool) -> None:
        link, _ = self.mailed_tokens.make(session, Purpose.VERIFY_EMAIL, person.email, **_owner(kind, person))
        welcome = "Welcome to Sliproad. Confirm that this mailbox is yours, and your account is ready."
        again = (
            "Somebody, probably you, signed up again with this e-mail. The account from the first time still waits to be confirmed,"
            " with the password chosen then. Confirm it below, and if you don't know that password, ask for a new one."
        )
        letter = Letter(
            "Confirm your e-mail address",
            f"Hello {person.full_name},",
            (welcome if is_new else again, "The link is good for 24 hours, once."),
            link=("Confirm this address", link),
            closing=(NOT_YOU,),
        )
        await self.outgoing.enqueue(session, letter.to(person.email))


def _known(person: PersonRow) -> Letter:
    return Letter(
        "You already have an account",
        f"Hello {person.full_name},",
        (
            "Somebody, probably you, tried to sign up with this e-mail, which has a Sliproad account already. Nothing was changed.",
            "Just log in. If you don't know your password any more, ask for a new one.",
        ),
        closing=("If this was not you, you can ignore this mail.",),
    )


def _owner(kind: PersonKind, person: PersonRow) -> dict[str, Any]:
    return {KINDS[kind].id_name: id_of(person)}
