"""Everything is decided before the 101 (ocpp.md "Connecting", contract §3, trust G1, G2)."""

import asyncio
import base64

import pytest
from websockets.exceptions import InvalidStatus

from gateway.house import House, RunningGateway, ask, basic, connect, raw
from sliproad.features.charge_points.attempts_sentences import ADVICE

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)


@pytest.mark.parametrize(
    "path",
    [
        "/ocpp/1.6/{id}",
        "/ocpp/{id}",
        "/ocpp/1.6/{id}/",
        "/ocpp/1.6/{id}/{id}",
        "/ocpp/1.6/{id}/{serial}",
        "/ocpp/1.6/{id}//{id}",
        "/ocpp/1.6/CP%2D001",
        "/ocpp/1.6/{id}?x=1",
    ],
)
@pytest.mark.parametrize("user", ["identity", "serial_number"])
async def test_every_usual_path_and_user_leads_to_the_charge_point(
    house: House, running: RunningGateway, path: str, user: str
) -> None:
    """Contract §3: OCPP clients append their identity or serial number; Basic user is the id or that serial."""
    charge_point = await house.a_charge_point()
    path = path.format(id=charge_point.identity, serial=charge_point.serial_number)
    authorization = basic(getattr(charge_point, user), charge_point.password)
    socket = await connect(running, charge_point, path=path, authorization=authorization)
    assert socket.subprotocol == "ocpp1.6"
    assert (await ask(socket, [2, "1", "Heartbeat", {}]))[0] == 3
    await socket.close()
    [attempt] = await house.attempts(1)
    assert (attempt["outcome"], attempt["charge_point_key"], attempt["path"]) == (
        "accepted",
        charge_point.key,
        path.replace("?x=1", "?***"),
    )


@pytest.mark.parametrize(
    ("path", "authorization", "subprotocols", "status", "outcome"),
    [
        ("/ocpp/1.6/NOBODY", None, ["ocpp1.6"], 404, "unknown_identity"),
        ("/ocpp/1.6/CP-001/other", None, ["ocpp1.6"], 404, "wrong_suffix"),
        ("/elsewhere/CP-001", None, ["ocpp1.6"], 404, "unknown_path"),
        ("/ocpp", None, ["ocpp1.6"], 404, "unknown_path"),
        ("/ocpp/1.6/%ff%fe", None, ["ocpp1.6"], 404, "unknown_path"),
        ("/ocpp/1.6/CP-001", None, ["ocpp1.6"], 401, "missing_credentials"),
        ("/ocpp/1.6/CP-001", "Bearer abc", ["ocpp1.6"], 401, "unreadable_credentials"),
        ("/ocpp/1.6/CP-001", "Basic !!!", ["ocpp1.6"], 401, "unreadable_credentials"),
        ("/ocpp/1.6/CP-001", basic("CP-001", "wrong"), ["ocpp1.6"], 401, "wrong_password"),
        ("/ocpp/1.6/CP-001", basic("CP-001", ""), ["ocpp1.6"], 401, "wrong_password"),
        ("/ocpp/1.6/CP-001", basic("CP-002", "right"), ["ocpp1.6"], 401, "wrong_user"),
        ("/ocpp/1.6/CP-001", "right", ["ocpp9"], 400, "no_common_subprotocol"),
        ("/ocpp/1.6/CP-001", "right", [], 400, "no_common_subprotocol"),
    ],
)
async def test_refusals_have_their_status_and_are_recorded(
    house: House, running: RunningGateway, path, authorization, subprotocols, status, outcome
) -> None:
    """Trust G1: nothing is upgraded; the technician reads why."""
    charge_point = await house.a_charge_point()
    if authorization == "right":
        authorization = charge_point.authorization
    with pytest.raises(InvalidStatus) as refused:
        await connect(
            running, charge_point, path=path, authorization=authorization, subprotocols=subprotocols or None
        ) if subprotocols else await connect_without_subprotocol(running, path, authorization)
    assert refused.value.response.status_code == status
    assert not refused.value.response.body
    assert ("WWW-Authenticate" in refused.value.response.headers) == (status == 401)
    [attempt] = await house.attempts(1)
    assert attempt["outcome"] == outcome
    assert outcome in ADVICE


async def connect_without_subprotocol(running: RunningGateway, path: str, authorization: str):
    import websockets

    return await websockets.connect(running.url(path), additional_headers={"Authorization": authorization})


async def test_the_password_of_another_charge_point_opens_nothing(house: House, running: RunningGateway) -> None:
    """CISA ICSA-26-057-03: an identity in the path is not a credential."""
    victim, other = await house.a_charge_point(), await house.a_charge_point()
    for authorization in (other.authorization, basic(victim.identity, other.password)):
        with pytest.raises(InvalidStatus) as refused:
            await connect(running, victim, authorization=authorization)
        assert refused.value.response.status_code == 401


