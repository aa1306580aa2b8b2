"""What becomes of a request for a log: the CALL, and the statuses that come. `jobs` run it, as role `engine`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.commands.service import CommandService
from sliproad.features.firmware import store, uploads_store
from sliproad.features.firmware.transfer_urls import TransferUrls, safe_name
from sliproad.features.firmware.uploads_model import (
    LogRequest,
    Standing,
    answered,
    call,
    notification_kind,
    refused,
    settle,
)
from sliproad.features.firmware.uploads_store import DiagnosticsUploadRow
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database, Session
from sliproad.foundation.errors import Conflict, InvalidInput, UpstreamUnavailable
from sliproad.foundation.jobs import Jobs

REQUEST_UPLOAD = "firmware.request_upload"
AGAIN_SECONDS = 3
OPEN_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class UploadTimes:
    """How long a charge point has."""

    gives_up: timedelta = timedelta(minutes=15)
    """To upload, from the request on."""
    expires: timedelta = timedelta(hours=1)
    """How long the address takes the file, be it late."""


class UploadStandings:
    """Where requests stand, by what was told since their CALL. Works in the caller's transaction."""

    def __init__(self, clock: Clock, times: UploadTimes | None = None) -> None:
        self.clock = clock
        self.times = times or UploadTimes()

    async def standing(self, session: Session, row: DiagnosticsUploadRow) -> Standing:
        """A request as it stands now; nothing is written."""
        now, before = self.clock.now(), Standing(row.status, row.detail)
        if row.finished_at is not None:
            return before
        told: list[tuple[str, datetime]] = []
        if row.marker is not None and row.called_action is not None:
            kind = notification_kind(row.called_action)
            told = await store.statuses_after(session, row.charge_point_key, kind, row.marker, row.request_id)
        if row.answered_at is None and not told and now >= row.gives_up_at:
            return Standing("failed", "The charge point could not be asked for its log: it was not connected.")
        is_arriving = row.receiving_until is not None and row.receiving_until > now
        return settle(before, told, is_arriving=is_arriving, gives_up_at=row.gives_up_at, now=now)


class UploadFollower:
    """See the module."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        jobs: Jobs,
        *,
        live: LiveService,
        commands: CommandService,
        urls: TransferUrls,
        standings: UploadStandings,
    ) -> None:
        """`database` speaks as role `engine`."""
        self.database = database
        self.clock = clock
        self.jobs = jobs
        self.live = live
        self.commands = commands
        self.urls = urls
        self.standings = standings

    async def ask(self, upload_id: str) -> None:
        """Make the CALL and store its answer. May run again: a charge point that is asked twice uploads once more."""
        prepared = await self._prepare(upload_id)
        if prepared is None:
            return
        outcome = await self._call(*prepared)
        if outcome is None:
            await self.jobs.enqueue(
                None, REQUEST_UPLOAD, queueing_lock=upload_id, delay_seconds=AGAIN_SECONDS, upload_id=upload_id
            )
            return
        standing, name = outcome
        async with self.database.transaction(ENGINE) as session:
            row = await uploads_store.find_upload(session, upload_id, lock=True)
            assert row is not None
            row.answered_at, row.told_file_name = self.clock.now(), safe_name(name) if name else None
            self._keep(row, standing)

    async def settle_open(self) -> None:
        """Bring every open request up to what was told and to its time limit."""
        async with self.database.transaction(ENGINE) as session:
            upload_ids = await uploads_store.open_uploads(session, OPEN_AT_ONCE)
        for upload_id in upload_ids:
            async with self.database.transaction(ENGINE) as session:
                row = await uploads_store.find_upload(session, upload_id, lock=True)
                if row is not None:
                    self._keep(row, await self.standings.standing(session, row))

    async def _prepare(self, upload_id: str) -> tuple[int, str, dict[str, Any]] | None:
        """Charge point, action and payload; None where there is nothing to ask any more."""
        async with self.database.transaction(ENGINE) as session:
            row = await uploads_store.find_upload(session, upload_id, lock=True)
            if row is None or row.finished_at is not None or row.answered_at is not None:
                return None
            key, url = row.charge_point_key, self.urls.upload(upload_id)
            request = LogRequest(row.log_type, url, row.request_id, row.oldest_at, row.latest_at)
            version = (await self.live.live(session, key)).protocol_version
            action, payload = call(is_2x=version not in {None, "1.6"}, request=request)
            if row.marker is None:
                kind = notification_kind(action)
                row.marker = await store.insert_marker(session, key, row.organization_id, kind, self.clock.now())
            row.called_action = action
            return key, action, payload

    async def _call(self, key: int, action: str, payload: dict[str, Any]) -> tuple[Standing, str | None] | None:
        """What came of it and the file's name; None where the charge point is not connected now."""
        try:
            answer = await self.commands.call(key, action, payload)
        except Conflict:
            return None
        except UpstreamUnavailable:  # it may upload all the same
            return Standing("pending", "The charge point has not answered the request for its log yet."), None
        except InvalidInput as wrong:
            return Standing("failed", f"{action} can't be sent to this charge point: {wrong.detail}"), None
        if answer.payload is None:
            return refused(action, answer.code or "", answer.description), None
        return answered(action, answer.payload)

    def _keep(self, row: DiagnosticsUploadRow, standing: Standing) -> None:
        if row.finished_at is not None:
            return
        row.status, row.detail = standing.status, standing.detail
        if standing.is_finished:
            row.finished_at = self.clock.now()
