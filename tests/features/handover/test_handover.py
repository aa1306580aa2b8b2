"""Handing a project over: GUIDE step 6, contract §3 "Checklist and handover"."""

import asyncio
import json
import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from features.handover.conftest import ALEX, PROJECT, PUBLIC_URL, Installation, add_charge_point
from sliproad.features.accounts.model import InstallerActor
from sliproad.features.handover.model import Declaration, Handover
from sliproad.features.handover.store import CertificateLinkRow, HandoverRow
from sliproad.features.projects.store import ProjectInstallerRow, ProjectRow
from sliproad.foundation.database import ENGINE
from sliproad.foundation.documents.verification import extract_attachments, verify_pdf
from sliproad.foundation.errors import Conflict, NotAllowed, NotFound, TooMany
from sliproad.foundation.outbox import OutboxRow

DECLARATION = Declaration(
    signed_by="Alex Technician",
    handover_notes="Both bays commissioned.",
    site_contact_name="Sarah Owen",
    site_contact_email="S.Owen@riversidebp.example",
)


async def handed_over(installation: Installation) -> Handover:
    async with installation.worker():
        done = await installation.service.complete(ALEX, PROJECT, DECLARATION)
        await installation.mails(3)
        return done


def token_of(url: str) -> str:
    return url.rpartition("/")[2].removesuffix(".pdf")


