"""SQL of sites and their owners."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, Session, visible_to


class SiteRow(Row):
    __tablename__ = "sites"
    __table_args__ = (
        Index("sites_operator_id_idx", "operator_id", postgresql_where=text("operator_id is not null")),
        {"info": visible_to("organization", "site", "operator")},
    )

    site_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"), index=True)
    name: Mapped[str]
    address: Mapped[str]
    latitude: Mapped[Decimal | None]
    longitude: Mapped[Decimal | None]
    time_zone: Mapped[str | None]
    operator_id: Mapped[str | None] = mapped_column(ForeignKey("operators.operator_id"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class SiteOwnerRow(Row):
    """A user with role `site_owner`, bound to a site. E-mail and name are copied, so that lists need no look at `users`."""

    __tablename__ = "site_owners"
    __table_args__ = (
        Index("site_owners_user_id_idx", "user_id"),
        {"info": visible_to("organization", "user")},
    )

    site_id: Mapped[str] = mapped_column(ForeignKey("sites.site_id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.user_id"), primary_key=True)
    organization_id: Mapped[str]
    email: Mapped[str]
    full_name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


async def insert_site(session: Session, values: Mapping[str, Any]) -> SiteRow:
    row = SiteRow(**values)
    session.add(row)
    await session.flush()
    return row


async def find_site(session: Session, site_id: str, *, keep: bool = False, lock: bool = False) -> SiteRow | None:
    """A site; with `keep` nobody changes it until the transaction ends, with `lock` nobody else keeps it either."""
    query = select(SiteRow).where(SiteRow.site_id == site_id)
    if keep or lock:
        query = query.with_for_update(read=not lock)
    return await session.scalar(query, execution_options={"populate_existing": True})


async def select_sites(session: Session, site_ids: Sequence[str]) -> Sequence[SiteRow]:
    """These sites, of which the ones out of sight are left out."""
    return (await session.scalars(select(SiteRow).where(SiteRow.site_id.in_(site_ids)))).all()


async def select_operated(session: Session, operator_id: str) -> Sequence[SiteRow]:
    """The sites that have this operator, by name."""
    query = select(SiteRow).where(SiteRow.operator_id == operator_id).order_by(SiteRow.name, SiteRow.site_id)
    return (await session.scalars(query)).all()


async def select_page(
    session: Session, organization_id: str, *, limit: int, after: str | None
) -> tuple[Sequence[SiteRow], int]:
    """An organisation's sites by id, one more than `limit`, and how many there are in all."""
    mine = SiteRow.organization_id == organization_id
    query = select(SiteRow).where(mine).order_by(SiteRow.site_id).limit(limit + 1)
    if after is not None:
        query = query.where(SiteRow.site_id > after)
    total = await session.scalar(select(func.count()).select_from(SiteRow).where(mine)) or 0
    return (await session.scalars(query)).all(), total


async def change_site(session: Session, site_id: str, values: Mapping[str, Any]) -> SiteRow:
    query = update(SiteRow).where(SiteRow.site_id == site_id).values(dict(values)).returning(SiteRow)
    return (await session.execute(query, execution_options={"populate_existing": True})).scalar_one()


async def insert_owner(session: Session, values: Mapping[str, Any]) -> None:
    """Bind a user to a site; once is enough."""
    await session.execute(insert(SiteOwnerRow).values(dict(values)).on_conflict_do_nothing())


async def select_owners(session: Session, site_id: str) -> Sequence[SiteOwnerRow]:
    """Who is bound to a site, in the order they were invited."""
    query = select(SiteOwnerRow).where(SiteOwnerRow.site_id == site_id).order_by(SiteOwnerRow.created_at)
    return (await session.scalars(query)).all()


async def select_owned(session: Session, user_id: str) -> Sequence[str]:
    """The ids of the sites a user is bound to."""
    query = select(SiteOwnerRow.site_id).where(SiteOwnerRow.user_id == user_id).order_by(SiteOwnerRow.site_id)
    return (await session.scalars(query)).all()


async def delete_owner(session: Session, site_id: str, user_id: str) -> bool:
    """Whether there was one to delete."""
    query = (
        delete(SiteOwnerRow)
        .where(SiteOwnerRow.site_id == site_id, SiteOwnerRow.user_id == user_id)
        .returning(SiteOwnerRow.user_id)
    )
    return (await session.execute(query)).first() is not None
