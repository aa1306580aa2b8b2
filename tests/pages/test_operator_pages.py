"""An operator's desk in a browser: log-in by key, details stored and compared, applied after a look, in waves, live; and who chooses it."""

import json
from dataclasses import dataclass

import pytest
from playwright.async_api import Page, expect

from operator_server import OperatorServer
from pages.browsing import assert_accessible, assert_touchable, portray
from pages.on_site import NOT_A_SCRIPT, PASSWORD, OnSite


@dataclass
class Operator:
    operator_id: str
    api_key: str


@pytest.fixture
async def operator(site: OnSite) -> Operator:
    done = site.sliproad.run(
        "admin", "create-operator", "--name", "Northern Lights", "--email", "o@nl.example", "--json"
    )
    assert done.returncode == 0, done.stderr
    return Operator(**json.loads(done.stdout))


async def site_of(site: OnSite) -> str:
    return str((await site.client.cpo("GET", f"cpo/projects/{site.project_id}"))["site_id"])


async def select(site: OnSite, operator: Operator) -> str:
    site_id = await site_of(site)
    await site.client.cpo("PUT", f"cpo/sites/{site_id}/operator", body={"operator_id": operator.operator_id})
    return site_id


async def log_in(page: Page, site: OnSite, operator: Operator, onward: str = "/operator/sites") -> None:
    await page.goto(f"{site.sliproad.http_url}{onward}")
    await page.wait_for_url("**/login/operator?**")
    await page.get_by_label("API key").fill(operator.api_key)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url(f"**{onward}")


async def seen(page: Page, name: str) -> None:
    await assert_accessible(page)
    await assert_touchable(page)
    await portray(page, name)


async def store(page: Page, site: OnSite, url: str, *, password: str = "") -> None:
    await page.goto(f"{site.sliproad.http_url}/operator/versions/new")
    await page.get_by_label("Address of your server").fill(url)
    if password:
        await page.get_by_label("Password", exact=False).first.fill(password)
    await page.get_by_role("button", name="Store").click()
    await page.wait_for_url("**/operator/versions")


async def test_an_operator_logs_in_with_its_key_and_with_nothing_else(
    site: OnSite, operator: Operator, phone: Page
) -> None:
    await phone.goto(f"{site.sliproad.http_url}/operator/sites")
    await phone.wait_for_url("**/login/operator?**")
    for wrong in ("sk_nobody", site.client.api_key):
        await phone.get_by_label("API key").fill(wrong)
        await phone.get_by_role("button", name="Log in").click()
        await expect(phone.get_by_label("API key")).to_have_value("")
        await phone.get_by_text("This is not an API key of an operator").first.wait_for()
    await seen(phone, "operator-login-phone")
    await phone.get_by_label("API key").fill(operator.api_key)
    await phone.get_by_role("button", name="Log in").click()
    await phone.get_by_role("heading", name="No sites yet").wait_for()
    await expect(phone.locator("code")).to_have_text(operator.operator_id)
    await seen(phone, "operator-no-sites-phone")
    keys = (await site.client.call("GET", "/api/v1/operator/api-keys", expect=200, token=operator.api_key))["api_keys"]
    path = f"/api/v1/operator/api-keys/{keys[0]['key_id']}"
    await site.client.call("DELETE", path, expect=204, token=operator.api_key)
    await phone.reload()
    await phone.wait_for_url("**/login/operator?**")


async def test_details_are_stored_refused_and_compared(site: OnSite, operator: Operator, desktop: Page) -> None:
    await log_in(desktop, site, operator, "/operator/versions")
    await desktop.get_by_text("Nothing is stored yet.").wait_for()
    await desktop.goto(f"{site.sliproad.http_url}/operator/versions/new")
    await desktop.get_by_label("Address of your server").fill("wss://csms.example/ocpp")
    await desktop.get_by_label("Certificate of its CA").fill(
        "-----BEGIN PRIVATE KEY-----\nMIIsecret\n-----END PRIVATE KEY-----"
    )
    await desktop.get_by_role("button", name="Store").click()
    await desktop.get_by_text("holds a private key").first.wait_for(state="attached")
    await expect(desktop.locator("[aria-invalid=true]")).to_have_count(1)
    await seen(desktop, "operator-version-refused")
    await store(desktop, site, "ws://192.168.1.101:9000/ocpp")
    await desktop.get_by_text("Stored.").first.wait_for()
    await store(desktop, site, "ws://192.168.1.102:9000/ocpp", password="a-password-of-20-ch.")
    for box in await desktop.locator("input[name=version]").all():
        await box.check()
    await seen(desktop, "operator-versions")
    await desktop.get_by_role("button", name="Compare the two").click()
    await desktop.get_by_role("heading", name="Compare").wait_for()
    await expect(desktop.get_by_text("different", exact=True)).to_have_count(2)
    assert "a-password-of-20-ch." not in await desktop.content()
    await seen(desktop, "operator-compare")
    await desktop.goto(f"{site.sliproad.http_url}/operator/changes")
    await expect(desktop.get_by_text("Details stored")).to_have_count(2)
    await seen(desktop, "operator-changes")


