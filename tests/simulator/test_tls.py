"""Security profile 2: Basic authentication over TLS; a server that cannot be trusted is not talked to."""

import asyncio
import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from simulator.conftest import QUICK
from simulator.csms import Csms
from sliproad.simulator import ChargerSettings, VirtualCharger


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "csms")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "csms.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path


async def test_boots_over_tls_with_a_server_it_trusts_and_not_with_another(certificate: Path, tmp_path: Path) -> None:
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificate)
    async with asyncio.timeout(20), Csms(tls=server_context) as csms:
        url = csms.url.replace("ws://", "wss://")
        settings = ChargerSettings(**(QUICK | {"url": url, "version": "2.0.1", "ledger_path": tmp_path / "ledger"}))
        trusting = ssl.create_default_context(cafile=str(certificate))
        async with VirtualCharger(settings, ssl_context=trusting) as charger:
            await charger.wait_until_connected()
        async with VirtualCharger(settings) as charger:
            failed = await charger.events.expect("connection_failed")
    assert "CERTIFICATE_VERIFY_FAILED" in failed.details["why"]
    assert len(csms.handshakes) == 1
