"""Diagnostics over real sockets: a charge point is asked, and its answers are REF's (REF "Get diagnostics", ocpp.md)."""

import asyncio
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from building_site import open_site
from service_site import ServiceSite, open_service_site
from sliproad.features.commissioning import diagnostics_collecting
from sliproad.features.commissioning.diagnostics_store import DiagnosticsCollectionRow
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import Database
from sliproad.simulator import Fault
from workplace import assert_problem

VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])


@pytest.fixture
async def idle(
    database_url: str, nats_url: str, web: Database, engine: Database, bus: Bus, tmp_path: pathlib.Path
) -> AsyncIterator[ServiceSite]:
    async with (
        open_site(database_url, nats_url, web, engine, bus, tmp_path) as site,
        open_service_site(site) as opened,
    ):
        yield opened


@pytest.fixture
async def service(idle: ServiceSite) -> AsyncIterator[ServiceSite]:
    async with idle.site.gateway(), idle.worker():
        yield idle


async def diagnosed(service: ServiceSite, charge_point_id: str) -> dict[str, Any]:
    """The diagnostics once the charge point has been asked."""
    path = service.uploads(charge_point_id)
    async with asyncio.timeout(60):
        while True:
            answer = await service.alex.get(path)
            assert answer.status_code == 200, answer.text
            if answer.json()["refresh"]["status"] != "running":
                return answer.json()


@VERSIONS
async def test_the_first_look_asks_the_charge_point(service: ServiceSite, version: str) -> None:
    async with service.site.charger(version, connectors=2) as (charge_point_id, virtual):
        told = await diagnosed(service, charge_point_id)
        assert (told["refresh"]["status"], told["refresh"]["detail"]) == ("completed", None)
        assert told["firmware"] == {"version": "3.4.1", "vendor": "Sliproad", "last_updated": None}
        assert told["ocpp"]["version"] == version
        assert {"Core", "FirmwareManagement", "LocalAuthListManagement", "SmartCharging"} <= set(
            told["ocpp"]["supported_features"]
        )
        assert ("RemoteTrigger" in told["ocpp"]["supported_features"]) == (version == "1.6")
        assert (told["hardware"]["connectors"], told["hardware"]["connectors_registered"]) == (2, 2)
        assert told["hardware"]["serial_number"] == virtual.settings.serial_number
        is_16 = version == "1.6"
        assert told["hardware"]["meter_type"] == ("MID certified" if is_16 else None)
        assert told["hardware"]["rcd_present"] is (None if is_16 else True)
        assert told["network"]["ip_address"] == (None if is_16 else "192.168.1.101")
        assert told["network"]["signal_strength"] == (None if is_16 else -71)
        assert (told["network"]["dns_resolution_ok"], told["network"]["ntp_synced"]) == (None, None)
        expected = "NumberOfConnectors" if is_16 else "ChargingStation.SerialNumber"
        assert expected in told["configuration_readonly_keys"]
        async with asyncio.timeout(20):  # our CALL is in the frame log with the charge point's next message
            while not (told := await diagnosed(service, charge_point_id))["connection"]["round_trips"]["count"]:
                await asyncio.sleep(0.2)
        assert told["connection"]["round_trips"]["median_ms"] > 0
        assert (told["connection"]["connected"], told["connection"]["security_profile"]) == (True, 1)
        assert abs(told["connection"]["clock_skew_seconds"]) < 5
        theirs = await service.owner.get(f"/api/v1/cpo/charge-points/{charge_point_id}/diagnostics")
        assert theirs.json()["hardware"] == told["hardware"]


@VERSIONS
async def test_a_refresh_asks_again(service: ServiceSite, version: str) -> None:
    async with service.site.charger(version) as (charge_point_id, _):
        first = await diagnosed(service, charge_point_id)
        path = service.uploads(charge_point_id)
        again = (await service.alex.get(path, params={"refresh": "true"})).json()
        assert again["refresh"]["requested_at"] > first["refresh"]["requested_at"]
        assert (await service.alex.post(path + "/refresh")).status_code == 202
        theirs = f"/api/v1/cpo/charge-points/{charge_point_id}/diagnostics/refresh"
        assert (await service.owner.post(theirs)).status_code == 202
        last = await diagnosed(service, charge_point_id)
        assert last["collected_at"] > first["collected_at"]


