"""What a person with a certificate meets: the download, the expired link, and the page that says whether it is genuine."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from features.handover.conftest import ALEX, PROJECT, Installation
from features.handover.test_handover import DECLARATION, handed_over
from sliproad.features.accounts.guards import Guards
from sliproad.features.accounts.model import Actor, Audience
from sliproad.features.accounts.tokens import Claims
from sliproad.features.handover import pages, routes
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database
from sliproad.foundation.documents.identity import create_identity
from sliproad.foundation.documents.signing import sign_pdf
from sliproad.foundation.errors import Unauthenticated
from sliproad.foundation.web.application import create_app
from sliproad.foundation.web.idempotency import IdempotencyRecords

BODY = {
    "signed_by": "Alex Technician",
    "handover_notes": "All 6 bays commissioned. Bay 3 connector 2 required firmware update — completed on site.",
    "site_contact_name": "Sarah Owen",
    "site_contact_email": "s.owen@riversidebp.co.uk",
}
COMPLETE = f"/api/v1/installer/projects/{PROJECT}/complete-handover"


class OneToken:
    """Knows Alex by one token; how tokens are made is accounts' matter."""

    async def actor(self, bearer: str, audience: Audience | None) -> Actor:
        if bearer == "alex":
            return ALEX
        raise Unauthenticated("Nobody.")

    async def holder(self, claims: Claims) -> Actor:
        raise Unauthenticated("Nobody.")


@pytest.fixture
async def client(
    installation: Installation, web: Database, clock: ManualClock, secret_key: SecretKey
) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(
        [routes.router(installation.service), pages.router(installation.service, installation.checker)],
        guards=Guards(OneToken()),
        idempotency=IdempotencyRecords(web, secret_key, clock),
        public_url="https://sliproad.example",
        version="test",
        larger_bodies=pages.LARGER_BODIES,
    )
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="https://sliproad.example") as client:
        yield client


async def complete(installation: Installation, client: httpx2.AsyncClient, **changes: object) -> httpx2.Response:
    async with installation.worker():
        return await client.post(COMPLETE, json=BODY | changes, headers={"Authorization": "Bearer alex"})


async def checked(client: httpx2.AsyncClient, certificate_id: str, pdf: bytes) -> str:
    answer = await client.post(f"/verify/{certificate_id}", files={"certificate": ("c.pdf", pdf, "application/pdf")})
    assert answer.status_code == 200, answer.text
    return " ".join(answer.text.split())


async def test_the_guides_request_gets_the_guides_answer(
    installation: Installation, client: httpx2.AsyncClient
) -> None:
    answer = await complete(installation, client)

    assert answer.status_code == 200
    body = answer.json()
    assert body["project_id"] == PROJECT
    assert body["status"] == "handed_over"
    assert body["handed_over_at"] == "2026-05-01T10:23:00Z"
    assert body["handover_certificate_url"].endswith(".pdf")

    again = await complete(installation, client)
    assert (again.status_code, again.json()["code"]) == (409, "project_handed_over")


async def test_what_is_missing_is_listed(installation: Installation, client: httpx2.AsyncClient) -> None:
    await installation.change_charge_point(1, commissioning_status="failed")

    answer = await complete(installation, client)

    assert (answer.status_code, answer.json()["code"]) == (403, "handover_not_ready")
    assert answer.json()["missing"] == ["Charge point CP-RIVERSIDE-001 failed its commissioning."]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"signed_by": "  "}, "signed_by"),
        ({"signed_by": None}, "signed_by"),
        ({"site_contact_email": "not an address"}, "site_contact_email"),
        ({"site_contact_email": "a@b.example\r\nBcc: c@d.example"}, "site_contact_email"),
        ({"handover_notes": "x" * 4001}, "handover_notes"),
        ({"signed": "yes"}, "signed"),
    ],
)
async def test_a_wrong_field_is_named(
    installation: Installation, client: httpx2.AsyncClient, change: dict, field: str
) -> None:
    answer = await complete(installation, client, **change)

    assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_nobody_hands_over(client: httpx2.AsyncClient) -> None:
    assert (await client.post(COMPLETE, json=BODY)).status_code == 401


async def test_the_link_downloads_the_pdf(installation: Installation, client: httpx2.AsyncClient) -> None:
    body = (await complete(installation, client)).json()

    answer = await client.get(body["handover_certificate_url"])

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'attachment; filename="handover-{body["certificate_id"]}.pdf"'
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.content.startswith(b"%PDF-")


async def test_a_certificate_that_is_being_signed_says_to_come_again(
    installation: Installation, client: httpx2.AsyncClient
) -> None:
    installation.service.patience_seconds = 0
    done = await installation.service.complete(ALEX, PROJECT, DECLARATION)

    answer = await client.get(done.certificate_url)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"


