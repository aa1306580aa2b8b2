"""OPER over HTTP: storing, reading, applying, states, changes, and who may see what."""

from typing import Any

import pytest
from sqlalchemy import text

from features.connections.conftest import Scene
from sliproad.features.accounts.model import OperatorScope
from sliproad.foundation.database import ENGINE
from workplace import assert_problem

ARGUMENTS = "websocketConnectionArgs"


async def test_the_default_details_are_stored_and_read(scene: Scene) -> None:
    version = await scene.store(basicAuthPassword="your-password", applyToNewDevices=True)
    read = (await scene.operator.get(f"{scene.base}/connection-details")).json()
    sent = scene.details(basicAuthPassword="your-password", applyToNewDevices=True)
    assert {name: read[name] for name in sent} == sent
    assert (read["version"], read["authorizationDecision"]) == (version, "either")


async def test_versions_are_kept_and_the_newest_is_the_answer(scene: Scene) -> None:
    first = await scene.store()
    second = await scene.store(connectivityMode="OcppOff")
    path = f"{scene.base}/connection-details"
    assert (await scene.operator.get(path)).json()["version"] == second
    old = (await scene.operator.get(path, params={"version": first})).json()
    assert (old["version"], old["connectivityMode"]) == (first, "DualProtocol")
    assert_problem(await scene.operator.get(path, params={"version": "ocv_nobody"}), 404, "not_found")
    listed = (await scene.operator.get(f"{scene.base}/versions", params={"limit": 1})).json()
    assert ([each["version"] for each in listed["versions"]], listed["total"]) == ([second], 2)
    more = await scene.operator.get(
        f"{scene.base}/versions",
        params={"limit": 1, "cursor": listed["next_cursor"] if "next_cursor" in listed else listed["nextCursor"]},
    )
    assert [each["version"] for each in more.json()["versions"]] == [first]


async def test_details_of_a_single_charger_may_come_before_it(scene: Scene) -> None:
    path = f"{scene.base}/connection-details/EH123456"
    assert_problem(await scene.operator.get(path), 404, "not_found")
    version = await scene.store("EH123456")
    read = (await scene.operator.get(path)).json()
    assert (read["version"], read["chargePointId"]) == (version, "EH123456"), "the serial number by default"
    await scene.store("EH123456", chargePointId="CP-7")
    assert (await scene.operator.get(path)).json()["chargePointId"] == "CP-7"
    assert_problem(await scene.operator.get(f"{scene.base}/connection-details"), 404, "not_found")
    crossed = await scene.operator.get(f"{scene.base}/connection-details", params={"version": version})
    assert_problem(crossed, 404, "not_found")


async def test_passwords_are_masked_for_keys_without_the_scope_and_masks_are_refused(scene: Scene) -> None:
    await scene.store(basicAuthPassword="a-password-of-20-ch.")
    lesser = await scene.workplace.operator_key(scene.operator.id, OperatorScope.CONNECTIONS)
    path = f"{scene.base}/connection-details"
    masked = (await lesser.get(path)).json()["basicAuthPassword"]
    assert masked == "********"
    assert (await scene.operator.get(path)).json()["basicAuthPassword"] == "a-password-of-20-ch."
    refused = assert_problem(
        await lesser.post(path, json=scene.details(basicAuthPassword=masked)), 400, "validation_error"
    )
    assert [error["field"] for error in refused["errors"]] == ["basicAuthPassword"]


