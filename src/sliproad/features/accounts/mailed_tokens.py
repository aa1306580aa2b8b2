"""Tokens that go out in mailed links: 128 random bits and more, single use, only their keyed hash is kept (contract §2)."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from sliproad.features.accounts import people_store
from sliproad.features.accounts.model import MAILED_TOKEN_LIFETIME, PersonKind, Purpose
from sliproad.features.accounts.store import MailTokenRow
from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database, Scope, Session
from sliproad.foundation.errors import InvalidInput
from sliproad.foundation.ids import random_text

TOKEN_CHARACTERS = 32
HASH_PURPOSE = "mailed token"
PATHS = {
    Purpose.VERIFY_EMAIL: "/verify-email",
    Purpose.RESET_PASSWORD: "/reset-password",
    Purpose.INVITATION: "/accept-invitation",
}


class MailedTokens:
    """Makes and finds them."""

    def __init__(self, secret_key: SecretKey, public_url: str, clock: Clock) -> None:
        self.secret_key = secret_key
        self.public_url = public_url
        self.clock = clock

    def hash(self, token: str) -> str:
        return self.secret_key.fast_hash(HASH_PURPOSE, token)

    def make(
        self,
        session: Session,
        purpose: Purpose,
        email: str,
        *,
        lifetime: timedelta = MAILED_TOKEN_LIFETIME,
        **columns: Any,
    ) -> tuple[str, datetime]:
        """Store a new token in the running transaction; gives the link that carries it, and until when it is good."""
        token, expires_at = random_text(TOKEN_CHARACTERS), self.clock.now() + lifetime
        session.add(
            MailTokenRow(token_hash=self.hash(token), purpose=purpose, email=email, expires_at=expires_at, **columns)
        )
        return f"{self.public_url}{PATHS[purpose]}?token={quote(token)}", expires_at

    async def find(
        self, database: Database, token: str, purpose: Purpose, kind: PersonKind | None = None
    ) -> MailTokenRow:
        """What this token is good for; nothing changes.

        Raises:
            InvalidInput: it is not one of ours, is for something or somebody of another kind, was used, or has expired.
        """
        token_hash = self.hash(token)
        async with database.transaction(Scope(lookup=token_hash)) as session:
            row = await people_store.usable_mail_token(session, token_hash, self.clock.now())
        if row is None or row.purpose != purpose or (kind is not None and kind is not kind_of(row)):
            raise invalid_token()
        return row

    async def spend(self, session: Session, row: MailTokenRow) -> None:
        """Use it up, in a scope that opens it by its hash; of two at once one wins.

        Raises:
            InvalidInput: it was used in between.
        """
        held = await people_store.usable_mail_token(session, row.token_hash, self.clock.now())
        if held is None:
            raise invalid_token()
        held.used_at = self.clock.now()


def kind_of(row: MailTokenRow) -> PersonKind:
    return PersonKind.INSTALLER if row.installer_id else PersonKind.USER


def invalid_token() -> InvalidInput:
    return InvalidInput.field("token", "is not valid, was used already, or has expired; ask for a new mail")
