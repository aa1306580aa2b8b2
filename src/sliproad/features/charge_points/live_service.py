"""Reads how charge points are right now. Commissioning decides by it, the live status routes show it."""

from collections.abc import Collection

from sliproad.features.charge_points import live_store
from sliproad.features.charge_points.live_model import ConnectorStatus, LiveState
from sliproad.features.charge_points.live_store import ChargePointLiveRow, ConnectorRow
from sliproad.foundation.database import Session
from sliproad.foundation.errors import NotFound


class LiveService:
    """Every method works in the caller's transaction and sees what its scope sees."""

    async def live(self, session: Session, charge_point_key: int) -> LiveState:
        """The live state of a charge point.

        Raises:
            NotFound: there is no such charge point for this caller.
        """
        found = await self.live_of(session, [charge_point_key])
        if charge_point_key not in found:
            raise NotFound("There is no such charge point.")
        return found[charge_point_key]

    async def live_of(self, session: Session, charge_point_keys: Collection[int]) -> dict[int, LiveState]:
        """The live states of many at once, by key; absent ones are left out."""
        rows = await live_store.live_rows(session, charge_point_keys)
        return {row.charge_point_key: _live_state(row) for row in rows}

    async def connectors(self, session: Session, charge_point_key: int) -> list[ConnectorStatus]:
        """What each connector last reported, in their order; those that never did are not among them."""
        return (await self.connectors_of(session, [charge_point_key])).get(charge_point_key, [])

    async def connectors_of(
        self, session: Session, charge_point_keys: Collection[int]
    ) -> dict[int, list[ConnectorStatus]]:
        """The connectors of many at once, by charge point key."""
        found: dict[int, list[ConnectorStatus]] = {}
        for row in await live_store.connector_rows(session, charge_point_keys):
            found.setdefault(row.charge_point_key, []).append(_connector_status(row))
        return found


def _live_state(row: ChargePointLiveRow) -> LiveState:
    return LiveState(**{name: getattr(row, name) for name in LiveState.__slots__})


def _connector_status(row: ConnectorRow) -> ConnectorStatus:
    return ConnectorStatus(**{name: getattr(row, name) for name in ConnectorStatus.__slots__})