async def test_no_password_is_stored_readable(scene: Scene) -> None:
    await scene.charge_point("EH1")
    await scene.apply("chargers/EH1", await scene.store(basicAuthPassword="a-canary-password-77"))
    async with scene.workplace.engine.transaction(ENGINE) as session:
        for table in ("connection_versions", "connection_assignments", "connection_audit", "procrastinate_jobs"):
            rows = await session.execute(text(f"select row_to_json(t)::text, t::text from {table} t"))
            assert not any("a-canary-password-77" in each for row in rows for each in row), table


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({ARGUMENTS: {"caCertificate": None}}, f"{ARGUMENTS}.caCertificate"),
        ({ARGUMENTS: {"caCertificate": "x" * 70000}}, f"{ARGUMENTS}.caCertificate"),
        ({ARGUMENTS: {"caCertificateDomain": "other.example"}}, f"{ARGUMENTS}.caCertificateDomain"),
        ({ARGUMENTS: {"url": "wss://10.0.0.1"}}, f"{ARGUMENTS}.url"),
        ({ARGUMENTS: {"url": None}}, f"{ARGUMENTS}.url"),
        ({ARGUMENTS: {"port": 1}}, f"{ARGUMENTS}.port"),
        ({"connectivityMode": "Native"}, "connectivityMode"),
        ({"connectivityMode": None}, "connectivityMode"),
        ({"applyToNewDevices": "perhaps"}, "applyToNewDevices"),
        ({"chargePointId": "x"}, "chargePointId"),
        ({"authorizationDecision": "nobody"}, "authorizationDecision"),
        ({"basicAuthPassword": ""}, "basicAuthPassword"),
    ],
)  # fmt: skip
async def test_a_bad_field_is_named(scene: Scene, change: dict[str, Any], field: str) -> None:
    answer = await scene.operator.post(f"{scene.base}/connection-details", json=scene.details(**change))
    problem = assert_problem(answer, 400, "validation_error")
    assert [error["field"] for error in problem["errors"]] == [field]


async def test_a_private_key_is_refused_and_neither_logged_nor_echoed(
    scene: Scene, capfd: pytest.CaptureFixture[str]
) -> None:
    key = scene.ca.private_key_pem
    for certificate in (key, scene.ca.pem + key):
        body = scene.details(**{ARGUMENTS: {"caCertificate": certificate}, "connectivityMode": "nonsense"})
        for mode in ("DualProtocol", "nonsense"):
            answer = await scene.operator.post(
                f"{scene.base}/connection-details", json={**body, "connectivityMode": mode}
            )
            assert_problem(answer, 400, "validation_error")
            secret = key.splitlines()[1]
            assert secret not in answer.text
            out, err = capfd.readouterr()
            assert secret not in out + err


async def test_a_version_is_applied_to_a_charger(scene: Scene) -> None:
    made = await scene.charge_point("EH1")
    version = await scene.store()
    [row] = await scene.apply("chargers/EH1", version)
    assert row == {
        "serialNumber": "EH1", "id": made["charge_point_id"], "chargePointId": "EH1", "version": version,
        "state": "pending", "reason": None, "stateSince": row["stateSince"], "connectedAt": None,
    }  # fmt: skip
    assert await scene.state("EH1") == row
    assert await scene.state(made["charge_point_id"]) == row, "its id is good in the same place"


async def test_user_and_identity_follow_the_level_of_the_version(scene: Scene) -> None:
    await scene.charge_point("EH1")
    for version, expected in (
        (await scene.store(), ("EH1", "EH1")),
        (await scene.store("EH1"), ("EH1", "EH1")),
        (await scene.store("EH1", chargePointId="CP-7"), ("CP-7", "CP-7")),
    ):
        await scene.apply("chargers/EH1", version)
        async with scene.workplace.engine.transaction(ENGINE) as session:
            row = (await session.execute(text("select identity, username from connection_assignments"))).one()
        assert tuple(row) == expected


