"""Rows of diagnostics and security logs that charge points were asked to upload."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Index, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, Session, visible_to


class DiagnosticsUploadRow(Row):
    """One request for a file, whose one-time URL is found by the hash of its token; the token itself is never stored."""

    __tablename__ = "diagnostics_uploads"
    __table_args__ = (
        Index("diagnostics_uploads_charge_point_key_idx", "charge_point_key", "requested_at"),
        Index(
            "diagnostics_uploads_open_key",
            "charge_point_key",
            unique=True,
            postgresql_where=text("finished_at is null"),
        ),
        {"info": visible_to("organization", "charge_point", lookup=("token_hash",))},
    )

    upload_id: Mapped[str] = mapped_column(primary_key=True)
    charge_point_key: Mapped[int] = mapped_column(BigInteger)
    charge_point_id: Mapped[str]
    organization_id: Mapped[str]
    project_id: Mapped[str]
    log_type: Mapped[str]
    """`diagnostics` or `security`."""
    oldest_at: Mapped[datetime | None]
    latest_at: Mapped[datetime | None]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    request_id: Mapped[int]
    token_hash: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    gives_up_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(server_default="pending")
    """`pending`, `uploading`, `uploaded`, `failed`."""
    detail: Mapped[str]
    marker: Mapped[int | None] = mapped_column(BigInteger)
    """The status notification after which those of this request come; set when the CALL goes out."""
    called_action: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    told_file_name: Mapped[str | None]
    receiving_until: Mapped[datetime | None]
    """Somebody is sending the file; prolonged while bytes come, so that one that died is not waited for."""
    file_id: Mapped[str | None]
    file_name: Mapped[str | None]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None]
    finished_at: Mapped[datetime | None]


async def insert_upload(session: Session, values: dict[str, Any]) -> bool:
    """Whether it is in: there is at most one open request per charge point."""
    row = DiagnosticsUploadRow
    statement = (
        insert(row)
        .values(**values)
        .on_conflict_do_nothing(index_elements=[row.charge_point_key], index_where=row.finished_at.is_(None))
        .returning(row.upload_id)
    )
    return await session.scalar(statement) is not None


async def find_upload(session: Session, upload_id: str, *, lock: bool = False) -> DiagnosticsUploadRow | None:
    """By its id; `lock` holds it until the transaction ends."""
    return await _one(session, DiagnosticsUploadRow.upload_id == upload_id, lock=lock)


async def find_by_token(session: Session, token_hash: str, *, lock: bool = False) -> DiagnosticsUploadRow | None:
    """By the hash of the token in its URL."""
    return await _one(session, DiagnosticsUploadRow.token_hash == token_hash, lock=lock)


async def select_uploads(session: Session, charge_point_key: int, limit: int) -> Sequence[DiagnosticsUploadRow]:
    """The newest first."""
    row = DiagnosticsUploadRow
    query = select(row).where(row.charge_point_key == charge_point_key).order_by(row.requested_at.desc()).limit(limit)
    return (await session.scalars(query)).all()


async def open_uploads(session: Session, limit: int) -> Sequence[str]:
    """Those that are not finished."""
    query = select(DiagnosticsUploadRow.upload_id).where(DiagnosticsUploadRow.finished_at.is_(None)).limit(limit)
    return (await session.scalars(query)).all()


async def claim(session: Session, token_hash: str, now: datetime, lease: timedelta) -> DiagnosticsUploadRow | None:
    """Take the right to send the file; None where it is there already, its time is over, or somebody else sends it."""
    row = DiagnosticsUploadRow
    statement = (
        update(row)
        .where(
            row.token_hash == token_hash,
            row.file_id.is_(None),
            row.expires_at > now,
            or_(row.receiving_until.is_(None), row.receiving_until <= now),
        )
        .values(receiving_until=now + lease)
        .returning(row)
    )
    found: DiagnosticsUploadRow | None = await session.scalar(statement)
    return found


async def prolong(session: Session, upload_id: str, until: datetime | None) -> None:
    """Bytes still come; or None: they do no more."""
    row = DiagnosticsUploadRow
    await session.execute(update(row).where(row.upload_id == upload_id).values(receiving_until=until))


async def count_open(session: Session, organization_id: str) -> int:
    """How many requests of an organisation are open."""
    row = DiagnosticsUploadRow
    query = select(func.count()).where(row.organization_id == organization_id, row.finished_at.is_(None))
    return await session.scalar(query) or 0


async def _one(session: Session, condition: ColumnElement[bool], *, lock: bool) -> DiagnosticsUploadRow | None:
    query = select(DiagnosticsUploadRow).where(condition).execution_options(populate_existing=True)
    return (await session.scalars(query.with_for_update() if lock else query)).one_or_none()
