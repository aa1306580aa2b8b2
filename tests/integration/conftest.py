"""What tests of the whole share."""

import pathlib
from collections.abc import AsyncIterator, Iterator

import pytest

from building_site import SECRET, BuildingSite, open_site
from installation import Installation, installation
from operator_server import OperatorServer
from relayed_site import LOOPBACK, RelayedSite
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import Database


@pytest.fixture(scope="package")
def killable() -> Iterator[Installation]:
    """One whose processes tests kill (xdist group `kill`): they share it, since starting one costs more than most of them."""
    with installation(log_level="warning") as running:
        yield running


@pytest.fixture
async def served_site(
    database_url: str, nats_url: str, web: Database, engine: Database, bus: Bus, tmp_path: pathlib.Path
) -> AsyncIterator[BuildingSite]:
    """With a gateway that may dial servers on this machine."""
    async with (
        open_site(database_url, nats_url, web, engine, bus, tmp_path) as opened,
        opened.gateway(allowed_private_networks=LOOPBACK),
    ):
        yield opened


@pytest.fixture
def relayed(served_site: BuildingSite) -> RelayedSite:
    """What an operator applies there."""
    return RelayedSite(served_site.database_url, SECRET)


@pytest.fixture
async def operator() -> AsyncIterator[OperatorServer]:
    """The operator's server, behind ws."""
    async with OperatorServer() as running:
        yield running
