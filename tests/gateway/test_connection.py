"""One socket: bad frames, limits, pings, order (ocpp.md "Messages", RFC 6455 §5, trust G10–G12)."""

import asyncio
import json
import time
import zlib

import pytest
import websockets
from websockets.frames import Frame, Opcode

from gateway.house import House, RunningGateway, ask, boot_up, closed_with, connect, hear, meter_values
from sliproad.gateway.gateway import GatewaySettings

DEEP = "[" * 40 + "]" * 40

BAD_FRAMES = [
    # what arrives, 1.6's answer (None: silence), 2.x's answer
    ("not json", None, ["-1", "RpcFrameworkError"]),
    ("{}", None, ["-1", "RpcFrameworkError"]),
    ("[]", None, ["-1", "RpcFrameworkError"]),
    ('[2,"1"]', ["1", "FormationViolation"], ["1", "RpcFrameworkError"]),
    ('[2,17,"Heartbeat",{}]', None, ["-1", "RpcFrameworkError"]),
    ('[2,"1","Heartbeat",[]]', ["1", "FormationViolation"], ["1", "FormatViolation"]),
    ('[2,"1","Heartbeat",{"extra":1}]', ["1", "FormationViolation"], ["1", "FormatViolation"]),
    ('[2,"1","Nonsense",{}]', ["1", "NotImplemented"], ["1", "NotImplemented"]),
    ('[2,"1","Reset",{"type":"Soft"}]', ["1", "NotSupported"], ["1", "PropertyConstraintViolation"]),
    ('[2,"1","Reset",{"type":"Immediate"}]', ["1", "PropertyConstraintViolation"], ["1", "NotSupported"]),
    ('[2,"1","Heartbeat",{"a":NaN}]', ["1", "FormationViolation"], ["1", "FormatViolation"]),
    ('[2,"1","Heartbeat",{"a":' + DEEP + "}]", ["1", "FormationViolation"], ["1", "FormatViolation"]),
    ('[2,"1","Heartbeat",{"a":"\\ud800"}]', ["1", "FormationViolation"], ["1", "FormatViolation"]),
    ('[7,"1","Heartbeat",{}]', None, ["1", "MessageTypeNotSupported"]),
    ('[3,"never-asked",{}]', None, None),
]


@pytest.mark.parametrize(("frame", "answer_16", "answer_2x"), BAD_FRAMES)
@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_a_bad_frame_gets_the_versions_answer_and_leaves_everybody_working(
    house: House, running: RunningGateway, version: str, frame: str, answer_16, answer_2x
) -> None:
    """Trust G10: the right code of the version, never InternalError; the socket and the others go on."""
    bad, good = await house.a_charge_point(version=version), await house.a_charge_point(version=version)
    socket, other = await connect(running, bad), await connect(running, good)
    await boot_up(socket, version)
    await boot_up(other, version)
    await socket.send(frame)
    expected = answer_16 if version == "1.6" else answer_2x
    if expected is not None:
        kind, message_id, code, description, details = await hear(socket)
        assert (kind, [message_id, code], details) == (4, expected, {})
        assert len(description) <= 255
    assert (await ask(socket, [2, "after", "Heartbeat", {}]))[:2] == [3, "after"]
    assert (await ask(other, [2, "after", "Heartbeat", {}]))[:2] == [3, "after"]
    await socket.close()
    await other.close()


async def test_a_refused_transaction_message_is_kept_raw(house: House, running: RunningGateway) -> None:
    """ocpp.md: what is truly unreadable is quarantined raw, then refused."""
    charge_point = await house.a_charge_point()
    socket = await connect(running, charge_point)
    frame = json.dumps([2, "1", "StartTransaction", {"connectorId": "one"}])
    assert (await ask(socket, frame))[0] == 4
    [kept] = house.sql("select * from quarantined_messages")
    assert bytes(kept["raw"]).decode() == frame
    await socket.close()


