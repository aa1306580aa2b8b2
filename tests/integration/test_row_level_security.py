"""The second wall: as role `web` a SELECT without any filter shows nobody a foreign row, in any table (trust I4, house §3)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import JSON, Column, Table, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from databases import Databases
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, NOBODY, Database, Scope
from sliproad.migrations.tables import metadata
from workplace import Somebody, Workplace, open_workplace

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("crowd")]
TABLES = metadata().sorted_tables
NOT_OURS = {
    "alembic_version",
    "procrastinate_events",
    "procrastinate_jobs",
    "procrastinate_periodic_defers",
    "procrastinate_workers",
}


@dataclass
class Tenant:
    """An organisation with a project of its own on a site of its own, and what may be known of it."""

    organization: Somebody
    installer: Somebody
    ids: dict[str, Any]
    last: dict[str, Any] = field(default_factory=dict)
    """Table -> a row of this tenant, for foreign keys."""

    @property
    def installer_scope(self) -> Scope:
        return Scope(installer_id=self.installer.id)


@dataclass
class Crowd:
    """Two organisations; the first with two projects, each with another installer; and a site owner of the first site."""

    workplace: Workplace
    tenants: list[Tenant]
    taken_off: Somebody
    site_owner: Somebody


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crowd(databases: Databases, nats_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crowd]:
    """Only looked at, so that one is enough for all tests: it takes hundreds of statements to make."""
    name = databases.take()
    web, engine = (Database(databases.named(name), role, pool_size=5) for role in ("web", "engine"))
    bus, clock = Bus(nats_url), ManualClock(datetime(2026, 5, 1, 10, 23, tzinfo=UTC))
    await bus.connect()
    folder, secret_key = tmp_path_factory.mktemp("crowd"), SecretKey("a-secret-of-the-crowd-that-nobody-else-has")
    async with open_workplace(web, engine, bus, clock, secret_key, folder) as workplace:
        riverside, hilltop = await workplace.organization("Riverside"), await workplace.organization("Hilltop")
        tenants = [await a_tenant(workplace, each) for each in (riverside, riverside, hilltop)]
        taken_off = await workplace.installer("Taken off")
        for tenant in tenants:
            path = f"/api/v1/cpo/projects/{tenant.ids['project_id']}/installers"
            await tenant.organization.create(path, installer_id=taken_off.id)
            assert (await tenant.organization.delete(f"{path}/{taken_off.id}")).status_code == 204
        owner = await workplace.site_owner(tenants[0].ids["site_id"], riverside.id)
        tenants[0].ids["user_id"] = owner.id
        async with engine.transaction(ENGINE) as session:
            for table in TABLES:
                for number, tenant in enumerate(tenants):
                    await put_a_row(session, table, tenant, number)
        yield Crowd(workplace, tenants, taken_off, owner)
    await bus.close()
    await web.close()
    await engine.close()
    databases.give_back(name)


async def a_tenant(workplace: Workplace, organization: Somebody) -> Tenant:
    """Work as it is done, over HTTP: a site, a project, an installer, two charge points, a tick, a move, an invitation."""
    installer = await workplace.installer()
    site_id = await workplace.site(organization)
    first = await workplace.project(organization, installer, site_id=site_id)
    project_id = await workplace.project(organization, installer, site_id=site_id)
    charge_point_id = (await workplace.charge_point(installer, first))["charge_point_id"]
    move = await organization.post(f"/api/v1/cpo/charge-points/{charge_point_id}/move", json={"project_id": project_id})
    assert move.status_code == 200, move.text
    tick = {"items": [{"item": "emergency_stop", "charge_point_id": charge_point_id, "done": True}]}
    ticked = await installer.put(f"/api/v1/installer/projects/{project_id}/checklist", json=tick)
    assert ticked.status_code == 200, ticked.text
    await organization.create(f"/api/v1/cpo/sites/{site_id}/owners", email=f"o@{site_id[5:]}.example")
    ids = {
        "organization_id": organization.id,
        "site_id": site_id,
        "project_id": project_id,
        "other_project_id": first,
        "charge_point_key": await workplace.key_of(charge_point_id),
        "installer_id": installer.id,
        "user_id": None,
    }
    return Tenant(organization, installer, ids)


async def put_a_row(session: AsyncSession, table: Table, tenant: Tenant, number: int) -> None:
    """A row of the tenant in a table that its work has not filled: what gateways, workers and later rooms write there."""
    mine = belonging(table, tenant)
    row = None if mine is None else (await session.execute(select(table).where(mine).limit(1))).mappings().first()
    if row is None:
        values = {column.name: value_of(column, tenant, number) for column in table.columns if needs_value(column)}
        row = (await session.execute(table.insert().values(values).returning(*table.columns))).mappings().one()
    tenant.last[table.name] = row


def belonging(table: Table, tenant: Tenant) -> Any:
    """The condition under which a row is the tenant's own, by the narrowest column that says whose it is."""
    if table.name == "charge_points":
        return table.c.key == tenant.ids["charge_point_key"]
    for name in ("charge_point_key", "project_id", "site_id", "installer_id", "user_id", "organization_id"):
        if name in table.columns and tenant.ids[name] is not None:
            return table.c[name] == tenant.ids[name]
    return None


