"""Versions and credentials (OCPI 2.2.1 §4.1, §6, §7), over HTTP, with a partner that is a server of its own."""

import asyncio
import base64

import pytest

from ocpi_answers import assert_ocpi
from ocpi_platform import Platform, running
from sliproad.features.roaming.store import ConnectionRow, RegistrationTokenRow
from sliproad.foundation.database import ENGINE


async def test_a_partner_registers_and_its_registration_token_dies(hub) -> None:
    """§7.1.1: A opens versions and credentials, B is checked by asking with it, C ends the handshake."""
    partner = await hub.partner("FR", "ABC", "CPO")
    token_a = partner.token
    versions = assert_ocpi(await partner.ask("GET", "/ocpi/versions"), 1000)["data"]
    assert versions == [{"version": "2.2.1", "url": "http://sliproad.example/ocpi/2.2.1"}]
    answer = await partner.register()
    credentials = assert_ocpi(answer, 1000)["data"]
    assert [(role["role"], role["country_code"], role["party_id"]) for role in credentials["roles"]] == [
        ("HUB", "DE", "SLR")
    ]
    assert credentials["url"] == "http://sliproad.example/ocpi/versions"
    assert 32 <= len(credentials["token"]) <= 64
    assert [(each.method, each.path) for each in partner.heard] == [("GET", "/ocpi/versions"), ("GET", "/ocpi/2.2.1")]
    assert_ocpi(await partner.ask("GET", "/ocpi/versions", token=token_a), 2000, 401)
    assert_ocpi(await partner.ask("GET", "/ocpi/versions"), 1000)
    seen = await hub.connection(partner)
    assert (seen["status"], seen["is_registered"], seen["version"]) == ("CONNECTED", True, "2.2.1")
    assert seen["roles"] == [{"country_code": "FR", "party_id": "ABC", "role": "CPO", "name": "ABC of FR"}]


async def test_version_details_list_both_roles_of_every_module(hub) -> None:
    """§6.2: and hubclientinfo as SENDER, credentials once."""
    partner = await hub.partner("FR", "ABC", "CPO")
    details = assert_ocpi(await partner.ask("GET", "/ocpi/2.2.1"), 1000)["data"]
    found = {(each["identifier"], each["role"]): each["url"] for each in details["endpoints"]}
    both = ("cdrs", "locations", "sessions", "tariffs", "tokens", "commands", "chargingprofiles")
    wanted = {(module, role) for module in both for role in ("SENDER", "RECEIVER")} | {("hubclientinfo", "SENDER")}
    assert {key for key in found if key[0] != "credentials"} == wanted
    assert len([key for key in found if key[0] == "credentials"]) == 1
    assert found["locations", "RECEIVER"] == "http://sliproad.example/ocpi/2.2.1/receiver/locations"


@pytest.mark.parametrize("header", [None, "Token", "Bearer abc", "Token " + base64.b64encode(b"nobody").decode()])
async def test_nobody_s_token_is_401_in_the_envelope(hub, header) -> None:
    """§4.1.2, §4.1.7."""
    headers = {"Authorization": header} if header else {}
    answer = await hub.client.get("/ocpi/versions", headers=headers)
    assert_ocpi(answer, 2000, 401)
    assert answer.headers["www-authenticate"] == "Token"


@pytest.mark.parametrize("style", ["base64", "raw"])
async def test_a_partner_is_answered_in_the_style_it_writes(hub, style) -> None:
    """§4.1.2: base64, or the token itself as implementations of 2.2 send it."""
    partner = await hub.partner("FR", "ABC", "CPO", style=style)
    assert_ocpi(await partner.register(), 1000)
    assert [each.headers["authorization"] for each in partner.heard[-2:]] == [partner.authorization("B-of-ABC")] * 2
    assert (await hub.connection(partner))["token_style"] == style


async def test_a_token_with_a_line_feed_inside_its_base64_is_taken(hub) -> None:
    """§4.1.2's own example encodes `example-token` and a line feed."""
    partner = await hub.partner("FR", "ABC", "CPO")
    encoded = base64.b64encode(partner.token.encode() + b"\n").decode()
    assert_ocpi(await hub.client.get("/ocpi/versions", headers={"Authorization": f"Token {encoded}"}), 1000)


async def test_of_two_handshakes_at_once_one_counts(hub) -> None:
    """§7.2.2, trust I5: the other is told that it is registered."""
    partner = await hub.partner("FR", "ABC", "CPO")
    token_a, body = partner.token, partner.credentials()
    both = (partner.ask("POST", "/ocpi/2.2.1/credentials", json=body, token=token_a) for _ in range(2))
    answers = await asyncio.gather(*both)
    assert sorted(each.status_code for each in answers) == [200, 405]
    partner.token = next(each for each in answers if each.status_code == 200).json()["data"]["token"]
    assert_ocpi(await partner.ask("GET", "/ocpi/versions"), 1000)


