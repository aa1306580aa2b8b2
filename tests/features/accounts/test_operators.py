"""Contract §2: an operator's account and its API keys."""

from typing import Any

import pytest

from features.accounts.conftest import World, assert_problem

ACCOUNT = "/api/v1/operator"
KEYS = f"{ACCOUNT}/api-keys"


@pytest.fixture
async def operator(world: World) -> tuple[str, str]:
    """(operator_id, its first key)"""
    made = await world.accounts.administration.create_operator(name="Northern Lights", email="ocpp@nl.example")
    return made.operator_id, made.api_key


async def a_key(world: World, key: str, **body: Any) -> dict[str, Any]:
    answer = await world.post(KEYS, {"name": "roll-out script"} | body, token=key)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_an_operator_reads_its_account(world: World, operator: tuple[str, str]) -> None:
    answer = (await world.get(ACCOUNT, token=operator[1])).json()
    assert (answer["operator_id"], answer["name"], answer["contact_email"]) == (
        operator[0], "Northern Lights", "ocpp@nl.example",
    )  # fmt: skip


async def test_keys_are_made_shown_once_listed_and_revoked_at_once(world: World, operator: tuple[str, str]) -> None:
    made = await a_key(world, operator[1])
    assert made["scopes"] == ["connections"]
    listed = (await world.get(KEYS, token=made["api_key"])).json()["api_keys"]
    assert {key["name"] for key in listed} == {"first key", "roll-out script"}
    assert all("api_key" not in key for key in listed)
    gone = await world.request("DELETE", f"{KEYS}/{made['key_id']}", token=operator[1])
    assert gone.status_code == 204
    assert_problem(await world.get(ACCOUNT, token=made["api_key"]), 401, "unauthorized")
    assert_problem(await world.request("DELETE", f"{KEYS}/{made['key_id']}", token=operator[1]), 404, "not_found")


async def test_a_key_makes_no_key_that_opens_more_than_itself(world: World, operator: tuple[str, str]) -> None:
    lesser = (await a_key(world, operator[1]))["api_key"]
    body = {"name": "more", "scopes": ["connections", "connections:secrets"]}
    assert_problem(await world.post(KEYS, body, token=lesser), 403, "forbidden")
    assert (await a_key(world, operator[1], scopes=body["scopes"]))["scopes"] == body["scopes"]


async def test_a_key_of_another_scope_than_connections_opens_nothing(world: World, operator: tuple[str, str]) -> None:
    secrets_only = (await a_key(world, operator[1], scopes=["connections:secrets"]))["api_key"]
    assert_problem(await world.get(ACCOUNT, token=secrets_only), 403, "forbidden")


async def test_keys_of_operators_and_organisations_open_each_their_own(world: World, operator: tuple[str, str]) -> None:
    owner = await world.an_organization()
    theirs = (await world.post("/api/v1/org/api-keys", {"name": "k"}, token=owner["access_token"])).json()["api_key"]
    assert_problem(await world.get(ACCOUNT, token=theirs), 401, "unauthorized")
    assert_problem(await world.get(ACCOUNT, token=owner["access_token"]), 401, "unauthorized")
    assert_problem(await world.get("/api/v1/org", token=operator[1]), 401, "unauthorized")
    assert_problem(await world.get(ACCOUNT, token="sk_nobody"), 401, "unauthorized")


async def test_an_operator_sees_no_key_of_another(world: World, operator: tuple[str, str]) -> None:
    other = await world.accounts.administration.create_operator(name="Other", email="o@o.example")
    listed = (await world.get(KEYS, token=operator[1])).json()["api_keys"]
    foreign = (await world.get(KEYS, token=other.api_key)).json()["api_keys"][0]["key_id"]
    assert foreign not in {key["key_id"] for key in listed}
    assert_problem(await world.request("DELETE", f"{KEYS}/{foreign}", token=operator[1]), 404, "not_found")


async def test_a_repeated_request_makes_one_key(world: World, operator: tuple[str, str]) -> None:
    first = await world.post(KEYS, {"name": "once"}, token=operator[1], idempotency_key="k-1")
    again = await world.post(KEYS, {"name": "once"}, token=operator[1], idempotency_key="k-1")
    assert first.json() == again.json()


async def test_operators_have_no_log_in(world: World) -> None:
    form = {"role": "operator", "email": "ocpp@nl.example", "password": "your-secure-password"}
    answer = await world.http.post("/login", data=form)
    assert answer.status_code == 422