def needs_value(column: Column[Any]) -> bool:
    whose = column.name in {"organization_id", "charge_point_key", "project_id", "site_id", "installer_id"}
    if column.identity is not None or (column.server_default is not None and not whose):
        return False
    return whose or not column.nullable


def value_of(column: Column[Any], tenant: Tenant, number: int) -> Any:
    if column.name in tenant.ids and tenant.ids[column.name] is not None:
        return tenant.ids[column.name]
    for key in column.foreign_keys:
        return tenant.last[key.column.table.name][key.column.name]
    if isinstance(column.type, JSON):
        return {}
    kind = column.type.python_type
    values = {
        str: f"{column.table.name}.{column.name}.{number}",
        int: number + 1,
        float: 1.0,
        bool: False,
        bytes: b"sealed",
        Decimal: Decimal(1),
        datetime: datetime.fromisoformat("2026-05-01T10:23:00Z"),
        list: [],
    }
    return values[kind]


async def seen(database: Database, scope: Scope) -> dict[str, list[dict[str, Any]]]:
    """Everything that a scope sees: each table without a filter."""
    async with database.transaction(scope) as session:
        return {
            table.name: [dict(row) for row in (await session.execute(select(table))).mappings()] for table in TABLES
        }


async def test_an_organisation_sees_its_own_rows_and_no_other(crowd: Crowd) -> None:
    for tenant in (crowd.tenants[0], crowd.tenants[2]):
        organization_id = tenant.ids["organization_id"]
        found = await seen(crowd.workplace.web, Scope(organization_id=organization_id))
        for table in TABLES:
            if "organization" in table.info["visible_to"]:
                assert found[table.name], f"{table.name}: nothing to see, so nothing is proven"
                strangers = [row for row in found[table.name] if row["organization_id"] != organization_id]
            else:
                strangers = found[table.name]
            assert not strangers, table.name


async def test_an_installer_sees_what_belongs_to_their_projects(crowd: Crowd) -> None:
    for tenant in crowd.tenants:
        found = await seen(crowd.workplace.web, tenant.installer_scope)
        mine = {tenant.ids["project_id"], tenant.ids["other_project_id"]}
        assert_within(found, tenant, mine, whose="installer")
        assert {row["project_id"] for row in found["projects"]} == mine
        assert len(found["charge_points"]) == 1


