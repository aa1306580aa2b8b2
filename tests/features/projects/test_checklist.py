"""The checklist of GUIDE: seven items, of which the platform fills three and people the rest (contract §3)."""

import pytest

from sliproad.features.projects.model import CHECKLIST, PlatformCheck
from workplace import Somebody, Workplace, assert_problem


@pytest.fixture
async def alex(workplace: Workplace) -> Somebody:
    return await workplace.installer()


@pytest.fixture
async def project_id(workplace: Workplace, alex: Somebody) -> str:
    return await workplace.project(await workplace.organization(), alex)


@pytest.fixture
def path(project_id: str) -> str:
    return f"/api/v1/installer/projects/{project_id}/checklist"


@pytest.fixture
async def charge_point_id(workplace: Workplace, alex: Somebody, project_id: str) -> str:
    return (await workplace.charge_point(alex, project_id))["charge_point_id"]


async def test_seven_items_in_the_order_of_the_guide(alex: Somebody, path: str, charge_point_id: str) -> None:
    found = (await alex.get(path)).json()
    assert [(item["item"], item["by_platform"], item["charge_point_id"]) for item in found["items"]] == [
        ("powered_ready", False, charge_point_id),
        ("ocpp_connection", True, charge_point_id),
        ("heartbeat", True, charge_point_id),
        ("meter_calibration", True, charge_point_id),
        ("emergency_stop", False, charge_point_id),
        ("cable_and_ip_rating", False, charge_point_id),
        ("owner_briefed", False, None),
    ]
    assert (found["undone"], found["complete"], found["required"]) == (7, False, False)


async def test_who_ticked_what_and_when_is_kept(alex: Somebody, path: str, charge_point_id: str) -> None:
    item = {"item": "emergency_stop", "charge_point_id": charge_point_id, "done": True, "note": "Pressed twice."}
    photo = "https://storage.example.com/stop.jpg"
    found = (await alex.put(path, json={"items": [{**item, "photo_url": photo}]})).json()
    (ticked,) = [each for each in found["items"] if each["item"] == "emergency_stop"]
    assert ticked.items() >= item.items()
    assert (ticked["done_by"], ticked["done_at"]) == ("Alex Technician", "2026-05-01T10:23:00Z")
    assert ticked["photo_url"] == photo
    found = (await alex.put(path, json={"items": [{**item, "done": False}]})).json()
    (unticked,) = [each for each in found["items"] if each["item"] == "emergency_stop"]
    assert (unticked["done"], unticked["done_by"], unticked["done_at"]) == (False, None, None)


@pytest.mark.parametrize("item", [rule.item for rule in CHECKLIST if rule.by_platform])
async def test_nobody_writes_what_the_platform_fills(
    alex: Somebody, path: str, charge_point_id: str, item: str
) -> None:
    body = {"items": [{"item": item, "charge_point_id": charge_point_id, "done": True}]}
    problem = assert_problem(await alex.put(path, json=body), 400, "validation_error")
    assert problem["errors"][0]["field"] == "items.0.item"
    assert item in problem["errors"][0]["message"]


async def test_the_platform_fills_what_it_saw(
    workplace: Workplace, alex: Somebody, path: str, charge_point_id: str
) -> None:
    workplace.commissioning.checks[await workplace.key_of(charge_point_id)] = {
        "ocpp_connection": PlatformCheck(done=True, done_at=workplace.clock.now()),
        "meter_calibration": PlatformCheck(done=False, applicable=False, note="The hardware shows no meter support."),
    }
    items = {item["item"]: item for item in (await alex.get(path)).json()["items"]}
    assert (items["ocpp_connection"]["done"], items["ocpp_connection"]["done_by"]) == (True, "platform")
    assert (items["heartbeat"]["done"], items["heartbeat"]["done_by"]) == (False, None)
    assert (items["meter_calibration"]["applicable"], items["meter_calibration"]["done"]) == (False, False)


async def test_it_is_complete_when_all_that_applies_is_done(
    workplace: Workplace, alex: Somebody, path: str, charge_point_id: str
) -> None:
    saw = PlatformCheck(done=True)
    checks = {
        "ocpp_connection": saw,
        "heartbeat": saw,
        "meter_calibration": PlatformCheck(done=False, applicable=False),
    }
    workplace.commissioning.checks[await workplace.key_of(charge_point_id)] = checks
    items = [
        {"item": rule.item, "done": True, **({"charge_point_id": charge_point_id} if rule.per_charge_point else {})}
        for rule in CHECKLIST
        if not rule.by_platform
    ]
    found = (await alex.put(path, json={"items": items})).json()
    assert (found["complete"], found["undone"]) == (True, 0)


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"item": "coffee", "done": True}, "items.0.item"),
        ({"item": "powered_ready", "done": True}, "items.0.charge_point_id"),
        ({"item": "owner_briefed", "done": True, "charge_point_id": "CP-1"}, "items.0.charge_point_id"),
        ({"item": "owner_briefed", "done": True, "photo_url": "javascript:alert(1)"}, "items.0.photo_url"),
        ({"item": "owner_briefed", "done": True, "done_by": "somebody else"}, "items.0.done_by"),
        ({"item": "owner_briefed"}, "items.0.done"),
    ],
)
async def test_a_wrong_item_is_named(alex: Somebody, path: str, item: dict, field: str) -> None:
    problem = assert_problem(await alex.put(path, json={"items": [item]}), 400, "validation_error")
    assert [error["field"] for error in problem["errors"]] == [field]


async def test_a_charge_point_of_another_project_is_not_there(workplace: Workplace, alex: Somebody, path: str) -> None:
    elsewhere = await workplace.project(await workplace.organization("Hilltop"), alex)
    foreign = (await workplace.charge_point(alex, elsewhere))["charge_point_id"]
    body = {"items": [{"item": "powered_ready", "charge_point_id": foreign, "done": True}]}
    assert_problem(await alex.put(path, json=body), 404, "not_found")
