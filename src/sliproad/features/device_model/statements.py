"""Hot SQL of the device model: parts of reports, the variables in them, events of components. `ocpp` fills the rows."""

from sliproad.foundation.inbound import Statement

REPORT_PART = Statement(
    "device_model.report_part",
    50,
    """
insert into device_report_parts (charge_point_key, request_id, seq_no, organization_id, is_last, generated_at, received_at,
    variable_count)
  select distinct on (k, q, n) k, q, n, o, l, g, to_timestamp(t), c
    from json_to_recordset(%(rows)s) as i(
      k bigint, o text, q int, n int, l boolean, g timestamptz, t float8, c int)
    order by k, q, n, t desc
on conflict (charge_point_key, request_id, seq_no) do update set
  is_last = excluded.is_last, generated_at = excluded.generated_at, received_at = excluded.received_at,
  variable_count = excluded.variable_count
""",
)

VARIABLES = Statement(
    "device_model.variables",
    52,
    """
insert into device_variables as x (charge_point_key, component, component_instance, evse_id, connector_id, variable,
    variable_instance, attribute, organization_id, value, mutability, characteristics, request_id, reported_at, received_at)
  select distinct on (k, d.c, d.i, d.e, d.n, d.v, d.w, d.a)
      k, d.c, d.i, d.e, d.n, d.v, d.w, d.a, o, d.x, d.m, d.h, q, g, to_timestamp(t)
    from json_to_recordset(%(rows)s) as i(k bigint, o text, q int, g timestamptz, t float8, d json),
      json_to_recordset(i.d) as d(c text, i text, e int, n int, v text, w text, a text, x text, m text, h json)
    order by k, d.c, d.i, d.e, d.n, d.v, d.w, d.a, t desc
on conflict (charge_point_key, component, component_instance, evse_id, connector_id, variable, variable_instance, attribute)
do update set value = excluded.value, mutability = coalesce(excluded.mutability, x.mutability),
  characteristics = coalesce(excluded.characteristics, x.characteristics), request_id = excluded.request_id,
  reported_at = excluded.reported_at, received_at = excluded.received_at
  where x.received_at <= excluded.received_at
""",
)

DEVICE_EVENT = Statement(
    "device_model.event",
    54,
    """
insert into device_events (charge_point_key, organization_id, event_id, at, received_at, component, variable, trigger,
    actual_value, event)
  select k, o, n, a, to_timestamp(t), c, v, g, x, d
    from json_to_recordset(%(rows)s) as i(
      k bigint, o text, n int, a timestamptz, t float8, c text, v text, g text, x text, d json)
on conflict (charge_point_key, at, event_id, component, variable) do nothing
""",
)
