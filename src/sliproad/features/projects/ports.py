"""What projects ask of rooms that come after them. Wiring fills these in."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from sliproad.features.projects.model import PlatformCheck


class CommissioningFacts(Protocol):
    """Answers what commissioning found; `features.commissioning` implements it."""

    async def platform_checks(
        self, session: AsyncSession, charge_point_keys: Sequence[int]
    ) -> Mapping[int, Mapping[str, PlatformCheck]]:
        """For each charge point key: `ocpp_connection`, `heartbeat`, `meter_calibration`, as far as known."""
        ...
