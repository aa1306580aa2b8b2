"""Domain events, stored in the transaction of the change that they tell of, and drained in batches by the workers.

A process that dies between the change and its consequences loses nothing: the event is a row (trust W2).
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import BigInteger, Identity, Index, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import ENGINE, Database, Row, visible_to
from sliproad.foundation.events import DomainEvent
from sliproad.foundation.ids import new_id
from sliproad.foundation.inbound import Statement, Write

Route = Callable[[AsyncSession, "StoredEvent"], Awaitable[None]]
DRAIN_LOCK = 7310_0001
BATCH = 200


class OutboxRow(Row):
    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_waiting_idx", "seq", postgresql_where=text("dispatched_at is null")),
        {"info": visible_to("organization", "project", "charge_point")},
    )

    seq: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    event_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    organization_id: Mapped[str]
    project_id: Mapped[str | None]
    charge_point_key: Mapped[int | None] = mapped_column(BigInteger)
    occurred_at: Mapped[datetime]
    data: Mapped[dict[str, Any]]
    dispatched_at: Mapped[datetime | None]


OUTBOX = Statement(
    "outbox",
    90,
    """
insert into outbox (event_id, name, organization_id, charge_point_key, occurred_at, data)
  select i.i, i.n, i.o, i.k, i.t, i.d
    from json_to_recordset(%(rows)s) as i(i text, n text, o text, k bigint, t timestamptz, d jsonb)
""",
)


class StoredEvent(DomainEvent):
    """A domain event with its id: the `webhook-id` and the `id` of its envelope, the same on every delivery."""

    __slots__ = ("event_id",)

    def __init__(self, row: OutboxRow) -> None:
        super().__init__(row.name, row.organization_id, row.occurred_at, row.data, row.charge_point_key)
        object.__setattr__(self, "event_id", row.event_id)

    event_id: str


def publish(session: AsyncSession, event: DomainEvent, *, project_id: str | None = None) -> str:
    """Store `event` in the running transaction; it happens if and only if the change does. Returns its id (`evt_…`).

    `project_id` (or the event's charge point) lets an installer's request publish: row-level security asks whose it is.
    """
    event_id = new_id("evt")
    session.add(
        OutboxRow(
            event_id=event_id,
            name=event.name,
            organization_id=event.organization_id,
            project_id=project_id,
            charge_point_key=event.charge_point_key,
            occurred_at=event.occurred_at,
            data=event.data,
        )
    )
    return event_id


def outbox_write(event: DomainEvent) -> Write:
    """Store `event`, of one charge point, in the gateway's commit group; for handlers of a charge point's messages."""
    assert event.charge_point_key is not None
    row = {
        "i": new_id("evt"),
        "n": event.name,
        "o": event.organization_id,
        "k": event.charge_point_key,
        "t": event.occurred_at,
        "d": event.data,
    }
    return Write(OUTBOX, event.charge_point_key, orjson.dumps(row))


class Drain:
    """Takes waiting events in order and gives each to its routes, inside the transaction that marks them dispatched."""

    def __init__(self, database: Database, routes: dict[str, Sequence[Route]]) -> None:
        """`routes` maps an event's name to what happens next; `"*"` gets every event."""
        self.database = database
        self.routes = routes

    async def drain(self) -> int:
        """Dispatch up to one batch; returns how many. One worker at a time (advisory lock), so that order holds."""
        async with self.database.transaction(ENGINE) as session:
            if not await session.scalar(text("select pg_try_advisory_xact_lock(:key)"), {"key": DRAIN_LOCK}):
                return 0
            rows = (
                await session.scalars(
                    select(OutboxRow).where(OutboxRow.dispatched_at.is_(None)).order_by(OutboxRow.seq).limit(BATCH)
                )
            ).all()
            for row in rows:
                event = StoredEvent(row)
                for route in (*self.routes.get(row.name, ()), *self.routes.get("*", ())):
                    await route(session, event)
                row.dispatched_at = await session.scalar(text("select now()"))
            return len(rows)
