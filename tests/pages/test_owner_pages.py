"""What the owner of a site sees on a phone: progress, who works on it, how to report a fault, and in the end the certificate."""

from urllib.parse import unquote

from playwright.async_api import Page, expect

from pages.browsing import assert_accessible, assert_touchable, portray
from pages.on_site import PASSWORD, OnSite
from sliproad.app.job_client import mailed_token

SAM = "s.owen@site.example"


async def invite(site: OnSite) -> None:
    """Sam is invited to look after the project's site, and accepts."""
    site_id = (await site.client.cpo("GET", f"cpo/projects/{site.project_id}"))["site_id"]
    await site.client.cpo(
        "POST", f"cpo/sites/{site_id}/owners", expect=201, body={"email": SAM, "full_name": "Sam Owen"}
    )
    token = mailed_token(await site.client.mail_to(SAM))
    body = {"token": token, "full_name": "Sam Owen", "password": PASSWORD}
    await site.client.call("POST", "/api/v1/invitations/accept", expect=200, body=body)


async def seen(page: Page, name: str) -> None:
    await assert_accessible(page)
    await assert_touchable(page)
    await portray(page, name)


async def test_the_owner_of_a_site_follows_a_project_to_its_certificate(site: OnSite, phone: Page) -> None:
    await invite(site)
    projects = f"{site.sliproad.http_url}/owner/projects"
    here = f"{projects}/{site.project_id}"
    path = f"cpo/projects/{site.project_id}"
    await site.client.cpo("PATCH", path, body={"charge_points_expected": 1})
    await phone.goto(projects)
    await phone.locator("input[name=email]").fill(SAM)
    await phone.locator("input[name=password]").fill(PASSWORD)
    await phone.locator("main button[type=submit]").click()
    await phone.get_by_role("heading", name="Projects on your sites").wait_for()
    await seen(phone, "owner-projects-phone")
    await phone.get_by_role("link", name="Open the project").click()
    await phone.wait_for_url(here)

    async with site.charger() as (charge_point_id, _virtual):
        # its progress comes by itself, and a mail about a fault says which charger it is
        fault = phone.get_by_role("link", name="Report a fault of ALP-")
        href = unquote(await fault.get_attribute("href") or "")
        assert href.startswith("mailto:cpo-")
        assert "Riverside, level 2" in href
        assert charge_point_id in href
        await site.client.installer("POST", f"commissioning/{charge_point_id}/start", expect=202, body={})
        await site.client.until_commissioned(charge_point_id)
        await expect(phone.locator("#standing")).to_contain_text("1 / 1")
        await seen(phone, "owner-project-phone")

        # who works on it is the owner's to say, too
        await phone.get_by_label("Installer id").fill("ins_unknown")
        await phone.get_by_role("button", name="Put on the project").click()
        await phone.get_by_text("There is no installer with this id").first.wait_for()
        await phone.get_by_role("link", name="Take off").click()
        await phone.get_by_role("dialog").get_by_role("button", name="Take off").click()
        await phone.get_by_text("Nobody yet.").wait_for()
        await phone.get_by_label("Installer id").fill(site.client.installer_id)
        await phone.get_by_role("button", name="Put on the project").click()
        await phone.get_by_text("Alex Technician works on it now.").wait_for()

        signed = {"signed_by": "Alex Technician", "handover_notes": "Keys are in the office."}
        await site.client.installer("POST", f"projects/{site.project_id}/complete-handover", body=signed)
    await phone.get_by_role("link", name="Download").wait_for()
    await phone.goto(here)
    await seen(phone, "owner-project-handed-over-phone")
    await phone.get_by_role("link", name="Check it").click()
    await phone.get_by_text("Alex Technician").first.wait_for()
