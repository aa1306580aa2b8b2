"""What an operator does with its own account: its profile and its API keys. Made by `sliproad admin create-operator`."""

from dataclasses import dataclass
from datetime import datetime

from sliproad.features.accounts import operators_store
from sliproad.features.accounts.model import ApiKey, OperatorActor
from sliproad.features.accounts.organizations import new_secret, shown_key
from sliproad.features.accounts.store import OperatorKeyRow, OperatorRow
from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database
from sliproad.foundation.errors import InvalidInput, NotAllowed, NotFound
from sliproad.foundation.web.paging import Page


def new_operator_key(
    secret_key: SecretKey, operator_id: str, name: str, scopes: list[str], clock: Clock
) -> tuple[OperatorKeyRow, str]:
    """A row to be added, and the key itself, to be shown once."""
    values, secret = new_secret(secret_key, clock)
    return OperatorKeyRow(operator_id=operator_id, name=name, scopes=scopes, **values), secret


@dataclass(frozen=True, slots=True)
class Operators:
    """Use cases of whoever holds an operator's key."""

    database: Database
    secret_key: SecretKey
    clock: Clock

    async def profile(self, actor: OperatorActor) -> OperatorRow:
        async with self.database.transaction(actor.scope) as session:
            row = await operators_store.operator(session, actor.operator_id)
        if row is None:
            raise NotFound("There is no such operator.")
        return row

    async def create_key(
        self, actor: OperatorActor, *, name: str, scopes: list[str], expires_at: datetime | None
    ) -> tuple[ApiKey, str]:
        """A new key: as it may be shown, and itself, this once.

        Raises:
            InvalidInput: it would have expired already.
            NotAllowed: it would open more than the key that asks for it.
        """
        if not actor.scopes.issuperset(scopes):
            raise NotAllowed("A key can make keys of its own scopes alone.")
        if expires_at is not None and expires_at <= self.clock.now():
            raise InvalidInput.field("expires_at", "must be in the future")
        row, secret = new_operator_key(self.secret_key, actor.operator_id, name, scopes, self.clock)
        row.expires_at, row.created_by = expires_at, actor.actor_id
        async with self.database.transaction(actor.scope) as session:
            session.add(row)
        return shown_key(row), secret

    async def keys(self, actor: OperatorActor, page: Page) -> tuple[list[ApiKey], str | None]:
        """The keys that were not revoked, and the next cursor."""
        async with self.database.transaction(actor.scope) as session:
            after = page.after(datetime, str)
            rows = await operators_store.keys(session, actor.operator_id, after, page.limit + 1)
        kept, next_cursor = page.cut(rows, lambda row: (row.created_at, row.key_id))
        return [shown_key(row) for row in kept], next_cursor

    async def revoke_key(self, actor: OperatorActor, key_id: str) -> None:
        """From the next request on the key is worth nothing. Raises NotFound."""
        async with self.database.transaction(actor.scope) as session:
            row = await operators_store.unrevoked_key(session, actor.operator_id, key_id)
            if row is None:
                raise NotFound("There is no such API key.")
            row.revoked_at = self.clock.now()
