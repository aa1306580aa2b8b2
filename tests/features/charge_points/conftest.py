import pathlib
from collections.abc import AsyncIterator

import pytest

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
