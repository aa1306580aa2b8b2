"""Gives charge points that come under an operator what it has stored for them (OPER's applyToNewDevices), and ends what they left.

Background jobs call it, in role `engine`, once for each charge point; it looks at the rows as they are then, so that it may run
any number of times, in any order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.connections import assignments_store, version_rules, versions_store
from sliproad.features.connections.applying import CHANGED
from sliproad.features.connections.assigning import Assigning
from sliproad.features.connections.model import OFF, PLATFORM, Change, Version, state_changed
from sliproad.features.connections.store import ConnectionAssignmentRow
from sliproad.features.sites.service import SiteService
from sliproad.foundation import outbox
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import ENGINE, Database, Session
from sliproad.foundation.errors import NotFound

REMOVED = "The charge point was removed."
MOVED = "The charge point stands on a site without this operator now."


@dataclass(frozen=True, slots=True)
class Provisioning:
    """Follows charge points; see the module."""

    engine: Database
    bus: Bus
    assigning: Assigning
    registry: RegistryService
    sites: SiteService

    async def follow_site(self, site_id: str) -> None:
        """Follow every charge point of a site."""
        async with self.engine.transaction(ENGINE) as session:
            keys = [charge_point.key for charge_point in await self.registry.of_site(session, site_id)]
        for key in keys:
            await self.follow(key)

    async def follow(self, charge_point_key: int) -> None:
        """Make the connection of one charge point what its site's operator has stored for it."""
        async with self.engine.transaction(ENGINE) as session:
            if not await self._follow(session, charge_point_key):
                return
        await self.bus.publish(CHANGED, {})

    async def tell(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Publish what `Assigning` changed; see there."""
        async with self.engine.transaction(ENGINE) as session:
            for state in states:
                at = datetime.fromisoformat(state["at"])
                outbox.publish(session, state_changed(**{**state, "at": at}))

    async def _follow(self, session: Session, key: int) -> bool:
        """Whether anything changed."""
        try:
            charge_point = await self.registry.by_key(session, key)
        except NotFound:
            row = (await assignments_store.select_assignments(session, [key], lock=True)).get(key)
            return await self._end(session, row, REMOVED)
        operator_id = (await self.sites.kept(session, charge_point.site_id)).operator_id
        row = (await assignments_store.select_assignments(session, [key], lock=True)).get(key)
        ended = False
        if row is not None and row.operator_id != operator_id:
            ended = await self._end(session, row, MOVED)
        elif row is not None and row.site_id != charge_point.site_id:
            await assignments_store.put_on_site(session, key, charge_point.site_id)
        if operator_id is None or not await self._is_new_to(session, operator_id, row, charge_point):
            return ended
        return await self._provision(session, operator_id, charge_point) or ended

    async def _end(self, session: Session, row: ConnectionAssignmentRow | None, reason: str) -> bool:
        if row is None or row.mode == "off":
            return False
        await self.assigning.switch_off(session, [row], PLATFORM, reason)
        return True

    async def _is_new_to(
        self, session: Session, operator_id: str, row: ConnectionAssignmentRow | None, charge_point: ChargePoint
    ) -> bool:
        """Whether the operator has never decided about this charge point since it came, or decided about another serial number."""
        if row is None or row.operator_id != operator_id:
            return True
        version = await versions_store.find_version(session, operator_id, row.version_id)
        if version is None or version.connectivity_mode == OFF:
            return version is None
        return row.mode == "off" or row.identity != version.identity_of(charge_point.serial_number)

    async def _provision(self, session: Session, operator_id: str, charge_point: ChargePoint) -> bool:
        version = await self._version_for(session, operator_id, charge_point)
        if version is None or version.connectivity_mode == OFF:
            return False
        identity = version.identity_of(charge_point.serial_number)
        sentence = version_rules.identity_error(identity)
        if charge_point.serial_number in {version.serial_number, identity}:
            namesakes = await self._namesakes(session, operator_id, charge_point)
            sentence = f"shares its serial number with {', '.join(namesakes)}" if namesakes else sentence
        if sentence is not None:
            await self._record_refusal(session, version, charge_point, sentence)
            return False
        await self.assigning.assign(session, version, [charge_point], PLATFORM, change="provisioned")
        return True

    async def _version_for(self, session: Session, operator_id: str, charge_point: ChargePoint) -> Version | None:
        """Its own before the operator's default, and that only where it is for new devices (OPER)."""
        for name in (charge_point.charge_point_id, charge_point.serial_number):
            if own := await versions_store.latest_version(session, operator_id, name):
                return own
        default = await versions_store.latest_version(session, operator_id, None)
        return default if default is not None and default.apply_to_new_devices else None

    async def _namesakes(self, session: Session, operator_id: str, charge_point: ChargePoint) -> list[str]:
        """Others of the operator with this serial number: their server could not tell them apart."""
        found = []
        for other in await self.registry.called(session, charge_point.serial_number):
            if other.key != charge_point.key and other.serial_number == charge_point.serial_number:
                site = await self.sites.by_id(session, other.site_id)
                if site.operator_id == operator_id:
                    found.append(other.charge_point_id)
        return found

    async def _record_refusal(
        self, session: Session, version: Version, charge_point: ChargePoint, sentence: str
    ) -> None:
        refused = Change(
            "not_provisioned",
            version.operator_id,
            PLATFORM,
            self.assigning.clock.now(),
            organization_id=charge_point.organization_id,
            site_id=charge_point.site_id,
            charge_point_key=charge_point.key,
            charge_point_id=charge_point.charge_point_id,
            serial_number=charge_point.serial_number,
            to_version_id=version.version_id,
            details={"reason": sentence},
        )
        await versions_store.record(session, [refused])
