"""What becomes of a firmware update: the CALL, the statuses that come, the boot that proves it. `jobs` run it, as role `engine`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.commands.service import CommandService
from sliproad.features.firmware import store, updates_store
from sliproad.features.firmware.transfer_urls import TransferUrls
from sliproad.features.firmware.updates_model import (
    NOTIFICATION_KIND,
    Seen,
    Standing,
    UpdateRequest,
    Wanted,
    answered,
    call,
    refused,
    settle,
)
from sliproad.features.firmware.updates_store import FirmwareUpdateRow
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database, Session
from sliproad.foundation.errors import Conflict, InvalidInput, UpstreamUnavailable
from sliproad.foundation.jobs import Jobs

REQUEST_UPDATE = "firmware.request_update"
AGAIN_SECONDS = 3
OPEN_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class UpdateTimes:
    """How long a charge point has."""

    gives_up: timedelta = timedelta(hours=2)
    """From the time of retrieval to the boot."""
    wrong_boot: timedelta = timedelta(minutes=2)
    """From an `Installed` to a boot with the new version."""


@dataclass(frozen=True, slots=True)
class UpdateView:
    """An update as it stands now, with what the charge point told since the request."""

    row: FirmwareUpdateRow
    standing: Standing
    told: list[tuple[str, datetime]]


class UpdateStandings:
    """Where updates stand, by what was seen since their CALL. Works in the caller's transaction."""

    def __init__(self, clock: Clock, live: LiveService, times: UpdateTimes | None = None) -> None:
        self.clock = clock
        self.live = live
        self.times = times or UpdateTimes()

    async def view(self, session: Session, row: FirmwareUpdateRow) -> UpdateView:
        """An update as it stands now; nothing is written."""
        told: list[tuple[str, datetime]] = []
        if row.marker is not None:
            told = await store.statuses_after(
                session, row.charge_point_key, NOTIFICATION_KIND, row.marker, row.request_id
            )
        now, before = self.clock.now(), Standing(row.state, row.detail, row.proven_version)
        if row.finished_at is not None:
            return UpdateView(row, before, [(status, at) for status, at in told if at <= row.finished_at])
        if row.called_at is None:
            is_late = now >= row.gives_up_at
            never = Standing("failed", "The charge point could not be told to update: it was not connected.")
            return UpdateView(row, never if is_late else before, told)
        live = await self.live.live(session, row.charge_point_key)
        wanted = Wanted(row.version, row.from_version, row.called_at, row.gives_up_at, self.times.wrong_boot)
        return UpdateView(row, settle(wanted, before, Seen(told, live.booted_at, live.firmware_version), now), told)


class UpdateFollower:
    """See the module."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        jobs: Jobs,
        *,
        commands: CommandService,
        urls: TransferUrls,
        standings: UpdateStandings,
    ) -> None:
        """`database` speaks as role `engine`."""
        self.database = database
        self.clock = clock
        self.jobs = jobs
        self.commands = commands
        self.urls = urls
        self.standings = standings

    async def ask(self, update_id: str) -> None:
        """Make the CALL and store its answer. May run again as long as no answer is stored."""
        prepared = await self._prepare(update_id)
        if prepared is None:
            return
        standing = await self._call(*prepared)
        if standing is None:
            await self.jobs.enqueue(
                None, REQUEST_UPDATE, queueing_lock=update_id, delay_seconds=AGAIN_SECONDS, update_id=update_id
            )
            return
        async with self.database.transaction(ENGINE) as session:
            row = await updates_store.find_update(session, update_id, lock=True)
            assert row is not None
            row.answered_at = self.clock.now()
            self._keep(row, standing)

    async def settle_open(self) -> None:
        """Bring every open update up to what was told, to the last boot and to its time limit."""
        async with self.database.transaction(ENGINE) as session:
            update_ids = await updates_store.open_updates(session, OPEN_AT_ONCE)
        for update_id in update_ids:
            async with self.database.transaction(ENGINE) as session:
                row = await updates_store.find_update(session, update_id, lock=True)
                if row is not None:
                    self._keep(row, (await self.standings.view(session, row)).standing)

    async def _prepare(self, update_id: str) -> tuple[int, str, dict[str, Any]] | None:
        """Charge point, action and payload; None where there is nothing to ask any more."""
        async with self.database.transaction(ENGINE) as session:
            row = await updates_store.find_update(session, update_id, lock=True)
            if row is None or row.finished_at is not None or row.answered_at is not None:
                return None
            firmware = await updates_store.find_firmware(session, row.firmware_id)
            assert firmware is not None
            key, now = row.charge_point_key, self.clock.now()
            request = UpdateRequest(
                firmware.url or self.urls.download(update_id, firmware.name),
                row.request_id,
                row.retrieve_at,
                firmware.signature,
                firmware.signing_certificate,
            )
            version = (await self.standings.live.live(session, key)).protocol_version
            action, payload = call(is_2x=version not in {None, "1.6"}, request=request)
            if row.marker is None:
                row.called_at = now
                row.marker = await store.insert_marker(session, key, row.organization_id, NOTIFICATION_KIND, now)
            row.called_action = action
            return key, action, payload

    async def _call(self, key: int, action: str, payload: dict[str, Any]) -> Standing | None:
        """What came of it; None where the charge point is not connected now."""
        try:
            answer = await self.commands.call(key, action, payload)
        except Conflict:
            return None
        except UpstreamUnavailable:  # it may update all the same
            return Standing("requested", "The charge point has not answered the request to update yet.")
        except InvalidInput as wrong:
            return Standing("failed", f"{action} can't be sent to this charge point: {wrong.detail}")
        if answer.payload is None:
            return refused(action, answer.code or "", answer.description)
        return answered(answer.payload)

    def _keep(self, row: FirmwareUpdateRow, standing: Standing) -> None:
        if row.finished_at is not None:
            return
        row.state, row.detail = standing.state, standing.detail
        if standing.is_finished:
            row.finished_at, row.proven_version = self.clock.now(), standing.proven_version