async def test_null_characters_are_escaped_before_they_are_stored(house: House, running: RunningGateway) -> None:
    """House §3: PostgreSQL's text has no U+0000, and a message must not be lost for one."""
    charge_point = await house.a_charge_point()
    socket = await connect(running, charge_point)
    payload = meter_values() | {"connectorId": 2}
    payload["meterValue"][0]["sampledValue"][0]["value"] = "1\x002"
    answer = await ask(socket, [2, "1", "MeterValues", payload])
    assert answer[0] == 3
    [row] = house.sql("select * from heard")
    assert json.loads(row["raw"])["meterValue"][0]["sampledValue"][0]["value"] == "1\\u00002"
    await socket.close()


async def test_the_size_limit_counts_fragments_and_closes_with_1009(house: House) -> None:
    """RFC 6455 §7.4.1, trust G11."""
    running = await house.a_gateway(settings=GatewaySettings(max_message_bytes=4096))
    charge_point = await house.a_charge_point()
    socket = await connect(running, charge_point)
    await socket.send("x" * 4097)
    assert await closed_with(socket) == 1009
    socket = await connect(running, charge_point)
    await socket.send(["x" * 1000] * 5)
    assert await closed_with(socket) == 1009
    socket = await connect(running, charge_point)
    text = json.dumps([2, "1", "Heartbeat", {}])
    await socket.send([text[:5], text[5:9], text[9:]])
    assert (await hear(socket))[:2] == [3, "1"]
    await socket.close()


async def test_a_flood_beyond_the_limit_costs_no_memory(house: House, running: RunningGateway) -> None:
    """Trust G11: the announced megabytes are not read."""
    charge_point = await house.a_charge_point()
    socket = await connect(running, charge_point)
    socket.transport.write(bytes([0x81, 0xFF]) + (200 * 2**20).to_bytes(8) + b"\0" * 4 + b"\0" * 2**20)
    assert await closed_with(socket) in {1009, 1006}


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (Frame(Opcode.BINARY, b"\x01\x02"), 1003),
        (Frame(Opcode.TEXT, zlib.compress(b"\0" * 1_000_000), rsv1=True), 1002),
        (Frame(Opcode.CONT, b"nothing before"), 1002),
        (Frame(Opcode.PING, b"x" * 126), 1002),
    ],
)
async def test_what_the_protocol_forbids_ends_this_socket_only(
    house: House, running: RunningGateway, frame: Frame, code: int
) -> None:
    """RFC 6455 §5.2, §5.4, §5.5, §7.4.1: binary, a compressed bomb, a lost fragment, an oversize control frame."""
    charge_point, good = await house.a_charge_point(), await house.a_charge_point()
    other = await connect(running, good)
    socket = await connect(running, charge_point)
    frame.check = lambda: None
    socket.transport.write(frame.serialize(mask=True))
    assert await closed_with(socket) == code
    assert (await ask(other, [2, "1", "Heartbeat", {}]))[0] == 3
    await other.close()


async def test_pings_are_answered_and_a_half_open_socket_ends(house: House) -> None:
    """Trust G12: ping, and dead after two without an answer."""
    running = await house.a_gateway(settings=GatewaySettings(ping_seconds=1.0))
    alive, dead = await house.a_charge_point(), await house.a_charge_point()
    socket = await connect(running, alive)
    async with asyncio.timeout(60):
        await (await socket.ping())
    silent = await connect(running, dead)
    silent.transport.pause_reading()
    [_] = await house.rows(
        "select 1 from charge_point_live where charge_point_key = %(k)s and not connected and disconnected_at is not null",
        1,
        k=dead.key,
    )
    assert (await ask(socket, [2, "1", "Heartbeat", {}]))[0] == 3
    await socket.close()
    silent.transport.abort()


