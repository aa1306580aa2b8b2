"""What administrators do with the hub's parties, over REST; who is none, sees nothing."""

import pytest

from ocpi_answers import assert_ocpi
from workplace import assert_problem

CONNECTIONS = "/api/v1/admin/ocpi/connections"


def role(country: str = "FR", party: str = "ABC", name: str = "CPO") -> dict[str, str]:
    return {"country_code": country, "party_id": party, "role": name}


async def test_nobody_else_may(hub) -> None:
    for method, path in (("GET", CONNECTIONS), ("POST", CONNECTIONS), ("GET", "/api/v1/admin/ocpi/messages")):
        answer = await hub.client.request(method, path, json={"name": "x", "roles": [role()]})
        assert_problem(answer, 401, "unauthorized")


async def test_a_party_is_one_platform_s(hub) -> None:
    """In any case; and the hub's own is nobody's."""
    await hub.invite("FR", "ABC", "CPO")
    for taken in (role("fr", "abc", "EMSP"), role("DE", "SLR")):
        answer = await hub.admin.post(CONNECTIONS, json={"name": "Other", "roles": [taken]})
        assert_problem(answer, 409, "party_exists")
    assert (await hub.admin.get(CONNECTIONS)).json()["total"] == 1


@pytest.mark.parametrize("wrong", [role("FRA"), role(party="AB"), role(name="HUB"), role(party="A_C")])
async def test_what_can_t_be_a_party(hub, wrong) -> None:
    answer = await hub.admin.post(CONNECTIONS, json={"name": "Odd", "roles": [wrong]})
    assert_problem(answer, 400, "validation_error")


async def test_roles_are_added_to_a_platform_that_is_registered(hub) -> None:
    """It needs no new handshake: a PUT of its credentials may name them from now on."""
    partner = await hub.connected("FR", "ABC", "CPO")
    path = f"{CONNECTIONS}/{(await hub.connection(partner))['connection_id']}"
    answer = (await hub.admin.post(f"{path}/roles", json={"roles": [role(name="EMSP")]})).json()
    assert [each["role"] for each in answer["roles"]] == ["CPO", "EMSP"]
    assert answer["registration_token"] == ""
    partner.roles = ("CPO", "EMSP")
    answer = await partner.ask("PUT", "/ocpi/2.2.1/credentials", json=partner.credentials())
    assert_ocpi(answer, 1000)
    assert_problem(await hub.admin.post(f"{path}/registration-token"), 409, "invalid_state")
    assert_problem(await hub.admin.post(f"{path}/resume"), 409, "invalid_state")


async def test_a_renewed_token_ends_the_one_before(hub) -> None:
    partner = await hub.partner("FR", "ABC", "CPO")
    path = f"{CONNECTIONS}/{(await hub.connection(partner))['connection_id']}"
    renewed = (await hub.admin.post(f"{path}/registration-token")).json()["registration_token"]
    assert_ocpi(await partner.ask("GET", "/ocpi/versions"), 2000, 401)
    partner.token = renewed
    assert_ocpi(await partner.register(), 1000)


async def test_a_platform_and_its_endpoints(hub) -> None:
    partner = await hub.connected("FR", "ABC", "CPO", modules=("locations", "credentials"))
    path = f"{CONNECTIONS}/{(await hub.connection(partner))['connection_id']}"
    detail = (await hub.admin.get(path)).json()
    assert [(each["identifier"], each["role"]) for each in detail["endpoints"]] == [
        ("credentials", "SENDER"),
        ("locations", "RECEIVER"),
        ("locations", "SENDER"),
    ]
    assert detail["versions_url"] == f"{partner.url}/ocpi/versions"
    assert_problem(await hub.admin.get(f"{CONNECTIONS}/ocn_nothing"), 404, "not_found")


async def test_messages_are_listed_page_by_page(hub) -> None:
    emsp = await hub.connected("NL", "XYZ", "EMSP")
    for party in ("AA1", "AA2", "AA3"):
        await hub.invite("FR", party, "CPO")
    await hub.work()
    path = "/api/v1/admin/ocpi/messages"
    first = (await hub.admin.get(path, params={"limit": 2})).json()
    second = (await hub.admin.get(path, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    urls = [each["url"].rpartition("/")[2] for each in (*first["messages"], *second["messages"])]
    assert urls == ["AA3", "AA2", "AA1"]
    assert second["next_cursor"] is None
    assert {each["status"] for each in first["messages"]} == {"delivered"}
    assert len(emsp.heard) == 3


async def test_a_platform_that_is_registered_is_not_registered_with_again(hub) -> None:
    partner = await hub.connected("FR", "ABC", "CPO")
    path = f"{CONNECTIONS}/{(await hub.connection(partner))['connection_id']}/register"
    body = {"versions_url": f"{partner.url}/ocpi/versions", "token": "x"}
    assert_problem(await hub.admin.post(path, json=body), 409, "invalid_state")
    assert_problem(
        await hub.admin.post(path, json={**body, "versions_url": "http://10.0.0.1/"}), 400, "validation_error"
    )
    assert_problem(await hub.admin.post(path, json={**body, "token": "a b"}), 400, "validation_error")
