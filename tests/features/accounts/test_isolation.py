"""Trust I4: a SELECT without filter as role `web` sees no foreign row in any table of accounts; nothing secret is stored readable."""

import re

import psycopg
from sqlalchemy import text

from features.accounts.conftest import PASSWORD, World
from sliproad.foundation.database import NOBODY, Scope

TABLES = ("organizations", "users", "installers", "memberships", "api_keys", "mail_tokens", "revoked_tokens")


async def counts(world: World, scope: Scope) -> dict[str, int]:
    async with world.web.transaction(scope) as session:
        return {table: (await session.execute(text(f"select count(*) from {table}"))).scalar_one() for table in TABLES}


async def a_full_house(world: World) -> tuple[str, dict, dict, str]:
    installer_id, token = await world.an_installer()
    await world.an_installer("blair@acme-ev-installs.com")
    await world.post("/api/v1/installer/logout", token=token)
    first, second = await world.an_organization(), await world.an_organization("q@quayside.example", "Quayside")
    for owner in (first, second):
        key = (await world.post("/api/v1/org/api-keys", {"name": "k"}, token=owner["access_token"])).json()["api_key"]
        body = {"email": f"v{owner['user_id'][-4:]}@x.example", "role": "viewer"}
        await world.post("/api/v1/org/users/invitations", body, token=owner["access_token"])
    return installer_id, first, second, key


async def test_each_scope_sees_its_own_rows_and_nobody_sees_any(world: World) -> None:
    installer_id, first, _, _ = await a_full_house(world)
    assert set((await counts(world, NOBODY)).values()) == {0}
    assert set((await counts(world, Scope(lookup="%"))).values()) == {0}
    own = await counts(world, Scope(organization_id=first["organization_id"]))
    assert own == dict.fromkeys(TABLES, 0) | {"organizations": 1, "memberships": 1, "api_keys": 1, "mail_tokens": 1}
    own = await counts(world, Scope(installer_id=installer_id))
    assert own == dict.fromkeys(TABLES, 0) | {"installers": 1, "mail_tokens": 1}
    own = await counts(world, Scope(user_id=first["user_id"]))
    assert own == dict.fromkeys(TABLES, 0) | {"users": 1, "memberships": 1, "mail_tokens": 1}
    own = await counts(world, Scope(lookup="alex@acme-ev-installs.com"))
    assert own == dict.fromkeys(TABLES, 0) | {"installers": 1}


async def test_a_scope_cannot_write_into_anothers_rows(world: World) -> None:
    installer_id, first, second, _ = await a_full_house(world)
    attempts = {
        "update installers set email = 'x' where installer_id <> :own": Scope(installer_id=installer_id),
        "update api_keys set scopes = '{cpo}' where organization_id <> :own": Scope(
            organization_id=second["organization_id"]
        ),
        "delete from memberships where organization_id <> :own": Scope(organization_id=first["organization_id"]),
    }
    for statement, scope in attempts.items():
        async with world.web.transaction(scope) as session:
            result = await session.execute(text(statement), {"own": scope.organization_id or scope.installer_id})
            assert result.rowcount == 0


async def test_no_password_key_or_token_is_stored_readable(world: World, database_url: str) -> None:
    """Trust P3: what a thief of the database finds."""
    _, first, _, key = await a_full_house(world)
    token = await world.mailed_token("q@quayside.example")
    with psycopg.connect(database_url) as owner:
        tables = owner.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        dump = "".join(str(owner.execute(f"select t::text from {table} t").fetchall()) for (table,) in tables)
    assert "$argon2id$" in dump
    for secret in (PASSWORD, key, token, first["access_token"]):
        assert secret not in dump


async def test_no_secret_reaches_the_log(world: World, capsys) -> None:
    """Trust S3."""
    _, first, _, key = await a_full_house(world)
    token = await world.mailed_token("q@quayside.example")
    await world.http.get(f"/verify-email?token={token}")
    await world.get("/api/v1/cpo/me", token=key)
    await world.post("/api/v1/installer/login", {"email": "alex@acme-ev-installs.com", "password": "a-wrong-password"})
    log = re.sub(r"\x1b\[[0-9;]*m", "", "".join(capsys.readouterr()))
    assert "/verify-email" in log
    assert f"organization:{first['organization_id']}" in log
    for secret in (PASSWORD, "a-wrong-password", key, token, first["access_token"]):
        assert secret not in log
