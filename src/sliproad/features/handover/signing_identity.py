"""Who signs this installation's certificates: its own identity, made once, or the PKCS#12 that it was given."""

from pathlib import Path

from sliproad.foundation.clock import Clock
from sliproad.foundation.documents.identity import SigningIdentity, create_identity
from sliproad.foundation.vault import Vault

VAULT_NAME = "handover.signing_identity"


async def own_identity(vault: Vault, clock: Clock, *, name: str) -> SigningIdentity:
    """The identity that the installation made for itself on its first start; `name` is the organisation it shows.

    Raises:
        WrongKey: it was sealed with another SECRET_KEY.
    """
    kept = await vault.get_or_make(VAULT_NAME, lambda: create_identity(name, clock.now()).to_bytes(None))
    return SigningIdentity.from_bytes(kept, None)


def given_identity(pkcs12: Path, password: str | None) -> SigningIdentity:
    """The identity in a PKCS#12 file, of a signer that a public trust list vouches for.

    Raises:
        IdentityError: the file is none, or the password does not open it.
        OSError: it can't be read.
    """
    return SigningIdentity.from_bytes(pkcs12.read_bytes(), password.encode() if password else None)
