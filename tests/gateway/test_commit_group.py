"""An answer means a commit (house §3, trust T1): groups, poison, PostgreSQL gone and back."""

import asyncio
import json

import psycopg
import pytest

from gateway.house import BUGGY_CONNECTOR, POISON_CONNECTOR, House, RunningGateway, ask, connect, hear, meter_values
from sliproad.foundation.inbound import Statement, Write
from sliproad.foundation.inbound_parameters import bigints, columns
from sliproad.gateway.commit_group import CommitGroup


class Noted:
    """An entry that notes what became of it."""

    def __init__(self, key: int, *writes: Write) -> None:
        self.key = key
        self.writes = writes
        self.outcome: asyncio.Future = asyncio.get_running_loop().create_future()

    def committed(self, rows) -> None:
        self.outcome.set_result([tuple(row) for row in rows])

    def refused(self, error: Exception) -> None:
        self.outcome.set_exception(error)


FIRST = Statement(
    "test.first", 1, "insert into seen_rows select 'first', p from json_to_recordset(%(rows)s) as i(p text)"
)
DOUBLED = Statement(
    "test.doubled",
    2,
    "select o.n - 1, (o.e->>'v')::int * 2 from json_array_elements(%(rows)s) with ordinality as o(e, n) order by n desc",
    returns=True,
)


COLUMNS = Statement(
    "test.columns",
    3,
    "insert into seen_rows select 'columns', k::text from unnest(%(k)s) as k",
    parameters=columns(k=bigints),
)


def doubled(value: int | str) -> Write:
    return (DOUBLED, json.dumps({"v": value}).encode())


@pytest.fixture
async def group(engine, database_url: str):
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("create table seen_rows (what text, p text); grant all on seen_rows to sliproad_engine")
    group = CommitGroup(engine.url)
    task = asyncio.create_task(group.run())
    yield group
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_each_entry_gets_its_own_rows_in_the_order_of_its_writes(group: CommitGroup) -> None:
    entries = [Noted(key, doubled(key), doubled(key + 100)) for key in (3, 1, 2)] + [Noted(0)]
    for entry in entries:
        group.submit(entry)
    assert [await entry.outcome for entry in entries] == [
        [(6,), (206,)],
        [(2,), (202,)],
        [(4,), (204,)],
        [],
    ]
    assert group.commits == 1


async def test_a_poisoned_entry_is_handed_back_and_the_others_are_committed(
    group: CommitGroup, database_url: str
) -> None:
    """House §3: a group that fails is retried one by one."""
    good = [Noted(key, (FIRST, b'{"p":"%d"}' % key), doubled(key)) for key in (1, 3)]
    bad = Noted(2, (FIRST, b'{"p":"2"}'), doubled("no number"))
    for entry in (good[0], bad, good[1]):
        group.submit(entry)
    assert await good[0].outcome == [(2,)]
    assert await good[1].outcome == [(6,)]
    with pytest.raises(psycopg.DataError):
        await bad.outcome
    with psycopg.connect(database_url) as owner:
        assert sorted(owner.execute("select p from seen_rows").fetchall()) == [("1",), ("3",)]


async def test_deferred_rows_go_with_the_next_group_or_with_the_flush(group: CommitGroup, database_url: str) -> None:
    group.defer((FIRST, b'{"p":"deferred"}'))
    with psycopg.connect(database_url, autocommit=True) as owner:
        assert owner.execute("select count(*) from seen_rows").fetchone() == (0,)
        group.flush_deferred()
        await group.drained()
        assert owner.execute("select count(*) from seen_rows").fetchone() == (1,)


async def test_a_lost_connection_is_waited_out(group: CommitGroup, database_url: str) -> None:
    """PostgreSQL away: the CALL stays unanswered and is committed when it is back."""
    first = Noted(1, doubled(1))
    group.submit(first)
    assert await first.outcome == [(2,)]
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'sliproad gateway' and datname = current_database()"
        )
        second = Noted(1, (FIRST, b'{"p":"after"}'), doubled(2))
        group.submit(second)
        assert await second.outcome == [(4,)]
        assert owner.execute("select count(*) from seen_rows where p = 'after'").fetchone() == (1,)


