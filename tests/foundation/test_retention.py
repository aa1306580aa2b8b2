"""What is over is deleted, and nothing else (`foundation/retention.py`)."""

import psycopg
import pytest

from sliproad.foundation import retention
from sliproad.foundation.database.sessions import as_role
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.retention import Rule, plan, register
from sliproad.migrations.tables import metadata

DAYS = {
    "browser_sessions": 0,
    "connection_attempts": 30,
    "files": 1,
    "gateways": 1,
    "idempotency_keys": 0,
    "mail_tokens": 0,
    "ocpi_callbacks": 1,
    "ocpi_messages": 14,
    "ocpp_messages": 90,
    "outbox": 7,
    "procrastinate_jobs": 30,
    "rate_limits": 0,
    "relay_messages": 90,
    "revoked_tokens": 0,
    "webhook_deliveries": 30,
}

# One row that is over and one that is not, by table: the columns, then their values with %(days)s days ago and a little less.
ROWS = {
    "browser_sessions": (
        "session_hash, audience, token_generation, created_at, seen_at, expires_at",
        "'{mark}', 'sliproad:installer', 0, {at}, {at}, {at}", "session_hash",
    ),
    "connection_attempts": ("at, path, remote_address, outcome", "{at}, '{mark}', '192.0.2.1', 'wrong_password'", "path"),
    "files": (
        "file_id, organization_id, name, mime, size_bytes, sha256, created_at",
        "'{mark}', 'org_a', 'photo.jpg', 'image/jpeg', 1, '', {at}", "file_id",
    ),
    "gateways": ("gateway_id, seen_at", "'{mark}', {at}", "gateway_id"),
    "idempotency_keys": (
        "key_hash, fingerprint, locked_until, expires_at", "'{mark}', 'f', {at}, {at}", "key_hash",
    ),
    "mail_tokens": ("token_hash, purpose, email, expires_at", "'{mark}', 'verify', 'a@b.example', {at}", "token_hash"),
    "ocpi_callbacks": (
        "callback_hash, module, given_to, connection_id, sender, receiver, response_url, expires_at",
        "'{mark}', 'commands', 'oc_b', 'oc_a', 'DE*ABC', 'FR*XYZ', 'https://a.example', {at}", "callback_hash",
    ),
    "ocpi_messages": (
        "connection_id, module, method, url, headers, status, created_at",
        "'oc_a', 'locations', 'PUT', '{mark}', '{{}}', 'delivered', {at}", "url",
    ),
    "ocpp_messages": (
        "charge_point_key, at, organization_id, direction, kind, message_id, action",
        "1, {at}, 'org_a', 'in', 'call', '{mark}', 'Heartbeat'", "message_id",
    ),
    "outbox": (
        "event_id, name, organization_id, occurred_at, data, dispatched_at",
        "'{mark}', 'session.started', 'org_a', {at}, '{{}}', {at}", "event_id",
    ),
    "rate_limits": ("key, hits, expires_at", "'{mark}', 1, {at}", "key"),
    "relay_messages": (
        "charge_point_key, organization_id, operator_id, direction, kind, action, payload, message_id, at, state",
        "1, 'org_a', 'op_a', 'up', 'live', 'StatusNotification', '{{}}', '{mark}', {at}, 'delivered'", "message_id",
    ),
    "revoked_tokens": ("jti, expires_at", "'{mark}', {at}", "jti"),
    "webhook_deliveries": (
        "delivery_id, endpoint_id, organization_id, event_id, event, body, status, created_at, begun_at",
        "'{mark}', 'whe_a', 'org_a', '{mark}', 'session.started', '', 'delivered', {at}, {at}", "delivery_id",
    ),
}  # fmt: skip


@pytest.fixture
def owner(database_url):
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(
            "insert into organizations (organization_id, name, contact_email) values ('org_a', 'A', 'a@b.example')"
        )
        owner.execute(
            "insert into webhook_endpoints (endpoint_id, organization_id, url, events, secret_sealed, created_at)"
            " values ('whe_a', 'org_a', 'https://x.example', '{*}', '', now())"
        )
        yield owner


def put(owner, table: str, mark: str, at: str) -> None:
    columns, values, _ = ROWS[table]
    owner.execute(f"insert into {table} ({columns}) values ({values.format(mark=mark, at=at)})")


def left(owner, table: str) -> list[str]:
    return [row[0] for row in owner.execute(f"select {ROWS[table][2]} from {table} order by 1").fetchall()]


def rule_of(table: str) -> Rule:
    (rule,) = (rule for rule in plan(metadata()) if rule.table == table)
    return rule


def test_the_whole_list():
    """A table that begins or ceases to forget shows here."""
    assert {rule.table: rule.days for rule in plan(metadata())} == DAYS


