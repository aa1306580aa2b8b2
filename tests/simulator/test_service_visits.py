"""Firmware and logs move over HTTP for real: OCPP 1.6 §4.4, §4.5, §5.9, §5.19, security whitepaper §4; 2.x L01, L02, N01."""

import base64
import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from simulator.conftest import FileServer, Powered
from simulator.csms import Csms
from simulator.spoken import VERSIONS
from sliproad.simulator import Fault

every_version = pytest.mark.parametrize("version", VERSIONS)
NOW = "2026-01-01T00:00:00Z"


def signed(content: bytes, kind: str) -> dict[str, str]:
    """A signature over the content and the certificate that verifies it."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Vendor firmware")])
    key: Any = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 3072)
    if kind == "ec":
        signature = key.sign(content, ec.ECDSA(SHA256()))
    else:
        signature = key.sign(content, padding.PSS(padding.MGF1(SHA256()), padding.PSS.DIGEST_LENGTH), SHA256())
    since = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(since)
        .not_valid_after(since + datetime.timedelta(days=3650))
        .sign(key, SHA256())
    )
    return {
        "signature": base64.b64encode(signature).decode(),
        "signingCertificate": certificate.public_bytes(Encoding.PEM).decode(),
    }


async def get_log(csms: Csms, version: str, location: str) -> dict[str, Any]:
    if version == "1.6":
        return await csms.call("GetDiagnostics", {"location": location})
    return await csms.call("GetLog", {"requestId": 5, "logType": "DiagnosticsLog", "log": {"remoteLocation": location}})


def notifications(version: str) -> str:
    return "DiagnosticsStatusNotification" if version == "1.6" else "LogStatusNotification"


@every_version
async def test_a_log_is_put_to_the_location_with_its_name(
    csms: Csms, powered: Powered, file_server: FileServer, version: str
) -> None:
    async with powered(version=version, log_bytes=100_000):
        answer = await get_log(csms, version, f"{file_server.url}/logs/")
        await csms.wait_for(notifications(version), status="Uploaded")
    name = answer["fileName" if version == "1.6" else "filename"]
    assert len(file_server.files[f"/logs/{name}"]) == 100_000
    assert [told["status"] for told in csms.of(notifications(version))] == ["Uploading", "Uploaded"]


@every_version
async def test_an_upload_that_nobody_takes_is_told_so(csms: Csms, powered: Powered, version: str) -> None:
    async with powered(version=version):
        await get_log(csms, version, "http://127.0.0.1:1/logs")
        failed = "UploadFailed" if version == "1.6" else "UploadFailure"
        await csms.wait_for(notifications(version), status=failed)


@every_version
async def test_firmware_that_is_not_there_is_told_so(
    csms: Csms, powered: Powered, file_server: FileServer, version: str
) -> None:
    location = f"{file_server.url}/fw-9.9.bin"
    update: dict[str, Any] = {"location": location, "retrieveDate": NOW}
    if version != "1.6":
        update = {"requestId": 1, "firmware": {"location": location, "retrieveDateTime": NOW}}
    async with powered(version=version):
        await csms.call("UpdateFirmware", update)
        await csms.wait_for("FirmwareStatusNotification", status="DownloadFailed")


@every_version
@pytest.mark.parametrize("kind", ["ec", "rsa"])
@pytest.mark.parametrize("is_right", [True, False])
async def test_signed_firmware_is_only_installed_when_its_signature_is_right(
    csms: Csms, powered: Powered, file_server: FileServer, version: str, kind: str, is_right: bool
) -> None:
    content = b"firmware" * 1000
    file_server.files["/fw-4.1.0.bin"] = content if is_right else b"something else"
    firmware = {"location": f"{file_server.url}/fw-4.1.0.bin", "retrieveDateTime": NOW} | signed(content, kind)
    action, told = "UpdateFirmware", "FirmwareStatusNotification"
    if version == "1.6":
        action, told = "SignedUpdateFirmware", "SignedFirmwareStatusNotification"
    async with powered(version=version) as charger:
        assert (await csms.call(action, {"requestId": 3, "firmware": firmware}))["status"] == "Accepted"
        if is_right:
            await csms.wait_for("BootNotification", 2)
            await csms.wait_for(told, status="Installed")
        else:
            await csms.wait_for(told, status="InvalidSignature")
        assert charger.station.firmware_version == ("4.1.0" if is_right else "3.4.1")
    assert {each["requestId"] for each in csms.of(told)} == {3}


async def test_a_charge_point_may_keep_its_old_firmware_and_still_say_installed(
    csms: Csms, powered: Powered, file_server: FileServer
) -> None:
    file_server.files["/fw-4.0.1.bin"] = b"firmware"
    update = {"location": f"{file_server.url}/fw-4.0.1.bin", "retrieveDate": NOW}
    async with powered(version="1.6", faults=frozenset({Fault.KEEPS_ITS_FIRMWARE})):
        await csms.call("UpdateFirmware", update)
        boot = await csms.wait_for("BootNotification", 2)
        await csms.wait_for("FirmwareStatusNotification", status="Installed")
    assert boot["firmwareVersion"] == "3.4.1"
