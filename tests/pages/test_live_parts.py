"""A page with a live part goes on by itself: over a server that dies, over a phone without signal; and says how things stand."""

import contextlib
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from playwright.async_api import Page, expect
from starlette.responses import Response

from pages.browsing import assert_accessible, served
from sliproad.foundation.web import live
from sliproad.foundation.web.application import create_app
from sliproad.foundation.web.ui import Pages

PAGE = """{% extends "layout.html" %}
{% block content %}
<h1>Bay 4</h1>
{{ ui.live("/bay/live") }}
<div id="state">{% block state %}<p class="now">{{ text }}</p><details><summary>More</summary>{{ text }}</details>{% endblock %}</div>
{% endblock %}
"""


class Bay:
    """A page about one charger, served by whatever process is alive."""

    def __init__(self, folder: Path) -> None:
        (folder / "bay.html").write_text(PAGE)
        self.pages = Pages(folder)
        self.text = "Step 1"
        self.is_over = False

    async def identify(self, request: Request) -> str | None:
        return None

    async def visitor(self, request: Request) -> None:
        return None

    def app(self) -> FastAPI:
        web = APIRouter()

        @web.get("/bay")
        async def bay(request: Request) -> Response:
            return self.pages.render(request, "bay.html", text=self.text)

        @web.get("/bay/live")
        async def follow(request: Request) -> Response:
            async def look() -> live.Look:
                html = self.pages.fragments(request, "bay.html", "state", text=self.text)
                return live.Look(html, self.is_over)

            return await live.answer(request, look)

        made = create_app([web], guards=self, idempotency=None, public_url="http://127.0.0.1", version="0")  # type: ignore[arg-type]
        made.state.live.poll_seconds = 0.05
        return made


async def test_it_moves_without_losing_ones_place_and_ends(tmp_path: Path, phone: Page) -> None:
    bay = Bay(tmp_path)
    async with served(bay.app()) as url:
        await phone.goto(f"{url}/bay")
        await expect(phone.get_by_text("Live", exact=True)).to_be_visible()
        await phone.locator("summary", has_text="More").click()
        bay.text = "Step 2 <script>alert(1)</script>"
        await expect(phone.locator(".now")).to_have_text("Step 2 <script>alert(1)</script>")
        assert await phone.evaluate("document.querySelector('#state details').open")
        await assert_accessible(phone)
        bay.text, bay.is_over = "Step 3", True
        await expect(phone.locator(".now")).to_have_text("Step 3")
        await expect(phone.get_by_text("Up to date")).to_be_visible()


async def test_it_goes_on_by_itself_when_its_server_died(tmp_path: Path, phone: Page) -> None:
    bay = Bay(tmp_path)
    async with contextlib.AsyncExitStack() as first:
        url = await first.enter_async_context(served(bay.app()))
        port = int(url.rpartition(":")[2])
        await phone.goto(f"{url}/bay")
        await expect(phone.get_by_text("Live", exact=True)).to_be_visible()
    await expect(phone.get_by_text("Connection lost. Trying again …")).to_be_visible()
    bay.text = "Step 2"
    async with served(bay.app(), port=port):
        await expect(phone.locator(".now")).to_have_text("Step 2", timeout=30_000)
        await expect(phone.get_by_text("Live", exact=True)).to_be_visible()


async def test_without_script_it_says_that_it_does_not_move(tmp_path: Path, look_at) -> None:
    bay = Bay(tmp_path)
    async with served(bay.app()) as url, look_at("phone", java_script_enabled=False) as page:
        await page.goto(f"{url}/bay")
        await expect(page.get_by_role("link", name="Load it again")).to_be_visible()
        await expect(page.locator(".now")).to_have_text("Step 1")
