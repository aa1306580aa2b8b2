"""An installer's pages in a real browser against a whole Sliproad: projects, registration, a charger's settings, the doctor live."""

import base64
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from installation import Installation
from pages.browsing import assert_accessible, assert_touchable, portray
from sliproad.app.job_client import JobClient
from sliproad.simulator import ChargerSettings, VirtualCharger

pytestmark = pytest.mark.xdist_group("pages")
PASSWORD = "correct horse battery"
NASTY = '<script>alert("x")</script>'


@dataclass
class Job:
    """An organisation, and Alex, who works for it."""

    sliproad: Installation
    client: JobClient
    email: str
    folder: Path
    chargers: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.sliproad.http_url

    async def project(self, name: str = "Riverside — Phase 1", expected: int = 4, *, is_assigned: bool = True) -> str:
        """A new project on a site of its own; its id."""
        address = "Unit 12, Riverside Business Park, London E1W 3SJ"
        site = await self.client.cpo("POST", "cpo/sites", expect=201, body={"name": "Riverside", "address": address})
        body = {"name": name, "site_id": site["site_id"], "charge_points_expected": expected}
        project_id: str = (await self.client.cpo("POST", "cpo/projects", expect=201, body=body))["project_id"]
        if is_assigned:
            who = {"installer_id": self.client.installer_id}
            await self.client.cpo("POST", f"cpo/projects/{project_id}/installers", expect=201, body=who)
        return project_id

    async def charge_point(self, project_id: str, serial_number: str, **more: Any) -> dict[str, Any]:
        body = {"project_id": project_id, "serial_number": serial_number, "vendor": "Alpitronic", "model": "HYC300"}
        made: dict[str, Any] = await self.client.installer(
            "POST", "charge-points", expect=201, body=body | {"ocpp_version": "2.0.1"} | more
        )
        return made

    @contextlib.asynccontextmanager
    async def charger(self, identity: str, password: str, **more: Any) -> AsyncIterator[VirtualCharger]:
        """A virtual charge point that was given these settings, switched on."""
        settings = ChargerSettings(
            url=f"{self.sliproad.ocpp_url}/ocpp/2.0.1",
            identity=identity,
            version="2.0.1",
            password=password,
            ledger_path=self.folder / f"{uuid.uuid4().hex}.ledger",
            reconnect_seconds=3.0,
            reconnect_max_seconds=5.0,
            durable=False,
            **{"vendor": "Alpitronic", "model": "HYC300"} | more,
        )
        async with VirtualCharger(settings) as charger:
            yield charger

    async def log_in(self, page: Page) -> None:
        """As Alex; ends on the projects."""
        await page.goto(f"{self.url}/login")
        await page.get_by_label("E-mail").fill(self.email)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Log in").click()
        await page.get_by_role("heading", name="My projects").wait_for()


@pytest.fixture
async def job(sliproad: Installation, tmp_path: Path) -> AsyncIterator[Job]:
    mark = uuid.uuid4().hex[:8]
    client = JobClient(sliproad.http_url, sliproad.mail_dir)
    client.api_key = sliproad.organization(f"cpo-{mark}@pages.example")
    email = f"alex-{mark}@pages.example"
    await client.sign_up_installer(email, PASSWORD, "Alex Technician", "Acme EV Installations")
    yield Job(sliproad, client, email, tmp_path)
    await client.close()


async def seen(page: Page, name: str) -> None:
    await assert_accessible(page)
    await assert_touchable(page)
    assert await page.locator("main script").count() == 0
    await portray(page, name)


async def secret(page: Page, label: str) -> str:
    """What the page's copy button of that label copies."""
    value = await page.get_by_role("button", name=f"Copy {label}").get_attribute("data-copy")
    assert value is not None
    return value


async def fill_in(page: Page, serial_number: str) -> None:
    await page.get_by_label("Serial number").fill(serial_number)
    await page.get_by_label("Vendor").fill("Alpitronic")
    await page.get_by_label("Model").fill("HYC300")
    await page.get_by_text("2.0.1", exact=True).click()
    await page.get_by_label("Connectors").fill("2")
    await page.get_by_label("Power in kW").fill("22,5")