async def test_a_registration_token_opens_nothing_else(hub) -> None:
    """§4.1.2."""
    partner = await hub.partner("FR", "ABC", "CPO")
    for path in ("/ocpi/2.2.1/sender/hubclientinfo", "/ocpi/2.2.1/sender/locations"):
        assert_ocpi(await partner.ask("GET", path, to=("DE", "SLR")), 2000, 401)


async def test_a_registration_token_dies_of_age(hub) -> None:
    partner = await hub.partner("FR", "ABC", "CPO")
    hub.clock.advance(days=15)
    assert_ocpi(await partner.ask("GET", "/ocpi/versions"), 2000, 401)


async def test_methods_that_the_state_forbids_are_405(hub) -> None:
    """§7.2.2-§7.2.4."""
    partner = await hub.partner("FR", "ABC", "CPO")
    path = "/ocpi/2.2.1/credentials"
    assert_ocpi(await partner.ask("PUT", path, json=partner.credentials()), 2000, 405)
    assert_ocpi(await partner.ask("DELETE", path), 2000, 405)
    assert_ocpi(await partner.ask("PATCH", path, json={}), 2000, 405)
    await partner.register()
    assert_ocpi(await partner.ask("POST", path, json=partner.credentials()), 2000, 405)
    answer = await partner.ask("POST", "/ocpi/versions", json={})
    assert_ocpi(answer, 2000, 405)
    assert answer.headers["allow"] == "GET"


async def test_put_asks_again_and_rotates_both_tokens(hub) -> None:
    """§7.2.3: the token that was used dies."""
    partner = await hub.connected("FR", "ABC", "CPO")
    before, partner.token_for_hub = partner.token, "a-new-token-B"
    answer = await partner.ask("PUT", "/ocpi/2.2.1/credentials", json=partner.credentials())
    partner.token = assert_ocpi(answer, 1000)["data"]["token"]
    assert len(partner.heard) == 2
    assert partner.token != before
    assert_ocpi(await partner.ask("GET", "/ocpi/2.2.1/credentials", token=before), 2000, 401)
    shown = assert_ocpi(await partner.ask("GET", "/ocpi/2.2.1/credentials"), 1000)["data"]
    assert shown["token"] == partner.token


async def test_delete_ends_the_connection(hub) -> None:
    """§7.2.4: only a new registration token leads back."""
    partner = await hub.connected("FR", "ABC", "CPO")
    assert_ocpi(await partner.ask("DELETE", "/ocpi/2.2.1/credentials"), 1000)
    assert_ocpi(await partner.ask("GET", "/ocpi/versions"), 2000, 401)
    seen = await hub.connection(partner)
    assert (seen["status"], seen["is_registered"]) == ("OFFLINE", False)
    renewed = await hub.admin.post(f"/api/v1/admin/ocpi/connections/{seen['connection_id']}/registration-token")
    partner.token = renewed.json()["registration_token"]
    assert_ocpi(await partner.register(), 1000)


async def test_a_platform_that_can_t_be_asked_is_3001(hub) -> None:
    """§7.1.4: nothing was agreed, and the registration token is still good."""
    partner = await hub.partner("FR", "ABC", "CPO")
    partner.answers["GET", "/ocpi/versions"] = (500, "out of order")
    assert "HTTP 500" in assert_ocpi(await partner.register(), 3001)["status_message"]
    partner.answers["GET", "/ocpi/versions"] = (200, {"status_code": 1000, "data": [{"version": "2.2.1"}]})
    assert "url: is required" in assert_ocpi(await partner.register(), 3001)["status_message"]
    partner.answers.clear()
    assert_ocpi(await partner.register(), 1000)


@pytest.mark.parametrize("url", ["https://10.0.0.1/ocpi/versions", "http://[::1]:9/ocpi/versions"])
async def test_no_private_address_is_asked(hub, url) -> None:
    """Trust H3: the networks that this installation opened are others."""
    partner = await hub.partner("FR", "ABC", "CPO")
    credentials = {**partner.credentials(), "url": url}
    assert_ocpi(await partner.ask("POST", "/ocpi/2.2.1/credentials", json=credentials), 3001)


async def test_no_common_version_is_3002_and_missing_modules_3003(hub) -> None:
    """§5.3, §7.1.5."""
    partner = await hub.partner("FR", "ABC", "CPO", versions=("2.0", "2.1.1"))
    assert "2.1.1" in assert_ocpi(await partner.register(), 3002)["status_message"]
    partner.versions, partner.modules = ("2.2.1",), ("credentials",)
    assert_ocpi(await partner.register(), 3003)
    partner.modules = ("locations",)
    assert_ocpi(await partner.register(), 3003)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"token": "with space"}, "token"),
        ({"token": "x" * 65}, "token"),
        ({"token": None}, "token"),
        ({"url": "ftp://partner.example"}, "url"),
        ({"roles": []}, "roles"),
        ({"roles": [{"role": "CPO", "business_details": {"name": "My CPO"}}]}, "roles.0.party_id"),
    ],
)
async def test_credentials_that_are_not_whole_are_2001_and_name_the_field(hub, change, names) -> None:
    """§7.3.1; HUB's own request on the strict URL among them."""
    partner = await hub.partner("FR", "ABC", "CPO")
    credentials = {**partner.credentials(), **change}
    answer = await partner.ask("POST", "/ocpi/2.2.1/credentials", json=credentials)
    assert assert_ocpi(answer, 2001)["status_message"].startswith(names)
    assert partner.heard == []


