"""The GUIDE, request by request: an installer's whole job with curl, against each OCPP version in turn."""

import json
import pathlib
import subprocess
import uuid
from typing import Any

import pytest

from acceptance.curl import assert_shape, curl
from installation import Installation
from sliproad.app.job_client import JobClient, mailed_token
from sliproad.simulator.charger import VirtualCharger
from sliproad.simulator.ledger import Ledger
from sliproad.simulator.settings import ChargerSettings

pytestmark = pytest.mark.xdist_group("acceptance")

SIGN_UP = """curl -X POST https://api.dynamo-csms.com/api/v1/installer/signup \\
  -H "Content-Type: application/json" \\
  -d '{
    "email": "alex@acme-ev-installs.com",
    "password": "your-secure-password",
    "full_name": "Alex Technician",
    "phone": "+447700900123",
    "company": "Acme EV Installations"
  }'"""
SIGNED_UP = json.loads("""{
  "installer_id": "ins_01hx9k2m3n4p",
  "email": "alex@acme-ev-installs.com",
  "status": "pending_verification",
  "message": "Check your email to verify your account before logging in."
}""")
LOG_IN = """curl -X POST https://api.dynamo-csms.com/api/v1/installer/login \\
  -H "Content-Type: application/json" \\
  -d '{
    "email": "alex@acme-ev-installs.com",
    "password": "your-secure-password"
  }'"""
LOGGED_IN = json.loads("""{
  "access_token": "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9...",
  "token_type": "Bearer",
  "expires_in": 3600,
  "installer_id": "ins_01hx9k2m3n4p"
}""")
PROJECTS = """curl -X GET https://api.dynamo-csms.com/api/v1/installer/projects \\
  -H "Authorization: Bearer $TOKEN\""""
PROJECT_LIST = json.loads("""{
  "projects": [
    {
      "project_id": "proj_01hx5t6u7v8w",
      "name": "Riverside Business Park — Phase 1",
      "site_address": "Unit 12, Riverside Business Park, London E1W 3SJ",
      "charge_points_expected": 6,
      "charge_points_commissioned": 0,
      "status": "in_progress",
      "assigned_at": "2026-04-28T08:00:00Z"
    }
  ]
}""")
REGISTER = """curl -X POST https://api.dynamo-csms.com/api/v1/installer/charge-points \\
  -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{
    "project_id": "proj_01hx5t6u7v8w",
    "serial_number": "SN-ABX-20240501-007",
    "model": "Alpitronic HYC300",
    "vendor": "Alpitronic",
    "ocpp_version": "2.0.1",
    "max_power_kw": 300,
    "connector_count": 2,
    "location": {
      "latitude": 51.5074,
      "longitude": -0.1278,
      "description": "Bay 4, Level P1"
    }
  }'"""
REGISTERED = json.loads("""{
  "charge_point_id": "cp_01hxab1c2d3e",
  "ocpp_endpoint": "wss://ocpp.dynamo-csms.com/ocpp/2.0.1/cp_01hxab1c2d3e",
  "status": "registered",
  "provisioning_password": "ocpp-prov-secret-xyz",
  "created_at": "2026-05-01T10:23:00Z"
}""")
START = """curl -X POST https://api.dynamo-csms.com/api/v1/installer/commissioning/cp_01hxab1c2d3e/start \\
  -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{
    "run_connectivity_test": true,
    "run_meter_calibration": true,
    "notes": "Installed in underground car park — check signal strength."
  }'"""
STARTED = json.loads("""{
  "commissioning_id": "comm_01hxef4g5h6i",
  "charge_point_id": "cp_01hxab1c2d3e",
  "status": "in_progress",
  "checks": [
    { "name": "ocpp_connection", "status": "passed" },
    { "name": "heartbeat", "status": "passed" },
    { "name": "meter_calibration", "status": "in_progress" },
    { "name": "firmware_version", "status": "passed", "value": "3.4.1" }
  ],
  "started_at": "2026-05-01T10:31:00Z"
}""")
HAND_OVER = """curl -X POST https://api.dynamo-csms.com/api/v1/installer/projects/proj_01hx5t6u7v8w/complete-handover \\
  -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{
    "signed_by": "Alex Technician",
    "handover_notes": "All 6 bays commissioned. Bay 3 connector 2 required firmware update — completed on site.",
    "site_contact_name": "Sarah Owen",
    "site_contact_email": "s.owen@riversidebp.co.uk"
  }'"""
