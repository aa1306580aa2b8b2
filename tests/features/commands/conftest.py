import pathlib
from collections.abc import AsyncIterator

import pytest

from gateway.house import House
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database
from workplace import Workplace, open_workplace


@pytest.fixture
async def workplace(
    web: Database, engine: Database, bus: Bus, clock: ManualClock, secret_key: SecretKey, tmp_path: pathlib.Path
) -> AsyncIterator[Workplace]:
    async with open_workplace(web, engine, bus, clock, secret_key, tmp_path) as opened:
        yield opened


@pytest.fixture
async def house(
    workplace: Workplace, database_url: str, engine: Database, secret_key: SecretKey, bus: Bus
) -> AsyncIterator[House]:
    """Gateways on the database of the workplace."""
    house = House(database_url, engine, secret_key, bus)
    yield house
    for running in list(house.running):
        await house.stop(running)
