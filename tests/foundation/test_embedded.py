"""The embedded servers: started, found running, revived after a crash, never two on one folder."""

import os
import pathlib
import signal

import psycopg
import pytest

from sliproad.foundation.embedded import Embedded, StartError


@pytest.fixture
def data_dir(tmp_path: pathlib.Path) -> pathlib.Path:
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o711)
    return tmp_path / "data"


def test_a_crash_of_either_child_is_survived_at_the_same_address(data_dir: pathlib.Path) -> None:
    with Embedded(data_dir) as parts:
        with psycopg.connect(parts.database_url, autocommit=True) as connection:
            connection.execute("create table kept (n int)")
            connection.execute("insert into kept values (7)")
        for child in parts.children:
            os.kill(child.process.pid, signal.SIGKILL)
            child.process.wait(10)
            parts.revive()
        postgres = next(child for child in parts.children if child.name == "postgres")
        postgres.wait_until(lambda: answers(parts.database_url))
        with psycopg.connect(parts.database_url) as connection:
            assert connection.execute("select n from kept").fetchall() == [(7,)]


def answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def test_a_second_one_on_the_same_folder_says_so_and_stops(data_dir: pathlib.Path) -> None:
    with (
        Embedded(data_dir, postgres=False),
        pytest.raises(StartError, match="Another Sliproad is running"),
        Embedded(data_dir, postgres=False),
    ):
        pass


def test_what_is_kept_is_there_at_the_next_start(data_dir: pathlib.Path) -> None:
    for count in (1, 2):
        with (
            Embedded(data_dir, nats=False) as parts,
            psycopg.connect(parts.database_url, autocommit=True) as connection,
        ):
            connection.execute("create table if not exists starts (at timestamptz default now())")
            connection.execute("insert into starts default values")
            assert connection.execute("select count(*) from starts").fetchone() == (count,)
