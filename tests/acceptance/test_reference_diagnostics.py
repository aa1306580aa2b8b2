"""REF's request for diagnostics, verbatim with curl; and the logs and firmware that our own installation moves (contract §3)."""

import asyncio
import json
import pathlib
import uuid
from typing import Any

import pytest

from acceptance.curl import curl
from installation import Installation
from sliproad.app.job_client import JobClient
from sliproad.simulator import ChargerSettings, VirtualCharger

pytestmark = pytest.mark.xdist_group("acceptance")

DIAGNOSTICS = """curl https://api.dynamo-csms.com/api/v1/installer/commissioning/CP-SITE42-001/diagnostics \\
-H "Authorization: Bearer INSTALLER_ACCESS_TOKEN\""""
DIAGNOSED = json.loads("""{
"charge_point_id": "CP-SITE42-001",
"collected_at": "2024-03-10T14:30:05Z",
"firmware": {
"version": "3.8.2",
"vendor": "ABB",
"last_updated": "2023-11-01T00:00:00Z"
},
"ocpp": {
"version": "1.6",
"supported_features": [
"Core", "FirmwareManagement", "LocalAuthListManagement",
"Reservation", "SmartCharging", "RemoteTrigger"
]
},
"network": {
"interface": "ethernet",
"ip_address": "192.168.1.101",
"signal_strength": null,
"dns_resolution_ok": true,
"ntp_synced": true
},
"hardware": {
"connectors": 2,
"meter_type": "MID certified",
"rcd_present": true
},
"configuration_readonly_keys": [
"ChargePointVendor",
"ChargePointModel",
"ChargePointSerialNumber"
]
}""")
NEVER_TOLD = {
    "1.6": {"last_updated", "interface", "ip_address", "dns_resolution_ok", "ntp_synced", "rcd_present"},
    "2.0.1": {"last_updated", "interface", "dns_resolution_ok", "ntp_synced", "meter_type"},
}
NEVER_TOLD["2.1"] = NEVER_TOLD["2.0.1"]
"""What this charge point does not know of itself: null, never invented."""


def assert_told(answer: Any, printed: Any, unknown: set[str]) -> None:
    """Every key that REF prints is there, with its type; null just where the charge point does not tell it."""
    for key, value in printed.items():
        assert key in answer, key
        if isinstance(value, dict):
            assert_told(answer[key], value, unknown)
        elif key in unknown:
            assert answer[key] is None, key
        elif isinstance(value, list):
            assert answer[key], key
            assert {type(item) for item in answer[key]} == {str}
        elif value is not None:
            assert isinstance(answer[key], type(value)), key


async def on_site(sliproad: Installation, version: str, folder: pathlib.Path) -> tuple[JobClient, VirtualCharger]:
    """An installer, and a charge point with two connectors that they have registered."""
    mark = uuid.uuid4().hex[:8]
    client = JobClient(sliproad.http_url, sliproad.mail_dir)
    client.api_key = sliproad.organization(f"cpo-{mark}@riverside.example")
    site = await client.cpo("POST", "cpo/sites", expect=201, body={"name": "Riverside", "address": "London"})
    project: dict[str, Any] = {"name": "Phase 1", "site_id": site["site_id"], "charge_points_expected": 1}
    project_id = (await client.cpo("POST", "cpo/projects", expect=201, body=project))["project_id"]
    await client.sign_up_installer(f"alex-{mark}@acme.example", "your-secure-password", "Alex Technician", "Acme")
    path = f"cpo/projects/{project_id}/installers"
    await client.cpo("POST", path, expect=201, body={"installer_id": client.installer_id})
    body = {"project_id": project_id, "serial_number": f"SN-{mark}", "vendor": "ABB", "model": "Terra AC",
            "ocpp_version": version, "connector_count": 2}  # fmt: skip
    made = await client.installer("POST", "charge-points", expect=201, body=body)
    settings = ChargerSettings(
        url=f"{sliproad.ocpp_url}/ocpp/{version}",
        identity=made["charge_point_id"],
        password=made["provisioning_password"],
        version=version,  # type: ignore[arg-type]
        connectors=2,
        vendor="ABB",
        model="Terra AC",
        firmware_version="3.8.2",
        reboot_seconds=0.1,
        ledger_path=folder / "ledger.jsonl",
        validate=True,
    )
    return client, VirtualCharger(settings)


async def until(client: JobClient, path: str, field: str, *, as_cpo: bool = False) -> dict[str, Any]:
    """The answer at `path` once it is in its end."""
    ask = client.cpo if as_cpo else client.installer
    async with asyncio.timeout(60):
        while (answer := await ask("GET", path))[field] not in {"uploaded", "failed", "installed"}:
            await asyncio.sleep(0.2)
    return dict(answer)


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_diagnostics_a_log_and_new_firmware(sliproad: Installation, version: str, tmp_path: pathlib.Path) -> None:
    client, charger = await on_site(sliproad, version, tmp_path)
    charge_point_id = charger.settings.identity
    async with charger:
        await charger.wait_until_connected()
        replace = {"CP-SITE42-001": charge_point_id, "INSTALLER_ACCESS_TOKEN": client.installer_token}
        answer = await curl(DIAGNOSTICS, sliproad.http_url, replace=replace)
        assert answer.status == 200, answer.text
        told = answer.json()
        assert_told(told, DIAGNOSED, NEVER_TOLD[version])
        assert (told["charge_point_id"], told["ocpp"]["version"]) == (charge_point_id, version)
        assert (told["firmware"]["version"], told["firmware"]["vendor"]) == ("3.8.2", "ABB")
        assert told["hardware"]["connectors"] == 2

        place = f"commissioning/{charge_point_id}/diagnostics"
        upload = await client.installer("POST", f"{place}/upload", expect=202)
        done = await until(client, f"{place}/uploads/{upload['upload_id']}", "status")
        assert done["status"] == "uploaded", done
        headers = {"authorization": f"Bearer {client.installer_token}"}
        log = await client.http.get(done["download_url"], headers=headers)
        assert log.content.startswith(b"ABB Terra AC ")

        files = {"file": ("terra-3.9.0.bin", b"firmware" * 100_000)}
        made = await client.http.post(
            "/api/v1/cpo/firmware", data={"version": "3.9.0", "vendor": "ABB", "models": "Terra*"}, files=files,
            headers={"authorization": f"Bearer {client.api_key}"},
        )  # fmt: skip
        assert made.status_code == 201, made.text
        path = f"cpo/charge-points/{charge_point_id}/firmware-updates"
        body = {"firmware_id": made.json()["firmware_id"]}
        begun = await client.cpo("POST", path, expect=202, body=body)
        done = await until(client, f"{path}/{begun['update_id']}", "state", as_cpo=True)
        assert (done["state"], done["detail"]) == ("installed", "The charge point booted with firmware 3.9.0.")

        async with asyncio.timeout(20):  # the proof is stored within seconds
            while (told := await client.installer("GET", place))["firmware"]["last_updated"] is None:
                await asyncio.sleep(0.2)
        assert told["firmware"]["version"] == "3.9.0"
    await client.close()
