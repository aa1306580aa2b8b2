"""Contract §2 and §4: organisations, their users and roles, invitations, API keys."""

import asyncio
from typing import Any

import pytest

from features.accounts.conftest import PASSWORD, World, assert_problem
from sliproad.features.accounts.model import InvitationPurpose, OrganizationActor
from sliproad.foundation.errors import Conflict, NotFound

KEYS = "/api/v1/org/api-keys"
USERS = "/api/v1/org/users"


async def invite(world: World, owner: str, email: str, role: str) -> dict[str, Any]:
    """Invite somebody and let them accept; the answer of their login."""
    assert (await world.post(f"{USERS}/invitations", {"email": email, "role": role}, token=owner)).status_code == 201
    body = {"token": await world.mailed_token(email), "full_name": f"{role.title()} Person", "password": PASSWORD}
    accepted = await world.post("/api/v1/invitations/accept", body)
    assert accepted.status_code == 200, accepted.text
    return (await world.post("/api/v1/cpo/login", {"email": email, "password": PASSWORD})).json()


async def an_api_key(world: World, token: str, **body: Any) -> dict[str, Any]:
    answer = await world.post(KEYS, {"name": "back office"} | body, token=token)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_an_organisation_signs_up_verifies_and_logs_in(world: World) -> None:
    body = {
        "organization_name": "Riverside",
        "email": "p@riverside.example",
        "password": PASSWORD,
        "full_name": "Priya",
    }
    made = await world.post("/api/v1/cpo/signup", body)
    assert made.status_code == 201
    assert made.json()["status"] == "pending_verification"
    login = {"email": "p@riverside.example", "password": PASSWORD}
    assert_problem(await world.post("/api/v1/cpo/login", login), 403, "email_not_verified")
    await world.post("/api/v1/cpo/verify-email", {"token": await world.mailed_token("p@riverside.example")})
    entered = (await world.post("/api/v1/cpo/login", login)).json()
    assert {name: entered[name] for name in ("organization_id", "user_id", "role", "token_type", "expires_in")} == {
        "organization_id": made.json()["organization_id"],
        "user_id": made.json()["user_id"],
        "role": "owner",
        "token_type": "Bearer",
        "expires_in": 3600,
    }
    me = (await world.get("/api/v1/cpo/me", token=entered["access_token"])).json()
    assert (me["organization_name"], me["role"], me["display_name"]) == ("Riverside", "owner", "Priya")


async def test_a_known_email_makes_no_second_organisation(world: World) -> None:
    first = await world.an_organization()
    body = {
        "organization_name": "Copycat",
        "email": "PRIYA@riverside.example",
        "password": "other-password",
        "full_name": "M",
    }
    again = await world.post("/api/v1/cpo/signup", body)
    assert again.status_code == 201
    assert again.json()["organization_id"] != first["organization_id"]
    assert (await world.mails("priya@riverside.example"))[-1]["Subject"] == "You already have an account"
    entered = await world.post("/api/v1/cpo/login", {"email": "priya@riverside.example", "password": PASSWORD})
    assert entered.json()["organization_id"] == first["organization_id"]


async def test_an_api_key_is_shown_once_and_works_in_both_headers(world: World) -> None:
    owner = await world.an_organization()
    key = await an_api_key(world, owner["access_token"])
    assert key["api_key"].startswith("sk_")
    assert key["api_key"].startswith(key["prefix"])
    assert key["scopes"] == ["cpo"]
    by_bearer = await world.get("/api/v1/cpo/me", token=key["api_key"])
    by_header = await world.get("/api/v1/cpo/me", x_api_key=key["api_key"])
    assert by_bearer.json() == by_header.json()
    assert by_bearer.json()["key_id"] == key["key_id"]
    listed = (await world.get(KEYS, token=owner["access_token"])).json()["api_keys"]
    assert "api_key" not in listed[0]
    assert listed[0]["last_used_at"].endswith("Z")