async def test_an_installer_who_was_taken_off_sees_nothing_of_the_project(crowd: Crowd) -> None:
    found = await seen(crowd.workplace.web, Scope(installer_id=crowd.taken_off.id))
    shown = {name for name, rows in found.items() if rows}
    assert shown == {"installers", "project_installers"}, "themselves, and that they once were there"
    assert {row["installer_id"] for name in shown for row in found[name]} == {crowd.taken_off.id}


async def test_a_site_owner_sees_what_belongs_to_their_site(crowd: Crowd) -> None:
    tenant = crowd.tenants[0]
    found = await seen(crowd.workplace.web, Scope(user_id=crowd.site_owner.id))
    mine = {tenant.ids["project_id"], tenant.ids["other_project_id"]}
    assert_within(found, tenant, mine, whose="site owner")
    assert {row["project_id"] for row in found["projects"]} == mine


async def test_nobody_sees_nothing(crowd: Crowd) -> None:
    assert not any((await seen(crowd.workplace.web, NOBODY)).values())


async def test_the_engine_sees_all(crowd: Crowd) -> None:
    """Without it the tests above would prove too little: there are rows of everybody in every table."""
    found = await seen(crowd.workplace.engine, ENGINE)
    for table in TABLES:
        if "organization" in table.info["visible_to"]:
            assert len({row["organization_id"] for row in found[table.name]}) >= 2, table.name
        assert found[table.name], table.name


async def test_a_foreign_row_can_neither_be_changed_nor_made(crowd: Crowd) -> None:
    foreign = crowd.tenants[2].ids
    scope = Scope(organization_id=crowd.tenants[0].ids["organization_id"])
    for table in TABLES:
        if "organization" not in table.info["visible_to"]:
            continue
        async with crowd.workplace.web.transaction(scope) as session:
            theirs = table.c.organization_id == foreign["organization_id"]
            gone = await session.execute(table.delete().where(theirs).returning(theirs))
            assert not gone.all(), table.name
    with pytest.raises(DBAPIError, match="row-level security"):
        async with crowd.workplace.web.transaction(scope) as session:
            await session.execute(
                text("insert into sites (site_id, organization_id, name, address) values ('site_x', :id, 'x', 'x')"),
                {"id": foreign["organization_id"]},
            )


async def test_every_table_says_who_sees_it(crowd: Crowd) -> None:
    async with crowd.workplace.engine.transaction(ENGINE) as session:
        rows = await session.execute(
            text(
                "select c.relname as name, c.relrowsecurity and c.relforcerowsecurity as walled,"
                " array(select polname::text from pg_policy p where p.polrelid = c.oid) as policies,"
                " has_table_privilege('sliproad_web', c.oid, 'select') as readable"
                " from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace"
            )
        )
        found = {row.name: row for row in rows}
    assert found.keys() - NOT_OURS == {table.name for table in TABLES}
    for table in TABLES:
        assert found[table.name].walled, table.name
        for_web = bool(table.info["visible_to"] - {"engine"}) or bool(table.info["lookup"])
        assert ("web_scope" in found[table.name].policies) == for_web, table.name
    assert not any(found[name].readable for name in NOT_OURS), "jobs carry the work of all organisations"


def assert_within(found: dict[str, list[dict[str, Any]]], tenant: Tenant, projects: set[str], *, whose: str) -> None:
    """Every row seen belongs to the tenant's site, projects or charge point, or to the person."""
    person = {
        "installer": ("installer_id", tenant.ids["installer_id"]),
        "site owner": ("user_id", tenant.ids["user_id"]),
    }
    column, value = person[whose]
    for name, rows in found.items():
        for row in rows:
            is_mine = (
                row.get(column) == value
                or row.get("project_id") in projects
                or row.get("charge_point_key", row.get("key")) == tenant.ids["charge_point_key"]
                or (name == "sites" and row["site_id"] == tenant.ids["site_id"])
            )
            assert is_mine, (whose, name, row)
            if "installer_id" in row and whose == "installer":
                assert row["installer_id"] in {value, None}, (whose, name, row)
