"""SQL of the objects that parties gave to the hub for all: locations, tariffs, tokens; and sessions and CDRs, for whom they are."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, LargeBinary, Select, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.features.roaming.model import ConnectionStatus
from sliproad.features.roaming.store import ConnectionRow, PartyRow
from sliproad.foundation.database import Row, Session, visible_to
from sliproad.ocpi.ids import Party
from sliproad.ocpi.paging import PageAsked


class ObjectRow(Row):
    """One object as its owner gave it; `object_key` is its id in capitals (CiStrings), of tokens with the type before it."""

    __tablename__ = "ocpi_objects"
    __table_args__ = (
        Index("ocpi_objects_list_idx", "module", "object_number"),
        Index("ocpi_objects_key_idx", "module", "object_key"),
        Index("ocpi_objects_receiver_idx", "module", "to_country_code", "to_party_id", "object_number"),
        {"info": visible_to("engine")},
    )

    module: Mapped[str] = mapped_column(primary_key=True)
    country_code: Mapped[str] = mapped_column(primary_key=True)
    party_id: Mapped[str] = mapped_column(primary_key=True)
    object_key: Mapped[str] = mapped_column(primary_key=True)
    object_number: Mapped[int] = mapped_column(BigInteger, Identity())
    """In the order of their creation, which is the order of lists (§4.1.5.2)."""
    to_country_code: Mapped[str | None]
    to_party_id: Mapped[str | None]
    """Whom a session, CDR or reservation concerns."""
    body: Mapped[dict[str, Any]]
    last_updated: Mapped[datetime]
    """The owner's, for filters; the hub never changes it (§4.2.7)."""
    given: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What the party sent, where a quick-start request was completed to become the object."""

    @property
    def owner(self) -> Party:
        return Party(self.country_code, self.party_id)

    @property
    def receiver(self) -> Party | None:
        return Party(self.to_country_code, self.to_party_id) if self.to_country_code and self.to_party_id else None


async def kept_object(
    session: Session, module: str, owner: Party, object_key: str, *, lock: bool = False
) -> ObjectRow | None:
    """One object; `lock` holds its name until the transaction ends, also where it is not there yet."""
    if lock:
        name = "|".join((module, *owner, object_key))
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
    query = select(ObjectRow).where(
        ObjectRow.module == module,
        ObjectRow.country_code == owner.country_code,
        ObjectRow.party_id == owner.party_id,
        ObjectRow.object_key == object_key,
    )
    return await session.scalar(query)


async def by_key(session: Session, module: str, object_key: str, receiver: Party | None = None) -> Sequence[ObjectRow]:
    """Everybody's object of this id, two at most: one is enough to know that it is not enough to go by."""
    query = select(ObjectRow).where(ObjectRow.module == module, ObjectRow.object_key == object_key)
    if receiver is not None:
        query = query.where(
            ObjectRow.to_country_code == receiver.country_code, ObjectRow.to_party_id == receiver.party_id
        )
    return (await session.scalars(query.limit(2))).all()


HELD = "held_cdrs"
"""Not a module: CDRs of the quick start that no session completes yet."""


async def held(session: Session) -> Sequence[ObjectRow]:
    """CDRs that wait to be completed, of all parties, oldest first, 500 at most."""
    query = select(ObjectRow).where(ObjectRow.module == HELD).order_by(ObjectRow.object_number)
    return (await session.scalars(query.limit(500))).all()


async def has_held(session: Session, owner: Party) -> bool:
    """Whether a party has such a CDR."""
    return bool(await of_owner(session, HELD, owner, most=1))


async def of_owner(session: Session, module: str, owner: Party, *, most: int = 1000) -> Sequence[ObjectRow]:
    """A party's newest objects of a module, `most` at most."""
    query = select(ObjectRow).where(
        ObjectRow.module == module, ObjectRow.country_code == owner.country_code, ObjectRow.party_id == owner.party_id
    )
    return (await session.scalars(query.order_by(ObjectRow.object_number.desc()).limit(most))).all()


async def remove(session: Session, module: str, owner: Party, object_key: str) -> bool:
    """Whether it was there."""
    query = delete(ObjectRow).where(
        ObjectRow.module == module,
        ObjectRow.country_code == owner.country_code,
        ObjectRow.party_id == owner.party_id,
        ObjectRow.object_key == object_key,
    )
    return bool((await session.scalars(query.returning(ObjectRow.object_number))).all())


async def page(
    session: Session, module: str, asked: PageAsked, receiver: Party | None
) -> tuple[Sequence[ObjectRow], int]:
    """A page of a list, oldest first, and how many there are; `receiver`: only what concerns this party.

    What parties of suspended connections gave is left out.
    """
    query = _selected(select(ObjectRow), module, asked, receiver)
    total = await session.scalar(_selected(select(func.count()).select_from(ObjectRow), module, asked, receiver))
    query = query.where(ObjectRow.object_number > asked.after) if asked.after else query.offset(asked.offset)
    rows = await session.scalars(query.order_by(ObjectRow.object_number).limit(asked.limit))
    return rows.all(), total or 0


def _selected(query: Select[Any], module: str, asked: PageAsked, receiver: Party | None) -> Select[Any]:
    suspended = (
        select(PartyRow.connection_id)
        .join(ConnectionRow, ConnectionRow.connection_id == PartyRow.connection_id)
        .where(
            PartyRow.country_code == ObjectRow.country_code,
            PartyRow.party_id == ObjectRow.party_id,
            ConnectionRow.status == ConnectionStatus.SUSPENDED.value,
        )
    )
    query = query.where(ObjectRow.module == module, ~suspended.exists())
    if receiver is not None:
        query = query.where(
            ObjectRow.to_country_code == receiver.country_code, ObjectRow.to_party_id == receiver.party_id
        )
    if asked.date_from is not None:
        query = query.where(ObjectRow.last_updated >= asked.date_from)
    if asked.date_to is not None:
        query = query.where(ObjectRow.last_updated < asked.date_to)
    return query
