"""Hot SQL of charging. Each statement takes the rows of a whole commit group; a retry of any age meets its natural key.

`ocpp` fills the rows. Flags that depend on times and on other rows are decided here, so that no message needs a SELECT.
"""

# ruff: noqa: S608 - SQL put together from constants of this module; values travel as parameters

from sliproad.foundation.inbound import Statement
from sliproad.foundation.inbound_parameters import bigints, columns, doubles, encoded_texts, texts, words

_UTC = """to_char({0} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""


def _event(name: str, source: str, data: dict[str, str], at: str, condition: str) -> str:
    """An insert into the outbox for the rows of `source` that carry an event id; `at` is when it occurred, for us."""
    pairs = ", ".join(f"'{key}', {value}" for key, value in data.items())
    return f"""
  insert into outbox (event_id, name, organization_id, charge_point_key, occurred_at, data)
    select e, '{name}', o, k, {at}, jsonb_build_object('charge_point_id', p, {pairs})
      from {source} where e is not null and {condition}"""


_STARTED_DATA = {
    "transaction_id": "transaction_id",
    "evse_id": "evse_id",
    "connector_id": "connector_id",
    "id_token": "id_token",
    "started_at": _UTC.format("started_at"),
    "meter_start_wh": "meter_start_wh",
}
_ENDED_DATA = _STARTED_DATA | {
    "stopped_at": _UTC.format("stopped_at"),
    "meter_stop_wh": "meter_stop_wh",
    "energy_wh": "case when meter_stop_wh >= meter_start_wh then meter_stop_wh - meter_start_wh end",
    "stop_reason": "stop_reason",
}

START = Statement(
    "charging.start",
    30,
    f"""
with input as (
  select i.*, to_timestamp(t) as received_at, n - 1 as position
    from rows from (json_to_recordset(%(rows)s) as (
      k bigint, o text, p text, c int, g text, s text, z text, a timestamptz, t float8, m numeric, r int, f text[], e text))
      with ordinality as i(k, o, p, c, g, s, z, a, t, m, r, f, e, n)
), fresh as (
  select distinct on (k, s) * from input order by k, s, position
), stored as (
  insert into transactions (charge_point_key, organization_id, transaction_id, start_key, evse_id, connector_id, id_token,
      authorization_status, reservation_id, started_at, received_at, meter_start_wh, flags)
    select k, o, nextval('transaction_ids_16')::text, s, c, c, g, z, r, a, received_at, m,
        f || case when z <> 'Accepted' then array['token_not_accepted'] else '{{}}' end
        || case when exists (select from transactions x where x.charge_point_key = k and x.evse_id = c
                 and x.stop_received_at is null and x.start_key is distinct from s)
             then array['connector_in_use'] else '{{}}' end
      from fresh
  on conflict (charge_point_key, start_key) do update set start_key = excluded.start_key
  returning new.charge_point_key as k, new.start_key as s, new.transaction_id, new.authorization_status, new.evse_id,
    new.connector_id, new.id_token, new.started_at, new.meter_start_wh, old.transaction_key is null as is_new
), said as (
  {_event("session.started", "stored join fresh using (k, s)", _STARTED_DATA, "received_at", "is_new")}
)
select i.position, stored.transaction_id, stored.authorization_status from input i join stored using (k, s) order by 1
""",
    returns=True,
)
"""1.6 StartTransaction. Returns the transaction id and the authorization status of the first such message."""

STOP = Statement(
    "charging.stop",
    32,
    f"""
with input as (
  select *, to_timestamp(t) as received_at
    from json_to_recordset(%(rows)s) as i(
      k bigint, o text, p text, x text, s text, g text, a timestamptz, t float8, m numeric, r text, f text[], e text)
), fresh as (
  select distinct on (k, x) * from input order by k, x, t
), stopped as (
  update transactions set stopped_at = a, stop_received_at = fresh.received_at, meter_stop_wh = m, stop_reason = r,
      stop_id_token = g, flags = array(select distinct unnest(flags || f) order by 1)
    from fresh
    where charge_point_key = k and transaction_id = x and is_known and stop_received_at is null
  returning transactions.*, fresh.s
), unknown as (
  insert into transactions (charge_point_key, organization_id, transaction_id, is_known, start_key, received_at, stopped_at,
      stop_received_at, meter_stop_wh, stop_reason, stop_id_token, flags)
    select distinct on (k, s) k, o, x, false, s, input.received_at, a, input.received_at, m, r, g,
        array['unknown_transaction'] || f
      from input
      where not exists (select from transactions t where t.charge_point_key = k and t.transaction_id = x and t.is_known)
      order by k, s, t
  on conflict (charge_point_key, start_key) do nothing
  returning transactions.*, start_key as s
), ended as (
  select done.*, said.k, said.o, said.p, said.e
    from (select * from stopped union all select * from unknown) as done
    join (select distinct on (k, s) k, s, o, p, e from input order by k, s, t) as said
      on said.k = done.charge_point_key and said.s = done.s
)
{_event("session.ended", "ended", _ENDED_DATA, "stop_received_at", "true")}
""",
)
"""1.6 StopTransaction: the first one counts. Only the charge point's own transactions are touched (trust T3)."""

