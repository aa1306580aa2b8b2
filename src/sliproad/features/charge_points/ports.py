"""What the registry tells other rooms. Wiring fills it in."""

from typing import Protocol

from sliproad.features.charge_points.model import ChargePoint
from sliproad.foundation.database import Session


class Placements(Protocol):
    """Hears, in the transaction of the change, where charge points stand; `features.connections`, a later room, implements it."""

    async def registered(self, session: Session, charge_point: ChargePoint) -> None:
        """There is a new one."""
        ...

    async def placed(self, session: Session, charge_point: ChargePoint) -> None:
        """It was put on another site, or its serial number was corrected."""
        ...

    async def removed(self, session: Session, charge_point_key: int) -> None:
        """It was taken out of the registry."""
        ...
