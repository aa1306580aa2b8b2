"""An installer commissions by thumb: starting, watching, plugging in, pausing, stopping, reading what went wrong, logs and diagnostics.

Against a whole installation with virtual chargers, in a real browser: what is on the page came over the wire.
"""

import pathlib
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from installation import Installation
from pages.browsing import assert_accessible, assert_touchable, portray
from pages.on_site import NOT_A_SCRIPT, OnSite, on_site

pytestmark = pytest.mark.xdist_group("commissioning pages")
PATIENCE = 90_000
SILENT = frozenset({"never_sends_heartbeats"})
"""Whose session waits for a heartbeat until somebody does something."""


@pytest.fixture
async def site(sliproad: Installation, tmp_path: pathlib.Path) -> AsyncIterator[OnSite]:
    async with on_site(sliproad, tmp_path) as made:
        yield made


async def seen(page: Page, name: str) -> None:
    await assert_accessible(page)
    await assert_touchable(page)
    await portray(page, name)


async def start(page: Page) -> None:
    await page.get_by_role("button", name="Start commissioning").click()
    await page.locator(".step").first.wait_for()


@pytest.mark.parametrize(
    ("screen", "scheme"), [("phone", "light"), ("phone", "dark"), ("desktop", "light"), ("desktop", "dark")]
)
async def test_from_the_start_to_passed(site: OnSite, look_at, screen: str, scheme: str) -> None:
    name = f"{screen}-{scheme}"
    async with (
        site.charger("2.0.1", vehicle="manual") as (charge_point_id, charger),
        look_at(screen, color_scheme=scheme, reduced_motion="reduce") as page,
    ):
        await site.log_in(page, site.page_of(charge_point_id))
        await expect(page.locator("#connection")).to_contain_text("The charger is connected and ready.")
        await expect(page.get_by_label("Standard AC 22kW")).to_be_checked()
        await page.get_by_text("What it does: Standard AC 22kW").click()
        await page.get_by_text("13 settings, and why").first.click()
        await expect(page.get_by_text("TxCtrlr.EVConnectionTimeOut").first).to_be_visible()
        await seen(page, f"start-{name}")
        await start(page)
        await expect(page.locator("#call h2")).to_have_text("Plug in the vehicle now", timeout=PATIENCE)
        assert "Step 5 of 5, Test charge: Running. Plug in the vehicle now" in await page.inner_text("#announcement")
        await expect(page.locator(".step.is-current time")).to_have_text(re.compile(r"^\d+ s|^\d+ min"))
        await seen(page, f"session-{name}")
        await charger.plug_in(1)
        await page.get_by_role("heading", name="Passed").wait_for(timeout=PATIENCE)
        await expect(page.locator(".step.is-done")).to_have_count(5)
        await expect(page.locator("#call h2")).to_have_count(0)
        await expect(page.get_by_role("link", name="To the handover")).to_have_attribute(
            "href", f"/installer/projects/{site.project_id}/handover"
        )
        assert "Test transaction completed" in await page.inner_text("#session")
        await seen(page, f"passed-{name}")
        await page.get_by_role("link", name="All sessions").click()
        await page.wait_for_url("**/sessions")
        await expect(page.locator(".rows tbody tr")).to_have_count(1)
        await seen(page, f"sessions-{name}")
        await page.locator(".rows a").first.click()
        await page.get_by_text("To the newest session").wait_for()


