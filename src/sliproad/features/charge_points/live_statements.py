"""Hot SQL of the live state: what a BootNotification and a StatusNotification change. `ocpp` fills the rows.

Old news is no live status: a connector's row only changes when the report is not older than what it holds. A charge point
whose clock is unset (before 2015) or ahead is taken at the time of reception, so that a wrong clock can't freeze its status.
"""

# ruff: noqa: S608 - SQL put together from constants of this module; values travel as parameters

from sliproad.foundation.inbound import Statement

BOOT = Statement(
    "charge_points.boot",
    10,
    """
update charge_point_live l set
    boot_status = b.s, booted_at = to_timestamp(b.t), boot_epoch = b.e, boot_vendor = b.v, boot_model = b.m,
    boot_serial_number = b.n, firmware_version = coalesce(b.f, l.firmware_version), meter_type = b.y,
    meter_serial_number = b.z, iccid = b.c, imsi = b.i, boot_reason = b.r, boot_payload = b.p,
    last_seen_at = greatest(l.last_seen_at, to_timestamp(b.t))
  from (select distinct on (k) *
          from json_to_recordset(%(rows)s) as r(
            k bigint, s text, t float8, e bigint, v text, m text, n text, f text, y text, z text, c text, i text, r text, p json)
         order by k, t desc) as b
  where l.charge_point_key = b.k
""",
)

_REPORTED = ("status", "error_code", "info", "vendor_error_code", "status_at", "received_at")


def _effective(at: str, received_at: str) -> str:
    return f"(case when {at} < '2015-01-01' then {received_at} else least({at}, {received_at}) end)"


_IS_NEWER = (
    f"{_effective('excluded.status_at', 'excluded.received_at')} >= {_effective('c.status_at', 'c.received_at')}"
)
_KEEP_NEWEST = ", ".join(f"{name} = case when {_IS_NEWER} then excluded.{name} else c.{name} end" for name in _REPORTED)
_UTC = """to_char(status_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""

STATUS = Statement(
    "charge_points.status",
    26,
    f"""
with input as (
  select *, to_timestamp(t) as received_at
    from json_to_recordset(%(rows)s) as i(
      k bigint, o text, p text, v int, c int, s text, r text, i text, w text, a timestamptz, t float8, e text, f text)
), latest as (
  select distinct on (k, v, c) *, count(*) over (partition by k, v, c) as reports
    from input order by k, v, c, {_effective("a", "received_at")} desc, t desc
), stored as (
  insert into connectors as c (charge_point_key, evse_id, connector_id, organization_id, status, error_code, info,
      vendor_error_code, status_at, received_at, report_count)
    select k, v, c, o, s, r, i, w, a, received_at, reports from latest
  on conflict (charge_point_key, evse_id, connector_id) do update set
    {_KEEP_NEWEST}, report_count = c.report_count + excluded.report_count
  returning new.charge_point_key as k, new.evse_id as v, new.connector_id as c, new.status, new.error_code, new.info,
    new.vendor_error_code, new.status_at, new.received_at, old.status as previous_status
), changed as (
  select stored.*, latest.o, latest.p, latest.e, latest.f from stored join latest using (k, v, c)
    where stored.status is distinct from stored.previous_status
), skew as (
  update charge_point_live l set clock_skew_seconds = m.seconds
    from (select distinct on (k) k, extract(epoch from status_at - received_at)::float8 as seconds
            from stored order by k, received_at desc) as m
    where l.charge_point_key = m.k and abs(coalesce(l.clock_skew_seconds, 'infinity') - m.seconds) > 1
)
insert into outbox (event_id, name, organization_id, charge_point_key, occurred_at, data)
  select event.id, event.name, o, k, received_at, jsonb_build_object(
      'charge_point_id', p, 'evse_id', v, 'connector_id', c, 'status', status, 'previous_status', previous_status,
      'error_code', error_code, 'info', info, 'vendor_error_code', vendor_error_code, 'status_at', {_UTC})
    from changed, lateral (values (e, 'charge_point.status_changed'), (f, 'charge_point.fault')) as event(id, name)
    where event.id is not null and (event.name = 'charge_point.status_changed' or status = 'Faulted')
    order by k, v, c, event.name desc
""",
)
"""`e` and `f` are ids for the events `charge_point.status_changed` and `.fault`, null where nobody subscribed."""
