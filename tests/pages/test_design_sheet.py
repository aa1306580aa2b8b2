"""`/dev/ui`, in every size and colour: each component in each state can be read, heard, touched and sent."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import Route, expect

from pages.browsing import ROOT, assert_accessible, assert_touchable, portray, served
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database
from sliproad.foundation.web.application import create_app
from sliproad.foundation.web.idempotency import IdempotencyRecords
from sliproad.foundation.web.ui import NavEntry, PageRole, Visitor, example_pages, gallery

LARGEST_FIRST_LOAD = 100_000
NAVIGATION = (
    NavEntry(PageRole.INSTALLER, "Projects", "/dev/ui/example", "folder", 1),
    NavEntry(PageRole.INSTALLER, "Design sheet", "/dev/ui", "pen", 2),
)


class Alex:
    """Knows Alex, whoever asks."""

    async def identify(self, request):
        return "alex"

    async def visitor(self, request):
        return Visitor(PageRole.INSTALLER, "Alex Technician", "Acme EV Installations", None)


@pytest.fixture
async def sheet(web: Database, clock: ManualClock, secret_key: SecretKey) -> AsyncIterator[str]:
    app = create_app(
        [gallery.router(), example_pages.router()],
        guards=Alex(),
        idempotency=IdempotencyRecords(web, secret_key, clock),
        public_url="http://127.0.0.1",
        version="0",
        navigation=NAVIGATION,
    )
    async with served(app) as address:
        yield address


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", ["phone", "desktop"])
async def test_every_component_can_be_read_and_touched(sheet, look_at, screen, scheme):
    async with look_at(screen, color_scheme=scheme, reduced_motion="reduce") as page:
        await page.goto(f"{sheet}/dev/ui")
        await page.wait_for_selector(".signature-pad:not([hidden])")
        await assert_accessible(page)
        await assert_touchable(page)
        await portray(page, f"design-sheet-{screen}-{scheme}")


async def test_the_switch_beats_the_system(sheet, phone):
    await phone.goto(f"{sheet}/dev/ui/example")
    light = await phone.evaluate("getComputedStyle(document.body).backgroundColor")
    await phone.get_by_role("button", name="Dark").click()
    await phone.wait_for_selector('html[data-theme="dark"]')
    assert await phone.evaluate("getComputedStyle(document.body).backgroundColor") != light
    assert phone.url == f"{sheet}/dev/ui/example"
    await assert_accessible(phone)
    await phone.get_by_role("button", name="Deutsch").click()
    await phone.wait_for_selector('html[lang="de"]')
    assert await phone.get_by_role("heading", level=1).inner_text() == "Ladepunkte"


async def test_the_language_is_the_browsers(sheet, look_at):
    async with look_at("desktop", locale="de-AT", timezone_id="Europe/Vienna") as page:
        await page.goto(f"{sheet}/dev/ui")
        await page.reload()  # the time zone is known from the second page on
        assert await page.get_by_role("heading", level=1).inner_text() == "Gestaltungsbogen"
        assert "1. Mai 2026, 12:23" in await page.inner_text("main") or "1 Mai 2026, 12:23" in await page.inner_text(
            "main"
        )


async def test_a_list_filters_while_one_types_and_sorts(sheet, desktop):
    await desktop.goto(f"{sheet}/dev/ui/example")
    await desktop.get_by_label("Serial number or model").fill("keba")
    await expect(desktop.locator(".rows tbody tr")).to_have_count(1)
    await expect(desktop).to_have_url(re.compile("words=keba"))
    await desktop.goto(f"{sheet}/dev/ui/example?sort=-serial")
    assert (await desktop.locator(".rows tbody tr td").first.inner_text()).startswith("KEBA")


async def test_a_form_that_is_wrong_comes_back_with_what_was_typed(sheet, phone):
    await phone.goto(f"{sheet}/dev/ui/example/new")
    await phone.get_by_label("Serial number").first.fill("ALP-300-0017")
    await phone.get_by_label("Power in kW").fill("5000")
    await phone.get_by_role("button", name="Register").click()
    await phone.wait_for_selector(".errors")
    assert await phone.evaluate("document.activeElement.classList.contains('errors')")
    assert "Too large: the most is 1000." in await phone.inner_text(".errors")
    assert await phone.get_by_label("Serial number").first.input_value() == "ALP-300-0017"
    await assert_accessible(phone)
    await phone.get_by_label("Power in kW").fill("300")
    await phone.get_by_role("button", name="Register").click()
    await phone.get_by_text("There is a charger with this serial number already.").wait_for()
    await phone.get_by_label("Serial number").first.fill("NEW-1")
    await phone.get_by_role("button", name="Register").click()
    await phone.get_by_text("NEW-1 is registered.").wait_for()
    assert phone.url == f"{sheet}/dev/ui/example"


async def test_what_a_form_lacks_is_said_beside_the_field_in_the_language_of_the_page(sheet, look_at):
    async with look_at("phone", locale="de-DE") as page:
        await page.goto(f"{sheet}/dev/ui/example/new")
        await page.get_by_role("button", name="Registrieren").click()
        serial = page.get_by_label("Seriennummer").first
        await expect(page.locator(".field.is-wrong .wrong").first).to_have_text("Bitte füllen Sie das aus.")
        await expect(serial).to_be_focused()
        await expect(serial).to_have_accessible_description(re.compile("Bitte füllen Sie das aus"))
        await assert_accessible(page)
        await serial.press_sequentially("N")
        await expect(page.locator("#f-serial-missing")).to_have_count(0)
        assert page.url == f"{sheet}/dev/ui/example/new"


async def test_a_place_on_the_same_page_is_loaded_anew(sheet, phone):
    async def onward(route: Route) -> None:
        if route.request.method == "POST":
            await route.fulfill(status=204, headers={"HX-Redirect": "/dev/ui/example/new#f-power"})
        else:
            await route.continue_()

    await phone.goto(f"{sheet}/dev/ui/example/new")
    await phone.route("**/dev/ui/example/new*", onward)
    await phone.evaluate("document.body.dataset.same = 'page'")
    await phone.get_by_label("Serial number").first.fill("NEW-3")
    await phone.get_by_label("Power in kW").fill("22")
    await phone.get_by_role("button", name="Register").click()
    await expect(phone.locator("body:not([data-same])")).to_have_count(1)
    assert phone.url == f"{sheet}/dev/ui/example/new#f-power"


async def test_a_failed_send_says_so_keeps_what_was_typed_and_goes_out_with_the_connection(sheet, phone):
    await phone.goto(f"{sheet}/dev/ui/example/new")
    await phone.get_by_label("Serial number").first.fill("NEW-2")
    await phone.get_by_label("Power in kW").fill("22")
    await phone.context.set_offline(True)
    await phone.get_by_role("button", name="Register").click()
    await phone.get_by_text("Not sent").wait_for()
    assert await phone.get_by_label("Serial number").first.input_value() == "NEW-2"
    await phone.context.set_offline(False)
    await phone.get_by_text("NEW-2 is registered.").wait_for()


async def test_a_confirmation_is_a_dialog_and_without_script_a_page(sheet, look_at):
    async with look_at("phone") as page:
        await page.goto(f"{sheet}/dev/ui/example")
        await page.get_by_role("link", name="Remove").click()
        dialog = page.get_by_role("dialog")
        await dialog.wait_for()
        await assert_accessible(page)
        await page.keyboard.press("Escape")
        assert not await dialog.is_visible()
        await page.get_by_role("link", name="Remove").click()
        await dialog.get_by_role("button", name="Remove").click()
        await page.get_by_text("The charger is removed.").wait_for()
    async with look_at("phone", java_script_enabled=False) as page:
        await page.goto(f"{sheet}/dev/ui/example")
        await page.get_by_role("link", name="Remove").click()
        await page.get_by_role("button", name="Remove").click()
        assert "The charger is removed." in await page.inner_text(".toast")
        await page.goto(f"{sheet}/dev/ui/example/new")
        await page.get_by_label("Serial number").first.fill("x")
        await page.get_by_label("Power in kW").fill("many")
        await page.get_by_role("button", name="Register").click()
        assert "Please write a number." in await page.inner_text(".errors")
        assert await page.get_by_label("Serial number").first.input_value() == "x"


async def test_text_of_a_charger_is_text(sheet, desktop):
    await desktop.goto(f"{sheet}/dev/ui")
    assert "<script>alert(1)</script>" in await desktop.inner_text(".timeline")


async def test_the_first_load_fits_through_one_bar_of_signal(sheet):
    async with httpx2.AsyncClient(base_url=sheet) as http:
        accepting = {"accept": "text/html", "accept-encoding": "gzip"}
        page = await http.get("/dev/ui/example", headers=accepting)
        addresses = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text))
        total = len(page.content)
        for address in addresses:
            answer = await http.get(address, headers=accepting)
            assert "immutable" in answer.headers["cache-control"]
            total += int(answer.headers["content-length"])
    assert len(addresses) == 3
    assert total < LARGEST_FIRST_LOAD


def test_no_page_has_styles_or_scripts_of_its_own():
    """The CSP would refuse them; a template that has one is a mistake wherever it is."""
    wrong = [
        str(path.relative_to(ROOT))
        for path in Path(ROOT / "src").rglob("templates/**/*.html")
        if not path.name.startswith("mail_")
        and re.search(
            r"<style|\sstyle=|\son[a-z]+=[\"']|javascript:|<script(?! type=\"module\" src=)", path.read_text()
        )
    ]
    assert wrong == []
