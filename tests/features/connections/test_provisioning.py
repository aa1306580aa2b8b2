"""What comes under an operator gets what is stored for it, and what leaves is switched off (contract §5, OPER's applyToNewDevices)."""

from typing import Any

import pytest
from sqlalchemy import text

from features.connections.conftest import Scene
from sliproad.foundation.database import ENGINE
from workplace import Somebody, assert_problem


async def assignments(scene: Scene) -> dict[str, tuple[str, str, str]]:
    """Serial number -> (operator, version, state)."""
    statement = (
        "select c.serial_number, a.operator_id, a.version_id, a.state from connection_assignments a"
        " join charge_points c on c.key = a.charge_point_key"
    )
    async with scene.workplace.engine.transaction(ENGINE) as session:
        return {row[0]: tuple(row[1:]) for row in await session.execute(text(statement))}


async def test_a_charge_point_that_is_registered_later_gets_the_default(scene: Scene) -> None:
    version = await scene.store(applyToNewDevices=True)
    await scene.charge_point("EH1")
    assert (await scene.state("EH1"))["version"] == version
    changes = (await scene.operator.get(f"{scene.base}/changes", params={"serialNumber": "EH1"})).json()["changes"]
    assert [(each["change"], each["actor"]) for each in changes] == [("provisioned", "sliproad")]


async def test_its_own_details_come_before_the_default_whether_that_is_for_new_devices_or_not(scene: Scene) -> None:
    own = await scene.store("EH1", chargePointId="CP-7")
    await scene.charge_point("EH1")
    await scene.store(applyToNewDevices=True)
    await scene.charge_point("EH2")
    assert ((await scene.state("EH1"))["version"], (await scene.state("EH1"))["chargePointId"]) == (own, "CP-7")
    assert (await scene.state("EH2"))["version"] != own


@pytest.mark.parametrize(
    "changes", [{"applyToNewDevices": False}, {"applyToNewDevices": True, "connectivityMode": "OcppOff"}]
)
async def test_the_newest_default_decides(scene: Scene, changes: dict[str, Any]) -> None:
    await scene.store(applyToNewDevices=True)
    await scene.store(**changes)
    await scene.charge_point("EH1")
    assert (await scene.state("EH1"))["state"] == "off"


async def test_a_site_given_to_an_operator_is_provisioned_and_one_taken_is_switched_off(scene: Scene) -> None:
    version = await scene.store(applyToNewDevices=True)
    site_id = await scene.workplace.site(scene.cpo, "Elsewhere")
    project_id = await scene.workplace.project(scene.cpo, scene.installer, site_id=site_id)
    await scene.charge_point("EH1", project_id=project_id)
    assert await assignments(scene) == {}
    await scene.workplace.select_operator(scene.cpo, site_id, scene.operator)
    assert await assignments(scene) == {"EH1": (scene.operator.id, version, "pending")}
    answer = await scene.cpo.put(f"/api/v1/cpo/sites/{site_id}/operator", json={"operator_id": None})
    assert answer.json()["operator_id"] is None
    assert await assignments(scene) == {"EH1": (scene.operator.id, version, "off")}, "at once, without a job"
    changes = (await scene.operator.get(f"{scene.base}/changes")).json()["changes"]
    assert {"operator_cleared", "switched_off"} <= {each["change"] for each in changes[:2]}
    assert_problem(await scene.operator.get(f"{scene.base}/connections/chargers/EH1"), 404, "not_found")
    await scene.workplace.select_operator(scene.cpo, site_id, scene.operator)
    assert await assignments(scene) == {"EH1": (scene.operator.id, version, "pending")}, "given back, it is new again"


async def test_a_site_goes_from_one_operator_to_another(scene: Scene) -> None:
    await scene.charge_point("EH1")
    await scene.apply("chargers/EH1", await scene.store())
    other = await scene.workplace.operator("Other")
    await scene.workplace.select_operator(scene.cpo, scene.site_id, other)
    assert (await assignments(scene))["EH1"][::2] == (scene.operator.id, "off")
    base = f"/local-ocpp/v1/operators/{other.id}"
    before = (await other.get(f"{base}/connections/chargers/EH1")).json()
    assert (before["state"], before["version"], before["reason"]) == ("off", None, None), (
        "nothing of the other is shown"
    )
    version = (await other.post(f"{base}/connection-details", json=scene.details())).json()["version"]
    applied = await other.post(f"{base}/connections/sites/{scene.site_id}", json={"version": version})
    assert applied.json()["chargers"][0]["state"] == "pending"
    assert await assignments(scene) == {"EH1": (other.id, version, "pending")}


