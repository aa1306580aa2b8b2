"""What was charged: read by commissioning (the test transaction), by the transactions route and by handover."""

from collections.abc import Sequence
from datetime import datetime

from sliproad.features.charging import transactions_store
from sliproad.features.charging.model import MeterReading, Start16, Transaction
from sliproad.foundation.database import Where
from sliproad.foundation.web.paging import Page


class ChargingService:
    """Every method works in the caller's transaction and sees what its scope sees, or by itself for role `engine`."""

    async def transactions_of(
        self,
        where: Where,
        charge_point_key: int,
        *,
        since: datetime | None = None,
        id_token: str | None = None,
        remote_start_id: int | None = None,
    ) -> list[Transaction]:
        """A charge point's transactions, oldest first, whose first message came at `since` or later.

        Where a token or a `remoteStartId` is given: those that have one of them.
        """
        return await transactions_store.transactions_of(where, charge_point_key, since, id_token, remote_start_id)

    async def transaction_started_by(self, where: Where, charge_point_key: int, start_key: str) -> str | None:
        """The id that 1.6's StartTransaction with this natural key was given (`ocpp.start_transaction`); None: there is none."""
        return await transactions_store.transaction_started_by(where, charge_point_key, start_key)

    async def start_of(self, where: Where, charge_point_key: int, transaction_id: str) -> Start16 | None:
        """What the StartTransaction of this 1.6 transaction said; None where it never came."""
        return await transactions_store.start_of(where, charge_point_key, transaction_id)

    async def transactions_page(
        self, where: Where, page: Page, *, charge_point_key: int | None = None, is_open: bool | None = None
    ) -> tuple[list[Transaction], str | None]:
        """Newest first: the page's transactions and the next cursor."""
        after = page.after(datetime, int)
        found = await transactions_store.newest_transactions(
            where, page.limit + 1, (after[0], after[1]) if after else None, charge_point_key, is_open=is_open
        )
        return page.cut(found, lambda transaction: (transaction.received_at, transaction.transaction_key))

    async def meter_readings(self, where: Where, charge_point_key: int, since: datetime) -> Sequence[MeterReading]:
        """A charge point's meter readings received at `since` or later, in the order they came."""
        return await transactions_store.meter_readings(where, charge_point_key, since)
