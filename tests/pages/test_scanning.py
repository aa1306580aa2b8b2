"""A serial number from the code on the type plate: from a photo, and from the camera's picture."""

import io
import pathlib

import pytest
import segno
from PIL import Image
from playwright.async_api import Page, async_playwright, expect

from pages.browsing import WITH_CAMERA, looking
from pages.on_site import OnSite

SERIAL = "ALP-HYC50-000471"
SIZE = (640, 480)


def type_plate() -> Image.Image:
    """A photo of a type plate with its QR code, a little turned."""
    code = io.BytesIO()
    segno.make_qr(SERIAL, error="m").save(code, kind="png", scale=8, border=4)
    plate = Image.new("RGB", SIZE, (120, 130, 125))
    plate.paste(Image.open(code).convert("RGB").rotate(7, fillcolor=(255, 255, 255)), (180, 90))
    return plate


def film(path: pathlib.Path) -> None:
    """The same plate as a camera's picture, in YUV4MPEG2, which the browser plays as its camera."""
    y, *colours = type_plate().convert("YCbCr").split()
    half = (SIZE[0] // 2, SIZE[1] // 2)
    frame = y.tobytes() + b"".join(colour.resize(half).tobytes() for colour in colours)
    path.write_bytes(b"YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C420\n" % SIZE + (b"FRAME\n" + frame) * 20)


async def registration(site: OnSite, page: Page) -> None:
    await site.log_in(page, f"{site.sliproad.http_url}/installer/projects/{site.project_id}/register")


async def test_a_photo_of_the_type_plate_fills_in_the_serial_number(site: OnSite, phone: Page) -> None:
    photo = io.BytesIO()
    type_plate().save(photo, "JPEG")
    await registration(site, phone)
    await phone.locator("[data-scan-photo]").set_input_files(
        {"name": "plate.jpg", "mimeType": "image/jpeg", "buffer": photo.getvalue()}
    )
    await expect(phone.get_by_label("Serial number")).to_have_value(SERIAL)
    blank = io.BytesIO()
    Image.new("RGB", SIZE, (120, 130, 125)).save(blank, "JPEG")
    await phone.locator("[data-scan-photo]").set_input_files(
        {"name": "wall.jpg", "mimeType": "image/jpeg", "buffer": blank.getvalue()}
    )
    await expect(phone.locator("[data-scan-wrong]")).to_be_visible()
    await expect(phone.get_by_label("Serial number")).to_have_value(SERIAL)


@pytest.mark.parametrize("allowed", [True, False])
async def test_the_camera_reads_the_type_plate(site: OnSite, tmp_path: pathlib.Path, allowed: bool) -> None:
    film(tmp_path / "plate.y4m")
    camera = [
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={tmp_path / 'plate.y4m'}",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=WITH_CAMERA, args=["--no-sandbox", *camera])
        async with looking(browser, permissions=["camera"] if allowed else []) as page:
            await registration(site, page)
            await page.locator("[data-scan-camera]").click()
            if allowed:
                await expect(page.get_by_label("Serial number")).to_have_value(SERIAL)
                await expect(page.locator("[data-scan-view]")).to_be_hidden()
            else:
                await expect(page.locator("[data-scan-wrong]")).to_be_visible()
        await browser.close()
