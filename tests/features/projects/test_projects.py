"""Projects and who works on them: contract §2 to §4, GUIDE step 3, over HTTP."""

import pytest

from sliproad.features.accounts.model import KeyScope
from sliproad.foundation.database import ENGINE
from workplace import Somebody, Workplace, assert_problem

CPO = "/api/v1/cpo/projects"
INSTALLER = "/api/v1/installer/projects"
SITE_OWNER = "/api/v1/site-owner/projects"


@pytest.fixture
async def riverside(workplace: Workplace) -> Somebody:
    return await workplace.organization()


@pytest.fixture
async def alex(workplace: Workplace) -> Somebody:
    return await workplace.installer()


async def test_a_project_is_opened_on_a_site(workplace: Workplace, riverside: Somebody) -> None:
    site_id = await workplace.site(riverside)
    body = {"name": "Phase 1", "site_id": site_id, "charge_points_expected": 6, "site_owner_email": "s.owen@a.example"}
    project = await riverside.create(CPO, **body)
    assert project.items() >= body.items()
    assert project["site_address"] == "Unit 12, Riverside Business Park, London E1W 3SJ"
    assert (project["status"], project["auto_commission"], project["require_checklist"]) == ("in_progress", True, False)
    assert project["progress"] == {"expected": 6, "registered": 0, "in_progress": 0, "failed": 0, "commissioned": 0}
    assert (await riverside.get(f"{CPO}/{project['project_id']}")).json() == project


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("charge_points_expected", 0),
        ("charge_points_expected", "many"),
        ("name", ""),
        ("site_owner_email", "nobody"),
        ("site_owner_email", "a@b.example\r\nBcc: c@d.example"),
        ("colour", "red"),
    ],
)
async def test_a_wrong_field_is_named(workplace: Workplace, riverside: Somebody, field: str, value: object) -> None:
    body = {"name": "Phase 1", "site_id": await workplace.site(riverside), "charge_points_expected": 1, field: value}
    problem = assert_problem(await riverside.post(CPO, json=body), 400, "validation_error")
    assert [error["field"] for error in problem["errors"]] == [field]


async def test_a_foreign_site_is_an_absent_one(workplace: Workplace, riverside: Somebody) -> None:
    foreign = await workplace.site(await workplace.organization("Hilltop"))
    body = {"name": "Phase 1", "site_id": foreign, "charge_points_expected": 1}
    assert_problem(await riverside.post(CPO, json=body), 404, "not_found")


async def test_what_is_expected_can_change_until_the_handover(workplace: Workplace, riverside: Somebody) -> None:
    project_id = await workplace.project(riverside)
    changed = await riverside.patch(f"{CPO}/{project_id}", json={"charge_points_expected": 5, "auto_commission": False})
    assert (changed.json()["charge_points_expected"], changed.json()["auto_commission"]) == (5, False)
    problem = await riverside.patch(f"{CPO}/{project_id}", json={"auto_commission": None})
    assert_problem(problem, 400, "validation_error")
    await workplace.hand_over(project_id)
    answer = await riverside.patch(f"{CPO}/{project_id}", json={"charge_points_expected": 6})
    assert_problem(answer, 409, "project_handed_over")
    assert (await riverside.get(f"{CPO}/{project_id}")).json()["status"] == "handed_over"


async def test_guide_step_3_has_exactly_these_keys(workplace: Workplace, riverside: Somebody, alex: Somebody) -> None:
    project_id = await workplace.project(riverside, alex, charge_points_expected=6)
    await workplace.project(riverside)
    assert (await alex.get(INSTALLER)).json() == {
        "projects": [
            {
                "project_id": project_id,
                "name": "Riverside — Phase 1",
                "site_address": "Unit 12, Riverside Business Park, London E1W 3SJ",
                "charge_points_expected": 6,
                "charge_points_commissioned": 0,
                "status": "in_progress",
                "assigned_at": "2026-05-01T10:23:00Z",
            }
        ]
    }