@VERSIONS
async def test_one_that_drops_its_socket_is_asked_key_by_key_and_remembered(service: ServiceSite, version: str) -> None:
    """ocpp.md: a GetConfiguration that makes a charge point drop its socket is known."""
    faults = frozenset({Fault.DROPS_SOCKET_ON_GET_CONFIGURATION.value})
    async with service.site.charger(version, faults=faults) as (charge_point_id, virtual):
        told = await diagnosed(service, charge_point_id)
        assert told["refresh"] == told["refresh"] | {"status": "completed", "detail": None}
        assert {"Core", "FirmwareManagement", "SmartCharging"} <= set(told["ocpp"]["supported_features"])
        assert told["connection"]["reconnects_last_hour"] >= 1
        (row,) = await service.site.rows(DiagnosticsCollectionRow)
        assert row.reads_one_by_one
        connections = told["connection"]["reconnects_last_hour"]
        await service.alex.post(service.uploads(charge_point_id) + "/refresh")
        told = await diagnosed(service, charge_point_id)
        assert told["refresh"]["status"] == "completed"
        assert told["connection"]["reconnects_last_hour"] == connections, "it was not asked for everything again"
        assert virtual.state.connected


async def test_an_absent_charge_point_answers_what_is_known_and_a_refresh_is_409(idle: ServiceSite) -> None:
    registered = await idle.site.workplace.charge_point(idle.site.alex, idle.site.project_id)
    path = idle.uploads(registered["charge_point_id"])
    told = (await idle.alex.get(path)).json()
    assert (told["collected_at"], told["refresh"]["status"]) == (None, "never")
    assert (told["ocpp"]["supported_features"], told["configuration_readonly_keys"]) == (None, None)
    assert_problem(await idle.alex.get(path, params={"refresh": "true"}), 409, "not_connected")
    assert_problem(await idle.alex.post(path + "/refresh"), 409, "not_connected")


async def test_one_that_never_answers_fails_with_a_sentence(idle: ServiceSite) -> None:
    """Connected by the rows alone: no gateway holds it. The request answers at once all the same."""
    registered = await idle.site.connected()
    path = idle.uploads(registered["charge_point_id"])
    began = asyncio.get_running_loop().time()
    told = (await idle.alex.get(path)).json()
    assert asyncio.get_running_loop().time() - began < 10
    assert told["refresh"]["status"] == "running"
    await idle.site.set_live(await idle.site.workplace.key_of(registered["charge_point_id"]), connected=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diagnostics_collecting, "RETURN_SECONDS", 0.5)
        async with idle.worker():
            told = await diagnosed(idle, registered["charge_point_id"])
    assert told["refresh"]["status"] == "failed"
    assert told["refresh"]["detail"].startswith("The charge point lost its connection while it was asked")


async def test_others_find_nothing_and_after_the_handover_only_what_is_known(idle: ServiceSite) -> None:
    """Trust I4; contract §3."""
    registered = await idle.site.connected()
    path = idle.uploads(registered["charge_point_id"])
    blake = idle.somebody(await idle.site.workplace.installer("Blake"))
    rival = idle.somebody(await idle.site.workplace.organization("Rival"))
    theirs = f"/api/v1/cpo/charge-points/{registered['charge_point_id']}/diagnostics"
    for who, where in ((blake, path), (rival, theirs)):
        assert_problem(await who.get(where), 404, "not_found")
        assert_problem(await who.post(where + "/refresh"), 404, "not_found")
    assert_problem(await idle.http.get(path), 401, "unauthorized")
    await idle.site.workplace.hand_over(idle.site.project_id)
    assert (await idle.alex.get(path)).status_code == 200
    assert_problem(await idle.alex.post(path + "/refresh"), 409, "project_handed_over")
