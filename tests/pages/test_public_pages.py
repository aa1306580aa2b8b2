"""What anybody sees without logging in: front page, status, certificates, the API's reference, problems, the demo's mails."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Literal

import httpx2
import pytest
from fastapi import APIRouter
from playwright.async_api import Page, Route, expect

from features.handover.conftest import Installation as Handovers
from features.handover.conftest import installation as handovers  # noqa: F401 (a fixture)
from features.handover.test_handover import handed_over
from features.handover.test_pages import OneToken
from installation import Installation, installation
from pages.browsing import assert_accessible, assert_touchable, portray, served
from sliproad.features.accounts.guards import Guards
from sliproad.features.handover import pages
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database
from sliproad.foundation.errors import NotAllowed, TooMany
from sliproad.foundation.web.application import create_app
from sliproad.foundation.web.idempotency import IdempotencyRecords

LOOKS = [("phone", "light"), ("phone", "dark"), ("desktop", "light"), ("desktop", "dark")]
BROKEN: dict[str, Exception] = {
    "refused": NotAllowed("Only owners may do this."),
    "too-many": TooMany("Too many requests of this kind. Wait and try again.", retry_after_seconds=42),
    "wrong": RuntimeError("the secret inside"),
}


@pytest.fixture(scope="module")
def sliproad() -> Iterator[Installation]:
    with installation(demo="true") as running:
        alex = {"email": "alex@acme.example", "password": "a-long-password", "full_name": "Alex Technician"}
        assert httpx2.post(f"{running.http_url}/api/v1/installer/signup", json=alex).status_code < 300
        yield running


@pytest.fixture
async def desk(
    handovers: Handovers,  # noqa: F811
    web: Database,
    clock: ManualClock,
    secret_key: SecretKey,
) -> AsyncIterator[str]:
    """The pages of certificates, and three that go wrong."""
    router = APIRouter(include_in_schema=False)

    @router.get("/broken/{how}")
    async def broken(how: Literal["refused", "too-many", "wrong"]) -> None:
        raise BROKEN[how]

    app = create_app(
        [pages.router(handovers.service, handovers.checker), router],
        guards=Guards(OneToken()),
        idempotency=IdempotencyRecords(web, secret_key, clock),
        public_url="http://127.0.0.1",
        version="test",
        larger_bodies=pages.LARGER_BODIES,
    )
    async with served(app) as url:
        yield url


async def told_as_fine(route: Route) -> None:
    """The page of a 500 without its status, which the browser would complain about."""
    await route.fulfill(response=await route.fetch(), status=200)


async def seen(page: Page, name: str) -> None:
    await assert_accessible(page)
    await assert_touchable(page)
    await portray(page, name)


async def look_around(page: Page, url: str, look: str) -> None:
    await page.goto(f"{url}/")
    await expect(page.get_by_role("heading", name="From the box to the road")).to_be_visible()
    await seen(page, f"front-{look}")
    await page.get_by_role("link", name="Status").first.click()
    await expect(page.get_by_text("Everything works")).to_be_visible()
    await expect(page.get_by_text("0 charge points connected")).to_be_visible()
    await seen(page, f"status-{look}")
    await page.goto(f"{url}/nothing-here")
    await seen(page, f"not-found-{look}")
    await page.goto(f"{url}/dev/mail")
    while not await page.get_by_text("alex@acme.example").count():
        await page.reload()
    await seen(page, f"mails-{look}")
    await page.get_by_role("link", name=re.compile("alex@acme.example")).click()
    await seen(page, f"mail-{look}")
    await page.goto(f"{url}/verify")
    await seen(page, f"verify-ask-{look}")
    await page.get_by_role("button", name="Check").click()
    await expect(page.get_by_role("alert")).to_contain_text("Type the number, or choose the file.")
    await page.get_by_label("Number").fill("cert_00000000000000000000")
    await page.get_by_role("button", name="Check").click()
    await expect(page.get_by_role("heading", name="Not issued here")).to_be_visible()
    await seen(page, f"verify-unknown-{look}")
    await page.goto(f"{url}/docs")
    await page.locator("details.operation > summary").nth(1).click()
    await assert_accessible(page)
    await assert_touchable(page)


@pytest.mark.parametrize(("screen", "scheme"), LOOKS)
async def test_a_stranger_looks_around(sliproad: Installation, look_at, screen: str, scheme: str) -> None:
    async with look_at(screen, color_scheme=scheme, reduced_motion="reduce") as page:
        await look_around(page, sliproad.http_url, f"{screen}-{scheme}")


async def test_in_german_and_without_script(sliproad: Installation, look_at) -> None:
    async with look_at("phone", locale="de-DE", java_script_enabled=False) as page:
        await page.goto(f"{sliproad.http_url}/")
        await expect(page.get_by_role("heading", name="Wo fangen Sie an?")).to_be_visible()
        await portray(page, "front-phone-de")
        await page.goto(f"{sliproad.http_url}/status")
        await expect(page.get_by_text("Alles funktioniert")).to_be_visible()
        await portray(page, "status-phone-de")


async def test_somebody_checks_a_certificate(desk: str, handovers: Handovers, look_at) -> None:  # noqa: F811
    done = await handed_over(handovers)
    opened = await handovers.service.open_link(done.certificate_url.rpartition("/")[2].removesuffix(".pdf"))
    assert opened.file is not None
    genuine = {"name": "c.pdf", "mimeType": "application/pdf", "buffer": opened.file.data}
    changed = genuine | {"buffer": opened.file.data + b"\n% paid in full\n"}
    for screen, scheme in LOOKS:
        look = f"{screen}-{scheme}"
        async with look_at(screen, color_scheme=scheme, reduced_motion="reduce") as page:
            await page.goto(f"{desk}/verify")
            await page.get_by_label("Number").fill(done.verify_url)
            await page.get_by_role("button", name="Check").click()
            await page.wait_for_url(f"**/verify/{done.certificate_id}")
            await seen(page, f"verify-{look}")
            await page.get_by_label("The certificate as PDF").set_input_files(changed)
            await page.get_by_role("button", name="Check").click()
            await expect(page.get_by_role("alert")).to_contain_text(
                "Something was added to the file after it was signed."
            )
            await seen(page, f"verify-changed-{look}")
            # the file alone says which certificate it is
            await page.goto(f"{desk}/verify")
            await page.get_by_label("The certificate as PDF").set_input_files(genuine)
            await page.get_by_role("button", name="Check").click()
            await expect(page.get_by_text("This file is genuine")).to_be_visible()
            await seen(page, f"verify-genuine-{look}")
            await page.route("**/broken/wrong", told_as_fine)
            for how, said in (("refused", "Only owners"), ("too-many", "Try again in 42 s."), ("wrong", "our side")):
                await page.goto(f"{desk}/broken/{how}")
                await expect(page.locator("main")).to_contain_text(said)
                await seen(page, f"problem-{how}-{look}")
    handovers.clock.advance(days=91)
    async with look_at("phone") as page:
        await page.goto(f"{desk}/certificates/{done.certificate_url.rpartition('/')[2]}")
        await page.get_by_role("button", name="Mail a new link").click()
        await expect(page.get_by_role("heading", name="A new link is on its way")).to_be_visible()
        await seen(page, "link-renewed-phone")
