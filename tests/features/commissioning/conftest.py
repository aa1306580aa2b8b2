import pathlib
from collections.abc import AsyncIterator

import pytest

from building_site import BuildingSite, open_site
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import Database


@pytest.fixture
async def site(
    database_url: str, nats_url: str, web: Database, engine: Database, bus: Bus, tmp_path: pathlib.Path
) -> AsyncIterator[BuildingSite]:
    async with open_site(database_url, nats_url, web, engine, bus, tmp_path) as opened:
        yield opened
