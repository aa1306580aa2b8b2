"""Trust I4 for operators: a SELECT without filter as role `web`, in an operator's scope, shows its own rows and its sites' charge points."""

from typing import Any

from sqlalchemy import select

from features.connections.conftest import Scene
from sliproad.foundation.database import Scope
from sliproad.migrations.tables import metadata
from workplace import Somebody


async def at_work(scene: Scene, operator: Somebody, serial_number: str) -> str:
    """Another operator with a site, a charge point, a version, an assignment and a roll-out of its own; the site."""
    site_id = await scene.workplace.site(scene.cpo, serial_number)
    project_id = await scene.workplace.project(scene.cpo, scene.installer, site_id=site_id)
    await scene.workplace.select_operator(scene.cpo, site_id, operator)
    await scene.charge_point(serial_number, project_id=project_id)
    base = f"/local-ocpp/v1/operators/{operator.id}"
    stored = await operator.post(f"{base}/connection-details", json=scene.details(basicAuthPassword="x" * 20))
    body = {"siteId": site_id, "version": stored.json()["version"]}
    assert (await operator.post(f"{base}/rollouts", json=body)).status_code == 201
    await scene.workplace.work()
    return site_id


async def seen(scene: Scene, operator: Somebody) -> dict[str, list[dict[str, Any]]]:
    async with scene.workplace.web.transaction(Scope(operator_id=operator.id)) as session:
        return {
            table.name: [dict(row) for row in (await session.execute(select(table))).mappings()]
            for table in metadata().sorted_tables
        }


async def test_an_operator_sees_its_own_rows_and_the_charge_points_of_its_sites(scene: Scene) -> None:
    one, other = await scene.workplace.operator("One"), await scene.workplace.operator("Other")
    sites = {each.id: await at_work(scene, each, serial) for each, serial in ((one, "EH1"), (other, "EH2"))}
    for operator in (one, other):
        shown = {name: rows for name, rows in (await seen(scene, operator)).items() if rows}
        assert set(shown) == {
            "operators", "operator_keys", "sites", "charge_points", "connection_versions", "connection_assignments",
            "connection_audit", "connection_rollouts", "connection_rollout_items",
        }  # fmt: skip
        for name, rows in shown.items():
            if name == "charge_points":
                assert {row["site_id"] for row in rows} == {sites[operator.id]}
            else:
                assert {row["operator_id"] for row in rows} == {operator.id}, name


async def test_a_site_that_was_taken_away_is_seen_no_more(scene: Scene) -> None:
    one = await scene.workplace.operator("One")
    site_id = await at_work(scene, one, "EH1")
    await scene.workplace.select_operator(scene.cpo, site_id, scene.operator)
    shown = await seen(scene, one)
    assert (shown["sites"], shown["charge_points"]) == ([], [])
    mine = await seen(scene, scene.operator)
    assert not any(row["operator_id"] == one.id for rows in mine.values() for row in rows if "operator_id" in row)
