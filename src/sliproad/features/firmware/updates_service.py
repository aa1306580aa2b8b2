"""Firmware updates: a charge point is told to get firmware of the library, and followed until a boot proves it.

`updates_routes` call it for organisations, commissioning's optional step in its own transactions (`begin`,
`state`). The CALL and what comes after it are in `updates_following`.
"""

import secrets
from collections.abc import AsyncIterator
from datetime import datetime

from sliproad.features.accounts.model import OrganizationActor
from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.firmware import updates_store
from sliproad.features.firmware.library_service import FirmwareLibrary
from sliproad.features.firmware.transfer_urls import TransferUrls
from sliproad.features.firmware.updates_following import REQUEST_UPDATE, UpdateStandings, UpdateView
from sliproad.features.firmware.updates_model import fits
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Scope, Session
from sliproad.foundation.errors import Conflict, NotFound, TooMany, Unprocessable
from sliproad.foundation.file_streams import FileFacts, file_facts, stream_file
from sliproad.foundation.ids import new_id
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.web import Page
from sliproad.ocpp.our_numbers import OURS_BELOW

MOST_DOWNLOADS = 50
"""Of one update, begun at the file's first byte: retries, not a public mirror."""


class FirmwareUpdateService:
    """See the module."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        jobs: Jobs,
        *,
        registry: RegistryService,
        live: LiveService,
        library: FirmwareLibrary,
        urls: TransferUrls,
        standings: UpdateStandings,
    ) -> None:
        """`database` speaks as role `web`; `begin` and `state` work in whatever transaction they are given."""
        self.database = database
        self.clock = clock
        self.jobs = jobs
        self.registry = registry
        self.live = live
        self.library = library
        self.urls = urls
        self.standings = standings

    # ------------------------------------------------------------------ in the caller's transaction

    async def begin(
        self,
        session: Session,
        charge_point_key: int,
        firmware_id: str,
        *,
        requested_by: str,
        retrieve_at: datetime | None = None,
        any_model: bool = False,
    ) -> str:
        """Start an update, whose CALL goes out once this is committed; gives its `update_id`.

        Raises:
            NotFound: no such charge point in scope, or no such firmware of its organisation.
            Unprocessable: `firmware_not_for_this_model`, unless `any_model`.
            Conflict: `not_connected`, `firmware_update_running`.
        """
        charge_point = await self.registry.by_key(session, charge_point_key)
        firmware = await self.library.of_organization(session, charge_point.organization_id, firmware_id)
        is_meant = fits(firmware.vendor, firmware.models, of_vendor=charge_point.vendor, of_model=charge_point.model)
        if not is_meant and not any_model:
            raise Unprocessable(
                f"This firmware is for {firmware.vendor} {', '.join(firmware.models)}; the charge point is a"
                f" {charge_point.vendor} {charge_point.model}. Send any_model to install it all the same.",
                code="firmware_not_for_this_model",
            )
        live = await self.live.live(session, charge_point_key)
        if not live.connected:
            raise Conflict("The charge point is not connected.", code="not_connected")
        now, update_id = self.clock.now(), new_id("fwu")
        retrieve_at = max(retrieve_at or now, now)
        values = {
            "update_id": update_id,
            "charge_point_key": charge_point_key,
            "charge_point_id": charge_point.charge_point_id,
            "organization_id": charge_point.organization_id,
            "firmware_id": firmware_id,
            "version": firmware.version,
            "from_version": live.firmware_version,
            "requested_by": requested_by,
            "requested_at": now,
            "retrieve_at": retrieve_at,
            "gives_up_at": retrieve_at + self.standings.times.gives_up,
            "request_id": secrets.randbelow(OURS_BELOW - 1) + 1,
            "token_hash": self.urls.hash_for(update_id),
            "detail": "The charge point is being told to update its firmware.",
        }
        if not await updates_store.insert_update(session, values):
            raise Conflict(
                "A firmware update of this charge point is under way already.", code="firmware_update_running"
            )
        await self.jobs.enqueue(session, REQUEST_UPDATE, queueing_lock=update_id, update_id=update_id)
        return update_id

    async def state(self, session: Session, update_id: str) -> UpdateView:
        """An update as it stands now: `standing.state` and the sentence `standing.detail`.

        Raises:
            NotFound: absent, or out of the transaction's scope.
        """
        row = await updates_store.find_update(session, update_id)
        if row is None:
            raise NotFound("There is no such firmware update.")
        return await self.standings.view(session, row)

    async def newest(self, session: Session, charge_point_key: int, *, since: datetime) -> UpdateView | None:
        """The newest update of a charge point, if it was requested since then."""
        rows = await updates_store.select_updates(session, charge_point_key, limit=1, after=None)
        if not rows or rows[0].requested_at < since:
            return None
        return await self.standings.view(session, rows[0])

    async def last_updated_at(self, session: Session, charge_point_key: int, version: str | None) -> datetime | None:
        """When the firmware that runs now was proven to be installed by us; None where we did not."""
        row = await updates_store.last_installed(session, charge_point_key)
        return row.finished_at if row is not None and row.version == version else None

    # ------------------------------------------------------------------ the organisation's use cases

    async def request(
        self,
        actor: OrganizationActor,
        charge_point_id: str,
        firmware_id: str,
        *,
        retrieve_at: datetime | None,
        any_model: bool,
    ) -> UpdateView:
        """Start an update of one of the organisation's charge points; raises what `begin` does."""
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.registry.of_organization(session, actor, charge_point_id)
            update_id = await self.begin(
                session,
                charge_point.key,
                firmware_id,
                requested_by=actor.key,
                retrieve_at=retrieve_at,
                any_model=any_model,
            )
            return await self.state(session, update_id)

    async def page(
        self, actor: OrganizationActor, charge_point_id: str, page: Page
    ) -> tuple[list[UpdateView], str | None]:
        """One page of a charge point's updates, newest first, and the next cursor.

        Raises:
            NotFound: no such charge point of the organisation.
        """
        after = page.after(datetime, str)
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.registry.of_organization(session, actor, charge_point_id)
            rows = await updates_store.select_updates(
                session, charge_point.key, limit=page.limit + 1, after=(after[0], after[1]) if after else None
            )
            kept, next_cursor = page.cut(rows, lambda row: (row.requested_at, row.update_id))
            return [await self.standings.view(session, row) for row in kept], next_cursor

    async def get(self, actor: OrganizationActor, charge_point_id: str, update_id: str) -> UpdateView:
        """One update of one of the organisation's charge points.

        Raises:
            NotFound: no such charge point, or no such update of it.
        """
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.registry.of_organization(session, actor, charge_point_id)
            view = await self.state(session, update_id)
        if view.row.charge_point_key != charge_point.key:
            raise NotFound("There is no such firmware update.")
        return view

    # ------------------------------------------------------------------ the charge point's download

    async def open_download(self, token: str, *, is_from_start: bool) -> FileFacts:
        """The file behind a one-time address, while its update is under way.

        Raises:
            NotFound: nobody was given this address, or its update is over.
            TooMany: it was downloaded too often.
        """
        token_hash = self.urls.hash_of(token)
        async with self.database.transaction(Scope(lookup=token_hash)) as session:
            row = await updates_store.find_by_token(session, token_hash, lock=is_from_start)
            if row is None or row.finished_at is not None or row.gives_up_at <= self.clock.now():
                raise NotFound("There is nothing at this address.")
            if is_from_start:
                if row.downloads >= MOST_DOWNLOADS:
                    raise TooMany("This file was downloaded too often.", retry_after_seconds=3600)
                await updates_store.count_download(session, row.update_id)
            organization_id, firmware_id = row.organization_id, row.firmware_id
        async with self.database.transaction(Scope(organization_id=organization_id)) as session:
            firmware = await updates_store.find_firmware(session, firmware_id)
            if firmware is None or firmware.file_id is None:
                raise NotFound("There is nothing at this address.")
            return await file_facts(session, firmware.file_id)

    def read(self, facts: FileFacts, first: int, last: int) -> AsyncIterator[bytes]:
        """The bytes `first` to `last` of a file that `open_download` gave."""
        return stream_file(self.database, facts, first=first, last=last)
