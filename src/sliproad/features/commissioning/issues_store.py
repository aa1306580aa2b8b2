"""SQL of issues, their history, and the photos that belong to them.

`issue_numbers` has one row a year. Whoever takes a number holds that row until their transaction ends, so that of any number at
once each gets its own, and a transaction that is rolled back gives its number back: no gaps, no repeats.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Identity, Index, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.features.commissioning.issues import Action, Change, Issue, Person, PersonKind, Selection
from sliproad.foundation.database import Row, Session, visible_to


class IssueNumberRow(Row):
    """The last number of a year; opened by naming the year (`Scope.lookup`)."""

    __tablename__ = "issue_numbers"
    __table_args__ = ({"info": visible_to(lookup=("year",))},)

    year: Mapped[str] = mapped_column(primary_key=True)
    last_number: Mapped[int]


class IssueRow(Row):
    __tablename__ = "issues"
    __table_args__ = (
        Index("issues_organization_id_created_at_idx", "organization_id", "created_at", "issue_id"),
        Index("issues_charge_point_key_created_at_idx", "charge_point_key", "created_at", "issue_id"),
        {"info": visible_to("organization", "charge_point")},
    )

    issue_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"))
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.project_id"))
    charge_point_key: Mapped[int] = mapped_column(BigInteger, ForeignKey("charge_points.key"))
    charge_point_id: Mapped[str]
    session_id: Mapped[str | None]
    reference_number: Mapped[str] = mapped_column(unique=True)
    category: Mapped[str]
    severity: Mapped[str]
    description: Mapped[str]
    step: Mapped[str | None]
    photos: Mapped[list[Any]]
    """URLs as text, and ids of uploaded photos, in the order given."""
    status: Mapped[str] = mapped_column(server_default="open")
    """`open`, `resolved`."""
    assigned_to: Mapped[str | None]
    """A user of the organisation."""
    assigned_to_name: Mapped[str | None]
    reported_by: Mapped[str]
    """The id of the installer, or of the user who owns the site."""
    reported_by_kind: Mapped[str] = mapped_column(server_default="installer")
    """`installer`, `site_owner`."""
    reported_by_name: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]


class IssueChangeRow(Row):
    """The history of an issue; rows are only ever added."""

    __tablename__ = "issue_changes"
    __table_args__ = (
        Index("issue_changes_issue_id_change_id_idx", "issue_id", "change_id"),
        {"info": visible_to("organization", "charge_point")},
    )

    change_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    issue_id: Mapped[str] = mapped_column(ForeignKey("issues.issue_id", ondelete="cascade"))
    organization_id: Mapped[str]
    charge_point_key: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]
    action: Mapped[str]
    by_kind: Mapped[str]
    by_id: Mapped[str]
    by_name: Mapped[str]
    comment: Mapped[str | None]
    assigned_to: Mapped[str | None]
    assigned_to_name: Mapped[str | None]


class PhotoRow(Row):
    """An uploaded photo, re-encoded; its bytes are in `files`."""

    __tablename__ = "commissioning_photos"
    __table_args__ = (
        Index("commissioning_photos_charge_point_key_idx", "charge_point_key", "uploaded_at"),
        {"info": visible_to("organization", "charge_point")},
    )

    photo_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"))
    charge_point_key: Mapped[int] = mapped_column(BigInteger, ForeignKey("charge_points.key"))
    file_id: Mapped[str] = mapped_column(ForeignKey("files.file_id"))
    width: Mapped[int]
    height: Mapped[int]
    size_bytes: Mapped[int]
    uploaded_by: Mapped[str]
    uploaded_at: Mapped[datetime]


async def take_number(session: Session, year: int) -> int:
    """The next number of `year`; others who want one wait until this transaction has ended, so ask for it last."""
    statement = insert(IssueNumberRow).values(year=str(year), last_number=1)
    one_more = {"last_number": IssueNumberRow.last_number + 1}
    taken = statement.on_conflict_do_update(index_elements=["year"], set_=one_more).returning(
        IssueNumberRow.last_number
    )
    return (await session.execute(taken)).scalar_one()


async def find_issue(session: Session, issue_id: str, *, lock: bool = False) -> IssueRow | None:
    """An issue in the transaction's scope; `lock` holds it until the transaction ends."""
    found: IssueRow | None = await session.get(IssueRow, issue_id, with_for_update=lock)
    return found


