"""Any OCPP call and plain verbs, from an organisation's API key to the charge point's socket and back (contract §4)."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.house import House, Registered, RunningGateway, boot_up, connect, hear
from sliproad.features.accounts.model import KeyScope
from workplace import Somebody, Workplace, assert_problem


@dataclass
class Connected:
    """A charge point on its socket, and the organisation that may call it."""

    riverside: Somebody
    path: str
    socket: Any

    async def answers(self, answer: list[Any], path: str, body: dict[str, Any] | None) -> tuple[Any, list[Any]]:
        """Ask over HTTP, answer on the socket; the response and the CALL as it came."""
        asking = asyncio.create_task(self.riverside.post(f"{self.path}/{path}", json=body or {}))
        call = await hear(self.socket)
        kind, *rest = answer
        await self.socket.send(json.dumps([kind, call[1], *rest]))
        return await asking, call


async def a_connected_one(workplace: Workplace, house: House, running: RunningGateway, version: str) -> Connected:
    riverside, alex = await workplace.organization(), await workplace.installer()
    body = {"project_id": await workplace.project(riverside, alex), "ocpp_version": version}
    answer = await workplace.charge_point(alex, **body)
    charge_point_id = answer["charge_point_id"]
    key = await workplace.key_of(charge_point_id)
    registered = Registered(key, charge_point_id, answer["serial_number"], answer["provisioning_password"], version)
    await running.mirror.refresh()
    socket = await connect(running, registered)
    await boot_up(socket, version)
    return Connected(riverside, f"/api/v1/cpo/charge-points/{charge_point_id}/commands", socket)


@pytest.fixture
async def connected(workplace: Workplace, house: House) -> Connected:
    return await a_connected_one(workplace, house, await house.a_gateway(), "1.6")


async def test_any_call_of_the_version_goes_through(connected: Connected) -> None:
    keys = {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}], "unknownKey": []}
    response, call = await connected.answers([3, keys], "GetConfiguration", {"key": ["HeartbeatInterval"]})
    assert call[2:] == ["GetConfiguration", {"key": ["HeartbeatInterval"]}]
    assert (response.status_code, response.json()) == (200, keys)


async def test_a_verb_in_the_words_of_the_version(workplace: Workplace, house: House) -> None:
    connected = await a_connected_one(workplace, house, await house.a_gateway(), "2.0.1")
    response, call = await connected.answers([3, {"status": "Accepted"}], "remote-start", {"id_token": "04A2"})
    assert call[2] == "RequestStartTransaction"
    assert call[3]["idToken"] == {"idToken": "04A2", "type": "Central"}
    assert response.json() == {"status": "Accepted"}


@pytest.mark.parametrize(
    ("verb", "body", "call"),
    [
        ("reset", None, ["Reset", {"type": "Soft"}]),
        ("unlock", {"connector_id": 1}, ["UnlockConnector", {"connectorId": 1}]),
        ("availability", {"operative": False}, ["ChangeAvailability", {"connectorId": 0, "type": "Inoperative"}]),
        ("trigger", {"message": "Heartbeat"}, ["TriggerMessage", {"requestedMessage": "Heartbeat"}]),
        ("clear-cache", None, ["ClearCache", {}]),
        ("remote-stop", {"transaction_id": 5}, ["RemoteStopTransaction", {"transactionId": 5}]),
        ("set-configuration", {"key": "K", "value": "1"}, ["ChangeConfiguration", {"key": "K", "value": "1"}]),
    ],
)
async def test_each_verb_has_its_route(connected: Connected, verb: str, body: dict | None, call: list) -> None:
    status = "Unlocked" if verb == "unlock" else "Accepted"
    response, sent = await connected.answers([3, {"status": status}], verb, body)
    assert (sent[2:], response.json()) == (call, {"status": status})


async def test_nothing_invalid_is_sent(connected: Connected) -> None:
    for action, body in (
        ("Reset", {"type": "Gently"}),
        ("Reset", {}),
        ("Reset", {"type": "Soft", "colour": "red"}),
        ("BootNotification", {}),
        ("GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"}),
        ("make-coffee", {}),
        ("remote-stop", {"transaction_id": "tx-1"}),
        ("remote-start", {}),
    ):
        answer = await connected.riverside.post(f"{connected.path}/{action}", json=body)
        assert_problem(answer, 400, "validation_error")
    with pytest.raises(TimeoutError):
        await hear(connected.socket, seconds=0.1)


async def test_an_error_of_the_charge_point_is_told(connected: Connected) -> None:
    response, _ = await connected.answers([4, "NotSupported", "no cache", {}], "ClearCache", {})
    assert "NotSupported" in assert_problem(response, 502, "charge_point_error")["detail"]


async def test_silence_is_a_timeout(connected: Connected) -> None:
    answer = await connected.riverside.post(f"{connected.path}/ClearCache", json={}, params={"timeout_seconds": 1})
    assert_problem(answer, 504, "charge_point_timeout")


async def test_who_may_only_read_sends_nothing(workplace: Workplace, connected: Connected) -> None:
    reader = await workplace.api_key(connected.riverside.id, KeyScope.CPO_READ)
    assert_problem(await reader.post(f"{connected.path}/clear-cache", json={}), 403, "forbidden")


async def test_not_connected_is_said_at_once(workplace: Workplace) -> None:
    riverside, alex = await workplace.organization(), await workplace.installer()
    one = (await workplace.charge_point(alex, await workplace.project(riverside, alex)))["charge_point_id"]
    path = f"/api/v1/cpo/charge-points/{one}/commands"
    assert_problem(await riverside.post(f"{path}/ClearCache", json={}), 409, "not_connected")
    assert_problem(await riverside.post(f"{path}/reset", json={"type": "hard"}), 409, "not_connected")


async def test_the_frame_log_shows_what_was_said(connected: Connected) -> None:
    await connected.answers([3, {"status": "Accepted"}], "clear-cache", None)
    path = connected.path.replace("/commands", "/messages")
    async with asyncio.timeout(60):
        while len(messages := (await connected.riverside.get(path)).json()["messages"]) < 3:
            await asyncio.sleep(0.05)
    assert [(each["direction"], each["kind"], each["action"]) for each in messages] == [
        ("in", "result", "ClearCache"),
        ("out", "call", "ClearCache"),
        ("in", "call", "BootNotification"),
    ]
    calls = (await connected.riverside.get(path, params={"direction": "out", "action": "ClearCache"})).json()
    assert [each["payload"] for each in calls["messages"]] == [{}]
    assert_problem(await connected.riverside.get(path, params={"since": "yesterday"}), 400, "validation_error")
