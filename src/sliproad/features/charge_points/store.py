"""SQL of the registry. Rows of the live state are in `live_store`, attempts to connect in `attempts_store`."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    Identity,
    Index,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy import (
    Row as ResultRow,
)
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.features.charge_points.live_model import LiveState
from sliproad.features.charge_points.live_store import ChargePointLiveRow
from sliproad.features.charge_points.model import STATUS_OF, Selection
from sliproad.foundation.database import Row, Session, Where, run, visible_to

CURRENT_XID = text("pg_current_xact_id()::text::bigint")
NOT_REMOVED = text("removed_at is null")


class ChargePointRow(Row):
    """`key` is internal (subjects, file names, metrics); `charge_point_id` is the public id and the OCPP identity."""

    __tablename__ = "charge_points"
    __table_args__ = (
        Index("charge_points_charge_point_id_key", "charge_point_id", unique=True, postgresql_where=NOT_REMOVED),
        Index("charge_points_organization_id_key_idx", "organization_id", "key", postgresql_where=NOT_REMOVED),
        Index("charge_points_project_id_idx", "project_id"),
        Index("charge_points_named_idx", "serial_number", postgresql_where=NOT_REMOVED),
        Index("charge_points_site_id_idx", "site_id"),
        Index(
            "charge_points_serial_number_key",
            "organization_id",
            "vendor",
            "serial_number",
            unique=True,
            postgresql_where=NOT_REMOVED,
        ),
        {"info": visible_to("organization", "project", "operated_site")},
    )

    key: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    charge_point_id: Mapped[str]
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"))
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.site_id"))
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.project_id"))
    serial_number: Mapped[str]
    vendor: Mapped[str]
    model: Mapped[str]
    ocpp_version: Mapped[str]
    max_power_kw: Mapped[Decimal | None]
    connector_count: Mapped[int]
    latitude: Mapped[Decimal | None]
    longitude: Mapped[Decimal | None]
    location_description: Mapped[str | None]
    location_address: Mapped[str | None]
    boot_policy: Mapped[str] = mapped_column(server_default="accepted")
    commissioning_status: Mapped[str] = mapped_column(server_default="not_started")
    """`not_started`, `in_progress`, `failed`, `completed`."""
    commissioned_at: Mapped[datetime | None]
    test_number: Mapped[int] = mapped_column(server_default=text("0"))
    """Of the next test transaction; rises by one when a test is over, and older test tokens are dead."""
    registered_by: Mapped[str | None]
    installer_address: Mapped[str | None]
    """From where its installer last asked about it: attempts to connect from there are theirs to see (contract §3)."""
    installer_address_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    removed_at: Mapped[datetime | None]
    """Removed by its installer before handover; the identity and serial number are free again, the history stays."""
    changed_xid: Mapped[int] = mapped_column(BigInteger, server_default=CURRENT_XID, index=True)
    """The transaction that last changed what gateways mirror (identity, password, policy): every writer sets it."""


class ChargePointMoveRow(Row):
    """A charge point went from one project to another of the same organisation; everything else about it stays."""

    __tablename__ = "charge_point_moves"
    __table_args__ = (
        Index("charge_point_moves_charge_point_key_idx", "charge_point_key", "moved_at"),
        {"info": visible_to("organization")},
    )

    move_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    charge_point_key: Mapped[int] = mapped_column(BigInteger, ForeignKey("charge_points.key"))
    organization_id: Mapped[str]
    from_project_id: Mapped[str]
    to_project_id: Mapped[str]
    moved_at: Mapped[datetime]
    moved_by: Mapped[str]


SEARCHED = (
    ChargePointRow.charge_point_id,
    ChargePointRow.serial_number,
    ChargePointRow.vendor,
    ChargePointRow.model,
    ChargePointRow.location_description,
    ChargePointRow.location_address,
)


def conditions(selection: Selection) -> list[ColumnElement[bool]]:
    """The WHERE of a selection over `charge_points` joined with `charge_point_live`."""
    row = ChargePointRow
    found: list[ColumnElement[bool]] = [row.removed_at.is_(None)]
    for column, value in (
        (row.organization_id, selection.organization_id),
        (row.project_id, selection.project_id),
        (row.site_id, selection.site_id),
        (row.serial_number, selection.serial_number),
        (ChargePointLiveRow.connected, selection.connected),
    ):
        if value is not None:
            found.append(column == value)
    if selection.project_ids is not None:
        found.append(row.project_id.in_(selection.project_ids))
    if selection.status is not None:
        found.append(row.commissioning_status.in_([raw for raw, word in STATUS_OF.items() if word == selection.status]))
    if selection.text:
        columns = (
            row.charge_point_id,
            row.serial_number,
            row.vendor,
            row.model,
            row.location_description,
            row.location_address,
        )
        found.append(or_(*(column.icontains(selection.text, autoescape=True) for column in columns)))
    return found


async def insert_charge_point(session: Session, values: Mapping[str, Any]) -> ChargePointRow:
    """The registry's row and, beside it, the row of its live state.

    Raises:
        IntegrityError: the identity, or the vendor's serial number in this organisation, is taken.
    """
    row = ChargePointRow(**values)
    session.add(row)
    await session.flush()
    session.add(ChargePointLiveRow(charge_point_key=row.key, organization_id=row.organization_id))
    await session.flush()
    return row


KEY_OF = (
    "select key from charge_points where charge_point_id = %(charge_point_id)s"
    " and organization_id = %(organization_id)s and removed_at is null"
)
"""Asked for each command (`Database.ask`)."""


async def find_by_id(session: Session, charge_point_id: str, *, lock: bool = False) -> ChargePointRow | None:
    """A charge point by its public id; with `lock` its row is held until the transaction ends."""
    query = select(ChargePointRow).where(
        ChargePointRow.charge_point_id == charge_point_id, ChargePointRow.removed_at.is_(None)
    )
    return await session.scalar(query.with_for_update() if lock else query)


async def select_called(session: Session, name: str) -> Sequence[ChargePointRow]:
    """Those in sight with this serial number; without any, the one with this public id."""
    row = ChargePointRow
    for column in (row.serial_number, row.charge_point_id):
        query = select(row).where(column == name, row.removed_at.is_(None)).order_by(row.key)
        if found := (await session.scalars(query)).all():
            return found
    return ()


async def select_of_site(session: Session, site_id: str) -> Sequence[ChargePointRow]:
    """A site's charge points in the order of their registration."""
    row = ChargePointRow
    query = select(row).where(row.site_id == site_id, row.removed_at.is_(None)).order_by(row.key)
    return (await session.scalars(query)).all()