async def select_issues(
    session: Session, selection: Selection, *, limit: int, before: tuple[datetime, str] | None
) -> Sequence[IssueRow]:
    """Newest first, one more than `limit`; `before` is the (created_at, issue_id) that the last page ended with."""
    query = select(IssueRow).where(*_conditions(selection))
    if before is not None:
        query = query.where(tuple_(IssueRow.created_at, IssueRow.issue_id) < tuple_(*before))
    query = query.order_by(IssueRow.created_at.desc(), IssueRow.issue_id.desc()).limit(limit + 1)
    return (await session.scalars(query)).all()


async def count_issues(session: Session, selection: Selection) -> int:
    """How many there are in all pages."""
    return await session.scalar(select(func.count()).select_from(IssueRow).where(*_conditions(selection))) or 0


async def select_changes(session: Session, issue_id: str) -> tuple[Change, ...]:
    """An issue's history, oldest first."""
    query = select(IssueChangeRow).where(IssueChangeRow.issue_id == issue_id).order_by(IssueChangeRow.change_id)
    return tuple(_change_of(row) for row in await session.scalars(query))


def insert_change(session: Session, row: IssueRow, change: Change) -> None:
    """Record what was done to an issue."""
    row.updated_at = change.at
    session.add(
        IssueChangeRow(
            issue_id=row.issue_id,
            organization_id=row.organization_id,
            charge_point_key=row.charge_point_key,
            at=change.at,
            action=change.action,
            by_kind=change.by.kind,
            by_id=change.by.id,
            by_name=change.by.name,
            comment=change.comment,
            assigned_to=change.assigned_to.id if change.assigned_to else None,
            assigned_to_name=change.assigned_to.name if change.assigned_to else None,
        )
    )


async def find_photo(session: Session, photo_id: str) -> PhotoRow | None:
    """A photo in the transaction's scope."""
    return await session.get(PhotoRow, photo_id)


async def photos_of(session: Session, charge_point_key: int, photo_ids: Collection[str]) -> Sequence[PhotoRow]:
    """Those of these photos that belong to the charge point."""
    query = select(PhotoRow).where(PhotoRow.charge_point_key == charge_point_key, PhotoRow.photo_id.in_(photo_ids))
    return (await session.scalars(query)).all()


def issue_of(row: IssueRow) -> Issue:
    """The facts in a row."""
    return Issue(
        issue_id=row.issue_id,
        organization_id=row.organization_id,
        project_id=row.project_id,
        charge_point_id=row.charge_point_id,
        session_id=row.session_id,
        reference_number=row.reference_number,
        category=cast("Any", row.category),
        severity=cast("Any", row.severity),
        description=row.description,
        step=cast("Any", row.step),
        photos=tuple(row.photos),
        status=cast("Any", row.status),
        assigned_to=_user(row.assigned_to, row.assigned_to_name),
        reported_by=Person(cast("PersonKind", row.reported_by_kind), row.reported_by, row.reported_by_name),
        created_at=row.created_at,
        updated_at=row.updated_at,
        resolved_at=row.resolved_at,
    )


def _change_of(row: IssueChangeRow) -> Change:
    return Change(
        at=row.at,
        action=cast("Action", row.action),
        by=Person(cast("PersonKind", row.by_kind), row.by_id, row.by_name),
        comment=row.comment,
        assigned_to=_user(row.assigned_to, row.assigned_to_name),
    )


def _user(user_id: str | None, name: str | None) -> Person | None:
    return None if user_id is None else Person("user", user_id, name or "")


def _conditions(selection: Selection) -> list[ColumnElement[bool]]:
    return [
        column == value
        for column, value in (
            (IssueRow.organization_id, selection.organization_id),
            (IssueRow.charge_point_key, selection.charge_point_key),
            (IssueRow.charge_point_id, selection.charge_point_id),
            (IssueRow.project_id, selection.project_id),
            (IssueRow.status, selection.status),
            (IssueRow.severity, selection.severity),
            (IssueRow.reported_by_kind, selection.reporter_kind),
        )
        if value is not None
    ]