async def test_messages_sent_at_once_are_answered_in_order(house: House, running: RunningGateway) -> None:
    """1.6 §4.1.1: one CALL at a time; a charge point that does not wait is still answered in order."""
    charge_point = await house.a_charge_point()
    socket = await connect(running, charge_point)
    for number in range(10):
        await socket.send(json.dumps([2, str(number), "MeterValues", meter_values(number)]))
    answers = [await hear(socket) for _ in range(10)]
    assert [answer[:2] for answer in answers] == [[3, str(number)] for number in range(10)]
    assert [row["connector"] for row in house.sql("select connector from heard order by heard_id")] == list(range(10))
    await socket.close()


@pytest.mark.parametrize("boot_policy", ["pending", "rejected"])
async def test_a_2x_charge_point_that_is_not_accepted_may_only_boot(
    house: House, running: RunningGateway, boot_policy: str
) -> None:
    """2.x B02.FR.09, B03.FR.07: anything else is a SecurityError."""
    charge_point = await house.a_charge_point(version="2.0.1", boot_policy=boot_policy)
    socket = await connect(running, charge_point)
    assert (await ask(socket, [2, "1", "Heartbeat", {}]))[2] == "SecurityError"
    assert (await boot_up(socket, "2.0.1"))[2]["status"] == boot_policy.capitalize()
    assert (await ask(socket, [2, "2", "Heartbeat", {}]))[2] == "SecurityError"
    house.sql("update charge_points set boot_policy = 'accepted', changed_xid = pg_current_xact_id()::text::bigint")
    await running.mirror.refresh()
    assert (await boot_up(socket, "2.0.1"))[2]["status"] == "Accepted"
    assert (await ask(socket, [2, "3", "Heartbeat", {}]))[0] == 3
    await socket.close()


async def test_a_charge_point_that_was_accepted_before_reconnects_without_a_boot(
    house: House, running: RunningGateway
) -> None:
    """ocpp.md: many charge points reconnect without a BootNotification."""
    charge_point = await house.a_charge_point(version="2.0.1")
    socket = await connect(running, charge_point)
    await boot_up(socket, "2.0.1")
    await socket.close()
    socket = await connect(running, charge_point)
    assert (await ask(socket, [2, "1", "Heartbeat", {}]))[0] == 3
    await socket.close()


async def test_presence_and_the_last_heartbeat_reach_the_row(house: House, running: RunningGateway) -> None:
    charge_point = await house.a_charge_point()
    socket = await connect(running, charge_point)
    await ask(socket, [2, "1", "Heartbeat", {}])
    query = "select * from charge_point_live where charge_point_key = %(k)s and last_heartbeat_at is not null"
    [row] = await house.rows(query, 1, k=charge_point.key)
    assert (row["connected"], row["epoch"], row["last_heartbeat_epoch"]) == (True, 1, 1)
    assert (row["gateway_id"], row["protocol_version"], row["security_profile"]) == (
        running.gateway.gateway_id,
        "1.6",
        1,
    )
    assert (row["remote_address"], row["connected_path"]) == ("127.0.0.1", f"/ocpp/1.6/{charge_point.identity}")
    await socket.close()
    [row] = await house.rows("select * from charge_point_live where not connected", 1)
    assert row["gateway_id"] is None


async def test_comings_and_goings_are_events_for_who_subscribed(house: House) -> None:
    """Trust W2: the event is stored in the commit of the change."""
    house.subscribed["org_1"] = frozenset({"charge_point.connected", "charge_point.disconnected"})
    running = await house.a_gateway()
    charge_point = await house.a_charge_point()
    socket = await connect(running, charge_point)
    await ask(socket, [2, "1", "Heartbeat", {}])
    await socket.close()
    events = await house.rows("select * from outbox order by seq", 2)
    assert [event["name"] for event in events] == ["charge_point.connected", "charge_point.disconnected"]
    assert {event["data"]["charge_point_id"] for event in events} == {charge_point.identity}
    assert {event["charge_point_key"] for event in events} == {charge_point.key}