async def test_a_session_is_paused_goes_on_and_is_stopped(site: OnSite, phone: Page) -> None:
    async with site.charger("1.6", faults=SILENT) as (charge_point_id, _):
        await site.log_in(phone, site.page_of(charge_point_id))
        await start(phone)
        await phone.get_by_text("Waiting for a Heartbeat.").wait_for(timeout=PATIENCE)
        await phone.get_by_role("button", name="Pause").click()
        await phone.locator(".step.is-paused").wait_for()
        await seen(phone, "paused-phone")
        await phone.get_by_role("button", name="Go on").click()
        await phone.get_by_text("Waiting for a Heartbeat.").wait_for()
        await phone.get_by_role("link", name="Stop").click()
        await assert_accessible(phone)
        await phone.get_by_role("dialog").get_by_role("button", name="Stop").click()
        await phone.get_by_role("heading", name="Stopped").wait_for()
        await seen(phone, "stopped-phone")
        await phone.get_by_role("button", name="Try again").click()
        await phone.get_by_text("Waiting for a Heartbeat.").wait_for(timeout=PATIENCE)
        status = await site.client.installer("GET", f"commissioning/{charge_point_id}/sessions")
        assert [each["status"] for each in status["sessions"]] == ["running", "stopped"]


async def test_a_fault_says_what_to_do_in_the_readers_language(site: OnSite, look_at) -> None:
    async with (
        site.charger("1.6", faults=frozenset({"refuses_remote_start"}), vehicle="manual") as (charge_point_id, charger),
        look_at("phone", reduced_motion="reduce") as page,
    ):
        await charger.plug_in(1)
        await site.log_in(page, site.page_of(charge_point_id))
        await start(page)
        await page.get_by_role("heading", name="Failed: Test charge").wait_for(timeout=PATIENCE)
        failed = page.locator(".card.is-bad")
        await expect(failed).to_contain_text("The charge point rejected RemoteStartTransaction at connector 1.")
        await expect(failed.locator(".advice")).to_contain_text("Check that remote start is allowed in its settings")
        await expect(page.locator("#session .progress")).to_contain_text("4 / 5")
        await seen(page, "failed-phone")
        await page.get_by_role("button", name="Deutsch").click()
        await page.get_by_role("heading", name="Fehlgeschlagen: Testladung").wait_for()
        await expect(failed).to_contain_text("Der Ladepunkt hat RemoteStartTransaction an Anschluss 1 abgelehnt.")
        await expect(failed.locator(".advice")).to_contain_text(
            "Prüfen Sie, ob der Fernstart in seinen Einstellungen erlaubt ist"
        )
        await seen(page, "failed-phone-de")


async def test_the_page_goes_on_by_itself_when_its_server_is_killed(site: OnSite, phone: Page) -> None:
    async with site.charger("2.1", faults=SILENT) as (charge_point_id, _):
        await site.log_in(phone, site.page_of(charge_point_id))
        await start(phone)
        await phone.get_by_text("Waiting for a Heartbeat.").wait_for(timeout=PATIENCE)
        await phone.evaluate("document.body.dataset.same = 'page'")
        await site.sliproad.kill("web")
        await phone.locator('.live[data-state="away"]').wait_for(timeout=PATIENCE)
        await phone.locator('.live[data-state="live"]').wait_for(timeout=PATIENCE)
        await site.client.installer("POST", f"commissioning/{charge_point_id}/stop")
        await phone.get_by_role("heading", name="Stopped").wait_for(timeout=PATIENCE)
        assert await phone.evaluate("document.body.dataset.same") == "page", "it was loaded anew"
        await assert_accessible(phone)


