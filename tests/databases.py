"""Databases for tests: cloned from the migrated template, emptied after a test and handed on, dropped when one was bent.

A clone costs more than most tests; emptying costs a few milliseconds. Nobody shares one: each test has its own while it runs.
"""

import time
import uuid

import psycopg

PATIENCE_SECONDS = 10
EMPTY = """
do $$ declare name regclass; filled boolean; begin
  set local session_replication_role = replica;
  for name in select oid from pg_class
      where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'alembic_version' loop
    execute format('select exists (select from %s)', name) into filled;
    if filled then execute format('delete from %s', name); end if;
  end loop;
  for name in select oid from pg_class where relnamespace = 'public'::regnamespace and relkind = 'S' loop
    execute format('select is_called from %s', name) into filled;
    if filled then execute format('alter sequence %s restart', name); end if;
  end loop;
end $$
"""
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


class Databases:
    """One process's databases on a server whose URL is of the maintenance database."""

    def __init__(self, url: str, template: str) -> None:
        self.url, self.template = url, template
        self._clean: list[str] = []
        self._shapes: dict[str, tuple[object, ...] | None] = {}

    def named(self, database: str) -> str:
        return self.url.replace("/postgres?", f"/{database}?")

    def take(self) -> str:
        """The name of an empty database."""
        if self._clean:
            return self._clean.pop()
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(self.url, autocommit=True) as admin:
            admin.execute(f"create database {name} template {self.template}")
        with psycopg.connect(self.named(name), autocommit=True) as owner:
            self._shapes[name] = owner.execute(SHAPE).fetchone()
        return name

    def give_back(self, name: str) -> None:
        """Empty it for the next test; drop it when the test has changed its shape or still holds it."""
        try:
            with psycopg.connect(self.named(name), autocommit=True) as owner:
                self._end_others(owner)
                if owner.execute(SHAPE).fetchone() == self._shapes[name]:
                    owner.execute(EMPTY)
                    self._clean.append(name)
                    return
        except psycopg.Error:
            pass
        self.drop(name)

    def drop(self, name: str) -> None:
        self._shapes.pop(name, None)
        with psycopg.connect(self.url, autocommit=True) as admin:
            admin.execute(f"drop database if exists {name} with (force)")

    def _end_others(self, owner: psycopg.Connection) -> None:
        """What the test left connected must not write into the next test's database."""
        others = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        deadline = time.monotonic() + PATIENCE_SECONDS
        while owner.execute(f"select count(pg_terminate_backend(pid)) {others}").fetchone() != (0,):
            if time.monotonic() > deadline:
                raise psycopg.OperationalError("connections of the test do not end")
            time.sleep(0.005)
