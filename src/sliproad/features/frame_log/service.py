"""Reads the frame log: the messages route, commissioning logs and diagnostics."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import and_, select, tuple_

from sliproad.features.frame_log.store import OcppMessageRow
from sliproad.foundation.database import Session
from sliproad.foundation.web.paging import Page


@dataclass(frozen=True, slots=True)
class OcppMessage:
    """One frame. Of a charge point's CALL, `answer_kind` and `error_code` tell how we answered it."""

    id: int
    at: datetime
    direction: str
    kind: str
    message_id: str
    action: str
    payload: Any
    answer_kind: str | None
    error_code: str | None
    duration_ms: float | None


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which frames of a charge point; None lets all pass. `since` is included, `until` is not."""

    action: str | None = None
    direction: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    message_id: str | None = None


class FrameLogService:
    """Every method works in the caller's transaction and sees what its scope sees."""

    async def messages_page(
        self, session: Session, charge_point_key: int, page: Page, selection: MessageFilter
    ) -> tuple[list[OcppMessage], str | None]:
        """Newest first: the page's frames and the next cursor."""
        query = _selected(charge_point_key, selection).order_by(OcppMessageRow.at.desc(), OcppMessageRow.id.desc())
        if after := page.after(datetime, int):
            query = query.where(tuple_(OcppMessageRow.at, OcppMessageRow.id) < tuple_(*after))
        rows = await session.scalars(query.limit(page.limit + 1))
        return page.cut([_message(row) for row in rows], lambda message: (message.at, message.id))

    async def messages(
        self, session: Session, charge_point_key: int, selection: MessageFilter, *, limit: int = 500
    ) -> list[OcppMessage]:
        """Up to `limit` frames, oldest first."""
        query = _selected(charge_point_key, selection).order_by(OcppMessageRow.at, OcppMessageRow.id).limit(limit)
        return [_message(row) for row in await session.scalars(query)]


def _selected(charge_point_key: int, selection: MessageFilter) -> Any:
    row = OcppMessageRow
    conditions = [row.charge_point_key == charge_point_key]
    for column, wanted in (
        (row.action, selection.action),
        (row.direction, selection.direction),
        (row.message_id, selection.message_id),
    ):
        if wanted is not None:
            conditions.append(column == wanted)
    if selection.since is not None:
        conditions.append(row.at >= selection.since)
    if selection.until is not None:
        conditions.append(row.at < selection.until)
    return select(row).where(and_(*conditions))


def _message(row: OcppMessageRow) -> OcppMessage:
    fields = {name: getattr(row, name) for name in OcppMessage.__slots__ if name != "payload"}
    return OcppMessage(**fields, payload=None if row.payload is None else orjson.loads(row.payload))