HANDED_OVER = json.loads("""{
  "project_id": "proj_01hx5t6u7v8w",
  "status": "handed_over",
  "handover_certificate_url": "https://api.dynamo-csms.com/certificates/proj_01hx5t6u7v8w.pdf",
  "handed_over_at": "2026-05-01T14:45:00Z"
}""")
CHECKS = {"ocpp_connection", "heartbeat", "meter_calibration", "firmware_version"}


class Job:
    """One run of the GUIDE: what was given to whom."""

    def __init__(self, sliproad: Installation, version: str) -> None:
        self.sliproad, self.version = sliproad, version
        self.mark = uuid.uuid4().hex[:8]
        self.installer_mail = f"alex-{self.mark}@acme-ev-installs.com"
        self.owner_mail = f"s.owen-{self.mark}@riversidebp.co.uk"
        self.cpo_mail = f"cpo-{self.mark}@riverside-charging.example"
        self.client = JobClient(sliproad.http_url, sliproad.mail_dir)
        self.token = ""
        self.project_id = ""
        self.made: dict[str, Any] = {}

    async def curl(self, command: str, **replace: str) -> Any:
        names = {
            "alex": "alex@acme-ev-installs.com",
            "project": "proj_01hx5t6u7v8w",
            "charge_point": "cp_01hxab1c2d3e",
            "serial": "SN-ABX-20240501-007",
            "version": '"ocpp_version": "2.0.1"',
            "owner": "s.owen@riversidebp.co.uk",
        }
        texts = {names[name]: value for name, value in replace.items()}
        return await curl(command, self.sliproad.http_url, replace=texts, shell={"TOKEN": self.token})

    async def prepare(self) -> None:
        """What the CPO does before: organisation, site, project."""
        made = self.sliproad.create_organization(self.cpo_mail)
        self.client.api_key = made["api_key"]
        address = "Unit 12, Riverside Business Park, London E1W 3SJ"
        site = await self.client.cpo(
            "POST", "cpo/sites", expect=201,
            body={"name": "Riverside", "address": address, "latitude": 51.5, "longitude": -0.06},
        )  # fmt: skip
        project = await self.client.cpo(
            "POST", "cpo/projects", expect=201,
            body={"name": "Riverside Business Park — Phase 1", "site_id": site["site_id"], "charge_points_expected": 1},
        )  # fmt: skip
        self.project_id = project["project_id"]

    def charger(self, folder: pathlib.Path) -> VirtualCharger:
        return VirtualCharger(
            ChargerSettings(
                url=f"{self.sliproad.ocpp_url}/ocpp/{self.version}",
                identity=self.made["charge_point_id"],
                password=self.made["provisioning_password"],
                version=self.version,
                connectors=2,
                vendor="Alpitronic",
                model="Alpitronic HYC300",
                max_power_w=300_000,
                ledger_path=folder / "ledger.jsonl",
                time_scale=60.0,
                validate=True,
            )
        )


