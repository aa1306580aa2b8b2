"""Operators' servers that break every rule: the charge point goes on as if there were none, and our memory stays bounded."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psutil
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from sliproad.simulator import VirtualCharger

ACCEPTED = {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 300}
Mischief = Callable[[ServerConnection], Awaitable[None]]


@contextlib.asynccontextmanager
async def server_that(does: Mischief) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Accepts charge points, and then does it; the event says that it is done."""
    done = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            message = json.loads(await connection.recv())
            await connection.send(json.dumps([3, message[1], ACCEPTED]))
            try:
                await does(connection)
            finally:
                done.set()

    async with serve(
        handle, "127.0.0.1", 0, subprotocols=["ocpp1.6", "ocpp2.0.1", "ocpp2.1"], max_size=None, close_timeout=0.2
    ) as server:  # type: ignore[list-item]
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}", done


async def garbage(connection: ServerConnection) -> None:
    for text in ("", "[", "{}", "[2]", '[2,"x"]', '[9,"x","y",{}]', "[" * 100, "\u0000", '[3,"nobody",{}]', '[4,"nobody"]',
                 '[2,"a","NoSuchAction",{}]', '[2,"b","Heartbeat",{}]', '[2,"c","Reset",{"type":7}]'):  # fmt: skip
        await connection.send(text)
    await connection.send(b"\x00\x01")


async def a_flood_of_questions(connection: ServerConnection) -> None:
    """Without ever reading an answer."""
    connection.transport.pause_reading()
    for number in range(3000):
        await connection.send(json.dumps([2, str(number), "TriggerMessage", {"requestedMessage": "Heartbeat"}]))


async def a_huge_message(connection: ServerConnection) -> None:
    await connection.send(json.dumps([2, "big", "DataTransfer", {"vendorId": "x", "data": "y" * 30_000_000}]))


async def an_endless_message(connection: ServerConnection) -> None:
    async def pieces() -> AsyncIterator[str]:
        for _ in range(100_000):
            yield "x" * 1000

    await connection.send(pieces())


async def ids_of_nobody(connection: ServerConnection) -> None:
    """Answers what was never asked, twice, late and ill-formed."""
    for _ in range(50):
        message: Any = json.loads(await connection.recv())
        await connection.send(json.dumps([3, "r1", {}]))
        await connection.send(json.dumps([3, message[1], {"transactionId": "no number", "status": 5}]))
        await connection.send(json.dumps([3, message[1], {}]))


@pytest.mark.parametrize(
    ("version", "does"),
    [
        ("1.6", garbage),
        ("2.1", garbage),
        ("2.0.1", a_flood_of_questions),
        ("1.6", a_huge_message),
        ("2.1", an_endless_message),
        ("1.6", ids_of_nobody),
        ("2.1", ids_of_nobody),
    ],
)
async def test_a_charge_point_does_not_notice(served_site, relayed, version, does: Mischief):
    before = psutil.Process(os.getpid()).memory_info().rss
    async with server_that(does) as (url, done), served_site.charger(version, free_vend=True) as (cp, virtual):
        relayed.apply(cp, url, decision="ours")
        await (relayed.state(cp, "connected") if does is ids_of_nobody else asyncio.wait_for(done.wait(), 60))
        async with asyncio.timeout(60):
            for number in range(3):
                await charge(virtual, f"DRIVER{number}")
        assert len(relayed.transactions(cp)) == 3
        assert virtual.state.connected
    grown = psutil.Process(os.getpid()).memory_info().rss - before
    assert grown < 250e6, "the server is in this process too, with what it sends"


async def charge(virtual: VirtualCharger, token: str) -> None:
    await virtual.start_charging(1, token)
    await virtual.stop_charging(1)
    await virtual.unplug(1)
    await virtual.wait_until_delivered()
