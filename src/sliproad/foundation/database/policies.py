"""Row-level security: the second wall behind the services' own checks (house §3, trust I4).

Three roles: the owner runs migrations; `sliproad_web` answers requests and sees only what its scope opens; `sliproad_engine`
(gateway, workers) sees all. Migrations call `statements()`; a test asserts that no table is without a policy.
"""

from collections.abc import Iterator

from sqlalchemy import MetaData, Table

OWNER = "sliproad_owner"
"""The owner's name where the three log in by name alone (`sessions.py`)."""
WEB = "sliproad_web"
ENGINE = "sliproad_engine"

ROLES = f"""
do $$ begin
  if not exists (select from pg_roles where rolname = '{WEB}') then create role {WEB} nologin nobypassrls; end if;
  if not exists (select from pg_roles where rolname = '{ENGINE}') then create role {ENGINE} nologin nobypassrls; end if;
exception when duplicate_object or unique_violation then null;
end $$
"""  # noqa: S608 (names are constants)

LOGINS = f"""
do $$ begin
  if session_user = '{OWNER}' then
    if exists (select from pg_roles where rolname in ('{WEB}', '{ENGINE}') and not rolcanlogin) then
      alter role {WEB} login;
      alter role {ENGINE} login;
    end if;
  end if;
end $$
"""

# The functions run as the owner (security definer), so that a policy can look into tables that the scope itself does not open.
FUNCTIONS = (
    """
create or replace function scope_value(name text) returns text language sql stable parallel safe
  as $$ select coalesce(current_setting('sliproad.' || name, true), '') $$
""",
    """
create or replace function scope_owned_project_ids() returns text[] language sql stable security definer
  set search_path = public, pg_temp as $$
  select coalesce(array_agg(p.project_id), '{}') from projects p join site_owners o using (site_id)
    where o.user_id = nullif(scope_value('user_id'), '') and scope_value('organization_id') = '' $$
""",
    """
create or replace function scope_project_ids() returns text[] language sql stable security definer
  set search_path = public, pg_temp as $$
  select coalesce(array_agg(project_id), '{}') from (
    select project_id from project_installers
      where installer_id = nullif(scope_value('installer_id'), '') and removed_at is null
    union
    select unnest(scope_owned_project_ids())
  ) visible $$
""",
    """
create or replace function scope_site_ids() returns text[] language sql stable security definer
  set search_path = public, pg_temp as $$
  select coalesce(array_agg(site_id), '{}') from (
    select site_id from projects where project_id = any((select scope_project_ids())::text[])
    union
    select site_id from site_owners
      where user_id = nullif(scope_value('user_id'), '') and scope_value('organization_id') = ''
  ) visible $$
""",
    """
create or replace function scope_charge_point_keys() returns bigint[] language sql stable security definer
  set search_path = public, pg_temp as $$
  select coalesce(array_agg(key), '{}') from charge_points
    where project_id = any((select scope_project_ids())::text[]) $$
""",
    """
create or replace function scope_operated_site_ids() returns text[] language sql stable security definer
  set search_path = public, pg_temp as $$
  select coalesce(array_agg(site_id), '{}') from sites
    where operator_id = nullif(scope_value('operator_id'), '') $$
""",
    # By exact id, in any scope: what the other side of a project may know. Ids are not guessable, and nothing can be listed.
    """
create or replace function installer_card(id text)
  returns table (installer_id text, full_name text, email text, company text, phone text)
  language sql stable security definer set search_path = public, pg_temp as $$
  select i.installer_id, i.full_name, i.email, i.company, i.phone from installers i
    where i.installer_id = id and i.status = 'active' $$
""",
    """
create or replace function organization_card(id text) returns table (name text, contact_email text)
  language sql stable security definer set search_path = public, pg_temp as $$
  select o.name, o.contact_email from organizations o where o.organization_id = id $$
""",
    """
create or replace function operator_card(id text) returns table (name text, contact_email text)
  language sql stable security definer set search_path = public, pg_temp as $$
  select o.name, o.contact_email from operators o where o.operator_id = id $$
""",
    # A charge point came from another operator to the one who asks: the other's connection, which it must not see, makes room.
    """
create or replace function release_connection(charge_point bigint) returns bigint language sql security definer
  set search_path = public, pg_temp as $$
  delete from connection_assignments a using charge_points c
    where a.charge_point_key = charge_point and c.key = charge_point and c.site_id = any(scope_operated_site_ids())
      and a.operator_id <> scope_value('operator_id')
    returning a.charge_point_key $$
""",
)