async def find_installer_address(session: Session, key: int, since: datetime) -> str | None:
    """From where an installer asked about it last, if that was `since` or later."""
    query = select(ChargePointRow.installer_address).where(
        ChargePointRow.key == key, ChargePointRow.installer_address_at >= since
    )
    return await session.scalar(query)


async def select_ids(session: Session, keys: Collection[int]) -> dict[int, str]:
    """The public ids of these charge points, removed ones too."""
    query = select(ChargePointRow.key, ChargePointRow.charge_point_id).where(ChargePointRow.key.in_(keys))
    return {row.key: row.charge_point_id for row in await session.execute(query)}


FACTS = """
c.key, c.charge_point_id, c.organization_id, c.site_id, c.project_id, c.serial_number, c.vendor, c.model, c.ocpp_version,
c.connector_count, c.max_power_kw, c.latitude, c.longitude, c.location_description, c.location_address, c.boot_policy,
c.commissioning_status, c.commissioned_at, c.registered_by, c.created_at, c.test_number
"""
BY_KEY = f"select {FACTS} from charge_points c where c.key = %(key)s and c.removed_at is null"  # noqa: S608 (constants)
BY_KEY_WITH_LIVE = f"""
select {", ".join(f"l.{name}" for name in LiveState.__slots__)}, {FACTS}
  from charge_points c join charge_point_live l on l.charge_point_key = c.key where c.key = %(key)s and c.removed_at is null
"""  # noqa: S608 (constants)


async def find_by_key(where: Where, key: int) -> Any | None:
    """What is registered, by the columns' names; None where it is absent, removed or not to be seen."""
    rows = await run(where, BY_KEY, {"key": key})
    return rows[0] if rows else None


async def find_with_live(where: Where, key: int) -> tuple[Any, LiveState] | None:
    """The same, and the live state."""
    rows = await run(where, BY_KEY_WITH_LIVE, {"key": key})
    return (rows[0], LiveState(*rows[0][: len(LiveState.__slots__)])) if rows else None


async def select_of_project(session: Session, project_id: str) -> Sequence[ChargePointRow]:
    """A project's charge points in the order of their registration."""
    query = (
        select(ChargePointRow)
        .where(ChargePointRow.project_id == project_id, ChargePointRow.removed_at.is_(None))
        .order_by(ChargePointRow.key)
    )
    return (await session.scalars(query)).all()