@pytest.mark.parametrize("version", ["2.0.1", "1.6", "2.1"])
async def test_the_whole_job(sliproad: Installation, version: str, tmp_path: pathlib.Path) -> None:
    job = Job(sliproad, version)
    await job.prepare()

    answer = await job.curl(SIGN_UP, alex=job.installer_mail)
    assert answer.status == 201, answer.text
    assert_shape(answer.json(), SIGNED_UP)
    assert answer.json()["status"] == "pending_verification"
    installer_id = answer.json()["installer_id"]

    assert (await job.curl(LOG_IN, alex=job.installer_mail)).json()["code"] == "email_not_verified"
    token = mailed_token(await job.client.mail_to(job.installer_mail))
    await job.client.call("POST", "/api/v1/installer/verify-email", expect=200, body={"token": token})

    answer = await job.curl(LOG_IN, alex=job.installer_mail)
    assert answer.status == 200, answer.text
    assert_shape(answer.json(), LOGGED_IN)
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 3600)
    job.token = job.client.installer_token = answer.json()["access_token"]

    await job.client.cpo(
        "POST", f"cpo/projects/{job.project_id}/installers", expect=201, body={"installer_id": installer_id}
    )
    answer = await job.curl(PROJECTS)
    assert answer.status == 200, answer.text
    assert_shape(answer.json(), PROJECT_LIST)
    assert [project["project_id"] for project in answer.json()["projects"]] == [job.project_id]

    answer = await job.curl(
        REGISTER, project=job.project_id, serial=f"SN-{job.mark}", version=f'"ocpp_version": "{version}"'
    )
    assert answer.status == 201, answer.text
    assert_shape(answer.json(), REGISTERED)
    job.made = answer.json()
    charge_point_id = job.made["charge_point_id"]
    assert job.made["ocpp_endpoint"] == f"{sliproad.ocpp_url}/ocpp/{version}/{charge_point_id}"

    answer = await job.curl(START, charge_point=charge_point_id)
    assert (answer.status, answer.json()["code"]) == (409, "not_connected")

    async with job.charger(tmp_path) as charger:
        await charger.wait_until_connected()
        answer = await job.curl(START, charge_point=charge_point_id)
        assert answer.status == 202, answer.text
        assert_shape(answer.json(), STARTED)
        assert {check["name"] for check in answer.json()["checks"]} == CHECKS
        assert answer.json()["commissioning_id"] == answer.json()["session_id"]

        again = await job.curl(START, charge_point=charge_point_id)
        assert (again.status, again.json()["code"]) == (409, "session_already_running")
        early = await job.curl(HAND_OVER, project=job.project_id, owner=job.owner_mail)
        assert (early.status, early.json()["code"]) == (403, "handover_not_ready")

        ended = await job.client.until_commissioned(charge_point_id)
        assert (ended["status"], ended["result"]) == ("completed", "passed"), ended
        for check in ended["checks"]:
            assert check["status"] == "passed", ended
        firmware = next(check for check in ended["checks"] if check["name"] == "firmware_version")
        assert firmware["value"] == "3.4.1"
        await assert_same_energy(job, charger, tmp_path / "ledger.jsonl")

    answer = await job.curl(START, charge_point=charge_point_id)
    assert (answer.status, answer.json()["code"]) == (422, "already_commissioned")

    answer = await job.curl(HAND_OVER, project=job.project_id, owner=job.owner_mail)
    assert answer.status == 200, answer.text
    assert_shape(answer.json(), HANDED_OVER)
    assert answer.json()["status"] == "handed_over"
    await assert_certificate(job, answer.json()["handover_certificate_url"], tmp_path)
    for mailbox in (job.cpo_mail, job.owner_mail):
        mail = await job.client.mail_to(mailbox, subject="Riverside Business Park")
        assert any(part.get_content_type() == "application/pdf" for part in mail.iter_attachments()), mail["subject"]

    again = await job.curl(HAND_OVER, project=job.project_id, owner=job.owner_mail)
    assert (again.status, again.json()["code"]) == (409, "project_handed_over")
    late = await job.curl(REGISTER, project=job.project_id, serial="late", version=f'"ocpp_version": "{version}"')
    assert (late.status, late.json()["code"]) == (409, "project_handed_over")
    await job.client.close()


async def assert_same_energy(job: Job, charger: VirtualCharger, ledger_path: pathlib.Path) -> None:
    """The charger's own ledger and our API agree: equal counts, equal Wh."""
    await charger.wait_until_delivered()
    ledger = Ledger.read(ledger_path)
    listed = await job.client.cpo("GET", f"cpo/transactions?charge_point_id={job.made['charge_point_id']}")
    ours = [transaction["energy_wh"] for transaction in listed["transactions"]]
    theirs = [transaction.energy_wh for transaction in ledger.transactions.values()]
    assert len(ours) == len(theirs) == 1
    assert [float(energy) for energy in ours] == [float(energy) for energy in theirs]
    assert ours[0] > 0


async def assert_certificate(job: Job, url: str, folder: pathlib.Path) -> None:
    """The PDF verifies with a verifier that is not ours; one changed byte fails."""
    answer = await job.client.http.get(url)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    good, bad = folder / "certificate.pdf", folder / "changed.pdf"
    good.write_bytes(answer.content)
    changed = bytearray(answer.content)
    changed[len(changed) // 3] ^= 1
    bad.write_bytes(bytes(changed))
    said = subprocess.run(["pdfsig", str(good)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    said = subprocess.run(["pdfsig", str(bad)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" not in said
