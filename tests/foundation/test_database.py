"""Transactions, roles and row-level security on the real server (house §3, trust I4)."""

import asyncio

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from sliproad.foundation import outbox
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.database import (
    ENGINE,
    NOBODY,
    Database,
    DatabaseError,
    IntegrityError,
    Scope,
    driver_connection,
    run,
    violated_constraint,
)
from sliproad.foundation.database.condition import check_answers, schema_revision
from sliproad.foundation.database.migrations import migrate, newest_revision
from sliproad.foundation.database.policies import condition
from sliproad.foundation.database.rows import visible_to
from sliproad.foundation.database.sessions import MOST_ASKED_AT_ONCE, as_role, is_quiet
from sliproad.foundation.events import DomainEvent
from sliproad.migrations.tables import metadata

ALICE, BOB = Scope(organization_id="org_alice"), Scope(organization_id="org_bob")
SCOPE_VALUES = "select " + ", ".join(
    f"scope_value('{name}') as {name}"
    for name in ("organization_id", "installer_id", "user_id", "operator_id", "lookup")
)


async def an_event(database: Database, scope: Scope, clock: ManualClock) -> str:
    async with database.transaction(scope) as session:
        return outbox.publish(session, DomainEvent("commissioning.started", scope.organization_id, clock.now()))


async def events_seen(database: Database, scope: Scope) -> list[str]:
    async with database.transaction(scope) as session:
        return list((await session.scalars(text("select organization_id from outbox order by seq"))).all())


async def test_the_block_is_one_transaction(engine, clock):
    async def publish_and_fail() -> None:
        async with engine.transaction(ENGINE) as session:
            outbox.publish(session, DomainEvent("commissioning.started", "org_alice", clock.now()))
            await session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await publish_and_fail()
    assert await events_seen(engine, ENGINE) == []


async def test_role_web_sees_the_rows_of_its_scope_alone(web, engine, clock):
    for scope in (ALICE, BOB):
        await an_event(web, scope, clock)
    assert await events_seen(web, ALICE) == ["org_alice"]
    assert await events_seen(web, BOB) == ["org_bob"]
    assert await events_seen(web, NOBODY) == []
    assert await events_seen(engine, ENGINE) == ["org_alice", "org_bob"]


async def test_role_web_cannot_write_into_another_organisation(web, clock):
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with web.transaction(ALICE) as session:
            outbox.publish(session, DomainEvent("commissioning.started", "org_bob", clock.now()))


async def test_a_scope_does_not_leak_to_the_next_transaction_of_a_pooled_connection(database_url, clock):
    database = Database(database_url, "web", pool_size=1)
    try:
        everything = Scope("org_alice", "ins_alice", "usr_alice", "opr_alice", "found")
        async with database.transaction(everything) as session:
            first = await session.scalar(text("select pg_backend_pid()"))
            assert tuple((await session.execute(text(SCOPE_VALUES))).one()) == (
                "org_alice", "ins_alice", "usr_alice", "opr_alice", "found",
            )  # fmt: skip
        with pytest.raises(ZeroDivisionError):
            async with database.transaction(everything):
                raise ZeroDivisionError
        async with database.transaction(NOBODY) as session:
            assert await session.scalar(text("select pg_backend_pid()")) == first
            assert tuple((await session.execute(text(SCOPE_VALUES))).one()) == ("",) * 5
        async with database.engine.connect() as bare:  # nobody set a scope at all
            assert await bare.scalar(text("select pg_backend_pid()")) == first
            assert tuple((await bare.execute(text(SCOPE_VALUES))).one()) == ("",) * 5
    finally:
        await database.close()


async def test_parallel_transactions_keep_their_scopes_apart(web):
    async def who(number: int) -> tuple[str, str]:
        async with web.transaction(Scope(organization_id=f"org_{number}")) as session:
            await asyncio.sleep(0)
            return f"org_{number}", await session.scalar(text("select scope_value('organization_id')"))

    for expected, got in await asyncio.gather(*(who(number) for number in range(40))):
        assert expected == got


@pytest.mark.parametrize("role", ["web", "engine"])
@pytest.mark.parametrize(
    "way_out", ["reset role", "set role none", "set role sliproad_owner", "reset session authorization"]
)
def test_embedded_logins_have_no_way_back_to_the_owner(database_url, role, way_out):
    with psycopg.connect(as_role(database_url, role), autocommit=True) as connection:
        try:
            connection.execute(way_out)
        except psycopg.errors.InsufficientPrivilege:
            assert way_out == "set role sliproad_owner"
        assert connection.execute("select current_user, session_user").fetchone() == (f"sliproad_{role}",) * 2
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("alter table outbox disable row level security")


