"""SQL of projects, assignments and checklists."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, func, select, text, update
from sqlalchemy import Row as ResultRow
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, Session, visible_to


class ProjectRow(Row):
    __tablename__ = "projects"
    __table_args__ = ({"info": visible_to("organization", "project")},)

    project_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"), index=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.site_id"), index=True)
    name: Mapped[str]
    charge_points_expected: Mapped[int]
    site_owner_email: Mapped[str | None]
    auto_commission: Mapped[bool] = mapped_column(server_default=text("true"))
    mail_site_owner: Mapped[bool] = mapped_column(server_default=text("true"))
    require_checklist: Mapped[bool] = mapped_column(server_default=text("false"))
    status: Mapped[str] = mapped_column(server_default="in_progress")
    """`in_progress`, `handed_over`."""
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    handed_over_at: Mapped[datetime | None]


class ProjectInstallerRow(Row):
    """Who works on a project. `removed_at` ends it at once: the policies of row-level security read it.

    Name, e-mail and company are copied, so that a project's list needs no look at `installers`.
    """

    __tablename__ = "project_installers"
    __table_args__ = (
        Index("project_installers_installer_id_idx", "installer_id"),
        {"info": visible_to("organization", "installer", "owned_project")},
    )

    project_id: Mapped[str] = mapped_column(ForeignKey("projects.project_id"), primary_key=True)
    installer_id: Mapped[str] = mapped_column(ForeignKey("installers.installer_id"), primary_key=True)
    organization_id: Mapped[str]
    full_name: Mapped[str]
    email: Mapped[str]
    company: Mapped[str | None]
    assigned_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    removed_at: Mapped[datetime | None]


class ChecklistItemRow(Row):
    """What a person ticked. Items that the platform fills (`ocpp_connection`, …) are never stored here."""

    __tablename__ = "checklist_items"
    __table_args__ = (
        Index(
            "checklist_items_place_key",
            "project_id",
            "charge_point_key",
            "item",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        {"info": visible_to("organization", "project")},
    )

    checklist_item_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.project_id"))
    organization_id: Mapped[str]
    charge_point_key: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("charge_points.key"))
    item: Mapped[str]
    done: Mapped[bool]
    done_by: Mapped[str | None]
    done_at: Mapped[datetime | None]
    note: Mapped[str | None]
    photo_url: Mapped[str | None]


async def insert_project(session: Session, values: Mapping[str, Any]) -> ProjectRow:
    row = ProjectRow(**values)
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row


async def find_project(session: Session, project_id: str) -> ProjectRow | None:
    return await session.scalar(select(ProjectRow).where(ProjectRow.project_id == project_id))


async def find_project_for_share(session: Session, project_id: str) -> ProjectRow | None:
    """The project, whose handover has to wait until this transaction ends."""
    query = select(ProjectRow).where(ProjectRow.project_id == project_id).with_for_update(read=True)
    return await session.scalar(query, execution_options={"populate_existing": True})


async def find_project_for_update(session: Session, project_id: str) -> ProjectRow | None:
    """The project, on which everybody else's work has to wait until this transaction ends."""
    query = select(ProjectRow).where(ProjectRow.project_id == project_id).with_for_update()
    return await session.scalar(query, execution_options={"populate_existing": True})


async def select_page(
    session: Session, organization_id: str, *, limit: int, after: str | None
) -> tuple[Sequence[ProjectRow], int]:
    """An organisation's projects by id, one more than `limit`, and how many there are in all."""
    mine = ProjectRow.organization_id == organization_id
    query = select(ProjectRow).where(mine).order_by(ProjectRow.project_id).limit(limit + 1)
    if after is not None:
        query = query.where(ProjectRow.project_id > after)
    total = await session.scalar(select(func.count()).select_from(ProjectRow).where(mine)) or 0
    return (await session.scalars(query)).all(), total


async def select_of_sites(session: Session, site_ids: Sequence[str]) -> Sequence[ProjectRow]:
    """The projects of these sites, oldest first."""
    query = select(ProjectRow).where(ProjectRow.site_id.in_(site_ids)).order_by(ProjectRow.created_at)
    return (await session.scalars(query)).all()


