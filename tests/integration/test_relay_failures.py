"""Why there is no connection to an operator's server: state and the sentence that its operator reads."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from building_site import SECRET, open_site
from operator_server import Authority, OperatorServer
from relayed_site import RelayedSite
from sliproad.gateway import relay_dialling

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


@contextlib.asynccontextmanager
async def port_of(handle: Handle) -> AsyncIterator[int]:
    """Something else that listens."""
    server = await asyncio.start_server(handle, "127.0.0.1", 0)  # type: ignore[arg-type]
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def test_wrong_ca_wrong_domain_and_an_expired_certificate(served_site, relayed, tmp_path):
    ours, others = Authority(tmp_path), Authority(tmp_path, "Somebody's CA")
    async with served_site.charger("1.6") as (cp, _virtual):
        async with OperatorServer(ours.server("localhost")) as operator:
            relayed.apply(cp, operator, ca=others.pem, domain="localhost")
            await relayed.told(cp, "was not issued by the CA that was stored")
            relayed.apply(
                cp, operator, ca="-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----", domain="localhost"
            )
            await relayed.told(cp, "The stored CA certificate can't be used")
            relayed.apply(cp, operator, ca=ours.pem, domain="localhost")
            assert (await relayed.state(cp, "connected"))["reason"] is None
        async with OperatorServer(ours.server("elsewhere.example")) as operator:
            relayed.apply(cp, operator, ca=ours.pem, domain="localhost")
            row = await relayed.told(cp, "The server's certificate is not for localhost")
            assert row["state"] == "failed"
        async with OperatorServer(ours.server("localhost", days=(-9, -2))) as operator:
            relayed.apply(cp, operator, ca=ours.pem, domain="localhost")
            await relayed.told(cp, "it has expired")


async def test_wrong_password_unknown_identity_and_no_password(served_site, relayed, operator):
    async with served_site.charger("2.0.1") as (cp, _virtual):
        operator.manners.passwords = {cp: (cp, "right and long enough")}
        relayed.apply(cp, operator, password="wrong")
        row = await relayed.told(cp, "refused the user name")
        assert row["state"] == "failed"
        assert "(401)" in row["reason"]
        relayed.apply(cp, operator)
        await relayed.told(cp, "wants a password and none is stored")
        operator.manners.passwords = {}
        relayed.apply(cp, operator, password="right and long enough")
        await relayed.told(cp, f"knows no charge point at /operator/{cp} (404)")
        operator.manners.passwords = {cp: (cp, "right and long enough")}
        relayed.apply(cp, operator, password="right and long enough")
        await relayed.state(cp, "connected")


async def test_servers_that_are_none(served_site, relayed, operator):
    async def answer_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        await writer.drain()
        writer.close()

    async def close_at_once(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with (
        served_site.charger("1.6") as (cp, _virtual),
        port_of(answer_plainly) as web,
        port_of(close_at_once) as closing,
    ):
        relayed.apply(cp, "ws://127.0.0.1:1/x")
        await relayed.told(cp, "Nobody listens at 127.0.0.1, port 1")
        relayed.apply(cp, f"ws://127.0.0.1:{web}/x")
        await relayed.told(cp, "does not speak WebSocket")
        relayed.apply(cp, f"ws://127.0.0.1:{closing}/x")
        await relayed.told(cp, "does not speak WebSocket")
        relayed.apply(cp, f"wss://localhost:{web}/x", ca=None, domain="localhost")
        await relayed.told(cp, "The stored CA certificate can't be used")
        operator.manners.speaks_ocpp = False
        relayed.apply(cp, operator)
        await relayed.told(cp, "does not speak OCPP 1.6")
        operator.manners.speaks_ocpp = True
        operator.manners.refuses = {"BootNotification"}
        relayed.apply(cp, operator)
        await relayed.told(cp, "BootNotification with an error: InternalError: no")


async def test_tls_to_a_port_without(served_site, relayed, operator, tmp_path):
    async with served_site.charger("1.6") as (cp, _virtual):
        relayed.apply(cp, f"wss://localhost:{operator.port}/x", ca=Authority(tmp_path).pem, domain="localhost")
        await relayed.told(cp, "TLS with localhost failed")


async def test_a_redirect_is_not_followed(served_site, relayed, operator):
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {operator.url}/x\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with served_site.charger("1.6") as (cp, _virtual), port_of(redirect) as port:
        relayed.apply(cp, f"ws://127.0.0.1:{port}/x")
        assert "HTTP status 302" in (await relayed.state(cp, "failed"))["reason"]
        assert not operator.connections


async def test_a_server_that_accepts_connections_and_then_is_silent(served_site, relayed, monkeypatch):
    monkeypatch.setattr(relay_dialling, "DIAL_SECONDS", 0.3)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with served_site.charger("1.6") as (cp, _virtual), port_of(say_nothing) as port:
        relayed.apply(cp, f"ws://127.0.0.1:{port}/x")
        await relayed.told(cp, "127.0.0.1 did not answer within 0.3 s")


async def test_a_name_that_is_none(served_site, relayed):
    async with served_site.charger("1.6") as (cp, _virtual):
        relayed.apply(cp, "ws://nowhere.invalid/x")
        row = await relayed.told(cp, "nowhere.invalid can't be resolved")
        assert row["state"] == "failed"


async def test_a_private_address_is_never_dialled_unless_allowed(
    database_url, nats_url, web, engine, bus, tmp_path, operator
):
    relayed = RelayedSite(database_url, SECRET)
    dialled: list[object] = []

    async def note(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        dialled.append(writer.get_extra_info("peername"))
        writer.close()

    async with (
        open_site(database_url, nats_url, web, engine, bus, tmp_path) as site,
        port_of(note) as port,
        site.gateway(),
        site.charger("1.6") as (cp, _virtual),
    ):
        urls = (
            f"wss://localhost:{port}",
            f"wss://127.0.0.1:{port}",
            "wss://10.0.0.1",
            "wss://[::1]",
            f"ws://127.0.0.1:{port}",
        )
        for url in urls:
            generation = relayed.apply(cp, url, ca=Authority(tmp_path).pem, domain="localhost")
            row = await relayed.state(cp, "failed")
            assert row["generation"] == generation
            assert "private address not allowed here" in row["reason"]
        relayed.apply(cp, "ws://operator.example")
        assert "wss://" in (await relayed.state(cp, "failed"))["reason"]
    assert dialled == []


async def test_a_state_of_settings_that_were_replaced_is_not_told(served_site, relayed, operator):
    async with served_site.charger("1.6") as (cp, _virtual):
        relayed.apply(cp, "ws://127.0.0.1:1/x")
        await relayed.state(cp, "failed")
        relayed.apply(cp, operator)
        row = await relayed.state(cp, "connected", "failed")
        assert row["state"] == "connected"


@pytest.mark.parametrize("version", ["1.6", "2.1"])
async def test_the_state_follows_the_charge_point(served_site, relayed, operator, version):
    async with served_site.charger(version) as (cp, virtual):
        relayed.apply(cp, operator)
        await relayed.state(cp, "connected")
        virtual.go_offline()
        assert (await relayed.state(cp, "pending"))["reason"] == "The charge point is not connected to the platform."
        await operator.until(lambda: cp not in operator.connected)
        virtual.go_online()
        await relayed.state(cp, "connected")
        await operator.heard(cp, "BootNotification", times=2)
