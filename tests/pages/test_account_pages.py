"""An installer's account by thumb: signing up, confirming, logging in, forgetting, changing; in light, dark, German and without script."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Page

from features.accounts.conftest import PASSWORD, World, open_world
from pages.browsing import assert_accessible, assert_touchable, portray, served
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database

ALEX = "alex@acme-ev-installs.com"


@dataclass
class Site:
    world: World
    url: str

    async def mailed_path(self, path: str) -> str:
        """Where the link in the newest mail to Alex leads, on this machine's port."""
        return f"{self.url}{path}?token={await self.world.mailed_token(ALEX)}"


@pytest.fixture
async def site(
    web: Database, engine: Database, clock: ManualClock, secret_key: SecretKey, tmp_path: Path
) -> AsyncIterator[Site]:
    async with (
        open_world(web, engine, clock, secret_key, tmp_path, "http://127.0.0.1") as world,
        served(world.app) as url,
    ):
        yield Site(world, url)


async def seen(page: Page, name: str) -> None:
    await assert_accessible(page)
    await assert_touchable(page)
    await portray(page, name)


async def sign_up(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/signup")
    await page.get_by_role("link", name="I install chargers").click()
    await page.get_by_label("Your name").fill("Alex Technician")
    await page.get_by_label("E-mail").fill(ALEX)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_label("Company").fill("Acme EV Installations")
    await page.get_by_role("button", name="Create my account").click()
    await page.get_by_role("heading", name="Look into your mailbox").wait_for()


async def log_in(page: Page, site: Site, password: str = PASSWORD) -> None:
    await page.goto(f"{site.url}/login")
    await page.get_by_label("E-mail").fill(ALEX)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Log in").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", ["phone", "desktop"])
async def test_from_the_first_page_to_the_account(site: Site, look_at, screen: str, scheme: str) -> None:
    name = f"{screen}-{scheme}"
    async with look_at(screen, color_scheme=scheme, reduced_motion="reduce") as page:
        await page.goto(f"{site.url}/signup")
        await seen(page, f"sign-up-{name}")
        await page.goto(f"{site.url}/signup/installer")
        await seen(page, f"sign-up-installer-{name}")
        await sign_up(page, site)
        await seen(page, f"mail-sent-{name}")
        await page.goto(await site.mailed_path("/verify-email"))
        await seen(page, f"verify-{name}")
        await page.get_by_role("button", name="Confirm this address").click()
        await page.get_by_role("heading", name="Your account is ready").wait_for()
        await seen(page, f"verified-{name}")
        await log_in(page, site, "not-the-password")
        await page.get_by_text("The e-mail or the password is wrong.").wait_for()
        await seen(page, f"login-wrong-{name}")
        await page.goto(f"{site.url}/login")
        await seen(page, f"login-{name}")
        await log_in(page, site)
        await page.get_by_role("heading", name="Account", exact=True).wait_for()
        await seen(page, f"account-{name}")
        await page.get_by_label("Company").fill("Acme & Sons")
        await page.get_by_role("button", name="Save").click()
        await page.get_by_text("Saved.").wait_for()
        assert await page.get_by_label("Company").input_value() == "Acme & Sons"


async def test_a_forgotten_password(site: Site, phone: Page) -> None:
    await site.world.an_installer()
    await phone.goto(f"{site.url}/login")
    await phone.get_by_role("link", name="Forgotten your password?").click()
    await seen(phone, "forgotten-phone")
    await phone.get_by_label("E-mail").fill(ALEX)
    await phone.get_by_role("button", name="Mail me a link").click()
    await phone.get_by_role("heading", name="Look into your mailbox").wait_for()
    await phone.goto(await site.mailed_path("/reset-password"))
    await seen(phone, "reset-phone")
    await phone.get_by_label("New password").fill("my-next-password")
    await phone.get_by_role("button", name="Set this password").click()
    await phone.get_by_role("heading", name="Your new password is set").wait_for()
    await log_in(phone, site, "my-next-password")
    await phone.get_by_role("heading", name="Account", exact=True).wait_for()


async def test_by_keyboard_only(site: Site, desktop: Page) -> None:
    await site.world.an_installer()
    await desktop.goto(f"{site.url}/login")
    await desktop.keyboard.press("Tab")
    assert await desktop.evaluate("document.activeElement.textContent") == "Skip to content"
    await desktop.keyboard.press("Enter")
    for _ in range(2):  # the role, the e-mail
        await desktop.keyboard.press("Tab")
    await desktop.keyboard.type(ALEX)
    await desktop.keyboard.press("Tab")
    await desktop.keyboard.type(PASSWORD)
    await desktop.keyboard.press("Enter")
    await desktop.get_by_role("heading", name="Account", exact=True).wait_for()
    await desktop.locator("details.menu summary").focus()
    await desktop.keyboard.press("Enter")
    await desktop.get_by_role("link", name="Account", exact=True).wait_for()
    await desktop.keyboard.press("Tab")
    await desktop.keyboard.press("Tab")
    await desktop.keyboard.press("Enter")
    await desktop.get_by_text("You are logged out.").wait_for()


async def test_without_script_and_in_german(site: Site, look_at) -> None:
    await site.world.an_installer()
    async with look_at("phone", java_script_enabled=False, locale="de-DE") as page:
        await page.goto(f"{site.url}/account")
        assert await page.inner_text("h1") == "Anmelden"
        await page.get_by_label("E-Mail").fill(ALEX)
        await page.get_by_label("Passwort").fill("falsch-falsch")
        await page.get_by_role("button", name="Anmelden").click()
        assert "Die E-Mail-Adresse oder das Passwort ist falsch." in await page.inner_text(".errors")
        assert await page.get_by_label("E-Mail").input_value() == ALEX
        await page.get_by_label("Passwort").fill(PASSWORD)
        await page.get_by_role("button", name="Anmelden").click()
        assert await page.inner_text("h1") == "Konto"
        await portray(page, "account-phone-german")
        await page.get_by_role("button", name="Abmelden").last.click()
        assert "Sie sind abgemeldet." in await page.inner_text(".toast")
