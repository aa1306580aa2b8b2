"""A charge point at a glance: what stands at the head of each page about it, and what its pages may offer.

`session_pages`, `start_pages`, `log_pages` and `diagnostics_pages` ask; each of their services checks again for itself.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from sliproad.features.accounts.model import InstallerActor
from sliproad.features.charge_points.live_model import ConnectorStatus, LiveState
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.commissioning.service import CommissioningService
from sliproad.features.firmware.updates_following import UpdateView
from sliproad.features.firmware.updates_service import FirmwareUpdateService
from sliproad.features.projects.model import Project

EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Glance:
    """See the module."""

    charge_point: ChargePoint
    project: Project
    live: LiveState

    @property
    def id(self) -> str:
        return self.charge_point.charge_point_id

    @property
    def path(self) -> str:
        """Where its pages are."""
        return f"/installer/charge-points/{self.id}"

    @property
    def is_open(self) -> bool:
        """Whether it may still be worked on."""
        return not self.project.is_handed_over

    @property
    def is_commissioned(self) -> bool:
        return self.charge_point.commissioning_status == "completed"


class Glances:
    """One per web process."""

    def __init__(self, service: CommissioningService, updates: FirmwareUpdateService) -> None:
        self.service = service
        self.updates = updates

    async def of(self, actor: InstallerActor, charge_point_id: str) -> Glance:
        """The charge point as it is now.

        Raises:
            NotFound: no such charge point of this installer.
        """
        async with self.service.database.transaction(actor.scope) as session:
            charge_point = await self.service.registry.facts(session, charge_point_id)
            project = await self.service.projects.for_installer(session, actor, charge_point.project_id)
            return Glance(charge_point, project, await self.service.live.live(session, charge_point.key))

    async def hardware(
        self, actor: InstallerActor, charge_point_id: str
    ) -> tuple[list[ConnectorStatus], UpdateView | None]:
        """What each connector last reported, and the newest firmware update, if there ever was one.

        Raises:
            NotFound: no such charge point of this installer.
        """
        key = (await self.of(actor, charge_point_id)).charge_point.key
        async with self.service.database.transaction(actor.scope) as session:
            connectors = await self.service.live.connectors(session, key)
            return connectors, await self.updates.newest(session, key, since=EVER)