async def test_whoever_has_no_project_reads_what_to_tell_the_organisation(job: Job, phone: Page):
    await job.log_in(phone)
    await phone.get_by_role("heading", name="No projects yet").wait_for()
    assert await secret(phone, "Your installer id") == job.client.installer_id
    await phone.get_by_role("img", name="Your installer id").wait_for()
    await seen(phone, "projects-empty-phone-light")


async def test_a_charger_is_registered_and_seen_to_connect(job: Job, phone: Page):
    project_id = await job.project()
    await job.log_in(phone)
    await phone.get_by_role("link", name="Riverside — Phase 1", exact=True).click()
    await phone.get_by_role("link", name="Register a charge point").first.click()
    await fill_in(phone, "")
    await phone.get_by_label("Serial number").evaluate("field => field.required = false")
    await phone.get_by_role("button", name="Register").click()
    await expect(phone.get_by_text("Please fill this in.").last).to_be_visible()
    assert await phone.get_by_label("Vendor").input_value() == "Alpitronic"
    await seen(phone, "register-wrong-phone-light")
    await phone.get_by_label("Serial number").fill("ALP-300-0017")
    await phone.get_by_role("button", name="Register").click()
    await phone.get_by_role("heading", name="Enter this in the charger").wait_for()
    identity, password = await secret(phone, "Identity, also the user name"), await secret(phone, "Password")
    assert await secret(phone, "Server address (OCPP endpoint)") == f"{job.sliproad.ocpp_url}/ocpp/2.0.1/{identity}"
    await seen(phone, "registered-phone-light")

    async with job.charger(identity, f" {password}"):
        await phone.get_by_role("heading", name="Wrong password").wait_for()
        await phone.get_by_text("The password is right but for a space before or behind it.").wait_for()
        await seen(phone, "doctor-wrong-password-phone-light")
    await phone.get_by_role("link", name="Watch it connect").click()
    await phone.get_by_role("heading", name="How far it gets").wait_for()
    assert await phone.locator(".step.is-failed h3").inner_text() == "Password"
    await seen(phone, "connection-refused-phone-light")
    async with job.charger(identity, password, model=NASTY[:20]):
        await phone.get_by_role("heading", name="Connected", exact=True).wait_for()
        await phone.get_by_text(f"It reports as Alpitronic {NASTY[:20]}.").wait_for()
        await expect(phone.locator(".step.is-done")).to_have_count(6)
        await expect(phone.get_by_role("link", name="Start commissioning")).to_be_visible()
        await seen(phone, "connection-connected-phone-light")
        await phone.goto(f"{job.url}/installer/projects/{project_id}")
        await phone.get_by_role("cell", name="Connected").wait_for()
    await phone.get_by_text("Disconnected").wait_for()  # the row changes by itself

    listed = await job.client.installer("GET", f"charge-points?project_id={project_id}")
    assert [(each["serial_number"], each["max_power_kw"]) for each in listed["charge_points"]] == [
        ("ALP-300-0017", 22.5)
    ]


async def test_a_charger_is_registered_by_keyboard_alone(job: Job, desktop: Page):
    project_id = await job.project()
    await job.log_in(desktop)
    await desktop.goto(f"{job.url}/installer/projects/{project_id}/register")

    async def tab_to(name: str) -> None:
        for _ in range(40):
            await desktop.keyboard.press("Tab")
            if (
                await desktop.evaluate(
                    "(document.activeElement.labels?.[0] ?? document.activeElement).innerText.trim()"
                )
                == name
            ):
                return
        raise AssertionError(f"no way to {name}")

    for name, typed in (("Serial number", "KEY-1"), ("Vendor", "Alpitronic"), ("Model", "HYC300")):
        await tab_to(name)
        await desktop.keyboard.type(typed)
    await tab_to("1.6")
    await desktop.keyboard.press("ArrowRight")
    await tab_to("Register")
    await desktop.keyboard.press("Enter")
    await desktop.get_by_role("heading", name="Enter this in the charger").wait_for()
    assert "/ocpp/2.0.1/" in await secret(desktop, "Server address (OCPP endpoint)")


