"""Issues on a phone: reported with photos of its camera, which come smaller; read, answered, listed for the project."""

import io

from PIL import Image
from playwright.async_api import Page, expect

from pages.browsing import assert_accessible, assert_touchable, portray
from pages.on_site import NOT_A_SCRIPT, OnSite

UNTIL_SMALLER = """(field, size) => new Promise(done => {
    const look = () => (field.files[0].size < size ? done() : requestAnimationFrame(look)); look();
})"""


def photo(width: int, height: int) -> bytes:
    """What a camera would take: noise, so that it has a size."""
    made = io.BytesIO()
    Image.effect_noise((width, height), 90).convert("RGB").save(made, "JPEG", quality=92)
    return made.getvalue()


async def seen(page: Page, name: str) -> None:
    await assert_accessible(page)
    await assert_touchable(page)
    await portray(page, name)


async def test_an_installer_reports_an_issue_with_photos(site: OnSite, phone: Page) -> None:
    charge_point_id = (await site.register())["charge_point_id"]
    issues = site.page_of(charge_point_id, "issues")
    await site.log_in(phone, issues)
    await seen(phone, "issues-none-phone")
    await phone.get_by_role("link", name="Report an issue").click()
    await seen(phone, "issue-new-phone")

    # nothing was chosen: it is said where it is missing
    await phone.get_by_label("What did you see?").fill("The cable of connector 1 is torn.")
    await phone.get_by_role("button", name="Report it").click()
    await expect(phone.locator(".field.is-wrong")).to_contain_text("Please choose one of these.")
    await expect(phone.get_by_label("What is it?")).to_be_focused()
    await phone.get_by_label("What is it?").select_option("other")
    await expect(phone.locator(".field.is-wrong")).to_have_count(0)

    # no photo is among the files: it says so, and neither the words nor the good photo are lost
    said = f"The cable of connector 1 is torn. {NOT_A_SCRIPT}"
    await phone.get_by_label("What is it?").select_option("hardware_defect")
    await phone.get_by_text("Critical", exact=True).click()
    await phone.get_by_label("What did you see?").fill(said)
    large = photo(3600, 2400)
    files = phone.get_by_label("Take or choose photos")
    await files.set_input_files(
        [
            {"name": "cable.png", "mimeType": "image/jpeg", "buffer": large},
            {"name": "notes.png", "mimeType": "image/png", "buffer": b"not a photo"},
        ]
    )
    await files.evaluate(UNTIL_SMALLER, len(large))
    await phone.get_by_role("button", name="Report it").click()
    await phone.get_by_text("notes.png can't be taken.").first.wait_for()
    assert await phone.get_by_label("What did you see?").input_value() == said
    await expect(phone.get_by_label("Photo 1")).to_be_checked()
    await seen(phone, "issue-refused-phone")

    await files.set_input_files([{"name": "plug.jpg", "mimeType": "image/jpeg", "buffer": photo(640, 480)}])
    await phone.get_by_role("button", name="Report it").click()
    await phone.get_by_text("Reported as SLP-").wait_for()
    assert said in await phone.inner_text("main")
    photos = phone.locator(".photos img")
    await expect(photos).to_have_count(2)
    widths = [
        await each.evaluate("async image => (await image.decode(), image.naturalWidth)") for each in await photos.all()
    ]
    assert widths == [2560, 640]

    await phone.get_by_label("Your comment").fill("A new cable is ordered.")
    await phone.get_by_role("button", name="Add it").click()
    await phone.get_by_text("Your comment is there.").wait_for()
    await expect(phone.locator(".history li")).to_have_count(2)
    await seen(phone, "issue-phone")

    (listed,) = (await site.client.installer("GET", f"commissioning/{charge_point_id}/issues"))["issues"]
    assert (listed["severity"], listed["category"]) == ("critical", "hardware_defect")
    await phone.goto(issues)
    await expect(phone.get_by_role("link", name=listed["reference_number"])).to_be_visible()
    await seen(phone, "issues-phone")
    await phone.goto(f"{site.sliproad.http_url}/installer/projects/{site.project_id}")
    await phone.get_by_label("More about this project").get_by_role("link", name="Issues").click()
    await expect(phone.get_by_role("link", name=listed["reference_number"])).to_be_visible()
    await seen(phone, "project-issues-phone")
