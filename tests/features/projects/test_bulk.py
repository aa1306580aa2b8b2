"""Many charge points at once: contract §3's registration for a delivery's list, from JSON, CSV or a form, over HTTP."""

import asyncio
import csv
import io
import re
from typing import Any

import pytest
from sqlalchemy import func, select

from sliproad.features.accounts.model import InstallerActor, KeyScope
from sliproad.features.charge_points.model import NewChargePoint
from sliproad.features.charge_points.store import ChargePointRow
from sliproad.features.projects.bulk import BulkRegistrationService, Candidate
from sliproad.features.security.service import CredentialService
from sliproad.features.security.store import ChargePointCredentialRow
from sliproad.foundation.database import ENGINE
from sliproad.foundation.ids import new_id
from sliproad.foundation.web.limits import RateLimiter
from workplace import OCPP_PUBLIC_URL, Somebody, Workplace, assert_problem

BULK = "/api/v1/installer/charge-points/bulk"
CPO_BULK = "/api/v1/cpo/charge-points/bulk"
SHEET = {"Content-Type": "text/csv"}


@pytest.fixture
async def alex(workplace: Workplace) -> Somebody:
    return await workplace.installer()


@pytest.fixture
async def riverside(workplace: Workplace) -> Somebody:
    return await workplace.organization()


@pytest.fixture
async def project_id(workplace: Workplace, riverside: Somebody, alex: Somebody) -> str:
    return await workplace.project(riverside, alex)


def charger(number: int, **more: Any) -> dict[str, Any]:
    return {"serial_number": f"SN-{number}", "vendor": "ABB", "model": "Terra AC", **more}


async def registered(workplace: Workplace) -> dict[str, ChargePointRow]:
    async with workplace.engine.transaction(ENGINE) as session:
        return {row.serial_number: row for row in await session.scalars(select(ChargePointRow))}


async def passwords(workplace: Workplace) -> int:
    async with workplace.engine.transaction(ENGINE) as session:
        return await session.scalar(select(func.count()).select_from(ChargePointCredentialRow)) or 0


def outcomes(answer: dict[str, Any]) -> list[tuple[int, str]]:
    return [(each["row"], each["code"] or each["status"]) for each in answer["results"]]


