"""Passwords of charge points: made, rotated, checked. Registration and the rotation route call it; gateways check with it.

They are machine-made (119 bits), so a salted keyed fast hash is enough and a reconnect storm costs nothing (house §3, trust G6).
"""

import hmac
import secrets
from dataclasses import dataclass

from sliproad.features.security import store
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Session
from sliproad.foundation.ids import random_text

PURPOSE = "charge-point-credential"
PASSWORD_LENGTH = 20
SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class PendingPassword:
    """A password to be given to the charge point by wire; the old one opens until this one was accepted and used."""

    credential_id: int
    password: str


class PasswordHash:
    """HMAC-SHA256 over salt and password with a key that only this installation has."""

    __slots__ = ("_key",)

    def __init__(self, secret_key: SecretKey) -> None:
        self._key = secret_key.derive(PURPOSE)

    def of(self, salt: bytes, password: bytes) -> bytes:
        """The 32 bytes that are stored."""
        return hmac.digest(self._key, salt + password, "sha256")

    def matches(self, salt: bytes, password: bytes, stored: bytes) -> bool:
        """Whether `password` is the one stored, in constant time."""
        return hmac.compare_digest(hmac.digest(self._key, salt + password, "sha256"), stored)


class CredentialService:
    """Each method works in the caller's transaction; gateways know within a second of its commit (`mirror`)."""

    def __init__(self, secret_key: SecretKey) -> None:
        self._hash = PasswordHash(secret_key)

    async def create(self, session: Session, charge_point_key: int, organization_id: str) -> str:
        """Give a new charge point its first password, returned this once: 20 alphanumerics, fit for 1.6 and 2.x (A01)."""
        password = random_text(PASSWORD_LENGTH)
        await self._insert(session, charge_point_key, organization_id, store.ACTIVE, password)
        return password

    async def rotate(self, session: Session, charge_point_key: int, organization_id: str) -> str:
        """Replace every password at once, for a person who types the new one in; the old ones open nothing from now on."""
        await store.retire_credentials(session, charge_point_key, store.ACTIVE, store.PENDING)
        return await self.create(session, charge_point_key, organization_id)

    async def begin_rotation(self, session: Session, charge_point_key: int, organization_id: str) -> PendingPassword:
        """A second password, to be sent by wire; until it is accepted *and* used both open (A01.FR.03, .04)."""
        password = random_text(PASSWORD_LENGTH)
        await store.retire_credentials(session, charge_point_key, store.PENDING)
        credential_id = await self._insert(session, charge_point_key, organization_id, store.PENDING, password)
        return PendingPassword(credential_id, password)

    async def begin_sharing(
        self, session: Session, charge_point_key: int, organization_id: str, password: str
    ) -> PendingPassword:
        """The same with a password that somebody else chose: a charge point with one password for several servers (2.0.1, B09).

        Where that password opens already it is left as it is: the charge point may be connected with it by now.
        """
        for row in await store.open_credentials(session, charge_point_key):
            if self._hash.matches(row.salt, password.encode(), row.keyed_hash):
                return PendingPassword(row.credential_id, password)
        await store.retire_credentials(session, charge_point_key, store.PENDING)
        credential_id = await self._insert(session, charge_point_key, organization_id, store.PENDING, password)
        return PendingPassword(credential_id, password)

    async def settle(self, session: Session, charge_point_key: int) -> bool:
        """Before another password is sent by wire: let a pending one that was used be the only one.

        False while the charge point has accepted one and not used it yet: what opens must not be closed under it.
        """
        for row in await store.open_credentials(session, charge_point_key):
            if row.state == store.PENDING and row.used_at is not None:
                await store.promote(session, charge_point_key)
            elif row.state == store.PENDING and row.accepted_at is not None:
                return False
        return True

    async def accepted(self, session: Session, credential_id: int) -> bool:
        """The charge point answered Accepted to a pending password; its first use makes it the only one."""
        return await store.mark_accepted(session, credential_id)

    async def abandon_rotation(self, session: Session, charge_point_key: int) -> None:
        """The charge point rejected the pending password; the old one stays (A01.FR.04)."""
        await store.retire_credentials(session, charge_point_key, store.PENDING)

    async def remove(self, session: Session, charge_point_key: int) -> None:
        """A removed charge point opens nothing."""
        await store.retire_credentials(session, charge_point_key, store.ACTIVE, store.PENDING)

    async def _insert(
        self, session: Session, charge_point_key: int, organization_id: str, state: str, password: str
    ) -> int:
        salt = secrets.token_bytes(SALT_BYTES)
        return await store.insert_credential(
            session,
            charge_point_key,
            organization_id,
            state=state,
            salt=salt,
            keyed_hash=self._hash.of(salt, password.encode()),
        )
