"""GUIDE, steps 1 and 2; contract §2: sign-up, verification, login, log-out, passwords of installers."""

import asyncio

from features.accounts.conftest import PASSWORD, World, a_sign_up, assert_problem

INSTALLER = "/api/v1/installer"
ALEX = "alex@acme-ev-installs.com"


async def test_guide_step_1_signing_up_answers_201_and_logs_nobody_in(world: World) -> None:
    answer = await world.post(f"{INSTALLER}/signup", a_sign_up())
    assert answer.status_code == 201
    body = answer.json()
    assert body.pop("installer_id").startswith("ins_")
    assert body == {
        "email": ALEX,
        "status": "pending_verification",
        "message": "Check your email to verify your account before logging in.",
    }


async def test_guide_step_2_after_verification_login_gives_an_hour_of_access(world: World) -> None:
    installer_id = (await world.post(f"{INSTALLER}/signup", a_sign_up())).json()["installer_id"]
    verified = await world.post(f"{INSTALLER}/verify-email", {"token": await world.mailed_token(ALEX)})
    assert (verified.status_code, verified.json()["status"]) == (200, "active")
    answer = await world.post(f"{INSTALLER}/login", {"email": ALEX, "password": PASSWORD})
    assert answer.status_code == 200
    body = answer.json()
    me = await world.get(f"{INSTALLER}/me", token=body.pop("access_token"))
    assert body == {"token_type": "Bearer", "expires_in": 3600, "installer_id": installer_id}
    assert me.json() == {
        "installer_id": installer_id,
        "email": ALEX,
        "status": "active",
        "full_name": "Alex Technician",
        "phone": "+447700900123",
        "company": "Acme EV Installations",
        "created_at": me.json()["created_at"],
    }
    assert me.json()["created_at"].endswith("Z")


async def test_before_verification_the_right_password_is_403_and_a_wrong_one_401(world: World) -> None:
    await world.post(f"{INSTALLER}/signup", a_sign_up())
    right = await world.post(f"{INSTALLER}/login", {"email": ALEX, "password": PASSWORD})
    wrong = await world.post(f"{INSTALLER}/login", {"email": ALEX, "password": "not-the-password"})
    assert_problem(right, 403, "email_not_verified")
    assert_problem(wrong, 401, "unauthorized")
    assert wrong.headers["www-authenticate"] == "Bearer"


async def test_a_known_email_gets_the_same_201_an_id_that_names_nobody_and_its_owner_a_mail(world: World) -> None:
    installer_id, _ = await world.an_installer()
    again = await world.post(
        f"{INSTALLER}/signup", a_sign_up(ALEX.upper(), full_name="Mallory", password="other-password")
    )
    assert again.status_code == 201
    assert again.json()["installer_id"] != installer_id
    assert set(again.json()) == {"installer_id", "email", "status", "message"}
    mails = await world.mails(ALEX)
    assert [mail["Subject"] for mail in mails] == ["Confirm your e-mail address", "You already have an account"]
    assert (await world.post(f"{INSTALLER}/login", {"email": ALEX, "password": "other-password"})).status_code == 401
    assert (await world.post(f"{INSTALLER}/login", {"email": ALEX, "password": PASSWORD})).status_code == 200


