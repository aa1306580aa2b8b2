"""A command goes to the socket that holds the charge point and its answer comes back (house §4, ocpp.md "Messages")."""

import asyncio
import json
import time

import pytest

from gateway.house import House, RunningGateway, ask, boot_up, connect, hear
from sliproad.foundation.errors import Conflict, InvalidInput, UpstreamUnavailable


async def accepted(running: RunningGateway, charge_point):
    socket = await connect(running, charge_point)
    await boot_up(socket, charge_point.version)
    return socket


async def test_a_command_and_its_answer_make_the_round_trip(house: House, running: RunningGateway) -> None:
    charge_point = await house.a_charge_point()
    socket = await accepted(running, charge_point)
    calling = asyncio.create_task(running.commands.call(charge_point.key, "Reset", {"type": "Soft"}))
    kind, message_id, action, payload = await hear(socket)
    assert (kind, action, payload) == (2, "Reset", {"type": "Soft"})
    await socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
    answer = await calling
    assert (answer.payload, answer.status, answer.code) == ({"status": "Accepted"}, "Accepted", None)
    rows = await house.rows(
        "select direction, kind, action from ocpp_messages where message_id <> 'boot' order by at", 2
    )
    assert [tuple(row.values()) for row in rows] == [("out", "call", "Reset"), ("in", "result", "Reset")]
    await socket.close()


async def test_several_commands_at_once_go_one_after_another(house: House, running: RunningGateway) -> None:
    """1.6 §4.1.1: one CALL outstanding."""
    charge_point = await house.a_charge_point()
    socket = await accepted(running, charge_point)
    keys = [f"Key{number}" for number in range(10)]
    calls = [
        asyncio.create_task(running.commands.call(charge_point.key, "GetConfiguration", {"key": [key]})) for key in keys
    ]
    for _ in keys:
        _, message_id, _, payload = await hear(socket)
        with pytest.raises(TimeoutError):
            await hear(socket, seconds=0.05)
        await socket.send(json.dumps([3, message_id, {"unknownKey": payload["key"]}]))
    answers = await asyncio.gather(*calls)
    assert [answer.payload for answer in answers] == [{"unknownKey": [key]} for key in keys]
    await socket.close()


async def test_two_hundred_commands_in_parallel(house: House, running: RunningGateway) -> None:
    charge_points = [await house.a_charge_point() for _ in range(20)]
    sockets = [await accepted(running, charge_point) for charge_point in charge_points]

    async def answer(socket) -> None:
        for _ in range(10):
            _, message_id, _, _ = await hear(socket)
            await socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))

    answering = [asyncio.create_task(answer(socket)) for socket in sockets]
    calls = [
        running.commands.call(charge_point.key, "ClearCache", {}) for charge_point in charge_points for _ in range(10)
    ]
    answers = await asyncio.gather(*calls)
    assert {each.status for each in answers} == {"Accepted"}
    await asyncio.gather(*answering)
    for socket in sockets:
        await socket.close()


async def test_a_charge_points_own_error_is_the_answer(house: House, running: RunningGateway) -> None:
    charge_point = await house.a_charge_point()
    socket = await accepted(running, charge_point)
    calling = asyncio.create_task(running.commands.call(charge_point.key, "ClearCache", {}))
    _, message_id, _, _ = await hear(socket)
    await socket.send(json.dumps([4, message_id, "NotSupported", "no cache", {}]))
    answer = await calling
    assert (answer.payload, answer.code, answer.description) == (None, "NotSupported", "no cache")
    await socket.close()


async def test_silence_ends_in_charge_point_timeout_and_the_next_command_goes(
    house: House, running: RunningGateway
) -> None:
    charge_point = await house.a_charge_point()
    socket = await accepted(running, charge_point)
    with pytest.raises(UpstreamUnavailable) as refused:
        await running.commands.call(charge_point.key, "ClearCache", {}, timeout_seconds=0.2)
    assert refused.value.code == "charge_point_timeout"
    await hear(socket)
    calling = asyncio.create_task(running.commands.call(charge_point.key, "ClearCache", {}))
    _, message_id, _, _ = await hear(socket)
    await socket.send(json.dumps([3, message_id, {"status": "Rejected"}]))
    assert (await calling).status == "Rejected"
    await socket.close()


async def test_not_connected_is_said_at_once(house: House, running: RunningGateway) -> None:
    """Nothing was sent."""
    charge_point = await house.a_charge_point()
    since = time.monotonic()
    with pytest.raises(Conflict) as refused:
        await running.commands.call(charge_point.key, "ClearCache", {})
    assert refused.value.code == "not_connected"
    assert time.monotonic() - since < 1


async def test_a_connection_lost_before_the_answer_is_told_from_none(house: House, running: RunningGateway) -> None:
    """What was sent may have been done all the same; what waited behind it was not sent."""
    charge_point = await house.a_charge_point()
    socket = await accepted(running, charge_point)
    sent = asyncio.create_task(running.commands.call(charge_point.key, "ClearCache", {}))
    await hear(socket)
    queued = asyncio.create_task(running.commands.call(charge_point.key, "GetConfiguration", {}))
    await asyncio.wait({queued}, timeout=0.2)
    await socket.close()
    with pytest.raises(UpstreamUnavailable) as lost:
        await sent
    assert lost.value.code == "connection_lost"
    with pytest.raises(Conflict) as refused:
        await queued
    assert refused.value.code == "not_connected"


