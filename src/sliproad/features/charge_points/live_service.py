"""Reads how charge points are right now. Commissioning decides by it, the live status routes show it."""

from collections.abc import Collection

from sliproad.features.charge_points import live_store
from sliproad.features.charge_points.live_model import ConnectorStatus, LastBoot, LiveState
from sliproad.features.charge_points.live_store import ChargePointLiveRow
from sliproad.foundation.database import Session, Where
from sliproad.foundation.errors import NotFound


class LiveService:
    """Every method works in the caller's transaction and sees what its scope sees, or by itself for role `engine`."""

    async def live(self, where: Where, charge_point_key: int) -> LiveState:
        """The live state of a charge point.

        Raises:
            NotFound: there is no such charge point for this caller.
        """
        found = await live_store.find_live(where, charge_point_key)
        if found is None:
            raise NotFound("There is no such charge point.")
        return found

    async def live_of(self, session: Session, charge_point_keys: Collection[int]) -> dict[int, LiveState]:
        """The live states of many at once, by key; absent ones are left out."""
        rows = await live_store.live_rows(session, charge_point_keys)
        return {row.charge_point_key: _live_state(row) for row in rows}

    async def last_boot(self, where: Where, charge_point_key: int) -> LastBoot:
        """What the charge point last said of itself when it booted.

        Raises:
            NotFound: there is no such charge point for this caller.
        """
        found = await live_store.find_last_boot(where, charge_point_key)
        if found is None:
            raise NotFound("There is no such charge point.")
        return found

    async def connectors(self, where: Where, charge_point_key: int) -> list[ConnectorStatus]:
        """What each connector last reported, in their order; those that never did are not among them."""
        return await live_store.find_connectors(where, charge_point_key)


def _live_state(row: ChargePointLiveRow) -> LiveState:
    return LiveState(**{name: getattr(row, name) for name in LiveState.__slots__})
