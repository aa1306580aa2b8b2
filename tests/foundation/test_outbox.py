"""Domain events happen if and only if their change does (trust W2), in order, and one that fails stops nobody for ever."""

import asyncio
from collections import Counter

import orjson
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from inbound_wire import executed
from sliproad.foundation import outbox
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.events import DomainEvent
from sliproad.foundation.outbox import MOST_ATTEMPTS, OUTBOX, Drain, StoredEvent, outbox_write

POISON = "charge_point.fault"
GOOD = "charge_point.status_changed"


class House:
    """Publishes events, and remembers what its route was given."""

    def __init__(self, engine: Database, clock) -> None:
        self.engine = engine
        self.clock = clock
        self.given: list[str] = []
        self.fails = True

    async def publish(self, *names: str, key: int | None = None) -> list[str]:
        async with self.engine.transaction(ENGINE) as session:
            return [
                outbox.publish(
                    session, DomainEvent(name, "org_a", self.clock.now(), {"number": number}, charge_point_key=key)
                )
                for number, name in enumerate(names)
            ]

    async def route(self, session, event: StoredEvent) -> None:
        await session.execute(
            text("insert into vault_keys (name, sealed) values (:id, '')"), {"id": event.event_id}
        )  # some consequence of it, in the same transaction
        if event.name == POISON and self.fails:
            raise ValueError("this one is poison")
        self.given.append(event.event_id)

    async def consequences(self) -> int:
        async with self.engine.transaction(ENGINE) as session:
            return await session.scalar(text("select count(*) from vault_keys"))

    async def let_time_pass(self) -> None:
        """As if the back-off were over."""
        async with self.engine.transaction(ENGINE) as session:
            await session.execute(
                text("update outbox set retry_at = now() - interval '1 second' where retry_at is not null")
            )

    async def column(self, name: str, event_id: str):
        async with self.engine.transaction(ENGINE) as session:
            return await session.scalar(text(f"select {name} from outbox where event_id = :id"), {"id": event_id})


@pytest.fixture
def house(engine, clock) -> House:
    return House(engine, clock)


@pytest.fixture
def drain(house) -> Drain:
    return Drain(house.engine, {"*": (house.route,)})


async def test_what_is_rolled_back_was_never_published(house, drain):
    async def change_and_fail() -> None:
        async with house.engine.transaction(ENGINE) as session:
            outbox.publish(session, DomainEvent(GOOD, "org_a", house.clock.now()))
            await session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_and_fail()
    assert await drain.drain() == 0
    assert house.given == []


async def test_events_are_dispatched_once_in_their_order(house, drain):
    ids = [*await house.publish(*[GOOD] * 30, key=1), *await house.publish(*[GOOD] * 30, key=2)]
    assert await drain.drain() == 60
    assert await drain.drain() == 0
    assert house.given == ids


async def test_a_route_gets_the_event_as_it_was_published(house, clock):
    got = []

    async def route(_session, event: StoredEvent) -> None:
        got.append(event)

    (event_id,) = await house.publish(GOOD, key=7)
    await Drain(house.engine, {GOOD: (route,), "other": (house.route,)}).drain()
    (event,) = got
    assert event.event_id == event_id
    assert event.event_id.startswith("evt_")
    assert (event.name, event.organization_id, event.occurred_at) == (GOOD, "org_a", clock.now())
    assert (event.data, event.charge_point_key) == ({"number": 0}, 7)
    assert house.given == []


async def test_more_than_one_batch_is_drained_by_asking_again(house, drain, monkeypatch):
    monkeypatch.setattr(outbox, "BATCH", 10)
    ids = await house.publish(*[GOOD] * 25)
    assert [await drain.drain() for _ in range(4)] == [10, 10, 5, 0]
    assert house.given == ids


async def test_two_drains_at_once_dispatch_each_event_once(house, database_url):
    """Two workers, each with its own connections; the one that comes second finds the line taken."""
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def slow(session, event: StoredEvent) -> None:
        inside.set()
        await go_on.wait()
        await house.route(session, event)

    other = Database(database_url, "engine", pool_size=1)
    try:
        ids = await house.publish(*[GOOD] * 5)
        first = asyncio.create_task(Drain(house.engine, {"*": (slow,)}).drain())
        await inside.wait()
        assert await Drain(other, {"*": (house.route,)}).drain() == 0
        go_on.set()
        assert await first == 5
        drains = [Drain(database, {"*": (house.route,)}) for database in (house.engine, other)]
        more = await house.publish(*[GOOD] * 50)
        while sum(await asyncio.gather(*(drain.drain() for drain in drains))):
            pass
        assert Counter(house.given) == Counter([*ids, *more])
    finally:
        await other.close()


