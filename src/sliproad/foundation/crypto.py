"""Keys derived from SECRET_KEY: what is kept secret at rest, and keyed hashes of what is only ever compared (trust P3, G6)."""

import base64
import contextlib
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sliproad.foundation.errors import DomainError


class WrongKey(DomainError):
    """What is stored was encrypted with another SECRET_KEY."""

    code = "wrong_secret_key"


class SecretKey:
    """The installation's secret, from which every purpose gets a key of its own (HKDF-SHA256, RFC 5869)."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._hash_keys: dict[str, bytes] = {}

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """The key for `purpose`; the same secret and purpose give the same key."""
        return HKDF(SHA256(), length, salt=None, info=b"sliproad:" + purpose.encode()).derive(self._secret)

    def fast_hash(self, purpose: str, value: str) -> str:
        """Keyed hash, hex, of something random enough not to be guessed: API keys, mailed tokens.

        `purpose` is one of a few constants: their keys are kept, since requests need them.
        """
        key = self._hash_keys.get(purpose) or self._hash_keys.setdefault(purpose, self.derive(purpose))
        return hmac.digest(key, value.encode(), "sha256").hex()

    def encrypt(self, purpose: str, plain: bytes) -> bytes:
        """Authenticated encryption (Fernet: AES-128-CBC with HMAC-SHA256)."""
        return Fernet(base64.urlsafe_b64encode(self.derive(purpose))).encrypt(plain)

    def decrypt(self, purpose: str, sealed: bytes) -> bytes:
        """The plain bytes.

        Raises:
            WrongKey: the value was sealed with another SECRET_KEY or for another purpose.
        """
        try:
            return Fernet(base64.urlsafe_b64encode(self.derive(purpose))).decrypt(sealed)
        except InvalidToken:
            raise WrongKey(
                f"The stored {purpose} can't be read with this SECRET_KEY. Use the one it was made with."
            ) from None


class SealingKeys:
    """Seals what is read again, with keys that can be changed: the first seals, each of them opens.

    To rotate: put a new one in front, seal everything again (`reseal`), take the old one out.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        """`secrets`, newest first, are texts as random as SECRET_KEY."""
        self._keys = [SecretKey(secret) for secret in secrets]

    def seal(self, purpose: str, plain: bytes) -> bytes:
        """Authenticated encryption by the first key."""
        return self._keys[0].encrypt(purpose, plain)

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """The plain bytes.

        Raises:
            WrongKey: none of the keys sealed it, or it was for another purpose.
        """
        for key in self._keys:
            with contextlib.suppress(WrongKey):
                return key.decrypt(purpose, sealed)
        raise WrongKey(f"The stored {purpose} can't be read with these keys. Add the one it was sealed with.")

    def is_current(self, purpose: str, sealed: bytes) -> bool:
        """Whether the first key sealed it."""
        try:
            self._keys[0].decrypt(purpose, sealed)
        except WrongKey:
            return False
        return True

    def reseal(self, purpose: str, sealed: bytes) -> bytes:
        """The same, sealed by the first key. Raises as `open`."""
        return self.seal(purpose, self.open(purpose, sealed))


def sha256_hex(value: str | bytes) -> str:
    """Plain SHA-256 of text or bytes, hex."""
    return hashlib.sha256(value.encode() if isinstance(value, str) else value).hexdigest()
