"""Domain events, stored in the transaction of the change that they tell of, and drained in batches by the workers.

A process that dies between the change and its consequences loses nothing: the event is a row (trust W2). An event whose route
fails is tried again with back-off, holding back only the later events of its own charge point; after `MOST_ATTEMPTS` it is
parked: logged as an error, shown by `sliproad doctor`, kept until somebody looks (`update outbox set parked_at = null` tries it again).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import structlog
from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy import Row as Found
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import ENGINE, Database, Row, Session, kept, visible_to
from sliproad.foundation.events import DomainEvent
from sliproad.foundation.ids import new_id
from sliproad.foundation.inbound import Statement, Write

log = structlog.get_logger()
Route = Callable[[Session, "StoredEvent"], Awaitable[None]]
DRAIN_LOCK = 7310_0001
BATCH = 200
MOST_ATTEMPTS = 10
LONGEST_ERROR = 500


WAITING = "dispatched_at is null and parked_at is null"


class OutboxRow(Row):
    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_waiting_idx", "seq", postgresql_where=text(WAITING)),
        Index(
            "outbox_failing_idx",
            "charge_point_key",
            "seq",
            postgresql_where=text(f"{WAITING} and retry_at is not null"),
        ),
        {"info": visible_to("organization", "project", "charge_point") | kept(7, since="dispatched_at")},
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
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    """How often a route has failed on it."""
    retry_at: Mapped[datetime | None]
    parked_at: Mapped[datetime | None]
    """Given up: it failed `MOST_ATTEMPTS` times."""
    error: Mapped[str | None]


# Each worker asks several times a second.
IS_ANY_WAITING = f"select exists (select from outbox where {WAITING} and (retry_at is null or retry_at <= now()))"  # noqa: S608 (a constant)
# Not: what waits for its next attempt, and what came after such a one from the same charge point.
NEXT = text(f"""
select seq, event_id, name, organization_id, occurred_at, data, charge_point_key, attempts from outbox o
  where {WAITING} and (retry_at is null or retry_at <= now())
    and not exists (select from outbox failing where failing.charge_point_key = o.charge_point_key and failing.seq < o.seq
      and failing.dispatched_at is null and failing.parked_at is null and failing.retry_at > now())
  order by seq limit :batch
""")  # noqa: S608 (the condition is a constant)
DISPATCHED = text("update outbox set dispatched_at = now(), retry_at = null where seq = any(:seqs)")
FAILED = text("""
update outbox set attempts = attempts + 1, error = :error,
    retry_at = now() + make_interval(secs => least(power(2, attempts), 300)),
    parked_at = case when attempts + 1 >= :most then now() end
  where seq = :seq returning parked_at is not null
""")

OUTBOX = Statement(
    "outbox",
    90,
    """
insert into outbox (event_id, name, organization_id, charge_point_key, occurred_at, data)
  select i.i, i.n, i.o, i.k, i.t, i.d
    from json_to_recordset(%(rows)s) as i(i text, n text, o text, k bigint, t timestamptz, d jsonb)
  on conflict (event_id) do nothing
""",
)


class StoredEvent(DomainEvent):
    """A domain event with its id: the `webhook-id` and the `id` of its envelope, the same on every delivery."""

    __slots__ = ("event_id",)

    def __init__(self, row: Found[Any]) -> None:
        super().__init__(row.name, row.organization_id, row.occurred_at, row.data, row.charge_point_key)
        object.__setattr__(self, "event_id", row.event_id)

    event_id: str


def publish(session: Session, event: DomainEvent, *, project_id: str | None = None) -> str:
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
    return (OUTBOX, orjson.dumps(row))


class Drain:
    """Takes waiting events in order and gives each to its routes, inside the transaction that marks them dispatched."""

    def __init__(self, database: Database, routes: Mapping[str, Sequence[Route]]) -> None:
        """`routes` maps an event's name to what happens next; `"*"` gets every event."""
        self.database = database
        self.routes = routes

    async def drain(self) -> int:
        """Dispatch up to one batch; returns how many. One worker at a time (advisory lock), so that order holds.

        What an event's routes did before one of them failed is undone (savepoint); the rest of the batch is not touched.
        """
        [(is_any_waiting,)] = await self.database.ask(IS_ANY_WAITING, {})
        if not is_any_waiting:
            return 0
        async with self.database.transaction(ENGINE) as session:
            if not await session.scalar(text("select pg_try_advisory_xact_lock(:key)"), {"key": DRAIN_LOCK}):
                return 0
            dispatched: list[int] = []
            held_back: set[int | None] = set()
            for row in (await session.execute(NEXT, {"batch": BATCH})).all():
                if row.charge_point_key in held_back:
                    continue
                try:
                    async with session.begin_nested():
                        await self._dispatch(session, StoredEvent(row))
                except OperationalError:  # the database itself: no fault of the event
                    raise
                except Exception as error:  # noqa: BLE001 (whatever a route raises is this event's failure alone)
                    if not await self._record_failure(session, row, error) and row.charge_point_key is not None:
                        held_back.add(row.charge_point_key)
                else:
                    dispatched.append(row.seq)
            if dispatched:
                await session.execute(DISPATCHED, {"seqs": dispatched})
            return len(dispatched)

    async def _dispatch(self, session: Session, event: "StoredEvent") -> None:
        for route in (*self.routes.get(event.name, ()), *self.routes.get("*", ())):
            await route(session, event)

    async def _record_failure(self, session: Session, row: Found[Any], error: Exception) -> bool:
        """Plan the next attempt; True when there is none any more."""
        said = f"{type(error).__name__}: {error}"[:LONGEST_ERROR].replace("\0", "")
        is_parked = await session.scalar(FAILED, {"seq": row.seq, "error": said, "most": MOST_ATTEMPTS})
        report = log.error if is_parked else log.warning
        report("event_parked" if is_parked else "event_failed", event_id=row.event_id, name=row.name, error=said)
        return bool(is_parked)
