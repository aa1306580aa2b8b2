"""Credentials and the gateways' mirror of them: at most a second old, no commit missed (house §3, trust G6, G7, A01)."""

import asyncio
import time
from collections.abc import AsyncIterator

import psycopg
import pytest

from sliproad.features.security.mirror import Mirror
from sliproad.features.security.service import CredentialService
from sliproad.foundation.bus import Bus
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, Database
from sliproad.gateway.commit_group import CommitGroup


@pytest.fixture
def owner(database_url: str):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "insert into organizations (organization_id, name, contact_email) values ('org_1', 'O', 'o@example.org')"
        )
        connection.execute(
            "insert into sites (site_id, organization_id, name, address) values ('site_1', 'org_1', 'S', 'A')"
        )
        connection.execute(
            "insert into projects (project_id, organization_id, site_id, name, charge_points_expected)"
            " values ('proj_1', 'org_1', 'site_1', 'P', 1)"
        )
        yield connection


REGISTER = (
    "insert into charge_points (charge_point_id, organization_id, site_id, project_id, serial_number, vendor, model,"
    " ocpp_version, connector_count) values (%s, 'org_1', 'site_1', 'proj_1', %s, 'V', 'M', '1.6', 1) returning key"
)


def register(connection: psycopg.Connection, identity: str) -> int:
    return connection.execute(REGISTER, (identity, f"SN-{identity}")).fetchone()[0]


@pytest.fixture
def credentials(secret_key: SecretKey) -> CredentialService:
    return CredentialService(secret_key)


@pytest.fixture
def mirror(engine: Database, secret_key: SecretKey) -> Mirror:
    return Mirror(engine, secret_key)


@pytest.fixture
async def running_mirror(mirror: Mirror, bus: Bus) -> AsyncIterator[Mirror]:
    task = asyncio.create_task(mirror.run(bus))
    yield mirror
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def seen_within(seconds: float, condition) -> float:
    since = time.monotonic()
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
    return time.monotonic() - since


def opens(mirror: Mirror, identity: str, password: str | bytes) -> bool:
    known = mirror.find(identity)
    secret = password.encode() if isinstance(password, str) else password
    return known is not None and mirror.verify(known, secret) is not None


async def test_a_password_is_twenty_alphanumerics_and_only_its_keyed_hash_is_stored(owner, engine, credentials) -> None:
    """A01: fits 1.6's and 2.x's rules; trust P3: it is in no row."""
    key = register(owner, "CP-1")
    async with engine.transaction(ENGINE) as session:
        password = await credentials.create(session, key, "org_1")
    assert len(password) == 20
    assert password.isalnum()
    [(salt, keyed_hash)] = owner.execute("select salt, keyed_hash from charge_point_credentials").fetchall()
    assert (len(salt), len(keyed_hash)) == (16, 32)
    assert password.encode() not in salt + keyed_hash


@pytest.mark.parametrize("hint", [True, False])
async def test_a_new_charge_point_may_connect_within_a_second(
    owner, engine, credentials, running_mirror: Mirror, bus: Bus, hint: bool
) -> None:
    """Fresh within a second by itself, at once when told on the bus."""
    await running_mirror.refresh()
    key = register(owner, "CP-1")
    async with engine.transaction(ENGINE) as session:
        password = await credentials.create(session, key, "org_1")
    if hint:
        await bus.publish("mirror.changed", {})
    await seen_within(0.5 if hint else 1.5, lambda: opens(running_mirror, "CP-1", password))


async def test_a_commit_that_took_long_is_not_missed(owner, database_url: str, mirror: Mirror) -> None:
    """A transaction with an older id may commit after younger ones were read."""
    with psycopg.connect(database_url) as slow:
        register(slow, "SLOW")
        register(owner, "QUICK")
        await mirror.refresh()
        assert mirror.find("QUICK") is not None
        assert mirror.find("SLOW") is None
        slow.commit()
    register(owner, "LATER")
    await mirror.refresh()
    assert mirror.find("SLOW") is not None
    assert mirror.find("LATER") is not None


async def test_a_removed_charge_point_and_a_rotated_password_open_nothing(owner, engine, credentials, mirror) -> None:
    key, other = register(owner, "CP-1"), register(owner, "CP-2")
    changed: list[set[int]] = []
    mirror.on_change(lambda keys: changed.append(set(keys)))
    async with engine.transaction(ENGINE) as session:
        old = await credentials.create(session, key, "org_1")
        kept = await credentials.create(session, other, "org_1")
    await mirror.refresh()
    async with engine.transaction(ENGINE) as session:
        new = await credentials.rotate(session, key, "org_1")
    await mirror.refresh()
    assert (opens(mirror, "CP-1", old), opens(mirror, "CP-1", new)) == (False, True)
    owner.execute(
        "update charge_points set removed_at = now(), changed_xid = pg_current_xact_id()::text::bigint where key = %s",
        (key,),
    )
    await mirror.refresh()
    assert mirror.find("CP-1") is None
    assert mirror.by_key(key) is None
    assert opens(mirror, "CP-2", kept)
    assert changed == [{key, other}, {key}, {key}]


async def test_nothing_opens_without_the_right_password(owner, engine, credentials, mirror) -> None:
    key = register(owner, "CP-1")
    async with engine.transaction(ENGINE) as session:
        password = await credentials.create(session, key, "org_1")
    await mirror.refresh()
    for wrong in ("", password.lower(), password[:-1], password + "x", password.encode().hex(), "\0"):
        assert not opens(mirror, "CP-1", wrong)