async def assert_not_ready(installation: Installation, *missing: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        await installation.service.complete(ALEX, PROJECT, DECLARATION)
    assert refused.value.code == "handover_not_ready"
    assert refused.value.missing == missing
    async with installation.engine.transaction(ENGINE) as session:
        assert await session.scalar(select(func.count()).select_from(HandoverRow)) == 0
        assert (await session.get_one(ProjectRow, PROJECT)).status == "in_progress"


async def test_a_ready_project_is_handed_over(installation: Installation) -> None:
    done = await handed_over(installation)

    assert done.project_id == PROJECT
    assert done.handed_over_at == installation.clock.now()
    assert re.fullmatch(rf"{PUBLIC_URL}/certificates/[A-Za-z0-9]{{32}}\.pdf", done.certificate_url)
    assert done.verify_url == f"{PUBLIC_URL}/verify/{done.certificate_id}"
    async with installation.engine.transaction(ENGINE) as session:
        project = await session.get_one(ProjectRow, PROJECT)
    assert (project.status, project.handed_over_at) == ("handed_over", installation.clock.now())


async def test_its_certificate_is_there_with_the_answer_and_genuine(installation: Installation) -> None:
    await installation.tick("emergency_stop", 0)
    await installation.tick("owner_briefed")

    done = await handed_over(installation)
    opened = await installation.service.open_link(token_of(done.certificate_url))

    assert opened.file is not None
    assert (await verify_pdf(opened.file.data, [installation.identity.trust_root], at=done.handed_over_at)).genuine
    record = json.loads(extract_attachments(opened.file.data)["handover-record.json"])
    assert record["certificate_id"] == done.certificate_id
    assert record["organization_name"] == "Riverside Charging Ltd"
    assert record["installers"] == [{"company": "Acme EV Installations", "full_name": "Alex Technician"}]
    first = record["charge_points"][0]
    assert first["serial_number"] == "SN-ABX-000"
    assert first["test_energy_wh"] == 21
    assert [step["name"] for step in first["steps"]] == [
        "connectivity",
        "heartbeat",
        "configuration",
        "meter_calibration",
        "test_transaction",
    ]
    items = {item["name"]: item for item in first["checklist"]}
    assert items["emergency_stop"] == {
        "by_platform": False,
        "done": True,
        "done_at": "2026-05-01T10:23:00Z",
        "done_by": "Alex Technician",
        "name": "emergency_stop",
        "note": "pressed twice",
    }
    assert items["heartbeat"]["by_platform"]
    assert not items["powered_ready"]["done"]
    assert record["project_checklist"][0]["done"]


async def test_operator_and_site_owner_get_the_certificate_by_mail(installation: Installation) -> None:
    async with installation.worker():
        done = await installation.service.complete(ALEX, PROJECT, DECLARATION)
        mails = await installation.mails(3)

    assert set(mails) == {"ops@riverside.example", "s.owen@riversidebp.example", "owner@riverside.example"}
    links = set()
    for mail in mails.values():
        assert mail["Subject"] == "Handed over: Riverside — Phase 1"
        text, html = mail.get_body(("plain",)).get_content(), mail.get_body(("html",)).get_content()
        assert "Sarah Owen" in text
        assert "Sarah Owen" in html
        (url,) = re.findall(rf"{PUBLIC_URL}/certificates/\S+", text)
        assert url in html
        assert done.verify_url in text
        links.add(url)
        (attached,) = mail.iter_attachments()
        assert attached.get_filename() == f"handover-{done.certificate_id}.pdf"
        assert attached.get_content_type() == "application/pdf"
        assert (await verify_pdf(attached.get_content(), [installation.identity.trust_root])).covers_whole_file
    assert len(links) == 3
    assert done.certificate_url not in links


async def test_text_of_people_is_escaped_in_mails(installation: Installation) -> None:
    """Trust D2."""
    await installation.change_project(name="<script>alert(1)</script>\r\nBcc: all@example.com")

    async with installation.worker():
        await installation.service.complete(ALEX, PROJECT, DECLARATION)
        mails = await installation.mails(3)

    for mail in mails.values():
        assert mail["Bcc"] is None
        html = mail.get_body(("html",)).get_content()
        assert "<script>" not in html
        assert "&lt;script&gt;" in html


async def test_the_event_goes_out_once_and_carries_no_link(installation: Installation) -> None:
    done = await handed_over(installation)

    async with installation.engine.transaction(ENGINE) as session:
        (event,) = (await session.scalars(select(OutboxRow).where(OutboxRow.name == "handover.completed"))).all()
    assert event.organization_id == "org_riverside"
    assert event.data["certificate_id"] == done.certificate_id
    assert event.data["charge_points"] == ["CP-RIVERSIDE-000", "CP-RIVERSIDE-001"]
    assert event.data["handed_over_at"] == "2026-05-01T10:23:00Z"
    assert token_of(done.certificate_url) not in json.dumps(event.data)


async def test_of_twenty_at_once_one_wins(installation: Installation) -> None:
    """Trust I5."""
    async with installation.worker():
        results = await asyncio.gather(
            *(installation.service.complete(ALEX, PROJECT, DECLARATION) for _ in range(20)), return_exceptions=True
        )
        await installation.mails(3)

    won = [result for result in results if isinstance(result, Handover)]
    lost = [result for result in results if isinstance(result, Conflict)]
    assert len(won) == 1
    assert [error.code for error in lost] == ["project_handed_over"] * 19
    async with installation.engine.transaction(ENGINE) as session:
        assert await session.scalar(select(func.count()).select_from(OutboxRow)) == 1
        assert await session.scalar(select(func.count()).select_from(HandoverRow)) == 1


async def test_a_certificate_is_issued_once_however_often_the_job_runs(installation: Installation) -> None:
    done = await handed_over(installation)
    first = await installation.service.open_link(token_of(done.certificate_url))

    await asyncio.gather(*(installation.issuer.issue(done.certificate_id) for _ in range(3)))

    again = await installation.service.open_link(token_of(done.certificate_url))
    assert again.file == first.file
    async with installation.engine.transaction(ENGINE) as session:
        assert await session.scalar(select(func.count()).select_from(CertificateLinkRow)) == 4


async def test_without_a_worker_the_handover_stands_and_the_certificate_follows(installation: Installation) -> None:
    installation.service.patience_seconds = 0.1
    done = await installation.service.complete(ALEX, PROJECT, DECLARATION)
    token = token_of(done.certificate_url)
    assert (await installation.service.open_link(token)).file is None

    await installation.issuer.issue(done.certificate_id)

    assert (await installation.service.open_link(token)).file is not None


async def test_an_empty_project_is_never_ready(installation: Installation) -> None:
    await installation.change_project(charge_points_expected=0)
    for number in (0, 1):
        await installation.change_charge_point(number, removed_at=installation.clock.now())

    await assert_not_ready(installation, "0 of 1 expected charge points are registered.")


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("not_started", "has not been commissioned"),
        ("in_progress", "is still being commissioned"),
        ("failed", "failed its commissioning"),
    ],
)
async def test_each_unfinished_charge_point_is_named(installation: Installation, status: str, sentence: str) -> None:
    await installation.change_charge_point(1, commissioning_status=status)

    await assert_not_ready(installation, f"Charge point CP-RIVERSIDE-001 {sentence}.")