async def select_assigned(session: Session, installer_id: str) -> Sequence[ResultRow[ProjectRow, datetime]]:
    """The projects an installer works on, each with when they were assigned, newest assignment first."""
    query = (
        select(ProjectRow, ProjectInstallerRow.assigned_at)
        .join(ProjectInstallerRow, ProjectInstallerRow.project_id == ProjectRow.project_id)
        .where(ProjectInstallerRow.installer_id == installer_id, ProjectInstallerRow.removed_at.is_(None))
        .order_by(ProjectInstallerRow.assigned_at.desc(), ProjectRow.project_id)
    )
    return (await session.execute(query)).all()


async def find_assignment(session: Session, project_id: str, installer_id: str) -> ProjectInstallerRow | None:
    """An installer's present assignment to a project."""
    return await session.scalar(
        select(ProjectInstallerRow).where(
            ProjectInstallerRow.project_id == project_id,
            ProjectInstallerRow.installer_id == installer_id,
            ProjectInstallerRow.removed_at.is_(None),
        )
    )


async def change_project(session: Session, project_id: str, values: Mapping[str, Any]) -> ProjectRow:
    query = update(ProjectRow).where(ProjectRow.project_id == project_id).values(dict(values)).returning(ProjectRow)
    return (await session.execute(query, execution_options={"populate_existing": True})).scalar_one()


async def assign(session: Session, values: Mapping[str, Any]) -> ProjectInstallerRow:
    """Put an installer on a project. One who is on it already stays as they are; one taken off before comes back."""
    row = ProjectInstallerRow
    query = insert(row).values(dict(values))
    again = query.on_conflict_do_update(
        index_elements=["project_id", "installer_id"],
        set_={
            "removed_at": None,
            **{name: query.excluded[name] for name in ("assigned_at", "full_name", "email", "company")},
        },
        where=row.removed_at.is_not(None),
    )
    await session.execute(again)
    found = select(row).where(row.project_id == values["project_id"], row.installer_id == values["installer_id"])
    return (await session.scalars(found, execution_options={"populate_existing": True})).one()


async def take_off(session: Session, project_id: str, installer_id: str, at: datetime) -> bool:
    """End an assignment; whether there was one."""
    query = (
        update(ProjectInstallerRow)
        .where(
            ProjectInstallerRow.project_id == project_id,
            ProjectInstallerRow.installer_id == installer_id,
            ProjectInstallerRow.removed_at.is_(None),
        )
        .values(removed_at=at)
        .returning(ProjectInstallerRow.installer_id)
    )
    return (await session.execute(query)).first() is not None


async def select_assignments(session: Session, project_id: str) -> Sequence[ProjectInstallerRow]:
    """Who works on a project now."""
    query = (
        select(ProjectInstallerRow)
        .where(ProjectInstallerRow.project_id == project_id, ProjectInstallerRow.removed_at.is_(None))
        .order_by(ProjectInstallerRow.assigned_at)
    )
    return (await session.scalars(query)).all()


async def select_checklist(session: Session, project_id: str) -> Sequence[ChecklistItemRow]:
    return (await session.scalars(select(ChecklistItemRow).where(ChecklistItemRow.project_id == project_id))).all()


async def save_checklist_items(session: Session, items: Sequence[Mapping[str, Any]]) -> None:
    """Write what a person ticked, each item over what stood there before."""
    for values in items:  # a handful, each with a place of its own
        query = insert(ChecklistItemRow).values(dict(values))
        changed = {name: query.excluded[name] for name in ("done", "done_by", "done_at", "note", "photo_url")}
        await session.execute(
            query.on_conflict_do_update(index_elements=["project_id", "charge_point_key", "item"], set_=changed)
        )


async def move_checklist_items(session: Session, charge_point_key: int, project_id: str) -> None:
    """A charge point's ticks go with it into another project."""
    await session.execute(
        update(ChecklistItemRow)
        .where(ChecklistItemRow.charge_point_key == charge_point_key)
        .values(project_id=project_id)
    )
