"""Contract §1, `Idempotency-Key`: the first answer again for 24 h; two at once run once; what is stored can't be read."""

import asyncio

import psycopg
import pytest

from foundation.web.conftest import Plumbing
from foundation.web.test_problems import assert_problem

CREATE = "/api/v1/charge-points"


async def post(
    plumbing: Plumbing,
    name: str,
    key: str | bytes | None = "key-1",
    actor: str | None = "installer:1",
    path: str = CREATE,
):
    headers = {name: value for name, value in {"idempotency-key": key, "x-actor": actor}.items() if value is not None}
    return await plumbing.http.post(path, json={"name": name}, headers=headers)


async def test_the_same_key_and_body_get_the_first_answer_again(plumbing: Plumbing) -> None:
    first = await post(plumbing, "a")
    again = await post(plumbing, "a")
    assert (first.status_code, first.content) == (again.status_code, again.content) == (201, first.content)
    assert again.headers["content-type"] == first.headers["content-type"]
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    assert plumbing.made == ["a"]


async def test_the_same_key_with_another_body_or_address_is_a_conflict(plumbing: Plumbing) -> None:
    await post(plumbing, "a")
    assert_problem(await post(plumbing, "b"), 409, "idempotency_conflict")
    assert_problem(await post(plumbing, "a", path=f"{CREATE}?x=1"), 409, "idempotency_conflict")
    assert plumbing.made == ["a"]


async def test_it_ends_after_24_hours(plumbing: Plumbing) -> None:
    await post(plumbing, "a")
    plumbing.clock.advance(hours=23, minutes=59)
    await post(plumbing, "a")
    assert plumbing.made == ["a"]
    plumbing.clock.advance(minutes=2)
    await post(plumbing, "a")
    assert plumbing.made == ["a", "a"]


async def test_each_actor_has_keys_of_their_own(plumbing: Plumbing) -> None:
    for actor in ("installer:1", "installer:2", None):
        assert (await post(plumbing, "a", actor=actor)).json()["number"] == len(plumbing.made)
    assert plumbing.made == ["a", "a", "a"]


async def test_without_a_key_and_for_logins_nothing_is_remembered(plumbing: Plumbing) -> None:
    for _ in range(2):
        await post(plumbing, "a", key=None)
        await post(plumbing, "a", path="/api/v1/login")
    assert plumbing.made == ["a"] * 4


async def test_of_many_at_once_one_runs_and_the_others_are_told_to_come_back(plumbing: Plumbing) -> None:
    running = asyncio.create_task(post(plumbing, "slow"))
    while not plumbing.made:
        await asyncio.sleep(0)
    others = await asyncio.gather(*(post(plumbing, "slow") for _ in range(5)))
    for answer in others:
        assert_problem(answer, 409, "idempotency_in_progress")
        assert answer.headers["retry-after"] == "1"
    plumbing.gate.set()
    assert (await running).status_code == 201
    assert (await post(plumbing, "slow")).content == (await running).content
    assert plumbing.made == ["slow"]


async def test_many_that_start_together_create_once(plumbing: Plumbing) -> None:
    answers = await asyncio.gather(*(post(plumbing, "a") for _ in range(12)))
    assert plumbing.made == ["a"]
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert 201 in {answer.status_code for answer in answers}


@pytest.mark.parametrize(("name", "status"), [("taken", 409), ("crash", 500), ("", 400)])
async def test_what_created_nothing_may_be_tried_again(plumbing: Plumbing, name: str, status: int) -> None:
    assert (await post(plumbing, name)).status_code == status
    assert (await post(plumbing, name)).status_code == status
    assert (await post(plumbing, "a")).status_code == 201


async def test_a_request_whose_process_died_may_be_tried_again_after_a_minute(plumbing: Plumbing) -> None:
    running = asyncio.create_task(post(plumbing, "slow"))
    while not plumbing.made:
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    plumbing.gate.set()
    assert (await post(plumbing, "slow")).status_code == 409
    plumbing.clock.advance(seconds=61)
    assert (await post(plumbing, "slow")).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "ü".encode(), b"\x7f"])
async def test_a_strange_key_is_refused(plumbing: Plumbing, key: str | bytes) -> None:
    assert_problem(await post(plumbing, "a", key=key), 400, "validation_error")


async def test_neither_the_key_nor_the_answer_can_be_read_in_the_database(
    plumbing: Plumbing, database_url: str
) -> None:
    await post(plumbing, "a", key="a-key-of-the-client")
    with psycopg.connect(database_url) as owner:
        dump = str(owner.execute("select t::text, encode(sealed, 'escape') from idempotency_keys t").fetchall())
    assert len(dump) > 200
    for secret in ("a-key-of-the-client", "provisioning-secret", "installer:1"):
        assert secret not in dump
