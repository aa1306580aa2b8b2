"""The file's own way in: whoever has the one-time address may send one file, once, of at most 50 MiB.

`uploads_routes` hand the body on as it comes. A connection that breaks half-way uses nothing up: the charge point may try again
until the address expires; also one whose receiving process died, after seconds.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

from sliproad.features.firmware import uploads_store
from sliproad.features.firmware.transfer_urls import TransferUrls, safe_name
from sliproad.features.firmware.uploads_store import DiagnosticsUploadRow
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Scope
from sliproad.foundation.errors import Conflict, InvalidInput, NotFound, UpstreamUnavailable
from sliproad.foundation.file_streams import IncomingFile

MOST_BYTES = 50 * 1024 * 1024
LEASE = timedelta(seconds=10)
"""How long an upload counts as coming in when nobody says so any more."""
PROLONG_SECONDS = 3.0
IDLE_SECONDS = 60.0


class UploadReceiver:
    """See the module."""

    def __init__(self, database: Database, clock: Clock, urls: TransferUrls, *, most_bytes: int = MOST_BYTES) -> None:
        """`database` speaks as role `web`."""
        self.database = database
        self.clock = clock
        self.urls = urls
        self.most_bytes = most_bytes

    async def receive(self, token: str, body: AsyncIterator[bytes], name: str | None, mime: str) -> None:
        """Take a file in; it is there when this returns.

        Raises:
            NotFound: nobody was given this address.
            Conflict: `upload_complete`, `upload_expired`, `upload_in_progress`.
            FileTooLarge: more than `most_bytes`; the address may be used again.
            InvalidInput: there was no file.
            UpstreamUnavailable: it stopped coming.
        """
        row = await self._claim(token)
        scope = Scope(organization_id=row.organization_id)
        file = IncomingFile(self.database, scope, row.organization_id, most_bytes=self.most_bytes)
        is_kept = False
        try:
            await file.begin(safe_name(name or row.told_file_name or f"{row.upload_id}.log"), mime)
            async with self._held(row, scope):
                await self._take_in(file, body)
            await self._complete(row, scope, file)
            is_kept = True
        finally:
            if not is_kept:
                await asyncio.shield(self._give_up(row, scope, file))

    async def _claim(self, token: str) -> DiagnosticsUploadRow:
        token_hash, now = self.urls.hash_of(token), self.clock.now()
        async with self.database.transaction(Scope(lookup=token_hash)) as session:
            if (row := await uploads_store.claim(session, token_hash, now, LEASE)) is not None:
                return row
            row = await uploads_store.find_by_token(session, token_hash)
        if row is None:
            raise NotFound("There is nothing at this address.")
        if row.file_id is not None:
            raise Conflict("This file has been uploaded already.", code="upload_complete")
        if row.expires_at <= now:
            raise Conflict("This address has expired.", code="upload_expired")
        raise Conflict("This file is being uploaded already.", code="upload_in_progress")

    @contextlib.asynccontextmanager
    async def _held(self, row: DiagnosticsUploadRow, scope: Scope) -> AsyncIterator[None]:
        """While the block runs, say again and again that we live."""

        async def prolong() -> None:
            while True:
                await asyncio.sleep(PROLONG_SECONDS)
                async with self.database.transaction(scope) as session:
                    await uploads_store.prolong(session, row.upload_id, self.clock.now() + LEASE)

        prolonging = asyncio.create_task(prolong())
        try:
            yield
        finally:
            prolonging.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await prolonging

    async def _take_in(self, file: IncomingFile, body: AsyncIterator[bytes]) -> None:
        try:
            while True:
                async with asyncio.timeout(IDLE_SECONDS):
                    data = await anext(body, None)
                if data is None:
                    break
                await file.write(data)
        except TimeoutError:
            raise UpstreamUnavailable("The file stopped coming.", code="upload_stalled") from None
        if not file.size_bytes:
            raise InvalidInput.field("body", "holds no file")

    async def _complete(self, row: DiagnosticsUploadRow, scope: Scope, file: IncomingFile) -> None:
        async with self.database.transaction(scope) as session:
            found = await uploads_store.find_upload(session, row.upload_id, lock=True)
            if found is None or found.file_id is not None:
                raise Conflict("This file has been uploaded already.", code="upload_complete")
            facts = await file.finish(session)
            found.file_id, found.file_name = facts.file_id, facts.name
            found.size_bytes, found.sha256 = facts.size_bytes, facts.sha256
            found.status, found.detail = "uploaded", f"The file has arrived: {readable_size(facts.size_bytes)}."
            found.receiving_until, found.finished_at = None, self.clock.now()

    async def _give_up(self, row: DiagnosticsUploadRow, scope: Scope, file: IncomingFile) -> None:
        await file.abandon()
        async with self.database.transaction(scope) as session:
            await uploads_store.prolong(session, row.upload_id, None)


def readable_size(size_bytes: int) -> str:
    """`1.4 MB`, `64 kB`, `12 bytes`."""
    if size_bytes >= 1_000_000:
        return f"{size_bytes / 1_000_000:.1f} MB"
    return f"{size_bytes / 1000:.0f} kB" if size_bytes >= 1000 else f"{size_bytes} bytes"