async def test_a_failing_event_waits_and_holds_back_only_its_own_charge_point(house, drain):
    before, poison, after = await house.publish(GOOD, POISON, GOOD, key=1)
    (elsewhere,) = await house.publish(GOOD, key=2)
    (nowhere,) = await house.publish(GOOD)
    assert await drain.drain() == 3
    assert house.given == [before, elsewhere, nowhere]
    assert await house.consequences() == 3  # what the failed route had done is undone
    assert await drain.drain() == 0  # back-off: not again at once
    assert await house.column("attempts", poison) == 1
    house.fails = False
    await house.let_time_pass()
    assert await drain.drain() == 2
    assert house.given == [before, elsewhere, nowhere, poison, after]
    assert await house.column("dispatched_at", poison) is not None


async def test_events_without_a_charge_point_do_not_hold_each_other_back(house, drain):
    _poison, good = await house.publish(POISON, GOOD)
    assert await drain.drain() == 1
    assert house.given == [good]


async def test_a_poison_event_is_parked_and_then_the_others_go_on(house, drain):
    poison, after = await house.publish(POISON, GOOD, key=1)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert house.given == []
        await drain.drain()
        assert await house.column("attempts", poison) == attempt
        await house.let_time_pass()
    await drain.drain()
    assert house.given == [after]
    assert await house.column("parked_at", poison) is not None
    assert await house.column("error", poison) == "ValueError: this one is poison"
    assert await house.column("attempts", poison) == MOST_ATTEMPTS


async def test_a_parked_event_is_tried_again_when_somebody_says_so(house, drain, monkeypatch):
    monkeypatch.setattr(outbox, "MOST_ATTEMPTS", 1)
    (poison,) = await house.publish(POISON, key=1)
    await drain.drain()
    assert await drain.drain() == 0
    house.fails = False
    async with house.engine.transaction(ENGINE) as session:  # what the doctor says
        await session.execute(text("update outbox set parked_at = null, attempts = 0 where parked_at is not null"))
    await house.let_time_pass()
    assert await drain.drain() == 1
    assert house.given == [poison]


async def test_many_events_behind_a_failing_one_do_not_starve_the_others(house, drain, monkeypatch):
    """They would fill every batch if they were only skipped."""
    monkeypatch.setattr(outbox, "BATCH", 5)
    await house.publish(POISON, *[GOOD] * 20, key=1)
    others = await house.publish(*[GOOD] * 7, key=2)
    assert [await drain.drain() for _ in range(4)] == [0, 5, 2, 0]
    assert house.given == others


async def test_the_database_going_away_is_no_fault_of_an_event(house, database_url):
    async def killed(session, _event: StoredEvent) -> None:
        pid = await session.scalar(text("select pg_backend_pid()"))
        with psycopg.connect(database_url, autocommit=True) as admin:
            admin.execute("select pg_terminate_backend(%s, 5000)", [pid])
        await session.execute(text("select 1"))

    (event_id,) = await house.publish(GOOD, key=1)
    with pytest.raises(OperationalError):
        await Drain(house.engine, {"*": (killed,)}).drain()
    assert await house.column("attempts", event_id) == 0
    assert await Drain(house.engine, {"*": (house.route,)}).drain() == 1


def test_the_gateways_statement_stores_an_event_once(database_url, clock):
    """A group whose commit's fate is unknown is written again: the same event must neither double nor fail."""
    _, row = outbox_write(DomainEvent(GOOD, "org_a", clock.now(), {"x": "\u00e9"}, charge_point_key=5))
    with psycopg.connect(database_url, autocommit=True) as owner:
        executed(owner, OUTBOX.sql, OUTBOX.parameters, [row])
        executed(owner, OUTBOX.sql, OUTBOX.parameters, [row])
        found = owner.execute(
            "select name, organization_id, charge_point_key, occurred_at, data from outbox"
        ).fetchall()
    assert found == [(GOOD, "org_a", 5, clock.now(), {"x": "\u00e9"})]
    assert orjson.loads(row)["i"].startswith("evt_")
