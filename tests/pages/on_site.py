"""An installer on site for tests of pages: a whole installation, a project, virtual chargers on their way, and a browser that is logged in."""

import contextlib
import pathlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page

from installation import Installation
from sliproad.app.job_client import JobClient
from sliproad.simulator.charger import VirtualCharger
from sliproad.simulator.settings import ChargerSettings

PASSWORD = "correct horse battery"
NOT_A_SCRIPT = "<script>alert(1)</script>"


@dataclass
class OnSite:
    """An installer with a project of an organisation, at a running installation."""

    sliproad: Installation
    client: JobClient
    project_id: str
    email: str
    folder: pathlib.Path

    async def register(self, version: str = "1.6", **more: Any) -> dict[str, Any]:
        body = {
            "project_id": self.project_id, "serial_number": f"ALP-{uuid.uuid4().hex[:6].upper()}", "vendor": "Alpitronic",
            "model": "HYC50", "ocpp_version": version, "max_power_kw": 22, "connector_count": 1,
        }  # fmt: skip
        return await self.client.installer("POST", "charge-points", expect=201, body=body | more)

    @contextlib.asynccontextmanager
    async def charger(self, version: str = "1.6", **settings: Any) -> AsyncIterator[tuple[str, VirtualCharger]]:
        """A registered charger that is switched on and connected: its id and itself. A vehicle comes when it is asked for."""
        made = await self.register(version)
        charge_point_id = made["charge_point_id"]
        defaults: dict[str, Any] = {
            "time_scale": 200.0, "plug_in_delay_seconds": 0.05, "reboot_seconds": 0.1, "reconnect_seconds": 0.05,
            "durable": False,
        }  # fmt: skip
        virtual = VirtualCharger(
            ChargerSettings(
                url=f"{self.sliproad.ocpp_url}/ocpp/{version}", identity=charge_point_id, version=version,  # type: ignore[arg-type]
                password=made["provisioning_password"], ledger_path=self.folder / f"{charge_point_id}.ledger",
                **defaults | settings,
            )
        )  # fmt: skip
        async with virtual:
            await virtual.wait_until_connected()
            yield charge_point_id, virtual

    def page_of(self, charge_point_id: str, part: str = "commissioning") -> str:
        return f"{self.sliproad.http_url}/installer/charge-points/{charge_point_id}/{part}"

    async def log_in(self, page: Page, onward: str) -> None:
        """Log in on the way to a page, and be there."""
        await page.goto(onward)
        await page.wait_for_url("**/login?**")
        await page.locator("input[name=email]").fill(self.email)
        await page.locator("input[name=password]").fill(PASSWORD)
        await page.locator("main button[type=submit]").click()
        await page.wait_for_url(onward)


@contextlib.asynccontextmanager
async def on_site(sliproad: Installation, folder: pathlib.Path) -> AsyncIterator[OnSite]:
    """An organisation, its project, and the installer who works on it."""
    mark = uuid.uuid4().hex[:8]
    client = JobClient(sliproad.http_url, sliproad.mail_dir)
    try:
        client.api_key = sliproad.organization(f"cpo-{mark}@installation.example")
        site = await client.cpo(
            "POST", "cpo/sites", expect=201, body={"name": "Riverside car park", "address": "Quay 1"}
        )
        body = {"name": "Riverside, level 2", "site_id": site["site_id"], "charge_points_expected": 4}
        project_id = (await client.cpo("POST", "cpo/projects", expect=201, body=body))["project_id"]
        email = f"installer-{mark}@installation.example"
        await client.sign_up_installer(email, PASSWORD, "Alex Technician", "Acme EV Installations")
        path = f"cpo/projects/{project_id}/installers"
        await client.cpo("POST", path, expect=201, body={"installer_id": client.installer_id})
        yield OnSite(sliproad, client, project_id, email, folder)
    finally:
        await client.close()
