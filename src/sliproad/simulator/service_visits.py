"""Firmware updates and log uploads, as far as the CSMS sees them. Started by the links after their answer."""

import asyncio
import re

from sliproad.simulator.station import Station

VERSION = re.compile(r"\d+\.\d+(?:\.\d+)*")


async def update_firmware(station: Station, location: str, request_id: int | None) -> None:
    """Go through the stages of OCPP 1.6 §6.6 (2.x L02), then boot with the version that the file's name gives.

    Nothing is downloaded: the firmware of a virtual charge point is a number.
    """
    for status in ("Downloading", "Downloaded", "Installing"):
        station.say(station.dialect.firmware_status(status, request_id))
        await asyncio.sleep(station.settings.firmware_stage_seconds)
    found = VERSION.search(location.rsplit("/", 1)[-1])
    if found is not None:
        station.ledger.remember("firmware_version", found.group())
    station.installed_by_request = (request_id,)
    station.reboot("FirmwareUpdate")


async def send_log(station: Station, request_id: int | None) -> None:
    """Tell of an upload (OCPP 1.6 §6.5, 2.x N01). Nothing is uploaded: a virtual charge point keeps no log."""
    for status in ("Uploading", "Uploaded"):
        station.say(station.dialect.log_status(status, request_id))
        await asyncio.sleep(station.settings.firmware_stage_seconds)
