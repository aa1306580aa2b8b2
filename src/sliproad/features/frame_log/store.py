"""Rows of the frame log and of what could not be handled. The hot write is in `frames`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Identity,
    Index,
    Select,
    and_,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, Session, kept, visible_to


class OcppMessageRow(Row):
    """One frame. A CALL of the charge point has our answer in its own row; ours has the answer in the next one."""

    __tablename__ = "ocpp_messages"
    __table_args__ = (
        Index("ocpp_messages_at_idx", "at", postgresql_using="brin"),
        {"info": visible_to("organization", "charge_point") | kept(90, since="at")},
    )

    charge_point_key: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    organization_id: Mapped[str]
    direction: Mapped[str]
    """`in` (from the charge point) or `out`."""
    kind: Mapped[str]
    """`call`, `result`, `error`, `send`."""
    message_id: Mapped[str]
    action: Mapped[str]
    payload: Mapped[str | None]
    """JSON text as sent, secrets taken out. Kept as `text`: with `json` PostgreSQL would parse it three times over."""
    answer_kind: Mapped[str | None]
    """How we answered the charge point's CALL: `result` or `error`."""
    error_code: Mapped[str | None]
    """The code of the CALLERROR: of our answer to an inbound call, or of the frame itself."""
    duration_ms: Mapped[float | None]
    """From our CALL to this answer."""


class QuarantinedMessageRow(Row):
    """A message as it came, that could not be read or stored, and why."""

    __tablename__ = "quarantined_messages"
    __table_args__ = (
        Index("quarantined_messages_charge_point_key_idx", "charge_point_key", "quarantine_key"),
        {"info": visible_to("organization", "charge_point")},
    )

    quarantine_key: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    charge_point_key: Mapped[int] = mapped_column(BigInteger)
    organization_id: Mapped[str]
    at: Mapped[datetime]
    message_id: Mapped[str | None]
    action: Mapped[str | None]
    raw: Mapped[bytes]
    reason: Mapped[str]


async def newest(
    session: Session, charge_point_key: int, selection: Mapping[str, Any], after: tuple[Any, ...] | None, limit: int
) -> Sequence[OcppMessageRow]:
    """The newest first, after the frame with this (at, id); `selection` holds the fields of `MessageFilter`."""
    row = OcppMessageRow
    query = _selected(charge_point_key, selection).order_by(row.at.desc(), row.id.desc()).limit(limit)
    if after:
        query = query.where(tuple_(row.at, row.id) < tuple_(*after))
    return (await session.scalars(query)).all()


async def oldest(
    session: Session, charge_point_key: int, selection: Mapping[str, Any], limit: int
) -> Sequence[OcppMessageRow]:
    """The oldest first."""
    row = OcppMessageRow
    return (await session.scalars(_selected(charge_point_key, selection).order_by(row.at, row.id).limit(limit))).all()


async def durations(session: Session, charge_point_key: int, since: datetime, limit: int) -> Sequence[float]:
    """How long our CALLs took to be answered, in milliseconds, the newest first."""
    row = OcppMessageRow
    query = select(row.duration_ms).where(
        row.charge_point_key == charge_point_key, row.at >= since, row.duration_ms.is_not(None)
    )
    found = await session.scalars(query.order_by(row.at.desc(), row.id.desc()).limit(limit))
    return [duration for duration in found if duration is not None]


def _selected(charge_point_key: int, selection: Mapping[str, Any]) -> Select[OcppMessageRow]:
    row = OcppMessageRow
    query = select(row).where(row.charge_point_key == charge_point_key)
    for column in (row.action, row.direction, row.message_id):
        if (wanted := selection[column.key]) is not None:
            query = query.where(column == wanted)
    if selection["since"] is not None:
        query = query.where(row.at >= selection["since"])
    if selection["until"] is not None:
        query = query.where(row.at < selection["until"])
    return query


WENT_WRONG = or_(OcppMessageRow.kind == "error", func.coalesce(OcppMessageRow.answer_kind, "") == "error")
TRANSACTION: ColumnElement[int] = literal_column("ocpp_messages.xmin::text::bigint")
"""The transaction that wrote a frame. Those below `OLDEST_RUNNING` have all been committed: none can turn up among them later."""
OLDEST_RUNNING: ColumnElement[int] = literal_column(
    "(pg_snapshot_xmin(pg_current_snapshot())::text::bigint & 4294967295)"
)


async def window(
    session: Session,
    charge_point_key: int,
    selection: Mapping[str, Any],
    after: tuple[datetime, int] | None,
    limit: int,
) -> Sequence[OcppMessageRow]:
    """The oldest first, after the frame with this (at, id); `selection` holds `since`, `until` and `errors`."""
    row = OcppMessageRow
    query = select(row).where(_in_window(charge_point_key, selection)).order_by(row.at, row.id).limit(limit)
    if after is not None:
        query = query.where(tuple_(row.at, row.id) > tuple_(*after))
    return (await session.scalars(query)).all()


async def count_window(session: Session, charge_point_key: int, selection: Mapping[str, Any]) -> int:
    """How many frames that is."""
    query = select(func.count()).select_from(OcppMessageRow).where(_in_window(charge_point_key, selection))
    return await session.scalar(query) or 0


async def committed_after(
    session: Session, charge_point_key: int, selection: Mapping[str, Any], after: tuple[int, int], limit: int
) -> Sequence[tuple[int, OcppMessageRow]]:
    """(transaction, frame) in the order of their transactions, after this (transaction, id); no later commit comes in between."""
    row = OcppMessageRow
    query = (
        select(TRANSACTION, row)
        .where(
            _in_window(charge_point_key, selection),
            TRANSACTION < OLDEST_RUNNING,
            tuple_(TRANSACTION, row.id) > tuple_(*after),
        )
        .order_by(TRANSACTION, row.id)
        .limit(limit)
    )
    return [(found[0], found[1]) for found in await session.execute(query)]


def _in_window(charge_point_key: int, selection: Mapping[str, Any]) -> ColumnElement[bool]:
    row = OcppMessageRow
    found = and_(row.charge_point_key == charge_point_key, row.at >= selection["since"])
    if selection["until"] is not None:
        found = and_(found, row.at <= selection["until"])
    if selection["errors"] is not None:
        found = and_(found, WENT_WRONG if selection["errors"] else ~WENT_WRONG)
    return found
