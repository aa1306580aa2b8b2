"""Statements on stored versions and on the record of changes."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, insert, select

from sliproad.features.connections.model import Change, Version
from sliproad.features.connections.store import ConnectionAuditRow, ConnectionVersionRow
from sliproad.foundation.database import Session

FACTS = tuple(Version.__slots__)


async def insert_version(session: Session, values: Mapping[str, Any]) -> Version:
    row = ConnectionVersionRow(**values)
    session.add(row)
    await session.flush()
    return version_of(row)


async def find_version(session: Session, operator_id: str, version_id: str) -> Version | None:
    """A version of the operator's."""
    row = await session.get(ConnectionVersionRow, version_id)
    return version_of(row) if row is not None and row.operator_id == operator_id else None


async def latest_version(session: Session, operator_id: str, serial_number: str | None) -> Version | None:
    """The newest for this serial number; for None the newest of the operator's level."""
    row = ConnectionVersionRow
    query = (
        select(row)
        .where(row.operator_id == operator_id, row.serial_number == serial_number)
        .order_by(row.version_number.desc())
        .limit(1)
    )
    found = await session.scalar(query)
    return version_of(found) if found else None


async def newest_versions(
    session: Session, operator_id: str, serial_number: str | None, before: str | None, limit: int
) -> list[Version]:
    """An operator's versions, newest first, of one serial number where it is given; after the version called `before`."""
    row = ConnectionVersionRow
    query = select(row).where(row.operator_id == operator_id).order_by(row.version_number.desc()).limit(limit)
    if serial_number is not None:
        query = query.where(row.serial_number == serial_number)
    if before is not None:
        place = select(row.version_number).where(row.version_id == before).scalar_subquery()
        query = query.where(row.version_number < place)
    return [version_of(each) for each in await session.scalars(query)]


async def count_versions(session: Session, operator_id: str, serial_number: str | None) -> int:
    row = ConnectionVersionRow
    query = select(func.count()).select_from(row).where(row.operator_id == operator_id)
    if serial_number is not None:
        query = query.where(row.serial_number == serial_number)
    return await session.scalar(query) or 0


async def record(session: Session, changes: Sequence[Change]) -> None:
    """Keep what was done by whom."""
    if changes:
        rows = [{name: getattr(change, name) for name in Change.__slots__} for change in changes]
        await session.execute(insert(ConnectionAuditRow), [{**row, "details": row["details"] or {}} for row in rows])


async def newest_changes(
    session: Session,
    *,
    operator_id: str | None = None,
    organization_id: str | None = None,
    serial_number: str | None = None,
    before: int | None = None,
    limit: int,
) -> Sequence[tuple[int, Change]]:
    """(its number, what was done), newest first."""
    row = ConnectionAuditRow
    query = select(row).order_by(row.audit_id.desc()).limit(limit)
    given = {row.operator_id: operator_id, row.organization_id: organization_id, row.serial_number: serial_number}
    for column, value in given.items():
        if value is not None:
            query = query.where(column == value)
    if before is not None:
        query = query.where(row.audit_id < before)
    return [
        (each.audit_id, Change(**{name: getattr(each, name) for name in Change.__slots__}))
        for each in await session.scalars(query)
    ]


def version_of(row: ConnectionVersionRow) -> Version:
    """The facts in a row."""
    return Version(**{name: getattr(row, name) for name in FACTS})