async def test_logs_are_filtered_live_and_whatever_a_charger_says_is_text(site: OnSite, look_at) -> None:
    async with (
        site.charger("1.6", faults=SILENT, firmware_version=NOT_A_SCRIPT) as (charge_point_id, charger),
        look_at("desktop", reduced_motion="reduce") as page,
    ):
        await site.log_in(page, site.page_of(charge_point_id, "logs"))
        await page.get_by_role("heading", name="Nothing was said yet").wait_for()
        await assert_accessible(page)
        await site.client.installer("POST", f"commissioning/{charge_point_id}/start", expect=202, body={})
        await page.reload()
        tail = page.locator("#tail .log-line")
        await expect(page.locator("#tail")).to_contain_text("Waiting for a Heartbeat", timeout=PATIENCE)
        await page.locator('.live[data-state="live"]').wait_for()
        await charger.reboot()
        told = tail.filter(has_text="BootNotification").filter(has_text="from the charger").first
        await told.wait_for(timeout=PATIENCE)
        await told.locator("summary").click()
        await expect(told.locator("pre")).to_contain_text(f'"firmwareVersion": "{NOT_A_SCRIPT}"')
        await seen(page, "logs-desktop")
        await page.get_by_label("Level").select_option(label="Information")
        link = page.get_by_role("link", name="Download (ndjson)")
        await expect(link).to_have_attribute("href", re.compile("level=info"), timeout=PATIENCE)
        await expect(page.locator("#results .is-frame")).to_have_count(0)
        await expect(page.locator("#results .log-line").first).to_contain_text("Commissioning begins with template")
        async with page.expect_download() as coming:
            await link.click()
        lines = pathlib.Path(await (await coming.value).path()).read_text().splitlines()
        assert len(lines) > 2
        assert all('"level":"info"' in line for line in lines)
        await page.goto(site.page_of(charge_point_id, "diagnostics"))
        await expect(page.locator("#report")).to_contain_text(NOT_A_SCRIPT)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_diagnostics_are_asked_for_and_the_log_is_fetched(site: OnSite, look_at, scheme: str) -> None:
    async with (
        site.charger("1.6") as (charge_point_id, charger),
        look_at("phone", color_scheme=scheme, reduced_motion="reduce") as page,
    ):
        await site.log_in(page, site.page_of(charge_point_id, "diagnostics"))
        await expect(page.locator("#report")).to_contain_text("SmartCharging", timeout=PATIENCE)
        await page.get_by_role("button", name="Ask the charger anew").click()
        await page.get_by_text("The charger is asked.").wait_for()
        await expect(page.locator("#asking")).not_to_contain_text("A slow one", timeout=PATIENCE)
        await page.get_by_role("button", name="Fetch the log").click()
        arrived = page.locator("#uploads").get_by_role("link")
        await arrived.wait_for(timeout=PATIENCE)
        async with page.expect_download() as coming:
            await arrived.click()
        path = await (await coming.value).path()
        assert pathlib.Path(path).stat().st_size == charger.settings.log_bytes
        await seen(page, f"diagnostics-phone-{scheme}")


async def test_without_script_the_page_is_as_it_was_when_loaded(site: OnSite, look_at) -> None:
    async with (
        site.charger("1.6", faults=SILENT) as (charge_point_id, _),
        look_at("phone", java_script_enabled=False) as page,
    ):
        await site.log_in(page, site.page_of(charge_point_id))
        await start(page)
        assert "does not move by itself without JavaScript" in await page.inner_text("main")
        await page.get_by_role("link", name="Stop").click()
        await page.get_by_role("heading", name="Stop the commissioning?").wait_for()
        await page.get_by_role("button", name="Stop").click()
        await page.get_by_role("heading", name="Stopped").wait_for()


async def test_another_template_is_applied(site: OnSite, phone: Page) -> None:
    async with site.charger("2.0.1") as (charge_point_id, _):
        await site.log_in(phone, site.page_of(charge_point_id, "commissioning/template"))
        await phone.get_by_label("DC Rapid 50kW").check()
        await phone.get_by_role("button", name="Apply now").click()
        await phone.get_by_role("heading", name="DC Rapid 50kW is applied").wait_for(timeout=PATIENCE)
        await expect(phone.locator(".card.is-warning, .card.is-good")).to_contain_text("settings hold")
        await seen(phone, "template-phone")


async def test_a_charger_that_is_away_is_not_started(site: OnSite, phone: Page) -> None:
    made = await site.register()
    await site.log_in(phone, site.page_of(made["charge_point_id"]))
    await expect(phone.locator("#connection")).to_contain_text("The charger is not connected")
    await phone.get_by_role("button", name="Start commissioning").click()
    await expect(phone.locator(".errors")).to_contain_text("The charge point is not connected.")
    await seen(phone, "start-away-phone")
