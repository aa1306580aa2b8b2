"""Diagnostics of a charge point: what is known at once, and on request what it answers when asked anew.

`diagnostics_routes` call it. Asking is a job (`diagnostics_collecting`), since a slow charge point takes minutes; a request waits
a moment for it and then answers what is known.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sliproad.features.accounts.model import InstallerActor, OrganizationActor
from sliproad.features.charge_points.attempts import AttemptService
from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.commissioning import diagnostics_store
from sliproad.features.commissioning.diagnostics import Diagnostics, Told, diagnose
from sliproad.features.device_model.service import DeviceModelService
from sliproad.features.firmware.updates_service import FirmwareUpdateService
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Session
from sliproad.foundation.errors import Conflict
from sliproad.foundation.jobs import Jobs

COLLECT = "commissioning.collect_diagnostics"
HOUR = timedelta(hours=1)
DEAD_AFTER = timedelta(minutes=6)
"""A collection that has not ended by then has lost its worker, and another may begin."""
WAIT_SECONDS = 3.0
LOOK_SECONDS = 0.1
MOST_ROUND_TRIPS = 1000


class FrameDurations(Protocol):
    """What the frame log, a later room, answers."""

    async def round_trips(
        self, session: Session, charge_point_key: int, since: datetime, *, limit: int
    ) -> Sequence[float]:
        """How long our CALLs took to be answered, in milliseconds, the newest first."""
        ...


@dataclass(frozen=True, slots=True)
class Refresh:
    """The newest request to ask the charge point: `status` is `never`, `running`, `completed` or `failed`."""

    status: str
    requested_at: datetime | None = None
    finished_at: datetime | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Diagnostics with when they were told; `connectors_registered` is what the installer said."""

    charge_point_id: str
    collected_at: datetime | None
    connectors_registered: int
    diagnostics: Diagnostics
    refresh: Refresh


class DiagnosticsService:
    """One per web process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        jobs: Jobs,
        *,
        registry: RegistryService,
        projects: ProjectService,
        live: LiveService,
        attempts: AttemptService,
        device_model: DeviceModelService,
        updates: FirmwareUpdateService,
        frames: FrameDurations,
    ) -> None:
        """`database` speaks as role `web`."""
        self.database = database
        self.clock = clock
        self.jobs = jobs
        self.registry = registry
        self.projects = projects
        self.live = live
        self.attempts = attempts
        self.device_model = device_model
        self.updates = updates
        self.frames = frames

    async def read(
        self,
        actor: InstallerActor | OrganizationActor,
        charge_point_id: str,
        *,
        refresh: bool = False,
        waits: bool = True,
    ) -> Report:
        """What is known; with `refresh`, or where nothing was ever asked, the charge point is asked and, if so wished, waited for a moment.

        Raises:
            NotFound: no such charge point of whoever asks.
            Conflict: with `refresh`: `not_connected`, `project_handed_over` (installers).
        """
        if refresh:
            charge_point = await self.refresh(actor, charge_point_id)
        else:
            charge_point = await self._ask_for_the_first_time(actor, charge_point_id)
        if waits:
            await self._wait(actor, charge_point)
        reconnects = await self.attempts.reconnects(charge_point.key, self.clock.now() - HOUR)
        async with self.database.transaction(actor.scope) as session:
            return await self._report(session, charge_point, reconnects)

    async def refresh(self, actor: InstallerActor | OrganizationActor, charge_point_id: str) -> ChargePoint:
        """Have the charge point asked anew; nothing more happens while it is being asked already.

        Raises:
            NotFound: no such charge point of whoever asks.
            Conflict: `not_connected`, `project_handed_over` (installers).
        """
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self._of(session, actor, charge_point_id)
            if isinstance(actor, InstallerActor):
                await self.projects.for_work(session, charge_point.project_id)
            if not (await self.live.live(session, charge_point.key)).connected:
                raise Conflict("The charge point is not connected.", code="not_connected")
            await self._begin(session, charge_point)
        return charge_point

    async def _ask_for_the_first_time(
        self, actor: InstallerActor | OrganizationActor, charge_point_id: str
    ) -> ChargePoint:
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self._of(session, actor, charge_point_id)
            asked = await diagnostics_store.find_collection(session, charge_point.key)
            if asked is None and (await self.live.live(session, charge_point.key)).connected:
                await self._begin(session, charge_point)
        return charge_point

    async def _begin(self, session: Session, charge_point: ChargePoint) -> None:
        now, key = self.clock.now(), charge_point.key
        if await diagnostics_store.begin_collection(session, key, charge_point.organization_id, now, now - DEAD_AFTER):
            lock = f"diagnostics {key}"
            await self.jobs.enqueue(session, COLLECT, lock=lock, queueing_lock=lock, charge_point_key=key)

    async def _wait(self, actor: InstallerActor | OrganizationActor, charge_point: ChargePoint) -> None:
        """Return when the charge point has answered, or after a moment."""
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            async with self.database.transaction(actor.scope) as session:
                asked = await diagnostics_store.find_collection(session, charge_point.key)
            if asked is None or asked.status != "running":
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _report(self, session: Session, charge_point: ChargePoint, reconnects: int) -> Report:
        key = charge_point.key
        live = await self.live.live(session, key)
        asked = await diagnostics_store.find_collection(session, key)
        since = self.clock.now() - HOUR
        told = Told(
            live=live,
            connectors=await self.live.connectors(session, key),
            variables=await self.device_model.variables(session, key),
            durations_ms=await self.frames.round_trips(session, key, since, limit=MOST_ROUND_TRIPS),
            reconnects=reconnects,
            firmware_updated_at=await self.updates.last_updated_at(session, key, live.firmware_version),
        )
        refresh = Refresh("never")
        if asked is not None:
            refresh = Refresh(asked.status, asked.requested_at, asked.finished_at, asked.detail)
        return Report(
            charge_point_id=charge_point.charge_point_id,
            collected_at=(asked.collected_at if asked is not None else None) or live.booted_at,
            connectors_registered=charge_point.connector_count,
            diagnostics=diagnose(told),
            refresh=refresh,
        )

    async def _of(
        self, session: Session, actor: InstallerActor | OrganizationActor, charge_point_id: str
    ) -> ChargePoint:
        if isinstance(actor, OrganizationActor):
            return await self.registry.of_organization(session, actor, charge_point_id)
        charge_point = await self.registry.facts(session, charge_point_id)
        await self.projects.for_installer(session, actor, charge_point.project_id)
        return charge_point
