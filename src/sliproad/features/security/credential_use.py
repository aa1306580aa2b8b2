"""The first use of a credential, as a write in the gateway's commit group; with an accepted pending one it ends the rotation.

The old password dies only after the new one was Accepted *and* used (A01.FR.03/.04, trust G7).
"""

import orjson

from sliproad.foundation.inbound import Statement, Write

CREDENTIAL_USED = Statement(
    "security.credential_used",
    26,
    """
with input as (
  select distinct on (c) * from json_to_recordset(%(rows)s) as i(k bigint, c bigint, f text) order by c
), xid as (
  select pg_current_xact_id()::text::bigint as now
), winner as (
  select i.* from input i join charge_point_credentials p on p.credential_id = i.c
    where p.state = 'pending' and p.accepted_at is not null
), retired as (
  update charge_point_credentials p set state = 'retired', changed_xid = xid.now
    from winner w, xid where p.charge_point_key = w.k and p.state = 'active'
  returning p.credential_id
)
update charge_point_credentials p set
    used_at = coalesce(p.used_at, now()), used_form = coalesce(p.used_form, i.f), changed_xid = xid.now
  from input i, xid where p.credential_id = i.c and (p.used_at is null or p.used_form is null)
""",
)
PROMOTED = Statement(
    "security.credential_promoted",
    27,
    """
update charge_point_credentials p set state = 'active', changed_xid = pg_current_xact_id()::text::bigint
  from json_to_recordset(%(rows)s) as i(k bigint, c bigint, f text)
  where p.credential_id = i.c and p.state = 'pending' and p.accepted_at is not null
""",
)


def credential_used(charge_point_key: int, credential_id: int, form: str) -> tuple[Write, ...]:
    """Record that a password opened, in the form it was sent."""
    row = orjson.dumps({"k": charge_point_key, "c": credential_id, "f": form})
    return ((CREDENTIAL_USED, row), (PROMOTED, row))
