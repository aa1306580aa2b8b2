"""The handover certificate: what it says to people, to programs and to whoever doubts it (contract §3, trust D1 and D2)."""

import hashlib
import json
import subprocess
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from features.handover.handovers import HANDED_OVER_AT, SIGNATURE, a_charge_point, a_checklist, a_handover
from sliproad.features.handover.certificate.document import (
    Certificate,
    document_data,
    issue_certificate,
    signature_drawing,
    typeset_certificate,
)
from sliproad.features.handover.certificate.record import (
    ChargePointRecord,
    ChecklistItem,
    HandoverRecord,
    InstallerRecord,
    ProjectRecord,
    SiteRecord,
    StepResult,
)
from sliproad.foundation.documents.identity import create_identity
from sliproad.foundation.documents.verification import extract_attachments, verify_pdf

IDENTITY = create_identity("Riverside Charging Ltd", HANDED_OVER_AT)


async def certified(record: HandoverRecord) -> Certificate:
    return await issue_certificate(record, IDENTITY)


def poppler(program: str, pdf: bytes, folder: Path, *options: str) -> str:
    path = folder / "certificate.pdf"
    path.write_bytes(pdf)
    return subprocess.run(
        [program, *options, str(path), *(["-"] if program == "pdftotext" else [])],
        capture_output=True,
        check=False,
        text=True,
    ).stdout


def pages(pdf: bytes, folder: Path) -> list[str]:
    return poppler("pdftotext", pdf, folder, "-layout").split("\f")[:-1]


async def words(record: HandoverRecord, folder: Path) -> str:
    pdf = await typeset_certificate(record, signer_name=IDENTITY.name)
    return " ".join(poppler("pdftotext", pdf, folder, "-layout").replace("\u200b", "").split())


async def test_the_signature_holds_for_us_and_for_poppler(tmp_path: Path) -> None:
    certificate = await certified(a_handover(6))

    assert (await verify_pdf(certificate.pdf, [IDENTITY.trust_root], at=HANDED_OVER_AT)).genuine
    said = poppler("pdfsig", certificate.pdf, tmp_path)
    assert "Signature is Valid." in said
    assert "Total document signed" in said
    assert "Signature Field Name: Handover" in said


async def test_the_embedded_record_is_the_record(tmp_path: Path) -> None:
    record = a_handover(6)

    certificate = await certified(record)

    assert extract_attachments(certificate.pdf) == {"handover-record.json": record.to_json()}
    assert certificate.record_json == record.to_json()
    assert certificate.record_sha256 == hashlib.sha256(record.to_json()).hexdigest()
    assert certificate.pdf_sha256 == hashlib.sha256(certificate.pdf).hexdigest()
    assert "handover-record.json" in poppler("pdfdetach", certificate.pdf, tmp_path, "-list")


def test_the_record_is_canonical_and_names_its_schema() -> None:
    record = a_handover(1)

    text = record.to_json().decode()
    value = json.loads(text)

    assert value["schema"] == "sliproad.handover-certificate/1"
    assert value["issued_at"] == "2026-05-01T14:45:00Z"
    assert value["charge_points"][0]["max_power_kw"] == 300
    assert text == json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert a_handover(1).sha256() == record.sha256()
    assert replace(record, signed_by="Somebody else").sha256() != record.sha256()


def test_a_fraction_of_a_kilowatt_stays_one() -> None:
    record = a_handover(charge_points=(a_charge_point(max_power_kw=Decimal("7.4")),))

    assert json.loads(record.to_json())["charge_points"][0]["max_power_kw"] == 7.4


async def test_the_cover_says_what_was_handed_over(tmp_path: Path) -> None:
    certificate = await certified(a_handover(6))

    cover = " ".join(pages(certificate.pdf, tmp_path)[0].split())

    for fact in (
        "Riverside Charging Ltd",
        "Certificate of handover",
        "1 May 2026",
        "Unit 12, Riverside Business Park, London E1W 3SJ",
        "51.50740° N, 0.12780° W",
        "Riverside Business Park — Phase 1",
        "Alex Technician, Acme EV Installations",
        "Sarah Owen",
        "1,800 kW",
        "36 of 36",
        "126 Wh",
        "Bay 3 connector 2 required firmware update",
        "Handed over by · 1 May 2026, 15:45 BST",
        "Riverside Charging Ltd: Document signing",
    ):
        assert fact in cover, fact
    assert "Not done" not in cover


@pytest.mark.parametrize(("count", "at_most"), [(1, 2), (6, 3), (60, 24)])
async def test_every_page_carries_the_certificate_id_and_its_number(tmp_path: Path, count: int, at_most: int) -> None:
    record = a_handover(count)

    printed = pages((await certified(record)).pdf, tmp_path)

    assert len(printed) <= at_most
    for number, page in enumerate(printed, start=1):
        assert record.certificate_id in page
        assert f"{number} of {len(printed)}" in page
    for point in record.charge_points:
        assert any(point.serial_number in page for page in printed)