async def test_a_revoked_or_expired_key_is_worth_nothing_at_once(world: World) -> None:
    owner = (await world.an_organization())["access_token"]
    revoked = await an_api_key(world, owner)
    expiring = await an_api_key(world, owner, expires_at="2026-05-01T10:30:00Z")
    assert (await world.request("DELETE", f"{KEYS}/{revoked['key_id']}", token=owner)).status_code == 204
    assert_problem(await world.get("/api/v1/cpo/me", token=revoked["api_key"]), 401, "unauthorized")
    assert_problem(await world.request("DELETE", f"{KEYS}/{revoked['key_id']}", token=owner), 404, "not_found")
    assert (await world.get("/api/v1/cpo/me", token=expiring["api_key"])).status_code == 200
    world.clock.advance(minutes=7)
    assert_problem(await world.get("/api/v1/cpo/me", token=expiring["api_key"]), 401, "unauthorized")
    assert_problem(
        await world.post(KEYS, {"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, token=owner),
        400,
        "validation_error",
    )


async def test_a_reading_key_reads_and_does_nothing_else(world: World) -> None:
    owner = (await world.an_organization())["access_token"]
    key = (await an_api_key(world, owner, scopes=["cpo:read"]))["api_key"]
    assert (await world.get("/api/v1/org", token=key)).status_code == 200
    assert_problem(await world.post(KEYS, {"name": "more"}, token=key), 403, "forbidden")
    assert_problem(await world.request("PATCH", "/api/v1/org", {"name": "Mine"}, token=key), 403, "forbidden")


async def test_keys_are_listed_page_by_page(world: World) -> None:
    owner = (await world.an_organization())["access_token"]
    made = [(await an_api_key(world, owner, name=f"key {number}"))["key_id"] for number in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = (await world.get(f"{KEYS}?limit=2" + (f"&cursor={cursor}" if cursor else ""), token=owner)).json()
        assert len(page["api_keys"]) <= 2
        seen += [key["key_id"] for key in page["api_keys"]]
        cursor = page["next_cursor"]
    assert sorted(seen) == sorted(made)
    assert_problem(await world.get(f"{KEYS}?cursor=nonsense", token=owner), 400, "validation_error")
    assert_problem(await world.get(f"{KEYS}?limit=501", token=owner), 400, "validation_error")


async def test_another_organisations_keys_and_users_do_not_exist(world: World) -> None:
    first, second = await world.an_organization(), await world.an_organization("q@quayside.example", "Quayside")
    key = await an_api_key(world, first["access_token"])
    token = second["access_token"]
    assert_problem(await world.request("DELETE", f"{KEYS}/{key['key_id']}", token=token), 404, "not_found")
    assert_problem(await world.request("DELETE", f"{USERS}/{first['user_id']}", token=token), 404, "not_found")
    assert_problem(
        await world.request("PATCH", f"{USERS}/{first['user_id']}", {"role": "viewer"}, token=token), 404, "not_found"
    )
    assert [user["user_id"] for user in (await world.get(USERS, token=token)).json()["users"]] == [second["user_id"]]


async def test_roles_owner_administers_manager_and_viewer_do_not(world: World) -> None:
    owner = (await world.an_organization())["access_token"]
    manager = await invite(world, owner, "m@riverside.example", "manager")
    viewer = await invite(world, owner, "v@riverside.example", "viewer")
    assert (manager["role"], viewer["role"]) == ("manager", "viewer")
    for member in (manager, viewer):
        assert (await world.get(USERS, token=member["access_token"])).status_code == 200
        assert_problem(await world.post(KEYS, {"name": "x"}, token=member["access_token"]), 403, "forbidden")
        refused = await world.post(
            f"{USERS}/invitations", {"email": "x@y.example", "role": "owner"}, token=member["access_token"]
        )
        assert_problem(refused, 403, "forbidden")


async def test_a_changed_role_and_a_removal_act_on_the_next_request(world: World) -> None:
    owner = (await world.an_organization())["access_token"]
    member = await invite(world, owner, "m@riverside.example", "manager")
    path = f"{USERS}/{member['user_id']}"
    assert (await world.request("PATCH", path, {"role": "owner"}, token=owner)).json()["role"] == "owner"
    assert (await world.get(KEYS, token=member["access_token"])).status_code == 200
    assert (await world.request("DELETE", path, token=owner)).status_code == 204
    assert_problem(await world.get(USERS, token=member["access_token"]), 401, "unauthorized")
    refused = await world.post("/api/v1/cpo/login", {"email": "m@riverside.example", "password": PASSWORD})
    assert_problem(refused, 403, "no_organization")


async def test_an_organisation_never_loses_its_last_owner_however_many_try_at_once(world: World) -> None:
    first = await world.an_organization()
    owner = first["access_token"]
    assert_problem(await world.request("DELETE", f"{USERS}/{first['user_id']}", token=owner), 409, "last_owner")
    second = await invite(world, owner, "o@riverside.example", "owner")
    answers = await asyncio.gather(
        world.request("PATCH", f"{USERS}/{first['user_id']}", {"role": "viewer"}, token=owner),
        world.request("PATCH", f"{USERS}/{second['user_id']}", {"role": "viewer"}, token=second["access_token"]),
    )
    assert 409 in [answer.status_code for answer in answers] or 403 in [answer.status_code for answer in answers]
    owners = [user for user in (await world.get(USERS, token=owner)).json()["users"] if user["role"] == "owner"]
    assert len(owners) == 1


async def test_an_invitation_is_good_once_can_be_withdrawn_and_expires(world: World) -> None:
    owner = (await world.an_organization())["access_token"]
    made = await world.post(f"{USERS}/invitations", {"email": "m@riverside.example", "role": "viewer"}, token=owner)
    assert [each["email"] for each in (await world.get(f"{USERS}/invitations", token=owner)).json()["invitations"]] == [
        "m@riverside.example"
    ]
    body = {"token": await world.mailed_token("m@riverside.example"), "full_name": "M", "password": PASSWORD}
    withdrawn = await world.request("DELETE", f"{USERS}/invitations/{made.json()['invitation_id']}", token=owner)
    assert withdrawn.status_code == 204
    assert_problem(await world.post("/api/v1/invitations/accept", body), 400, "validation_error")
    await world.post(f"{USERS}/invitations", {"email": "m@riverside.example", "role": "viewer"}, token=owner)
    body["token"] = await world.mailed_token("m@riverside.example")
    needed = await world.post("/api/v1/invitations/accept", {"token": body["token"]})
    assert {each["field"] for each in assert_problem(needed, 400, "validation_error")["errors"]} == {
        "full_name",
        "password",
    }
    world.clock.advance(days=14)
    assert_problem(await world.post("/api/v1/invitations/accept", body), 400, "validation_error")


async def test_who_has_an_account_accepts_without_a_password_and_keeps_their_own(world: World) -> None:
    owner = (await world.an_organization())["access_token"]
    other = await world.an_organization("q@quayside.example", "Quayside")
    await world.post(f"{USERS}/invitations", {"email": "q@quayside.example", "role": "viewer"}, token=owner)
    body = {
        "token": await world.mailed_token("q@quayside.example"),
        "full_name": "Mallory",
        "password": "other-password",
    }
    assert (await world.post("/api/v1/invitations/accept", body)).json()["user_id"] == other["user_id"]
    login = {"email": "q@quayside.example", "password": PASSWORD}
    assert (await world.post("/api/v1/cpo/login", login)).json()["organization_id"] == other["organization_id"]
    second = (await world.get("/api/v1/cpo/me", token=owner)).json()["organization_id"]
    assert (await world.post("/api/v1/cpo/login", login | {"organization_id": second})).json()["role"] == "viewer"


async def test_an_unproven_sign_up_does_not_keep_its_password_when_the_mailbox_accepts(world: World) -> None:
    owner = (await world.an_organization())["access_token"]
    squat = {
        "organization_name": "Squat",
        "email": "m@riverside.example",
        "password": "mallorys-password",
        "full_name": "Mallory",
    }
    await world.post("/api/v1/cpo/signup", squat)
    await world.work()
    assert (await invite(world, owner, "m@riverside.example", "viewer"))["role"] == "viewer"
    refused = await world.post("/api/v1/cpo/login", {"email": "m@riverside.example", "password": "mallorys-password"})
    assert_problem(refused, 401, "unauthorized")


async def test_a_later_room_says_what_accepting_its_invitations_does_in_the_same_transaction(world: World) -> None:
    owner = await world.an_organization()
    actor = OrganizationActor(owner["organization_id"], "Priya")
    bound: list[tuple[str, str]] = []

    async def bind(session: Any, accepted: Any) -> None:
        if accepted.data["site_id"] == "site_gone":
            raise Conflict("This site is gone.")
        bound.append((accepted.email, accepted.data["site_id"]))

    world.accounts.invitations.on_acceptance(InvitationPurpose.SITE_OWNER, bind)
    for email, site_id in (("s.owen@riversidebp.co.uk", "site_1"), ("late@riversidebp.co.uk", "site_gone")):
        async with world.web.transaction(actor.scope) as session:
            await world.accounts.invitations.invite_user(
                session,
                actor,
                email,
                InvitationPurpose.SITE_OWNER,
                {"site_id": site_id},
                about="to look after Riverside",
            )
    body = {
        "token": await world.mailed_token("s.owen@riversidebp.co.uk"),
        "full_name": "Sarah Owen",
        "password": PASSWORD,
    }
    accepted = (await world.post("/api/v1/invitations/accept", body)).json()
    assert (accepted["purpose"], accepted["full_name"]) == ("site_owner", "Sarah Owen")
    assert bound == [("s.owen@riversidebp.co.uk", "site_1")]
    login = await world.post("/api/v1/site-owner/login", {"email": "s.owen@riversidebp.co.uk", "password": PASSWORD})
    assert (await world.get("/api/v1/site-owner/me", token=login.json()["access_token"])).json()[
        "full_name"
    ] == "Sarah Owen"
    body = {"token": await world.mailed_token("late@riversidebp.co.uk"), "full_name": "Late", "password": PASSWORD}
    assert_problem(await world.post("/api/v1/invitations/accept", body), 409, "conflict")
    refused = await world.post("/api/v1/site-owner/login", {"email": "late@riversidebp.co.uk", "password": PASSWORD})
    assert_problem(refused, 401, "unauthorized")


async def test_admin_makes_a_verified_organisation_with_a_first_key(world: World) -> None:
    made = await world.accounts.administration.create_organization(
        name="Riverside", email="p@riverside.example", password=PASSWORD
    )
    me = await world.get("/api/v1/cpo/me", token=made.api_key)
    assert me.json()["organization_id"] == made.organization_id
    login = await world.post("/api/v1/cpo/login", {"email": "p@riverside.example", "password": PASSWORD})
    assert (login.json()["user_id"], login.json()["role"]) == (made.user_id, "owner")
    with pytest.raises(Conflict):
        await world.accounts.administration.create_admin(email="P@riverside.example", password=PASSWORD)


async def test_the_other_side_of_a_project_is_named_by_exact_id_only(world: World) -> None:
    installer_id, _ = await world.an_installer()
    pending = (
        await world.post("/api/v1/installer/signup", {"email": "b@b.example", "password": PASSWORD, "full_name": "B"})
    ).json()
    owner = await world.an_organization()
    service = world.accounts.service
    async with world.web.transaction(OrganizationActor(owner["organization_id"], "").scope) as session:
        assert (await service.installer_summary(session, installer_id)).full_name == "Alex Technician"
        for unknown in ("ins_00000000000000000000", pending["installer_id"], "", "%"):
            with pytest.raises(NotFound):
                await service.installer_summary(session, unknown)
        assert await service.organization_name(session, owner["organization_id"]) == "Riverside Charging Ltd"
        assert await service.organization_email(session, owner["organization_id"]) == "priya@riverside.example"