async def test_two_sign_ups_at_once_with_one_email_make_one_account(world: World) -> None:
    answers = await asyncio.gather(*(world.post(f"{INSTALLER}/signup", a_sign_up()) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    await world.post(f"{INSTALLER}/verify-email", {"token": await world.mailed_token(ALEX)})
    entered = await world.post(f"{INSTALLER}/login", {"email": ALEX, "password": PASSWORD})
    assert [answer.json()["installer_id"] for answer in answers].count(entered.json()["installer_id"]) == 1


async def test_the_mailed_token_works_once_and_for_24_hours(world: World) -> None:
    await world.post(f"{INSTALLER}/signup", a_sign_up())
    token = await world.mailed_token(ALEX)
    world.clock.advance(hours=24)
    late = await world.post(f"{INSTALLER}/verify-email", {"token": token})
    assert assert_problem(late, 400, "validation_error")["errors"][0]["field"] == "token"
    assert (await world.post(f"{INSTALLER}/resend-verification", {"email": ALEX})).status_code == 202
    token = await world.mailed_token(ALEX)
    assert (await world.post(f"{INSTALLER}/verify-email", {"token": token})).status_code == 200
    assert_problem(await world.post(f"{INSTALLER}/verify-email", {"token": token}), 400, "validation_error")


async def test_of_two_uses_of_a_token_at_once_one_wins(world: World) -> None:
    await world.post(f"{INSTALLER}/signup", a_sign_up())
    token = await world.mailed_token(ALEX)
    answers = await asyncio.gather(*(world.post(f"{INSTALLER}/verify-email", {"token": token}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]


async def test_a_users_token_does_not_verify_an_installer_nor_a_reset_token_an_email(world: World) -> None:
    body = {
        "organization_name": "Riverside",
        "email": "p@riverside.example",
        "password": PASSWORD,
        "full_name": "Priya",
    }
    await world.post("/api/v1/cpo/signup", body)
    token = await world.mailed_token("p@riverside.example")
    assert_problem(await world.post(f"{INSTALLER}/verify-email", {"token": token}), 400, "validation_error")
    assert_problem(
        await world.post("/api/v1/cpo/reset-password", {"token": token, "password": PASSWORD}), 400, "validation_error"
    )
    assert (await world.post("/api/v1/cpo/verify-email", {"token": token})).status_code == 200


async def test_asking_for_mail_does_not_tell_whether_there_is_an_account(world: World) -> None:
    await world.an_installer()
    for path in ("forgot-password", "resend-verification"):
        known = await world.post(f"{INSTALLER}/{path}", {"email": ALEX})
        unknown = await world.post(f"{INSTALLER}/{path}", {"email": "nobody@nowhere.example"})
        assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert await world.mails("nobody@nowhere.example") == []


async def test_a_forgotten_password_is_replaced_and_every_older_token_is_dead(world: World) -> None:
    _, old = await world.an_installer()
    await world.post(f"{INSTALLER}/forgot-password", {"email": ALEX})
    token = await world.mailed_token(ALEX)
    assert (
        await world.post(f"{INSTALLER}/reset-password", {"token": token, "password": "my-next-password"})
    ).status_code == 200
    assert_problem(await world.get(f"{INSTALLER}/me", token=old), 401, "unauthorized")
    assert (await world.post(f"{INSTALLER}/login", {"email": ALEX, "password": PASSWORD})).status_code == 401
    assert (await world.post(f"{INSTALLER}/login", {"email": ALEX, "password": "my-next-password"})).status_code == 200
    assert (await world.mails(ALEX))[-1]["Subject"] == "Your password was changed"


async def test_a_changed_password_needs_the_current_one_and_ends_every_login(world: World) -> None:
    _, token = await world.an_installer()
    body = {"current_password": "not-the-password", "new_password": "my-next-password"}
    refused = await world.post(f"{INSTALLER}/change-password", body, token=token)
    assert assert_problem(refused, 400, "validation_error")["errors"][0]["field"] == "current_password"
    body["current_password"] = PASSWORD
    assert (await world.post(f"{INSTALLER}/change-password", body, token=token)).status_code == 204
    assert_problem(await world.get(f"{INSTALLER}/me", token=token), 401, "unauthorized")


async def test_log_out_kills_this_token_at_once_and_no_other(world: World) -> None:
    _, first = await world.an_installer()
    second = (await world.post(f"{INSTALLER}/login", {"email": ALEX, "password": PASSWORD})).json()["access_token"]
    assert (await world.post(f"{INSTALLER}/logout", token=first)).status_code == 204
    assert_problem(await world.get(f"{INSTALLER}/me", token=first), 401, "unauthorized")
    assert (await world.get(f"{INSTALLER}/me", token=second)).status_code == 200


async def test_patch_me_changes_what_is_given_and_nothing_else(world: World) -> None:
    _, token = await world.an_installer()
    answer = await world.request("PATCH", f"{INSTALLER}/me", {"company": None, "phone": "+49 30 1234"}, token=token)
    assert answer.status_code == 200
    assert (answer.json()["company"], answer.json()["phone"], answer.json()["full_name"]) == (
        None,
        "+49 30 1234",
        "Alex Technician",
    )
    refused = await world.request("PATCH", f"{INSTALLER}/me", {"full_name": None, "status": "active"}, token=token)
    assert {each["field"] for each in assert_problem(refused, 400, "validation_error")["errors"]} == {
        "full_name",
        "status",
    }


async def test_passwords_have_10_to_128_characters_and_no_other_rule(world: World) -> None:
    for password, status in (("a" * 9, 400), ("a" * 10, 201), ("ü" * 128, 201), ("a" * 129, 400)):
        body = a_sign_up(f"{len(password)}{status}@acme.example", password=password)
        assert (await world.post(f"{INSTALLER}/signup", body)).status_code == status


async def test_every_wrong_field_is_named_at_once(world: World) -> None:
    body = {"email": "alex@@acme", "password": "short", "nickname": "Al"}
    problem = assert_problem(await world.post(f"{INSTALLER}/signup", body), 400, "validation_error")
    assert {each["field"] for each in problem["errors"]} == {"email", "password", "nickname", "full_name"}


async def test_an_email_can_carry_no_header(world: World) -> None:
    for address in (
        "a@b.example\r\nBcc: c@d.example",
        "a@b.example, c@d.example",
        "<a@b.example>",
        "a\u0085@b.example",
    ):
        answer = await world.post(f"{INSTALLER}/signup", a_sign_up(address))
        assert_problem(answer, 400, "validation_error")


async def test_mails_come_in_text_and_html_and_escape_what_people_typed(world: World) -> None:
    await world.post(f"{INSTALLER}/signup", a_sign_up(full_name="<script>alert(1)</script>"))
    mail = (await world.mails(ALEX))[-1]
    assert "https://sliproad.example/verify-email?token=" in mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    assert "https://sliproad.example/verify-email?token=" in html
    assert "<script>" not in html
    assert mail["From"] == "Sliproad <no-reply@sliproad.example>"
