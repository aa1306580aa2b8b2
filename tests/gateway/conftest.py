"""A house with its database and bus; gateways started in it are stopped at the end."""

from collections.abc import AsyncIterator

import pytest

from gateway.house import House, RunningGateway
from sliproad.foundation.bus import Bus
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database


@pytest.fixture
async def house(database_url: str, engine: Database, secret_key: SecretKey, bus: Bus) -> AsyncIterator[House]:
    house = House(database_url, engine, secret_key, bus)
    yield house
    for running in list(house.running):
        await house.stop(running)


@pytest.fixture
async def running(house: House) -> RunningGateway:
    return await house.a_gateway()
