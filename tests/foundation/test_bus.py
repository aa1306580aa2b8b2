"""NATS may lose everything at any time: nothing raises, nothing hangs, subscriptions come back (house §3)."""

import asyncio
import secrets
import time

import pytest

from sliproad.foundation.bus import Bus, NoAnswer, NoResponder
from sliproad.foundation.embedded import Embedded


@pytest.fixture
def subject() -> str:
    """The NATS is shared: a subject of this test's own."""
    return f"test.{secrets.token_hex(8)}"


async def until(true, seconds: float = 20) -> None:
    """Poll something that has no event to wait for: the state of a connection."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


async def test_a_message_arrives_as_it_was_said(bus, subject):
    async with bus.listen(subject) as heard:
        await bus.publish(subject, {"event": "status", "at": 1.5, "text": "grün"})
        assert await asyncio.wait_for(heard.get(), 5) == {"event": "status", "at": 1.5, "text": "grün"}


async def test_a_question_is_answered(bus, subject):
    async def double(_subject, message, respond) -> None:
        await respond({"twice": message * 2})

    await bus.subscribe(subject, double)
    assert await bus.request(subject, 21, timeout_seconds=5) == {"twice": 42}


async def test_without_a_responder_the_refusal_comes_at_once(bus, subject):
    started = time.monotonic()
    with pytest.raises(NoResponder):
        await bus.request(subject, {}, timeout_seconds=30)
    assert time.monotonic() - started < 5


async def test_a_responder_that_says_nothing_is_another_matter(bus, subject):
    asked = asyncio.Event()

    async def silent(_subject, _message, respond) -> None:
        assert respond is not None
        asked.set()

    await bus.subscribe(subject, silent)
    with pytest.raises(NoAnswer):
        await bus.request(subject, {}, timeout_seconds=0.2)
    assert asked.is_set()


async def test_a_plain_message_asks_for_no_answer(bus, subject):
    got = asyncio.get_running_loop().create_future()

    async def handle(_subject, _message, respond) -> None:
        got.set_result(respond)

    await bus.subscribe(subject, handle)
    await bus.publish(subject, 1)
    assert await asyncio.wait_for(got, 5) is None


async def test_a_handler_that_fails_does_not_end_its_subscription(bus, subject):
    got = asyncio.get_running_loop().create_future()

    async def handle(_subject, message, _respond) -> None:
        if message == "bad":
            raise ValueError(message)
        got.set_result(message)

    await bus.subscribe(subject, handle)
    await bus._client.publish(subject, b"not JSON at all")
    await bus.publish(subject, "bad")
    await bus.publish(subject, "good")
    assert await asyncio.wait_for(got, 5) == "good"


async def test_an_ended_subscription_hears_nothing(bus, subject):
    end = await bus.subscribe(subject, None)
    await end()
    await end()
    with pytest.raises(NoResponder):
        await bus.request(subject, {}, timeout_seconds=5)


async def test_a_queue_that_nobody_reads_keeps_the_newest(bus, subject):
    async with bus.listen(subject, most=3) as heard, bus.listen(f"{subject}.end") as end:
        for number in range(10):
            await bus.publish(subject, number)
        await bus.publish(f"{subject}.end", None)
        await asyncio.wait_for(end.get(), 5)
        await until(lambda: heard.qsize() == 3 and heard._queue[-1] == 9)
        assert [heard.get_nowait() for _ in range(3)] == [7, 8, 9]


async def test_closing_twice_is_fine(nats_url):
    bus = Bus(nats_url)
    await bus.connect()
    await bus.close()
    await bus.close()
    await bus.publish("test.closed", 1)
    with pytest.raises(NoResponder):
        await bus.request("test.closed", 1, timeout_seconds=1)


async def test_nats_stops_and_comes_back(tmp_path, subject):
    """While it is away publishing is a no-op and a question is refused at once; afterwards subscriptions are there again."""

    async def echo(_subject, message, respond) -> None:
        await respond(message)

    with Embedded(tmp_path / "nats-data", postgres=False) as parts:
        server, teller = Bus(parts.nats_url), Bus(parts.nats_url)
        await server.connect()
        await teller.connect()
        try:
            await server.subscribe(subject, echo)
            await server.flush()
            assert await teller.request(subject, 1, timeout_seconds=5) == 1
            (child,) = parts.children
            child.process.kill()
            child.process.wait(10)
            await until(lambda: not server.is_connected and not teller.is_connected)
            await teller.publish(subject, "into the void")
            started = time.monotonic()
            with pytest.raises(NoResponder):
                await teller.request(subject, 2, timeout_seconds=30)
            assert time.monotonic() - started < 5
            parts.revive()
            await until(lambda: server.is_connected and teller.is_connected)
            await server.flush()
            assert await teller.request(subject, 3, timeout_seconds=5) == 3
        finally:
            await teller.close()
            await server.close()


async def test_a_process_starts_without_nats_and_hears_when_it_comes(tmp_path, subject, monkeypatch):
    monkeypatch.setattr("sliproad.foundation.bus.CONNECT_SECONDS", 0.2)

    async def echo(_subject, message, respond) -> None:
        await respond(message)

    with Embedded(tmp_path / "nats-data", postgres=False) as parts:
        (child,) = parts.children
        child.process.kill()
        child.process.wait(10)
        bus = Bus(parts.nats_url)
        await bus.connect()
        try:
            assert not bus.is_connected
            await bus.subscribe(subject, echo)
            end = await bus.subscribe(f"{subject}.ended", echo)
            await end()
            parts.revive()
            await until(lambda: bus.is_connected)
            await until(lambda: len(bus._client._subs) == 1)
            await bus.flush()
            assert await bus.request(subject, 1, timeout_seconds=5) == 1
            with pytest.raises(NoResponder):
                await bus.request(f"{subject}.ended", 1, timeout_seconds=5)
        finally:
            await bus.close()
