"""The whole job as people do it in a browser, from the sign-up to the owner's certificate. `test_whole_job` walks it with several hands."""

import pathlib
import re
import uuid
from dataclasses import dataclass, field

from playwright.async_api import Page, expect

from installation import Installation
from pages.browsing import assert_accessible, assert_touchable, portray
from pages.hands import Hand
from sliproad.app.job_client import JobClient
from sliproad.simulator.charger import VirtualCharger
from sliproad.simulator.settings import ChargerSettings, Version

PASSWORD = "correct horse battery"
PATIENCE = 90_000
TOLD = re.compile(r"Plug in the vehicle now|Is the vehicle plugged in\?")
"""The second where the charger is Preparing, which in OCPP 1.6 a remote start alone makes it."""
INSTALLER, OWNER, PROJECT = "Alex Technician", "Sam Owen", "Riverside, phase 1"


@dataclass
class WholeJob:
    """One walk: a browser page and the hand that uses it; the organisation and the charger, which have no pages here."""

    sliproad: Installation
    hand: Hand
    version: Version
    folder: pathlib.Path
    name: str
    """Of the pictures."""
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    looks: int = 0

    @property
    def page(self) -> Page:
        return self.hand.page

    @property
    def alex(self) -> str:
        return f"alex-{self.mark}@walk.example"

    @property
    def sam(self) -> str:
        return f"sam-{self.mark}@walk.example"

    @property
    def serial_number(self) -> str:
        return f"ALP-50-{self.mark[:4].upper()}"

    async def look(self) -> None:
        """Stop and look: nothing is wrong for readers and thumbs, and a picture is taken where pictures are wanted."""
        self.looks += 1
        await assert_accessible(self.page)
        await assert_touchable(self.page)
        await portray(self.page, f"walk-{self.name}-{self.looks:02}")

    async def heading(self, name: str, timeout: float | None = None) -> None:
        await self.page.get_by_role("heading", name=name, exact=True).wait_for(timeout=timeout)

    async def press(self, name: str, role: str = "button") -> None:
        await self.hand.press(self.page.locator("main").get_by_role(role, name=name, exact=True).first)  # type: ignore[arg-type]

    async def write(self, label: str, text: str) -> None:
        await self.hand.write(self.page.get_by_label(label), text)

    async def copied(self, label: str) -> str:
        """What the copy button of that label copies."""
        value = await self.page.get_by_role("button", name=f"Copy {label}").get_attribute("data-copy")
        assert value is not None
        return value

    async def open_mail(self, mailbox: str, path: str) -> None:
        """Follow the link to `path` in the first mail to somebody, by the demo's mailbox."""
        await self.page.goto(f"{self.sliproad.http_url}/dev/mail")
        mail = self.page.get_by_role("link").filter(has_text=mailbox)
        while not await mail.count():
            await self.page.reload()
        await self.hand.press(mail.last)
        await self.hand.press(self.page.locator(f'.mail-text a[href*="{path}"]'))
        await self.page.wait_for_url(f"**{path}*")

    async def sign_up(self) -> None:
        await self.page.goto(self.sliproad.http_url)
        await self.look()
        await self.press("Sign up as installer", "link")
        await self.heading("Sign up as installer")
        await self.write("Your name", INSTALLER)
        await self.write("E-mail", self.alex)
        await self.write("Password", PASSWORD)
        await self.write("Company", "Acme EV Installations")
        await self.look()
        await self.press("Create my account")
        await self.heading("Look into your mailbox")
        await self.look()
        await self.open_mail(self.alex, "/verify-email")
        await self.look()
        await self.press("Confirm this address")
        await self.heading("Your account is ready")
        await self.look()

    async def log_in(self, mailbox: str, heading: str) -> None:
        await self.press("Log in", "link")
        await self.heading("Log in")
        await self.write("E-mail", mailbox)
        await self.write("Password", PASSWORD)
        await self.look()
        await self.press("Log in")
        await self.heading(heading)
        await self.look()

    async def be_assigned(self, organization: JobClient) -> None:
        """The organisation, told the id that the page shows, puts Alex on a project and Sam in charge of its site."""
        place = {"name": "Riverside Business Park", "address": "Unit 12, Riverside Business Park, London E1W 3SJ"}
        site = await organization.cpo("POST", "cpo/sites", expect=201, body=place)
        body = {"name": PROJECT, "site_id": site["site_id"], "charge_points_expected": 1}
        made = await organization.cpo("POST", "cpo/projects", expect=201, body=body)
        who = {"installer_id": await self.copied("Your installer id")}
        await organization.cpo("POST", f"cpo/projects/{made['project_id']}/installers", expect=201, body=who)
        owner = {"email": self.sam, "full_name": OWNER}
        await organization.cpo("POST", f"cpo/sites/{site['site_id']}/owners", expect=201, body=owner)
        await self.page.reload()

    async def register(self) -> ChargerSettings:
        """A charge point in the project; the settings of a charger into which was entered what the page says."""
        await self.press(PROJECT, "link")
        await self.heading(PROJECT)
        await self.look()
        await self.press("Register a charge point", "link")
        await self.heading("Register a charge point")
        await self.write("Serial number", self.serial_number)
        await self.write("Vendor", "Alpitronic")
        await self.write("Model", "HYC50")
        await self.hand.pick(self.page.get_by_role("radio", name=self.version, exact=True))
        await self.write("Power in kW", "22")
        await self.look()
        await self.press("Register")
        await self.heading("Enter this in the charger")
        await self.look()
        return ChargerSettings(
            url=await self.copied("Server address (OCPP endpoint)"),
            append_identity=False,
            identity=await self.copied("Identity, also the user name"),
            password=await self.copied("Password"),
            version=self.version,
            ledger_path=self.folder / f"{self.mark}.ledger",
            vendor="Alpitronic",
            model="HYC50",
            serial_number=self.serial_number,
            vehicle="manual",
            time_scale=200.0,
            reboot_seconds=0.1,
            reconnect_seconds=0.05,
            durable=False,
        )

    async def commission(self, charger: VirtualCharger) -> None:
        """From the doctor's word that it is connected to a session that has passed."""
        await self.press("Watch it connect", "link")
        await self.heading("Connected", timeout=PATIENCE)
        await self.look()
        await self.press("Start commissioning", "link")
        await self.page.get_by_text("The charger is connected and ready.").wait_for()
        await self.look()
        await self.press("Start commissioning")
        await expect(self.page.locator("#call .is-now h2")).to_have_text(TOLD, timeout=PATIENCE)
        await self.look()
        await charger.plug_in(1)
        await self.heading("Passed", timeout=PATIENCE)
        await self.look()

    async def hand_over(self) -> pathlib.Path:
        """Check, sign, hand over; the certificate that was downloaded."""
        await self.press("To the handover", "link")
        await self.heading("Handover")
        await self.look()
        for box in await self.page.get_by_role("checkbox").all():
            await self.hand.tick(box)
        await self.write("Contact at the site", OWNER)
        await self.write("Their e-mail", self.sam)
        await self.hand.sign(INSTALLER)
        await self.look()
        await self.press("Hand over")
        await self.heading("Handed over", timeout=PATIENCE)
        link = self.page.get_by_role("link", name="Download")
        await link.wait_for(timeout=PATIENCE)
        await self.look()
        async with self.page.expect_download() as coming:
            await self.hand.press(link)
        path = self.folder / f"{self.mark}.pdf"
        await (await coming.value).save_as(path)
        return path

    async def verify(self, certificate: pathlib.Path) -> None:
        """Whoever checks it sees that it is genuine, without an account."""
        await self.press("Check it", "link")
        await self.page.wait_for_url("**/verify/cert_*")
        await self.look()
        chooser = await self.hand.choose_file(self.page.get_by_label("The certificate as PDF"))
        await chooser.set_files(certificate)
        await self.press("Check")
        await self.page.get_by_text("This file is genuine").wait_for()
        await self.look()

    async def own(self) -> None:
        """Sam accepts the invitation, logs in, and has the certificate."""
        await self.hand.press(self.page.locator("details.menu summary"))
        await self.hand.press(self.page.get_by_role("button", name="Log out"))
        await self.page.get_by_text("You are logged out.").wait_for()
        await self.open_mail(self.sam, "/accept-invitation")
        await self.look()
        await self.write("Your name", OWNER)
        await self.write("Password", PASSWORD)
        await self.press("Accept the invitation")
        await self.heading("You are in")
        await self.look()
        await self.log_in(self.sam, "Projects on your sites")
        await self.press(PROJECT, "link")
        await self.heading("Certificate")
        await self.heading(PROJECT)
        await expect(self.page.get_by_role("link", name="Download")).to_have_attribute(
            "href", re.compile("certificate")
        )
        await self.look()


async def walk(job: WholeJob, organization: JobClient) -> None:
    """All of it."""
    await job.sign_up()
    await job.log_in(job.alex, "My projects")
    await job.be_assigned(organization)
    async with VirtualCharger(await job.register()) as charger:
        await job.commission(charger)
    await job.verify(await job.hand_over())
    await job.own()
