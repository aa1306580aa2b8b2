"""The certificate as a document: record in, signed PDF out.

The service calls `issue_certificate` once for a handover. Everything that is a choice of words or format (dates, units,
titles of steps) is made here; the typst template only arranges.
"""

import hashlib
import io
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import segno

from sliproad.features.handover.certificate.record import (
    RECORD_FILE_NAME,
    ChargePointRecord,
    ChecklistItem,
    HandoverRecord,
    StepResult,
    Stroke,
)
from sliproad.foundation.documents.identity import SigningIdentity
from sliproad.foundation.documents.signing import TimestampService, sign_pdf
from sliproad.foundation.documents.typesetting import Attachment, render_pdf

SIGNATURE_FIELD = "Handover"
LONGEST_TEXT = 4000
"""Characters of one text that are printed; the embedded record has all of it."""

STEP_TITLES = {
    "connectivity": "OCPP connection",
    "ocpp_connection": "OCPP connection",
    "heartbeat": "Heartbeat",
    "firmware_version": "Firmware version",
    "configuration": "Configuration",
    "connector_test": "Connector test",
    "meter_calibration": "Meter calibration",
    "test_transaction": "Test transaction",
}
CHECKLIST_TITLES = {
    "powered_ready": "Powered, display ready or available",
    "ocpp_connection": "OCPP connection established",
    "heartbeat": "Heartbeat received",
    "meter_calibration": "Meter calibration complete",
    "emergency_stop": "Emergency stop tested",
    "cable_and_ip_rating": "Cables and IP rating inspected",
    "owner_briefed": "Site owner briefed on reporting faults",
}


@dataclass(frozen=True)
class Certificate:
    """A signed certificate and the two digests that the verify page compares."""

    pdf: bytes
    record_json: bytes
    record_sha256: str
    pdf_sha256: str


async def issue_certificate(
    record: HandoverRecord, identity: SigningIdentity, *, timestamp_service: TimestampService | None = None
) -> Certificate:
    """Typeset and sign; the embedded file is exactly ``record.to_json()``.

    Raises `TypesettingError` or `SignatureError`, which a caller can only report: the record is never at fault.
    """
    unsigned = await typeset_certificate(record, signer_name=identity.name)
    pdf = await sign_pdf(
        unsigned,
        identity,
        reason=f"Handover of {record.project.name}",
        location=record.site.address or record.site.name,
        field_name=SIGNATURE_FIELD,
        signed_at=record.issued_at,
        timestamp_service=timestamp_service,
    )
    return Certificate(pdf, record.to_json(), record.sha256(), hashlib.sha256(pdf).hexdigest())


async def typeset_certificate(record: HandoverRecord, *, signer_name: str) -> bytes:
    """The certificate before it is signed, as PDF/A-3."""
    images = {"qr": qr_code(record.verify_url)}
    if record.signature:
        images["signature"] = signature_drawing(record.signature)
    attachment = Attachment(
        name=RECORD_FILE_NAME,
        content=record.to_json(),
        media_type="application/json",
        description="The handover as a machine-readable record",
    )
    return await render_pdf(
        files("sliproad.features.handover.certificate") / "template",
        document_data(record, signer_name=signer_name),
        created_at=record.issued_at,
        images=images,
        attachments=(attachment,),
    )


def qr_code(url: str) -> bytes:
    """The address as an SVG without a border; the template leaves the quiet zone (ISO/IEC 18004 §6.3.8)."""
    drawing = io.BytesIO()
    segno.make_qr(url, error="m").save(drawing, kind="svg", border=0, xmldecl=False, svgclass=None, lineclass=None)
    return drawing.getvalue()


def signature_drawing(strokes: tuple[Stroke, ...]) -> bytes:
    """A handwritten signature as SVG; made from numbers, so that nobody's SVG is ever rendered."""
    points = [point for stroke in strokes for point in stroke]
    left, top = (min(point[axis] for point in points) for axis in (0, 1))
    width, height = (max(max(p[axis] for p in points) - origin, 1.0) for axis, origin in ((0, left), (1, top)))
    pen = max(width / 80, height / 25)
    paths = "".join(
        f'<polyline points="{" ".join(f"{x - left + pen:.2f},{y - top + pen:.2f}" for x, y in stroke)}"/>'
        for stroke in strokes
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 2 * pen:.2f} {height + 2 * pen:.2f}">'
        f'<g fill="none" stroke="#1b2a3a" stroke-width="{pen:.2f}" stroke-linecap="round" stroke-linejoin="round">'
        f"{paths}</g></svg>"
    ).encode()


def document_data(record: HandoverRecord, *, signer_name: str) -> dict[str, Any]:
    """What the template prints, as text; a missing value is None and printed as a dash."""
    zone = _zone(record.site.time_zone)
    passed = sum(step.status == "passed" for step in record.steps)
    skipped = sum(step.status == "skipped" for step in record.steps)
    return {
        "certificate_id": record.certificate_id,
        "issued_on": _date(record.issued_at, zone),
        "issued_at": _moment(record.issued_at, zone),
        "organization": _text(record.organization_name) or "–",
        "project": {"id": record.project.project_id, "name": _text(record.project.name)},
        "site": {
            "name": _text(record.site.name),
            "address": _text(record.site.address),
            "coordinates": _coordinates(record.site.latitude, record.site.longitude),
        },
        "installers": [
            {"name": _text(installer.full_name), "company": _text(installer.company)} for installer in record.installers
        ],
        "signed_by": _text(record.signed_by) or "–",
        "notes": _text(record.handover_notes),
        "contact": {"name": _text(record.site_contact_name), "email": _text(record.site_contact_email)},
        "signer_name": _text(signer_name),
        "verify_url": record.verify_url,
        "record_file": RECORD_FILE_NAME,
        "summary": {
            "charge_points": len(record.charge_points),
            "power": _power(record.installed_power_kw),
            "checks": f"{passed} of {len(record.steps) - skipped}" if record.steps else None,
            "skipped": skipped,
            "test_energy": _energy(record.test_energy_wh),
        },
        "charge_points": [_charge_point(point, zone) for point in record.charge_points],
        "project_checklist": [_item(item, zone) for item in record.project_checklist],
        "open_items": _open_items(record),
    }