async def test_a_site_is_connected_in_waves_and_rolled_back(site: OnSite, operator: Operator, desktop: Page) -> None:
    site_id = await select(site, operator)
    await site.register(serial_number="EH-1")
    async with OperatorServer() as server, site.charger() as (_charge_point_id, _virtual):
        await log_in(desktop, site, operator)
        await store(desktop, site, server.url)
        await desktop.goto(f"{site.sliproad.http_url}/operator/sites")
        await desktop.get_by_role("link", name="Open the site").click()
        await seen(desktop, "operator-site")
        await desktop.get_by_role("button", name="See who is affected").click()
        await desktop.get_by_text("2 will change").wait_for()
        await seen(desktop, "operator-preview")
        await desktop.get_by_label("Sizes of the waves").fill("none")
        await desktop.get_by_role("button", name="Begin the roll-out").click()
        await desktop.get_by_text("Write sizes of waves").first.wait_for()
        await desktop.get_by_label("Sizes of the waves").fill("2")
        await desktop.get_by_label("Failures").fill("1")
        await desktop.get_by_label("Seconds").fill("5")
        await desktop.get_by_role("button", name="Begin the roll-out").click()
        await desktop.wait_for_url("**/operator/rollouts/**")
        await expect(desktop.locator("#standing")).to_contain_text("Completed", timeout=60_000)
        await expect(desktop.locator("#chargers")).to_contain_text("The charge point is not connected")
        await seen(desktop, "operator-rollout")
        await desktop.goto(f"{site.sliproad.http_url}/operator/sites/{site_id}")
        await expect(desktop.locator("#standing")).to_contain_text("Connected 1")
        await desktop.get_by_role("link", name="ALP-").click()
        await desktop.get_by_text("BootNotification").first.wait_for()
        await seen(desktop, "operator-charger")
        await desktop.go_back()
        await desktop.goto(f"{site.sliproad.http_url}/operator/changes")
        await desktop.get_by_text("Roll-out begun").wait_for()
        rollouts = await site.client.call(
            "GET", f"/local-ocpp/v1/operators/{operator.operator_id}/rollouts", expect=200, token=operator.api_key
        )
        await desktop.goto(f"{site.sliproad.http_url}/operator/rollouts/{rollouts['rollouts'][0]['rolloutId']}")
        await desktop.get_by_role("link", name="Roll back").click()
        await desktop.get_by_role("button", name="Roll back").click()
        await desktop.get_by_text("It was rolled back.").wait_for()
        await server.until(lambda: not server.connected)


async def test_a_phone_shows_it_too_and_nothing_of_a_tenant_is_a_script(
    site: OnSite, operator: Operator, phone: Page
) -> None:
    site_id = await select(site, operator)
    await site.client.cpo("PATCH", f"cpo/sites/{site_id}", body={"name": NOT_A_SCRIPT})
    await site.register(serial_number=NOT_A_SCRIPT)
    await log_in(phone, site, operator)
    await store(phone, site, "ws://192.168.1.101")
    await phone.goto(f"{site.sliproad.http_url}/operator/sites/{site_id}")
    await phone.get_by_role("heading", name=NOT_A_SCRIPT).wait_for()
    await seen(phone, "operator-site-phone")
    await phone.get_by_role("button", name="See who is affected").click()
    await phone.get_by_text("1 can't be connected").wait_for()
    await seen(phone, "operator-preview-phone")


async def test_the_organisation_chooses_the_operator_of_a_site(site: OnSite, operator: Operator, phone: Page) -> None:
    site_id = await site_of(site)
    cpo = (await site.client.cpo("GET", "org"))["contact_email"]
    await phone.goto(f"{site.sliproad.http_url}/cpo/operators")
    await phone.locator("input[name=email]").fill(cpo)
    await phone.locator("input[name=password]").fill(PASSWORD)
    await phone.locator("main button[type=submit]").click()
    await phone.get_by_role("heading", name="Operators").wait_for()
    await phone.get_by_label("Operator id").fill("opr_nobody")
    await phone.get_by_role("button", name="Save").click()
    await phone.get_by_text("There is no operator with this id").first.wait_for()
    await phone.get_by_label("Operator id").fill(operator.operator_id)
    await phone.get_by_role("button", name="Save").click()
    await phone.get_by_text("has its operator.").wait_for()
    await expect(phone.locator("main")).to_contain_text("Northern Lights")
    await seen(phone, "cpo-operators-phone")
    assert (await site.client.cpo("GET", f"cpo/sites/{site_id}"))["operator_id"] == operator.operator_id
    await phone.get_by_label("Operator id").fill("")
    await phone.get_by_role("button", name="Save").click()
    await phone.get_by_text("has no operator now.").wait_for()
