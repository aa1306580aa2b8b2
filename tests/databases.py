"""Databases for tests: cloned from the migrated template, emptied after a test and handed on, dropped when one was bent.

A clone costs more than most tests; emptying costs a few milliseconds. Nobody shares one: each test has its own while it runs.
"""

import secrets
import time
import uuid
from dataclasses import dataclass

import psycopg
from psycopg import sql

PATIENCE_SECONDS = 60
TABLES = (
    "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
    " and relname <> 'alembic_version' order by relname"
)
SEQUENCES = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'S'"
SHAPE = """
select (select md5(string_agg(c.relname || a.attname || a.atttypid::text || a.attnotnull::text, ',' order by c.relname, a.attnum))
          from pg_class c join pg_attribute a on a.attrelid = c.oid
          where c.relnamespace = 'public'::regnamespace and a.attnum > 0),
       (select md5(string_agg(tablename || policyname || coalesce(qual, ''), ',' order by tablename, policyname)) from pg_policies),
       (select count(*) from pg_proc where pronamespace = 'public'::regnamespace),
       (select count(*) from pg_trigger), (select count(*) from pg_constraint),
       (select md5(string_agg(relname || relacl::text, ',' order by relname)) from pg_class
          where relnamespace = 'public'::regnamespace)
"""


@dataclass
class Kept:
    """One database of ours: the connection that empties it, which knows its tables already, and how it looked at first."""

    owner: psycopg.Connection
    tables: list[str]
    shape: tuple[object, ...] | None
    filled: sql.Composed
    """Which tables hold rows."""
    rewound: sql.Composed
    """Sets every sequence to its start."""


class Databases:
    """One process's databases on a server whose URL is of the maintenance database."""

    def __init__(self, url: str, template: str) -> None:
        self.url, self.template = url, template
        self._clean: list[str] = []
        self._kept: dict[str, Kept] = {}

    def named(self, database: str) -> str:
        return self.url.replace("/postgres?", f"/{database}?")

    def take(self) -> str:
        """The name of an empty database, whose charge points have keys that no other test's have: NATS is shared."""
        name = self._clean.pop() if self._clean else self._clone()
        first = 1 + secrets.randbits(40)
        self._kept[name].owner.execute(
            "select setval(pg_get_serial_sequence('charge_points', 'key'), %s, false)", [first]
        )
        return name

    def give_back(self, name: str) -> None:
        """Empty it for the next test; drop it when the test has changed its shape or still holds it."""
        try:
            kept = self._connected(name)
            self._end_others(kept.owner)
            if self._as_it_was(kept):
                self._empty(kept)
                self._clean.append(name)
                return
        except psycopg.Error:
            pass
        self.drop(name)

    def drop(self, name: str) -> None:
        self._kept.pop(name).owner.close()
        with psycopg.connect(self.url, autocommit=True) as admin:
            admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def close(self) -> None:
        for kept in self._kept.values():
            kept.owner.close()

    def _clone(self) -> str:
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(self.url, autocommit=True) as admin:
            admin.execute(
                sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(self.template))
            )
        owner = self._connect(name)
        tables, sequences = names(owner, TABLES), names(owner, SEQUENCES)
        self._kept[name] = Kept(
            owner,
            tables,
            owner.execute(SHAPE).fetchone(),
            sql.SQL(" union all ").join(
                sql.SQL("select {} where exists (select from {})").format(table, sql.Identifier(table))
                for table in tables
            ),
            sql.SQL("select ")
            + sql.SQL(", ").join(
                sql.SQL(
                    "(select setval({0}::regclass, seqstart, false) from pg_sequence where seqrelid = {0}::regclass)"
                ).format(sequence)
                for sequence in sequences
            ),
        )
        return name

    def _connect(self, name: str) -> psycopg.Connection:
        return psycopg.connect(
            self.named(name), autocommit=True, prepare_threshold=0, application_name="databases of tests"
        )

    def _connected(self, name: str) -> Kept:
        kept = self._kept[name]
        try:
            kept.owner.execute("select 1")
        except psycopg.OperationalError:  # the test ended every connection
            kept.owner.close()
            kept.owner = self._connect(name)
        return kept

    def _as_it_was(self, kept: Kept) -> bool:
        """Whether it has its first shape, once tables of the test's own are gone."""
        own = [sql.Identifier(table) for table in names(kept.owner, TABLES) if table not in kept.tables]
        if own:
            kept.owner.execute(sql.SQL("drop table {}").format(sql.SQL(", ").join(own)))
        return kept.owner.execute(SHAPE).fetchone() == kept.shape

    def _empty(self, kept: Kept) -> None:
        with kept.owner.transaction():
            kept.owner.execute("set local session_replication_role = replica")
            for (table,) in kept.owner.execute(kept.filled).fetchall():
                kept.owner.execute(sql.SQL("delete from {}").format(sql.Identifier(table)))
            kept.owner.execute(kept.rewound)

    def _end_others(self, owner: psycopg.Connection) -> None:
        """What the test left connected must not write into the next test's database."""
        others = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        deadline = time.monotonic() + PATIENCE_SECONDS
        while owner.execute(f"select count(pg_terminate_backend(pid)) {others}").fetchone() != (0,):
            if time.monotonic() > deadline:
                raise psycopg.OperationalError("connections of the test do not end")
            time.sleep(0.005)


def names(owner: psycopg.Connection, query: str) -> list[str]:
    return [row[0] for row in owner.execute(query).fetchall()]
