"""Contract §2: the mailed link opens a page with a button; only the button acts. Trust D2, D3."""

import re

from features.accounts.conftest import PASSWORD, World, a_sign_up

ALEX = "alex@acme-ev-installs.com"
BROWSER = {"accept": "text/html"}


async def press(world: World, path: str, **fields: str):
    return await world.http.post(path, data=fields, headers=BROWSER | {"sec-fetch-site": "same-origin"})


async def test_looking_at_the_link_changes_nothing_and_pressing_the_button_verifies(world: World) -> None:
    await world.post("/api/v1/installer/signup", a_sign_up())
    token = await world.mailed_token(ALEX)
    for _ in range(3):  # a mail scanner, and another
        page = await world.http.get(f"/verify-email?token={token}", headers=BROWSER)
        assert page.status_code == 200
        assert ALEX in page.text
        assert re.search(r'<form[^>]+method="post"', page.text)
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers["cache-control"] == "no-store"
    refused = await world.post("/api/v1/installer/login", {"email": ALEX, "password": PASSWORD})
    assert refused.json()["code"] == "email_not_verified"
    done = await press(world, "/verify-email", token=token)
    assert (done.status_code, "Your account is ready" in done.text) == (200, True)
    assert (await world.post("/api/v1/installer/login", {"email": ALEX, "password": PASSWORD})).status_code == 200
    assert (await press(world, "/verify-email", token=token)).status_code == 400


async def test_a_dead_link_says_so_whatever_it_carries(world: World) -> None:
    for path in ("/verify-email", "/reset-password", "/accept-invitation"):
        for query in ("", "?token=", "?token=nonsense", "?token=<script>alert(1)</script>", "?token=" + "a" * 5000):
            page = await world.http.get(path + query, headers=BROWSER)
            assert page.status_code == 400
            assert "This link no longer works" in page.text
            assert "<script>" not in page.text
        assert (await press(world, path, token="nonsense", password=PASSWORD)).status_code == 400
        assert (await press(world, path)).status_code == 400


async def test_a_new_password_by_the_page(world: World) -> None:
    await world.an_installer()
    await world.post("/api/v1/installer/forgot-password", {"email": ALEX})
    token = await world.mailed_token(ALEX)
    assert 'type="password"' in (await world.http.get(f"/reset-password?token={token}", headers=BROWSER)).text
    short = await press(world, "/reset-password", token=token, password="short")
    assert (short.status_code, "Choose a password of 10 to 128 characters." in short.text) == (400, True)
    assert (await press(world, "/reset-password", token=token, password="my-next-password")).status_code == 200
    assert (
        await world.post("/api/v1/installer/login", {"email": ALEX, "password": "my-next-password"})
    ).status_code == 200


async def test_an_invitation_by_the_page(world: World) -> None:
    owner = (await world.an_organization(name="<b>Riverside</b>"))["access_token"]
    await world.post("/api/v1/org/users/invitations", {"email": "v@riverside.example", "role": "viewer"}, token=owner)
    token = await world.mailed_token("v@riverside.example")
    page = await world.http.get(f"/accept-invitation?token={token}", headers=BROWSER)
    assert "to join it as viewer" in page.text
    nameless = await press(world, "/accept-invitation", token=token, password=PASSWORD)
    assert (nameless.status_code, "Give your name." in nameless.text) == (400, True)
    assert (await press(world, "/accept-invitation", token=token, full_name="V", password=PASSWORD)).status_code == 200
    login = await world.post("/api/v1/cpo/login", {"email": "v@riverside.example", "password": PASSWORD})
    assert login.json()["role"] == "viewer"


async def test_the_button_cannot_be_pressed_from_another_site(world: World) -> None:
    await world.post("/api/v1/installer/signup", a_sign_up())
    token = await world.mailed_token(ALEX)
    foreign = await world.http.post(
        "/verify-email", data={"token": token}, headers=BROWSER | {"sec-fetch-site": "cross-site"}
    )
    assert foreign.status_code == 403
    assert (await press(world, "/verify-email", token=token)).status_code == 200


async def test_demo_shows_the_mails_newest_first_with_links_that_can_be_followed(world: World) -> None:
    assert "No mails yet" in (await world.http.get("/dev/mail")).text
    await world.post("/api/v1/installer/signup", a_sign_up(full_name="<script>alert(1)</script>"))
    await world.work()
    await world.post("/api/v1/installer/forgot-password", {"email": ALEX})
    token = await world.mailed_token(ALEX)
    listing = (await world.http.get("/dev/mail")).text
    names = re.findall(r'href="(/dev/mail/[^"]+)"', listing)
    assert listing.index("Choose a new password") < listing.index("Confirm your e-mail address")
    assert f'<a href="https://sliproad.example/reset-password?token={token}"' in (await world.http.get(names[0])).text
    assert "<script>" not in (await world.http.get(names[1])).text
    for name in ("nothing.eml", "..%2Fx.eml", "%00.eml"):
        assert (await world.http.get(f"/dev/mail/{name}")).status_code == 404