async def test_what_the_operator_switched_off_stays_off(scene: Scene) -> None:
    await scene.charge_point("EH1")
    await scene.apply("chargers/EH1", await scene.store(connectivityMode="OcppOff"))
    await scene.store(applyToNewDevices=True)
    await scene.workplace.hand_over(scene.project_id)
    await follow_site(scene)
    assert (await scene.state("EH1"))["state"] == "off"


async def follow_site(scene: Scene) -> None:
    """What a handover's event leads to."""
    await scene.workplace.jobs.enqueue(None, "connections.follow_site", site_id=scene.site_id)
    await scene.workplace.work()


async def test_at_the_latest_a_handover_provisions(scene: Scene) -> None:
    await scene.charge_point("EH1")
    version = await scene.store(applyToNewDevices=True)
    await follow_site(scene)
    assert (await scene.state("EH1"))["version"] == version


async def moved(scene: Scene, charge_point_id: str, to: str) -> None:
    answer = await scene.cpo.post(f"/api/v1/cpo/charge-points/{charge_point_id}/move", json={"project_id": to})
    assert answer.status_code == 200, answer.text
    await scene.workplace.work()


async def test_a_charge_point_moved_away_is_switched_off_and_moved_back_provisioned(scene: Scene) -> None:
    version = await scene.store(applyToNewDevices=True)
    made = await scene.charge_point("EH1")
    elsewhere = await scene.workplace.project(scene.cpo, scene.installer)
    await moved(scene, made["charge_point_id"], elsewhere)
    assert (await assignments(scene))["EH1"][2] == "off"
    await moved(scene, made["charge_point_id"], scene.project_id)
    assert await assignments(scene) == {"EH1": (scene.operator.id, version, "pending")}


async def test_a_charge_point_that_is_removed_is_switched_off(scene: Scene) -> None:
    await scene.store(applyToNewDevices=True)
    made = await scene.charge_point("EH1")
    gone = await scene.installer.delete(f"/api/v1/installer/charge-points/{made['charge_point_id']}")
    assert gone.status_code == 204
    await scene.workplace.work()
    assert (await assignments(scene))["EH1"][2] == "off"


async def test_a_corrected_serial_number_gets_the_details_that_are_stored_for_it(scene: Scene) -> None:
    await scene.store(applyToNewDevices=True)
    own = await scene.store("EH2", chargePointId="CP-2")
    made = await scene.charge_point("EH1")
    path = f"/api/v1/installer/charge-points/{made['charge_point_id']}"
    assert (await scene.installer.patch(path, json={"serial_number": "EH2"})).status_code == 200
    await scene.workplace.work()
    assert (await scene.state("EH2"))["version"] == own


async def test_namesakes_are_not_provisioned_under_one_identity(scene: Scene) -> None:
    await scene.store(applyToNewDevices=True)
    first = await scene.charge_point("EH1", vendor="Alpitronic")
    second = await scene.charge_point("EH1", vendor="ABB")
    assert (await scene.state(first["charge_point_id"]))["state"] == "pending"
    assert (await scene.state(second["charge_point_id"]))["state"] == "off"
    [change] = [
        each
        for each in (await scene.operator.get(f"{scene.base}/changes")).json()["changes"]
        if each["change"] == "not_provisioned"
    ]
    assert first["charge_point_id"] in change["details"]["reason"]


async def test_a_serial_number_that_can_be_no_identity_is_reported(scene: Scene) -> None:
    await scene.charge_point("EH 1:2")
    version = await scene.store()
    [row] = await scene.apply(f"sites/{scene.site_id}", version)
    assert row["state"] == "failed"
    assert "chargePointId" in row["reason"]
    assert await assignments(scene) == {}


async def test_changes_of_state_are_told_to_the_organisation(scene: Scene) -> None:
    await scene.charge_point("EH1")
    await scene.apply("chargers/EH1", await scene.store())
    await scene.workplace.select_operator(scene.cpo, scene.site_id, None)
    async with scene.workplace.engine.transaction(ENGINE) as session:
        rows = await session.execute(
            text("select organization_id, data from outbox where name like 'connection.%' order by seq")
        )
        events = rows.all()
    assert [row.data["state"] for row in events] == ["pending", "off"]
    assert {row.organization_id for row in events} == {scene.cpo.id}


async def test_an_unknown_operator_is_absent_and_an_operator_of_many_sites_is_no_secret_of_theirs(
    scene: Scene,
) -> None:
    path = f"/api/v1/cpo/sites/{scene.site_id}/operator"
    assert_problem(await scene.cpo.put(path, json={"operator_id": "opr_nobody"}), 404, "not_found")
    stranger: Somebody = await scene.workplace.organization("Hilltop")
    assert_problem(await stranger.put(path, json={"operator_id": scene.operator.id}), 404, "not_found")
