"""Contract §1 and trust I2: guessing is slowed and refused, the rightful owner always gets in, nobody learns who has an account."""

import asyncio

import httpx2

from features.accounts.conftest import PASSWORD, World, a_sign_up, assert_problem

LOGIN = "/api/v1/installer/login"
ALEX = "alex@acme-ev-installs.com"


async def guess(world: World, times: int, *, email: str = ALEX, address: str = "203.0.113.7") -> list[httpx2.Response]:
    body = {"email": email, "password": "not-the-password"}
    return [await world.post(LOGIN, body, address=address) for _ in range(times)]


async def test_the_eleventh_wrong_password_is_429_with_retry_after(world: World) -> None:
    await world.an_installer()
    answers = await guess(world, 12)
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    assert_problem(answers[-1], 429, "rate_limited")
    assert int(answers[-1].headers["retry-after"]) >= 1


async def test_the_right_password_gets_in_from_the_very_place_where_guessing_goes_on(world: World) -> None:
    await world.an_installer()
    await guess(world, 15)
    answer = await world.post(LOGIN, {"email": ALEX, "password": PASSWORD})
    assert answer.status_code == 200
    assert max(world.pauses) < 2


async def test_guessing_from_one_place_does_not_slow_the_owner_at_another(world: World) -> None:
    await world.an_installer()
    await guess(world, 15)
    world.pauses.clear()
    answer = await world.post(LOGIN, {"email": ALEX, "password": PASSWORD}, address="198.51.100.4")
    assert (answer.status_code, world.pauses) == (200, [])


async def test_guessing_from_many_places_slows_each_and_refuses_nobody(world: World) -> None:
    await world.an_installer()
    for number in range(20):
        await guess(world, 5, address=f"198.51.100.{number}")
    world.pauses.clear()
    answer = await world.post(LOGIN, {"email": ALEX, "password": PASSWORD})
    assert (answer.status_code, world.pauses) == (200, [1.0])


async def test_the_window_ends(world: World) -> None:
    await world.an_installer()
    await guess(world, 12)
    world.clock.advance(minutes=5, seconds=1)
    world.pauses.clear()
    assert [answer.status_code for answer in await guess(world, 1)] == [401]
    assert world.pauses == []


async def test_a_crowd_at_one_place_is_refused_instead_of_queued_without_end(world: World) -> None:
    await world.an_installer()
    await guess(world, 10)
    body = {"email": ALEX, "password": "not-the-password"}
    gate = asyncio.Event()

    async def held(_seconds: float) -> None:
        await gate.wait()

    world.accounts.people["installer"].throttle.pause = held
    crowd = [asyncio.create_task(world.post(LOGIN, body)) for _ in range(12)]
    refused, _ = await asyncio.wait(crowd, return_when=asyncio.FIRST_COMPLETED)
    assert {task.result().status_code for task in refused} == {429}
    gate.set()
    assert {answer.status_code for answer in await asyncio.gather(*crowd)} == {429}


async def test_an_unknown_account_costs_one_verification_like_a_known_one_and_answers_alike(world: World) -> None:
    await world.an_installer()
    before = world.hasher.verified
    known = (await guess(world, 1))[0]
    after_known = world.hasher.verified
    unknown = (await guess(world, 1, email="nobody@nowhere.example"))[0]
    assert (after_known - before, world.hasher.verified - after_known) == (1, 1)
    left, right = known.json(), unknown.json()
    assert left.pop("request_id") != right.pop("request_id")
    assert left == right
    answers = await guess(world, 11, email="nobody@nowhere.example")
    assert answers[-1].status_code == 429


async def test_guessing_the_current_password_with_a_stolen_token_is_limited(world: World) -> None:
    _, token = await world.an_installer()
    body = {"current_password": "not-the-password", "new_password": "my-next-password"}
    answers = [await world.post("/api/v1/installer/change-password", body, token=token) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [400] * 10 + [429]


async def test_one_mailbox_is_not_flooded(world: World) -> None:
    await world.an_installer()
    for _ in range(12):
        assert (await world.post("/api/v1/installer/forgot-password", {"email": ALEX})).status_code == 202
    assert len(await world.mails(ALEX)) == 5


async def test_sign_ups_from_one_place_are_limited(world: World) -> None:
    limit = 100
    for number in range(limit):
        await world.accounts.sign_up.limiter.hit("100/hour", "sign-up", "203.0.113.7")
        assert number < limit
    answer = await world.post("/api/v1/installer/signup", a_sign_up())
    assert_problem(answer, 429, "rate_limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 3600
