"""Writes what charge points have, in the caller's transaction: rows, the record of changes, and the job that tells of them.

`applying` (an operator asks), `provisioning` (a charge point came under an operator) and `rollouts` call it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sliproad.features.charge_points.identities import public_ids
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.connections import assignments_store, versions_store
from sliproad.features.connections.assignments_store import Target
from sliproad.features.connections.model import NATIVE, RELAY, Change, Version
from sliproad.features.connections.store import ConnectionAssignmentRow
from sliproad.foundation.clock import Clock, rfc3339
from sliproad.foundation.database import Session
from sliproad.foundation.jobs import Jobs

TELL = "connections.tell"
MOVE = "connections.move"
TOLD_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Assigning:
    """Changes assignments; see the module."""

    clock: Clock
    jobs: Jobs

    async def assign(
        self,
        session: Session,
        version: Version,
        charge_points: Sequence[ChargePoint],
        actor: str,
        *,
        off_policy: str = "drain",
        native: bool = False,
        change: str = "applied",
        details: Mapping[str, Any] | None = None,
    ) -> dict[int, int]:
        """Give `version` to charge points of its operator's sites; charge point key -> generation of those that changed.

        With `native` they are themselves moved to the operator's server, else relayed.

        One that is connected with this very version is left alone, so that applying again repairs what failed and disturbs nothing.
        """
        now = self.clock.now()
        mode = NATIVE if native and version.mode == RELAY else version.mode
        before = await assignments_store.select_assignments(
            session, [charge_point.key for charge_point in charge_points], lock=True
        )
        changing = [each for each in charge_points if not has_it(before.get(each.key), version, mode, each)]
        if not changing:
            return {}
        await assignments_store.release_others(session, [each.key for each in changing if each.key not in before])
        state = "off" if version.mode == "off" else "pending"
        targets = [
            Target(
                charge_point_key=each.key,
                organization_id=each.organization_id,
                site_id=each.site_id,
                identity=version.identity_of(each.serial_number),
                username=version.username_of(each.serial_number),
            )
            for each in changing
        ]
        generations = await assignments_store.assign(
            session, version.version_id, targets, mode=mode, off_policy=off_policy, state=state, now=now
        )
        changes = [
            Change(
                change=change,
                operator_id=version.operator_id,
                actor=actor,
                at=now,
                organization_id=each.organization_id,
                site_id=each.site_id,
                charge_point_key=each.key,
                charge_point_id=each.charge_point_id,
                serial_number=each.serial_number,
                from_version_id=before[each.key].version_id if each.key in before else None,
                to_version_id=version.version_id,
                details={"connectivity_mode": version.connectivity_mode, "delivery": mode, **(details or {})},
            )
            for each in changing
        ]
        await versions_store.record(session, changes)
        await self._tell(session, changes, state, None)
        moved = {key for key, row in before.items() if row.mode == NATIVE}
        await self._look_at_moves(session, generations if mode == NATIVE else moved & generations.keys())
        return generations

    async def switch_off(
        self,
        session: Session,
        rows: Sequence[ConnectionAssignmentRow],
        actor: str,
        reason: str,
        *,
        off_policy: str = "drain",
    ) -> None:
        """End the connections that `rows`, held by this transaction, stand for, whoever's they are; `reason` is a sentence."""
        if not rows:
            return
        now = self.clock.now()
        ids = await public_ids(session, [row.charge_point_key for row in rows])
        changes = [
            Change(
                change="switched_off",
                operator_id=row.operator_id,
                actor=actor,
                at=now,
                organization_id=row.organization_id,
                site_id=row.site_id,
                charge_point_key=row.charge_point_key,
                charge_point_id=ids.get(row.charge_point_key),
                from_version_id=row.version_id,
                details={"reason": reason},
            )
            for row in rows
        ]
        keys = [row.charge_point_key for row in rows]
        moved = [row.charge_point_key for row in rows if row.mode == NATIVE]
        await assignments_store.switch_off(session, keys, reason, off_policy, now)
        await versions_store.record(session, changes)
        await self._tell(session, changes, "off", reason)
        await self._look_at_moves(session, moved)

    async def _look_at_moves(self, session: Session, keys: Iterable[int]) -> None:
        """A job begins each native move, or ends what is no longer wanted: see `moving`."""
        for key in keys:
            await self.jobs.enqueue(session, MOVE, lock=f"{MOVE} {key}", charge_point_key=key)

    async def _tell(self, session: Session, changes: Sequence[Change], state: str, reason: str | None) -> None:
        """A job tells the organisation's webhooks: an operator's own transaction may not write into their outbox."""
        told = [
            {
                "organization_id": change.organization_id,
                "charge_point_key": change.charge_point_key,
                "charge_point_id": change.charge_point_id,
                "operator_id": change.operator_id,
                "version_id": change.to_version_id or change.from_version_id,
                "state": state,
                "reason": reason,
                "at": rfc3339(change.at),
            }
            for change in changes
        ]
        for start in range(0, len(told), TOLD_AT_ONCE):
            await self.jobs.enqueue(session, TELL, states=told[start : start + TOLD_AT_ONCE])


def has_it(row: ConnectionAssignmentRow | None, version: Version, mode: str, charge_point: ChargePoint) -> bool:
    """Whether nothing is to be done for this charge point."""
    if row is None or row.version_id != version.version_id or row.mode != mode:
        return False
    if row.identity != version.identity_of(charge_point.serial_number):
        return False
    return row.state in {"connected", "off"}