async def test_poison_from_a_charge_point_is_quarantined_and_nobody_else_waits(
    house: House, running: RunningGateway
) -> None:
    """ocpp.md: a CALLERROR to a transaction message is data loss, so what was kept is answered with a CALLRESULT."""
    bad, good = await house.a_charge_point(), await house.a_charge_point()
    socket, other = await connect(running, bad), await connect(running, good)
    frame = [2, "poison", "MeterValues", meter_values(POISON_CONNECTOR)]
    answers = await asyncio.gather(
        ask(socket, frame), *(ask(other, [2, "fine", "MeterValues", meter_values(1)]) for _ in range(1))
    )
    assert answers == [[3, "poison", {}], [3, "fine", {}]]
    [kept] = house.sql("select * from quarantined_messages")
    assert json.loads(bytes(kept["raw"])) == frame
    assert kept["charge_point_key"] == bad.key
    assert [row["message_id"] for row in house.sql("select message_id from heard")] == ["fine"]
    assert (await ask(socket, [2, "next", "MeterValues", meter_values(2)]))[:2] == [3, "next"]
    await socket.close()
    await other.close()


@pytest.mark.parametrize(
    ("action", "payload", "answer"),
    [
        ("MeterValues", meter_values(BUGGY_CONNECTOR), [3, "1", {}]),
        (
            "StatusNotification",
            {"connectorId": BUGGY_CONNECTOR, "errorCode": "NoError", "status": "Available"},
            [4, "1", "GenericError"],
        ),
    ],
)
async def test_a_handlers_mistake_keeps_the_message_and_the_socket(
    house: House, running: RunningGateway, action: str, payload, answer
) -> None:
    charge_point = await house.a_charge_point()
    socket = await connect(running, charge_point)
    assert (await ask(socket, [2, "1", action, payload]))[:3] == answer
    assert len(house.sql("select 1 from quarantined_messages")) == 1
    assert (await ask(socket, [2, "2", "MeterValues", meter_values(1)]))[:2] == [3, "2"]
    await socket.close()


async def test_an_answer_is_made_of_what_the_commit_returned_and_a_retry_gets_the_same(
    house: House, running: RunningGateway
) -> None:
    """Trust T2: a retry on a new socket with a new id counts once and hears the first answer."""
    charge_point = await house.a_charge_point()
    start = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "2026-05-01T10:23:00Z"}
    socket = await connect(running, charge_point)
    first = await ask(socket, [2, "1", "StartTransaction", start])
    await socket.close()
    socket = await connect(running, charge_point)
    again = await ask(socket, [2, "other", "StartTransaction", start])
    other = await ask(socket, [2, "3", "StartTransaction", start | {"timestamp": "2026-05-01T11:00:00Z"}])
    assert first[2] == again[2]
    assert other[2]["transactionId"] != first[2]["transactionId"]
    await socket.close()


async def test_while_the_database_refuses_connections_calls_stay_unanswered(
    house: House, running: RunningGateway
) -> None:
    """House §3: never acknowledged early; memory stays, and the answer comes when the database does."""
    charge_point = await house.a_charge_point()
    socket = await connect(running, charge_point)
    await ask(socket, [2, "0", "MeterValues", meter_values(1)])
    [name] = house.sql("select current_database() as name")
    admin = house.database_url.replace(name["name"], "postgres")
    with psycopg.connect(admin, autocommit=True) as postgres:
        postgres.execute(f"alter database {name['name']} allow_connections false")
        postgres.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name["name"],))
        await socket.send(json.dumps([2, "1", "MeterValues", meter_values(1)]))
        with pytest.raises(TimeoutError):
            await hear(socket, seconds=0.5)
        postgres.execute(f"alter database {name['name']} allow_connections true")
    assert await hear(socket) == [3, "1", {}]
    assert len(house.sql("select 1 from heard where message_id = '1'")) == 1
    await socket.close()


async def test_a_row_that_cannot_be_written_is_poison_like_any_other(group: CommitGroup, database_url: str) -> None:
    good, bad = Noted(1, (COLUMNS, (1,))), Noted(2, (COLUMNS, (2**63,)))
    group.submit(bad)
    group.submit(good)
    assert await good.outcome == []
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        await bad.outcome
    with psycopg.connect(database_url) as owner:
        assert owner.execute("select p from seen_rows").fetchall() == [("1",)]
