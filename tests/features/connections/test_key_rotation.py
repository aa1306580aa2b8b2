"""Stored passwords go from one key to the next (trust P3), and nothing that is connected notices."""

import pytest
from sqlalchemy import text

from features.connections.conftest import Scene
from sliproad.features.connections.key_rotation import KeyRotation
from sliproad.features.connections.sealing import ConnectionSecrets
from sliproad.foundation.crypto import SealingKeys, WrongKey
from sliproad.foundation.database import ENGINE
from workplace import SEALING_SECRET

NEW_SECRET = "the sealing key of next year, as random"
SEALED = (
    "select password_sealed, generation, changed_xid from connection_assignments",
    "select password_sealed, 0, 0 from connection_versions where password_sealed is not null",
)


async def sealed(scene: Scene) -> list[tuple[bytes, int, int]]:
    async with scene.workplace.engine.transaction(ENGINE) as session:
        return [tuple(row) for statement in SEALED for row in await session.execute(text(statement))]


async def test_passwords_are_sealed_anew_once(scene: Scene) -> None:
    await scene.charge_point("EH1")
    await scene.store()
    await scene.apply("chargers/EH1", await scene.store(basicAuthPassword="a-password-of-20-ch."))
    before = await sealed(scene)
    both = ConnectionSecrets(SealingKeys([NEW_SECRET, SEALING_SECRET]))
    rotation = KeyRotation(scene.workplace.engine, both)
    assert (await rotation.reseal(), await rotation.reseal()) == (2, 0)
    after = await sealed(scene)
    assert all(old[0] != new[0] for old, new in zip(before, after, strict=True))
    newest = ConnectionSecrets(SealingKeys([NEW_SECRET]))
    assert {newest.open(row[0]) for row in after} == {"a-password-of-20-ch."}
    assert after[0][1] == before[0][1], "the same settings: no gateway connects anew"
    assert after[0][2] > before[0][2], "but each reads the row"


async def test_a_key_that_is_missing_is_told(scene: Scene) -> None:
    await scene.store(basicAuthPassword="a-password-of-20-ch.")
    with pytest.raises(WrongKey):
        await KeyRotation(scene.workplace.engine, ConnectionSecrets(SealingKeys([NEW_SECRET]))).reseal()
