"""REF's two requests about issues, verbatim with curl, and what follows from a report: webhook, mail, the organisation's desk."""

import asyncio
import json
import pathlib
import struct
import uuid
import zlib
from typing import Any

import pytest

from acceptance.curl import assert_shape, curl
from installation import Installation
from sliproad.app.job_client import JobClient

pytestmark = pytest.mark.xdist_group("acceptance")

REPORT = """curl -X POST https://api.dynamo-csms.com/api/v1/installer/commissioning/CP-SITE42-001/report-issue \\
-H "Authorization: Bearer INSTALLER_ACCESS_TOKEN" \\
-H "Content-Type: application/json" \\
-d '{
"category": "network_problem",
"description": "Charge point connects briefly then drops WebSocket connection after ~5 seconds. Tested on both 4G and site WiFi. Issue persists across factory resets.",
"severity": "high",
"step": "connectivity",
"photo_urls": [
"https://storage.example.com/photos/cp_site42_001_lcd.jpg"
]
}'"""
REPORTED = json.loads("""{
"issue_id": "iss_4c8f2a1b",
"charge_point_id": "CP-SITE42-001",
"category": "network_problem",
"severity": "high",
"status": "open",
"created_at": "2024-03-10T15:00:00Z",
"reference_number": "DYN-2024-00847"
}""")
LIST = """curl https://api.dynamo-csms.com/api/v1/installer/commissioning/CP-SITE42-001/issues \\
-H "Authorization: Bearer INSTALLER_ACCESS_TOKEN\""""
LISTED = json.loads("""{
"issues": [
{
"issue_id": "iss_4c8f2a1b",
"category": "network_problem",
"severity": "high",
"status": "open",
"created_at": "2024-03-10T15:00:00Z",
"reference_number": "DYN-2024-00847"
}
],
"total": 1
}""")
UPLOAD = """curl -X POST https://api.dynamo-csms.com/api/v1/installer/commissioning/CP-SITE42-001/photos \\
-H "Authorization: Bearer INSTALLER_ACCESS_TOKEN" \\
-F "photo=@lcd.png\""""


def png(width: int = 40, height: int = 20) -> bytes:
    """A red PNG, by hand."""
    rows = b"".join(b"\0" + b"\xff\0\0" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    framed = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


async def on_site(sliproad: Installation) -> tuple[JobClient, str, str]:
    """An organisation, and an installer with a charge point of its: who asks, the charge point, the organisation's mailbox."""
    mark = uuid.uuid4().hex[:8]
    mailbox = f"cpo-{mark}@riverside.example"
    client = JobClient(sliproad.http_url, sliproad.mail_dir)
    client.api_key = sliproad.organization(mailbox)
    site = await client.cpo("POST", "cpo/sites", expect=201, body={"name": "Riverside", "address": "London"})
    project: dict[str, Any] = {"name": "Phase 1", "site_id": site["site_id"], "charge_points_expected": 1}
    project_id = (await client.cpo("POST", "cpo/projects", expect=201, body=project))["project_id"]
    await client.sign_up_installer(f"alex-{mark}@acme.example", "your-secure-password", "Alex Technician", "Acme")
    path = f"cpo/projects/{project_id}/installers"
    await client.cpo("POST", path, expect=201, body={"installer_id": client.installer_id})
    charge_point = {"charge_point_id": f"CP-SITE42-{mark}", "model": "Terra AC", "vendor": "ABB"}
    body = {"project_id": project_id, "serial_number": f"SN-{mark}", **charge_point}
    made = await client.installer("POST", "charge-points", expect=201, body=body)
    return client, made["charge_point_id"], mailbox


async def test_issues_as_the_reference_shows_them(sliproad: Installation, tmp_path: pathlib.Path) -> None:
    client, charge_point_id, cpo_mail = await on_site(sliproad)
    ids = {"CP-SITE42-001": charge_point_id, "INSTALLER_ACCESS_TOKEN": client.installer_token}

    answer = await curl(REPORT, sliproad.http_url, replace=ids)
    assert answer.status == 201, answer.text
    assert answer.json().keys() == REPORTED.keys()
    assert_shape(answer.json(), REPORTED)
    first = answer.json()
    printed = {**REPORTED, **{name: first[name] for name in ("issue_id", "created_at", "reference_number")}}
    assert first == printed | {"charge_point_id": charge_point_id}
    assert first["reference_number"].startswith(f"SLP-{first['created_at'][:4]}-")

    answer = await curl(LIST, sliproad.http_url, replace=ids)
    assert answer.status == 200, answer.text
    assert_shape(answer.json(), LISTED)
    assert answer.json()["issues"][0].keys() == LISTED["issues"][0].keys()
    assert (answer.json()["total"], answer.json()["issues"][0]["issue_id"]) == (1, first["issue_id"])

    mail = await client.mail_to(cpo_mail, subject=first["reference_number"])
    assert "Tested on both 4G and site WiFi." in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]

    (tmp_path / "lcd.png").write_bytes(png())
    answer = await curl(UPLOAD, sliproad.http_url, replace=ids | {"@lcd.png": f"@{tmp_path}/lcd.png"})
    assert answer.status == 201, answer.text
    photo = answer.json()
    with_photo = ids | {"https://storage.example.com/photos/cp_site42_001_lcd.jpg": photo["photo_id"]}
    answer = await curl(REPORT, sliproad.http_url, replace=with_photo)
    assert answer.status == 201, answer.text
    seen = await client.cpo("GET", f"cpo/issues/{answer.json()['issue_id']}")
    assert seen["photo_ids"] == [photo["photo_id"]]
    jpeg = await client.http.get(f"/api/v1/cpo/photos/{photo['photo_id']}", headers={"X-API-Key": client.api_key})
    assert (jpeg.status_code, jpeg.content[:3]) == (200, b"\xff\xd8\xff")
    await client.close()


async def test_fifty_reports_at_once_over_http(sliproad: Installation) -> None:
    """Against the whole installation: numbers follow one another without a gap or a repeat."""
    client, charge_point_id, _ = await on_site(sliproad)
    report = {"category": "other", "severity": "low", "description": "The same problem, fifty times at once."}
    issues = f"commissioning/{charge_point_id}/report-issue"
    answers = await asyncio.gather(
        *(client.installer("POST", issues, expect=201, body=report) for _ in range(50)),
    )
    numbers = sorted(int(answer["reference_number"][-5:]) for answer in answers)
    assert numbers == list(range(numbers[0], numbers[0] + 50))
    await client.close()
