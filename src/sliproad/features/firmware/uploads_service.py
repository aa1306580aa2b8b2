"""Fetches a charge point's log: asks for it, follows what it tells, and gives the file to whoever may have it.

`uploads_routes` call it for installers (until handover) and organisations. The CALL and what is told after it are in
`uploads_following`, the file's own way in is `uploads_receiving`.
"""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from sliproad.features.accounts.model import InstallerActor, OrganizationActor
from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.firmware import uploads_store
from sliproad.features.firmware.transfer_urls import TransferUrls
from sliproad.features.firmware.uploads_following import REQUEST_UPLOAD, UploadStandings
from sliproad.features.firmware.uploads_model import Standing
from sliproad.features.firmware.uploads_store import DiagnosticsUploadRow
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Scope, Session
from sliproad.foundation.errors import Conflict, InvalidInput, NotFound
from sliproad.foundation.file_streams import FileFacts, file_facts, stream_file
from sliproad.foundation.ids import new_id
from sliproad.foundation.jobs import Jobs
from sliproad.ocpp.our_numbers import OURS_BELOW

LISTED = 50


UploadView = tuple[DiagnosticsUploadRow, Standing]
"""A request, and where it stands now."""


@dataclass(frozen=True, slots=True)
class StoredLog:
    """A file that arrived, and its bytes as a stream."""

    facts: FileFacts
    data: AsyncIterator[bytes]


class UploadService:
    """See the module."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        jobs: Jobs,
        *,
        registry: RegistryService,
        projects: ProjectService,
        live: LiveService,
        urls: TransferUrls,
        standings: UploadStandings,
    ) -> None:
        """`database` speaks as role `web`."""
        self.database = database
        self.clock = clock
        self.jobs = jobs
        self.registry = registry
        self.projects = projects
        self.live = live
        self.urls = urls
        self.standings = standings

    async def request(
        self,
        actor: InstallerActor | OrganizationActor,
        charge_point_id: str,
        *,
        log_type: str,
        oldest_at: datetime | None,
        latest_at: datetime | None,
    ) -> DiagnosticsUploadRow:
        """Ask for the log; the CALL goes out once this is committed.

        Raises:
            NotFound: no such charge point of whoever asks.
            InvalidInput: `latest_at` is before `oldest_at`.
            Conflict: `not_connected`, `upload_running`, `project_handed_over` (installers).
        """
        if oldest_at is not None and latest_at is not None and latest_at < oldest_at:
            raise InvalidInput.field("latest_at", "must not be before oldest_at")
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self._of(session, actor, charge_point_id, is_work=True)
            if not (await self.live.live(session, charge_point.key)).connected:
                raise Conflict("The charge point is not connected.", code="not_connected")
            now, upload_id = self.clock.now(), new_id("log")
            values = {
                "upload_id": upload_id,
                "charge_point_key": charge_point.key,
                "charge_point_id": charge_point.charge_point_id,
                "organization_id": charge_point.organization_id,
                "project_id": charge_point.project_id,
                "log_type": log_type,
                "oldest_at": oldest_at,
                "latest_at": latest_at,
                "requested_by": actor.key,
                "requested_at": now,
                "request_id": secrets.randbelow(OURS_BELOW - 1) + 1,
                "token_hash": self.urls.hash_for(upload_id),
                "expires_at": now + self.standings.times.expires,
                "gives_up_at": now + self.standings.times.gives_up,
                "detail": "The charge point is being asked for its log.",
            }
            if not await uploads_store.insert_upload(session, values):
                raise Conflict("A log of this charge point is being fetched already.", code="upload_running")
            await self.jobs.enqueue(session, REQUEST_UPLOAD, queueing_lock=upload_id, upload_id=upload_id)
            row = await uploads_store.find_upload(session, upload_id)
        assert row is not None
        return row

    async def uploads(self, actor: InstallerActor | OrganizationActor, charge_point_id: str) -> list[UploadView]:
        """The newest requests of a charge point, each as it stands now.

        Raises:
            NotFound: no such charge point of whoever asks.
        """
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self._of(session, actor, charge_point_id)
            rows = await uploads_store.select_uploads(session, charge_point.key, LISTED)
            return [(row, await self.standings.standing(session, row)) for row in rows]

    async def upload(
        self, actor: InstallerActor | OrganizationActor, charge_point_id: str, upload_id: str
    ) -> UploadView:
        """One request as it stands now.

        Raises:
            NotFound: no such charge point of whoever asks, or no such request of it.
        """
        async with self.database.transaction(actor.scope) as session:
            row = await self._find(session, actor, charge_point_id, upload_id)
            return row, await self.standings.standing(session, row)

    async def file(self, actor: InstallerActor | OrganizationActor, charge_point_id: str, upload_id: str) -> StoredLog:
        """The file of a request.

        Raises:
            NotFound: no such request of whoever asks, or its file has not arrived.
            Conflict: `project_handed_over` (installers).
        """
        async with self.database.transaction(actor.scope) as session:
            row = await self._find(session, actor, charge_point_id, upload_id, is_work=True)
            file_id = row.file_id
        if file_id is None:
            raise NotFound("The file has not arrived.")
        async with self.database.transaction(Scope(lookup=file_id)) as session:
            facts = await file_facts(session, file_id)
        return StoredLog(facts, stream_file(self.database, facts))

    # ------------------------------------------------------------------ whose it is

    async def _find(
        self,
        session: Session,
        actor: InstallerActor | OrganizationActor,
        charge_point_id: str,
        upload_id: str,
        *,
        is_work: bool = False,
    ) -> DiagnosticsUploadRow:
        charge_point = await self._of(session, actor, charge_point_id, is_work=is_work)
        row = await uploads_store.find_upload(session, upload_id)
        if row is None or row.charge_point_key != charge_point.key:
            raise NotFound("There is no such upload.")
        return row

    async def _of(
        self,
        session: Session,
        actor: InstallerActor | OrganizationActor,
        charge_point_id: str,
        *,
        is_work: bool = False,
    ) -> ChargePoint:
        """The charge point; for an installer's `is_work` its project must not be handed over."""
        if isinstance(actor, OrganizationActor):
            return await self.registry.of_organization(session, actor, charge_point_id)
        charge_point = await self.registry.facts(session, charge_point_id)
        await self.projects.for_installer(session, actor, charge_point.project_id)
        if is_work:
            await self.projects.for_work(session, charge_point.project_id)
        return charge_point
