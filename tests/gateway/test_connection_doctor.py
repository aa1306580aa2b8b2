"""What goes wrong on real sockets, and the sentence a technician reads about it (issue 3 part 7, contract §3)."""

import asyncio
import base64
import contextlib
import json
import socket as plain_sockets
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import websockets
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.exceptions import InvalidStatus

from gateway.house import HANDLERS, House, Registered, RunningGateway, ask, basic, boot_up, closed_with, connect, raw
from gateway.test_tls import chain
from sliproad.features.charge_points.attempts import AttemptService, ConnectionReport
from sliproad.features.charge_points.model import ChargePoint, Location
from sliproad.features.charge_points.ocpp import status_notification_16
from sliproad.features.frame_log.service import FrameLogService
from sliproad.foundation.clock import ManualClock
from sliproad.gateway import listener
from sliproad.gateway.gateway import GatewaySettings
from sliproad.gateway.tls import server_context

# A TLS 1.1 ClientHello (RFC 4346 §7.4.1.2) with two suites, and nothing newer.
OLD_HELLO = bytes.fromhex("160302002f0100002b0302") + bytes(32) + bytes.fromhex("000004c013002f0100")


async def report(
    house: House, charge_point: Registered, *, later: float = 0.0, asked_from: tuple[str, ...] = ()
) -> ConnectionReport:
    """What the technician is told `later` seconds from now."""
    clock = ManualClock(datetime.now(UTC) + timedelta(seconds=later))
    facts = ChargePoint(
        charge_point.key, charge_point.identity, "org_1", "site_1", "proj_1", charge_point.serial_number, "V", "M",
        charge_point.version, 2, None, Location(), "accepted", "not_started", None, None, clock.now(),
    )  # fmt: skip
    return await AttemptService(house.engine, clock, FrameLogService()).report(facts, asked_from=asked_from)


async def told(house: House, charge_point: Registered, count: int = 1, **options: Any) -> str:
    """The diagnosis once `count` attempts have been recorded in all; it is also the newest attempt's own sentence where one is at fault."""
    await house.attempts(count)
    return (await report(house, charge_point, **options)).diagnosis.message


async def refused(running: RunningGateway, charge_point: Registered, **options: Any) -> None:
    with pytest.raises(InvalidStatus):
        await connect(running, charge_point, **options)


async def send(running: RunningGateway, head: str) -> None:
    await raw(running.port, head.replace("\n", "\r\n").encode() + b"\r\n\r\n")


async def test_nothing_ever_arrived(house: House) -> None:
    assert "Nothing has ever arrived" in await told(house, await house.a_charge_point(), 0)


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


PASSWORDS: list[tuple[Callable[[Registered], str | bytes], str]] = [
    (lambda _: "something else", "The password is wrong. Type the provisioning password again"),
    (lambda _: "", "The password is empty."),
    (lambda cp: cp.password + "\n", "but for a line break at its end"),
    (lambda cp: cp.password + "\r\n", "but for a line break at its end"),
    (lambda cp: cp.password + " ", "but for a space before or behind it"),
    (lambda cp: " " + cp.password, "but for a space before or behind it"),
    (lambda cp: cp.password + "\0\0", "but for zero bytes behind it"),
    (lambda cp: f'"{cp.password}"', "but for quotation marks around it"),
    (lambda cp: cp.password.encode().hex(), "The password arrives as hexadecimal text."),
    (lambda cp: cp.password.encode().hex().upper(), "The password arrives as hexadecimal text."),
    (lambda cp: b64(cp.password), "The password is base64-encoded twice."),
    (lambda cp: b64(b64(cp.password)), "The password is base64-encoded twice."),
    (lambda cp: b64(f"{cp.identity}:{cp.password}"), "User and password were encoded already and then once more."),
    (lambda cp: f"{cp.identity}:{cp.password}", "The password field holds user and password."),
    (lambda cp: cp.password.encode("utf-16-le"), "wrong character encoding"),
    (lambda cp: cp.identity, "The charge point id or serial number was sent as the password."),
    (lambda cp: cp.serial_number, "The charge point id or serial number was sent as the password."),
]


