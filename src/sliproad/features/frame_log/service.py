"""Reads the frame log: the messages route, commissioning logs and diagnostics."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson

from sliproad.features.frame_log import store
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
        rows = await store.newest(
            session, charge_point_key, asdict(selection), page.after(datetime, int), page.limit + 1
        )
        return page.cut([_message(row) for row in rows], lambda message: (message.at, message.id))

    async def messages(
        self, session: Session, charge_point_key: int, selection: MessageFilter, *, limit: int = 500
    ) -> list[OcppMessage]:
        """Up to `limit` frames, oldest first."""
        return [_message(row) for row in await store.oldest(session, charge_point_key, asdict(selection), limit)]

    async def heard(
        self, session: Session, charge_point_key: int, *, since: datetime, action: str | None = None, limit: int
    ) -> Sequence[OcppMessage]:
        """What the charge point has said since then, the oldest first; connection attempts are explained by it."""
        return await self.messages(session, charge_point_key, MessageFilter(action, "in", since), limit=limit)

    async def round_trips(
        self, session: Session, charge_point_key: int, since: datetime, *, limit: int = 1000
    ) -> Sequence[float]:
        """How long our CALLs took to be answered, in milliseconds, the newest first; commissioning's diagnostics ask."""
        return await store.durations(session, charge_point_key, since, limit)

    async def frames(
        self,
        session: Session,
        charge_point_key: int,
        *,
        since: datetime,
        until: datetime | None,
        errors: bool | None,
        after: tuple[datetime, int] | None,
        limit: int,
    ) -> Sequence[OcppMessage]:
        """Frames from `since` to `until`, both included, oldest first, from after (at, id).

        `errors` True: only CALLERRORs and what was answered with one; False: only others.
        """
        selection = {"since": since, "until": until, "errors": errors}
        return [_message(row) for row in await store.window(session, charge_point_key, selection, after, limit)]

    async def count_frames(
        self, session: Session, charge_point_key: int, *, since: datetime, until: datetime | None, errors: bool | None
    ) -> int:
        """How many those are in all."""
        selection = {"since": since, "until": until, "errors": errors}
        return await store.count_window(session, charge_point_key, selection)

    async def frames_as_committed(
        self, session: Session, charge_point_key: int, *, since: datetime, after: tuple[int, int], limit: int
    ) -> Sequence[tuple[int, OcppMessage]]:
        """(transaction, frame) from after this (transaction, id), in an order into which nothing is put later: for live reading."""
        selection = {"since": since, "until": None, "errors": None}
        found = await store.committed_after(session, charge_point_key, selection, after, limit)
        return [(transaction, _message(row)) for transaction, row in found]


def _message(row: OcppMessageRow) -> OcppMessage:
    fields = {name: getattr(row, name) for name in OcppMessage.__slots__ if name != "payload"}
    return OcppMessage(**fields, payload=None if row.payload is None else orjson.loads(row.payload))
