"""Links to certificates: whoever has one may download for 90 days, so they can't be guessed and only their hash is kept.

`service` makes one for the installer's answer, `issuing` one for each mail, `jobs` one for whoever let theirs expire; `reading` has
a standing one for each who asks.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sliproad.features.handover import store
from sliproad.features.handover.model import LINK_LIFETIME
from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Session
from sliproad.foundation.ids import random_text

TOKEN_CHARACTERS = 32
"""190 random bits."""
PURPOSE = "certificate link"
STANDING_PURPOSE = "standing certificate link"
STANDING_CHARACTERS = 48
"""192 bits in hex."""
STANDING_PERIOD = timedelta(days=30)
"""So long everybody who asks is given the same link again: asking often fills no table."""
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Link:
    """A download link as its full URL, and until when it works."""

    url: str
    expires_at: datetime


class CertificateLinks:
    """Makes and recognises links; `public_url` is where people reach this installation."""

    def __init__(self, clock: Clock, secret_key: SecretKey, public_url: str) -> None:
        self.clock = clock
        self.secret_key = secret_key
        self.public_url = public_url

    async def create(
        self, session: Session, *, certificate_id: str, organization_id: str, project_id: str, mailbox: str
    ) -> str:
        """A new link for the reader of `mailbox`, as its full URL."""
        owner = {"certificate_id": certificate_id, "organization_id": organization_id, "project_id": project_id}
        return (await self._keep(session, random_text(TOKEN_CHARACTERS), {**owner, "mailbox": mailbox})).url

    async def standing(
        self,
        session: Session,
        *,
        reader: str,
        certificate_id: str,
        organization_id: str,
        project_id: str,
        mailbox: str,
    ) -> Link:
        """The link of `reader` (an actor's key) to a certificate: the same for 30 days, then another; each works for 90 days.

        Its token follows from SECRET_KEY, so that it can be told again although only its hash is kept.
        """
        period = (self.clock.now() - BEGINNING) // STANDING_PERIOD
        token = self.secret_key.fast_hash(STANDING_PURPOSE, f"{certificate_id} {period} {reader}")[:STANDING_CHARACTERS]
        owner = {"certificate_id": certificate_id, "organization_id": organization_id, "project_id": project_id}
        return await self._keep(session, token, {**owner, "mailbox": mailbox})

    async def _keep(self, session: Session, token: str, values: dict[str, str]) -> Link:
        """The link of that token: as it was kept before, else from now on."""
        now = self.clock.now()
        times = {"created_at": now, "expires_at": now + LINK_LIFETIME}
        expires_at = await store.keep_link(session, {"token_hash": self.hash_of(token), **values, **times})
        return Link(f"{self.public_url}/certificates/{token}.pdf", expires_at)

    def hash_of(self, token: str) -> str:
        """What is kept of a token."""
        return self.secret_key.fast_hash(PURPOSE, token)

    def verify_url(self, certificate_id: str) -> str:
        """The page that tells anyone whether the certificate is genuine."""
        return f"{self.public_url}/verify/{certificate_id}"
