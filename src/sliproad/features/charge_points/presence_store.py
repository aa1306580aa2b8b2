"""SQL of `presence`, but for the gateway's set-based statements: which gateways are alive, and what each of them holds."""

from sqlalchemy import text

# These two are asked every second (`Database.ask`).
ALIVE = (
    "insert into gateways (gateway_id) values (%(gateway_id)s) on conflict (gateway_id) do update set seen_at = now()"
)
HELD = (
    "select count(*), coalesce(sum(epoch), 0)::bigint from charge_point_live"
    " where gateway_id = %(gateway_id)s and connected"
)
LEAVE = text("delete from gateways where gateway_id = :gateway_id")
REAPER_LOCK = text("select pg_try_advisory_xact_lock(hashtext('sliproad.reap_gateways'))")
DEAD = text("delete from gateways where seen_at < now() - make_interval(secs => :seconds) returning gateway_id")
DISCONNECT = text(
    "update charge_point_live l set connected = false, disconnected_at = now(), gateway_id = null"
    " from charge_points c where c.key = l.charge_point_key and l.connected and l.gateway_id = :gateway_id"
    " returning l.charge_point_key, l.organization_id, c.charge_point_id"
)
ORPHANED = text(
    "select distinct gateway_id from charge_point_live l where l.connected"
    " and not exists (select from gateways g where g.gateway_id = l.gateway_id)"
)
HELD_EPOCHS = text("select charge_point_key, epoch from charge_point_live where gateway_id = :gateway_id and connected")
ALIVE_COUNT = text("select count(*) from gateways where seen_at > now() - make_interval(secs => :seconds)")
CONNECTIONS = text(
    "select count(l.charge_point_key) from gateways g left join charge_point_live l"
    " on l.gateway_id = g.gateway_id and l.connected"
    " where g.seen_at > now() - make_interval(secs => :seconds) group by g.gateway_id order by g.gateway_id"
)
# Asked for each CALL.
WHEREABOUTS = (
    "select l.gateway_id, l.epoch, l.protocol_version from charge_point_live l join gateways g using (gateway_id)"
    " where l.charge_point_key = %(key)s and l.connected and g.seen_at > now() - make_interval(secs => %(seconds)s)"
)
