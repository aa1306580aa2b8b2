"""Sessions of browsers: an opaque cookie, a row; ended by log-out, a new password, a lost role, and by two clocks. Trust D3, I2, I3."""

import re
from datetime import timedelta

import httpx2
import pytest

from features.accounts.conftest import PASSWORD, PUBLIC_URL, World

ALEX = "alex@acme-ev-installs.com"
BROWSER = {"accept": "text/html", "sec-fetch-site": "same-origin"}
COOKIE = "__Host-session"


async def log_in(world: World, role: str = "installer", email: str = ALEX, **fields: str) -> httpx2.Response:
    form = {"role": role, "email": email, "password": PASSWORD} | fields
    return await world.http.post("/login", data=form, headers=BROWSER)


async def who(world: World) -> str | None:
    """Whose account the browser sees; None when it is sent to log in."""
    page = await world.http.get("/account", headers=BROWSER)
    if page.status_code == 303:
        assert page.headers["location"] == "/login?next=%2Faccount"
        return None
    assert page.status_code == 200, page.text
    return re.search(r'class="lead">([^<]+)<', page.text).group(1)


async def test_a_log_in_sets_one_opaque_cookie_that_scripts_cannot_read(world: World) -> None:
    await world.an_installer()
    answer = await log_in(world)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    cookie = answer.headers["set-cookie"]
    assert re.match(rf"{COOKIE}=[A-Za-z0-9]{{43}};", cookie)
    for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie
    assert await who(world) == ALEX


async def test_every_log_in_has_a_new_cookie_and_the_one_before_is_dead(world: World) -> None:
    await world.an_installer()
    await log_in(world)
    first = world.http.cookies[COOKIE]
    await log_in(world)
    assert world.http.cookies[COOKIE] != first
    world.http.cookies.clear()
    world.http.cookies.set(COOKIE, first, domain="sliproad.example")
    assert await who(world) is None


async def test_the_account_tells_where_it_is_open_and_ends_it_everywhere_else(world: World) -> None:
    await world.an_installer()
    await world.an_installer("sam@elsewhere.example")
    cookies = []
    for email in (ALEX, "sam@elsewhere.example", ALEX):
        world.http.cookies.clear()
        await log_in(world, email=email)
        cookies.append(world.http.cookies[COOKIE])
    assert (await world.http.get("/account", headers=BROWSER)).text.count("Another browser") == 1
    answer = await world.http.post("/account/sessions/end-others", headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert "Another browser" not in (await world.http.get("/account", headers=BROWSER)).text
    holders = []
    for cookie in cookies:
        world.http.cookies.clear()
        world.http.cookies.set(COOKIE, cookie, domain="sliproad.example")
        holders.append(await who(world))
    assert holders == [None, "sam@elsewhere.example", ALEX]


async def test_a_log_out_ends_it_on_the_server_too(world: World) -> None:
    await world.an_installer()
    await log_in(world)
    kept = world.http.cookies[COOKIE]
    assert (await world.http.post("/logout", headers=BROWSER)).headers["location"] == "/login"
    assert COOKIE not in world.http.cookies
    world.http.cookies.set(COOKIE, kept, domain="sliproad.example")
    assert await who(world) is None


async def test_a_new_password_ends_every_session(world: World) -> None:
    await world.an_installer()
    await log_in(world)
    changed = {"current_password": PASSWORD, "new_password": "my-next-password"}
    other = httpx2.AsyncClient(transport=httpx2.ASGITransport(world.app), base_url=PUBLIC_URL)
    async with other:
        form = {"role": "installer", "email": ALEX, "password": PASSWORD}
        await other.post("/login", data=form, headers=BROWSER)
        wrong = await world.http.post(
            "/account/password", data=changed | {"current_password": "not-the-password"}, headers=BROWSER
        )
        assert (wrong.status_code, "Is wrong." in wrong.text) == (422, True)
        assert (await world.http.post("/account/password", data=changed, headers=BROWSER)).status_code == 303
        assert (await other.get("/account", headers=BROWSER)).status_code == 303
    assert await who(world) is None
    assert (await log_in(world, password="my-next-password")).status_code == 303


@pytest.mark.parametrize(
    ("steps", "is_in"),
    [((timedelta(days=6),) * 4, True), ((timedelta(days=8),), False), ((timedelta(days=6),) * 6, False)],
    ids=["used", "idle", "old"],
)
async def test_two_clocks_end_a_session(world: World, steps: tuple[timedelta, ...], is_in: bool) -> None:
    await world.an_installer()
    await log_in(world)
    for step in steps:
        world.clock.advance(seconds=step.total_seconds())
        found = await who(world)
    assert (found is not None) == is_in


async def test_a_user_who_is_taken_off_is_out_with_the_next_page(world: World) -> None:
    owner = await world.an_organization()
    await world.post(
        "/api/v1/org/users/invitations", {"email": "v@riverside.example", "role": "viewer"}, token=owner["access_token"]
    )
    token = await world.mailed_token("v@riverside.example")
    await world.post("/api/v1/invitations/accept", {"token": token, "full_name": "Vera", "password": PASSWORD})
    assert (await log_in(world, "organization", "v@riverside.example")).status_code == 303
    assert await who(world) == "v@riverside.example"
    users = (await world.get("/api/v1/org/users", token=owner["access_token"])).json()["users"]
    vera = next(each["user_id"] for each in users if each["email"] == "v@riverside.example")
    gone = await world.request("DELETE", f"/api/v1/org/users/{vera}", token=owner["access_token"])
    assert gone.status_code == 204
    assert await who(world) is None


async def test_the_same_words_for_a_wrong_password_and_an_unknown_account(world: World) -> None:
    await world.an_installer()
    wrong = await log_in(world, password="not-the-password")
    unknown = await log_in(world, email="nobody@acme.example")
    for answer in (wrong, unknown):
        assert (answer.status_code, "The e-mail or the password is wrong." in answer.text) == (422, True)
        assert "set-cookie" not in answer.headers
        assert "not-the-password" not in answer.text
    assert f'value="{ALEX}"' in wrong.text


async def test_a_role_that_one_does_not_have_lets_nobody_in(world: World) -> None:
    await world.an_installer()
    await world.an_organization("owner@riverside.example")
    assert (await log_in(world, "organization")).status_code == 422
    assert (await log_in(world, "platform", "owner@riverside.example")).status_code == 422
    assert (await log_in(world, "king")).status_code == 422


@pytest.mark.parametrize(
    "place", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\tx", "\\/x"]
)
async def test_a_log_in_leads_to_no_other_site(world: World, place: str) -> None:
    await world.an_installer()
    assert (await log_in(world, next=place)).headers["location"] == "/account"
    shown = await world.http.get("/login", params={"next": place}, headers=BROWSER)
    assert "evil.example" not in shown.text.partition("<footer")[0]


async def test_a_log_in_leads_back_to_where_one_was_going(world: World) -> None:
    await world.an_installer()
    asked = await world.http.get("/account", headers=BROWSER)
    page = await world.http.get(asked.headers["location"], headers=BROWSER)
    assert '<input type="hidden" name="next" value="/account">' in page.text
    assert (await log_in(world, next="/account?tab=1")).headers["location"] == "/account?tab=1"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {},
    ],
    ids=str,
)
async def test_a_signed_in_browser_can_be_made_to_do_nothing_from_elsewhere(
    world: World, headers: dict[str, str]
) -> None:
    await world.an_installer()
    await log_in(world)
    for path in ("/logout", "/account", "/account/password", "/preferences", "/nothing"):
        answer = await world.http.post(path, data={"full_name": "Mallory"}, headers={"accept": "text/html"} | headers)
        assert answer.status_code == 403, path
    assert await who(world) == ALEX