async def test_a_role_that_was_not_approved_is_2001_and_nobody_is_asked(hub) -> None:
    """Trust H2."""
    partner = await hub.partner("FR", "ABC", "CPO")
    partner.roles = ("CPO", "EMSP")
    assert "EMSP of FR*ABC" in assert_ocpi(await partner.register(), 2001)["status_message"]
    assert partner.heard == []


async def test_malformed_json_is_http_400(hub) -> None:
    """§5."""
    partner = await hub.partner("FR", "ABC", "CPO")
    answer = await partner.ask("POST", "/ocpi/2.2.1/credentials", content=b'{"token": ')
    assert_ocpi(answer, 2000, 400)


async def test_ids_are_echoed_and_made_where_there_are_none(hub) -> None:
    """§4.3, in refusals too."""
    partner = await hub.partner("FR", "ABC", "CPO")
    strange = "{8e1b:4/2}"
    answer = await partner.ask("GET", "/ocpi/versions", headers={"X-Request-ID": strange, "X-Correlation-ID": "co:1"})
    assert (answer.headers["x-request-id"], answer.headers["x-correlation-id"]) == (strange, "co:1")
    refused = await hub.client.get("/ocpi/versions", headers={"X-Correlation-ID": "co:2"})
    assert refused.headers["x-correlation-id"] == "co:2"
    assert refused.headers["x-request-id"]


async def test_configuration_modules_have_no_routing_headers(hub) -> None:
    """§4.2.2."""
    partner = await hub.connected("FR", "ABC", "CPO")
    answer = await partner.ask("GET", "/ocpi/versions")
    assert not [name for name in answer.headers if name.startswith("ocpi-")]


async def test_tokens_are_nowhere_to_be_read(hub, engine, capfd) -> None:
    """Trust S3: hashes of A and C, B sealed; none in the log."""
    partner = await hub.partner("FR", "ABC", "CPO")
    token_a = partner.token
    await partner.register()
    async with engine.transaction(ENGINE) as session:
        rows = [*(await session.scalars(ConnectionRow.__table__.select())).all()]
        text = repr(
            [
                [dict(row) for row in (await session.execute(kind.__table__.select())).mappings()]
                for kind in (ConnectionRow, RegistrationTokenRow)
            ]
        )
    assert rows
    logged = "".join(capfd.readouterr())
    for secret in (token_a, partner.token, partner.token_for_hub):
        assert secret not in text
        assert secret not in logged


async def test_the_hub_registers_with_a_platform_itself(hub) -> None:
    """§7.1.1 the other way round: the administrator was given a registration token."""
    invitation = await hub.invite("NL", "XYZ", "EMSP")
    said = Platform(hub.client, "NL", "XYZ", ("EMSP",), "B-of-XYZ", registration_token="theirs-for-us")
    async with running(said) as platform:
        tokens = []

        async def take(request):
            ours = (await request.json())["token"]
            tokens.append(ours)
            assert_ocpi(await platform.ask("GET", "/ocpi/versions", token=ours), 1000)
            assert_ocpi(await platform.ask("GET", "/ocpi/2.2.1", token=ours), 1000)
            early = await platform.ask("GET", "/ocpi/2.2.1/sender/locations", token=ours, to=("DE", "SLR"))
            assert_ocpi(early, 2000, 401)
            return platform._given((200, platform._wrapped(platform.credentials())))

        platform.answers["POST", "/credentials"] = take
        path = f"/api/v1/admin/ocpi/connections/{invitation['connection_id']}/register"
        body = {"versions_url": f"{platform.url}/ocpi/versions", "token": "theirs-for-us"}
        answer = await hub.admin.post(path, json=body)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["status"], answer.json()["is_registered"]) == ("CONNECTED", True)
        platform.token = tokens[0]
        assert_ocpi(await platform.ask("GET", "/ocpi/2.2.1/sender/hubclientinfo"), 1000)


async def test_a_platform_that_refuses_us_is_told_of(hub) -> None:
    invitation = await hub.invite("NL", "XYZ", "EMSP")
    async with running(Platform(hub.client, "NL", "XYZ", ("EMSP",), "B-of-XYZ")) as platform:
        path = f"/api/v1/admin/ocpi/connections/{invitation['connection_id']}/register"
        answer = await hub.admin.post(
            path, json={"versions_url": f"{platform.url}/ocpi/versions", "token": "a-wrong-token"}
        )
    assert (answer.status_code, answer.json()["code"]) == (502, "partner_unusable")
    assert "HTTP 401" in answer.json()["detail"]
