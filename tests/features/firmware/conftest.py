import pathlib
from collections.abc import AsyncIterator

import pytest

from building_site import BuildingSite, open_site
from service_site import ServiceSite, open_service_site
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import Database


@pytest.fixture
async def building_site(
    database_url: str, nats_url: str, web: Database, engine: Database, bus: Bus, tmp_path: pathlib.Path
) -> AsyncIterator[BuildingSite]:
    async with open_site(database_url, nats_url, web, engine, bus, tmp_path) as opened:
        yield opened


@pytest.fixture
async def idle(building_site: BuildingSite) -> AsyncIterator[ServiceSite]:
    """The web side alone: nobody holds sockets, nobody runs jobs."""
    async with open_service_site(building_site) as opened:
        yield opened


@pytest.fixture
async def service(idle: ServiceSite) -> AsyncIterator[ServiceSite]:
    """With a gateway and a worker at work."""
    async with idle.site.gateway(), idle.worker():
        yield idle
