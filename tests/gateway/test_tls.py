"""wss: the suites of OCPP, both kinds of chain, and what never gets through TLS is recorded (A00.FR.312–318, trust G8)."""

import asyncio
import datetime as dt
import ssl
from pathlib import Path

import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from gateway.house import House, ask, raw
from sliproad.gateway.gateway import GatewaySettings
from sliproad.gateway.tls import server_context


def chain(folder: Path, name: str, key, *, days: float = 1.0) -> tuple[Path, Path]:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False).sign(key, hashes.SHA256())
    )  # fmt: skip
    certificate_file, key_file = folder / f"{name}.crt", folder / f"{name}.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


@pytest.fixture
def settings(tmp_path: Path) -> GatewaySettings:
    chains = [
        chain(tmp_path, "rsa", rsa.generate_private_key(65537, 2048)),
        chain(tmp_path, "ec", ec.generate_private_key(ec.SECP256R1())),
    ]
    return GatewaySettings(tls=server_context(chains))


def client(ciphers: str | None = None, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if ciphers:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
    if version:
        context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.parametrize(
    ("ciphers", "expected"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
        ("AES128-GCM-SHA256", "AES128-GCM-SHA256"),
        ("AES256-GCM-SHA384", "AES256-GCM-SHA384"),
        ("AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
        (None, None),
    ],
)
async def test_every_suite_of_ocpp_connects_and_forward_secrecy_comes_first(
    house: House, settings: GatewaySettings, ciphers: str | None, expected: str | None
) -> None:
    """A00.FR.317: a client with `TLS_RSA_WITH_AES_128_GCM_SHA256` alone connects too."""
    running = await house.a_gateway(settings=settings)
    charge_point = await house.a_charge_point()
    socket = await websockets.connect(
        f"wss://127.0.0.1:{running.port}/ocpp/1.6/{charge_point.identity}",
        ssl=client(ciphers),
        subprotocols=["ocpp1.6"],
        additional_headers={"Authorization": charge_point.authorization},
    )
    tls = socket.transport.get_extra_info("ssl_object")
    assert expected is None or tls.cipher()[0] == expected
    assert tls.version() == ("TLSv1.2" if ciphers else "TLSv1.3")
    assert (await ask(socket, [2, "1", "Heartbeat", {}]))[0] == 3
    [row] = await house.rows("select security_profile from charge_point_live where connected", 1)
    assert row["security_profile"] == 2
    await socket.close()


async def test_plain_http_and_old_suites_are_refused_and_recorded(house: House, settings: GatewaySettings) -> None:
    """ocpp.md "Connecting": caught in front of the WebSocket library, so that a technician can be told."""
    running = await house.a_gateway(settings=settings)
    assert await raw(running.port, b"GET /ocpp/1.6/CP-001 HTTP/1.1\r\nHost: x\r\n\r\n") == b""
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", running.port, ssl=client("ECDHE-RSA-AES128-SHA"))
    attempts = await house.attempts(2)
    assert [each["outcome"] for each in attempts] == ["plain_http", "tls_failed"]
    assert {each["remote_address"] for each in attempts} == {"127.0.0.1"}
