"""One embedded PostgreSQL and NATS for the whole run, owned by the controlling process; a fresh database per test that asks.

The controller starts them and hands their addresses to the xdist workers: a server started by a worker would end with it.
"""

import gc
import pathlib
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from datetime import UTC, datetime

import psycopg
import pytest
import structlog

from databases import Databases
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database
from sliproad.foundation.database.migrations import migrate
from sliproad.foundation.embedded import Embedded
from sliproad.foundation.telemetry import console_renderer

ADDRESSES = pytest.StashKey[dict[str, str]]()
PARTS = pytest.StashKey[tuple[Embedded, tempfile.TemporaryDirectory]]()
TEMPLATE = "template_sliproad"
TESTS = pathlib.Path(__file__).parent
WHOLE = [TESTS / "acceptance", TESTS / "integration", TESTS / "pages"]
"""Tests of several rooms at once: whole installations, virtual chargers through their whole life, browsers, `kill -9`."""
PROCESSORS = structlog.get_config()["processors"]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests that all stay: the collector would look at them again and again, now and in every test."""
    gc.disable()
    collected = yield
    gc.freeze()
    gc.enable()
    return collected


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in WHOLE):
            item.add_marker("whole")


def pytest_configure() -> None:
    # Unconfigured, structlog shows the locals of every frame of an exception: seconds for one traceback.
    structlog.configure(processors=[*PROCESSORS[:-1], console_renderer()])


def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    if hasattr(config, "workerinput"):
        config.stash[ADDRESSES] = config.workerinput["addresses"]
        return
    folder = tempfile.TemporaryDirectory(prefix="sliproad-tests-", ignore_cleanup_errors=True)
    pathlib.Path(folder.name).chmod(0o711)
    parts = Embedded(pathlib.Path(folder.name)).__enter__()
    config.stash[PARTS] = (parts, folder)
    config.stash[ADDRESSES] = {"database_url": parts.database_url, "nats_url": parts.nats_url}
    with psycopg.connect(parts.database_url, autocommit=True) as admin:
        for setting in (
            "fsync",
            "full_page_writes",
        ):  # what these tests write need not outlive the machine; clones do the more
            admin.execute(f"alter system set {setting} = off")
        admin.execute("select pg_reload_conf()")
        admin.execute(f"create database {TEMPLATE}")
        migrate(named(parts.database_url, TEMPLATE))
        admin.execute(f"alter database {TEMPLATE} is_template true")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    node.workerinput["addresses"] = node.config.stash[ADDRESSES]


def pytest_unconfigure(config: pytest.Config) -> None:
    if PARTS in config.stash:
        parts, folder = config.stash[PARTS]
        parts.__exit__(None, None, None)
        folder.cleanup()


def named(url: str, database: str) -> str:
    return url.replace("/postgres?", f"/{database}?")


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    ours = Databases(request.config.stash[ADDRESSES]["database_url"], TEMPLATE)
    yield ours
    ours.close()


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """An empty, migrated database of this test's own; role owner."""
    name = databases.take()
    yield databases.named(name)
    databases.give_back(name)


@pytest.fixture
async def web(database_url: str) -> AsyncIterator[Database]:
    """The database as role `web`, which sees only what a scope opens."""
    database = Database(database_url, "web", pool_size=5)
    yield database
    await database.close()


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Database]:
    """The database as role `engine`, which sees everything."""
    database = Database(database_url, "engine", pool_size=5)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def nats_url(request: pytest.FixtureRequest) -> str:
    """The shared NATS: tests use subjects of their own keys only, so that parallel tests don't meet."""
    return request.config.stash[ADDRESSES]["nats_url"]


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    bus = Bus(nats_url)
    await bus.connect()
    yield bus
    await bus.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 5, 1, 10, 23, tzinfo=UTC))


@pytest.fixture
def secret_key() -> SecretKey:
    return SecretKey("a-secret-of-the-tests-that-nobody-else-has")