async def test_too_many_bad_attempts_are_put_off_but_the_right_password_gets_in(
    house: House, running: RunningGateway
) -> None:
    """Trust G2: 429 by the 11th; the good login meanwhile works."""
    charge_point = await house.a_charge_point()
    statuses = []
    for _ in range(12):
        with pytest.raises(InvalidStatus) as refused:
            await connect(running, charge_point, authorization=basic(charge_point.identity, "wrong"))
        statuses.append(refused.value.response.status_code)
    assert statuses == [401] * 10 + [429] * 2
    socket = await connect(running, charge_point)
    assert (await ask(socket, [2, "1", "Heartbeat", {}]))[0] == 3
    await socket.close()
    attempts = await house.attempts(12)
    assert [each["outcome"] for each in attempts].count("too_many_attempts") == 1, "a flood is not recorded one by one"


@pytest.mark.parametrize(
    ("request_bytes", "status", "outcome"),
    [
        (b"GET /ocpp/1.6/CP-001 HTTP/1.1\r\nHost: x\r\n\r\n", 426, "not_websocket"),
        (b"POST /ocpp/1.6/CP-001 HTTP/1.1\r\nHost: x\r\n\r\n", 405, "not_websocket"),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 400, "unreadable_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "tls_on_plain_port"),
        (b"hello\r\n\r\n", 400, "unreadable_request"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400, "unreadable_request"),
        (b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400, "unreadable_request"),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 100 + b"\r\n", 400, "unreadable_request"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "unreadable_request"),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "unreadable_request"),
        (b"GET / HTTP/1.1\r\nA: " + b"b" * 20000, 431, "unreadable_request"),
    ],
)
async def test_what_is_no_upgrade_request_is_refused_and_recorded(
    house: House, running: RunningGateway, request_bytes: bytes, status: int, outcome: str
) -> None:
    """Plain HTTP and unparsable requests are caught in front of the WebSocket library."""
    answer = await raw(running.port, request_bytes)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.endswith(b"\r\n\r\n"), "no text, and nothing of the request comes back"
    [attempt] = await house.attempts(1)
    assert attempt["outcome"] == outcome


async def test_an_unusual_but_correct_upgrade_is_accepted_without_compression(
    house: House, running: RunningGateway
) -> None:
    """RFC 6455 §4.2.1: `Connection` is a list; RFC 7692: what is not negotiated is not used."""
    charge_point = await house.a_charge_point()
    more = (
        f"Authorization: {charge_point.authorization}\r\nSec-WebSocket-Protocol: ocpp2.0.1\r\n"
        "Sec-WebSocket-Protocol: ocpp1.6\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(UPGRADE.format(path="/ocpp/CP-001", more=more).encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    assert head.startswith("http/1.1 101")
    assert "sec-websocket-protocol: ocpp1.6" in head
    assert "sec-websocket-extensions" not in head
    writer.close()


async def test_a_request_in_pieces_with_a_frame_behind_it_is_read(house: House, running: RunningGateway) -> None:
    """TCP knows no requests: the head may come byte by byte, and the first frame with its end."""
    charge_point = await house.a_charge_point()
    more = f"Authorization: {charge_point.authorization}\r\nSec-WebSocket-Protocol: ocpp1.6\r\n"
    request = UPGRADE.format(path="/ocpp/CP-001", more=more).encode()
    text = b'[2,"1","Heartbeat",{}]'
    frame = bytes([0x81, 0x80 | len(text)]) + b"\0\0\0\0" + text
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    for at in range(0, len(request) - 5, 40):
        writer.write(request[at : min(at + 40, len(request) - 5)])
        await writer.drain()
        await asyncio.sleep(0)
    writer.write(request[-5:] + frame)
    async with asyncio.timeout(60):
        await reader.readuntil(b"\r\n\r\n")
        assert b"currentTime" in await reader.readuntil(b"}]")
    writer.close()


async def test_ten_thousand_bad_attempts_open_nothing(house: House, running: RunningGateway) -> None:
    """Trust G1, a tenth of it here: every one is refused and the gateway goes on serving."""
    charge_point = await house.a_charge_point()
    wrong = base64.b64encode(b"CP-001:nope").decode()
    request = UPGRADE.format(
        path="/ocpp/CP-001", more=f"Authorization: Basic {wrong}\r\nSec-WebSocket-Protocol: ocpp1.6\r\n"
    ).encode()
    for _ in range(20):
        answers = await asyncio.gather(*(raw(running.port, request) for _ in range(50)))
        assert {answer[9:12] for answer in answers} <= {b"401", b"429"}
    assert running.gateway.connections == 0
    socket = await connect(running, charge_point)
    assert (await ask(socket, [2, "1", "Heartbeat", {}]))[0] == 3
    await socket.close()