@pytest.mark.parametrize("role", ["web", "engine"])
def test_neither_role_is_superuser_or_bypasses_the_policies(database_url, role):
    with psycopg.connect(as_role(database_url, role)) as connection:
        found = connection.execute(
            "select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb from pg_roles where rolname = current_user"
        ).fetchone()
    assert found == (False, False, False, False)


def test_another_owner_speaks_as_the_role_from_the_first_statement(database_url):
    """A cluster whose owner has another name: the role comes by libpq's options, and `reset role` stays there."""
    with psycopg.connect(database_url, autocommit=True) as admin:
        name = f"owner_{admin.info.dbname[-12:]}"
        admin.execute(f"create role {name} login in role sliproad_web")
        try:
            url = as_role(make_url(database_url).set(username=name).render_as_string(hide_password=False), "web")
            with psycopg.connect(url, autocommit=True) as connection:
                assert connection.execute("select current_user").fetchone() == ("sliproad_web",)
                connection.execute("reset role")
                assert connection.execute("select current_user").fetchone() == ("sliproad_web",)
                connection.execute("set role none")  # not defended here; the module says so
                assert connection.execute("select current_user").fetchone() == (name,)
        finally:
            admin.execute(f"drop role {name}")


@pytest.mark.parametrize(
    ("given", "role", "expected"),
    [
        ("postgresql://sliproad_owner@/d?host=%2Frun", "web", "postgresql://sliproad_web@/d?host=%2Frun"),
        ("postgresql://sliproad_owner@/d?host=%2Frun", "owner", "postgresql://sliproad_owner@/d?host=%2Frun"),
        (
            "postgresql://sliproad_owner@/d?host=%2Fmy%20folder",
            "web",
            "postgresql://sliproad_web@/d?host=%2Fmy%20folder",
        ),
        ("postgresql://sliproad_web:x@h/d", "web", "postgresql://sliproad_web:x@h/d"),
        (
            "postgresql://sliproad_owner:x@h/d",
            "web",
            "postgresql://sliproad_owner:x@h/d?options=-c%20role%3Dsliproad_web",
        ),
        (
            "postgresql://o:p%2Bq@h/d?options=-c%20statement_timeout%3D5s&application_name=a%2Bb",
            "engine",
            "postgresql://o:p+q@h/d?application_name=a%2Bb&options=-c%20statement_timeout%3D5s%20-c%20role%3Dsliproad_engine",
        ),
    ],
)
def test_how_a_url_becomes_a_role(given, role, expected):
    assert as_role(given, role) == expected


