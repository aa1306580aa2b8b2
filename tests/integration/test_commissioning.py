"""Commissioning over real sockets: virtual charge points on the `ocpp` package, our gateway, our worker (contract §3)."""

import pathlib
from collections.abc import AsyncIterator

import pytest

from building_site import BuildingSite, open_site
from sliproad.features.charge_points.store import ChargePointRow
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import Database
from sliproad.foundation.outbox import OutboxRow
from sliproad.simulator import Ledger

VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])


@pytest.fixture
async def site(
    database_url: str, nats_url: str, web: Database, engine: Database, bus: Bus, tmp_path: pathlib.Path
) -> AsyncIterator[BuildingSite]:
    """With a gateway and a worker at work."""
    async with (
        open_site(database_url, nats_url, web, engine, bus, tmp_path) as opened,
        opened.gateway(),
        opened.worker(),
    ):
        yield opened


@VERSIONS
async def test_a_charge_point_goes_live(site: BuildingSite, version: str) -> None:
    async with site.charger(version, connectors=2) as (charge_point_id, virtual):
        answer = await site.start(charge_point_id, run_meter_calibration=True, notes="Check the signal")
        assert answer.status_code == 202, answer.text
        status = await site.ended(charge_point_id)
        details = {step["name"]: (step["status"], step["detail"]) for step in status["steps"]}
        assert status["result"] == "passed", details
        assert [step["status"] for step in status["steps"]] == ["passed"] * 5, details
        assert details["connectivity"][1].startswith("WebSocket connected successfully")
        assert {"name": "firmware_version", "status": "passed", "value": "3.4.1"}.items() <= next(
            check for check in status["checks"] if check["name"] == "firmware_version"
        ).items()
        book = Ledger.read(virtual.settings.ledger_path)
        (transaction,) = book.transactions.values()
        delivered = (transaction.meter_stop_wh or 0) - transaction.meter_start_wh
        assert f"{delivered / 1000:.2f} kWh delivered" in details["test_transaction"][1]
    (row,) = await site.rows(ChargePointRow, charge_point_id=charge_point_id)
    assert row.commissioning_status == "completed"
    names = [event.name for event in await site.rows(OutboxRow, charge_point_key=row.key)]
    assert [name for name in names if name.startswith("commissioning")] == [
        "commissioning.started",
        "commissioning.completed",
    ]
