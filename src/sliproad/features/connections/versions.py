"""Stored connection settings: each POST makes a version that is never changed; any of them can be applied later (OPER)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sliproad.features.accounts.model import OperatorActor
from sliproad.features.connections import version_rules, versions_store
from sliproad.features.connections.model import Change, NewVersion, Version
from sliproad.features.connections.sealing import ConnectionSecrets
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database
from sliproad.foundation.errors import FieldError, NotFound
from sliproad.foundation.ids import new_id
from sliproad.foundation.web import Page


@dataclass(frozen=True, slots=True)
class ConnectionVersions:
    """Use cases of an operator's stored settings."""

    database: Database
    clock: Clock
    secrets: ConnectionSecrets

    async def store(self, actor: OperatorActor, new: NewVersion) -> tuple[Version, Sequence[FieldError]]:
        """A new version, and warnings about what some charge points won't take.

        Raises:
            InvalidInput: naming every wrong field.
        """
        now = self.clock.now()
        warnings = version_rules.check(new, now)
        values: dict[str, Any] = {name: getattr(new, name) for name in NewVersion.__slots__ if name != "password"} | {
            "version_id": new_id("ocv"),
            "operator_id": actor.operator_id,
            "password_sealed": self.secrets.seal(new.password),
            "created_by": actor.actor_id,
            "created_at": now,
        }
        async with self.database.transaction(actor.scope) as session:
            version = await versions_store.insert_version(session, values)
            stored = Change(
                "version_stored",
                actor.operator_id,
                actor.actor_id,
                now,
                serial_number=new.serial_number,
                to_version_id=version.version_id,
                details={"connectivity_mode": new.connectivity_mode, "url": new.url},
            )
            await versions_store.record(session, [stored])
        return version, warnings

    async def read(self, actor: OperatorActor, serial_number: str | None, version_id: str | None) -> Version:
        """The newest for this serial number (None: of the operator's level), or the one called `version_id`.

        Raises:
            NotFound: nothing is stored there.
        """
        async with self.database.transaction(actor.scope) as session:
            if version_id is None:
                version = await versions_store.latest_version(session, actor.operator_id, serial_number)
            else:
                version = await versions_store.find_version(session, actor.operator_id, version_id)
        if version is None or version.serial_number != serial_number:
            raise NotFound("No connection details are stored here.")
        return version

    async def find(self, actor: OperatorActor, version_id: str) -> Version:
        """Any version of the operator's. Raises NotFound."""
        async with self.database.transaction(actor.scope) as session:
            version = await versions_store.find_version(session, actor.operator_id, version_id)
        if version is None:
            raise NotFound("There are no such connection details.")
        return version

    def has_same_password(self, one: Version, other: Version) -> bool:
        """Whether they have the same password, or both none. Raises WrongKey."""
        return self.secrets.open(one.password_sealed) == self.secrets.open(other.password_sealed)

    async def page(
        self, actor: OperatorActor, serial_number: str | None, page: Page
    ) -> tuple[list[Version], int, str | None]:
        """Versions, newest first; how many there are; the next cursor."""
        after = page.after(str)
        before = after[0] if after else None
        async with self.database.transaction(actor.scope) as session:
            found = await versions_store.newest_versions(
                session, actor.operator_id, serial_number, before, page.limit + 1
            )
            total = await versions_store.count_versions(session, actor.operator_id, serial_number)
        kept, next_cursor = page.cut(found, lambda version: (version.version_id,))
        return kept, total, next_cursor

    async def changes(
        self, actor: OperatorActor, serial_number: str | None, page: Page
    ) -> tuple[list[Change], str | None]:
        """Who changed what about the operator's connections, newest first, and the next cursor."""
        after = page.after(int)
        async with self.database.transaction(actor.scope) as session:
            found = await versions_store.newest_changes(
                session,
                operator_id=actor.operator_id,
                serial_number=serial_number,
                before=after[0] if after else None,
                limit=page.limit + 1,
            )
        kept, next_cursor = page.cut(found, lambda entry: (entry[0],))
        return [change for _, change in kept], next_cursor

    def password_of(self, actor: OperatorActor, version: Version) -> str | None:
        """The password for a key that may see secrets, its mask for any other; None where there is none.

        Raises:
            WrongKey: it was sealed with a key that this installation is not given any more.
        """
        if version.password_sealed is None or not actor.may_see_secrets:
            return None if version.password_sealed is None else version_rules.MASK
        return self.secrets.open(version.password_sealed)
