"""A whole project at once: who is started, who is passed over and why, and how far everything is (issue: bulk commissioning)."""

import asyncio
from typing import Any

import pytest

from building_site import BuildingSite
from sliproad.features.accounts.model import KeyScope
from sliproad.features.commissioning.store import CommissioningSessionRow
from sliproad.foundation.database import ENGINE
from statements import statements
from workplace import Somebody, assert_problem

SIDES = pytest.mark.parametrize("side", ["installer", "cpo"])


def asker(site: BuildingSite, side: str) -> Somebody:
    return site.alex if side == "installer" else site.owner


def path(site: BuildingSite, side: str, verb: str) -> str:
    return f"/api/v1/{side}/projects/{site.project_id}/{verb}"


async def commission_all(site: BuildingSite, side: str = "installer", **body: Any) -> dict[str, Any]:
    answer = await asker(site, side).post(path(site, side, "commission-all"), json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def progress(site: BuildingSite, side: str = "installer", **query: Any) -> dict[str, Any]:
    answer = await asker(site, side).get(path(site, side, "commissioning"), params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def set_status(site: BuildingSite, charge_point_id: str, status: str) -> None:
    key = await site.workplace.key_of(charge_point_id)
    async with site.engine.transaction(ENGINE) as session:
        await site.workplace.registry.set_commissioning_status(session, key, status, site.workplace.clock.now())


@SIDES
async def test_what_is_connected_and_not_live_yet_is_started(site: BuildingSite, side: str) -> None:
    fresh, live, busy, failed = [(await site.connected())["charge_point_id"] for _ in range(4)]
    away = (await site.workplace.charge_point(site.alex, site.project_id))["charge_point_id"]
    await set_status(site, live, "completed")
    running = (await site.start(busy)).json()["session_id"]
    await set_status(site, failed, "failed")
    answer = await commission_all(site, side, skip_test_transaction=True, notes="Underground car park")
    assert [(each["charge_point_id"], each["outcome"]) for each in answer["results"]] == [
        (fresh, "started"),
        (live, "already_commissioned"),
        (busy, "session_already_running"),
        (failed, "started"),
        (away, "not_connected"),
    ]
    assert (answer["project_id"], answer["total"], answer["started"]) == (site.project_id, 5, 2)
    sessions = {row.charge_point_id: row for row in await site.rows(CommissioningSessionRow)}
    by_id = {each["charge_point_id"]: each for each in answer["results"]}
    assert {name: row.session_id for name, row in sessions.items()} == {
        name: by_id[name]["session_id"] for name in (fresh, busy, failed)
    }
    assert by_id[busy]["session_id"] == running
    assert all(by_id[name]["detail"] for name in (live, busy, away))
    assert (sessions[fresh].options["skip_test_transaction"], sessions[fresh].notes) == (True, "Underground car park")
    who = sessions[fresh].started_by
    assert who == site.alex.id if side == "installer" else who.startswith("key_")
    again = await commission_all(site, side)
    assert again["started"] == 0
    assert [each["outcome"] for each in again["results"]].count("session_already_running") == 3


async def test_two_at_once_start_each_charge_point_once(site: BuildingSite) -> None:
    made = {(await site.connected())["charge_point_id"] for _ in range(6)}
    answers = await asyncio.gather(commission_all(site), commission_all(site, "cpo"), commission_all(site))
    outcomes = [(each["charge_point_id"], each["outcome"]) for answer in answers for each in answer["results"]]
    assert sorted(name for name, outcome in outcomes if outcome == "started") == sorted(made)
    assert {outcome for _, outcome in outcomes} == {"started", "session_already_running"}
    assert len(await site.rows(CommissioningSessionRow)) == len(made)


async def test_a_repeated_request_gets_the_first_answer(site: BuildingSite) -> None:
    await site.connected()
    address, headers = path(site, "installer", "commission-all"), {"Idempotency-Key": "all-of-them"}
    first = await site.alex.post(address, headers=headers)
    again = await site.alex.post(address, headers=headers)
    assert (first.json()["started"], again.json()) == (1, first.json())


async def test_a_wrong_template_starts_nothing(site: BuildingSite) -> None:
    for _ in range(3):
        await site.connected()
    answer = await site.alex.post(path(site, "installer", "commission-all"), json={"template_id": "tpl_nobodys"})
    assert_problem(answer, 404, "not_found")
    assert await site.rows(CommissioningSessionRow) == []
    answer = await site.alex.post(path(site, "installer", "commission-all"), json={"colour": "red"})
    assert_problem(answer, 400, "validation_error")


async def test_an_empty_project_has_nothing_to_start(site: BuildingSite) -> None:
    assert await commission_all(site) == {"project_id": site.project_id, "total": 0, "started": 0, "results": []}


async def test_a_project_of_others_is_an_absent_one(site: BuildingSite) -> None:
    await site.connected()
    stranger, hilltop = await site.workplace.installer(), await site.workplace.organization("Hilltop")
    for somebody, side in ((stranger, "installer"), (hilltop, "cpo")):
        foreign = type(site.alex)(somebody, site.alex.commissioning)
        assert_problem(await foreign.post(path(site, side, "commission-all")), 404, "not_found")
        assert_problem(await foreign.get(path(site, side, "commissioning")), 404, "not_found")
    reader = await site.workplace.api_key(site.owner.id, KeyScope.CPO_READ)
    viewer = type(site.alex)(reader, site.alex.commissioning)
    assert (await viewer.get(path(site, "cpo", "commissioning"))).status_code == 200
    assert_problem(await viewer.post(path(site, "cpo", "commission-all")), 403, "forbidden")
    assert await site.rows(CommissioningSessionRow) == []


@SIDES
async def test_a_project_that_was_handed_over_is_only_read(site: BuildingSite, side: str) -> None:
    await site.connected()
    await site.workplace.hand_over(site.project_id)
    answer = await asker(site, side).post(path(site, side, "commission-all"))
    assert_problem(answer, 409, "project_handed_over")
    assert (await progress(site, side))["total"] == 1


@SIDES
async def test_progress_is_told_for_each_charge_point(site: BuildingSite, side: str) -> None:
    untouched = (await site.workplace.charge_point(site.alex, site.project_id))["charge_point_id"]
    begun = await site.connected()
    session_id = (await site.start(begun["charge_point_id"])).json()["session_id"]
    seen = await progress(site, side)
    assert seen["counts"] == {
        "total": 2, "not_started": 1, "in_progress": 1, "failed": 0, "completed": 0, "connected": 1,
    }  # fmt: skip
    rows = {each["charge_point_id"]: each for each in seen["charge_points"]}
    ours = rows[begun["charge_point_id"]]
    assert (ours["session_id"], ours["status"], ours["result"]) == (session_id, "running", None)
    assert (ours["current_step"], ours["steps_finished"]) == ("connectivity", 0)
    assert ours["steps_total"] > 4
    assert rows[untouched] == {
        "charge_point_id": untouched,
        "serial_number": rows[untouched]["serial_number"],
        "connected": False,
        "commissioning_status": "not_started",
        **dict.fromkeys(("session_id", "status", "result", "current_step", "waiting_for", "failed_step", "detail")),
        "steps_finished": 0,
        "steps_total": 0,
        "started_at": None,
        "completed_at": None,
    }
    first = await progress(site, side, limit=1)
    rest = await progress(site, side, limit=1, cursor=first["next_cursor"])
    assert [each["charge_point_id"] for page in (first, rest) for each in page["charge_points"]] == [
        begun["charge_point_id"],
        untouched,
    ]


async def test_progress_costs_the_same_few_statements_for_any_number(site: BuildingSite) -> None:
    await site.connected()
    await commission_all(site)
    with statements(site.workplace.web) as of_one:
        await progress(site)
    for _ in range(9):
        await site.connected()
    await commission_all(site)
    with statements(site.workplace.web) as of_ten:
        assert (await progress(site))["counts"]["in_progress"] == 10
    assert len(of_ten) == len(of_one)