async def test_role_web_adds_jobs_and_sees_none(web, engine):
    """Arguments of jobs are of any tenant (trust I4)."""
    for statement in (
        "select * from procrastinate_jobs",
        "select * from procrastinate_events",
        "delete from procrastinate_jobs",
        "select procrastinate_fetch_job_v2(null, 1)",
        "select * from alembic_version",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with web.transaction(ALICE) as session:
                await session.execute(text(statement))


async def test_an_unfiltered_select_of_every_table_shows_nobody_nothing(web, engine, clock):
    """Trust I4. (With rows of two tenants in each table: tests/integration; here: no scope, no row, and no error.)"""
    await an_event(engine, ALICE, clock)
    async with web.transaction(NOBODY) as session:
        for table in metadata().sorted_tables:
            assert await session.scalar(text(f"select count(*) from {table.name}")) == 0, table.name


def test_the_newest_schema_is_there_and_migrating_again_changes_nothing(database_url):
    assert migrate(database_url) == newest_revision()
    assert migrate(database_url) == newest_revision()


async def test_the_condition_of_the_database_can_be_asked(web, engine):
    await check_answers(web)
    assert await schema_revision(engine) == newest_revision()


async def test_the_violated_constraint_has_a_name(engine):
    insert = text("insert into revoked_tokens values ('jti', now())")

    async def twice() -> None:
        async with engine.transaction(ENGINE) as session:
            await session.execute(insert)
            await session.execute(insert)

    with pytest.raises(IntegrityError) as caught:
        await twice()
    assert violated_constraint(caught.value) == "revoked_tokens_pkey"


def test_many_processes_may_migrate_an_empty_database_at_once(request, database_url):
    from concurrent.futures import ThreadPoolExecutor

    name = f"{make_url(database_url).database}_empty"
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(f"create database {name}")
        try:
            url = make_url(database_url).set(database=name).render_as_string(hide_password=False)
            with ThreadPoolExecutor(4) as pool:
                assert set(pool.map(migrate, [url] * 4)) == {newest_revision()}
        finally:
            admin.execute(f"drop database {name} with (force)")


def test_an_unknown_visibility_is_refused():
    with pytest.raises(ValueError, match="everybody"):
        visible_to("everybody")


def test_a_table_for_the_engine_alone_has_no_condition_for_web():
    tables = metadata().tables
    assert condition(tables["vault_keys"]) is None
    assert "organization_id = " in (condition(tables["outbox"]) or "")


async def test_an_error_does_not_tell_the_values_of_its_statement(engine):
    """Trust S3: an error's text reaches the log."""
    with pytest.raises(DBAPIError) as caught:
        async with engine.transaction(ENGINE) as session:
            await session.execute(text("select cast(:value as integer) / 0"), {"value": 7310})
    assert "7310" not in str(caught.value)


async def test_connections_terminated_by_the_server_are_replaced(engine, database_url):
    async with engine.transaction(ENGINE) as session:
        pid = await session.scalar(text("select pg_backend_pid()"))
        assert (await driver_connection(session)).info.backend_pid == pid
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("select pg_terminate_backend(%s, 5000)", [pid])
    async with engine.transaction(ENGINE) as session:
        assert await session.scalar(text("select pg_backend_pid()")) != pid


async def test_a_plain_statement_sees_the_transaction_it_runs_in_and_rows_know_their_columns(engine):
    async with engine.transaction(ENGINE) as session:
        await session.execute(text("set local application_name = 'inside'"))
        (inside,) = await run(session, "select current_setting('application_name') as name, %(n)s::int as n", {"n": 7})
    (outside,) = await run(engine, "select current_setting('application_name') as name, %(n)s::int as n", {"n": 7})
    assert (inside.name, inside.n) == ("inside", 7)
    assert (outside.name == "inside", outside.n) == (False, 7)


async def test_questions_run_beside_each_other_and_survive_a_server_that_ended_their_connections(engine):
    asked = "select pg_backend_pid() as pid, pg_sleep(0.05)"
    pids = {row.pid for (row,) in await asyncio.gather(*(engine.ask(asked, {}) for _ in range(12)))}
    assert 1 < len(pids) <= MOST_ASKED_AT_ONCE
    async with engine.transaction(ENGINE) as session:
        await session.execute(text("select pg_terminate_backend(pid) from unnest(:pids) as pid"), {"pids": list(pids)})
    async with asyncio.timeout(60):  # the server says goodbye when it gets to it
        while any(is_quiet(each) for each in engine._idle):
            await asyncio.sleep(0.01)
    again = {row.pid for (row,) in await asyncio.gather(*(engine.ask(asked, {}) for _ in range(4)))}
    assert not again & pids
    with pytest.raises(DatabaseError):
        await engine.ask("select no_such_column", {})
    assert len(await engine.ask("select 1", {})) == 1


async def test_a_question_sees_its_scope_alone_and_leaves_none_behind(web, engine, clock):
    whose = "select organization_id from outbox order by seq"
    for scope in (ALICE, BOB):
        await an_event(engine, scope, clock)
    assert await web.ask(whose, {}, ALICE) == [("org_alice",)]
    assert await web.ask(whose, {}, BOB) == [("org_bob",)]
    assert await web.ask(whose, {}) == []
    assert await engine.ask(whose, {}) == [("org_alice",), ("org_bob",)]


async def test_questions_at_once_keep_their_scopes_apart(web):
    scopes = [Scope(f"org_{number}", f"ins_{number}", f"usr_{number}", f"found_{number}") for number in range(40)]
    answers = await asyncio.gather(*(web.ask(SCOPE_VALUES, {}, scope) for scope in scopes))
    assert [answer[0] for answer in answers] == [tuple(scope.values().values()) for scope in scopes]


async def test_a_question_that_fails_leaves_no_scope_behind(web):
    with pytest.raises(DBAPIError) as caught:
        await web.ask("select %(value)s::integer / 0", {"value": 7310}, ALICE)
    assert "7310" not in str(caught.value)
    assert await web.ask(SCOPE_VALUES, {}) == [("",) * 5]


async def test_a_question_without_postgresql_says_so(database_url):
    database = Database(make_url(database_url).set(database="nowhere").render_as_string(hide_password=False), "web")
    with pytest.raises(OperationalError):
        await database.ask("select 1", {})
    await database.close()


async def test_a_transaction_begins_on_a_live_connection_without_asking_it(web, database_url):
    async with web.transaction(ALICE) as session:
        pid = await session.scalar(text("select pg_backend_pid()"))
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("select pg_terminate_backend(%s, 5000)", [pid])
    async with web.transaction(ALICE) as session:
        assert await session.scalar(text("select pg_backend_pid()")) != pid
        assert await session.scalar(text("select scope_value('organization_id')")) == "org_alice"
