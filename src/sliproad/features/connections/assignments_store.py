"""Statements on what charge points have now. Whatever gateways mirror is written with a new generation and `changed_xid`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import func, select, text, update

from sliproad.features.connections.store import CURRENT_XID, ConnectionAssignmentRow
from sliproad.foundation.database import Session, run

NEXT_GENERATION = text("nextval('connection_generations')")
ASSIGN = """
insert into connection_assignments (charge_point_key, organization_id, site_id, operator_id, version_id, mode, url,
    ca_certificate, ca_certificate_domain, identity, username, password_sealed, authorization_decision, off_policy,
    changed_at, state, state_at)
  select r.charge_point_key, r.organization_id, r.site_id, v.operator_id, v.version_id, %(mode)s, v.url,
      v.ca_certificate, v.ca_certificate_domain, r.identity, r.username, v.password_sealed, v.authorization_decision,
      %(off_policy)s, %(now)s, %(state)s, %(now)s
    from json_to_recordset(%(rows)s) as r(charge_point_key bigint, organization_id text, site_id text, identity text, username text),
      connection_versions v
    where v.version_id = %(version_id)s order by r.charge_point_key
  on conflict (charge_point_key) do update set
    organization_id = excluded.organization_id, site_id = excluded.site_id, operator_id = excluded.operator_id,
    version_id = excluded.version_id, mode = excluded.mode, url = excluded.url, ca_certificate = excluded.ca_certificate,
    ca_certificate_domain = excluded.ca_certificate_domain, identity = excluded.identity, username = excluded.username,
    password_sealed = excluded.password_sealed, authorization_decision = excluded.authorization_decision,
    off_policy = excluded.off_policy, changed_at = excluded.changed_at, state = excluded.state, reason = null,
    state_at = excluded.state_at, connected_at = null, generation = nextval('connection_generations'),
    changed_xid = pg_current_xact_id()::text::bigint
  returning charge_point_key, generation
"""
RELEASE = text("select release_connection(key) from unnest(cast(:keys as bigint[])) as key")


class Target(NamedTuple):
    """A charge point that gets a version."""

    charge_point_key: int
    organization_id: str
    site_id: str
    identity: str
    username: str


async def assign(
    session: Session,
    version_id: str,
    targets: Sequence[Target],
    *,
    mode: str,
    off_policy: str,
    state: str,
    now: datetime,
) -> dict[int, int]:
    """Give these charge points a version; charge point key -> generation."""
    rows = orjson.dumps([target._asdict() for target in targets]).decode()
    values = {
        "version_id": version_id,
        "rows": rows,
        "mode": mode,
        "off_policy": off_policy,
        "state": state,
        "now": now,
    }
    return {row.charge_point_key: row.generation for row in await run(session, ASSIGN, values)}


async def release_others(session: Session, keys: Collection[int]) -> None:
    """Make room where another operator's connection, which this scope does not see, was left behind."""
    await session.execute(RELEASE, {"keys": list(keys)})


async def select_assignments(
    session: Session, keys: Collection[int], *, lock: bool = False
) -> dict[int, ConnectionAssignmentRow]:
    """What these charge points have, by their keys; with `lock` held until the transaction ends."""
    row = ConnectionAssignmentRow
    query = select(row).where(row.charge_point_key.in_(keys)).order_by(row.charge_point_key)
    if lock:
        query = query.with_for_update()
    found = await session.scalars(query, execution_options={"populate_existing": True})
    return {each.charge_point_key: each for each in found}


async def assignments_of_site(session: Session, site_id: str) -> Sequence[ConnectionAssignmentRow]:
    """Everything that is switched on at a site, held until the transaction ends."""
    row = ConnectionAssignmentRow
    query = select(row).where(row.site_id == site_id, row.mode != "off").order_by(row.charge_point_key)
    return (await session.scalars(query.with_for_update())).all()


async def switch_off(session: Session, keys: Collection[int], reason: str, off_policy: str, now: datetime) -> None:
    """End these connections; the version that they had stays named."""
    values: dict[str, Any] = {
        "mode": "off",
        "state": "off",
        "reason": reason,
        "off_policy": off_policy,
        "changed_at": now,
        "state_at": now,
        "connected_at": None,
        "generation": NEXT_GENERATION,
        "changed_xid": CURRENT_XID,
    }
    row = ConnectionAssignmentRow
    await session.execute(update(row).where(row.charge_point_key.in_(keys)).values(values))


async def put_on_site(session: Session, key: int, site_id: str) -> None:
    """Note where the charge point stands now."""
    row = ConnectionAssignmentRow
    await session.execute(update(row).where(row.charge_point_key == key).values(site_id=site_id))


async def count_by_site(session: Session, operator_id: str) -> dict[str, dict[str, int]]:
    """Site -> state -> how many charge points of the operator's."""
    row = ConnectionAssignmentRow
    query = select(row.site_id, row.state, func.count()).where(row.operator_id == operator_id)
    counts: dict[str, dict[str, int]] = {}
    for site_id, state, number in await session.execute(query.group_by(row.site_id, row.state)):
        counts.setdefault(site_id, {})[state] = number
    return counts
