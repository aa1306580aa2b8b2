"""Keys that the installation makes for itself (JWT signing, certificate signing), kept encrypted in PostgreSQL, made once."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import LargeBinary, select, text
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, Database, Row, visible_to


class VaultKeyRow(Row):
    __tablename__ = "vault_keys"
    __table_args__ = ({"info": visible_to("engine")},)

    name: Mapped[str] = mapped_column(primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Vault:
    """Reads a named secret, making it on first use under an advisory lock, so that many processes agree on one."""

    def __init__(self, database: Database, secret_key: SecretKey) -> None:
        """`database` must speak as `engine`: no request may read this table."""
        self.database = database
        self.secret_key = secret_key

    async def get_or_make(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The secret called `name`; `make` is called once in the life of the installation.

        Raises:
            WrongKey: it was sealed with another SECRET_KEY.
        """
        async with self.database.transaction(ENGINE) as session:
            await session.execute(text("select pg_advisory_xact_lock(hashtext(:name))"), {"name": f"vault:{name}"})
            row = await session.scalar(select(VaultKeyRow).where(VaultKeyRow.name == name))
            if row is not None:
                return self.secret_key.decrypt(f"vault:{name}", row.sealed)
            plain = make()
            session.add(VaultKeyRow(name=name, sealed=self.secret_key.encrypt(f"vault:{name}", plain)))
            return plain
