"""Which gateway holds which charge point: rows, and the events of coming and going.

The gateway calls it through its port `Presence`; its writes ride in the gateway's commit groups. `commands` asks it where a
charge point is. A connection's epoch is its number in the row: the greatest one is the real one (house §3, trust G3).
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson

from sliproad.features.charge_points import presence_store
from sliproad.foundation import outbox
from sliproad.foundation.clock import rfc3339
from sliproad.foundation.database import ENGINE, Database, Session
from sliproad.foundation.events import DomainEvent
from sliproad.foundation.ids import new_id
from sliproad.foundation.inbound import Peer, Statement, Write
from sliproad.foundation.inbound_parameters import bigints, columns, doubles
from sliproad.foundation.outbox import outbox_write

DEAD_AFTER_SECONDS = 10
BURY_EVERY_SECONDS = 3.0

OPENED = Statement(
    "presence.opened",
    20,
    """
with input as (
  select (o.e->>'k')::bigint as key, o.e->>'g' as gateway_id, o.e->>'a' as address, o.e->>'p' as path,
         (o.e->>'s')::int as profile, o.e->>'v' as version, to_timestamp((o.e->>'t')::float8) as at, o.n - 1 as position
    from json_array_elements(%(rows)s) with ordinality as o(e, n)
), newest as (
  select distinct on (key) *, count(*) over (partition by key) as times from input order by key, position desc
), done as (
  update charge_point_live l set
      connected = true, epoch = l.epoch + n.times, gateway_id = n.gateway_id, remote_address = n.address,
      connected_path = n.path, security_profile = n.profile, protocol_version = n.version, connected_at = n.at,
      last_seen_at = greatest(l.last_seen_at, n.at)
    from newest n where l.charge_point_key = n.key
  returning l.charge_point_key as key, l.epoch, n.times, l.boot_status is not distinct from 'Accepted' as was_booted
)
select i.position, d.epoch - d.times + row_number() over (partition by i.key order by i.position), d.was_booted
  from input i join done d using (key)
""",
    returns=True,
)
# The event belongs to this very change: it is only stored where the epoch still was the closed connection's.
CLOSED = Statement(
    "presence.closed",
    22,
    """
with input as (
  select * from json_to_recordset(%(rows)s) as i(k bigint, e bigint, t float8, event_id text, data jsonb)
), done as (
  update charge_point_live l set connected = false, disconnected_at = to_timestamp(i.t), gateway_id = null
    from input i where l.charge_point_key = i.k and l.epoch = i.e and l.connected
  returning l.charge_point_key as k, l.epoch as e, l.organization_id
)
insert into outbox (event_id, name, organization_id, charge_point_key, occurred_at, data)
  select i.event_id, 'charge_point.disconnected', d.organization_id, i.k, to_timestamp(i.t), i.data
    from input i join done d using (k, e) where i.event_id is not null
""",
)
SEEN = Statement(
    "presence.seen",
    24,
    """
update charge_point_live l set
    last_seen_at = greatest(l.last_seen_at, to_timestamp(i.t)),
    last_heartbeat_at = greatest(l.last_heartbeat_at, to_timestamp(i.h)),
    last_heartbeat_epoch = case when i.h is null then l.last_heartbeat_epoch else i.e end
  from (select distinct on (k) * from unnest(%(k)s, %(e)s, %(t)s, %(h)s) as r(k, e, t, h) order by k, t desc) as i
  where l.charge_point_key = i.k
""",
    parameters=columns(k=bigints, e=bigints, t=doubles, h=doubles),
)


class OpenedFacts(Protocol):
    """What the gateway knows of a socket at its upgrade."""

    @property
    def gateway_id(self) -> str: ...
    @property
    def remote_address(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def security_profile(self) -> int: ...
    @property
    def at(self) -> float: ...


class SeenFacts(Protocol):
    """When a charge point was last heard, and when a Heartbeat was."""

    @property
    def at(self) -> float: ...
    @property
    def heartbeat_at(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The live gateway that holds a charge point, the epoch of that connection, and the version agreed on it."""

    gateway_id: str
    epoch: int
    protocol_version: str


def connected_event(peer: Peer, at: float) -> DomainEvent:
    """`charge_point.connected`."""
    data = {"charge_point_id": peer.charge_point_id, "ocpp_version": peer.version, "connected_at": rfc3339(_moment(at))}
    return DomainEvent("charge_point.connected", peer.organization_id, _moment(at), data, peer.key)