async def test_a_gateway_that_died_means_not_connected(house: House, running: RunningGateway) -> None:
    """Its row is still there for some seconds, but nobody listens on its subject."""
    charge_point = await house.a_charge_point()
    house.sql("insert into gateways (gateway_id) values ('gw_just_died')")
    house.sql(
        "update charge_point_live set connected = true, epoch = 3, gateway_id = 'gw_just_died', protocol_version = '1.6'"
    )
    with pytest.raises(Conflict) as refused:
        await running.commands.call(charge_point.key, "ClearCache", {})
    assert refused.value.code == "not_connected"


async def test_another_epochs_command_is_refused(house: House, running: RunningGateway) -> None:
    """House §3: a command names the connection that was looked up."""
    charge_point = await house.a_charge_point()
    socket = await accepted(running, charge_point)
    request = {"key": charge_point.key, "epoch": 0, "action": "ClearCache", "payload": {}, "timeout": 5}
    subject = f"gateway.{running.gateway.gateway_id}.call"
    assert await house.bus.request(subject, request, timeout_seconds=2) == {"outcome": "gone"}
    with pytest.raises(TimeoutError):
        await hear(socket, seconds=0.1)
    await socket.close()


@pytest.mark.parametrize(
    ("action", "payload", "field"),
    [
        ("Reset", {"type": "Sideways"}, "type"),
        ("Reset", {}, "payload"),
        ("Nonsense", {}, "action"),
        ("Heartbeat", {}, "action"),
    ],
)
async def test_a_wrong_command_is_refused_before_it_is_sent(
    house: House, running: RunningGateway, action: str, payload, field: str
) -> None:
    charge_point = await house.a_charge_point()
    socket = await accepted(running, charge_point)
    with pytest.raises(InvalidInput) as refused:
        await running.commands.call(charge_point.key, action, payload)
    assert [error.field for error in refused.value.errors] == [field]
    with pytest.raises(TimeoutError):
        await hear(socket, seconds=0.05)
    await socket.close()


async def test_no_command_before_the_answer_to_the_boot(house: House, running: RunningGateway) -> None:
    """ocpp.md: no CALL of ours before our BootNotification answer is out."""
    charge_point = await house.a_charge_point()
    socket = await connect(running, charge_point)
    await ask(socket, [2, "1", "Heartbeat", {}])
    calling = asyncio.create_task(running.commands.call(charge_point.key, "ClearCache", {}))
    with pytest.raises(TimeoutError):
        await hear(socket, seconds=0.2)
    assert (await boot_up(socket))[:2] == [3, "boot"]
    _, message_id, action, _ = await hear(socket)
    assert action == "ClearCache"
    await socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
    await calling
    await socket.close()


async def test_on_a_reconnect_commands_go_after_the_first_message_or_five_seconds(
    house: House, running: RunningGateway
) -> None:
    charge_point = await house.a_charge_point()
    await (await accepted(running, charge_point)).close()
    socket = await connect(running, charge_point)
    await house.rows("select 1 from charge_point_live where connected and epoch = 2", 1)
    calling = asyncio.create_task(running.commands.call(charge_point.key, "ClearCache", {}))
    with pytest.raises(TimeoutError):
        await hear(socket, seconds=0.2)
    assert (await ask(socket, [2, "1", "Heartbeat", {}]))[:2] == [3, "1"]
    _, message_id, _, _ = await hear(socket)
    await socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
    await calling
    await socket.close()
    silent = await connect(running, charge_point)
    await house.rows("select 1 from charge_point_live where connected and epoch = 3", 1)
    calling = asyncio.create_task(running.commands.call(charge_point.key, "ClearCache", {}))
    _, message_id, _, _ = await hear(silent, seconds=20)
    await silent.send(json.dumps([3, message_id, {"status": "Accepted"}]))
    await calling
    await silent.close()


async def test_a_pending_charge_point_may_say_what_we_asked_for(house: House, running: RunningGateway) -> None:
    """2.x B02.FR.05: in Pending a report that we asked for is welcome, anything else is a SecurityError."""
    charge_point = await house.a_charge_point(version="2.0.1", boot_policy="pending")
    socket = await connect(running, charge_point)
    await boot_up(socket, "2.0.1")
    report = {"requestId": 1, "generatedAt": "2026-05-01T10:23:00Z", "seqNo": 0}
    assert (await ask(socket, [2, "1", "NotifyReport", report]))[2] == "SecurityError"
    request = {"requestId": 1, "reportBase": "FullInventory"}
    calling = asyncio.create_task(running.commands.call(charge_point.key, "GetBaseReport", request))
    _, message_id, _, _ = await hear(socket)
    await socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
    assert (await calling).status == "Accepted"
    assert (await ask(socket, [2, "2", "NotifyReport", report]))[:2] == [3, "2"]
    assert (await ask(socket, [2, "3", "Heartbeat", {}]))[2] == "SecurityError"
    await socket.close()


async def test_who_watches_hears_of_a_heartbeat_after_its_commit(house: House, running: RunningGateway) -> None:
    charge_point = await house.a_charge_point()
    socket = await accepted(running, charge_point)
    async with house.bus.listen(f"live.{charge_point.key}") as live:
        await house.bus.flush()
        await running.commands.watch(charge_point.key, 30)
        async with asyncio.timeout(60):
            while running.gateway.roster.get(charge_point.key).peer.watched_until == 0:
                await asyncio.sleep(0.01)
        await ask(socket, [2, "1", "Heartbeat", {}])
        async with asyncio.timeout(60):
            assert await live.get() == {"event": "heartbeat"}
    [row] = house.sql("select last_heartbeat_epoch from charge_point_live")
    assert row["last_heartbeat_epoch"] == 1
    await socket.close()
