"""Starting and reading a session over HTTP (REF, GUIDE step 5, contract §3 "One `start`, two documents")."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from building_site import BuildingSite
from sliproad.features.charge_points.store import ChargePointRow
from sliproad.features.commissioning.records import CommissioningRecords
from sliproad.features.commissioning.store import (
    CommissioningLogRow,
    CommissioningSessionRow,
    CommissioningStepRow,
)
from sliproad.foundation.database import ENGINE
from sliproad.foundation.outbox import OutboxRow
from workplace import assert_problem

START_KEYS = {
    *("charge_point_id", "session_id", "commissioning_id", "status", "template_id", "started_at"),
    *("estimated_duration_seconds", "steps", "checks"),
}


async def end(site: BuildingSite, charge_point_id: str, status: str, result: str | None) -> None:
    """What the engine does at a session's end, without a charge point to get there."""
    async with site.engine.transaction(ENGINE) as session:
        await session.execute(
            update(CommissioningSessionRow)
            .where(CommissioningSessionRow.charge_point_id == charge_point_id)
            .values(
                status=status, result=result, completed_at=CommissioningSessionRow.started_at + timedelta(minutes=2)
            )
        )


async def test_start_answers_the_union_of_reference_and_guide(site: BuildingSite) -> None:
    registered = await site.connected(
        charge_point_id="CP-SITE42-001", ocpp_version="2.0.1", model="ABB Terra AC W22-G5"
    )
    answer = await site.start("CP-SITE42-001", template_id="tpl_standard_ac_22kw", skip_test_transaction=False)
    assert answer.status_code == 202
    started = answer.json()
    assert started.keys() >= START_KEYS
    assert started["session_id"] == started["commissioning_id"]
    assert started["session_id"].startswith("comm_")
    assert (started["status"], started["result"], started["estimated_duration_seconds"]) == ("running", None, 120)
    assert [(step["name"], step["status"]) for step in started["steps"]] == [
        ("connectivity", "pending"),
        ("heartbeat", "pending"),
        ("configuration", "pending"),
        ("test_transaction", "pending"),
    ]
    assert [(check["name"], check["status"]) for check in started["checks"]] == [
        ("ocpp_connection", "pending"),
        ("heartbeat", "pending"),
        ("firmware_version", "pending"),
    ]
    assert started["started_at"].endswith("Z")
    status = await site.status(registered["charge_point_id"])
    assert status == started


async def test_the_guides_body_starts_as_well_and_shows_its_checks(site: BuildingSite) -> None:
    registered = await site.connected()
    answer = await site.start(
        registered["charge_point_id"],
        run_connectivity_test=False,
        run_meter_calibration=True,
        notes="Installed in underground car park — check signal strength.",
    )
    started = answer.json()
    assert [(check["name"], check["status"]) for check in started["checks"]] == [
        ("ocpp_connection", "skipped"),
        ("heartbeat", "pending"),
        ("meter_calibration", "pending"),
        ("firmware_version", "pending"),
    ]
    assert started["checks"][0]["detail"] == "Skipped as asked for at the start"
    assert started["notes"] == "Installed in underground car park — check signal strength."


async def test_a_start_without_a_body_takes_the_default_template_of_the_model(site: BuildingSite) -> None:
    registered = await site.connected(model="PKM75", vendor="Tritium")
    answer = await site.alex.post(site.path(registered["charge_point_id"], "start"))
    assert answer.json()["template_id"] == "tpl_dc_rapid_50kw"


async def test_a_start_is_one_transaction_with_its_event_status_log_and_job(site: BuildingSite) -> None:
    registered = await site.connected()
    session_id = (await site.start(registered["charge_point_id"])).json()["session_id"]
    (charge_point,) = await site.rows(ChargePointRow, charge_point_id=registered["charge_point_id"])
    assert charge_point.commissioning_status == "in_progress"
    (event,) = await site.rows(OutboxRow, charge_point_key=charge_point.key, name="commissioning.started")
    assert event.data["session_id"] == session_id
    assert event.data["charge_point_id"] == registered["charge_point_id"]
    (log,) = await site.rows(CommissioningLogRow, session_id=session_id)
    assert (log.level, log.message) == ("info", "Commissioning begins with template Standard AC 22kW")
    (job,) = await site.workplace.jobs.app.job_manager.list_jobs_async(task="commissioning.advance")
    assert job.task_kwargs == {"session_id": session_id}


