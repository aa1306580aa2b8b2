"""Row-level security: the second wall behind the services' own checks (house §3, trust I4).

Three roles: the owner runs migrations; `sliproad_web` answers requests and sees only what its scope opens; `sliproad_engine`
(gateway, workers) sees all. Migrations call `statements()`; a test asserts that no table is without a policy.
"""

from collections.abc import Iterator

from sqlalchemy import MetaData, Table

WEB = "sliproad_web"
ENGINE = "sliproad_engine"

ROLES = f"""
do $$ begin
  if not exists (select from pg_roles where rolname = '{WEB}') then create role {WEB} nologin nobypassrls; end if;
  if not exists (select from pg_roles where rolname = '{ENGINE}') then create role {ENGINE} nologin nobypassrls; end if;
exception when duplicate_object or unique_violation then null;
end $$
"""  # noqa: S608 (names are constants)

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
)

CONDITIONS = {
    "organization": "organization_id = nullif((select scope_value('organization_id')), '')",
    "installer": "installer_id = nullif((select scope_value('installer_id')), '')",
    "user": "user_id = nullif((select scope_value('user_id')), '')",
    "owned_project": "project_id = any((select scope_owned_project_ids())::text[])",
    "project": "project_id = any((select scope_project_ids())::text[])",
    "site": "site_id = any((select scope_site_ids())::text[])",
    "charge_point": "charge_point_key = any((select scope_charge_point_keys())::bigint[])",
}


def condition(table: Table) -> str | None:
    """The SQL condition under which role `web` sees a row of `table`; None where it sees none."""
    kinds = table.info["visible_to"]
    parts = [CONDITIONS[kind] for kind in sorted(kinds - {"lookup", "engine"})]
    if table.name == "charge_points" and "charge_point" in kinds:  # its own key is called `key`
        parts = [part.replace("charge_point_key", "key") for part in parts]
    parts += [f"{column} = nullif((select scope_value('lookup')), '')" for column in table.info["lookup"]]
    return " or ".join(f"({part})" for part in parts) or None


def statements(metadata: MetaData) -> Iterator[str]:
    """Grants and policies for every table of ours; idempotent, so that each migration can simply run all of it again."""
    yield from FUNCTIONS
    yield f"grant usage on schema public to {WEB}, {ENGINE}"
    yield f"grant select, insert, update, delete on all tables in schema public to {WEB}, {ENGINE}"
    yield f"grant usage, select on all sequences in schema public to {WEB}, {ENGINE}"
    yield f"grant execute on all functions in schema public to {WEB}, {ENGINE}"
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