async def test_the_cookie_opens_no_api_and_a_token_no_page(world: World) -> None:
    _, token = await world.an_installer()
    await log_in(world)
    assert (await world.http.get("/api/v1/installer/me")).status_code == 401
    world.http.cookies.clear()
    page = await world.http.get("/account", headers=BROWSER | {"authorization": f"Bearer {token}"})
    assert page.status_code == 303


async def test_guessing_is_slowed_as_at_the_api(world: World) -> None:
    await world.an_installer()
    for _ in range(10):
        await log_in(world, password="wrong-wrong-wrong")
    slowed = await log_in(world, password="wrong-wrong-wrong")
    assert "Too many wrong passwords." in slowed.text
    assert world.pauses
    assert (await log_in(world)).status_code == 303


async def test_a_form_sent_twice_counts_once_and_another_content_is_another_act(world: World) -> None:
    await world.an_installer()
    await log_in(world)
    form = {"full_name": "Alex T."}
    first = await world.http.post("/account?once=abcdefgh1234", data=form, headers=BROWSER)
    await world.http.post("/account", data={"full_name": "Alex U."}, headers=BROWSER)
    again = await world.http.post("/account?once=abcdefgh1234", data=form, headers=BROWSER)
    assert (first.status_code, again.status_code) == (303, 303)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert 'value="Alex U."' in (await world.http.get("/account", headers=BROWSER)).text
    other = await world.http.post("/account?once=abcdefgh1234", data={"full_name": "Alex V."}, headers=BROWSER)
    assert "idempotency-replayed" not in other.headers
    assert 'value="Alex V."' in (await world.http.get("/account", headers=BROWSER)).text


async def test_a_form_refused_may_be_sent_again(world: World) -> None:
    await world.an_installer()
    await log_in(world)
    for _ in range(2):
        refused = await world.http.post("/account?once=abcdefgh1234", data={"full_name": " "}, headers=BROWSER)
        assert (refused.status_code, "Please fill this in." in refused.text) == (422, True)
        assert "idempotency-replayed" not in refused.headers


async def test_a_user_of_two_organisations_changes_between_them_and_to_no_other(world: World) -> None:
    first = await world.an_organization("vera@riverside.example", name="Riverside")
    second = await world.an_organization("owner@hill.example", name="Hill")
    third = await world.an_organization("owner@valley.example", name="Valley")
    await world.post(
        "/api/v1/org/users/invitations",
        {"email": "vera@riverside.example", "role": "viewer"},
        token=second["access_token"],
    )
    token = await world.mailed_token("vera@riverside.example")
    await world.post("/api/v1/invitations/accept", {"token": token})
    await log_in(world, "organization", "vera@riverside.example")
    page = (await world.http.get("/account", headers=BROWSER)).text
    assert "Valley" not in page
    assert re.search(rf'value="{first["organization_id"]}" checked', page)
    form = {"organization_id": second["organization_id"]}
    assert (await world.http.post("/account/organization", data=form, headers=BROWSER)).status_code == 303
    page = (await world.http.get("/account", headers=BROWSER)).text
    assert re.search(rf'value="{second["organization_id"]}" checked', page)
    form = {"organization_id": third["organization_id"]}
    assert (await world.http.post("/account/organization", data=form, headers=BROWSER)).status_code == 403
