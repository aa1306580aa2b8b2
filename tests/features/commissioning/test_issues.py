"""Reporting issues and working on them, over HTTP (REF "Report an issue", "List issues"; contract §3 and §4)."""

import email
import email.policy
import pathlib
from collections.abc import AsyncIterator
from typing import Any, get_args

import pytest
from sqlalchemy import select

from reporting_site import REPORT, ReportingSite, open_reporting
from sliproad.features.accounts.model import Audience
from sliproad.features.accounts.store import OrganizationRow, UserRow
from sliproad.features.commissioning.issues import StepName
from sliproad.features.commissioning.steps import STEPS
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.outbox import OutboxRow
from workplace import Somebody, assert_problem, open_workplace

ISSUES = "/api/v1/cpo/issues"


@pytest.fixture
async def site(
    web: Database, engine: Database, bus: Bus, clock: ManualClock, secret_key: SecretKey, tmp_path: pathlib.Path
) -> AsyncIterator[ReportingSite]:
    async with (
        open_workplace(web, engine, bus, clock, secret_key, tmp_path) as workplace,
        open_reporting(workplace) as opened,
    ):
        yield opened


async def work_on(who: Somebody, issue_id: str, verb: str, **body: Any) -> dict[str, Any]:
    answer = await who.post(f"{ISSUES}/{issue_id}/{verb}", json=body)
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


