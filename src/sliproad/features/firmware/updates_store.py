"""Rows of a CPO's firmware library and of the updates that charge points were asked to make."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Index, and_, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, Session, visible_to


class FirmwareRow(Row):
    """A firmware of the library: a file of ours, or a URL where the charge point gets it by itself."""

    __tablename__ = "firmwares"
    __table_args__ = (
        Index("firmwares_organization_id_idx", "organization_id", "created_at"),
        {"info": visible_to("organization", lookup=("firmware_id",))},
    )

    firmware_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str]
    version: Mapped[str]
    """As the charge point tells it in its boot once it is installed."""
    vendor: Mapped[str]
    models: Mapped[list[Any]]
    """Patterns with `*` and `?`."""
    name: Mapped[str]
    url: Mapped[str | None]
    file_id: Mapped[str | None]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None]
    signature: Mapped[str | None]
    signing_certificate: Mapped[str | None]
    notes: Mapped[str | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    removed_at: Mapped[datetime | None]


class FirmwareUpdateRow(Row):
    """One update of one charge point, followed to its proof: the new version in a boot after the request."""

    __tablename__ = "firmware_updates"
    __table_args__ = (
        Index("firmware_updates_charge_point_key_idx", "charge_point_key", "requested_at"),
        Index(
            "firmware_updates_open_key", "charge_point_key", unique=True, postgresql_where=text("finished_at is null")
        ),
        {"info": visible_to("organization", "charge_point", lookup=("token_hash",))},
    )

    update_id: Mapped[str] = mapped_column(primary_key=True)
    charge_point_key: Mapped[int] = mapped_column(BigInteger)
    charge_point_id: Mapped[str]
    organization_id: Mapped[str]
    firmware_id: Mapped[str]
    version: Mapped[str]
    from_version: Mapped[str | None]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    retrieve_at: Mapped[datetime]
    gives_up_at: Mapped[datetime]
    request_id: Mapped[int]
    token_hash: Mapped[str] = mapped_column(unique=True)
    downloads: Mapped[int] = mapped_column(server_default="0")
    """How often the download was begun at our address."""
    state: Mapped[str] = mapped_column(server_default="requested")
    """`requested`, `downloading`, `downloaded`, `installing`, `installed`, `failed`."""
    detail: Mapped[str]
    marker: Mapped[int | None] = mapped_column(BigInteger)
    """The status notification after which those of this update come; set when the CALL goes out."""
    called_action: Mapped[str | None]
    called_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    proven_version: Mapped[str | None]
    """What the first boot with the new version said."""
    finished_at: Mapped[datetime | None]


async def insert_firmware(session: Session, values: dict[str, Any]) -> FirmwareRow:
    """A new firmware of the library."""
    row = FirmwareRow(**values)
    session.add(row)
    await session.flush()
    return row


async def find_firmware(session: Session, firmware_id: str) -> FirmwareRow | None:
    """By its id, removed ones too."""
    return await session.get(FirmwareRow, firmware_id, populate_existing=True)


async def select_firmwares(
    session: Session, organization_id: str, *, limit: int, after: tuple[datetime, str] | None
) -> tuple[Sequence[FirmwareRow], int]:
    """The library, newest first: up to `limit` after that place, and how many there are in all."""
    row = FirmwareRow
    mine = and_(row.organization_id == organization_id, row.removed_at.is_(None))
    query = select(row).where(mine).order_by(row.created_at.desc(), row.firmware_id.desc())
    if after is not None:
        query = query.where(tuple_(row.created_at, row.firmware_id) < tuple_(*after))
    total = await session.scalar(select(func.count()).where(mine)) or 0
    return (await session.scalars(query.limit(limit))).all(), total


async def select_versions(session: Session, organization_id: str, version: str) -> Sequence[FirmwareRow]:
    """Those of a version, newest first."""
    row = FirmwareRow
    query = select(row).where(row.organization_id == organization_id, row.version == version, row.removed_at.is_(None))
    return (await session.scalars(query.order_by(row.created_at.desc()))).all()


async def insert_update(session: Session, values: dict[str, Any]) -> bool:
    """Whether it is in: there is at most one open update per charge point."""
    row = FirmwareUpdateRow
    statement = (
        insert(row)
        .values(**values)
        .on_conflict_do_nothing(index_elements=[row.charge_point_key], index_where=row.finished_at.is_(None))
        .returning(row.update_id)
    )
    return await session.scalar(statement) is not None


async def find_update(session: Session, update_id: str, *, lock: bool = False) -> FirmwareUpdateRow | None:
    """By its id; `lock` holds it until the transaction ends."""
    return await _one(session, FirmwareUpdateRow.update_id == update_id, lock=lock)


async def find_by_token(session: Session, token_hash: str, *, lock: bool = False) -> FirmwareUpdateRow | None:
    """By the hash of the token in its download URL."""
    return await _one(session, FirmwareUpdateRow.token_hash == token_hash, lock=lock)


async def select_updates(
    session: Session, charge_point_key: int, *, limit: int, after: tuple[datetime, str] | None
) -> Sequence[FirmwareUpdateRow]:
    """Updates of a charge point, newest first."""
    row = FirmwareUpdateRow
    query = select(row).where(row.charge_point_key == charge_point_key)
    if after is not None:
        query = query.where(tuple_(row.requested_at, row.update_id) < tuple_(*after))
    return (await session.scalars(query.order_by(row.requested_at.desc(), row.update_id.desc()).limit(limit))).all()


async def open_updates(session: Session, limit: int) -> Sequence[str]:
    """Those that are not finished."""
    query = select(FirmwareUpdateRow.update_id).where(FirmwareUpdateRow.finished_at.is_(None)).limit(limit)
    return (await session.scalars(query)).all()


async def is_in_use(session: Session, firmware_id: str) -> bool:
    """Whether an open update installs this firmware."""
    row = FirmwareUpdateRow
    query = select(row.update_id).where(row.firmware_id == firmware_id, row.finished_at.is_(None)).limit(1)
    return await session.scalar(query) is not None


async def last_installed(session: Session, charge_point_key: int) -> FirmwareUpdateRow | None:
    """The newest update that was proven by a boot."""
    row = FirmwareUpdateRow
    query = select(row).where(row.charge_point_key == charge_point_key, row.state == "installed")
    return (await session.scalars(query.order_by(row.finished_at.desc()).limit(1))).one_or_none()


async def count_download(session: Session, update_id: str) -> None:
    """One more download has begun."""
    row = FirmwareUpdateRow
    await session.execute(update(row).where(row.update_id == update_id).values(downloads=row.downloads + 1))


async def _one(session: Session, condition: ColumnElement[bool], *, lock: bool) -> FirmwareUpdateRow | None:
    query = select(FirmwareUpdateRow).where(condition).execution_options(populate_existing=True)
    return (await session.scalars(query.with_for_update() if lock else query)).one_or_none()
