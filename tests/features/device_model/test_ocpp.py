"""NotifyReport (2.x B05-B08) and NotifyEvent (N07)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from inbound_wire import NOW, ORGANIZATION, Installation, Wire
from sliproad.features.device_model.model import ReadBack, Report
from sliproad.features.device_model.service import DeviceModelService
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.database import ENGINE, Database


@pytest.fixture
def installation(database_url: str) -> Iterator[Installation]:
    found = Installation(database_url)
    yield found
    found.close()


@pytest.fixture(params=["2.0.1", "2.1"])
def wire(installation: Installation, request: pytest.FixtureRequest) -> Wire:
    return installation.charge_point(request.param)


@pytest.fixture
def service(clock: ManualClock) -> DeviceModelService:
    return DeviceModelService(clock)


def part(seq_no: int, *names: str, tbc: bool = False, request_id: int = 5, value: str = "1") -> dict[str, Any]:
    data = [
        {
            "component": {"name": "OCPPCommCtrlr"},
            "variable": {"name": name},
            "variableAttribute": [{"value": value, "mutability": "ReadWrite"}, {"type": "MaxSet", "value": "99"}],
            "variableCharacteristics": {"dataType": "integer", "supportsMonitoring": False},
        }
        for name in names
    ]
    request: dict[str, Any] = {"requestId": request_id, "generatedAt": "2026-05-01T10:23:00Z", "seqNo": seq_no}
    return request | ({"tbc": True} if tbc else {}) | ({"reportData": data} if data else {})


async def reported(
    engine: Database, service: DeviceModelService, wire: Wire, request_id: int | None = None
) -> Report | None:
    async with engine.transaction(ENGINE) as session:
        return await service.reported(session, wire.key, request_id)


async def test_a_report_is_complete_when_all_parts_are_there(
    engine: Database, service: DeviceModelService, wire: Wire
) -> None:
    """B07: parts count up by seqNo; tbc false is the last, in whatever order they come."""
    assert await reported(engine, service, wire) is None
    states = []
    for each in (part(0, "A", "B", tbc=True), part(2, "D"), part(0, "A", "B", tbc=True), part(1, "C", tbc=True)):
        assert wire.say("NotifyReport", each) == {}
        found = await reported(engine, service, wire, 5)
        assert found is not None
        states.append((found.part_count, found.is_complete))
    assert states == [(1, False), (2, False), (2, False), (3, True)]
    assert await reported(engine, service, wire, 6) is None
    newest = await reported(engine, service, wire)
    assert newest is not None
    assert (newest.request_id, newest.variable_count) == (5, 8)


async def test_an_empty_report_is_complete(engine: Database, service: DeviceModelService, wire: Wire) -> None:
    wire.say("NotifyReport", part(0))
    found = await reported(engine, service, wire)
    assert found is not None
    assert (found.is_complete, found.variable_count) == (True, 0)


async def test_variables_hold_what_was_said_last(engine: Database, service: DeviceModelService, wire: Wire) -> None:
    wire.say("NotifyReport", part(0, "HeartbeatInterval", "\0odd"))
    wire.say("NotifyReport", part(0, "HeartbeatInterval", request_id=6, value="2"), NOW + timedelta(seconds=1))
    async with engine.transaction(ENGINE) as session:
        found = await service.variables(session, wire.key, component="ocppcommctrlr", variable="heartbeatinterval")
        everything = await service.variables(session, wire.key)
    assert [(each.attribute, each.value, each.request_id) for each in found] == [
        ("Actual", "2", 6),
        ("MaxSet", "99", 6),
    ]
    assert (found[0].mutability, found[1].mutability, found[0].reported_at) == ("ReadWrite", None, NOW)
    assert found[0].characteristics == {"dataType": "integer", "supportsMonitoring": False}
    assert len(everything) == 4


async def test_values_read_one_by_one_are_kept(
    engine: Database, service: DeviceModelService, installation: Installation
) -> None:
    """GetConfiguration of 1.6 (§5.8): keys have no component."""
    wire = installation.charge_point("1.6")
    values = [ReadBack("HeartbeatInterval", "30", mutability="ReadWrite"), ReadBack("MeterPublicKey1", None)]
    for _ in range(2):
        async with engine.transaction(ENGINE) as session:
            await service.keep_read_back(session, wire.key, ORGANIZATION, values)
    async with engine.transaction(ENGINE) as session:
        found = await service.variables(session, wire.key)
    assert [(each.component, each.variable, each.value) for each in found] == [
        ("", "HeartbeatInterval", "30"),
        ("", "MeterPublicKey1", None),
    ]


async def test_no_password_is_kept(engine: Database, service: DeviceModelService, installation: Installation) -> None:
    """Trust P3: whichever way a charge point tells it, its value is masked before it is kept."""
    wire = installation.charge_point("2.0.1")
    wire.say("NotifyReport", part(0, "BasicAuthPassword", "Identity", value="CANARY"))
    request = {"generatedAt": "2026-05-01T10:23:00Z", "seqNo": 0}
    wire.say("NotifyEvent", request | {"eventData": [event(1, "SecurityCtrlr", "BasicAuthPassword", "CANARY")]})
    async with engine.transaction(ENGINE) as session:
        await service.keep_read_back(session, wire.key, ORGANIZATION, [ReadBack("AuthorizationKey", "CANARY")])
        kept = await service.variables(session, wire.key)
    actual = {each.variable: each.value for each in kept if each.attribute == "Actual"}
    assert actual == {"AuthorizationKey": "***", "BasicAuthPassword": "***", "Identity": "CANARY"}
    told = installation.row("select actual_value, event from device_events")
    assert (told["actual_value"], told["event"]["actualValue"]) == ("***", "***")


def event(event_id: int, component: str, variable: str, value: str, **evse: int) -> dict[str, Any]:
    where = {"name": component} | ({"evse": evse} if evse else {})
    return {
        "eventId": event_id,
        "timestamp": "2026-05-01T10:23:00Z",
        "trigger": "Delta",
        "actualValue": value,
        "component": where,
        "variable": {"name": variable},
        "eventNotificationType": "HardWiredNotification",
    }


def test_events_are_kept_once(installation: Installation, wire: Wire) -> None:
    request = {"generatedAt": "2026-05-01T10:23:00Z", "seqNo": 0, "eventData": [event(1, "Cabinet", "Tilt", "true")]}
    for _ in range(2):
        assert wire.say("NotifyEvent", request) == {}
    found = installation.row("select event_id, component, variable, actual_value, event from device_events")
    assert (found["event_id"], found["component"], found["actual_value"]) == (1, "Cabinet", "true")
    assert found["event"]["eventNotificationType"] == "HardWiredNotification"


def test_availability_state_is_a_connector_status(installation: Installation, wire: Wire) -> None:
    """2.1 G01: NotifyEvent takes the place of StatusNotification."""
    data = [event(2, "Connector", "AvailabilityState", "Occupied", id=1, connectorId=2)]
    wire.say("NotifyEvent", {"generatedAt": "2026-05-01T10:23:00Z", "seqNo": 0, "eventData": data})
    found = installation.row("select evse_id, connector_id, status, status_at from connectors")
    assert found == {"evse_id": 1, "connector_id": 2, "status": "Occupied", "status_at": NOW}