@pytest.mark.parametrize("table", sorted(ROWS))
async def test_what_is_over_goes_and_what_is_not_stays(owner, engine, clock, table):
    rule = rule_of(table)
    limit = f"timestamptz '{clock.now().isoformat()}' - interval '1 day' * {rule.days}"
    put(owner, table, "over", f"{limit} - interval '1 second'")
    put(owner, table, "still", f"{limit} + interval '1 second'")
    assert await retention.apply(engine, rule, clock.now()) == 1
    assert left(owner, table) == ["still"]
    assert await retention.apply(engine, rule, clock.now()) == 0


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("files", "update files set sha256 = 'abc'"),
        ("ocpi_messages", "update ocpi_messages set status = 'pending'"),
        ("outbox", "update outbox set dispatched_at = null"),
        ("relay_messages", "update relay_messages set state = 'waiting'"),
        ("webhook_deliveries", "update webhook_deliveries set status = 'pending'"),
    ],
)
async def test_what_still_has_to_be_done_stays_however_old(owner, engine, clock, table, change):
    put(owner, table, "old", "timestamptz '1999-01-01Z'")
    owner.execute(change)
    assert await retention.apply(engine, rule_of(table), clock.now()) == 0
    assert left(owner, table) == ["old"]


async def test_a_mailed_token_goes_when_it_was_used(owner, engine, clock):
    put(owner, "mail_tokens", "used", f"timestamptz '{clock.now().isoformat()}' + interval '1 day'")
    assert await retention.apply(engine, rule_of("mail_tokens"), clock.now()) == 0
    owner.execute("update mail_tokens set used_at = %s - interval '1 second'", [clock.now()])
    assert await retention.apply(engine, rule_of("mail_tokens"), clock.now()) == 1


async def test_many_rows_go_in_bounded_batches(owner, engine, clock, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 10)
    owner.execute("insert into revoked_tokens select 'jti' || n, '1999-01-01Z' from generate_series(1, 35) n")
    assert await retention.apply(engine, rule_of("revoked_tokens"), clock.now()) == 35
    owner.execute("insert into revoked_tokens select 'jti' || n, '1999-01-01Z' from generate_series(1, 35) n")
    monkeypatch.setattr(retention, "MOST_BATCHES", 2)
    assert await retention.apply(engine, rule_of("revoked_tokens"), clock.now()) == 20


async def test_a_row_that_somebody_holds_is_passed_over(owner, engine, clock, database_url):
    put(owner, "revoked_tokens", "held", "timestamptz '1999-01-01Z'")
    put(owner, "revoked_tokens", "free", "timestamptz '1999-01-01Z'")
    with psycopg.connect(database_url) as other:
        other.execute("select from revoked_tokens where jti = 'held' for update")
        assert await retention.apply(engine, rule_of("revoked_tokens"), clock.now()) == 1
    assert left(owner, "revoked_tokens") == ["held"]


async def test_failed_jobs_go_after_a_month(owner, engine, clock):
    for age in (29, 31):
        job = owner.execute(
            "insert into procrastinate_jobs (queue_name, task_name, args, status) values ('q', 'test.x', '{}', 'failed') returning id"
        ).fetchone()
        at = "insert into procrastinate_events (job_id, type, at) values (%s, 'failed', %s - interval '1 day' * %s)"
        owner.execute("delete from procrastinate_events where job_id = %s", job)
        owner.execute(at, [job[0], clock.now(), age])
    owner.execute("insert into procrastinate_jobs (queue_name, task_name, args) values ('q', 'test.waits', '{}')")
    owner.execute("update procrastinate_events set at = '1999-01-01Z' where type = 'deferred'")
    assert await retention.apply(engine, rule_of("procrastinate_jobs"), clock.now()) == 1
    assert owner.execute("select count(*) from procrastinate_jobs").fetchone() == (2,)


def test_the_installation_may_wish_otherwise():
    wished = {rule.table: rule.days for rule in plan(metadata(), days={"ocpp_messages": 400})}
    assert wished["ocpp_messages"] == 400
    with pytest.raises(ValueError, match="vault_keys"):
        plan(metadata(), days={"vault_keys": 1})


async def test_the_job_goes_through_all_of_them_whatever_happens_to_one(
    owner, engine, clock, database_url, monkeypatch
):
    jobs = Jobs(as_role(database_url, "engine"))
    broken = Rule("a_table_that_is_not_there", "at", 1, "true")
    rules = plan(metadata(), days={"ocpp_messages": 1})
    monkeypatch.setattr(retention, "plan", lambda days: [broken, *rules] if days == {"ocpp_messages": 1} else [])
    register(jobs, engine, clock, days={"ocpp_messages": 1})
    put(owner, "ocpp_messages", "over", f"timestamptz '{clock.now().isoformat()}' - interval '2 days'")
    put(owner, "revoked_tokens", "over", "timestamptz '1999-01-01Z'")
    task = jobs.app.tasks[retention.RETENTION]
    await task.func(0)
    assert left(owner, "ocpp_messages") == left(owner, "revoked_tokens") == []
