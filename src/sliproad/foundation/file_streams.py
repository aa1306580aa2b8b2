"""Large files bit by bit: in as they arrive, out as they are wanted, never whole in memory and in no long transaction.

Diagnostics uploads and firmware (`features/firmware`) use it; the rows are those of `files`. Every full chunk is committed by
itself. A file that is never finished can't be read by anybody, and retention deletes it after a day.
"""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update

from sliproad.foundation.database import Database, Scope, Session
from sliproad.foundation.errors import DomainError, NotFound
from sliproad.foundation.files import CHUNK_BYTES, UNFINISHED, FileChunkRow, FileRow
from sliproad.foundation.ids import new_id


class FileTooLarge(DomainError):
    """More bytes came than the file may have."""

    code = "content_too_large"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known of a file without its bytes; `sha256` is hex."""

    file_id: str
    name: str
    mime: str
    size_bytes: int
    sha256: str
    created_at: datetime


class IncomingFile:
    """A file that is arriving. `begin` it, `write` what comes, then `finish` or `abandon` it."""

    def __init__(self, database: Database, scope: Scope, organization_id: str, *, most_bytes: int) -> None:
        """`scope` must open rows of the organisation; more than `most_bytes` are refused."""
        self.file_id = new_id("file")
        self.size_bytes = 0
        self._database = database
        self._scope = scope
        self._owner = {"file_id": self.file_id, "organization_id": organization_id, "project_id": None}
        self._most_bytes = most_bytes
        self._digest = hashlib.sha256()
        self._waiting = bytearray()
        self._chunks = 0

    async def begin(self, name: str, mime: str) -> None:
        """Make its row."""
        async with self._database.transaction(self._scope) as session:
            row = self._owner | {"name": name, "mime": mime, "size_bytes": 0, "sha256": UNFINISHED}
            await session.execute(insert(FileRow).values(**row))

    async def write(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            FileTooLarge: these are too many.
        """
        self.size_bytes += len(data)
        if self.size_bytes > self._most_bytes:
            raise FileTooLarge(f"The file is larger than {self._most_bytes} bytes.")
        self._digest.update(data)
        self._waiting += data
        while len(self._waiting) >= CHUNK_BYTES:
            chunk = bytes(self._waiting[:CHUNK_BYTES])
            del self._waiting[:CHUNK_BYTES]
            async with self._database.transaction(self._scope) as session:
                await self._keep(session, chunk)

    async def finish(self, session: Session, *, name: str | None = None, mime: str | None = None) -> FileFacts:
        """Store the rest in `session`'s transaction; once that commits the file is whole. A name may be known only now."""
        if self._waiting:
            await self._keep(session, bytes(self._waiting))
        values = {"size_bytes": self.size_bytes, "sha256": self._digest.hexdigest()}
        given = {"name": name, "mime": mime}
        values |= {column: text for column, text in given.items() if text is not None}
        await session.execute(update(FileRow).where(FileRow.file_id == self.file_id).values(**values))
        return await file_facts(session, self.file_id)

    async def abandon(self) -> None:
        """Forget it: the connection broke, or the file is not what was promised."""
        async with self._database.transaction(self._scope) as session:
            await session.execute(delete(FileRow).where(FileRow.file_id == self.file_id, FileRow.sha256 == UNFINISHED))

    async def _keep(self, session: Session, chunk: bytes) -> None:
        await session.execute(insert(FileChunkRow).values(**self._owner, position=self._chunks, data=chunk))
        self._chunks += 1


async def file_facts(session: Session, file_id: str) -> FileFacts:
    """Name, size and checksum of a finished file.

    Raises:
        NotFound: absent, unfinished, or not visible in this scope.
    """
    row = await session.get(FileRow, file_id, populate_existing=True)
    if row is None or row.sha256 == UNFINISHED:
        raise NotFound("There is no such file.")
    return FileFacts(row.file_id, row.name, row.mime, row.size_bytes, row.sha256, row.created_at)


async def stream_file(
    database: Database, facts: FileFacts, *, first: int = 0, last: int | None = None
) -> AsyncIterator[bytes]:
    """The bytes `first` to `last` (included; None: to the end), a chunk at a time, each read in a transaction of its own.

    Whoever has the facts was allowed to read them: the scope is the file's exact id.
    """
    end = facts.size_bytes if last is None else min(last + 1, facts.size_bytes)
    scope = Scope(lookup=facts.file_id)
    for position in range(first // CHUNK_BYTES, -(-end // CHUNK_BYTES)):
        async with database.transaction(scope) as session:
            chunk = await session.scalar(
                select(FileChunkRow.data).where(
                    FileChunkRow.file_id == facts.file_id, FileChunkRow.position == position
                )
            )
        if chunk is None:
            raise NotFound("The file was deleted meanwhile.")
        start = position * CHUNK_BYTES
        yield chunk[max(first - start, 0) : end - start]