@pytest.fixture
async def group(engine: Database) -> AsyncIterator[CommitGroup]:
    group = CommitGroup(engine.url)
    task = asyncio.create_task(group.run())
    yield group
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def log_in(mirror: Mirror, group: CommitGroup, password: str | bytes) -> str:
    """What a gateway does at an upgrade; gives the form that opened."""
    known = mirror.find("CP-1")
    verified = mirror.verify(known, password.encode() if isinstance(password, str) else password)
    for write in mirror.used(known, verified):
        group.defer(write)
    await group.drained()
    await mirror.refresh()
    return verified.form


async def test_the_old_password_dies_only_after_the_new_one_was_accepted_and_used(
    owner, engine, credentials, mirror, group
) -> None:
    """A01.FR.03, trust G7."""
    key = register(owner, "CP-1")
    async with engine.transaction(ENGINE) as session:
        old = await credentials.create(session, key, "org_1")
        pending = await credentials.begin_rotation(session, key, "org_1")
    await mirror.refresh()
    assert opens(mirror, "CP-1", old)
    assert await log_in(mirror, group, pending.password) == "plain"
    assert opens(mirror, "CP-1", old), "used, but not yet accepted"
    async with engine.transaction(ENGINE) as session:
        assert await credentials.accepted(session, pending.credential_id)
    await mirror.refresh()
    assert opens(mirror, "CP-1", old), "accepted, but not used since"
    await log_in(mirror, group, pending.password)
    assert not opens(mirror, "CP-1", old)
    assert opens(mirror, "CP-1", pending.password)
    states = owner.execute("select state from charge_point_credentials order by credential_id").fetchall()
    assert states == [("retired",), ("active",)]


async def test_a_rejected_rotation_leaves_the_old_password(owner, engine, credentials, mirror) -> None:
    """A01.FR.04."""
    key = register(owner, "CP-1")
    async with engine.transaction(ENGINE) as session:
        old = await credentials.create(session, key, "org_1")
        pending = await credentials.begin_rotation(session, key, "org_1")
        await credentials.abandon_rotation(session, key)
    await mirror.refresh()
    assert (opens(mirror, "CP-1", old), opens(mirror, "CP-1", pending.password)) == (True, False)


async def test_a_password_shared_with_another_server_is_not_closed_under_the_charge_point(
    owner, engine, credentials, mirror, group
) -> None:
    """A charge point of 2.0.1 has one for all servers (B09): it may be connected with it before its answer is known."""
    key, theirs = register(owner, "CP-1"), "operators-password-1"
    async with engine.transaction(ENGINE) as session:
        old = await credentials.create(session, key, "org_1")
        shared = await credentials.begin_sharing(session, key, "org_1", theirs)
        again = await credentials.begin_sharing(session, key, "org_1", theirs)
        assert again == shared, "asked again, since the answer was lost"
        await credentials.accepted(session, shared.credential_id)
        assert not await credentials.settle(session, key), "accepted, and not yet used"
    await mirror.refresh()
    assert (opens(mirror, "CP-1", old), opens(mirror, "CP-1", theirs)) == (True, True)
    await log_in(mirror, group, theirs)
    async with engine.transaction(ENGINE) as session:
        assert await credentials.settle(session, key)
        own = await credentials.begin_rotation(session, key, "org_1")
    await mirror.refresh()
    opening = [opens(mirror, "CP-1", each) for each in (old, theirs, own.password)]
    assert opening == [False, True, True], "until the one of its own was accepted and used"


async def test_one_that_was_used_before_its_answer_is_settled(owner, engine, credentials, mirror, group) -> None:
    key = register(owner, "CP-1")
    async with engine.transaction(ENGINE) as session:
        old = await credentials.create(session, key, "org_1")
        await credentials.begin_sharing(session, key, "org_1", "operators-password-1")
    await mirror.refresh()
    await log_in(mirror, group, "operators-password-1")
    async with engine.transaction(ENGINE) as session:
        assert await credentials.settle(session, key)
    await mirror.refresh()
    assert (opens(mirror, "CP-1", old), opens(mirror, "CP-1", "operators-password-1")) == (False, True)


@pytest.mark.parametrize("form", ["plain", "hex"])
async def test_a_rotated_16_authorization_key_opens_in_the_form_the_vendor_sends(
    owner, engine, credentials, mirror, group, form: str
) -> None:
    """ocpp.md "Connecting": set as hex, but many send it plain; the form used is recorded and holds from then on."""
    key = register(owner, "CP-1")
    async with engine.transaction(ENGINE) as session:
        await credentials.create(session, key, "org_1")
        pending = await credentials.begin_rotation(session, key, "org_1")
        await credentials.accepted(session, pending.credential_id)
    await mirror.refresh()
    sent = pending.password.encode()
    sent = sent.hex().encode() if form == "hex" else sent
    assert await log_in(mirror, group, sent) == form
    assert owner.execute("select used_form from charge_point_credentials where state = 'active'").fetchall() == [
        (form,)
    ]
    assert opens(mirror, "CP-1", sent)


async def test_changed_subscriptions_reach_the_mirror(owner, engine, secret_key) -> None:
    subscribed: dict[str, frozenset[str]] = {}

    async def subscriptions(_database) -> dict[str, frozenset[str]]:
        return dict(subscribed)

    mirror = Mirror(engine, secret_key, subscriptions)
    key = register(owner, "CP-1")
    await mirror.refresh()
    changed: list[set[int]] = []
    mirror.on_change(lambda keys: changed.append(set(keys)))
    subscribed["org_1"] = frozenset({"session.started"})
    await mirror.refresh()
    assert mirror.subscribed("org_1") == {"session.started"}
    assert mirror.subscribed("org_2") == frozenset()
    assert changed == [{key}]
