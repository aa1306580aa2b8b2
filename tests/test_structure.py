"""The house's rules that no other tool holds (house §1, §2, style): names, sizes, docstrings, tables, events."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

import sliproad
from sliproad.features.webhooks.model import EVENTS
from sliproad.foundation.database.policies import condition
from sliproad.migrations.tables import STORES, metadata

PACKAGE = Path(sliproad.__file__).parent
TESTS = Path(__file__).parent
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
LONGEST_MODULE = 400
NO_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "base", "manager", "data", "misc"})


def is_pure(module: Path) -> bool:
    """`ocpp/`, every `model`, and commissioning's workflow and steps."""
    is_rule = module.stem in {"model", "live_model", "workflow", "templates"} or module.parent.name == "steps"
    return module.parts[0] in {"ocpp", "ocpi"} or (module.parts[0] == "features" and is_rule)


def source(module: Path) -> str:
    return (PACKAGE / module).read_text()


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_says_why_it_exists(module):
    assert (ast.get_docstring(ast.parse(source(module))) or "").strip()


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_is_read_in_one_sitting(module):
    assert len(source(module).splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("root", [PACKAGE, TESTS], ids=["package", "tests"])
def test_no_name_says_nothing(root):
    names = {path: set(path.stem.removeprefix("test_").split("_")) for path in root.rglob("*.py")}
    names |= {path: {path.name} for path in root.rglob("*") if path.is_dir()}
    assert [str(path) for path, words in names.items() if NO_NAMES & words] == []


def contracts(kind: str) -> list[dict[str, Any]]:
    """import-linter's contracts of one type, as pyproject.toml states them."""
    settings = tomllib.loads((PACKAGE.parent.parent / "pyproject.toml").read_text())
    return [each for each in settings["tool"]["importlinter"]["contracts"] if each["type"] == kind]


def test_every_store_is_protected_by_a_contract():
    """House §2.6; import-linter knows no pattern for a part of a name, so a new store has to be added there."""
    stores = {
        "sliproad." + ".".join(module.with_suffix("").parts)
        for module in MODULES
        if module.parts[0] == "features" and module.stem.endswith("store")
    }
    protected = {name for contract in contracts("protected") for name in contract["protected_modules"] if "." in name}
    assert stores == protected
    assert not any("ignore_imports" in contract for contract in (*contracts("protected"), *contracts("layers")))


@pytest.mark.parametrize("module", [module for module in MODULES if is_pure(module)], ids=str)
def test_pure_modules_ask_no_clock_and_no_chance(module):
    """House §2.4: time and chance come in from the edge. What they may import is a contract of import-linter."""
    tree = ast.parse(source(module))
    called = {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not called & {"now", "utcnow", "today", "monotonic", "perf_counter"}
    assert not any(isinstance(node, (ast.AsyncFunctionDef, ast.Await)) for node in ast.walk(tree))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not imported & {"random", "secrets", "time", "asyncio", "os", "uuid"}


def test_every_store_with_rows_is_known_to_the_migrations():
    """A table that nobody lists would be missing in the database, and have no policy."""
    with_rows = {
        "sliproad." + ".".join(module.with_suffix("").parts) for module in MODULES if "__tablename__" in source(module)
    }
    assert with_rows == set(STORES)


def test_every_table_says_who_may_see_it():
    for table in metadata().sorted_tables:
        assert table.info.get("visible_to") is not None, table.name
        assert table.info["visible_to"] or table.info["lookup"], table.name


def test_every_tenants_table_carries_its_organisation():
    """House §3. The few without are about nobody's charge points, or about people before they belong anywhere."""
    without = {table.name for table in metadata().sorted_tables if "organization_id" not in table.columns}
    assert without == {
        "connection_versions", "gateways", "idempotency_keys", "installers", "issue_numbers", "ocpi_audit",
        "ocpi_callbacks", "ocpi_connections", "ocpi_endpoints", "ocpi_messages", "ocpi_objects", "ocpi_parties",
        "ocpi_party_roles", "ocpi_registration_tokens", "operator_keys", "operators",
        "rate_limits", "revoked_tokens", "users", "vault_keys",
    }  # fmt: skip


def test_every_table_in_the_database_has_row_level_security_and_its_policies(database_url):
    with psycopg.connect(database_url) as owner:
        tables = owner.execute(
            "select relname, relrowsecurity, relforcerowsecurity from pg_class"
            " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
        ).fetchall()
        policies = owner.execute("select tablename, policyname from pg_policies").fetchall()
    ours = {name: (enabled, forced) for name, enabled, forced in tables if not is_anothers(name)}
    assert set(ours) == set(metadata().tables)
    for table in metadata().sorted_tables:
        assert ours[table.name] == (True, True), table.name
        wanted = {"owner_all", "engine_all"} | ({"web_scope"} if condition(table) else set())
        assert {policy for name, policy in policies if name == table.name} == wanted


def test_role_web_may_touch_no_table_without_a_policy(database_url):
    """The tables of others (the job queue, Alembic's) have none, so it gets no right to them at all."""
    with psycopg.connect(database_url) as owner:
        open_to_web = owner.execute(
            "select distinct table_name from information_schema.role_table_grants"
            " where grantee in ('sliproad_web', 'PUBLIC') and table_schema = 'public'"
        ).fetchall()
    assert {name for (name,) in open_to_web} == set(metadata().tables)


def test_the_migrated_schema_is_the_one_that_the_rows_describe(database_url):
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection,
                opts={
                    "include_name": lambda name, kind, _parents: kind != "table" or not is_anothers(name),
                    "compare_type": True,
                    "compare_server_default": True,
                },
            )
            assert compare_metadata(context, metadata()) == []
    finally:
        engine.dispose()


def is_anothers(table: str) -> bool:
    return table.startswith("procrastinate_") or table == "alembic_version"


def events_spoken_of() -> Iterator[tuple[str, Path]]:
    """Every string of the features that looks like an event's name: a noun of theirs and a past participle."""
    nouns = "|".join(sorted({name.partition(".")[0] for name in EVENTS}))
    for module in MODULES:
        if module.parts[0] == "features" and module.parts[1] != "webhooks":
            for node in ast.walk(ast.parse(source(module))):
                word = node.value if isinstance(node, ast.Constant) else None
                if isinstance(word, str) and re.fullmatch(rf"({nouns})\.(\w+ed|fault)", word):
                    yield word, module


def test_every_domain_event_can_be_subscribed_to_and_every_subscription_can_be_served():
    spoken_of = dict(events_spoken_of())
    assert {name: str(where) for name, where in spoken_of.items() if name not in EVENTS} == {}
    assert set(EVENTS) - set(spoken_of) == set()
