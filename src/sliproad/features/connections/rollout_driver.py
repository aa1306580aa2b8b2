"""Takes roll-outs on, in workers: looks what became of a wave, and begins the next one. `jobs` calls it again and again.

Rows hold everything: a worker that dies is followed by the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sliproad.features.charge_points.service import RegistryService
from sliproad.features.connections import assignments_store, rollout_rules, rollouts_store, versions_store
from sliproad.features.connections.applying import CHANGED
from sliproad.features.connections.assigning import Assigning
from sliproad.features.connections.model import Version
from sliproad.features.connections.rollout_rules import APPLIED, RUNNING, Item, Seen
from sliproad.features.connections.store import ConnectionRolloutItemRow, ConnectionRolloutRow
from sliproad.features.sites.service import SiteService
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import ENGINE, Database, Session


def live_subject(rollout_id: str) -> str:
    """Where it is said that a roll-out has gone on."""
    return f"rollouts.{rollout_id}"


@dataclass(frozen=True, slots=True)
class RolloutDriver:
    """Takes roll-outs on, in workers; `engine` speaks as that role."""

    engine: Database
    bus: Bus
    assigning: Assigning
    registry: RegistryService
    sites: SiteService

    async def advance_all(self) -> None:
        """Each roll-out that runs; a periodic job calls it."""
        for (rollout_id,) in await self.engine.ask(rollouts_store.OPEN_RUNNING, {}):
            await self.advance(rollout_id)

    async def advance(self, rollout_id: str) -> None:
        """Look what became of the present wave, and begin the next one when it is time."""
        async with self.engine.transaction(ENGINE) as session:
            known = await rollouts_store.find_rollout(session, rollout_id)
            if known is None:
                return
            site = await self.sites.kept(session, known.site_id)  # before the roll-out: as all who lock both
            row = await rollouts_store.find_rollout(session, rollout_id, lock=True)
            if row is None or row.state != RUNNING or site.operator_id != row.operator_id:
                return
            now = self.assigning.clock.now()
            rows = {item.charge_point_key: item for item in await rollouts_store.items_of(session, rollout_id)}
            progress = rollout_rules.advance(
                [_item_of(item) for item in rows.values()],
                await self._seen(session, row, list(rows)),
                wave=row.wave,
                began_at=row.wave_began_at,
                most_failures=row.most_failures,
                wait=timedelta(seconds=row.wait_seconds),
                now=now,
            )
            for item in progress.changed:
                _take(rows[item.charge_point_key], item, now)
            if progress.apply:
                await self._apply(session, row, rows, progress.apply, now)
                row.wave_began_at = now
            row.state, row.reason, row.wave = progress.state, progress.reason, progress.wave
            if progress.state == rollout_rules.COMPLETED:
                row.finished_at = now
        if progress.apply:
            await self.bus.publish(CHANGED, {})
        if progress.changed or progress.apply or progress.state != RUNNING:
            await self.bus.publish(live_subject(rollout_id), {})

    async def _seen(self, session: Session, row: ConnectionRolloutRow, keys: list[int]) -> dict[int, Seen]:
        found = await assignments_store.select_assignments(session, keys)
        return {
            key: Seen(each.generation, each.state, each.reason)
            for key, each in found.items()
            if each.operator_id == row.operator_id
        }

    async def _apply(
        self,
        session: Session,
        row: ConnectionRolloutRow,
        rows: dict[int, ConnectionRolloutItemRow],
        items: Sequence[Item],
        now: datetime,
    ) -> None:
        version = await versions_store.find_version(session, row.operator_id, row.version_id)
        here = {each.key: each for each in await self.registry.of_site(session, row.site_id)}
        members = [here[item.charge_point_key] for item in items if item.charge_point_key in here]
        about = {"rollout_id": row.rollout_id, "wave": items[0].wave}
        await self.assigning.assign(session, _there(version), members, row.created_by, details=about)
        assigned = await assignments_store.select_assignments(session, [each.key for each in members])
        for item in items:
            target = rows[item.charge_point_key]
            assignment = assigned.get(item.charge_point_key)
            target.state, target.state_at = APPLIED, now
            target.generation = assignment.generation if assignment else None


def _there(version: Version | None) -> Version:
    """Versions are never deleted."""
    if version is None:
        raise LookupError("the version of a roll-out is gone")
    return version


def _item_of(row: ConnectionRolloutItemRow) -> Item:
    return Item(row.charge_point_key, row.wave, row.state, row.reason, row.generation)


def _take(row: ConnectionRolloutItemRow, item: Item, now: datetime) -> None:
    row.state, row.reason, row.state_at = item.state, item.reason, now
