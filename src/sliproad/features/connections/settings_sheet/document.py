"""The settings sheet as a document: facts in, PDF out. Words and formats are made here; the typst template only arranges."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any

import segno
from cryptography import x509

from sliproad.features.connections.move_model import certificates
from sliproad.foundation.documents.typesetting import render_pdf


@dataclass(frozen=True, slots=True)
class SettingsSheet:
    """What a person at the charge point needs. `password` None leaves a line to fill in, `hints` are by vendor."""

    server_of: str
    """Whose server it is."""
    charge_point_id: str
    serial_number: str
    vendor: str
    model: str
    site: str
    version: str
    url: str
    identity: str
    user: str
    password: str | None
    has_password: bool
    ca_certificates: tuple[str, ...]
    ca_domain: str | None
    hints: Sequence[tuple[str, str]]
    """(whose firmware, what to know)."""
    made_at: datetime


async def settings_sheet_pdf(sheet: SettingsSheet) -> bytes:
    """The page, as PDF/A."""
    template = files("sliproad.features.connections.settings_sheet") / "template"
    images = {"url": qr_code(sheet.url), "identity": qr_code(sheet.identity)}
    return await render_pdf(template, document_data(sheet), created_at=sheet.made_at, images=images)


def qr_code(text: str) -> bytes:
    """The text as an SVG without a border; the template leaves the quiet zone (ISO/IEC 18004 §6.3.8)."""
    drawing = io.BytesIO()
    segno.make_qr(text, error="m").save(drawing, kind="svg", border=0, xmldecl=False, svgclass=None, lineclass=None)
    return drawing.getvalue()


def document_data(sheet: SettingsSheet) -> dict[str, Any]:
    """What the template prints, as text; a missing value is None."""
    return {
        "server_of": sheet.server_of,
        "charge_point": {
            "id": sheet.charge_point_id,
            "serial_number": sheet.serial_number,
            "name": " ".join(dict.fromkeys((sheet.vendor, sheet.model))),
            "site": sheet.site,
        },
        "version": f"OCPP {sheet.version} (JSON over WebSocket)",
        "security": _security(sheet),
        "url": sheet.url,
        "whole_url": f"{sheet.url}/{sheet.identity}",
        "identity": sheet.identity,
        "user": sheet.user,
        "password": sheet.password,
        "has_password": sheet.has_password,
        "certificates": [_certificate(pem) for pem in sheet.ca_certificates],
        "domain": sheet.ca_domain,
        "hints": [{"of": name, "text": text} for name, text in sheet.hints],
        "made_on": f"{sheet.made_at.day} {sheet.made_at:%B %Y, %H:%M} UTC",
    }


def _security(sheet: SettingsSheet) -> str:
    if sheet.url.startswith("wss"):
        return "Security profile 2: TLS with Basic authentication"
    return (
        "Security profile 1: Basic authentication, not encrypted" if sheet.has_password else "Without TLS and password"
    )


def _certificate(pem: str) -> dict[str, str]:
    found = x509.load_pem_x509_certificate(pem.encode())
    names = found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    until = found.not_valid_after_utc
    return {
        "name": str(names[0].value) if names else found.subject.rfc4514_string(),
        "until": f"{until.day} {until:%B %Y}",
        "fingerprint": certificates.fingerprint(pem),
    }
