"""The handover on a phone: what is missing, ticks that others' ticks survive, a signature by finger, and a certificate that shows it."""

import json
import pathlib
import re
import subprocess

import aiohttp
import psycopg
from playwright.async_api import Page

from pages.browsing import assert_accessible, assert_touchable, portray
from pages.on_site import OnSite


async def sign(page: Page) -> None:
    """Draw two strokes on the sheet."""
    canvas = page.locator(".signature-pad canvas")
    await canvas.scroll_into_view_if_needed()
    box = await canvas.bounding_box()
    assert box is not None
    for stroke in ([(0.2, 0.7), (0.3, 0.2), (0.4, 0.7)], [(0.5, 0.6), (0.65, 0.4), (0.8, 0.65)]):
        (x, y), *others = stroke
        await page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        await page.mouse.down()
        for x, y in others:
            await page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
        await page.mouse.up()


async def test_an_installer_ticks_signs_and_hands_over(site: OnSite, phone: Page, tmp_path: pathlib.Path) -> None:
    handover = f"{site.sliproad.http_url}/installer/projects/{site.project_id}/handover"
    await site.log_in(phone, handover)
    assert "4 charge points of the plan are not registered." in await phone.inner_text("main")
    with psycopg.connect(site.sliproad.database_url) as owner:
        owner.execute("update projects set charge_points_expected = 1 where project_id = %s", [site.project_id])
    async with site.charger() as (charge_point_id, _virtual):
        await site.client.installer("POST", f"commissioning/{charge_point_id}/start", expect=202, body={})
        await site.client.until_commissioned(charge_point_id)
        await phone.reload()
        await portray(phone, "handover-open-phone")
        await assert_accessible(phone)
        await assert_touchable(phone)

        # another installer's tick, made since this page was, stays
        path = f"projects/{site.project_id}/checklist"
        theirs = {"items": [{"item": "emergency_stop", "charge_point_id": charge_point_id, "done": True}]}
        await site.client.installer("PUT", path, body=theirs)
        await phone.get_by_label("The charge point is powered").check()
        await phone.get_by_role("button", name="Save the checklist").click()
        await phone.get_by_text("The checklist is saved.").wait_for()
        items = (await site.client.installer("GET", path))["items"]
        assert {each["item"] for each in items if each["done"] and not each["by_platform"]} == {
            "powered_ready",
            "emergency_stop",
        }

        # too early, where the checklist is required: it says so, and keeps what was typed
        await phone.get_by_label("Contact at the site").fill("Sam Owen")
        await phone.get_by_label("Their e-mail").fill("sam..owen@site.example")
        await sign(phone)
        await phone.get_by_role("button", name="Hand over").click()
        await phone.get_by_text("Must be an e-mail address.").first.wait_for()
        assert await phone.get_by_label("Contact at the site").input_value() == "Sam Owen"

        for label in ("Cables and the enclosure", "The site owner knows"):
            await phone.get_by_label(label).check()
        await phone.get_by_label("Their e-mail").fill("s.owen@site.example")
        await sign(phone)
        await phone.get_by_role("button", name="Hand over").click()
        await phone.get_by_role("heading", name="Handed over").wait_for()
    await phone.get_by_role("link", name="Download").wait_for()
    await portray(phone, "handed-over-phone")
    await assert_accessible(phone)
    url = await phone.get_by_role("link", name="Download").get_attribute("href")
    assert url is not None
    pdf = tmp_path / "certificate.pdf"
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        pdf.write_bytes(await answer.read())
    said = subprocess.run(["pdfsig", str(pdf)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid." in said
    assert "Total document signed" in said
    subprocess.run(["pdfdetach", "-saveall", "-o", str(tmp_path), str(pdf)], check=True)
    record = json.loads((tmp_path / "handover-record.json").read_text())
    assert [len(stroke) > 5 for stroke in record["signature"]] == [True, True]
    assert record["site_contact_name"] == "Sam Owen"
    assert all(re.fullmatch(r"\d+(\.\d)?", str(x)) for stroke in record["signature"] for point in stroke for x in point)
