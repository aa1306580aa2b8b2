"""Hot SQL of the relay, run in the gateways' commit groups: each statement takes the rows of a whole group.

`relay_records` fills the rows. A transaction message is queued in the commit that its answer to the charge point waits for.
"""

from sliproad.foundation.inbound import Statement
from sliproad.foundation.inbound_parameters import bigints, columns, doubles, encoded_texts, texts, words

QUEUED = Statement(
    "connections.relay_queued",
    95,
    """
with input as (
  select i.*, n - 1 as position
    from unnest(%(k)s, %(o)s, %(q)s, %(a)s, %(m)s, %(p)s, %(t)s, %(r)s) with ordinality as i(k, o, q, a, m, p, t, r, n)
), stored as (
  insert into relay_messages (charge_point_key, organization_id, operator_id, direction, kind, action, message_id, payload, at,
      state, recognised_by)
    select k, o, q, 'up', 'transaction', a, m, p, to_timestamp(t), 'waiting', r from input order by position
  on conflict (charge_point_key, operator_id, recognised_by) where recognised_by is not null do nothing
  returning charge_point_key as k, operator_id as q, recognised_by as r, seq
)
select i.position, stored.seq from input i join stored using (k, q, r) order by 1
""",
    returns=True,
    parameters=columns(k=bigints, o=words, q=words, a=words, m=texts, p=encoded_texts, t=doubles, r=texts),
)
"""Returns the place in the queue; nothing for a message that is queued already, or was delivered."""

DROPPED = Statement(
    "connections.relay_dropped",
    96,
    """
update relay_messages m set state = 'dropped', error = i.r, answered_at = to_timestamp(i.t)
  from json_to_recordset(%(rows)s) as i(k bigint, q text, x bool, r text, t float8)
  where m.charge_point_key = i.k and m.state = 'waiting' and (m.operator_id = i.q) <> i.x
""",
)
"""What waits for operator `q`, or, with `x`, for any other, is delivered no more."""

ANSWERED = Statement(
    "connections.relay_answered",
    97,
    """
update relay_messages m set state = i.s, attempts = i.n, answer = i.a, error = i.e, answered_at = to_timestamp(i.t)
  from json_to_recordset(%(rows)s) as i(k bigint, q bigint, s text, n int, a text, e text, t float8)
  where m.charge_point_key = i.k and m.seq = i.q and m.state = 'waiting'
""",
)

RECORDED = Statement(
    "connections.relay_recorded",
    98,
    """
insert into relay_messages (charge_point_key, organization_id, operator_id, direction, kind, action, message_id, payload, at,
    state, attempts, answer, error, answered_at)
  select k, o, q, d, c, a, m, p, to_timestamp(t), s, 1, w, e, to_timestamp(u)
    from json_to_recordset(%(rows)s) as i(
      k bigint, o text, q text, d text, c text, a text, m text, p text, t float8, s text, w text, e text, u float8)
""",
)
"""Messages that nobody waits for any more: live ones, and the operator's CALLs with what came of them."""

TRANSACTION = Statement(
    "connections.relay_transaction",
    99,
    """
insert into relay_transactions (charge_point_key, operator_id, our_transaction_id, their_transaction_id, organization_id, at)
  select distinct on (k, q, i) k, q, i, j, o, to_timestamp(t)
    from json_to_recordset(%(rows)s) as r(k bigint, o text, q text, i bigint, j bigint, t float8) order by k, q, i, t desc
on conflict (charge_point_key, operator_id, our_transaction_id) do update set
  their_transaction_id = excluded.their_transaction_id, at = excluded.at
""",
)

STATE = Statement(
    "connections.relay_state",
    100,
    """
with input as (
  select distinct on (k) * from json_to_recordset(%(rows)s) as i(
      k bigint, p text, g bigint, c bigint, s text, r text, t float8, e text) order by k, c desc, t desc
), changed as (
  update connection_assignments a set state = i.s, state_at = to_timestamp(i.t), relay_epoch = i.c,
      reason = case when i.s = 'off' then coalesce(i.r, a.reason) else i.r end,
      connected_at = case when i.s = 'connected' then to_timestamp(i.t) else a.connected_at end
    from input i
    where a.charge_point_key = i.k and a.generation = i.g and a.relay_epoch <= i.c
      and (a.state <> i.s or (coalesce(i.r, '') <> coalesce(a.reason, '') and (i.s <> 'off' or i.r is not null)))
  returning a.charge_point_key, a.organization_id, a.operator_id, a.version_id, a.state, a.reason, a.state_at, i.p, i.e
)
insert into outbox (event_id, name, organization_id, charge_point_key, occurred_at, data)
  select e, 'connection.state_changed', organization_id, charge_point_key, state_at, jsonb_build_object(
      'charge_point_id', p, 'operator_id', operator_id, 'version', version_id, 'state', state,
      'reason', reason, 'changed_at', to_char(state_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
    from changed where e is not null
""",
)
"""How the connection to the operator's server is (`model.state_changed`).

A word about settings that were replaced, or from an older socket of the charge point, changes nothing.
"""