async def test_an_answer_that_is_lost_registers_once_and_nothing_is_typed_again(job: Job, phone: Page):
    project_id = await job.project()
    await job.log_in(phone)
    await phone.goto(f"{job.url}/installer/projects/{project_id}/register")
    await fill_in(phone, "LOST-1")
    lost = []

    async def lose_the_answer(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(await (await route.fetch()).text())
            await route.abort()
        else:
            await route.continue_()

    await phone.route("**/register?*", lose_the_answer)
    await phone.get_by_role("button", name="Register").click()
    await phone.get_by_text("There is no connection just now.").wait_for()
    assert await phone.get_by_label("Serial number").input_value() == "LOST-1"
    await portray(phone, "register-unsent-phone-light")
    await phone.get_by_role("button", name="Try again").click()
    await phone.get_by_role("heading", name="Enter this in the charger").wait_for()
    assert await secret(phone, "Password") in lost[0]
    listed = await job.client.installer("GET", f"charge-points?project_id={project_id}")
    assert listed["total"] == 1


async def test_a_serial_number_that_is_taken_leads_to_its_charger(job: Job, desktop: Page):
    project_id = await job.project()
    made = await job.charge_point(project_id, "TWICE-1")
    await job.log_in(desktop)
    await desktop.goto(f"{job.url}/installer/projects/{project_id}/register")
    await fill_in(desktop, "TWICE-1")
    await desktop.get_by_role("button", name="Register").click()
    await desktop.get_by_text("is already registered").first.wait_for()
    await desktop.get_by_role("link", name="Open it").click()
    await desktop.wait_for_url(f"**/installer/charge-points/{made['charge_point_id']}")


async def test_a_delivery_is_registered_from_a_file(job: Job, phone: Page):
    project_id = await job.project()
    await job.charge_point(project_id, "OLD-1")
    rows = ["NEW-1;Alpitronic;HYC300;2.0.1;300,5", f"{NASTY};Alpitronic;HYC300;1.6;", ";Alpitronic;HYC300;1.6;"]
    rows += ["NEW-4;Alpitronic;HYC300;9.9;", "NEW-1;Alpitronic;HYC300;1.6;", "OLD-1;Alpitronic;HYC300;1.6;"]
    sheet = "\r\n".join(["serial_number;vendor;model;ocpp_version;max_power_kw", *rows]).replace('"', "'")
    await job.log_in(phone)
    await phone.goto(f"{job.url}/installer/projects/{project_id}/bulk")
    await seen(phone, "bulk-phone-light")
    choose = phone.get_by_label("CSV file")
    await choose.set_input_files({"name": "delivery.csv", "mimeType": "text/csv", "buffer": b"serial;maker\r\n1;2\r\n"})
    await phone.get_by_role("button", name="Look at it").click()
    await phone.get_by_text("is missing").first.wait_for()
    await seen(phone, "bulk-wrong-phone-light")
    await choose.set_input_files({"name": "delivery.csv", "mimeType": "text/csv", "buffer": sheet.encode()})
    await phone.get_by_role("button", name="Look at it").click()
    await phone.get_by_role("heading", name="What the file becomes").wait_for()
    await phone.get_by_text("stands in row 2 already, with the same vendor").wait_for()
    await phone.get_by_text("is taken").wait_for()
    await phone.get_by_text(NASTY.replace('"', "'")).first.wait_for()
    assert (await job.client.installer("GET", f"charge-points?project_id={project_id}"))["total"] == 1
    await seen(phone, "bulk-preview-phone-light")
    await phone.get_by_role("button", name="Register 2 charge points").click()
    await phone.get_by_role("heading", name="2 charge points are registered").wait_for()
    await seen(phone, "bulk-registered-phone-light")
    href = await phone.get_by_role("link", name="Keep the settings as a file").get_attribute("href") or ""
    kept = base64.b64decode(href.removeprefix("data:text/csv;base64,")).decode("utf-8-sig").splitlines()
    assert (len(kept), kept[1].split(";")[1]) == (3, "NEW-1")
    listed = await job.client.installer("GET", f"charge-points?project_id={project_id}")
    powers = {each["serial_number"]: each["max_power_kw"] for each in listed["charge_points"]}
    assert powers == {"OLD-1": None, "NEW-1": 300.5, NASTY.replace('"', "'"): None}


async def test_many_charge_points_are_filtered(job: Job, phone: Page):
    project_id = await job.project(expected=6)
    for number in range(5):
        await job.charge_point(project_id, f"ALP-{number}", location={"description": f"Bay {number}"})
    await job.log_in(phone)
    await phone.goto(f"{job.url}/installer/projects/{project_id}")
    await phone.get_by_label("Serial number, model or place").fill("Bay 3")
    await expect(phone.locator("#chargers tbody tr")).to_have_count(1)
    await expect(phone.locator("#chargers")).to_contain_text("ALP-3")
    await phone.get_by_label("Serial number, model or place").fill("")
    await phone.get_by_label("Status").select_option("commissioned")
    await phone.get_by_text("No charge point fits.").wait_for()


async def test_a_new_password_is_shown_once_and_the_old_one_opens_nothing(job: Job, desktop: Page):
    made = await job.charge_point(await job.project(), "ROT-1")
    here = f"{job.url}/installer/charge-points/{made['charge_point_id']}"
    await job.log_in(desktop)
    await desktop.goto(here)
    assert made["provisioning_password"] not in await desktop.content()
    await (
        desktop.get_by_role("button", name="Make a new password")
        .or_(desktop.get_by_role("link", name="Make a new password"))
        .first.click()
    )
    await assert_accessible(desktop)
    await desktop.get_by_role("dialog").get_by_role("button", name="Make a new password").click()
    await desktop.get_by_role("heading", name="Enter this in the charger").wait_for()
    password = await secret(desktop, "Password")
    assert password != made["provisioning_password"]
    async with job.charger(made["ocpp_identity"], made["provisioning_password"]):
        await desktop.get_by_role("heading", name="Wrong password").wait_for()
    async with job.charger(made["ocpp_identity"], password):
        await desktop.get_by_role("heading", name="Connected", exact=True).wait_for()
    await desktop.goto(here)
    assert password not in await desktop.content()


async def test_what_was_registered_is_corrected_and_removed_without_script(job: Job, look_at):
    project_id = await job.project()
    made = await job.charge_point(project_id, "NOSCRIPT-1")
    async with look_at("phone", java_script_enabled=False) as page:
        await job.log_in(page)
        await page.goto(f"{job.url}/installer/charge-points/{made['charge_point_id']}")
        await page.get_by_role("link", name="Correct").click()
        await page.get_by_label("Where it stands").fill("Bay 9")
        await page.get_by_role("button", name="Save").click()
        await page.get_by_text("Bay 9").first.wait_for()
        await page.get_by_role("link", name="Remove").click()
        await page.get_by_role("button", name="Remove").click()
        await page.get_by_text("NOSCRIPT-1 is removed.").wait_for()
    assert (await job.client.installer("GET", f"charge-points?project_id={project_id}"))["total"] == 0


async def test_what_is_not_theirs_is_absent(job: Job, desktop: Page):
    foreign = await job.project("Harbour", is_assigned=False)
    await job.log_in(desktop)
    for path in (
        f"projects/{foreign}",
        f"projects/{foreign}/register",
        f"projects/{foreign}/bulk",
        "charge-points/cp_none",
    ):
        answer = await desktop.goto(f"{job.url}/installer/{path}")
        assert answer is not None
        assert answer.status == 404


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", ["phone", "desktop"])
async def test_every_page_can_be_read_and_touched(job: Job, look_at, screen: str, scheme: str):
    project_id = await job.project(NASTY)
    made = await job.charge_point(project_id, NASTY, model=NASTY, vendor=NASTY, location={"description": NASTY})
    for number in range(3):
        await job.charge_point(project_id, f"ALP-300-00{number}", location={"description": f"Bay {number}"})
    own = f"/installer/charge-points/{made['charge_point_id']}"
    pages = {
        "projects": "/installer/projects",
        "project": f"/installer/projects/{project_id}",
        "register": f"/installer/projects/{project_id}/register?like={made['charge_point_id']}",
        "bulk": f"/installer/projects/{project_id}/bulk",
        "charge-point": own,
        "correct": f"{own}/edit",
        "connection": f"{own}/connection",
        "rotate": f"{own}/rotate-password",
        "remove": f"{own}/remove",
    }
    async with look_at(screen, color_scheme=scheme, reduced_motion="reduce") as page:
        page.on("dialog", lambda dialog: pytest.fail(f"a charger's text ran as script: {dialog.message}"))
        await job.log_in(page)
        for name, path in pages.items():
            await page.goto(f"{job.url}{path}")
            if name not in {"bulk", "rotate", "register", "correct"}:
                await page.get_by_text(NASTY).first.wait_for()
            await seen(page, f"installer-{name}-{screen}-{scheme}")