def disconnected_event(key: int, charge_point_id: str, organization_id: str, at: float) -> DomainEvent:
    """`charge_point.disconnected`."""
    data = {"charge_point_id": charge_point_id, "disconnected_at": rfc3339(_moment(at))}
    return DomainEvent("charge_point.disconnected", organization_id, _moment(at), data, key)


class RowPresence:
    """The gateway's port `Presence`, on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """`database` speaks as role `engine`."""
        self.database = database
        self._bury_at = 0.0

    def opened(self, peer: Peer, opened: OpenedFacts) -> tuple[Write, ...]:
        """Raise the epoch and mark it connected; the first returns `(position, epoch, was_booted)`."""
        row = orjson.dumps(
            {
                "k": peer.key,
                "g": opened.gateway_id,
                "a": opened.remote_address,
                "p": opened.path,
                "s": opened.security_profile,
                "v": peer.version,
                "t": opened.at,
            }
        )
        write = (OPENED, row)
        if "charge_point.connected" not in peer.subscribed:
            return (write,)
        return (write, outbox_write(connected_event(peer, opened.at)))

    def closed(self, peer: Peer, at: float) -> tuple[Write, ...]:
        """Mark it disconnected where `peer.epoch` is still its epoch."""
        row: dict[str, Any] = {"k": peer.key, "e": peer.epoch, "t": at}
        if "charge_point.disconnected" in peer.subscribed:
            event = disconnected_event(peer.key, peer.charge_point_id, peer.organization_id, at)
            row |= {"event_id": new_id("evt"), "data": event.data}
        return ((CLOSED, orjson.dumps(row)),)

    def seen(self, peer: Peer, seen: SeenFacts) -> Write:
        """Set last_seen_at and last_heartbeat_at, never backwards."""
        return (SEEN, (peer.key, peer.epoch, seen.at, seen.heartbeat_at))

    async def sign_of_life(self, gateway_id: str) -> None:
        """Say that this gateway lives, and bury those silent for 10 s: their charge points are not connected."""
        await self.database.ask(presence_store.ALIVE, {"gateway_id": gateway_id})
        if time.monotonic() < self._bury_at:
            return
        self._bury_at = time.monotonic() + BURY_EVERY_SECONDS
        async with self.database.transaction(ENGINE) as session:
            if not await session.scalar(presence_store.REAPER_LOCK):
                return
            dead = await session.scalars(presence_store.DEAD, {"seconds": DEAD_AFTER_SECONDS})
            orphans = await session.scalars(presence_store.ORPHANED)
            for gone in {*dead, *orphans}:
                await self._disconnect_all(session, gone)

    async def held(self, gateway_id: str) -> tuple[int, int]:
        """How many charge points the rows say this gateway holds, and the sum of their epochs."""
        [(count, total)] = await self.database.ask(presence_store.HELD, {"gateway_id": gateway_id})
        return count, total

    async def held_epochs(self, gateway_id: str) -> dict[int, int]:
        """The same in full: epoch by charge point key."""
        async with self.database.transaction(ENGINE) as session:
            rows = await session.execute(presence_store.HELD_EPOCHS, {"gateway_id": gateway_id})
            return {key: epoch for key, epoch in rows}  # noqa: C416 - a Row is no tuple to the type checker

    async def leave(self, gateway_id: str) -> None:
        """This gateway stops: its charge points are disconnected, its row goes."""
        async with self.database.transaction(ENGINE) as session:
            await session.execute(presence_store.LEAVE, {"gateway_id": gateway_id})
            await self._disconnect_all(session, gateway_id)

    async def _disconnect_all(self, session: Session, gateway_id: str) -> None:
        for key, organization_id, charge_point_id in await session.execute(
            presence_store.DISCONNECT, {"gateway_id": gateway_id}
        ):
            outbox.publish(session, disconnected_event(key, charge_point_id, organization_id, time.time()))


async def count_gateways(session: Session) -> int:
    """How many gateways are alive."""
    return await session.scalar(presence_store.ALIVE_COUNT, {"seconds": DEAD_AFTER_SECONDS}) or 0


async def connections_by_gateway(session: Session) -> tuple[int, ...]:
    """How many charge points each gateway holds that is alive, always in the same order."""
    return tuple(await session.scalars(presence_store.CONNECTIONS, {"seconds": DEAD_AFTER_SECONDS}))


async def whereabouts(database: Database, charge_point_key: int) -> Whereabouts | None:
    """Where a charge point is connected, if a gateway that is alive holds it. `database` speaks as role `engine`."""
    asked = {"key": charge_point_key, "seconds": DEAD_AFTER_SECONDS}
    rows = await database.ask(presence_store.WHEREABOUTS, asked)
    return Whereabouts(*rows[0]) if rows else None


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
