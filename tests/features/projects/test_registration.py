"""Registering charge points: GUIDE step 4 and contract §3, as installers do it over HTTP."""

import asyncio
import re

import pytest

from sliproad.features.charge_points.attempts_store import ConnectionAttemptRow
from sliproad.features.charge_points.live_store import ChargePointLiveRow
from sliproad.features.security.store import ChargePointCredentialRow
from sliproad.foundation.database import ENGINE
from workplace import OCPP_PUBLIC_URL, Somebody, Workplace, assert_problem

CHARGE_POINTS = "/api/v1/installer/charge-points"
GUIDE_BODY = {
    "serial_number": "SN-ABX-20240501-007",
    "model": "Alpitronic HYC300",
    "vendor": "Alpitronic",
    "ocpp_version": "2.0.1",
    "max_power_kw": 300,
    "connector_count": 2,
    "location": {"latitude": 51.5074, "longitude": -0.1278, "description": "Bay 4, Level P1"},
}


@pytest.fixture
async def alex(workplace: Workplace) -> Somebody:
    return await workplace.installer()


@pytest.fixture
async def riverside(workplace: Workplace) -> Somebody:
    return await workplace.organization()


@pytest.fixture
async def project_id(workplace: Workplace, riverside: Somebody, alex: Somebody) -> str:
    return await workplace.project(riverside, alex)


async def test_guide_step_4_answers_every_key(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    answer = await alex.create(CHARGE_POINTS, project_id=project_id, **GUIDE_BODY)
    assert answer["status"] == "registered"
    assert answer["created_at"] == "2026-05-01T10:23:00Z"
    assert answer["ocpp_endpoint"] == f"{OCPP_PUBLIC_URL}/ocpp/2.0.1/{answer['charge_point_id']}"
    assert answer["ocpp_base_url"] == f"{OCPP_PUBLIC_URL}/ocpp"
    assert answer["ocpp_identity"] == answer["charge_point_id"]
    assert re.fullmatch(r"cp_[0-9a-z]{20}", answer["charge_point_id"])
    assert re.fullmatch(r"[A-Za-z0-9]{20}", answer["provisioning_password"])
    assert {name: answer[name] for name in GUIDE_BODY if name != "location"} == {
        name: value for name, value in GUIDE_BODY.items() if name != "location"
    }
    assert answer["location"] == {**GUIDE_BODY["location"], "address": None}
    assert answer["project_id"] == project_id


async def test_what_a_gateway_needs_is_there_with_the_answer(
    workplace: Workplace, alex: Somebody, project_id: str
) -> None:
    answer = await workplace.charge_point(alex, project_id)
    key = await workplace.key_of(answer["charge_point_id"])
    async with workplace.engine.transaction(ENGINE) as session:
        live = await session.get_one(ChargePointLiveRow, key)
        credential = await session.get_one(ChargePointCredentialRow, 1)
    assert (live.connected, live.epoch) == (False, 0)
    assert credential.charge_point_key == key
    password = answer["provisioning_password"].encode()
    assert workplace.password_hash.matches(credential.salt, password, credential.keyed_hash)


async def test_the_defaults_where_only_the_hardware_is_named(
    workplace: Workplace, alex: Somebody, project_id: str
) -> None:
    answer = await workplace.charge_point(alex, project_id)
    assert (answer["ocpp_version"], answer["connector_count"], answer["max_power_kw"]) == ("1.6", 1, None)
    assert answer["location"] == {"latitude": None, "longitude": None, "description": None, "address": None}


async def test_the_gateways_are_told(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    async with workplace.registry.bus.listen("mirror.changed") as said:
        await workplace.registry.bus.flush()
        await workplace.charge_point(alex, project_id)
        async with asyncio.timeout(60):
            await said.get()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ocpp_version", "1.5"),
        ("ocpp_version", None),
        ("max_power_kw", 0),
        ("max_power_kw", "lots"),
        ("connector_count", 0),
        ("connector_count", 2.5),
        ("serial_number", "  "),
        ("serial_number", "SN\n1"),
        ("vendor", "x" * 101),
        ("charge_point_id", "CP:1"),
        ("charge_point_id", "-CP1"),
        ("charge_point_id", "x" * 49),
        ("colour", "red"),
        ("location.latitude", 91),
        ("location.longitude", -180.5),
        ("location.planet", "Mars"),
    ],
)
async def test_a_wrong_field_is_named(alex: Somebody, project_id: str, field: str, value: object) -> None:
    body = {"project_id": project_id, **GUIDE_BODY, "location": dict(GUIDE_BODY["location"])}
    target, _, name = field.rpartition(".")
    (body[target] if target else body)[name] = value
    problem = assert_problem(await alex.post(CHARGE_POINTS, json=body), 400, "validation_error")
    assert [error["field"] for error in problem["errors"]] == [field]


