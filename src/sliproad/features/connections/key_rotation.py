"""Seals every stored password with the newest key: `sliproad admin reseal-secrets` calls it after a key was put in front.

It may run while everything runs, and again: what the newest key sealed is left alone. Gateways read the rows anew; since the
settings are the same, no connection is disturbed.
"""

from dataclasses import dataclass

from sliproad.features.connections import sealed_store
from sliproad.features.connections.sealing import ConnectionSecrets
from sliproad.foundation.database import ENGINE, Database

BATCH = 500


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """`database` speaks as `engine`."""

    database: Database
    secrets: ConnectionSecrets

    async def reseal(self) -> int:
        """How many passwords were sealed anew.

        Raises:
            WrongKey: one can't be opened with the keys given; those before it are done.
        """
        count = 0
        for table in sealed_store.TABLES:
            after = table.before_all
            while True:
                async with self.database.transaction(ENGINE) as session:
                    rows = await sealed_store.next_sealed(session, table, after, BATCH)
                    old = {key: sealed for key, sealed in rows if not self.secrets.is_current(sealed)}
                    fresh = {key: self.secrets.reseal(sealed) for key, sealed in old.items()}
                    await sealed_store.replace(session, table, fresh)
                count += len(fresh)
                if not rows:
                    break
                after = rows[-1][0]
        return count
