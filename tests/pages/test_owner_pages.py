"""What the owner of a site sees on a phone: progress, who works on it, the certificate, and how a fault that was reported is dealt with."""

import uuid

from playwright.async_api import Page, expect

from pages.browsing import assert_accessible, assert_touchable, portray
from pages.on_site import NOT_A_SCRIPT, PASSWORD, OnSite
from pages.test_issue_pages import photo
from sliproad.app.job_client import mailed_token

SAM = f"s.owen-{uuid.uuid4().hex[:8]}@site.example"


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


async def report_a_fault(site: OnSite, phone: Page, charge_point_id: str, project: str) -> None:
    """With a photo, refused once; the organisation hears of it, and its answer is read; the list moves by itself."""
    await phone.get_by_role("link", name="Report a fault of ALP-").click()
    await seen(phone, "owner-fault-new-phone")
    said = f"The cable is torn since this morning. {NOT_A_SCRIPT}"
    await phone.get_by_label("What is it?").select_option("hardware_defect")
    await phone.get_by_text("Critical", exact=True).click()
    await phone.get_by_label("What happens, and since when?").fill(said)
    files = phone.get_by_label("Take or choose photos")
    await files.set_input_files(
        [
            {"name": "cable.jpg", "mimeType": "image/jpeg", "buffer": photo(640, 480)},
            {"name": "notes.png", "mimeType": "image/png", "buffer": b"not a photo"},
        ]
    )
    await phone.get_by_role("button", name="Report it").click()
    await phone.get_by_text("notes.png can't be taken.").first.wait_for()
    await expect(phone.get_by_label("Photo 1")).to_be_checked()
    assert await phone.get_by_label("What happens, and since when?").input_value() == said
    await phone.get_by_role("button", name="Report it").click()
    await phone.get_by_text("Reported as SLP-").wait_for()
    assert said in await phone.inner_text("main")
    await expect(phone.locator(".photos img")).to_have_count(1)
    await phone.get_by_label("Your comment").fill("It is bay 4.")
    await phone.get_by_role("button", name="Add it").click()
    await phone.get_by_text("Your comment is there.").wait_for()
    await seen(phone, "owner-fault-phone")

    (issue,) = (await site.client.cpo("GET", f"cpo/issues?charge_point_id={charge_point_id}"))["issues"]
    assert (issue["severity"], issue["reported_by"]["name"]) == ("critical", "Sam Owen")
    await phone.goto(project)
    row = phone.locator("#faults tr").filter(has_text=issue["reference_number"])
    await expect(row).to_contain_text("Open")
    await phone.locator('.live[data-state="live"]').wait_for()
    await site.client.cpo("POST", f"cpo/issues/{issue['issue_id']}/resolve", body={"comment": "A new cable."})
    await expect(row).to_contain_text("Resolved")
    await seen(phone, "owner-project-faults-phone")
    await row.get_by_role("link").click()
    await phone.get_by_text("A new cable.").wait_for()
    await phone.get_by_role("button", name="Deutsch").click()
    await phone.get_by_role("heading", name="Was gesagt und getan wurde").wait_for()
    await seen(phone, "owner-fault-phone-de")
    await phone.get_by_role("button", name="English").click()
    await phone.goto(project)


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
        # its progress comes by itself; until the handover, installers report what is wrong
        await expect(phone.get_by_role("cell", name="Connected")).to_be_visible()
        await expect(phone.get_by_role("link", name="Report a fault")).to_have_count(0)
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
    await report_a_fault(site, phone, charge_point_id, here)
    await phone.get_by_role("link", name="Check it").click()
    await phone.get_by_text("Alex Technician").first.wait_for()