async def test_fifty_sockets_talk_at_once(house: House, running: RunningGateway) -> None:
    """Every answer is for its own message, and every message is stored once."""
    charge_points = [await house.a_charge_point() for _ in range(50)]

    async def talk(charge_point) -> None:
        socket = await connect(running, charge_point)
        for number in range(10):
            answer = await ask(socket, [2, f"{charge_point.identity}-{number}", "MeterValues", meter_values(1)])
            assert answer == [3, f"{charge_point.identity}-{number}", {}]
        await socket.close()

    await asyncio.gather(*map(talk, charge_points))
    [counted] = house.sql("select count(*), count(distinct (charge_point_key, message_id)) as different from heard")
    assert counted == {"count": 500, "different": 500}
    assert running.gateway.group.commits < 500, "messages of several sockets share commits"


async def test_every_frame_is_logged_but_heartbeats_that_nobody_watches(house: House, running: RunningGateway) -> None:
    """docs/reference/ocpp.md: their time is kept in the charge point's row, not each of them."""
    charge_point = await house.a_charge_point()
    socket = await connect(running, charge_point)
    await ask(socket, [2, "1", "Heartbeat", {}])
    running.gateway.roster.watch(charge_point.key, time.time() + 30)
    await ask(socket, [2, "1w", "Heartbeat", {}])
    await ask(socket, [2, "2", "MeterValues", meter_values()])
    await ask(socket, [2, "3", "Reset", {"type": "Soft"}])
    rows = await house.rows("select * from ocpp_messages order by at", 3)
    said = [(row["direction"], row["kind"], row["message_id"], row["action"], row["error_code"]) for row in rows]
    assert said == [
        ("in", "call", "1w", "Heartbeat", None),
        ("in", "call", "2", "MeterValues", None),
        ("in", "call", "3", "Reset", "NotSupported"),
    ]
    await socket.close()


@pytest.mark.parametrize("logs_all", [False, True])
async def test_meter_values_of_a_charge_point_in_operation_are_readings_not_frames(
    house: House, logs_all: bool
) -> None:
    """docs/reference/settings.md, SLIPROAD_FRAME_LOG_METER_VALUES: their samples are rows already, as they were sent."""
    running = await house.a_gateway(settings=GatewaySettings(logs_routine_meter_values=logs_all))
    installed, operating = await house.a_charge_point(), await house.a_charge_point()
    house.sql(
        "update charge_points set commissioning_status = 'completed', commissioned_at = now(), changed_xid = default"
        " where key = %(k)s",
        k=operating.key,
    )
    await running.mirror.refresh()
    for charge_point in (installed, operating):
        socket = await connect(running, charge_point)
        await ask(socket, [2, f"{charge_point.key} unwatched", "MeterValues", meter_values()])
        running.gateway.roster.watch(charge_point.key, time.time() + 30)
        await ask(socket, [2, f"{charge_point.key} watched", "MeterValues", meter_values()])
        await socket.close()
    await house.stop(running)
    said = {f"{each.key} {how}" for each in (installed, operating) for how in ("watched", "unwatched")}
    assert {row["message_id"] for row in house.sql("select message_id from heard")} == said
    logged = {
        row["message_id"] for row in house.sql("select message_id from ocpp_messages where action = 'MeterValues'")
    }
    assert logged == (said if logs_all else said - {f"{operating.key} unwatched"})


async def test_stopping_closes_the_sockets_and_leaves_nothing_connected(house: House) -> None:
    """Contract §8: drains within 10 s."""
    running = await house.a_gateway()
    charge_point = await house.a_charge_point()
    socket = await connect(running, charge_point)
    await ask(socket, [2, "1", "MeterValues", meter_values()])
    async with asyncio.timeout(10):
        await house.stop(running)
    assert await closed_with(socket) == 1012
    assert house.sql("select 1 from charge_point_live where connected") == []
    assert house.sql("select 1 from gateways") == []
    with pytest.raises(OSError, match="onnect"):
        await websockets.connect(running.url("/ocpp/1.6/CP-001"))