async def test_progress_is_counted(workplace: Workplace, riverside: Somebody, alex: Somebody) -> None:
    project_id = await workplace.project(riverside, alex, charge_points_expected=4)
    for status in ("not_started", "in_progress", "completed", "completed"):
        one = await workplace.charge_point(alex, project_id)
        key = await workplace.key_of(one["charge_point_id"])
        async with workplace.engine.transaction(ENGINE) as session:
            await workplace.registry.set_commissioning_status(session, key, status, workplace.clock.now())
    progress = (await riverside.get(f"{CPO}/{project_id}")).json()["progress"]
    assert progress == {"expected": 4, "registered": 4, "in_progress": 1, "failed": 0, "commissioned": 2}
    seen = (await alex.get(f"{INSTALLER}/{project_id}")).json()
    assert (seen["charge_points_commissioned"], seen["charge_points_registered"]) == (2, 4)
    assert [each["commissioning_status"] for each in seen["charge_points"]] == [
        "not_started",
        "in_progress",
        "completed",
        "completed",
    ]


async def test_an_installer_taken_off_loses_the_project_at_once(
    workplace: Workplace, riverside: Somebody, alex: Somebody
) -> None:
    project_id = await workplace.project(riverside, alex)
    one = await workplace.charge_point(alex, project_id)
    assert (await riverside.delete(f"{CPO}/{project_id}/installers/{alex.id}")).status_code == 204
    assert (await alex.get(INSTALLER)).json() == {"projects": []}
    assert (await alex.get("/api/v1/installer/charge-points")).json()["total"] == 0
    path = f"/api/v1/installer/charge-points/{one['charge_point_id']}"
    for answer in (
        await alex.get(f"{INSTALLER}/{project_id}"),
        await alex.get(f"{INSTALLER}/{project_id}/checklist"),
        await alex.get(path),
        await alex.patch(path, json={"model": "M"}),
        await alex.post(f"{path}/rotate-password"),
        await alex.get(f"{path}/connection-attempts"),
        await riverside.delete(f"{CPO}/{project_id}/installers/{alex.id}"),
    ):
        assert_problem(answer, 404, "not_found")
    await riverside.create(f"{CPO}/{project_id}/installers", installer_id=alex.id)
    assert (await alex.get(path)).status_code == 200


async def test_who_works_on_a_project(workplace: Workplace, riverside: Somebody, alex: Somebody) -> None:
    project_id = await workplace.project(riverside, alex)
    path = f"{CPO}/{project_id}/installers"
    await riverside.create(path, installer_id=alex.id)
    listed = (await riverside.get(path)).json()
    assert listed == {
        "installers": [
            {
                "installer_id": alex.id,
                "full_name": "Alex Technician",
                "email": alex.email,
                "company": "Acme EV Installations",
                "assigned_at": "2026-05-01T10:23:00Z",
            }
        ],
        "total": 1,
    }
    assert_problem(await riverside.post(path, json={"installer_id": "ins_nobody"}), 404, "not_found")


async def test_a_site_owner_reads_progress_and_says_who_works(
    workplace: Workplace, riverside: Somebody, alex: Somebody
) -> None:
    site_id = await workplace.site(riverside)
    project_id = await workplace.project(riverside, site_id=site_id)
    await workplace.project(riverside)
    owner = await workplace.site_owner(site_id, riverside.id)
    listed = (await owner.get(SITE_OWNER)).json()
    assert (listed["total"], listed["projects"][0]["project_id"]) == (1, project_id)
    await owner.create(f"{SITE_OWNER}/{project_id}/installers", installer_id=alex.id)
    one = await workplace.charge_point(alex, project_id)
    detail = (await owner.get(f"{SITE_OWNER}/{project_id}")).json()
    assert [each["charge_point_id"] for each in detail["charge_points"]] == [one["charge_point_id"]]
    assert detail["progress"]["registered"] == 1
    assert "ocpp_endpoint" not in detail["charge_points"][0]
    assert (detail["charge_points"][0]["connected"], detail["charge_points"][0]["last_seen_at"]) == (False, None)
    assert (await owner.get(f"{SITE_OWNER}/{project_id}/installers")).json()["total"] == 1
    assert (await owner.delete(f"{SITE_OWNER}/{project_id}/installers/{alex.id}")).status_code == 204
    assert (await alex.get(INSTALLER)).json() == {"projects": []}


async def test_a_site_owner_of_another_site_finds_nothing(
    workplace: Workplace, riverside: Somebody, alex: Somebody
) -> None:
    project_id = await workplace.project(riverside, alex)
    stranger = await workplace.site_owner(await workplace.site(riverside, "Elsewhere"), riverside.id)
    path = f"{SITE_OWNER}/{project_id}"
    assert (await stranger.get(SITE_OWNER)).json()["total"] == 0
    for answer in (
        await stranger.get(path),
        await stranger.get(f"{path}/installers"),
        await stranger.post(f"{path}/installers", json={"installer_id": alex.id}),
        await stranger.delete(f"{path}/installers/{alex.id}"),
    ):
        assert_problem(answer, 404, "not_found")