def told(issue: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    """The history in short: what, by whom, with which words."""
    return [(line["action"], line["by"]["name"], line["comment"]) for line in issue["history"]]


async def test_a_report_is_answered_as_the_reference_says(site: ReportingSite) -> None:
    made = await site.report(step="connectivity", photo_urls=["https://storage.example.com/photos/lcd.jpg"])
    assert made == {
        "issue_id": made["issue_id"],
        "charge_point_id": site.charge_point_id,
        "category": "network_problem",
        "severity": "high",
        "status": "open",
        "created_at": "2026-05-01T10:23:00Z",
        "reference_number": "SLP-2026-00001",
    }
    assert made["issue_id"].startswith("iss_")
    listed = (await site.alex.get(site.path("issues"))).json()
    kept = {name: made[name] for name in made if name != "charge_point_id"}
    assert listed == {"issues": [kept], "total": 1, "next_cursor": None}
    read = (await site.alex.get(site.path(f"issues/{made['issue_id']}"))).json()
    assert read["photo_urls"] == ["https://storage.example.com/photos/lcd.jpg"]
    assert (read["step"], read["description"]) == ("connectivity", REPORT["description"])
    assert told(read) == [("reported", "Alex Technician", None)]


WRONG = [
    ({"category": "weather"}, "category"),
    ({"severity": "urgent"}, "severity"),
    ({"description": "too short, isn't it"}, "description"),
    ({"description": "   nineteen letters.   "}, "description"),
    ({"description": "x" * 10_001}, "description"),
    ({"step": "plug_in"}, "step"),
    ({"photo_urls": ["ftp://storage.example.com/lcd.jpg"]}, "photo_urls.0"),
    ({"photo_urls": ["https://a.example/1.jpg", "javascript:alert(1)"]}, "photo_urls.1"),
    ({"photo_urls": ["pho_00000000000000000000"]}, "photo_urls.0"),
    ({"photo_urls": "https://a.example/1.jpg"}, "photo_urls"),
    ({"photo_urls": ["https://a.example/1.jpg"] * 21}, "photo_urls"),
    ({"urgency": "high"}, "urgency"),
]


async def test_a_wrong_or_missing_field_is_named(site: ReportingSite) -> None:
    for change, field in WRONG:
        answer = await site.alex.post(site.path("report-issue"), json=REPORT | change)
        problem = assert_problem(answer, 400, "validation_error")
        assert [error["field"] for error in problem["errors"]] == [field]
    for missing in ("category", "description", "severity"):
        body = {name: value for name, value in REPORT.items() if name != missing}
        problem = assert_problem(await site.alex.post(site.path("report-issue"), json=body), 400, "validation_error")
        assert problem["errors"] == [{"field": missing, "message": "is required"}]
    enough = await site.report(description="  twenty letters in it  ")
    assert enough["reference_number"] == "SLP-2026-00001", "a refused report takes no number"


def test_the_steps_that_a_report_may_name_are_the_steps_there_are() -> None:
    assert set(get_args(StepName)) == set(STEPS)


async def test_issues_are_listed_newest_first_in_pages(site: ReportingSite, clock: ManualClock) -> None:
    made = []
    for _ in range(5):
        made.append((await site.report())["issue_id"])
        clock.advance(seconds=1)
    seen, cursor = [], None
    for _ in range(3):
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await site.alex.get(site.path("issues"), params=query)).json()
        assert page["total"] == 5
        seen += [issue["issue_id"] for issue in page["issues"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (made[::-1], None)


async def test_a_project_that_was_handed_over_takes_no_reports(site: ReportingSite) -> None:
    made = await site.report()
    await site.workplace.hand_over(site.project_id)
    assert_problem(await site.alex.post(site.path("report-issue"), json=REPORT), 409, "project_handed_over")
    assert (await site.alex.get(site.path(f"issues/{made['issue_id']}"))).status_code == 200


async def test_the_organisation_works_on_an_issue_and_every_change_is_recorded(
    site: ReportingSite, clock: ManualClock
) -> None:
    issue_id = (await site.report())["issue_id"]
    priya = await site.user(site.riverside)
    clock.advance(minutes=1)
    await work_on(priya, issue_id, "comments", text="Is the SIM in slot 1?")
    clock.advance(minutes=1)
    answer = await site.alex.post(site.path(f"issues/{issue_id}/comments"), json={"text": "It is, and it is active."})
    assert answer.status_code == 201, answer.text
    assigned = await work_on(priya, issue_id, "assign", user_id=priya.id)
    assert assigned["assigned_to"] == {"kind": "user", "id": priya.id, "name": "Priya Manager"}
    clock.advance(minutes=1)
    resolved = await work_on(priya, issue_id, "resolve", comment="The APN was wrong.")
    assert (resolved["status"], resolved["resolved_at"]) == ("resolved", "2026-05-01T10:26:00Z")
    assert_problem(await priya.post(f"{ISSUES}/{issue_id}/resolve", json={}), 409, "invalid_state")
    reopened = await work_on(site.riverside, issue_id, "reopen")
    assert (reopened["status"], reopened["resolved_at"]) == ("open", None)
    assert_problem(await priya.post(f"{ISSUES}/{issue_id}/reopen"), 409, "invalid_state")
    freed = await work_on(priya, issue_id, "assign", user_id=None)
    assert told(freed) == [
        ("reported", "Alex Technician", None),
        ("commented", "Priya Manager", "Is the SIM in slot 1?"),
        ("commented", "Alex Technician", "It is, and it is active."),
        ("assigned", "Priya Manager", None),
        ("resolved", "Priya Manager", "The APN was wrong."),
        ("reopened", "test key", None),
        ("unassigned", "Priya Manager", None),
    ]
    assert [line["by"]["kind"] for line in freed["history"]] == [
        *("installer", "user", "installer", "user", "user", "api_key", "user"),
    ]
    assert freed["history"][1]["at"] == "2026-05-01T10:24:00Z"
    assert freed["updated_at"] == "2026-05-01T10:26:00Z"
    assert (await site.alex.get(site.path(f"issues/{issue_id}"))).json() == freed, "its reporter reads all of it"


async def test_an_issue_goes_to_users_of_the_organisation_alone(site: ReportingSite) -> None:
    issue_id = (await site.report())["issue_id"]
    hilltop = await site.workplace.organization("Hilltop")
    stranger = await site.user(hilltop, "Somebody Else")
    for user_id in (stranger.id, site.alex.id, "usr_unknown"):
        answer = await site.riverside.post(f"{ISSUES}/{issue_id}/assign", json={"user_id": user_id})
        assert assert_problem(answer, 400, "validation_error")["errors"][0]["field"] == "user_id"
    assert_problem(await site.riverside.post(f"{ISSUES}/{issue_id}/assign", json={}), 400, "validation_error")


async def test_the_list_can_be_narrowed(site: ReportingSite) -> None:
    other_project = await site.workplace.project(site.workplace_owner, site.workplace_alex)
    other = (await site.workplace.charge_point(site.workplace_alex, other_project))["charge_point_id"]
    first = (await site.report())["issue_id"]
    low = (await site.report(severity="low"))["issue_id"]
    elsewhere = await site.alex.create(f"/api/v1/installer/commissioning/{other}/report-issue", **REPORT)
    await work_on(site.riverside, first, "resolve")

    async def found(**query: str) -> set[str]:
        answer = (await site.riverside.get(ISSUES, params=query)).json()
        assert answer["total"] == len(answer["issues"])
        return {issue["issue_id"] for issue in answer["issues"]}

    assert await found() == {first, low, elsewhere["issue_id"]}
    assert await found(status="open") == {low, elsewhere["issue_id"]}
    assert await found(status="resolved") == {first}
    assert await found(severity="low") == {low}
    assert await found(charge_point_id=other) == {elsewhere["issue_id"]}
    assert await found(project_id=site.project_id) == {first, low}
    assert await found(project_id=site.project_id, status="open", severity="low") == {low}
    assert await found(charge_point_id="CP-UNKNOWN") == set()
    assert_problem(await site.riverside.get(ISSUES, params={"status": "new"}), 400, "validation_error")


async def test_who_only_reads_changes_nothing(site: ReportingSite) -> None:
    issue_id = (await site.report())["issue_id"]
    viewer = await site.user(site.riverside, "Vera Viewer", role="viewer")
    assert (await viewer.get(f"{ISSUES}/{issue_id}")).status_code == 200
    for verb, body in (("comments", {"text": "x"}), ("assign", {"user_id": None}), ("resolve", {}), ("reopen", {})):
        assert_problem(await viewer.post(f"{ISSUES}/{issue_id}/{verb}", json=body), 403, "forbidden")


async def test_what_belongs_to_others_does_not_exist(site: ReportingSite) -> None:
    issue_id = (await site.report())["issue_id"]
    hilltop = site.here(await site.workplace.organization("Hilltop"))
    sara = site.here(await site.workplace.installer("Sara Stranger"))
    for who, path in (
        (sara, site.path("issues")),
        (sara, site.path(f"issues/{issue_id}")),
        (hilltop, f"{ISSUES}/{issue_id}"),
    ):
        assert_problem(await who.get(path), 404, "not_found")
    assert_problem(await sara.post(site.path("report-issue"), json=REPORT), 404, "not_found")
    assert_problem(await sara.post(site.path(f"issues/{issue_id}/comments"), json={"text": "x"}), 404, "not_found")
    for verb, body in (("comments", {"text": "x"}), ("assign", {"user_id": None}), ("resolve", {}), ("reopen", {})):
        assert_problem(await hilltop.post(f"{ISSUES}/{issue_id}/{verb}", json=body), 404, "not_found")
    assert (await hilltop.get(ISSUES)).json() == {"issues": [], "total": 0, "next_cursor": None}
    assert (await hilltop.get(ISSUES, params={"charge_point_id": site.charge_point_id})).json()["total"] == 0
    assert_problem(await site.alex.get(ISSUES), 401, "unauthorized")
    assert_problem(await site.riverside.get(site.path("issues")), 401, "unauthorized")


async def test_an_issue_of_another_charge_point_is_not_found_here(site: ReportingSite) -> None:
    issue_id = (await site.report())["issue_id"]
    other = (await site.workplace.charge_point(site.workplace_alex, site.project_id))["charge_point_id"]
    path = f"/api/v1/installer/commissioning/{other}/issues/{issue_id}"
    assert_problem(await site.alex.get(path), 404, "not_found")


async def test_an_installer_taken_off_the_project_sees_it_no_more(site: ReportingSite) -> None:
    await site.report()
    path = f"/api/v1/cpo/projects/{site.project_id}/installers/{site.alex.id}"
    assert (await site.workplace_owner.delete(path)).status_code == 204
    assert_problem(await site.alex.get(site.path("issues")), 404, "not_found")


async def test_support_sees_the_issues_of_all(site: ReportingSite) -> None:
    mine = (await site.report())["issue_id"]
    hilltop, sara = await site.workplace.organization("Hilltop"), await site.workplace.installer("Sara")
    project_id = await site.workplace.project(hilltop, sara)
    theirs = (await site.workplace.charge_point(sara, project_id))["charge_point_id"]
    made = await site.here(sara).create(f"/api/v1/installer/commissioning/{theirs}/report-issue", **REPORT)
    assert made["reference_number"] == "SLP-2026-00002", "numbers run through the installation"
    support = await site.support()
    everything = (await support.get("/api/v1/admin/issues")).json()
    assert {issue["issue_id"] for issue in everything["issues"]} == {mine, made["issue_id"]}
    narrowed = (await support.get("/api/v1/admin/issues", params={"organization_id": hilltop.id})).json()
    assert [issue["issue_id"] for issue in narrowed["issues"]] == [made["issue_id"]]
    said = await support.post(f"/api/v1/admin/issues/{mine}/comments", json={"text": "We see it on our side too."})
    assert said.status_code == 201
    assert told((await site.riverside.get(f"{ISSUES}/{mine}")).json())[-1] == (
        "commented",
        "Sam Support",
        "We see it on our side too.",
    )


async def test_only_platform_administrators_are_support(site: ReportingSite, engine: Database) -> None:
    priya, support = await site.user(site.riverside, role="owner"), await site.support()
    for who in (priya, site.riverside, site.alex):
        assert_problem(await who.get("/api/v1/admin/issues"), 401, "unauthorized")
    assert_problem(await support.get(ISSUES), 401, "unauthorized")
    assert (await support.get("/api/v1/admin/me")).json()["user_id"] == support.id
    async with engine.transaction(ENGINE) as session:
        (await session.get_one(UserRow, support.id)).is_platform_admin = False
    assert_problem(await support.get("/api/v1/admin/issues"), 401, "unauthorized")


async def test_a_platform_administrator_logs_in_and_out(site: ReportingSite, engine: Database) -> None:
    support, priya = await site.support(), await site.user(site.riverside)
    password_hash = await site.workplace.invitations.passwords.hash("correct horse battery")
    async with engine.transaction(ENGINE) as session:
        for who in (support, priya):
            (await session.get_one(UserRow, who.id)).password_hash = password_hash
    body = {"email": support.email, "password": "correct horse battery"}
    token = (await site.client.post("/api/v1/admin/login", json=body)).json()["access_token"]
    logged_in = Somebody(site.client, support.id, token)
    assert (await logged_in.get("/api/v1/admin/issues")).status_code == 200
    assert (await logged_in.post("/api/v1/admin/logout")).status_code == 204
    assert_problem(await logged_in.get("/api/v1/admin/issues"), 401, "unauthorized")
    assert_problem(await site.client.post("/api/v1/admin/login", json=body | {"email": priya.email}), 403, "forbidden")
    assert_problem(
        await site.client.post("/api/v1/admin/login", json=body | {"password": "x" * 12}), 401, "unauthorized"
    )


async def test_the_event_and_the_mail_go_out_once(site: ReportingSite, engine: Database) -> None:
    made = await site.report(step="heartbeat", severity="critical")
    async with engine.transaction(ENGINE) as session:
        [event] = await session.scalars(select(OutboxRow).where(OutboxRow.name == "issue.reported"))
        contact = (await session.get_one(OrganizationRow, site.riverside.id)).contact_email
    assert event.organization_id == site.riverside.id
    for name in ("issue_id", "reference_number", "charge_point_id", "category", "severity", "status", "created_at"):
        assert event.data[name] == made[name], name
    assert (event.data["step"], event.data["description"]) == ("heartbeat", REPORT["description"])
    assert event.data["reported_by"] == {"installer_id": site.alex.id, "full_name": "Alex Technician"}
    assert await site.drain() == 1
    assert await site.drain() == 0
    [path] = site.workplace.mail_folder.glob("*.eml")
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    body = mail.get_body(("plain",))
    assert (mail["To"], body is not None) == (contact, True)
    assert " ".join(mail["Subject"].split()) == f"SLP-2026-00001: network problem at {site.charge_point_id}"
    for words in (REPORT["description"], "Severity: critical", "Step: heartbeat", "Reported by: Alex Technician"):
        assert words in body.get_content()


async def test_text_of_an_installer_is_text_in_the_mail(site: ReportingSite) -> None:
    await site.report(description="<script>alert(1)</script> & <b>bold words of an installer</b>")
    await site.drain()
    [path] = site.workplace.mail_folder.glob("*.eml")
    html = email.message_from_bytes(path.read_bytes(), policy=email.policy.default).get_body(("html",))
    assert "<script>" not in html.get_content()
    assert "&lt;script&gt;" in html.get_content()


async def test_the_number_begins_anew_with_the_year(site: ReportingSite, clock: ManualClock) -> None:
    assert (await site.report())["reference_number"] == "SLP-2026-00001"
    assert (await site.report())["reference_number"] == "SLP-2026-00002"
    clock.at = clock.at.replace(month=12, day=31, hour=23, minute=59)
    site.alex.credential = site.workplace.access_tokens.issue(Audience.INSTALLER, site.alex.id, 0)
    assert (await site.report())["reference_number"] == "SLP-2026-00003"
    clock.advance(minutes=1)
    assert (await site.report())["reference_number"] == "SLP-2027-00001"


async def test_a_repeated_report_with_its_key_is_one_issue(site: ReportingSite) -> None:
    headers = {"Idempotency-Key": "report-1"}
    first = await site.alex.post(site.path("report-issue"), json=REPORT, headers=headers)
    again = await site.alex.post(site.path("report-issue"), json=REPORT, headers=headers)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert (await site.alex.get(site.path("issues"))).json()["total"] == 1
