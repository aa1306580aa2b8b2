"""A phone and a desk's screen for tests of pages, each in light; `look_at` gives any other."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from installation import Installation, installation
from pages.browsing import DESKTOP, chromium, looking
from pages.on_site import OnSite, on_site

PIXEL_7 = {
    "viewport": {"width": 412, "height": 839},
    "screen": {"width": 412, "height": 915},
    "device_scale_factor": 2.625,
    "is_mobile": True,
    "has_touch": True,
    "user_agent": "Mozilla/5.0 (Linux; Android 14; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Mobile Safari/537.36",
}
SCREENS = {"phone": PIXEL_7, "desktop": DESKTOP}


@pytest.fixture(scope="package")
def sliproad() -> Iterator[Installation]:
    """Where people work whose pages are looked at: each test has an organisation and people of its own there."""
    with installation() as running:
        yield running


@pytest.fixture
async def site(sliproad: Installation, tmp_path: Path) -> AsyncIterator[OnSite]:
    async with on_site(sliproad, tmp_path) as found:
        yield found


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.fixture
def look_at(browser: Browser) -> Callable[..., AbstractAsyncContextManager[Page]]:
    """`async with look_at("phone", color_scheme="dark") as page:`; options are those of a Playwright context."""

    def look(screen: str, **options: Any) -> AbstractAsyncContextManager[Page]:
        return looking(browser, **SCREENS[screen] | options)

    return look


@pytest.fixture
async def phone(look_at: Callable[..., AbstractAsyncContextManager[Page]]) -> AsyncIterator[Page]:
    async with contextlib.AsyncExitStack() as stack:
        yield await stack.enter_async_context(look_at("phone"))


@pytest.fixture
async def desktop(look_at: Callable[..., AbstractAsyncContextManager[Page]]) -> AsyncIterator[Page]:
    async with contextlib.AsyncExitStack() as stack:
        yield await stack.enter_async_context(look_at("desktop"))
