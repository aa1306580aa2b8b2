"""SQL that reads transactions and meter readings; `service` is the only caller. Row-level security narrows them to the caller."""

# ruff: noqa: S608 - SQL put together from constants of this module; values travel as parameters

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from sliproad.features.charging.meter import quantities
from sliproad.features.charging.model import (
    MeterReading,
    SeqNos,
    Start16,
    Transaction,
    derived_flags,
    transaction_energy_wh,
)
from sliproad.foundation.database import Where, run

_REGISTER = """
  left join lateral (
    select energy_wh, at from meter_values m
      where m.charge_point_key = t.charge_point_key and m.transaction_id = t.transaction_id and m.energy_wh is not null
      order by m.at {direction} limit 1) as {name} on true"""
_TRANSACTIONS = (
    "select t.*, first.energy_wh as first_register_wh, last.energy_wh as last_register_wh, last.at as last_meter_at, e.*"
    " from transactions t"
    " left join lateral (select count(*) as event_count, count(distinct seq_no) as seq_no_count,"
    " coalesce(max(seq_no)::bigint - min(seq_no) + 1, 0) as span from transaction_events e"
    " where e.charge_point_key = t.charge_point_key and e.transaction_id = t.transaction_id) as e on true"
    + _REGISTER.format(name="first", direction="asc")
    + _REGISTER.format(name="last", direction="desc")
)


STARTED = "select transaction_id from transactions where charge_point_key = %(key)s and start_key = %(start_key)s"


START_OF = """
select connector_id, id_token, meter_start_wh::bigint, started_at, start_key from transactions
  where charge_point_key = %(key)s and transaction_id = %(transaction_id)s and is_known and started_at is not null
    and connector_id is not null and id_token is not null and meter_start_wh is not null
"""


async def start_of(where: Where, charge_point_key: int, transaction_id: str) -> Start16 | None:
    """What the StartTransaction of this 1.6 transaction said."""
    rows = await run(where, START_OF, {"key": charge_point_key, "transaction_id": transaction_id})
    return Start16(*rows[0]) if rows else None


async def transaction_started_by(where: Where, charge_point_key: int, start_key: str) -> str | None:
    """The id that 1.6's StartTransaction with this natural key was given."""
    rows = await run(where, STARTED, {"key": charge_point_key, "start_key": start_key})
    return rows[0][0] if rows else None


async def transactions_of(
    where: Where,
    charge_point_key: int,
    since: datetime | None,
    id_token: str | None,
    remote_start_id: int | None,
) -> list[Transaction]:
    """A charge point's transactions whose first message came at `since` or later, oldest first; of those that have the token
    or the `remoteStartId`, where either is given.
    """
    conditions = ["t.charge_point_key = %(charge_point_key)s"]
    given = {"charge_point_key": charge_point_key, "since": since, "id_token": id_token, "start_id": remote_start_id}
    if since is not None:
        conditions.append("t.received_at >= %(since)s")
    known_by = []
    if id_token is not None:
        known_by.append("lower(t.id_token) = lower(%(id_token)s::text)")
    if remote_start_id is not None:
        known_by.append("t.remote_start_id = %(start_id)s")
    if known_by:
        conditions.append(f"({' or '.join(known_by)})")
    order = " order by t.received_at, t.transaction_key"
    rows = await run(where, f"{_TRANSACTIONS} where {' and '.join(conditions)}{order}", given)
    return [_transaction(row) for row in rows]


async def newest_transactions(
    where: Where,
    limit: int,
    after: tuple[datetime, int] | None,
    charge_point_key: int | None,
    *,
    is_open: bool | None,
) -> list[Transaction]:
    """Transactions of whoever the session speaks for, newest first, after (received_at, transaction_key)."""
    conditions = ["true"]
    given: dict[str, Any] = {"limit": limit, "charge_point_key": charge_point_key}
    if charge_point_key is not None:
        conditions.append("t.charge_point_key = %(charge_point_key)s")
    if is_open is not None:
        conditions.append(f"t.stop_received_at is {'null' if is_open else 'not null'}")
    if after is not None:
        conditions.append("(t.received_at, t.transaction_key) < (%(after_at)s, %(after_key)s)")
        given |= {"after_at": after[0], "after_key": after[1]}
    order = " order by t.received_at desc, t.transaction_key desc limit %(limit)s"
    rows = await run(where, f"{_TRANSACTIONS} where {' and '.join(conditions)}{order}", given)
    return [_transaction(row) for row in rows]


_READINGS = (
    "select evse_id, at, received_at, energy_wh, transaction_id, sampled from meter_values"
    " where charge_point_key = %(charge_point_key)s and received_at >= %(since)s"
    " order by received_at, at"
)


async def meter_readings(where: Where, charge_point_key: int, since: datetime) -> Sequence[MeterReading]:
    """A charge point's readings received at `since` or later, in the order they came."""
    rows = await run(where, _READINGS, {"charge_point_key": charge_point_key, "since": since})
    return [_reading(row) for row in rows]


def _reading(row: Any) -> MeterReading:
    found = quantities(orjson.loads(row.sampled))
    return MeterReading(
        evse_id=row.evse_id,
        at=row.at,
        received_at=row.received_at,
        energy_wh=row.energy_wh,
        power_w=found.power_w,
        voltage_v=found.voltage_v,
        current_a=found.current_a,
        context=found.context,
        is_signed=found.is_signed,
        transaction_id=row.transaction_id or None,
    )


def _transaction(row: Any) -> Transaction:
    start_wh = row.meter_start_wh if row.meter_start_wh is not None else row.first_register_wh
    end_wh = row.meter_stop_wh if row.meter_stop_wh is not None else row.last_register_wh
    derived = derived_flags(
        starts=(row.started_at, row.received_at),
        ends=(row.stopped_at, row.stop_received_at),
        registers_wh=(start_wh, end_wh),
        seq_nos=SeqNos(row.event_count, row.seq_no_count, row.span),
    )
    copied = {
        name: getattr(row, name)
        for name in Transaction.__slots__
        if name not in {"energy_wh", "flags"}
    }  # fmt: skip
    energy_wh = transaction_energy_wh(start_wh, row.meter_stop_wh, row.last_register_wh)
    return Transaction(**copied, energy_wh=energy_wh, flags=(*row.flags, *derived))