async def test_an_expired_link_offers_a_new_one_to_its_mailbox(
    installation: Installation, client: httpx2.AsyncClient
) -> None:
    done = await handed_over(installation)
    installation.clock.advance(days=91)

    expired = await client.get(done.certificate_url)
    asked = await client.post(done.certificate_url.removesuffix(".pdf") + "/new-link")

    assert expired.status_code == 410
    assert "a…@acme.example" in expired.text
    assert "alex@acme.example" not in expired.text
    assert asked.status_code == 200
    assert "a…@acme.example" in asked.text


async def test_an_unknown_link_is_a_404(client: httpx2.AsyncClient) -> None:
    assert (await client.get(f"/certificates/{'x' * 32}.pdf")).status_code == 404


async def test_the_verify_page_knows_the_certificate(installation: Installation, client: httpx2.AsyncClient) -> None:
    done = await handed_over(installation)

    answer = await client.get(done.verify_url)

    assert answer.status_code == 200
    for fact in ("Riverside — Phase 1", "Riverside Charging Ltd", "1 May 2026", "SN-ABX-000", done.certificate_id):
        assert fact in answer.text, fact
    assert "@" not in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]


async def test_an_unknown_certificate_was_not_issued_here(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/verify/cert_<script>alert(1)<%2Fscript>")

    assert answer.status_code == 404
    assert "<script>alert" not in answer.text


async def test_the_file_itself_is_checked(installation: Installation, client: httpx2.AsyncClient) -> None:
    done = await handed_over(installation)
    pdf = (await client.get(done.certificate_url)).content
    changed = bytearray(pdf)
    changed[len(pdf) // 3] ^= 1

    assert "This file is genuine" in await checked(client, done.certificate_id, pdf)
    assert "This file is not this certificate" in await checked(client, done.certificate_id, bytes(changed))
    said = await checked(client, done.certificate_id, pdf + b"\n% paid in full\n")
    assert "Something was added to the file after it was signed." in said
    assert "The file is damaged or is no signed PDF." in await checked(client, done.certificate_id, b"junk")
    assert "The file is damaged or is no signed PDF." in await checked(client, done.certificate_id, b"")


async def test_a_look_alike_is_not_genuine(installation: Installation, client: httpx2.AsyncClient) -> None:
    """Somebody signs a certificate of the same words with a key of their own."""
    done = await handed_over(installation)
    opened = await installation.service.open_link(done.certificate_url.rpartition("/")[2].removesuffix(".pdf"))
    assert opened.file is not None
    unsigned = opened.file.data[: opened.file.data.index(b"%%EOF") + 6]
    stranger = create_identity("Sliproad", installation.clock.now())
    forged = await sign_pdf(
        unsigned, stranger, reason="Handover", location=None, field_name="Handover", signed_at=done.handed_over_at
    )

    said = await checked(client, done.certificate_id, forged)

    assert "This file is not this certificate" in said
    assert "The signer is not one of this installation." in said


async def test_the_root_can_be_fetched(installation: Installation, client: httpx2.AsyncClient) -> None:
    done = await handed_over(installation)

    answer = await client.get(f"/verify/{done.certificate_id}/root.pem")

    assert answer.text.startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE" not in answer.text


async def test_a_form_from_another_site_is_refused(installation: Installation, client: httpx2.AsyncClient) -> None:
    """Trust D3."""
    done = await handed_over(installation)

    answer = await client.post(
        done.certificate_url.removesuffix(".pdf") + "/new-link", headers={"Origin": "https://evil.example"}
    )

    assert answer.status_code == 403


async def test_a_large_certificate_can_be_checked(installation: Installation, client: httpx2.AsyncClient) -> None:
    done = await handed_over(installation)

    said = await checked(client, done.certificate_id, b"%PDF-1.7" + bytes(3 * 1024 * 1024))

    assert "This file is not this certificate" in said


async def test_strangers_hand_in_so_many_files_and_no_more(
    installation: Installation, client: httpx2.AsyncClient, clock: ManualClock
) -> None:
    done = await handed_over(installation)
    junk = {"certificate": ("c.pdf", b"%PDF-1.7 no certificate", "application/pdf")}
    for number in range(20):
        path = "/verify" if number % 2 else f"/verify/{done.certificate_id}"
        assert (await client.post(path, files=junk)).status_code in {200, 422}
    for path in ("/verify", f"/verify/{done.certificate_id}"):
        refused = await client.post(path, files=junk)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= 60
    assert (await client.get(f"/verify/{done.certificate_id}")).status_code == 200, "reading stays free"
    clock.advance(minutes=1)
    assert (await client.post("/verify", files=junk)).status_code == 422
