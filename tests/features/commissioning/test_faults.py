"""Owners of sites report faults of chargers that were handed over (contract §2): with photos, to the organisation, and see what becomes of them."""

import email
import email.policy
import io
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from reporting_site import ReportingSite, open_reporting
from sliproad.features.sites.store import SiteOwnerRow
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.outbox import OutboxRow
from workplace import Somebody, assert_problem, open_workplace

ISSUES = "/api/v1/cpo/issues"
FAULT = {
    "category": "hardware_defect",
    "description": "The cable of connector 1 is torn; a driver told us this morning.",
    "severity": "critical",
}


@pytest.fixture
async def site(
    web: Database, engine: Database, bus: Bus, clock: ManualClock, secret_key: SecretKey, tmp_path: pathlib.Path
) -> AsyncIterator[ReportingSite]:
    async with (
        open_workplace(web, engine, bus, clock, secret_key, tmp_path) as workplace,
        open_reporting(workplace) as opened,
    ):
        yield opened


@pytest.fixture
async def sarah(site: ReportingSite) -> Somebody:
    """The owner of the site, after the handover."""
    owner = await site.site_owner()
    await site.workplace.hand_over(site.project_id)
    return owner


def path(site: ReportingSite, rest: str = "faults") -> str:
    return f"/api/v1/site-owner/charge-points/{site.charge_point_id}/{rest}"


def told(issue: dict[str, Any]) -> list[tuple[str, str, str, str | None]]:
    return [(line["action"], line["by"]["kind"], line["by"]["name"], line["comment"]) for line in issue["history"]]


async def test_a_fault_reaches_the_organisation_and_its_answer_comes_back(site: ReportingSite, sarah: Somebody) -> None:
    made = await sarah.create(path(site), **FAULT)
    assert (made["reference_number"], made["status"]) == ("SLP-2026-00001", "open")
    issue_id = made["issue_id"]
    [listed] = (await site.riverside.get(ISSUES, params={"status": "open"})).json()["issues"]
    assert listed["description"] == FAULT["description"]
    assert listed["reported_by"] == {"kind": "site_owner", "id": sarah.id, "name": "Sarah Owen"}
    for verb, body in (("comments", {"text": "A new cable comes on Monday."}), ("resolve", {"comment": "Replaced."})):
        assert (await site.riverside.post(f"{ISSUES}/{issue_id}/{verb}", json=body)).status_code in {200, 201}
    said = await sarah.post(path(site, f"faults/{issue_id}/comments"), json={"text": "Thank you, it charges again."})
    assert said.status_code == 201
    assert told((await sarah.get(path(site, f"faults/{issue_id}"))).json()) == [
        ("reported", "site_owner", "Sarah Owen", None),
        ("commented", "api_key", "test key", "A new cable comes on Monday."),
        ("resolved", "api_key", "test key", "Replaced."),
        ("commented", "site_owner", "Sarah Owen", "Thank you, it charges again."),
    ]
    of_project = (await sarah.get(f"/api/v1/site-owner/projects/{site.project_id}/faults")).json()
    assert [(each["issue_id"], each["status"]) for each in of_project["issues"]] == [(issue_id, "resolved")]
    assert (await sarah.get(path(site))).json() == of_project


async def test_the_event_names_the_owner_and_the_mail_says_who_it_was(
    site: ReportingSite, sarah: Somebody, engine: Database
) -> None:
    await sarah.create(path(site), **FAULT)
    async with engine.transaction(ENGINE) as session:
        [event] = await session.scalars(select(OutboxRow).where(OutboxRow.name == "issue.reported"))
    assert event.data["reported_by"] == {"user_id": sarah.id, "full_name": "Sarah Owen"}
    assert await site.drain() == 1
    [mailed] = site.workplace.mail_folder.glob("*.eml")
    body = email.message_from_bytes(mailed.read_bytes(), policy=email.policy.default).get_body(("plain",))
    assert body is not None
    assert "the owner of the site reported a fault:" in body.get_content()
    assert "Reported by: Sarah Owen" in body.get_content()


async def test_a_fault_comes_with_photos(site: ReportingSite, sarah: Somebody) -> None:
    taken = io.BytesIO()
    Image.new("RGB", (64, 32), "red").save(taken, "PNG")
    answer = await sarah.post(path(site, "photos"), files={"photo": ("cable.png", taken.getvalue())})
    assert answer.status_code == 201, answer.text
    photo = answer.json()
    made = await sarah.create(path(site), **FAULT, photo_urls=[photo["photo_id"]])
    assert (await sarah.get(photo["url"])).content[:2] == b"\xff\xd8"
    read = (await site.riverside.get(f"{ISSUES}/{made['issue_id']}")).json()
    assert read["photo_ids"] == [photo["photo_id"]]
    assert (await site.riverside.get(f"/api/v1/cpo/photos/{photo['photo_id']}")).status_code == 200


async def test_before_the_handover_installers_report(site: ReportingSite) -> None:
    sarah = await site.site_owner()
    problem = assert_problem(await sarah.post(path(site), json=FAULT), 409, "invalid_state")
    assert "has not been handed over yet" in problem["detail"]
    assert_problem(await sarah.post(path(site, "photos"), files={"photo": ("a.jpg", b"x")}), 409, "invalid_state")
    assert (await site.riverside.get(ISSUES)).json()["total"] == 0


async def test_what_installers_settled_with_the_organisation_is_not_the_owners(
    site: ReportingSite, engine: Database
) -> None:
    theirs = (await site.report())["issue_id"]
    sarah = await site.site_owner()
    await site.workplace.hand_over(site.project_id)
    mine = (await sarah.create(path(site), **FAULT))["issue_id"]
    assert [each["issue_id"] for each in (await sarah.get(path(site))).json()["issues"]] == [mine]
    assert_problem(await sarah.get(path(site, f"faults/{theirs}")), 404, "not_found")
    assert_problem(await sarah.post(path(site, f"faults/{theirs}/comments"), json={"text": "x"}), 404, "not_found")


async def test_a_site_of_others_does_not_exist(site: ReportingSite, sarah: Somebody, engine: Database) -> None:
    issue_id = (await sarah.create(path(site), **FAULT))["issue_id"]
    other_site = await site.workplace.site(site.workplace_owner, "Harbour")
    stranger = site.here(await site.workplace.site_owner(other_site, site.riverside.id))
    for rest in ("faults", f"faults/{issue_id}"):
        assert_problem(await stranger.get(path(site, rest)), 404, "not_found")
    assert_problem(await stranger.post(path(site), json=FAULT), 404, "not_found")
    assert_problem(await stranger.get(f"/api/v1/site-owner/projects/{site.project_id}/faults"), 404, "not_found")
    assert_problem(await site.alex.post(path(site), json=FAULT), 401, "unauthorized")
    # and whoever gives the site away sees it no more
    async with engine.transaction(ENGINE) as session:
        for row in await session.scalars(select(SiteOwnerRow).where(SiteOwnerRow.user_id == sarah.id)):
            await session.delete(row)
    assert_problem(await sarah.get(path(site, f"faults/{issue_id}")), 404, "not_found")