async def test_a_whole_site_takes_operator_level_versions_alone(scene: Scene) -> None:
    serials = [f"EH{number}" for number in range(3)]
    for serial in serials:
        await scene.charge_point(serial)
    rows = await scene.apply(f"sites/{scene.site_id}", await scene.store())
    assert [(row["serialNumber"], row["state"]) for row in rows] == [(serial, "pending") for serial in serials]
    own = await scene.store("EH0")
    refused = await scene.operator.post(f"{scene.base}/connections/sites/{scene.site_id}", json={"version": own})
    assert assert_problem(refused, 400, "validation_error")["errors"][0]["field"] == "version"
    states = (await scene.operator.get(f"{scene.base}/connections/sites/{scene.site_id}", params={"limit": 2})).json()
    assert (states["total"], states["states"], len(states["chargers"])) == (3, {"pending": 3}, 2)
    last = await scene.operator.get(
        f"{scene.base}/connections/sites/{scene.site_id}", params={"limit": 2, "cursor": states["nextCursor"]}
    )
    assert [row["serialNumber"] for row in last.json()["chargers"]] == ["EH2"]


async def test_a_version_of_another_charger_or_of_nobody_is_refused(scene: Scene) -> None:
    await scene.charge_point("EH1")
    await scene.charge_point("EH2")
    other = await scene.workplace.operator("Other")
    foreign = await other.post(f"/local-ocpp/v1/operators/{other.id}/connection-details", json=scene.details())
    for version in (await scene.store("EH2"), foreign.json()["version"], "ocv_nobody"):
        answer = await scene.operator.post(f"{scene.base}/connections/chargers/EH1", json={"version": version})
        assert assert_problem(answer, 400, "validation_error")["errors"][0]["field"] == "version"


async def test_applying_again_leaves_the_connected_ones_alone(scene: Scene) -> None:
    await scene.charge_point("EH1")
    version = await scene.store()
    await scene.apply("chargers/EH1", version)
    generation = await generation_of(scene)
    await scene.apply("chargers/EH1", version)
    again = await generation_of(scene)
    assert again > generation, "not connected yet: tried anew"
    async with scene.workplace.engine.transaction(ENGINE) as session:
        await session.execute(text("update connection_assignments set state = 'connected'"))
    await scene.apply("chargers/EH1", version)
    assert await generation_of(scene) == again


async def generation_of(scene: Scene) -> int:
    async with scene.workplace.engine.transaction(ENGINE) as session:
        return (await session.execute(text("select generation from connection_assignments"))).scalar_one()


async def test_ocpp_off_switches_off_and_an_old_version_on_again(scene: Scene) -> None:
    await scene.charge_point("EH1")
    on, off = await scene.store(), await scene.store(connectivityMode="OcppOff")
    await scene.apply("chargers/EH1", on)
    [row] = await scene.apply("chargers/EH1", off, offPolicy="drop")
    assert row["state"] == "off"
    async with scene.workplace.engine.transaction(ENGINE) as session:
        kept = (await session.execute(text("select mode, off_policy from connection_assignments"))).one()
    assert tuple(kept) == ("off", "drop")
    assert (await scene.apply("chargers/EH1", on))[0]["state"] == "pending"


async def test_a_serial_number_of_two_is_ambiguous_and_the_ids_are_good_in_its_place(scene: Scene) -> None:
    made = [await scene.charge_point("EH1", vendor=vendor) for vendor in ("Alpitronic", "ABB")]
    ids = [each["charge_point_id"] for each in made]
    version = await scene.store()
    answer = await scene.operator.post(f"{scene.base}/connections/chargers/EH1", json={"version": version})
    assert assert_problem(answer, 409, "serial_number_ambiguous")["candidates"] == ids
    assert_problem(await scene.operator.get(f"{scene.base}/connections/chargers/EH1"), 409, "serial_number_ambiguous")
    assert (await scene.apply(f"chargers/{ids[0]}", version))[0]["id"] == ids[0]
    own = await scene.store(ids[1], chargePointId="second")
    assert (await scene.apply(f"chargers/{ids[1]}", own))[0]["chargePointId"] == "second"