async def test_which_mistake_was_made_with_the_password(house: House, running: RunningGateway) -> None:
    """The mistake is named, the password kept nowhere."""
    for count, (mistaken, text) in enumerate(PASSWORDS, 1):
        charge_point = await house.a_charge_point()
        sent = mistaken(charge_point)
        await refused(running, charge_point, authorization=basic(charge_point.identity, sent))
        assert text in await told(house, charge_point, count)
        rows = json.dumps(house.sql("select details, path, identity from connection_attempts"))
        assert charge_point.password not in rows
        assert charge_point.password.encode().hex() not in rows.lower()


HEADERS: list[tuple[Callable[[Registered], str | None], str]] = [
    (lambda _: None, "No password was sent."),
    (lambda cp: basic("", cp.password), "The user name is missing. Set it to the charge point id. The password is right."),
    (lambda cp: basic("SOMEBODY", cp.password), "another than the identity in the URL. Set it to the charge point id. The password"),
    (lambda _: basic("SOMEBODY", "wrong"), "The user name is another than the identity in the URL."),
    (lambda cp: basic(cp.identity.lower(), cp.password), "differs from the charge point id in capital letters"),
    (lambda cp: basic(cp.identity + " ", cp.password), "The user name is right but for a space"),
    (lambda cp: basic(cp.password, cp.identity), "User name and password are swapped."),
    (lambda cp: "Basic " + b64(cp.password), "A password was sent without a user name."),
    (lambda cp: "Basic " + b64(b64(f"{cp.identity}:{cp.password}")), "User and password are base64-encoded twice."),
    (lambda cp: f"Basic {cp.identity}:{cp.password}", "without base64 encoding"),
    (lambda cp: b64(f"{cp.identity}:{cp.password}"), "does not begin with `Basic`"),
    (lambda _: "Digest username=x", "Another kind of authentication than HTTP Basic"),
]  # fmt: skip


async def test_which_mistake_was_made_with_the_user_or_the_header(house: House, running: RunningGateway) -> None:
    for count, (mistaken, text) in enumerate(HEADERS, 1):
        charge_point = await house.a_charge_point()
        await refused(running, charge_point, authorization=mistaken(charge_point))
        assert text in await told(house, charge_point, count)
        assert charge_point.password not in json.dumps(
            house.sql("select details, path, identity from connection_attempts")
        )


PATHS = [
    ("/{id}", "The path lacks `/ocpp`."),
    ("/1.6/{id}", "The path lacks `/ocpp`."),
    ("/api/ocpp/1.6/{id}", "Something stands before `/ocpp` in the path."),
    ("/ocpp/1.6/ocpp/1.6/{id}", "The path holds `/ocpp` twice"),
    ("/ocpp/v16/{id}", "does not read /ocpp/version/charge point id"),
    ("/ocpp/1.6/{id}/bay-4", "neither the id nor the registered serial number"),
    ("/ocpp/1.6/{id}/{password}", "The password stands in the URL."),
    ("/ocpp/1.6", "The path ends before the charge point id"),
    ("/ocpp/1.6/{lower}", "differs in capital letters. Set it to {id}."),
    ("/ocpp/1.6/{alike}", "characters that look alike (O and 0, l and 1). Set it to {id}."),
    ("/ocpp/1.6/{id}X", "is not registered, but nearly spells this one. Set it to {id}."),
    ("/ocpp/1.6/{id}{id}", "The identity stands twice"),
    ("/ocpp/1.6/{id}-{serial}", "The serial number was put behind the identity"),
    ("/ocpp/1.6/{serial}", "The serial number was sent as the identity"),
]


@pytest.mark.parametrize(("path", "text"), PATHS)
async def test_which_mistake_was_made_with_the_url(house: House, running: RunningGateway, path: str, text: str) -> None:
    charge_point = await house.a_charge_point()
    identity = charge_point.identity
    words = {
        "id": identity, "lower": identity.lower(), "alike": identity.replace("0", "O"),
        "serial": charge_point.serial_number, "password": charge_point.password,
    }  # fmt: skip
    await refused(running, charge_point, path=path.format(**words))
    assert text.format(**words) in await told(house, charge_point, 1, asked_from=("127.0.0.1",))
    assert charge_point.password not in json.dumps(house.sql("select details, path, identity from connection_attempts"))