async def test_the_expected_number_must_be_reached(installation: Installation) -> None:
    await installation.change_project(charge_points_expected=3)

    await assert_not_ready(installation, "2 of 3 expected charge points are registered.")


async def test_more_than_expected_is_enough(installation: Installation) -> None:
    await add_charge_point(installation, 2)

    assert (await handed_over(installation)).project_id == PROJECT


async def test_a_project_can_require_its_whole_checklist(installation: Installation) -> None:
    await installation.change_project(require_checklist=True)
    for number in (0, 1):
        for item in ("powered_ready", "emergency_stop", "cable_and_ip_rating"):
            await installation.tick(item, number, done=(number, item) != (1, "emergency_stop"))

    await assert_not_ready(
        installation,
        "Checklist item emergency_stop (CP-RIVERSIDE-001) is not done.",
        "Checklist item owner_briefed is not done.",
    )


async def test_somebody_elses_project_does_not_exist(installation: Installation) -> None:
    """Trust I4."""
    stranger = InstallerActor("ins_stranger", "Sam", "sam@elsewhere.example", None)

    with pytest.raises(NotFound):
        await installation.service.complete(stranger, PROJECT, DECLARATION)


async def test_who_was_taken_off_hands_nothing_over(installation: Installation) -> None:
    """Trust I3."""
    async with installation.engine.transaction(ENGINE) as session:
        assignment = await session.get_one(ProjectInstallerRow, (PROJECT, ALEX.installer_id))
        assignment.removed_at = installation.clock.now()

    with pytest.raises(NotFound):
        await installation.service.complete(ALEX, PROJECT, DECLARATION)


async def test_a_link_lives_ninety_days(installation: Installation) -> None:
    done = await handed_over(installation)
    token = token_of(done.certificate_url)

    installation.clock.advance(days=90, seconds=-1)
    assert not (await installation.service.open_link(token)).is_expired
    installation.clock.advance(seconds=1)
    opened = await installation.service.open_link(token)

    assert opened.is_expired
    assert opened.file is None


async def test_an_expired_link_is_renewed_to_the_same_mailbox_only(installation: Installation) -> None:
    done = await handed_over(installation)
    installation.clock.advance(days=91)

    async with installation.worker():
        assert await installation.service.renew_link(token_of(done.certificate_url)) == ALEX.email
        mails = await installation.mails(4)

    (url,) = re.findall(rf"{PUBLIC_URL}/certificates/\S+", mails[ALEX.email].get_body(("plain",)).get_content())
    assert (await installation.service.open_link(token_of(url))).file is not None


async def test_new_links_are_limited(installation: Installation) -> None:
    done = await handed_over(installation)
    token = token_of(done.certificate_url)

    for _ in range(3):
        await installation.service.renew_link(token)
    with pytest.raises(TooMany):
        await installation.service.renew_link(token)


@pytest.mark.parametrize("token", ["", "x" * 32, "' or 1=1 --", "é" * 20])
async def test_a_guessed_link_leads_nowhere(installation: Installation, token: str) -> None:
    await handed_over(installation)

    with pytest.raises(NotFound):
        await installation.service.open_link(token)
    with pytest.raises(NotFound):
        await installation.service.renew_link(token)


async def test_no_token_is_stored(installation: Installation) -> None:
    """Trust P3: only keyed hashes of tokens are kept."""
    done = await handed_over(installation)
    token = token_of(done.certificate_url)

    async with installation.engine.transaction(ENGINE) as session:
        rows = (await session.scalars(select(CertificateLinkRow))).all()
    assert all(token not in str(vars(row)) for row in rows)
    assert all(row.expires_at - row.created_at == timedelta(days=90) for row in rows)
