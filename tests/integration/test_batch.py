"""A project goes live by one request: virtual charge points of all versions, our gateway and worker, a list that registered them."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from building_site import PATIENCE_SECONDS, BuildingSite, open_site
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import Database
from sliproad.simulator import Fault


@pytest.fixture
async def site(
    database_url: str, nats_url: str, web: Database, engine: Database, bus: Bus, tmp_path: pathlib.Path
) -> AsyncIterator[BuildingSite]:
    async with (
        open_site(database_url, nats_url, web, engine, bus, tmp_path) as opened,
        opened.gateway(),
        opened.worker(),
    ):
        yield opened


async def when_over(site: BuildingSite) -> dict[str, Any]:
    """The project's progress once nothing is in progress any more."""
    address = f"/api/v1/cpo/projects/{site.project_id}/commissioning"
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (seen := (await site.owner.get(address)).json())["counts"]["in_progress"]:
            await asyncio.sleep(0.05)
    return seen


async def test_a_whole_project_goes_live(site: BuildingSite) -> None:
    async with contextlib.AsyncExitStack() as switched_on:
        for version in ("1.6", "2.0.1", "2.1"):
            await switched_on.enter_async_context(site.charger(version))
        broken, _ = await switched_on.enter_async_context(
            site.charger("1.6", faults=frozenset({Fault.METER_RUNS_BACKWARDS}))
        )
        answer = await site.alex.post(f"/api/v1/installer/projects/{site.project_id}/commission-all")
        assert answer.json()["started"] == 4, answer.text
        seen = await when_over(site)
    rows = {each["charge_point_id"]: each for each in seen["charge_points"]}
    failed = rows.pop(broken)
    assert {each["commissioning_status"] for each in rows.values()} == {"completed"}
    assert all(each["steps_finished"] == each["steps_total"] for each in rows.values())
    assert (failed["commissioning_status"], failed["failed_step"]) == ("failed", "test_transaction")
    assert failed["detail"].startswith("The energy register fell during the test")
    assert (seen["counts"]["completed"], seen["counts"]["failed"]) == (3, 1)
