"""Sites of an organisation and who looks after them (contract §2, §4), over HTTP."""

import pytest

from workplace import Somebody, Workplace, assert_problem

SITES = "/api/v1/cpo/sites"
RIVERSIDE = {
    "name": "Riverside Business Park",
    "address": "Unit 12, London E1W 3SJ",
    "latitude": 51.5074,
    "longitude": -0.1278,
    "time_zone": "Europe/London",
}


@pytest.fixture
async def riverside(workplace: Workplace) -> Somebody:
    return await workplace.organization()


async def test_a_site_is_made_read_and_changed(riverside: Somebody) -> None:
    site = await riverside.create(SITES, **RIVERSIDE)
    assert site.items() >= RIVERSIDE.items()
    path = f"{SITES}/{site['site_id']}"
    assert (await riverside.get(path)).json() == site
    changed = (await riverside.patch(path, json={"name": "Riverside", "time_zone": None})).json()
    assert changed == {**site, "name": "Riverside", "time_zone": None}
    assert (await riverside.get(SITES)).json() == {"sites": [changed], "total": 1, "next_cursor": None}


@pytest.mark.parametrize(
    ("field", "value"),
    [("latitude", 90.1), ("longitude", "west"), ("time_zone", "Mars/Olympus"), ("name", None), ("colour", "red")],
)
async def test_a_wrong_field_is_named(riverside: Somebody, field: str, value: object) -> None:
    problem = assert_problem(await riverside.post(SITES, json={**RIVERSIDE, field: value}), 400, "validation_error")
    assert [error["field"] for error in problem["errors"]] == [field]


async def test_an_operator_that_nobody_knows_is_absent(riverside: Somebody) -> None:
    path = f"{SITES}/{(await riverside.create(SITES, **RIVERSIDE))['site_id']}/operator"
    assert_problem(await riverside.put(path, json={"operator_id": "opr_nobody"}), 404, "not_found")
    assert (await riverside.put(path, json={"operator_id": None})).json()["operator_id"] is None
    assert_problem(await riverside.put(path, json={"operator_id": ""}), 400, "validation_error")
    assert_problem(await riverside.put(path, json={}), 400, "validation_error")


async def test_a_foreign_site_is_an_absent_one(workplace: Workplace, riverside: Somebody) -> None:
    foreign = await workplace.site(await workplace.organization("Hilltop"))
    for site_id in (foreign, "site_00000000000000000000"):
        path = f"{SITES}/{site_id}"
        for answer in (
            await riverside.get(path),
            await riverside.patch(path, json={"name": "Mine"}),
            await riverside.put(f"{path}/operator", json={"operator_id": None}),
            await riverside.post(f"{path}/owners", json={"email": "a@b.example"}),
            await riverside.get(f"{path}/owners"),
            await riverside.delete(f"{path}/owners/usr_x"),
        ):
            assert_problem(answer, 404, "not_found")
    assert (await riverside.get(SITES)).json()["total"] == 0


async def test_an_owner_is_invited_accepts_and_is_taken_off(workplace: Workplace, riverside: Somebody) -> None:
    site_id = (await riverside.create(SITES, **RIVERSIDE))["site_id"]
    path = f"{SITES}/{site_id}/owners"
    invited = await riverside.create(path, email="s.owen@riversidebp.example", full_name="Sarah Owen")
    assert (invited["status"], invited["email"]) == ("invited", "s.owen@riversidebp.example")
    token = (await workplace.mailed_links())["s.owen@riversidebp.example"]
    accepted = await workplace.invitations.accept(token, full_name="Sarah Owen", password="a long pass phrase")
    listed = (await riverside.get(path)).json()
    assert [(owner["owner_id"], owner["status"]) for owner in listed["owners"]] == [(accepted.user_id, "active")]
    again = await riverside.post(path, json={"email": "S.Owen@riversidebp.example"})
    assert_problem(again, 409, "site_owner_exists")
    assert (await riverside.delete(f"{path}/{accepted.user_id}")).status_code == 204
    assert (await riverside.get(path)).json() == {"owners": [], "total": 0}


async def test_a_second_invitation_voids_the_first_and_one_can_be_taken_back(
    workplace: Workplace, riverside: Somebody
) -> None:
    site_id = (await riverside.create(SITES, **RIVERSIDE))["site_id"]
    path = f"{SITES}/{site_id}/owners"
    await riverside.create(path, email="s.owen@riversidebp.example")
    second = await riverside.create(path, email="s.owen@riversidebp.example")
    listed = (await riverside.get(path)).json()
    assert [owner["owner_id"] for owner in listed["owners"]] == [second["owner_id"]]
    assert (await riverside.delete(f"{path}/{second['owner_id']}")).status_code == 204
    assert (await riverside.get(path)).json()["total"] == 0
    assert_problem(await riverside.delete(f"{path}/{second['owner_id']}"), 404, "not_found")
