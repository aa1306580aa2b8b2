"""Files (certificates, photos, diagnostics) in PostgreSQL, in chunks, so that a backup of the database is whole.

Handover, mail and later firmware use it. Who may see a file's rows is row-level security's matter: its organisation, whoever has
its project, and whoever was given its exact id by a row that they may see.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, delete, select, text
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, Session, kept, visible_to
from sliproad.foundation.errors import NotFound
from sliproad.foundation.ids import new_id

CHUNK_BYTES = 256 * 1024
UNFINISHED = ""
"""The checksum of a file that is still arriving (`file_streams`); nobody can read it."""


class FileRow(Row):
    __tablename__ = "files"
    __table_args__ = (
        {
            "info": visible_to("organization", "project", lookup=("file_id",))
            | kept(1, since="created_at", where=f"sha256 = '{UNFINISHED}'")
        },
    )

    file_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(index=True)
    project_id: Mapped[str | None]
    name: Mapped[str]
    mime: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class FileChunkRow(Row):
    __tablename__ = "file_chunks"
    __table_args__ = ({"info": visible_to("organization", "project", lookup=("file_id",))},)

    file_id: Mapped[str] = mapped_column(ForeignKey("files.file_id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[str]
    project_id: Mapped[str | None]
    data: Mapped[bytes] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file, whole."""

    file_id: str
    name: str
    mime: str
    data: bytes
    sha256: str
    created_at: datetime


class Files:
    """Saves and reads in the caller's transaction."""

    async def save(
        self,
        session: Session,
        organization_id: str,
        name: str,
        mime: str,
        data: bytes,
        *,
        project_id: str | None = None,
    ) -> str:
        """Store `data`; gives its `file_id`. `project_id` lets the project's installers and site owners save and read it too."""
        file_id = new_id("file")
        owner = {"file_id": file_id, "organization_id": organization_id, "project_id": project_id}
        digest = hashlib.sha256(data).hexdigest()
        session.add(FileRow(**owner, name=name, mime=mime, size_bytes=len(data), sha256=digest))
        await session.flush()
        for position, start in enumerate(range(0, len(data), CHUNK_BYTES)):
            session.add(FileChunkRow(**owner, position=position, data=data[start : start + CHUNK_BYTES]))
        await session.flush()
        return file_id

    async def read(self, session: Session, file_id: str) -> StoredFile:
        """The file with all its bytes.

        Raises:
            NotFound: absent, or not visible in this scope.
        """
        row = await session.get(FileRow, file_id)
        if row is None or row.sha256 == UNFINISHED:
            raise NotFound("There is no such file.")
        chunks = await session.scalars(
            select(FileChunkRow.data).where(FileChunkRow.file_id == file_id).order_by(FileChunkRow.position)
        )
        return StoredFile(file_id, row.name, row.mime, b"".join(chunks), row.sha256, row.created_at)

    async def delete(self, session: Session, file_id: str) -> None:
        """Remove it; nothing happens when it is not there."""
        await session.execute(delete(FileRow).where(FileRow.file_id == file_id))
