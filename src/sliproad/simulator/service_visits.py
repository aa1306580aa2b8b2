"""Firmware updates and log uploads, done in earnest over HTTP. Started by the links after their answer."""

import asyncio
import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate

from sliproad.simulator.faults import Fault
from sliproad.simulator.file_transfer import TransferFailedError, download, upload
from sliproad.simulator.station import Station

VERSION = re.compile(r"\d+\.\d+(?:\.\d+)*")


@dataclass(frozen=True)
class Firmware:
    """What an update asks for. `signature` is base64 over the file, by the key of `signing_certificate` (PEM)."""

    location: str
    retrieve_at: str
    signature: str | None = None
    signing_certificate: str | None = None


async def update_firmware(station: Station, firmware: Firmware, request_id: int | None) -> None:
    """Go through the stages of OCPP 1.6 §6.6 (2.x L01, L02), then boot with the version that the file's name gives."""

    async def tell(status: str) -> None:
        station.say(station.dialect.firmware_status(status, request_id))
        await asyncio.sleep(station.settings.firmware_stage_seconds)

    await _wait_until(firmware.retrieve_at)
    await tell("Downloading")
    try:
        content = (await download(firmware.location)).content
    except TransferFailedError as error:
        station.events.publish("firmware_refused", why=str(error))
        return await tell("DownloadFailed")
    await tell("Downloaded")
    if firmware.signature is not None and firmware.signing_certificate is not None:
        if not is_signed(content, firmware.signature, firmware.signing_certificate):
            return await tell("InvalidSignature")
        await tell("SignatureVerified")
    await tell("Installing")
    if not content or station.settings.has(Fault.FAILS_TO_INSTALL):
        return await tell("InstallationFailed")
    found = VERSION.search(firmware.location.rsplit("/", 1)[-1])
    if found is not None and not station.settings.has(Fault.KEEPS_ITS_FIRMWARE):
        station.ledger.remember("firmware_version", found.group())
    station.installed_by_request = (request_id,)
    station.reboot("FirmwareUpdate")
    return None


async def send_log(station: Station, location: str, request_id: int | None, name: str) -> None:
    """Upload a log (OCPP 1.6 §6.5, 2.x N01): by PUT, to the location it was given with the file's name appended."""
    station.say(station.dialect.log_status("Uploading", request_id))
    if station.settings.has(Fault.NEVER_UPLOADS):
        return
    try:
        await upload(f"{location.rstrip('/')}/{name}", log_text(station))
    except TransferFailedError as error:
        station.events.publish("upload_failed", why=str(error))
        failed = "UploadFailed" if request_id is None else "UploadFailure"
        station.say(station.dialect.log_status(failed, request_id))
        return
    station.events.publish("uploaded", url=location)
    station.say(station.dialect.log_status("Uploaded", request_id))


def log_text(station: Station) -> bytes:
    """What a virtual charge point has in its log: who it is, then lines until it is as long as the settings say."""
    plate = station.settings
    head = f"{plate.vendor} {plate.model} {plate.serial_number} firmware {station.firmware_version}\n".encode()
    line = f"{plate.identity} heartbeat sent, answer received\n".encode()
    return (head + line * (plate.log_bytes // len(line) + 1))[: max(plate.log_bytes, len(head))]


def is_signed(content: bytes, signature: str, certificate: str) -> bool:
    """Whether the certificate's key signed the file: RSA-PSS or ECDSA over SHA-256 (OCPP 2.x L01, whitepaper §4.1)."""
    try:
        key = load_pem_x509_certificate(certificate.encode()).public_key()
        signed = base64.b64decode(signature)
        if isinstance(key, rsa.RSAPublicKey):
            pss = padding.PSS(padding.MGF1(SHA256()), padding.PSS.AUTO)
            key.verify(signed, content, pss, SHA256())
            return True
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signed, content, ec.ECDSA(SHA256()))
            return True
    except (InvalidSignature, ValueError):
        return False
    return False


async def _wait_until(moment: str) -> None:
    """Until the time of retrieval, by the wall clock: a virtual clock in 1970 would wait for ever."""
    seconds = (datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds()
    await asyncio.sleep(max(0.0, seconds))
