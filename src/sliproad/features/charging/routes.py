"""`/api/v1/cpo/transactions`: what was charged at an organisation's charge points."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from sliproad.features.accounts.guards import Viewer
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.charging.model import Transaction
from sliproad.features.charging.service import ChargingService
from sliproad.foundation.database import Database
from sliproad.foundation.web import PageQuery, Timestamp


class TransactionAnswer(BaseModel):
    """Times are the charge point's own; `received_at` is ours. Energies in Wh."""

    charge_point_id: str | None
    transaction_id: str
    evse_id: int | None
    connector_id: int | None
    id_token: str | None
    id_token_type: str | None
    authorization_status: str | None
    remote_start_id: int | None
    started_at: Timestamp | None
    stopped_at: Timestamp | None
    received_at: Timestamp
    meter_start_wh: float | None
    meter_stop_wh: float | None
    last_register_wh: float | None
    last_meter_at: Timestamp | None
    energy_wh: float | None
    stop_reason: str | None
    charging_state: str | None
    open: bool
    flags: list[str] = Field(description="What deserves a second look, such as `late` or `clock_wrong`.")


class TransactionList(BaseModel):
    transactions: list[TransactionAnswer]
    next_cursor: str | None


def transaction_answer(transaction: Transaction, charge_point_id: str | None) -> TransactionAnswer:
    names = TransactionAnswer.model_fields.keys() - {"charge_point_id", "open", "flags"}
    return TransactionAnswer(
        charge_point_id=charge_point_id,
        open=transaction.is_open,
        flags=list(transaction.flags),
        **{name: getattr(transaction, name) for name in names},
    )


def router(database: Database, charging: ChargingService, registry: RegistryService) -> APIRouter:
    """The organisation's routes of transactions; `database` speaks as role `web`."""
    api = APIRouter(prefix="/api/v1/cpo/transactions", tags=["Transactions"])

    @api.get("")
    async def list_transactions(
        actor: Viewer,
        page: PageQuery,
        charge_point_id: Annotated[str | None, Query(max_length=200)] = None,
        is_open: Annotated[
            bool | None, Query(alias="open", description="Only running ones, or only ended ones.")
        ] = None,
    ) -> TransactionList:
        """The organisation's transactions, newest first."""
        async with database.transaction(actor.scope) as session:
            key = None
            if charge_point_id is not None:
                key = (await registry.of_organization(session, actor, charge_point_id)).key
            found, next_cursor = await charging.transactions_page(session, page, charge_point_key=key, is_open=is_open)
            ids = await registry.public_ids(session, {each.charge_point_key for each in found})
        return TransactionList(
            transactions=[transaction_answer(each, ids.get(each.charge_point_key)) for each in found],
            next_cursor=next_cursor,
        )

    return api