def _charge_point(point: ChargePointRecord, zone: ZoneInfo | None) -> dict[str, Any]:
    return {
        "id": point.charge_point_id,
        "name": _text(" ".join(part for part in (point.vendor, _without_vendor(point)) if part)),
        "serial_number": _text(point.serial_number),
        "location": _text(point.location_description),
        "ocpp_version": point.ocpp_version,
        "firmware": _text(point.firmware_version),
        "power": _power(point.max_power_kw),
        "connectors": None if point.connector_count is None else str(point.connector_count),
        "session_id": point.commissioning_session_id,
        "commissioned_at": point.commissioned_at and _moment(point.commissioned_at, zone),
        "test_energy": _energy(point.test_energy_wh),
        "passed": all(step.status in {"passed", "skipped"} for step in point.steps) if point.steps else None,
        "steps": [_step(step) for step in point.steps],
        "checklist": [_item(item, zone) for item in point.checklist],
    }


def _without_vendor(point: ChargePointRecord) -> str:
    """The model without the vendor's name in front, which many models carry ("Alpitronic HYC300" by Alpitronic)."""
    prefix = f"{point.vendor} "
    return point.model[len(prefix) :] if point.model.casefold().startswith(prefix.casefold()) else point.model


def _step(step: StepResult) -> dict[str, Any]:
    return {
        "title": STEP_TITLES.get(step.name, step.name.replace("_", " ").capitalize()),
        "status": step.status,
        "detail": _text(" · ".join(part for part in (step.value, step.detail) if part) or None),
        "duration": None if step.duration_ms is None else _duration(step.duration_ms),
    }


def _item(item: ChecklistItem, zone: ZoneInfo | None) -> dict[str, Any]:
    who = "Sliproad" if item.by_platform and not item.done_by else item.done_by
    when = _moment(item.done_at, zone) if item.done_at else None
    return {
        "title": _checklist_title(item),
        "done": item.done,
        "by": _text(", ".join(part for part in (who, when) if part) or None) if item.done else None,
        "note": _text(item.note),
    }


def _open_items(record: HandoverRecord) -> list[dict[str, Any]]:
    """What was not done at handover, each once, with where."""
    places: dict[str, list[str]] = {}
    for point in record.charge_points:
        for item in point.checklist:
            if not item.done:
                places.setdefault(_checklist_title(item), []).append(point.charge_point_id)
    for item in record.project_checklist:
        if not item.done:
            places.setdefault(_checklist_title(item), [])
    everywhere = len(record.charge_points)
    return [
        {"title": title, "where": "all charge points" if len(ids) == everywhere > 1 else ", ".join(ids) or None}
        for title, ids in places.items()
    ]


def _checklist_title(item: ChecklistItem) -> str:
    return CHECKLIST_TITLES.get(item.name, item.name.replace("_", " ").capitalize())


def _text(text: str | None) -> str | None:
    """The text, or None where there is nothing to read in it."""
    if text is None or not text.strip():
        return None
    text = text.strip()
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _date(moment: datetime, zone: ZoneInfo | None) -> str:
    local = moment.astimezone(zone) if zone else moment
    return f"{local.day} {local:%B %Y}"


def _moment(moment: datetime, zone: ZoneInfo | None) -> str:
    local = moment.astimezone(zone) if zone else moment
    return f"{local.day} {local:%B %Y, %H:%M} {local.tzname()}"


def _coordinates(latitude: float | None, longitude: float | None) -> str | None:
    if latitude is None or longitude is None:
        return None
    return (
        f"{abs(latitude):.5f}° {'N' if latitude >= 0 else 'S'}, {abs(longitude):.5f}° {'E' if longitude >= 0 else 'W'}"
    )


def _power(power_kw: Decimal | None) -> str | None:
    return None if power_kw is None else f"{power_kw.normalize():,f}\N{NO-BREAK SPACE}kW"


def _energy(energy_wh: int | None) -> str | None:
    if energy_wh is None:
        return None
    if energy_wh < 1000:
        return f"{energy_wh}\N{NO-BREAK SPACE}Wh"
    return f"{Decimal(energy_wh) / 1000:,.2f}\N{NO-BREAK SPACE}kWh"


def _duration(duration_ms: int) -> str:
    if duration_ms < 100:
        return "< 0.1\N{NO-BREAK SPACE}s"
    if duration_ms < 60_000:
        return f"{duration_ms / 1000:.1f}\N{NO-BREAK SPACE}s"
    return f"{duration_ms // 60_000}\N{NO-BREAK SPACE}min {duration_ms % 60_000 // 1000}\N{NO-BREAK SPACE}s"
