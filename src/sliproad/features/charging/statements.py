"""Hot SQL of charging. Each statement takes the rows of a whole commit group; a retry of any age meets its natural key.

`ocpp` fills the rows. Flags that depend on times and on other rows are decided here, so that no message needs a SELECT.
"""

# ruff: noqa: S608 - SQL put together from constants of this module; values travel as parameters

from sliproad.foundation.inbound import Statement

_ODD_TIMES = """
    case when {at} < '2015-01-01' or {at} > {received} + interval '1 day' then array['clock_wrong']
         when {at} < {received} - interval '5 minutes' then array['late'] else '{{}}' end"""
_UTC = """to_char({0} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""


def _odd_times(at: str, received: str) -> str:
    return _ODD_TIMES.format(at=at, received=received).strip()


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
        f || {_odd_times("a", "received_at")}
        || case when z <> 'Accepted' then array['token_not_accepted'] else '{{}}' end
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
  select distinct on (k, x) *, f || {_odd_times("a", "received_at")} as oddities from input order by k, x, t
), stopped as (
  update transactions set stopped_at = a, stop_received_at = fresh.received_at, meter_stop_wh = m, stop_reason = r,
      stop_id_token = g, flags = array(select distinct unnest(flags || oddities) order by 1)
    from fresh
    where charge_point_key = k and transaction_id = x and is_known and stop_received_at is null
  returning transactions.*, fresh.s
), unknown as (
  insert into transactions (charge_point_key, organization_id, transaction_id, is_known, start_key, received_at, stopped_at,
      stop_received_at, meter_stop_wh, stop_reason, stop_id_token, flags)
    select distinct on (k, s) k, o, x, false, s, input.received_at, a, input.received_at, m, r, g,
        array['unknown_transaction'] || f || {_odd_times("a", "input.received_at")}
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
  returning charge_point_key as k, transaction_id as x, seq_no as q, event_type as y, at as a
), fresh as (
  select distinct on (k, x, q, y, a) input.*,
      not exists (select from transaction_events s
                   where s.charge_point_key = k and s.transaction_id = x and s.seq_no = q) as is_new_seq_no
    from input join events using (k, x, q, y, a) order by k, x, q, y, a, t
), oddities as (
  select k, x, array_agg(distinct flag) as flags
    from fresh, unnest(f || {_odd_times("a", "received_at")}
      || case when l then array['offline'] else '{{}}' end
      || case when z <> 'Accepted' then array['token_not_accepted'] else '{{}}' end
      || case when not is_new_seq_no then array['seq_no_repeated'] else '{{}}' end) as flag
    group by k, x
), merged as (
  insert into transactions as x (charge_point_key, organization_id, transaction_id, evse_id, connector_id, id_token,
      id_token_type, authorization_status, remote_start_id, reservation_id, started_at, received_at, meter_start_wh,
      stopped_at, stop_received_at, meter_stop_wh, stop_reason, stop_id_token, charging_state, charging_state_at,
      first_seq_no, last_seq_no, seq_no_count, flags)
    select k, min(o), fresh.x, max(v), max(c),
        (array_agg(u order by q) filter (where u is not null and y <> 'Ended'))[1],
        (array_agg(w order by q) filter (where u is not null and y <> 'Ended'))[1],
        (array_agg(z order by q) filter (where z is not null and y <> 'Ended'))[1],
        max(b), max(d), min(a) filter (where y = 'Started'), min(received_at), min(m),
        max(a) filter (where y = 'Ended'), min(received_at) filter (where y = 'Ended'), max(n),
        max(r) filter (where y = 'Ended'), max(u) filter (where y = 'Ended'),
        (array_agg(h order by a desc) filter (where h is not null))[1], max(a) filter (where h is not null),
        min(q), max(q), count(distinct q) filter (where is_new_seq_no), coalesce(min(oddities.flags), '{{}}')
      from fresh left join oddities using (k, x)
      group by k, fresh.x order by k, fresh.x
  on conflict (charge_point_key, transaction_id) where is_known do update set
    evse_id = coalesce(x.evse_id, excluded.evse_id), connector_id = coalesce(x.connector_id, excluded.connector_id),
    id_token = coalesce(x.id_token, excluded.id_token), id_token_type = coalesce(x.id_token_type, excluded.id_token_type),
    authorization_status = coalesce(x.authorization_status, excluded.authorization_status),
    remote_start_id = coalesce(x.remote_start_id, excluded.remote_start_id),
    reservation_id = coalesce(x.reservation_id, excluded.reservation_id),
    started_at = coalesce(x.started_at, excluded.started_at), received_at = least(x.received_at, excluded.received_at),
    meter_start_wh = coalesce(x.meter_start_wh, excluded.meter_start_wh),
    stopped_at = coalesce(x.stopped_at, excluded.stopped_at),
    stop_received_at = coalesce(x.stop_received_at, excluded.stop_received_at),
    meter_stop_wh = coalesce(x.meter_stop_wh, excluded.meter_stop_wh),
    stop_reason = coalesce(x.stop_reason, excluded.stop_reason),
    stop_id_token = coalesce(x.stop_id_token, excluded.stop_id_token),
    charging_state = case when excluded.charging_state_at >= coalesce(x.charging_state_at, '-infinity')
      then excluded.charging_state else x.charging_state end,
    charging_state_at = greatest(x.charging_state_at, excluded.charging_state_at),
    first_seq_no = least(x.first_seq_no, excluded.first_seq_no), last_seq_no = greatest(x.last_seq_no, excluded.last_seq_no),
    seq_no_count = x.seq_no_count + excluded.seq_no_count,
    flags = array(select distinct unnest(x.flags || excluded.flags) order by 1)
  returning new.*, old.started_at is null and new.started_at is not null as has_started,
    old.stop_received_at is null and new.stop_received_at is not null as has_ended
), said as (
  select * from merged join
    (select distinct on (k, x) k, x, p, o, max(i) over w as started_event, max(e) over w as ended_event
       from fresh window w as (partition by k, x)) as ids
    on charge_point_key = k and transaction_id = x
), told as (
  {_event("session.started", "(select *, started_event as e from said) as s", _STARTED_DATA, "received_at", "has_started")}
)
{_event("session.ended", "(select *, ended_event as e from said) as s", _ENDED_DATA, "stop_received_at", "has_ended")}
""",
)
"""2.x TransactionEvent in any order: each tells a part, the first that tells it counts, a later Started fills the start in."""

METER_VALUES = Statement(
    "charging.meter_values",
    36,
    """
insert into meter_values (charge_point_key, transaction_id, evse_id, at, content_key, organization_id, received_at,
    energy_wh, sampled)
  select k, x, v, a, h, o, to_timestamp(t), w, s
    from json_to_recordset(%(rows)s) as i(
      k bigint, o text, x text, v int, a timestamptz, t float8, h bigint, w numeric, s text)
on conflict do nothing
""",
)