async def test_of_fifty_starts_at_once_one_wins(site: BuildingSite) -> None:
    """Trust I5."""
    registered = await site.connected()
    answers = await asyncio.gather(*(site.start(registered["charge_point_id"]) for _ in range(50)))
    won = [answer for answer in answers if answer.status_code == 202]
    assert len(won) == 1
    for answer in answers:
        if answer not in won:
            assert_problem(answer, 409, "session_already_running")
    assert len(await site.rows(CommissioningSessionRow)) == 1
    assert len(await site.rows(OutboxRow, name="commissioning.started")) == 1


async def test_a_charge_point_that_is_not_connected_can_not_be_started(site: BuildingSite) -> None:
    registered = await site.workplace.charge_point(site.alex, site.project_id)
    assert_problem(await site.start(registered["charge_point_id"]), 409, "not_connected")
    assert await site.rows(CommissioningSessionRow) == []
    assert await site.rows(CommissioningStepRow) == []


async def test_a_commissioned_charge_point_can_not_be_started(site: BuildingSite) -> None:
    registered = await site.connected()
    async with site.engine.transaction(ENGINE) as session:
        await session.execute(update(ChargePointRow).values(commissioning_status="completed"))
    assert_problem(await site.start(registered["charge_point_id"]), 422, "already_commissioned")


async def test_a_project_that_was_handed_over_is_closed(site: BuildingSite) -> None:
    registered = await site.connected()
    await site.workplace.hand_over(site.project_id)
    assert_problem(await site.start(registered["charge_point_id"]), 409, "project_handed_over")


async def test_a_failed_session_may_be_followed_by_another_and_status_shows_the_newest(site: BuildingSite) -> None:
    charge_point_id = (await site.connected())["charge_point_id"]
    first = (await site.start(charge_point_id)).json()["session_id"]
    await end(site, charge_point_id, "failed", "failed")
    assert (await site.status(charge_point_id))["session_id"] == first
    second = (await site.start(charge_point_id)).json()["session_id"]
    assert (await site.status(charge_point_id))["session_id"] == second != first


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"skip_test_transaction": "perhaps"}, "skip_test_transaction"),
        ({"surprise": 1}, "surprise"),
        ({"notes": "x" * 4001}, "notes"),
    ],
)
async def test_a_wrong_field_is_a_validation_error_that_names_it(site: BuildingSite, body, field: str) -> None:
    registered = await site.connected()
    problem = assert_problem(await site.start(registered["charge_point_id"], **body), 400, "validation_error")
    assert problem["errors"][0]["field"] == field


async def test_what_does_not_exist_is_not_found(site: BuildingSite) -> None:
    registered = await site.connected()
    assert_problem(await site.start("CP-NOBODYS"), 404, "not_found")
    assert_problem(await site.start(registered["charge_point_id"], template_id="tpl_none"), 404, "not_found")
    unstarted = await site.alex.get(site.path(registered["charge_point_id"], "status"))
    assert_problem(unstarted, 404, "not_found")


async def test_another_installers_and_organisations_charge_points_look_absent(site: BuildingSite) -> None:
    """Trust I4."""
    charge_point_id = (await site.connected())["charge_point_id"]
    await site.start(charge_point_id)
    alex, bob = site.alex, await site.workplace.installer("Bob")
    stranger = await site.workplace.organization("Other")
    try:
        site.alex = type(alex)(bob, alex.commissioning)
        assert_problem(await site.start(charge_point_id), 404, "not_found")
        assert_problem(await site.alex.get(site.path(charge_point_id, "status")), 404, "not_found")
        by_hand = await site.alex.post(f"/api/v1/installer/charge-points/{charge_point_id}/commission")
        assert_problem(by_hand, 404, "not_found")
    finally:
        site.alex = alex
    path = f"/api/v1/cpo/charge-points/{charge_point_id}/commissioning"
    assert_problem(await type(alex)(stranger, alex.commissioning).get(path), 404, "not_found")
    own = await type(alex)(site.owner, alex.commissioning).get(path)
    assert own.json() == await site.status(charge_point_id)