_KEPT_ONCE = (
    "evse_id", "connector_id", "id_token", "id_token_type", "authorization_status", "remote_start_id", "reservation_id",
    "started_at", "meter_start_wh", "stopped_at", "stop_received_at", "meter_stop_wh", "stop_reason", "stop_id_token",
)  # fmt: skip
_KEEP_FIRST = ", ".join(f"{name} = coalesce(x.{name}, excluded.{name})" for name in _KEPT_ONCE)
_TELLS_MORE = " or ".join(f"(x.{name} is null and excluded.{name} is not null)" for name in _KEPT_ONCE)

TRANSACTION_EVENT = Statement(
    "charging.transaction_event",
    34,
    f"""
with input as (
  select *, to_timestamp(t) as received_at
    from json_to_recordset(%(rows)s) as i(
      k bigint, o text, p text, x text, q int, y text, a timestamptz, t float8, g text, l boolean, h text, v int, c int,
      u text, w text, z text, b int, r text, d int, m numeric, n numeric, f text[], i text, e text)
), events as (
  insert into transaction_events (charge_point_key, transaction_id, seq_no, event_type, at, organization_id, received_at,
      trigger_reason, offline, charging_state)
    select k, x, q, y, a, o, received_at, g, l, h from input
  on conflict do nothing
), merged as (
  insert into transactions as x (charge_point_key, organization_id, transaction_id, evse_id, connector_id, id_token,
      id_token_type, authorization_status, remote_start_id, reservation_id, started_at, received_at, meter_start_wh,
      stopped_at, stop_received_at, meter_stop_wh, stop_reason, stop_id_token, charging_state, charging_state_at, flags)
    select k, min(o), input.x, max(v), max(c),
        (array_agg(u order by q) filter (where u is not null and y <> 'Ended'))[1],
        (array_agg(w order by q) filter (where u is not null and y <> 'Ended'))[1],
        (array_agg(z order by q) filter (where z is not null and y <> 'Ended'))[1],
        max(b), max(d), min(a) filter (where y = 'Started'), min(received_at), min(m),
        max(a) filter (where y = 'Ended'), min(received_at) filter (where y = 'Ended'), max(n), max(r),
        max(u) filter (where y = 'Ended'),
        (array_agg(h order by a desc) filter (where h is not null))[1], max(a) filter (where h is not null),
        array_remove(string_to_array(string_agg(distinct array_to_string(f, ','), ','), ','), '')
      from input group by k, input.x order by k, input.x
  on conflict (charge_point_key, transaction_id) where is_known do update set
    {_KEEP_FIRST}, received_at = least(x.received_at, excluded.received_at),
    charging_state = case when excluded.charging_state_at >= coalesce(x.charging_state_at, '-infinity')
      then excluded.charging_state else x.charging_state end,
    charging_state_at = greatest(x.charging_state_at, excluded.charging_state_at),
    flags = array(select distinct unnest(x.flags || excluded.flags) order by 1)
    where {_TELLS_MORE} or not x.flags @> excluded.flags or excluded.received_at < x.received_at
      or (excluded.charging_state is distinct from x.charging_state
        and excluded.charging_state_at >= coalesce(x.charging_state_at, '-infinity'))
  returning new.*, old.started_at is null and new.started_at is not null as has_started,
    old.stop_received_at is null and new.stop_received_at is not null as has_ended
), said as (
  select * from merged join
    (select k, x, min(p) as p, min(o) as o, max(i) as started_event, max(e) as ended_event
       from input where i is not null or e is not null group by k, x) as ids
    on charge_point_key = k and transaction_id = x
), told as (
  {_event("session.started", "(select *, started_event as e from said) as s", _STARTED_DATA, "received_at", "has_started")}
)
{_event("session.ended", "(select *, ended_event as e from said) as s", _ENDED_DATA, "stop_received_at", "has_ended")}
""",
)
"""2.x TransactionEvent in any order: each tells a part, the first that tells it counts, a later Started fills the start in.

An event that tells nothing new of its transaction, as most Updated do, leaves the transaction's row alone.
"""

AUTHORIZED = Statement(
    "charging.authorized",
    35,
    """
update transactions t set authorization_status = i.z,
    flags = case when i.z = 'Accepted' then array_remove(t.flags, 'token_not_accepted')
      else array(select distinct unnest(t.flags || array['token_not_accepted']) order by 1) end
  from json_to_recordset(%(rows)s) as i(k bigint, x text, z text)
  where t.charge_point_key = i.k and t.transaction_id = i.x and t.is_known
""",
)
"""Who decides about a token may be the charge point's operator, whose word came after the transaction was stored."""

METER_VALUES = Statement(
    "charging.meter_values",
    36,
    """
insert into meter_values (charge_point_key, transaction_id, evse_id, at, content_key, organization_id, received_at,
    energy_wh, sampled)
  select k, x, v, a::timestamptz, hashtextextended(s, 0), o, to_timestamp(t), w::numeric, s
    from unnest(%(k)s, %(o)s, %(x)s, %(v)s, %(a)s, %(t)s, %(w)s, %(s)s) as i(k, o, x, v, a, t, w, s)
on conflict do nothing
""",
    parameters=columns(k=bigints, o=words, x=texts, v=bigints, a=texts, t=doubles, w=texts, s=encoded_texts),
)
