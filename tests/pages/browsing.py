"""What tests of pages see and do in a real browser: Debian's Chromium, driven by Playwright."""

import asyncio
import contextlib
import os
import pathlib
import re
import shutil
import socket
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium") or "/usr/bin/chromium"
"""The same engine without the windows around it starts in half the time."""
WITH_CAMERA = shutil.which("chromium") or "/usr/bin/chromium"
"""The engine alone knows no cameras."""
ROOT = pathlib.Path(__file__).resolve().parents[2]
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
EXPECTED = re.compile(
    r"Failed to load resource: (the server responded with a status of 4|net::ERR_)|htmx: htmx:sse:error: (Failed to fetch|network error)"
)
"""A refused form, and a server that was taken away on purpose, are no faults of a page."""
LONGEST_PICTURE = 6000
TOO_WIDE = """() => [...document.body.querySelectorAll("*")]
    .filter(part => part.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && part.checkVisibility())
    .map(part => part.outerHTML.slice(0, 160))"""
SETTLED = """() => Promise.allSettled(document.getAnimations()
    .filter(each => each.effect.getComputedTiming().endTime < Infinity).map(each => each.finished))"""
"""What fades in is looked at when it is there."""
DESKTOP = {"viewport": {"width": 1280, "height": 860}}


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser of this test's own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def looking(browser: Browser, **options: Any) -> AsyncIterator[Page]:
    """A page; afterwards it must have complained about nothing: no error of a script, no violation of the CSP."""
    context = await browser.new_context(**options)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_default_timeout(20_000)
    yield page
    await context.close()
    unexpected = [text for text in complaints if not EXPECTED.match(text)]
    assert not unexpected, "\n".join(unexpected)


@contextlib.asynccontextmanager
async def served(app: Any, *, port: int = 0) -> AsyncIterator[str]:
    """An application behind a real port of this machine; its address."""
    listener = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        app.state.ending.set()
        server.should_exit = True
        await serving


async def assert_accessible(page: Page) -> None:
    """axe-core finds nothing against WCAG 2.2 AA or good practice, and nothing runs out of the screen sideways."""
    await page.evaluate(SETTLED)
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    wrong = [
        f"{each['id']}: {node['html'][:160]} {[check['message'] for check in node['any'] + node['all'] + node['none']][:1]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
    assert not wrong, "\n".join([page.url, *wrong])
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 1, f"{page.url} is {wide} px too wide: {await page.evaluate(TOO_WIDE)}"


async def assert_touchable(page: Page) -> None:
    """Whatever stands by itself and can be touched is 44 px high (links inside a sentence may be smaller, WCAG 2.5.8)."""
    small = await page.evaluate("""() => [...document.querySelectorAll("button, summary, .button, nav a, select, input:not([type=hidden])")]
        .filter(part => part.checkVisibility() && !part.closest(".for-readers") && !part.classList.contains("for-readers"))
        .map(part => [part.outerHTML.slice(0, 120), (part.type === "checkbox" || part.type === "radio"
            ? (part.closest("label, .check") ?? part) : part).getBoundingClientRect().height])
        .filter(([, height]) => height > 0 && height < 43.5)""")
    assert not small, f"{page.url}: {small}"


async def portray(page: Page, name: str) -> None:
    """A picture of the whole page, where SLIPROAD_SCREENSHOTS names a folder outside the repository; else nothing."""
    if folder := os.environ.get("SLIPROAD_SCREENSHOTS"):
        path = pathlib.Path(folder).resolve()
        assert not path.is_relative_to(ROOT), "pictures don't belong into the repository"
        was, tall = page.viewport_size, await page.evaluate("document.documentElement.scrollHeight")
        if was and tall < LONGEST_PICTURE:  # a screen as tall as the page: what sticks to an edge is at its edge
            await page.set_viewport_size({"width": was["width"], "height": max(tall, was["height"])})
        await page.screenshot(path=path / f"{name}.png", full_page=True)
        if was:
            await page.set_viewport_size(was)