# A job's arguments are of any tenant: role `web` may add jobs, by the one function that does, and sees none.
CLOSE_QUEUE = f"""
do $$ declare relation regclass; declare routine regprocedure; begin
  for relation in select oid from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'S')
    and starts_with(relname, 'procrastinate_') loop
    execute 'revoke all on ' || relation::text || ' from {WEB}';
  end loop;
  for routine in select oid from pg_proc where pronamespace = 'public'::regnamespace
    and starts_with(proname, 'procrastinate_') loop
    execute 'revoke all on function ' || routine::text || ' from public, {WEB}';
    execute 'grant execute on function ' || routine::text || ' to {ENGINE}';
  end loop;
end $$
"""  # noqa: S608 (names are constants)
QUEUE = (
    CLOSE_QUEUE,
    "alter function procrastinate_defer_jobs_v1 security definer set search_path = public, pg_temp",
    f"grant execute on function procrastinate_defer_jobs_v1 to {WEB}",
    f"revoke all on alembic_version from {WEB}",
    f"revoke insert, update, delete on alembic_version from {ENGINE}",
)

CONDITIONS = {
    "organization": "organization_id = nullif((select scope_value('organization_id')), '')",
    "installer": "installer_id = nullif((select scope_value('installer_id')), '')",
    "user": "user_id = nullif((select scope_value('user_id')), '')",
    "owned_project": "project_id = any((select scope_owned_project_ids())::text[])",
    "project": "project_id = any((select scope_project_ids())::text[])",
    "site": "site_id = any((select scope_site_ids())::text[])",
    "operator": "operator_id = nullif((select scope_value('operator_id')), '')",
    "operated_site": "site_id = any((select scope_operated_site_ids())::text[])",
    "charge_point": "charge_point_key = any((select scope_charge_point_keys())::bigint[])",
}


def condition(table: Table) -> str | None:
    """The SQL condition under which role `web` sees a row of `table`; None where it sees none.

    The organisation comes first: where it decides, PostgreSQL never asks for the dearer lists of projects and charge points.
    """
    kinds = table.info["visible_to"]
    parts = [
        CONDITIONS[kind]
        for kind in sorted(kinds - {"lookup", "engine"}, key=lambda kind: (kind != "organization", kind))
    ]
    if table.name == "charge_points" and "charge_point" in kinds:  # its own key is called `key`
        parts = [part.replace("charge_point_key", "key") for part in parts]
    parts += [f"{column} = nullif((select scope_value('lookup')), '')" for column in table.info["lookup"]]
    return " or ".join(f"({part})" for part in parts) or None


def statements(metadata: MetaData) -> Iterator[str]:
    """Grants and policies for every table of ours; idempotent, so that each migration can simply run all of it again."""
    yield ROLES
    yield LOGINS
    yield from FUNCTIONS
    yield f"grant usage on schema public to {WEB}, {ENGINE}"
    yield f"grant select, insert, update, delete on all tables in schema public to {WEB}, {ENGINE}"
    yield f"grant usage, select on all sequences in schema public to {WEB}, {ENGINE}"
    yield f"grant execute on all functions in schema public to {WEB}, {ENGINE}"
    yield from QUEUE
    for table in metadata.sorted_tables:
        name = table.name
        yield f"alter table {name} enable row level security"
        yield f"alter table {name} force row level security"
        for policy in ("owner_all", "engine_all", "web_scope"):
            yield f"drop policy if exists {policy} on {name}"
        yield f"create policy owner_all on {name} to current_user using (true) with check (true)"
        yield f"create policy engine_all on {name} to {ENGINE} using (true) with check (true)"
        if allowed := condition(table):
            yield f"create policy web_scope on {name} to {WEB} using ({allowed}) with check ({allowed})"
