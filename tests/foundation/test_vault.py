"""Keys that the installation makes for itself: once, and sealed (contract §8, trust P3)."""

import asyncio
import secrets

import psycopg
import pytest

from sliproad.foundation.crypto import SecretKey, WrongKey
from sliproad.foundation.database import ENGINE, NOBODY, Database
from sliproad.foundation.vault import Vault


async def test_twenty_at_once_over_several_connections_make_one_secret(database_url, secret_key):
    made = []

    def make() -> bytes:
        made.append(secrets.token_bytes(32))
        return made[-1]

    processes = [Database(database_url, "engine", pool_size=2) for _ in range(5)]
    try:
        vaults = [Vault(database, secret_key) for database in processes]
        got = await asyncio.gather(*(vaults[number % 5].get_or_make("jwt", make) for number in range(20)))
    finally:
        for database in processes:
            await database.close()
    assert len(made) == 1
    assert set(got) == set(made)


async def test_names_are_different_secrets(engine, secret_key):
    vault = Vault(engine, secret_key)
    assert await vault.get_or_make("one", lambda: b"1") == b"1"
    assert await vault.get_or_make("two", lambda: b"2") == b"2"
    assert await vault.get_or_make("one", lambda: b"3") == b"1"


async def test_the_table_holds_it_sealed(engine, secret_key, database_url):
    await Vault(engine, secret_key).get_or_make("pki", lambda: b"-----BEGIN PRIVATE KEY-----")
    with psycopg.connect(database_url) as owner:
        name, sealed = owner.execute("select name, sealed from vault_keys").fetchone()
    assert name == "pki"
    assert b"PRIVATE" not in sealed


async def test_another_secret_key_refuses_and_makes_nothing_new(engine, secret_key):
    await Vault(engine, secret_key).get_or_make("pki", lambda: b"first")
    with pytest.raises(WrongKey):
        await Vault(engine, SecretKey("some other installation's secret")).get_or_make("pki", lambda: b"second")
    assert await Vault(engine, secret_key).get_or_make("pki", lambda: b"third") == b"first"


async def test_a_maker_that_fails_leaves_nothing(engine, secret_key):
    def fail() -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Vault(engine, secret_key).get_or_make("pki", fail)
    assert await Vault(engine, secret_key).get_or_make("pki", lambda: b"made") == b"made"


async def test_no_request_reads_it(web, engine, secret_key):
    await Vault(engine, secret_key).get_or_make("pki", lambda: b"made")
    async with web.transaction(NOBODY) as session:
        from sqlalchemy import text

        assert await session.scalar(text("select count(*) from vault_keys")) == 0
    async with engine.transaction(ENGINE) as session:
        assert await session.scalar(text("select count(*) from vault_keys")) == 1