async def test_a_doubled_slash_and_a_query_do_no_harm(house: House, running: RunningGateway) -> None:
    charge_point = await house.a_charge_point()
    socket = await connect(running, charge_point, path=f"//ocpp//1.6/{charge_point.identity}?password=x")
    assert await told(house, charge_point) == "Connected. Its URL has a doubled slash, which does no harm here."
    [row] = await house.rows("select connected_path from charge_point_live where connected", 1)
    assert row["connected_path"].endswith("?***"), "no query is kept: passwords stand in some"
    await socket.close()


OTHER_REQUESTS = [
    ("GET /ocpp/1.6/CP-001 HTTP/1.1\nHost: x", "A plain web request (http) arrived, not a WebSocket. Use ws://"),
    ("POST /ocpp/1.6/CP-001 HTTP/1.1\nHost: x\nSOAPAction: x", "A SOAP message arrived (OCPP-S). Switch the charger to OCPP-J"),
    ("POST /ocpp/1.6/CP-001 HTTP/1.1\nHost: x", "Switch the charger to OCPP-J, and use a ws:// or wss:// URL."),
    ("GET /ocpp/1.6/CP-001 HTTP/1.1\nHost: x\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "A proxy in between takes parts out"),
    (
        "GET /ocpp/1.6/CP-001 HTTP/1.1\nHost: x\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 8",
        "An old version of WebSocket was asked for.",
    ),
]  # fmt: skip


async def test_http_instead_of_websocket(house: House, running: RunningGateway) -> None:
    charge_point = await house.a_charge_point()
    for count, (head, text) in enumerate(OTHER_REQUESTS, 1):
        await send(running, head)
        assert text in await told(house, charge_point, count)
    assert all(each.is_certain for each in (await report(house, charge_point)).attempts), "the path names it"


async def test_a_wrong_or_missing_subprotocol(house: House, running: RunningGateway) -> None:
    charge_point = await house.a_charge_point(version="2.0.1")
    await refused(running, charge_point, subprotocols=["ocpp1.5", "ocpp2.0"])
    assert "offers `ocpp1.5, ocpp2.0`, which we don't speak; it was registered as 2.0.1" in await told(
        house, charge_point
    )
    await send(
        running,
        f"GET /ocpp/{charge_point.identity} HTTP/1.1\nHost: x\nUpgrade: websocket\nConnection: Upgrade\n"
        f"Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nAuthorization: {charge_point.authorization}",
    )
    assert "names no OCPP version" in await told(house, charge_point, 2)
    socket = await connect(running, charge_point, subprotocols=["ocpp1.6"])
    found = await told(house, charge_point, 3)
    assert "Your charger speaks OCPP 1.6, but it was registered as 2.0.1" in found
    await socket.close()


async def test_tls_on_the_plain_port(house: House, running: RunningGateway) -> None:
    charge_point = await house.a_charge_point()
    with pytest.raises((OSError, EOFError)):
        await websockets.connect(f"wss://127.0.0.1:{running.port}/", ssl=ssl.create_default_context())
    found = await told(house, charge_point, asked_from=("127.0.0.1",))
    assert "An encrypted connection (wss) arrived on the unencrypted port. Use ws:// instead of wss://" in found
    assert "Nothing has ever arrived" in await told(house, charge_point), "shown only to who is at that address"


def shake_hands(port: int, context: ssl.SSLContext) -> None:
    """A TLS client that sends its alert before it closes, as chargers do (asyncio's does not)."""
    with plain_sockets.create_connection(("127.0.0.1", port), timeout=5) as plain:
        context.wrap_socket(plain, server_hostname="localhost").close()


async def tls_gateway(house: House, folder: Path, *, days: float = 1.0) -> tuple[RunningGateway, Path]:
    certificate, key = chain(folder, "ec", ec.generate_private_key(ec.SECP256R1()), days=days)
    return await house.a_gateway(settings=GatewaySettings(tls=server_context([(certificate, key)]))), certificate


async def test_ws_on_the_encrypted_port_and_what_tls_clients_object_to(house: House, tmp_path: Path) -> None:
    """RFC 8446 §6.2: the client's alert says what it does not like."""
    running, certificate = await tls_gateway(house, tmp_path)
    charge_point = await house.a_charge_point()
    here = ("127.0.0.1",)
    with pytest.raises((OSError, EOFError, websockets.exceptions.WebSocketException)):
        await connect(running, charge_point)
    assert "arrived on the encrypted port. Use wss:// instead of ws://." in await told(
        house, charge_point, 1, asked_from=here
    )
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(shake_hands, running.port, ssl.create_default_context())
    assert "does not trust our certificate's issuer" in await told(house, charge_point, 2, asked_from=here)
    await raw(running.port, OLD_HELLO)
    assert "does not speak TLS 1.2 or newer" in await told(house, charge_point, 3, asked_from=here)
    weak = ssl.create_default_context(cafile=certificate)
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("ECDHE-ECDSA-AES128-SHA")
    with pytest.raises(OSError):
        await asyncio.open_connection("localhost", running.port, ssl=weak)
    assert "no TLS cipher suite that we allow" in await told(house, charge_point, 4, asked_from=here)


async def test_an_expired_certificate(house: House, tmp_path: Path) -> None:
    running, certificate = await tls_gateway(house, tmp_path, days=-0.5)
    charge_point = await house.a_charge_point()
    trusting = ssl.create_default_context(cafile=certificate)
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.to_thread(shake_hands, running.port, trusting)
    found = await told(house, charge_point, asked_from=("127.0.0.1",))
    assert "The charger takes our certificate for expired. Check the charger's clock" in found


async def test_an_open_connection_on_which_nothing_comes(
    house: House, running: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "HANDSHAKE_SECONDS", 0.2)
    charge_point = await house.a_charge_point()
    with contextlib.suppress(ConnectionResetError):
        assert await raw(running.port, b"") == b""
    assert "but nothing came on it for ten seconds" in await told(house, charge_point, asked_from=("127.0.0.1",))


async def test_a_put_off_attempt_still_names_the_mistake(house: House, running: RunningGateway) -> None:
    """Trust G2: by the 11th it is 429, and the technician still reads what is wrong."""
    charge_point = await house.a_charge_point()
    for _ in range(11):
        await refused(running, charge_point, authorization=basic(charge_point.identity, charge_point.password + "\n"))
    found = await told(house, charge_point, 11)
    assert "but for a line break at its end" in found
    assert "put off for five minutes. The right password works at once." in found
    for _ in range(11):
        await refused(running, charge_point, path=f"/ocpp/{charge_point.identity}X")
    await house.attempts(22)
    near = next(each for each in (await report(house, charge_point)).attempts if not each.is_certain)
    assert (near.outcome, "nearly spells this one" in near.advice) == ("too_many_attempts", True)


async def test_connected_but_silent_then_without_a_boot(house: House, running: RunningGateway) -> None:
    charge_point = await house.a_charge_point()
    socket = await connect(running, charge_point)
    await house.rows("select 1 from charge_point_live where connected", 1)
    assert await told(house, charge_point) == "Connected."
    assert "has not sent any message for 45 s" in await told(house, charge_point, later=45)
    await ask(socket, [2, "1", "Heartbeat", {}])
    await house.rows("select 1 from charge_point_live where last_heartbeat_epoch = epoch", 1)
    assert "has never sent a BootNotification" in await told(house, charge_point, later=45)
    await boot_up(socket)
    assert await told(house, charge_point, later=45) == "Connected."
    await socket.close()
    await house.rows("select 1 from charge_point_live where not connected", 1)
    assert "It was connected and left after" in await told(house, charge_point, later=45)


@pytest.mark.parametrize("policy", ["pending", "rejected"])
async def test_its_boot_policy_holds_it_back(house: House, running: RunningGateway, policy: str) -> None:
    charge_point = await house.a_charge_point(boot_policy=policy)
    socket = await connect(running, charge_point)
    await boot_up(socket)
    assert f"BootNotification is answered {policy.capitalize()}: that is its boot policy" in await told(
        house, charge_point
    )
    await socket.close()


async def test_a_boot_loop(house: House, running: RunningGateway) -> None:
    charge_point = await house.a_charge_point()
    for _ in range(3):
        socket = await connect(running, charge_point)
        await boot_up(socket)
        await socket.close()
        await house.rows("select 1 from charge_point_live where not connected", 1)
    assert "The charger has restarted 3 times in five minutes." in await told(house, charge_point, 3)


@pytest.mark.parametrize(
    ("minutes", "text"), [(-90, "its clock is 90 minutes behind"), (30, "its clock is 30 minutes ahead")]
)
async def test_a_wrong_clock(house: House, minutes: int, text: str) -> None:
    running = await house.a_gateway(handlers=HANDLERS | {("1.6", "StatusNotification"): status_notification_16})
    charge_point = await house.a_charge_point()
    socket = await connect(running, charge_point)
    await boot_up(socket)
    at = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": at}
    assert (await ask(socket, [2, "1", "StatusNotification", status]))[0] == 3
    assert text in await told(house, charge_point)
    await socket.close()


async def turns(
    running: RunningGateway,
    charge_point: Registered,
    serials: tuple[str, str],
    count: int,
    addresses: tuple[str, str] = ("127.0.0.1", "127.0.0.1"),
) -> None:
    """Two chargers with one identity: each opens while the other's socket is open, which ends that one."""
    older = None
    for turn in range(count):
        socket = await connect(running, charge_point, local_addr=(addresses[turn % 2], 0))
        boot = {"chargePointVendor": "V", "chargePointModel": "M", "chargePointSerialNumber": serials[turn % 2]}
        await ask(socket, [2, "boot", "BootNotification", boot])
        if older is not None:
            await closed_with(older)
        older = socket
    assert older is not None
    await older.close()


async def test_two_chargers_with_one_identity(house: House, running: RunningGateway) -> None:
    charge_point = await house.a_charge_point()
    await turns(running, charge_point, ("SN-LEFT", "SN-RIGHT"), 4)
    found = await told(house, charge_point, 4)
    assert "Two chargers use this identity and throw each other out" in found
    assert "with the serial numbers SN-LEFT and SN-RIGHT" in found
    assert f"the one that should be here has the serial number {charge_point.serial_number}" in found


async def test_two_chargers_at_two_addresses(house: House, running: RunningGateway) -> None:
    charge_point = await house.a_charge_point()
    await turns(running, charge_point, ("SN-1", "SN-1"), 4, ("127.0.0.1", "127.0.0.2"))
    await house.attempts(4)
    found = await report(house, charge_point)
    assert found.diagnosis.code == "two_charge_points"
    assert "connections come from 127.0.0.1 and 127.0.0.2" in found.diagnosis.message
    assert found.attempts[0].details["replaces"] == "127.0.0.1"


async def test_sockets_that_replace_each_other_without_telling_serial_numbers_apart(
    house: House, running: RunningGateway
) -> None:
    charge_point = await house.a_charge_point()
    await turns(running, charge_point, ("SN-1", "SN-1"), 4)
    assert "Connections with this identity replace each other" in await told(house, charge_point, 4)


async def test_who_asks_for_one_charge_point_learns_nothing_of_another(house: House, running: RunningGateway) -> None:
    """Contract §3: an attempt that names a registered charge point is shown to nobody else, however near it is spelt."""
    mine, other = await house.a_charge_point(), await house.a_charge_point()
    for path in (f"/ocpp/1.6/{other.identity}/x", f"/{other.identity}", f"/ocpp/v1/{other.identity}"):
        await refused(running, other, path=path)
    await refused(running, other, authorization=basic(other.identity, "wrong"))
    await send(running, f"GET /ocpp/1.6/{other.identity} HTTP/1.1\nHost: x")
    await refused(running, mine, path="/ocpp/1.6/CP-003")
    await house.attempts(6)
    assert [each.identity for each in (await report(house, mine)).attempts] == ["CP-003"]
    third = await house.a_charge_point()
    assert third.identity == "CP-003"
    assert (await report(house, mine, asked_from=("127.0.0.1",))).attempts == [], "registered by now as another's"
    assert "not registered yet when it tried" in (await report(house, third)).diagnosis.message
    assert {each.outcome for each in (await report(house, other)).attempts} == {
        "wrong_suffix", "unknown_path", "wrong_password", "not_websocket",
    }  # fmt: skip
