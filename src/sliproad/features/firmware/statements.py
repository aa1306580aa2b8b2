"""Hot SQL of status notifications: a status is kept when it differs from the last one of its kind and request."""

from sliproad.foundation.inbound import Statement

NOTIFICATION = Statement(
    "firmware.notification",
    60,
    """
with input as (
  select *, n - 1 as position
    from rows from (json_to_recordset(%(rows)s) as (k bigint, o text, d text, s text, q int, t float8))
      with ordinality as i(k, o, d, s, q, t, n)
), told as (
  select *, lag(s) over (partition by k, d, q order by position) as before,
      row_number() over (partition by k, d, q order by position) = 1 as is_first from input
)
insert into firmware_notifications (charge_point_key, organization_id, kind, status, request_id, received_at)
  select k, o, d, s, q, to_timestamp(t) from told
    where case when is_first then (
        select x.status from firmware_notifications x
          where x.charge_point_key = k and x.kind = d and x.request_id is not distinct from q
          order by x.notification_key desc limit 1)
      else before end is distinct from s
    order by position
""",
)
