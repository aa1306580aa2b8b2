"""Links to certificates: whoever has one may download for 90 days, so they can't be guessed and only their hash is kept.

`service` makes one for the installer's answer, `issuing` one for each mail, `jobs` one for whoever let theirs expire.
"""

from sliproad.features.handover import store
from sliproad.features.handover.model import LINK_LIFETIME
from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Session
from sliproad.foundation.ids import random_text

TOKEN_CHARACTERS = 32
"""190 random bits."""
PURPOSE = "certificate link"


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
        token, now = random_text(TOKEN_CHARACTERS), self.clock.now()
        await store.insert_link(
            session,
            {
                "token_hash": self.hash_of(token),
                "certificate_id": certificate_id,
                "organization_id": organization_id,
                "project_id": project_id,
                "mailbox": mailbox,
                "created_at": now,
                "expires_at": now + LINK_LIFETIME,
            },
        )
        return f"{self.public_url}/certificates/{token}.pdf"

    def hash_of(self, token: str) -> str:
        """What is kept of a token."""
        return self.secret_key.fast_hash(PURPOSE, token)

    def verify_url(self, certificate_id: str) -> str:
        """The page that tells anyone whether the certificate is genuine."""
        return f"{self.public_url}/verify/{certificate_id}"
