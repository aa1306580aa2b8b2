"""SQL of organisations' templates: one row a template, one row for each of its versions, which never change."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, and_, func, select, text, true, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, Session, visible_to

OWNER = ("organization_id",)
"""An installer's transaction names the organisation (`Scope.lookup`) after it has seen that they work for it."""


class CommissioningTemplateRow(Row):
    __tablename__ = "commissioning_templates"
    __table_args__ = (
        Index("commissioning_templates_organization_id_created_at_idx", "organization_id", "created_at"),
        {"info": visible_to("organization", lookup=OWNER)},
    )

    template_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"))
    version: Mapped[int]
    """The newest."""
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    archived_at: Mapped[datetime | None]


class CommissioningTemplateVersionRow(Row):
    __tablename__ = "commissioning_template_versions"
    __table_args__ = ({"info": visible_to("organization", lookup=OWNER)},)

    template_id: Mapped[str] = mapped_column(
        ForeignKey("commissioning_templates.template_id", ondelete="cascade"), primary_key=True
    )
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    organization_id: Mapped[str]
    definition: Mapped[dict[str, Any]]
    """As `templates_definition` writes it."""
    created_at: Mapped[datetime]
    created_by: Mapped[str]


class TemplateApplicationRow(Row):
    """A template that an installer had applied to a charge point; one at a time, by whoever keeps `lease_until` in the future."""

    __tablename__ = "commissioning_template_applications"
    __table_args__ = (
        Index(
            "commissioning_template_applications_open_key",
            "charge_point_key",
            unique=True,
            postgresql_where=text("finished_at is null"),
        ),
        {"info": visible_to("organization", "charge_point")},
    )

    application_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str]
    charge_point_key: Mapped[int] = mapped_column(BigInteger)
    template_id: Mapped[str]
    version: Mapped[int]
    applied_by: Mapped[str]
    started_at: Mapped[datetime]
    lease_until: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[dict[str, Any] | None]
    """Each key's fate, as the configuration step tells them apart."""


Found = tuple[CommissioningTemplateRow, CommissioningTemplateVersionRow]


async def insert_template(session: Session, row: CommissioningTemplateRow, first: dict[str, Any]) -> Found:
    """A new template with its first version."""
    session.add(row)
    await session.flush()
    return row, await insert_version(session, row, first, row.created_at, row.created_by)


async def insert_version(
    session: Session, row: CommissioningTemplateRow, definition: dict[str, Any], at: datetime, by: str
) -> CommissioningTemplateVersionRow:
    """The version that `row.version` names."""
    version = CommissioningTemplateVersionRow(
        template_id=row.template_id,
        version=row.version,
        organization_id=row.organization_id,
        definition=definition,
        created_at=at,
        created_by=by,
    )
    session.add(version)
    await session.flush()
    return version


async def lock_template(session: Session, organization_id: str, template_id: str) -> CommissioningTemplateRow | None:
    """A template, held until the transaction ends."""
    row = CommissioningTemplateRow
    query = select(row).where(row.template_id == template_id, row.organization_id == organization_id).with_for_update()
    return await session.scalar(query.execution_options(populate_existing=True))


async def find_template(
    session: Session, organization_id: str, template_id: str, version: int | None = None
) -> Found | None:
    """A template of an organisation in one of its versions; the newest where none is named."""
    row, of_version = CommissioningTemplateRow, CommissioningTemplateVersionRow
    wanted = row.version if version is None else version
    query = (
        select(row, of_version)
        .join(of_version, and_(of_version.template_id == row.template_id, of_version.version == wanted))
        .where(row.template_id == template_id, row.organization_id == organization_id)
    )
    found = (await session.execute(query)).first()
    return None if found is None else (found[0], found[1])


async def select_versions(session: Session, template_id: str) -> Sequence[CommissioningTemplateVersionRow]:
    """All versions of a template, newest first."""
    row = CommissioningTemplateVersionRow
    query = select(row).where(row.template_id == template_id).order_by(row.version.desc())
    return (await session.scalars(query)).all()


async def select_templates(
    session: Session,
    organization_ids: Sequence[str],
    *,
    archived: bool = False,
    limit: int | None = None,
    after: tuple[datetime, str] | None = None,
) -> tuple[list[Found], int]:
    """Newest versions of these organisations' templates, the newest template first, and how many there are in all."""
    row, of_version = CommissioningTemplateRow, CommissioningTemplateVersionRow
    wanted = and_(row.organization_id.in_(organization_ids), true() if archived else row.archived_at.is_(None))
    query = (
        select(row, of_version)
        .join(of_version, and_(of_version.template_id == row.template_id, of_version.version == row.version))
        .where(wanted)
        .order_by(row.created_at.desc(), row.template_id.desc())
    )
    if after is not None:
        query = query.where(tuple_(row.created_at, row.template_id) < tuple_(*after))
    total = await session.scalar(select(func.count()).select_from(row).where(wanted)) or 0
    return [(found[0], found[1]) for found in await session.execute(query.limit(limit))], total


async def begin_application(session: Session, values: dict[str, Any], now: datetime) -> bool:
    """Whether this one may go on: of those at one charge point one at a time; one whose process died gives way."""
    row = TemplateApplicationRow
    fresh = {name: values[name] for name in values if name != "charge_point_key"}
    statement = (
        insert(row)
        .values(**values)
        .on_conflict_do_update(
            index_elements=[row.charge_point_key],
            index_where=row.finished_at.is_(None),
            set_=fresh,
            where=row.lease_until < now,
        )
        .returning(row.application_id)
    )
    return await session.scalar(statement) is not None


async def find_application(session: Session, application_id: str) -> TemplateApplicationRow | None:
    """By its id, held until the transaction ends."""
    row = TemplateApplicationRow
    return await session.scalar(select(row).where(row.application_id == application_id).with_for_update())