async def test_what_was_not_done_stands_on_the_cover(tmp_path: Path) -> None:
    points = tuple(
        a_charge_point(number, checklist=a_checklist(emergency_stop=False, powered_ready=number != 2))
        for number in (1, 2)
    )
    record = a_handover(charge_points=points, project_checklist=(ChecklistItem("owner_briefed", done=False),))

    cover = " ".join(pages((await certified(record)).pdf, tmp_path)[0].split())

    assert "Not done at handover" in cover
    assert "Emergency stop tested – all charge points" in cover
    assert "Powered, display ready or available – CP-RIVERSIDE-002" in cover
    assert "Site owner briefed on reporting faults: not done" in cover


async def test_missing_values_are_dashes_and_not_the_word_none(tmp_path: Path) -> None:
    bare = ChargePointRecord("CP-1", "ABB", "Terra", "S-1", "1.6")
    record = HandoverRecord(
        "cert_1",
        HANDED_OVER_AT,
        ProjectRecord("proj_1", "P"),
        SiteRecord("S"),
        "O",
        "A",
        "https://x.example/v",
        (bare,),
    )

    said = await words(record, tmp_path)

    assert "none" not in said.casefold()
    assert "ABB Terra" in said
    assert "Not passed" not in said


async def test_skipped_steps_are_counted_apart_and_failed_ones_show(tmp_path: Path) -> None:
    steps = (
        StepResult("heartbeat", "passed"),
        StepResult("test_transaction", "skipped", "No vehicle on site"),
        StepResult("configuration", "failed", "HeartbeatInterval was rejected", 61_500),
    )

    said = await words(a_handover(charge_points=(a_charge_point(steps=steps, test_energy_wh=None),)), tmp_path)

    assert "1 of 2" in said
    assert "1 SKIPPED" in said
    assert "No vehicle on site" in said
    assert "HeartbeatInterval was rejected 1 min 1 s" in said
    assert "Not passed" in said


NASTY = "#eval(1+1) *b* @ref <script>alert(1)</script> ]] Łódź Ελληνικά"


async def test_what_people_and_charge_points_wrote_is_only_text(tmp_path: Path) -> None:
    point = a_charge_point(
        vendor=NASTY,
        model=NASTY + " model",
        serial_number="#panic()",
        firmware_version="*1.0*",
        location_description=NASTY,
        steps=(StepResult("configuration", "passed", NASTY),),
        checklist=(ChecklistItem("emergency_stop", done=True, done_by=NASTY, note=NASTY),),
    )
    record = a_handover(
        charge_points=(point,),
        project=ProjectRecord("proj_1", NASTY),
        site=SiteRecord(NASTY, NASTY, time_zone=NASTY),
        organization_name=NASTY,
        installers=(InstallerRecord(NASTY, NASTY),),
        signed_by=NASTY,
        handover_notes=NASTY,
        site_contact_name=NASTY,
        site_contact_email=NASTY,
    )

    said = await words(record, tmp_path)

    assert said.count("#eval(1+1)") >= 10
    assert "#panic()" in said
    assert "*1.0*" in said


@pytest.mark.parametrize("text", ["W" * 500, "😀" * 40, "東京" * 50, "\u202e\x00\x07", "ا" * 200, "\n" * 50])
async def test_no_text_stops_a_handover(text: str) -> None:
    point = a_charge_point(
        vendor=text, model=text, serial_number=text, firmware_version=text, location_description=text
    )
    record = a_handover(charge_points=(point,), signed_by=text, handover_notes=text, organization_name=text)

    certificate = await certified(record)

    assert (await verify_pdf(certificate.pdf, [IDENTITY.trust_root], at=HANDED_OVER_AT)).genuine
    assert extract_attachments(certificate.pdf)["handover-record.json"] == record.to_json()


async def test_a_drawn_signature_is_on_the_cover(tmp_path: Path) -> None:
    plain, drawn = [
        await typeset_certificate(a_handover(1, signature=signature), signer_name="x") for signature in ((), SIGNATURE)
    ]

    assert pages(plain, tmp_path)[0].count("Alex Technician") > pages(drawn, tmp_path)[0].count("Alex Technician")


@pytest.mark.parametrize("strokes", [(((1.0, 1.0),),), (((-5.0, 3.0), (9e6, 3.0)),), SIGNATURE])
def test_a_drawing_is_made_of_numbers_only(strokes: tuple) -> None:
    drawing = signature_drawing(strokes).decode()

    assert drawing.startswith("<svg ")
    assert drawing.count("<polyline") == len(strokes)
    assert "nan" not in drawing


def test_times_are_printed_in_the_time_zone_of_the_site() -> None:
    in_london, unknown = (
        document_data(a_handover(1, site=SiteRecord("S", time_zone=zone)), signer_name="x")
        for zone in ("Europe/London", "Mars/Olympus")
    )

    assert in_london["issued_at"] == "1 May 2026, 15:45 BST"
    assert unknown["issued_at"] == "1 May 2026, 14:45 UTC"
