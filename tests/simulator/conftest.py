"""A small CSMS on a real socket and virtual charge points that hurry."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from simulator.csms import Csms
from sliproad.simulator import ChargerSettings, VirtualCharger

Powered = Callable[..., AbstractAsyncContextManager[VirtualCharger]]
QUICK: dict[str, Any] = {
    "identity": "CP-1",
    "password": "correct-horse-battery",
    "time_scale": 60.0,
    "plug_in_delay_seconds": 0.01,
    "reboot_seconds": 0.01,
    "reconnect_seconds": 0.01,
    "firmware_stage_seconds": 0.01,
    "sample_interval_override": 0.05,
    "validate": True,
}


@pytest.fixture
async def csms() -> AsyncIterator[Csms]:
    async with Csms() as csms:
        yield csms


@dataclass
class FileServer:
    """Gives out files by GET and takes in what is PUT."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.Response:
        if request.method == "PUT":
            self.files[request.path] = await request.read()
            return web.Response(status=201)
        if request.path not in self.files:
            return web.Response(status=404)
        return web.Response(body=self.files[request.path])


@pytest.fixture
async def file_server() -> AsyncIterator[FileServer]:
    served = FileServer()
    async with RawTestServer(served.handle) as running:
        served.url = str(running.make_url("")).rstrip("/")
        yield served


@pytest.fixture
def make_settings(csms: Csms, tmp_path: Path) -> Callable[..., ChargerSettings]:
    def make(**changes: Any) -> ChargerSettings:
        return ChargerSettings(**({"url": csms.url, "ledger_path": tmp_path / "ledger.jsonl"} | QUICK | changes))

    return make


@pytest.fixture
def powered(make_settings: Callable[..., ChargerSettings]) -> Powered:
    """A charge point that is switched on and connected, for at most 20 seconds."""

    @asynccontextmanager
    async def power(*, wait: bool = True, **changes: Any) -> AsyncIterator[VirtualCharger]:
        async with asyncio.timeout(20), VirtualCharger(make_settings(**changes)) as charger:
            if wait:
                await charger.wait_until_connected()
            yield charger

    return power