async def test_a_site_of_another_operator_and_its_chargers_are_absent(scene: Scene) -> None:
    await scene.charge_point("EH1")
    await scene.apply("chargers/EH1", await scene.store())
    other = await scene.workplace.operator("Other")
    base = f"/local-ocpp/v1/operators/{other.id}"
    version = (await other.post(f"{base}/connection-details", json=scene.details())).json()["version"]
    for path in ("chargers/EH1", f"sites/{scene.site_id}", "chargers/nobody", "sites/site_nobody"):
        assert_problem(await other.post(f"{base}/connections/{path}", json={"version": version}), 404, "not_found")
        assert_problem(await other.get(f"{base}/connections/{path}"), 404, "not_found")
    for path in ("connection-details", "connection-details/EH1", "connections/chargers/EH1", "versions", "changes"):
        assert_problem(await other.get(f"{scene.base}/{path}"), 404, "not_found")
    assert (await other.get(f"{base}/changes")).json()["changes"][0]["change"] == "version_stored"
    assert len((await other.get(f"{base}/changes")).json()["changes"]) == 1


async def test_only_an_operators_key_opens_these_paths(scene: Scene) -> None:
    path = f"{scene.base}/connection-details"
    assert_problem(await scene.cpo.get(path), 401, "unauthorized")
    assert_problem(await scene.installer.get(path), 401, "unauthorized")
    assert_problem(await scene.workplace.client.get(path), 401, "unauthorized")
    secrets = await scene.workplace.operator_key(scene.operator.id, OperatorScope.SECRETS)
    assert_problem(await secrets.get(path), 403, "forbidden")


async def test_every_change_is_recorded(scene: Scene) -> None:
    await scene.charge_point("EH1")
    first, second = await scene.store(), await scene.store()
    await scene.apply("chargers/EH1", first)
    await scene.apply("chargers/EH1", second)
    changes = (await scene.operator.get(f"{scene.base}/changes")).json()["changes"]
    assert [each["change"] for each in changes] == [
        "applied", "applied", "version_stored", "version_stored", "operator_selected",
    ]  # fmt: skip
    newest = changes[0]
    assert (newest["serialNumber"], newest["fromVersion"], newest["toVersion"]) == ("EH1", first, second)
    assert newest["actor"].startswith("key_")
    of_charger = (await scene.operator.get(f"{scene.base}/changes", params={"serialNumber": "EH1"})).json()["changes"]
    assert [each["change"] for each in of_charger] == ["applied", "applied"]


async def test_a_repeated_request_stores_once(scene: Scene) -> None:
    headers = {"Idempotency-Key": "once"}
    path = f"{scene.base}/connection-details"
    first, again = [await scene.operator.post(path, json=scene.details(), headers=headers) for _ in range(2)]
    assert first.json() == again.json()
    assert (await scene.operator.get(f"{scene.base}/versions")).json()["total"] == 1


async def test_the_organisation_sees_states_and_changes_but_no_settings(scene: Scene) -> None:
    made = await scene.charge_point("EH1")
    version = await scene.store(basicAuthPassword="a-canary-password-77")
    await scene.apply("chargers/EH1", version)
    path = f"/api/v1/cpo/sites/{scene.site_id}/connections"
    seen = (await scene.cpo.get(path)).json()
    assert (seen["operator_id"], seen["operator_name"], seen["total"]) == (scene.operator.id, "Northern Lights", 1)
    assert seen["connections"][0] == {
        "charge_point_id": made["charge_point_id"], "serial_number": "EH1", "version": version, "state": "pending",
        "reason": None, "state_since": seen["connections"][0]["state_since"], "connected_at": None,
    }  # fmt: skip
    changes = (await scene.cpo.get("/api/v1/cpo/connection-changes")).json()["changes"]
    assert [each["change"] for each in changes] == ["applied", "operator_selected"]
    hilltop = await scene.workplace.organization("Hilltop")
    assert_problem(await hilltop.get(path), 404, "not_found")
    assert (await hilltop.get("/api/v1/cpo/connection-changes")).json()["changes"] == []
