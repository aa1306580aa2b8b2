"""The newest authenticated socket of an identity wins, cluster-wide; an unauthenticated one changes nothing (trust G3)."""

import asyncio
import contextlib
import json
import subprocess
import sysconfig
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from websockets.exceptions import InvalidStatus

from gateway.house import House, ask, basic, closed_with, connect, meter_values
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import ENGINE


@pytest.fixture
async def own_bus(tmp_path: Path) -> AsyncIterator[tuple[Bus, subprocess.Popen]]:
    """A NATS of this test's own, which it may stop."""
    tmp_path.chmod(0o755)
    server = Path(sysconfig.get_path("scripts")) / "nats-server"
    command = [server, "--addr", "127.0.0.1", "--port", "-1", "--ports_file_dir", tmp_path]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        async with asyncio.timeout(60):
            while not (found := list(tmp_path.glob("*.ports"))) or not found[0].read_text():
                await asyncio.sleep(0.01)
        bus = Bus(json.loads(found[0].read_text())["nats"][0])
        await bus.connect()
        yield bus, process
        await bus.close()
        process.kill()


async def test_a_newer_socket_replaces_the_older_one_in_the_same_process(house: House) -> None:
    running = await house.a_gateway()
    charge_point = await house.a_charge_point()
    older = await connect(running, charge_point)
    await ask(older, [2, "1", "Heartbeat", {}])
    newer = await connect(running, charge_point)
    assert await closed_with(older, seconds=20) == 1000
    assert (await ask(newer, [2, "2", "MeterValues", meter_values()]))[:2] == [3, "2"]
    [row] = house.sql("select connected, epoch from charge_point_live")
    assert row == {"connected": True, "epoch": 2}
    await newer.close()


@pytest.mark.parametrize("nats", ["running", "stopped"])
async def test_a_newer_socket_replaces_the_older_one_in_another_process(house: House, own_bus, nats: str) -> None:
    """Within 2 s, with NATS stopped too: gateways compare epochs with the rows every second."""
    bus, server = own_bus
    first, second = await house.a_gateway(bus), await house.a_gateway(bus)
    if nats == "stopped":
        server.kill()
        async with asyncio.timeout(60):
            while bus.is_connected:
                await asyncio.sleep(0.01)
    charge_point = await house.a_charge_point()
    older = await connect(first, charge_point)
    await ask(older, [2, "1", "Heartbeat", {}])
    newer = await connect(second, charge_point)
    assert (await ask(newer, [2, "2", "MeterValues", meter_values()]))[:2] == [3, "2"]
    assert await closed_with(older, seconds=20) == 1000
    [row] = house.sql("select connected, epoch, gateway_id from charge_point_live")
    assert row == {"connected": True, "epoch": 2, "gateway_id": second.gateway.gateway_id}
    assert (await ask(newer, [2, "3", "MeterValues", meter_values()]))[:2] == [3, "3"]
    await newer.close()


async def test_an_unauthenticated_socket_changes_nothing(house: House) -> None:
    """CVE-2026-24912: who can't prove it does not replace anybody."""
    running = await house.a_gateway()
    charge_point = await house.a_charge_point()
    socket = await connect(running, charge_point)
    await ask(socket, [2, "1", "Heartbeat", {}])
    with pytest.raises(InvalidStatus):
        await connect(running, charge_point, authorization=basic(charge_point.identity, "wrong"))
    assert (await ask(socket, [2, "2", "Heartbeat", {}]))[0] == 3
    assert house.sql("select epoch from charge_point_live") == [{"epoch": 1}]
    await socket.close()


async def test_ten_sockets_of_one_charge_point_on_two_gateways_leave_one(house: House) -> None:
    first, second = await house.a_gateway(), await house.a_gateway()
    charge_point = await house.a_charge_point()
    sockets = await asyncio.gather(*(connect((first, second)[number % 2], charge_point) for number in range(10)))
    async with asyncio.timeout(60):
        while first.gateway.connections + second.gateway.connections > 1:
            await asyncio.sleep(0.05)
    [row] = house.sql("select connected, epoch from charge_point_live")
    assert row == {"connected": True, "epoch": 10}
    for socket in sockets:
        with contextlib.suppress(Exception):
            await socket.close()


async def test_a_dead_gateways_charge_points_are_not_connected(house: House) -> None:
    """A gateway that was not seen for 10 s is buried by the others, and its charge points' going is told."""
    running = await house.a_gateway()
    charge_point = await house.a_charge_point()
    with psycopg.connect(house.database_url, autocommit=True) as owner:
        owner.execute("insert into gateways (gateway_id, seen_at) values ('gw_dead', now() - interval '11 seconds')")
        owner.execute("update charge_point_live set connected = true, epoch = 7, gateway_id = 'gw_dead'")
    [row] = await house.rows("select epoch from charge_point_live where not connected", 1)
    assert row["epoch"] == 7
    assert [row["gateway_id"] for row in house.sql("select gateway_id from gateways")] == [running.gateway.gateway_id]
    [event] = house.sql("select name, charge_point_key from outbox")
    assert event == {"name": "charge_point.disconnected", "charge_point_key": charge_point.key}


async def test_two_gateways_share_one_port(house: House) -> None:
    """SO_REUSEPORT: several processes, one address."""
    first = await house.a_gateway()
    second = await house.a_gateway()
    second.gateway.listener.stop_accepting()
    second.gateway.listener.start("127.0.0.1", first.port)
    charge_points = [await house.a_charge_point() for _ in range(30)]
    sockets = [await connect(first, charge_point) for charge_point in charge_points]
    for socket in sockets:
        assert (await ask(socket, [2, "1", "Heartbeat", {}]))[0] == 3
    assert first.gateway.connections > 0
    assert second.gateway.connections > 0
    assert first.gateway.connections + second.gateway.connections == 30
    for socket in sockets:
        await socket.close()


@pytest.mark.parametrize("change", ["removed", "rotated"])
async def test_a_revoked_charge_point_loses_its_socket(house: House, change: str) -> None:
    """Every revocation holds within a second, with no message over the bus."""
    running = await house.a_gateway()
    charge_point, other = await house.a_charge_point(), await house.a_charge_point()
    socket, kept = await connect(running, charge_point), await connect(running, other)
    await ask(socket, [2, "1", "Heartbeat", {}])
    if change == "removed":
        house.sql(
            "update charge_points set removed_at = now(), changed_xid = pg_current_xact_id()::text::bigint where key = %(k)s",
            k=charge_point.key,
        )
    else:
        async with house.engine.transaction(ENGINE) as session:
            await house.credentials.rotate(session, charge_point.key, "org_1")
    assert await closed_with(socket, seconds=20) == 1008
    assert (await ask(kept, [2, "1", "Heartbeat", {}]))[0] == 3
    await kept.close()
