"""Who signs: made once for an installation, or given as PKCS#12 (contract §3)."""

import asyncio
from pathlib import Path

import pytest

from sliproad.features.handover.signing_identity import VAULT_NAME, given_identity, own_identity
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.crypto import SecretKey, WrongKey
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.documents.identity import IdentityError, create_identity
from sliproad.foundation.vault import Vault, VaultKeyRow


async def test_many_processes_agree_on_one_identity(
    engine: Database, clock: ManualClock, secret_key: SecretKey
) -> None:
    made = await asyncio.gather(
        *(own_identity(Vault(engine, secret_key), clock, name="Riverside Charging Ltd") for _ in range(5))
    )

    assert len({identity.certificate.serial_number for identity in made}) == 1
    assert made[0].name == "Riverside Charging Ltd: Document signing"


async def test_its_key_is_sealed_at_rest(engine: Database, clock: ManualClock, secret_key: SecretKey) -> None:
    """Trust P3."""
    identity = await own_identity(Vault(engine, secret_key), clock, name="Riverside Charging Ltd")

    async with engine.transaction(ENGINE) as session:
        row = await session.get_one(VaultKeyRow, VAULT_NAME)
    secret = identity.key.private_numbers().private_value.to_bytes(32)  # type: ignore[union-attr]
    assert secret not in row.sealed
    with pytest.raises(WrongKey):
        await own_identity(Vault(engine, SecretKey("another-secret-that-is-long-enough")), clock, name="x")


def test_a_given_identity_is_used_as_it_is(tmp_path: Path, clock: ManualClock) -> None:
    bought = create_identity("Bought Ltd", clock.now())
    path = tmp_path / "signing.p12"
    path.write_bytes(bought.to_bytes(b"a password"))

    assert given_identity(path, "a password").certificate == bought.certificate
    with pytest.raises(IdentityError):
        given_identity(path, "another")