async def test_nobody_gets_in_without_a_token(site: BuildingSite) -> None:
    answer = await site.alex.commissioning.get("/api/v1/installer/commissioning/templates")
    assert_problem(answer, 401, "unauthorized")


async def test_the_templates_are_listed_with_the_references_keys(site: BuildingSite) -> None:
    listed = (await site.alex.get("/api/v1/installer/commissioning/templates")).json()
    assert listed["total"] == 2
    first = listed["templates"][0]
    assert (first["template_id"], first["created_at"]) == ("tpl_standard_ac_22kw", "2024-01-01T00:00:00Z")
    assert first["compatible_models"] == ["ABB Terra AC W22-G5", "Schneider EVlink Pro AC"]
    assert first["steps"] == ["connectivity", "heartbeat", "configuration", "test_transaction"]
    assert set(first["configuration"]) >= {"1.6", "2.0.1", "2.1"}
    assert {"key", "value", "reason"} <= first["configuration"]["1.6"][0].keys()


@pytest.fixture
async def by_hand(site: BuildingSite) -> str:
    """A charge point whose session passed in a project with `auto_commission` off."""
    registered = await site.connected()
    await site.start(registered["charge_point_id"])
    return registered["charge_point_id"]


async def test_a_passed_session_is_put_live_by_hand_once(site: BuildingSite, by_hand: str) -> None:
    path = f"/api/v1/installer/charge-points/{by_hand}/commission"
    assert_problem(await site.alex.post(path), 409, "invalid_state")
    await end(site, by_hand, "completed", "passed")
    answers = await asyncio.gather(*(site.alex.post(path) for _ in range(10)))
    (won,) = [answer for answer in answers if answer.status_code == 200]
    assert won.json()["commissioned_at"] is not None
    for answer in answers:
        if answer is not won:
            assert_problem(answer, 422, "already_commissioned")
    assert len(await site.rows(OutboxRow, name="commissioning.completed")) == 1
    (charge_point,) = await site.rows(ChargePointRow, charge_point_id=by_hand)
    assert charge_point.commissioning_status == "completed"


async def test_a_charge_point_that_was_never_commissioned_can_not_be_put_live(site: BuildingSite) -> None:
    registered = await site.connected()
    answer = await site.alex.post(f"/api/v1/installer/charge-points/{registered['charge_point_id']}/commission")
    assert_problem(answer, 404, "not_found")


async def test_the_newest_session_is_what_checklist_and_certificate_are_told(site: BuildingSite, by_hand: str) -> None:
    key = await site.workplace.key_of(by_hand)
    async with site.engine.transaction(ENGINE) as session:
        changes = {
            "connectivity": {"status": "passed", "detail": "connected"},
            "firmware_version": {"status": "passed", "value": "3.4.1"},
            "test_transaction": {"status": "passed", "evidence": {"energy_wh": 21}},
        }
        for name, values in changes.items():
            await session.execute(
                update(CommissioningStepRow).where(CommissioningStepRow.name == name).values(**values)
            )
    records = CommissioningRecords()
    async with site.engine.transaction(ENGINE) as session:
        summary = (await records.summaries(session, [key]))[key]
        checks = (await records.platform_checks(session, [key]))[key]
        assert await records.summaries(session, [-1]) == {}
    assert (summary.test_energy_wh, summary.firmware_version) == (21, "3.4.1")
    assert (checks["ocpp_connection"].done, checks["ocpp_connection"].note) == (True, "connected")
    assert checks["heartbeat"].done is False
    assert "meter_calibration" not in checks
