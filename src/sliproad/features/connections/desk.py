"""What the pages of an operator's desk show beyond the API: its sites at a glance, who would be affected, how the relay does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sliproad.features.accounts.model import OperatorActor
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.connections import assignments_store, desk_store
from sliproad.features.connections.applying import ConnectionApplying, split_by_identity
from sliproad.features.connections.assigning import has_it
from sliproad.features.connections.model import ConnectionState, Version
from sliproad.features.sites.model import Site


@dataclass(frozen=True, slots=True)
class SiteGlance:
    """A site, and how many of its charge points are in which state."""

    site: Site
    states: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Affected:
    """What applying a version would do to a charge point: `changes`, `stays` (connected with it already) or `can_not`."""

    state: ConnectionState
    effect: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    version: Version
    site: Site
    affected: Sequence[Affected]

    def count(self, effect: str) -> int:
        return sum(each.effect == effect for each in self.affected)


@dataclass(frozen=True, slots=True)
class RelayHealth:
    """What is on its way between a charge point and the operator's server."""

    waiting: int
    oldest_at: datetime | None
    delivered_at: datetime | None
    messages: Sequence["RelayMessage"]
    """The newest first."""


@dataclass(frozen=True, slots=True)
class RelayMessage:
    at: datetime
    direction: str
    action: str
    state: str
    error: str | None


@dataclass(frozen=True, slots=True)
class ChargerView:
    """One charge point as its operator sees it."""

    charge_point: ChargePoint
    site: Site
    state: ConnectionState
    health: RelayHealth


@dataclass(frozen=True, slots=True)
class Desk:
    """Reads for pages."""

    applying: ConnectionApplying

    async def sites(self, actor: OperatorActor) -> list[SiteGlance]:
        """The operator's sites."""
        async with self.applying.database.transaction(actor.scope) as session:
            sites = await self.applying.sites.operated(session, actor)
            counts = await assignments_store.count_by_site(session, actor.operator_id)
        return [SiteGlance(site, counts.get(site.site_id, {})) for site in sites]

    async def site(self, actor: OperatorActor, site_id: str) -> tuple[Site, list[ConnectionState]]:
        """A site with all of its charge points. Raises NotFound."""
        async with self.applying.database.transaction(actor.scope) as session:
            site = await self.applying.sites.of_operator(session, actor, site_id)
            charge_points = await self.applying.registry.of_site(session, site_id)
            return site, await self.applying.states(session, actor, charge_points)

    async def preview(self, actor: OperatorActor, site_id: str, version_id: str) -> Preview:
        """Who would be affected by applying a version to a site.

        Raises:
            NotFound: no such site of this operator.
            InvalidInput: no such version, or it is for a single charge point.
        """
        async with self.applying.database.transaction(actor.scope) as session:
            version = await self.applying.version(session, actor, version_id)
            charge_points = await self.applying.on_site(session, actor, site_id, version)
            site = await self.applying.sites.by_id(session, site_id)
            rows = await assignments_store.select_assignments(session, [each.key for each in charge_points])
            states = await self.applying.states(session, actor, charge_points)
        reasons = {state.charge_point_id: state.reason for state in split_by_identity(version, charge_points)[1]}
        affected = []
        for charge_point, state in zip(charge_points, states, strict=True):
            if (reason := reasons.get(charge_point.charge_point_id)) is not None:
                affected.append(Affected(state, "can_not", reason))
            elif has_it(rows.get(charge_point.key), version, version.mode, charge_point):
                affected.append(Affected(state, "stays"))
            else:
                affected.append(Affected(state, "changes"))
        return Preview(version, site, affected)

    async def charger(self, actor: OperatorActor, charge_point_id: str) -> ChargerView:
        """One charge point, and how its relay does. Raises NotFound."""
        async with self.applying.database.transaction(actor.scope) as session:
            charge_point = await self.applying.find(session, actor, charge_point_id)
            site = await self.applying.sites.by_id(session, charge_point.site_id)
            [state] = await self.applying.states(session, actor, [charge_point])
            waiting, oldest_at = await desk_store.waiting_of(session, actor.operator_id, charge_point.key)
            newest = await desk_store.newest_messages(session, actor.operator_id, charge_point.key)
        delivered = [row.answered_at for row in newest if row.state == "delivered" and row.answered_at]
        messages = [RelayMessage(row.at, row.direction, row.action, row.state, row.error) for row in newest]
        return ChargerView(
            charge_point, site, state, RelayHealth(waiting, oldest_at, max(delivered, default=None), messages)
        )