async def count_by_status(session: Session, project_ids: Sequence[str]) -> Sequence[ResultRow[str, str, int]]:
    """(project_id, commissioning_status, number) of what is registered in these projects."""
    query = (
        select(ChargePointRow.project_id, ChargePointRow.commissioning_status, func.count())
        .where(ChargePointRow.project_id.in_(project_ids), ChargePointRow.removed_at.is_(None))
        .group_by(ChargePointRow.project_id, ChargePointRow.commissioning_status)
    )
    return (await session.execute(query)).all()


async def select_page(
    session: Session, selection: Selection, *, limit: int, before_key: int | None
) -> Sequence[ResultRow[ChargePointRow, ChargePointLiveRow]]:
    """Newest first, each with its live state, in one query; one more than `limit`, to see whether there is more."""
    query = (
        select(ChargePointRow, ChargePointLiveRow)
        .join(ChargePointLiveRow, ChargePointLiveRow.charge_point_key == ChargePointRow.key)
        .where(*conditions(selection))
        .order_by(ChargePointRow.key.desc())
        .limit(limit + 1)
    )
    if before_key is not None:
        query = query.where(ChargePointRow.key < before_key)
    return (await session.execute(query)).all()


async def count(session: Session, selection: Selection) -> int:
    """How many charge points a selection holds."""
    query = select(func.count()).select_from(ChargePointRow).where(*conditions(selection))
    if selection.connected is not None:
        query = query.join(ChargePointLiveRow, ChargePointLiveRow.charge_point_key == ChargePointRow.key)
    return await session.scalar(query) or 0


async def change(session: Session, key: int, values: Mapping[str, Any], *, mirrored: bool) -> ChargePointRow:
    """Set columns; `mirrored` says that gateways must hear of it."""
    changes: dict[str, Any] = {**values, **({"changed_xid": CURRENT_XID} if mirrored else {})}
    query = update(ChargePointRow).where(ChargePointRow.key == key).values(changes).returning(ChargePointRow)
    return (await session.execute(query, execution_options={"populate_existing": True})).scalar_one()


async def end_test(session: Session, key: int) -> None:
    """Raise `test_number`, and let gateways know."""
    raised = {"test_number": ChargePointRow.test_number + 1, "changed_xid": CURRENT_XID}
    await session.execute(update(ChargePointRow).where(ChargePointRow.key == key).values(raised))


async def insert_move(session: Session, values: Mapping[str, Any]) -> None:
    session.add(ChargePointMoveRow(**values))
    await session.flush()


async def select_moves(session: Session, key: int) -> Sequence[ChargePointMoveRow]:
    """Where a charge point was before, oldest first."""
    query = (
        select(ChargePointMoveRow)
        .where(ChargePointMoveRow.charge_point_key == key)
        .order_by(ChargePointMoveRow.move_id)
    )
    return (await session.scalars(query)).all()


LIVE_VALUES = attrgetter(*LiveState.__slots__)


def live_state(row: ChargePointLiveRow) -> LiveState:
    """The live state in a row."""
    return LiveState(*LIVE_VALUES(row))


async def end_connection(session: Session, key: int) -> None:
    """Make the present socket, if any, a stale one: its gateway closes it within a second."""
    await session.execute(
        update(ChargePointLiveRow)
        .where(ChargePointLiveRow.charge_point_key == key)
        .values(connected=False, epoch=ChargePointLiveRow.epoch + 1, gateway_id=None)
    )


IDENTITIES_CHANGED = "coalesce((select max(changed_xid) from charge_points) >= %(xid)s, false)"
"""By the greatest, which is one step down the index; for `exists` a plan that is kept may read the whole table."""


async def identities_changed_since(session: Session, xid: int) -> Sequence[tuple[Any, ...]]:
    """The columns of `RegisteredIdentity` of every row, removed ones too, written by transaction `xid` or a later one."""
    row = ChargePointRow
    found = await session.execute(
        select(
            row.key,
            row.charge_point_id,
            row.serial_number,
            row.organization_id,
            row.ocpp_version,
            row.boot_policy,
            row.commissioning_status == "completed",
            row.removed_at.is_not(None),
            row.test_number,
        ).where(row.changed_xid >= xid)
    )
    return [tuple(each) for each in found]