async def test_each_row_gets_its_own_result(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    await workplace.charge_point(alex, project_id, serial_number="SN-OLD", vendor="ABB", charge_point_id="CP-OLD")
    rows = [
        charger(1, charge_point_id="CP-1", max_power_kw=22, location={"description": "Bay 4", "latitude": 51.5}),
        charger(2, charge_point_id="CP-OLD"),
        charger(3, serial_number="SN-OLD"),
        charger(4, charge_point_id="CP:4"),
        charger(5, max_power_kw=-1, colour="red"),
        charger(6, charge_point_id="CP-1"),
        charger(1),
        {"vendor": "ABB"},
        charger(9, ocpp_version="2.0.1"),
    ]  # fmt: skip
    answer = await alex.post(BULK, json={"project_id": project_id, "charge_points": rows})
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert outcomes(body) == [
        (1, "registered"),
        (2, "charge_point_exists"),
        (3, "serial_number_exists"),
        (4, "validation_error"),
        (5, "validation_error"),
        (6, "duplicate_in_list"),
        (7, "duplicate_in_list"),
        (8, "validation_error"),
        (9, "registered"),
    ]
    assert (body["total"], body["registered"], body["failed"]) == (9, 2, 7)
    first, last = body["results"][0], body["results"][8]
    assert first["ocpp_endpoint"] == f"{OCPP_PUBLIC_URL}/ocpp/1.6/CP-1"
    assert last["ocpp_endpoint"] == f"{OCPP_PUBLIC_URL}/ocpp/2.0.1/{last['charge_point_id']}"
    assert all(re.fullmatch(r"[A-Za-z0-9]{20}", each["provisioning_password"]) for each in (first, last))
    assert {each["provisioning_password"] for each in body["results"][1:8]} == {None}
    wrong = {each["row"]: {error["field"] for error in each["errors"]} for each in body["results"] if each["errors"]}
    assert wrong == {
        2: {"charge_point_id"}, 3: {"serial_number"}, 4: {"charge_point_id"}, 5: {"max_power_kw", "colour"},
        6: {"charge_point_id"}, 7: {"serial_number"}, 8: {"serial_number", "model"},
    }  # fmt: skip
    assert body["results"][5]["errors"][0]["message"] == "stands in row 1 already"
    stored = await registered(workplace)
    assert set(stored) == {"SN-OLD", "SN-1", "SN-9"}
    assert (stored["SN-1"].location_description, stored["SN-1"].registered_by) == ("Bay 4", alex.id)
    assert await passwords(workplace) == 3


async def test_the_passwords_are_those_that_open(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    rows = [charger(number) for number in range(3)]
    body = (await alex.post(BULK, json={"project_id": project_id, "charge_points": rows})).json()
    async with workplace.engine.transaction(ENGINE) as session:
        for each in body["results"]:
            key = (await workplace.registry.facts(session, each["charge_point_id"])).key
            stored = (await session.scalars(select(ChargePointCredentialRow).filter_by(charge_point_key=key))).one()
            password = each["provisioning_password"].encode()
            assert workplace.password_hash.matches(stored.salt, password, stored.keyed_hash)


async def test_all_or_nothing_leaves_nothing(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    await workplace.charge_point(alex, project_id, serial_number="SN-OLD", vendor="ABB")
    rows = [charger(1), charger(2, serial_number="SN-OLD"), charger(3, connector_count=0), charger(4)]
    order = {"project_id": project_id, "all_or_nothing": True, "charge_points": rows}
    problem = assert_problem(await alex.post(BULK, json=order), 422, "nothing_registered")
    codes = ["not_registered", "serial_number_exists", "validation_error", "not_registered"]
    assert [each["code"] for each in problem["results"]] == codes
    assert "2 of 4 rows failed" in problem["detail"]
    assert {each["provisioning_password"] for each in problem["results"]} == {None}
    assert set(await registered(workplace)) == {"SN-OLD"}
    assert await passwords(workplace) == 1
    order["charge_points"] = [rows[0], rows[3]]
    assert (await alex.post(BULK, json=order)).json()["registered"] == 2


async def test_of_two_lists_at_once_that_share_charge_points_one_gets_each(
    workplace: Workplace, alex: Somebody, riverside: Somebody, project_id: str
) -> None:
    """In opposite orders, into two projects: a circle of waiting transactions would end one of them with an error."""
    other = await workplace.project(riverside, alex)
    rows = [charger(number, charge_point_id=f"CP-{number:02d}") for number in range(25)]
    orders = [{"project_id": project_id, "charge_points": rows}, {"project_id": other, "charge_points": rows[::-1]}]
    answers = await asyncio.gather(*(alex.post(BULK, json=order) for order in orders))
    won = [answer.json()["registered"] for answer in answers]
    assert sum(won) == 25
    assert sorted(answer.status_code for answer in answers if answer.json()["registered"]) in ([201], [201, 201])
    assert len(await registered(workplace)) == 25


async def test_the_same_idempotency_key_registers_once(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    order = {"project_id": project_id, "charge_points": [charger(1), charger(2)]}
    headers = {"Idempotency-Key": "delivery-7"}
    first = await alex.post(BULK, json=order, headers=headers)
    again = await alex.post(BULK, json=order, headers=headers)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    other = await alex.post(BULK, json={**order, "all_or_nothing": True}, headers=headers)
    assert_problem(other, 409, "idempotency_conflict")
    assert len(await registered(workplace)) == 2


async def test_a_list_that_registered_nothing_may_be_corrected_under_its_key(alex: Somebody, project_id: str) -> None:
    headers = {"Idempotency-Key": "delivery-8"}
    order = {"project_id": project_id, "charge_points": [charger(1, model="")]}
    assert_problem(await alex.post(BULK, json=order, headers=headers), 422, "nothing_registered")
    order = {"project_id": project_id, "charge_points": [charger(1)]}
    assert (await alex.post(BULK, json=order, headers=headers)).status_code == 201


async def test_excels_csv_is_answered_in_kind(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    """Semicolons, a byte order mark, CRLF, decimal commas; and formulas that stay text."""
    sheet = (
        "\ufeffserial_number;vendor;model;max_power_kw;latitude;longitude;location_description\r\n"
        "SN-1;ABB;Terra;22,5;51,5074;-0,1278;Bay 4\r\n"
        "=1+1;ABB;Terra;;;;@SUM(A1)\r\n"
        "SN-3;ABB;Terra;strong;;;\r\n"
    ).encode()
    answer = await alex.post(
        BULK, content=sheet, headers={**SHEET, "Accept": "text/csv"}, params={"project_id": project_id}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (201, "text/csv; charset=utf-8")
    text = answer.content.decode("utf-8-sig")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))
    assert [(row["row"], row["status"]) for row in rows] == [("2", "registered"), ("3", "registered"), ("4", "failed")]
    assert rows[1]["serial_number"] == "'=1+1"
    assert rows[2]["errors"].startswith("max_power_kw ")
    assert re.fullmatch(r"[A-Za-z0-9]{20}", rows[0]["provisioning_password"])
    stored = await registered(workplace)
    assert set(stored) == {"SN-1", "=1+1"}
    assert stored["=1+1"].location_description == "@SUM(A1)"
    place = [stored["SN-1"].max_power_kw, stored["SN-1"].latitude, stored["SN-1"].longitude]
    assert [float(number or 0) for number in place] == [22.5, 51.5074, -0.1278]


async def test_wrong_fields_are_named_as_the_sheet_names_them(alex: Somebody, project_id: str) -> None:
    sheet = b"serial_number,vendor,model,latitude\nS,V,M,north\nS2,V,M,x,y\n"
    answer = await alex.post(BULK, content=sheet, headers=SHEET, params={"project_id": project_id})
    problem = assert_problem(answer, 422, "nothing_registered")
    assert [[error["field"] for error in each["errors"]] for each in problem["results"]] == [
        ["latitude"],
        ["row", "latitude"],
    ]


async def test_a_form_holds_the_file(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    sheet = b"serial_number,vendor,model\nS1,V,M\nS1,V,M\n"
    files = {"file": ("delivery.csv", sheet, "application/vnd.ms-excel")}
    answer = await alex.post(BULK, files=files, data={"project_id": project_id, "all_or_nothing": "true"})
    problem = assert_problem(answer, 422, "nothing_registered")
    assert outcomes(problem) == [(2, "not_registered"), (3, "duplicate_in_list")]
    answer = await alex.post(BULK, files=files, params={"project_id": project_id})
    assert outcomes(answer.json()) == [(2, "registered"), (3, "duplicate_in_list")]
    assert set(await registered(workplace)) == {"S1"}


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"data": {"project_id": "p"}, "files": {"other": ("a", b"", "text/plain"), "file": ("b", b"", "a/b")}}, "body"),
        ({"files": {"file": ("a.csv", b"serial_number,vendor,model\nS,V,M", "text/csv")}}, "project_id"),
        ({"data": {"colour": "red"}, "files": {"file": ("a.csv", b"x", "text/csv")}}, "colour"),
        ({"data": {"all_or_nothing": "odd"}, "files": {"file": ("a.csv", b"x", "text/csv")}}, "all_or_nothing"),
        ({"content": b"serial_number,vendor\nS,V", "headers": SHEET, "params": {"project_id": "p"}}, "model"),
        ({"content": b"serial_number,vendor,model\nS,V,M", "headers": SHEET}, "project_id"),
        ({"content": b"serial_number,vendor,model\n", "headers": SHEET, "params": {"project_id": "p"}}, "charge_points"),
        ({"content": b"x", "headers": {"Content-Type": "text/csv; charset=utf-7"}, "params": {"project_id": "p"}}, "charset"),
        ({"json": {"project_id": "p", "charge_points": []}}, "charge_points"),
        ({"json": {"project_id": "p", "charge_points": [charger(n) for n in range(501)]}}, "charge_points"),
        ({"json": {"project_id": "p", "charge_points": ["S1"]}}, "charge_points.0"),
        ({"json": {"project_id": "p", "charge_points": [charger(1)], "dry_run": True}}, "dry_run"),
        ({"json": {"charge_points": [charger(1)]}}, "project_id"),
        ({}, "body"),
    ],
)  # fmt: skip
async def test_what_can_not_be_read_at_all_is_told_by_field(
    alex: Somebody, options: dict[str, Any], field: str
) -> None:
    problem = (await alex.post(BULK, **options)).json()
    assert (problem["status"], problem["code"]) == (400, "validation_error"), problem
    assert field in {error["field"] for error in problem["errors"]} or field == "body"


async def test_another_media_type_is_refused(alex: Somebody) -> None:
    answer = await alex.post(BULK, content=b"PK", headers={"Content-Type": "application/vnd.ms-excel"})
    assert_problem(answer, 415, "unsupported_media_type")


async def test_a_project_of_others_is_an_absent_one(
    workplace: Workplace, alex: Somebody, riverside: Somebody, project_id: str
) -> None:
    hilltop = await workplace.organization("Hilltop")
    stranger = await workplace.installer()
    order = {"project_id": project_id, "charge_points": [charger(1)]}
    for asker, path in ((stranger, BULK), (hilltop, CPO_BULK)):
        assert_problem(await asker.post(path, json=order), 404, "not_found")
    assert_problem(await riverside.post(BULK, json=order), 401, "unauthorized")
    reader = await workplace.api_key(riverside.id, KeyScope.CPO_READ)
    assert_problem(await reader.post(CPO_BULK, json=order), 403, "forbidden")
    await workplace.hand_over(project_id)
    for asker, path in ((alex, BULK), (riverside, CPO_BULK)):
        assert_problem(await asker.post(path, json=order), 409, "project_handed_over")
    assert await registered(workplace) == {}


async def test_an_organisation_registers_in_its_own_project(
    workplace: Workplace, alex: Somebody, riverside: Somebody, project_id: str
) -> None:
    order = {"project_id": project_id, "charge_points": [charger(1, charge_point_id="CP-1"), charger(2)]}
    body = (await riverside.post(CPO_BULK, json=order)).json()
    assert body["registered"] == 2
    assert (await alex.get("/api/v1/installer/charge-points/CP-1")).json()["serial_number"] == "SN-1"
    row = (await registered(workplace))["SN-1"]
    assert row.registered_by.startswith("key_")
    assert row.installer_address is None


async def test_a_list_finds_out_no_more_taken_ids_than_single_registrations(
    workplace: Workplace, alex: Somebody, project_id: str
) -> None:
    """Contract §1: that an id is taken is told whoever owns it, so only so often."""
    hilltop = await workplace.organization("Hilltop")
    sam = await workplace.installer("Sam")
    theirs = await workplace.project(hilltop, sam)
    taken = [charger(number, charge_point_id=f"CP-{number}") for number in range(40)]
    assert (await sam.post(BULK, json={"project_id": theirs, "charge_points": taken})).json()["registered"] == 40
    probes = [charger(number, serial_number=new_id("sn"), charge_point_id=f"CP-{number}") for number in range(40)]
    order = {"project_id": project_id, "charge_points": [*probes, charger(99)]}
    results = (await alex.post(BULK, json=order)).json()["results"]
    codes = [each["code"] for each in results]
    assert codes.count("charge_point_exists") == 31
    assert codes.count("rate_limited") == 9
    assert codes[-1] is None, "a row that names no id of its own finds out nothing"
    again = (await alex.post(BULK, json={"project_id": project_id, "charge_points": probes})).json()
    assert {each["code"] for each in again["results"]} == {"rate_limited"}


async def test_the_gateways_are_told(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    async with workplace.registry.bus.listen("mirror.changed") as said:
        order = {"project_id": project_id, "charge_points": [charger(number) for number in range(3)]}
        assert (await alex.post(BULK, json=order)).status_code == 201
        async with asyncio.timeout(60):
            await said.get()


async def test_five_hundred_fit_in_one_request(workplace: Workplace, alex: Somebody, project_id: str) -> None:
    rows = [charger(number, location={"description": "x" * 200, "address": "y" * 200}) for number in range(500)]
    body = (await alex.post(BULK, json={"project_id": project_id, "charge_points": rows})).json()
    assert (body["registered"], body["failed"]) == (500, 0)
    assert len({each["provisioning_password"] for each in body["results"]}) == 500


async def test_a_rehearsal_tells_what_would_become_of_each_row_and_leaves_nothing(
    workplace: Workplace, alex: Somebody, project_id: str
) -> None:
    await workplace.charge_point(alex, project_id, serial_number="SN-1", vendor="ABB")
    rows = [Candidate(row, NewChargePoint(project_id, f"SN-{row}", "ABB", "Terra AC")) for row in (1, 2)]
    bulk = BulkRegistrationService(
        workplace.web,
        workplace.projects,
        workplace.registry,
        CredentialService(workplace.secret_key),
        limiter=RateLimiter(workplace.web, workplace.clock),
    )
    found = await bulk.rehearse(InstallerActor(alex.id, "Alex", alex.email, None), project_id, rows)
    assert [(each.code, each.password) for each in found] == [("serial_number_exists", None), (None, None)]
    assert (set(await registered(workplace)), await passwords(workplace)) == ({"SN-1"}, 1)