async def test_an_id_of_their_own_is_the_ocpp_identity(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    answer = await workplace.charge_point(alex, project_id, charge_point_id="CP-SITE42-001")
    assert answer["ocpp_endpoint"] == f"{OCPP_PUBLIC_URL}/ocpp/1.6/CP-SITE42-001"


async def test_a_taken_id_is_taken_whoever_owns_it(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    await workplace.charge_point(alex, project_id, charge_point_id="CP-1")
    sam = await workplace.installer("Sam")
    elsewhere = await workplace.project(await workplace.organization("Hilltop"), sam)
    body = {"project_id": elsewhere, "serial_number": "1", "vendor": "V", "model": "M", "charge_point_id": "CP-1"}
    assert_problem(await sam.post(CHARGE_POINTS, json=body), 409, "charge_point_exists")


async def test_taken_ids_are_no_oracle(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    """Contract §1: told whoever owns it, and therefore limited, for free ids too."""
    await workplace.charge_point(alex, project_id, charge_point_id="CP-1")
    body = {"project_id": project_id, "serial_number": "1", "vendor": "V", "model": "M"}
    for _ in range(30):
        assert_problem(
            await alex.post(CHARGE_POINTS, json={**body, "charge_point_id": "CP-1"}), 409, "charge_point_exists"
        )
    for charge_point_id in ("CP-1", "CP-2"):
        answer = await alex.post(CHARGE_POINTS, json={**body, "charge_point_id": charge_point_id})
        assert_problem(answer, 429, "rate_limited")
        assert int(answer.headers["retry-after"]) > 0
    await alex.create(CHARGE_POINTS, **body)


async def test_one_serial_number_of_a_vendor_once_in_an_organisation(
    workplace: Workplace, alex: Somebody, riverside: Somebody, project_id: str
) -> None:
    body = {"project_id": project_id, **GUIDE_BODY}
    await alex.create(CHARGE_POINTS, **body)
    assert_problem(await alex.post(CHARGE_POINTS, json=body), 409, "serial_number_exists")
    await alex.create(CHARGE_POINTS, **{**body, "vendor": "Kempower"})
    elsewhere = await workplace.project(await workplace.organization("Hilltop"), alex)
    await alex.create(CHARGE_POINTS, **{**body, "project_id": elsewhere})


async def test_of_the_same_serial_number_at_once_one_wins(alex: Somebody, project_id: str) -> None:
    body = {"project_id": project_id, **GUIDE_BODY}
    answers = await asyncio.gather(*(alex.post(CHARGE_POINTS, json=body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"serial_number_exists"}


async def test_of_the_same_id_from_two_organisations_at_once_one_wins(
    workplace: Workplace, alex: Somebody, project_id: str
) -> None:
    sam = await workplace.installer("Sam")
    elsewhere = await workplace.project(await workplace.organization("Hilltop"), sam)
    named = {"serial_number": "7", "vendor": "V", "model": "M", "charge_point_id": "CP-7"}
    answers = await asyncio.gather(
        alex.post(CHARGE_POINTS, json={"project_id": project_id, **named}),
        sam.post(CHARGE_POINTS, json={"project_id": elsewhere, **named}),
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_a_foreign_project_is_an_absent_one(workplace: Workplace, alex: Somebody) -> None:
    foreign = await workplace.project(await workplace.organization("Hilltop"))
    answers = [
        await alex.post(CHARGE_POINTS, json={"project_id": project_id, **GUIDE_BODY})
        for project_id in (foreign, "proj_00000000000000000000")
    ]
    bodies = [assert_problem(answer, 404, "not_found") for answer in answers]
    assert bodies[0]["detail"] == bodies[1]["detail"]


async def test_correct_what_was_registered(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    one = await alex.create(CHARGE_POINTS, project_id=project_id, **GUIDE_BODY)
    path = f"{CHARGE_POINTS}/{one['charge_point_id']}"
    changes = {"serial_number": "SN-2", "ocpp_version": "1.6", "max_power_kw": None, "location": {"address": "Bay 5"}}
    changed = (await alex.patch(path, json=changes)).json()
    assert (changed["serial_number"], changed["ocpp_version"], changed["max_power_kw"]) == ("SN-2", "1.6", None)
    assert changed["location"] == {**GUIDE_BODY["location"], "address": "Bay 5"}
    assert changed["ocpp_endpoint"] == f"{OCPP_PUBLIC_URL}/ocpp/1.6/{one['charge_point_id']}"
    assert (await alex.get(path)).json() == changed
    problem = assert_problem(await alex.patch(path, json={"serial_number": None}), 400, "validation_error")
    assert problem["errors"][0]["field"] == "serial_number"


async def test_no_correction_into_a_serial_number_that_exists(
    workplace: Workplace, alex: Somebody, project_id: str
) -> None:
    await alex.create(CHARGE_POINTS, project_id=project_id, **GUIDE_BODY)
    other = await workplace.charge_point(alex, project_id)
    answer = await alex.patch(
        f"{CHARGE_POINTS}/{other['charge_point_id']}", json={"serial_number": GUIDE_BODY["serial_number"]}
    )
    assert_problem(answer, 409, "serial_number_exists")


async def test_the_version_stays_once_commissioned(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    one = await workplace.charge_point(alex, project_id)
    path = f"{CHARGE_POINTS}/{one['charge_point_id']}"
    await commissioned(workplace, one["charge_point_id"], "in_progress")
    assert_problem(await alex.patch(path, json={"ocpp_version": "2.1"}), 409, "session_already_running")
    await commissioned(workplace, one["charge_point_id"], "completed")
    assert_problem(await alex.patch(path, json={"ocpp_version": "2.1"}), 422, "already_commissioned")
    assert (await alex.patch(path, json={"model": "HYC400"})).json()["model"] == "HYC400"


async def test_a_removed_charge_point_is_gone_and_its_names_are_free(
    workplace: Workplace, alex: Somebody, project_id: str
) -> None:
    body = {"project_id": project_id, **GUIDE_BODY, "charge_point_id": "CP-1"}
    await alex.create(CHARGE_POINTS, **body)
    key = await workplace.key_of("CP-1")
    assert (await alex.delete(f"{CHARGE_POINTS}/CP-1")).status_code == 204
    assert_problem(await alex.get(f"{CHARGE_POINTS}/CP-1"), 404, "not_found")
    assert (await alex.get(CHARGE_POINTS)).json()["total"] == 0
    async with workplace.engine.transaction(ENGINE) as session:
        assert (await session.get_one(ChargePointLiveRow, key)).epoch == 1, "its gateway must close the socket"
        assert (await session.get_one(ChargePointCredentialRow, 1)).state == "retired"
    await alex.create(CHARGE_POINTS, **body)


async def test_nothing_is_removed_from_under_a_session(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    one = await workplace.charge_point(alex, project_id)
    await commissioned(workplace, one["charge_point_id"], "in_progress")
    answer = await alex.delete(f"{CHARGE_POINTS}/{one['charge_point_id']}")
    assert_problem(answer, 409, "session_already_running")


async def test_a_rotated_password_replaces_the_old_one(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    one = await workplace.charge_point(alex, project_id)
    answer = await alex.post(f"{CHARGE_POINTS}/{one['charge_point_id']}/rotate-password")
    assert answer.status_code == 200
    rotated = answer.json()
    assert rotated["provisioning_password"] != one["provisioning_password"]
    assert rotated["ocpp_endpoint"] == one["ocpp_endpoint"]
    async with workplace.engine.transaction(ENGINE) as session:
        states = [(await session.get_one(ChargePointCredentialRow, number)).state for number in (1, 2)]
    assert states == ["retired", "active"]


async def test_after_the_handover_nothing_is_written(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    one = await workplace.charge_point(alex, project_id)
    await workplace.hand_over(project_id)
    path = f"{CHARGE_POINTS}/{one['charge_point_id']}"
    ticks = {"items": [{"item": "owner_briefed", "done": True}]}
    for answer in (
        await alex.post(CHARGE_POINTS, json={"project_id": project_id, **GUIDE_BODY}),
        await alex.patch(path, json={"model": "other"}),
        await alex.delete(path),
        await alex.post(f"{path}/rotate-password"),
        await alex.put(f"/api/v1/installer/projects/{project_id}/checklist", json=ticks),
    ):
        assert_problem(answer, 409, "project_handed_over")
    assert (await alex.get(path)).status_code == 200


async def test_a_registration_during_the_handover_waits_and_is_refused(
    workplace: Workplace, alex: Somebody, project_id: str
) -> None:
    """What a certificate lists is all there is: no charge point slips in beside it (trust I5)."""
    async with workplace.engine.transaction(ENGINE) as session:
        await workplace.projects.lock_for_handover(session, project_id)
        asking = asyncio.create_task(alex.post(CHARGE_POINTS, json={"project_id": project_id, **GUIDE_BODY}))
        done, _ = await asyncio.wait({asking}, timeout=0.5)
        assert not done
        await workplace.projects.mark_handed_over(session, project_id, workplace.clock.now())
    assert_problem(await asking, 409, "project_handed_over")
    assert (await alex.get(CHARGE_POINTS)).json()["total"] == 0


async def test_the_list_shows_ones_own_projects_alone(
    workplace: Workplace, alex: Somebody, riverside: Somebody, project_id: str
) -> None:
    mine = [(await workplace.charge_point(alex, project_id))["charge_point_id"] for _ in range(3)]
    sam = await workplace.installer("Sam")
    theirs = await workplace.charge_point(sam, await workplace.project(riverside, sam))
    first = (await alex.get(CHARGE_POINTS, params={"limit": 2})).json()
    rest = (await alex.get(CHARGE_POINTS, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    shown = [each["charge_point_id"] for each in first["charge_points"] + rest["charge_points"]]
    assert shown == mine[::-1]
    assert (first["total"], rest["next_cursor"]) == (3, None)
    assert_problem(await alex.get(f"{CHARGE_POINTS}/{theirs['charge_point_id']}"), 404, "not_found")


async def test_nothing_has_arrived_says_what_to_check(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    one = await workplace.charge_point(alex, project_id)
    answer = (await alex.get(f"{CHARGE_POINTS}/{one['charge_point_id']}/connection-attempts")).json()
    assert (answer["attempts"], answer["total"]) == ([], 0)
    assert "443" in answer["message"]
    assert answer["diagnosis"] == {"code": "nothing_arrived", "message": answer["message"], "certain": True}


async def test_attempts_tell_what_to_fix_and_hide_strangers(
    workplace: Workplace, alex: Somebody, riverside: Somebody, project_id: str
) -> None:
    one = await workplace.charge_point(alex, project_id, charge_point_id="CP-RIVERSIDE-1")
    key = await workplace.key_of("CP-RIVERSIDE-1")
    now = workplace.clock.now()
    tried = {"at": now, "path": "/ocpp/1.6/x"}
    async with workplace.engine.transaction(ENGINE) as session:
        session.add_all(
            [
                ConnectionAttemptRow(
                    charge_point_key=key, organization_id=riverside.id, identity="CP-RIVERSIDE-1",
                    remote_address="192.0.2.1", outcome="wrong_password", **tried,
                ),
                ConnectionAttemptRow(identity="CP-RIVERSIDE-2", remote_address="192.0.2.9", outcome="unknown_identity", **tried),
                ConnectionAttemptRow(identity="TOTALLY-OTHER", remote_address="198.51.100.7", outcome="unknown_identity", **tried),
                ConnectionAttemptRow(identity=None, remote_address="192.0.2.77", outcome="tls_failed", **tried),
            ]
        )  # fmt: skip
    for asker, prefix in ((alex, "/api/v1/installer"), (riverside, "/api/v1/cpo")):
        answer = (await asker.get(f"{prefix}/charge-points/{one['charge_point_id']}/connection-attempts")).json()
        seen = {attempt["identity"]: attempt for attempt in answer["attempts"]}
        assert set(seen) == {"CP-RIVERSIDE-1", "CP-RIVERSIDE-2", "TOTALLY-OTHER"}, (
            "own, nearly spelt, installer's address"
        )
        assert "password" in seen["CP-RIVERSIDE-1"]["message"]
        assert [seen[name]["certain"] for name in ("CP-RIVERSIDE-1", "CP-RIVERSIDE-2")] == [True, False]


async def test_the_same_idempotency_key_shows_the_same_password_again(alex: Somebody, project_id: str) -> None:
    body, headers = {"project_id": project_id, **GUIDE_BODY}, {"Idempotency-Key": "bay-4"}
    first = await alex.post(CHARGE_POINTS, json=body, headers=headers)
    again = await alex.post(CHARGE_POINTS, json=body, headers=headers)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())


async def commissioned(workplace: Workplace, charge_point_id: str, status: str) -> None:
    key = await workplace.key_of(charge_point_id)
    async with workplace.engine.transaction(ENGINE) as session:
        await workplace.registry.set_commissioning_status(session, key, status, workplace.clock.now())