async def test_a_foreign_project_is_an_absent_one(workplace: Workplace, riverside: Somebody, alex: Somebody) -> None:
    hilltop = await workplace.organization("Hilltop")
    foreign = await workplace.project(hilltop, alex)
    one = await workplace.charge_point(alex, foreign)
    for project_id in (foreign, "proj_00000000000000000000"):
        path = f"{CPO}/{project_id}"
        for answer in (
            await riverside.get(path),
            await riverside.patch(path, json={"name": "Mine"}),
            await riverside.get(f"{path}/installers"),
            await riverside.post(f"{path}/installers", json={"installer_id": alex.id}),
            await riverside.delete(f"{path}/installers/{alex.id}"),
            await riverside.get(f"{path}/checklist"),
        ):
            assert assert_problem(answer, 404, "not_found")["detail"] == "There is no such project."
    assert (await riverside.get(CPO)).json() == {"projects": [], "total": 0, "next_cursor": None}
    mine = await workplace.project(riverside)
    move = await riverside.post(f"/api/v1/cpo/charge-points/{one['charge_point_id']}/move", json={"project_id": mine})
    assert_problem(move, 404, "not_found")


async def test_projects_come_in_pages(workplace: Workplace, riverside: Somebody) -> None:
    site_id = await workplace.site(riverside)
    made = {await workplace.project(riverside, site_id=site_id) for _ in range(3)}
    first = (await riverside.get(CPO, params={"limit": 2})).json()
    rest = (await riverside.get(CPO, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert {each["project_id"] for each in first["projects"] + rest["projects"]} == made
    assert (first["total"], rest["next_cursor"]) == (3, None)


async def test_who_may_only_read_changes_nothing(workplace: Workplace, riverside: Somebody) -> None:
    project_id = await workplace.project(riverside)
    reader = await workplace.api_key(riverside.id, KeyScope.CPO_READ)
    assert (await reader.get(f"{CPO}/{project_id}")).status_code == 200
    assert_problem(await reader.patch(f"{CPO}/{project_id}", json={"name": "Mine"}), 403, "forbidden")


async def test_each_credential_opens_its_own_doors(workplace: Workplace, riverside: Somebody, alex: Somebody) -> None:
    assert_problem(await alex.get(CPO), 401, "unauthorized")
    assert_problem(await riverside.get(INSTALLER), 401, "unauthorized")
    assert_problem(await alex.get(SITE_OWNER), 401, "unauthorized")
    assert_problem(await workplace.client.get(INSTALLER), 401, "unauthorized")


async def test_a_charge_point_moves_with_all_it_has(workplace: Workplace, riverside: Somebody, alex: Somebody) -> None:
    here = await workplace.project(riverside, alex)
    there = await workplace.project(riverside)
    one = (await workplace.charge_point(alex, here))["charge_point_id"]
    tick = {"items": [{"item": "emergency_stop", "charge_point_id": one, "done": True}]}
    assert (await alex.put(f"{INSTALLER}/{here}/checklist", json=tick)).status_code == 200
    path = f"/api/v1/cpo/charge-points/{one}"
    moved = (await riverside.post(f"{path}/move", json={"project_id": there})).json()
    assert moved["project_id"] == there
    detail = (await riverside.get(path)).json()
    site_id = (await riverside.get(f"{CPO}/{there}")).json()["site_id"]
    assert detail["site_id"] == site_id
    assert [(move["from_project_id"], move["to_project_id"]) for move in detail["moves"]] == [(here, there)]
    items = (await riverside.get(f"{CPO}/{there}/checklist")).json()["items"]
    assert [item["done"] for item in items if item["item"] == "emergency_stop"] == [True]
    assert_problem(await alex.get(f"/api/v1/installer/charge-points/{one}"), 404, "not_found")
    await workplace.hand_over(here)
    assert_problem(await riverside.post(f"{path}/move", json={"project_id": here}), 409, "project_handed_over")
    await workplace.hand_over(there)
    fresh = await workplace.project(riverside)
    assert_problem(await riverside.post(f"{path}/move", json={"project_id": fresh}), 409, "project_handed_over")
