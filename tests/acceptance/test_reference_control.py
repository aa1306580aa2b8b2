"""REF's requests that control a session and read it, verbatim with curl: status, stop, pause, resume, restart, logs."""

import asyncio
import json
import pathlib
import uuid
from typing import Any

import pytest

from acceptance.curl import Answer, assert_shape, curl
from installation import Installation
from sliproad.app.job_client import JobClient
from sliproad.simulator.charger import VirtualCharger
from sliproad.simulator.settings import ChargerSettings

pytestmark = pytest.mark.xdist_group("acceptance")

START = """curl -X POST https://api.dynamo-csms.com/api/v1/installer/commissioning/CP-SITE42-001/start \\
-H "Authorization: Bearer INSTALLER_ACCESS_TOKEN" \\
-H "Content-Type: application/json" \\
-d '{
"template_id": "tpl_standard_ac_22kw",
"skip_test_transaction": false
}'"""
STARTED = json.loads("""{
"charge_point_id": "CP-SITE42-001",
"session_id": "comm_9f2c4a7b",
"status": "running",
"started_at": "2024-03-10T14:30:00Z",
"estimated_duration_seconds": 120,
"steps": [
{"name": "connectivity", "status": "pending"},
{"name": "heartbeat", "status": "pending"},
{"name": "configuration", "status": "pending"},
{"name": "test_transaction", "status": "pending"}
]
}""")
STATUS = """curl https://api.dynamo-csms.com/api/v1/installer/commissioning/CP-SITE42-001/status \\
-H "Authorization: Bearer INSTALLER_ACCESS_TOKEN\""""
COMPLETED = json.loads("""{
"charge_point_id": "CP-SITE42-001",
"session_id": "comm_9f2c4a7b",
"status": "completed",
"result": "passed",
"started_at": "2024-03-10T14:30:00Z",
"completed_at": "2024-03-10T14:32:15Z",
"steps": [
{
"name": "connectivity",
"status": "passed",
"duration_ms": 342,
"detail": "WebSocket connected successfully"
},
{
"name": "heartbeat",
"status": "passed",
"duration_ms": 1050,
"detail": "Heartbeat received within 2s"
},
{
"name": "configuration",
"status": "passed",
"duration_ms": 8200,
"detail": "All 12 configuration keys applied"
},
{
"name": "test_transaction",
"status": "passed",
"duration_ms": 25600,
"detail": "Test transaction completed, 0.02 kWh delivered"
}
]
}""")
STOP = """curl -X POST https://api.dynamo-csms.com/api/v1/installer/commissioning/CP-SITE42-001/stop \\
-H "Authorization: Bearer INSTALLER_ACCESS_TOKEN\""""
STOPPED = json.loads("""{
"charge_point_id": "CP-SITE42-001",
"session_id": "comm_9f2c4a7b",
"status": "stopped",
"stopped_at": "2024-03-10T14:31:00Z"
}""")
PAUSE = """curl -X POST https://api.dynamo-csms.com/api/v1/installer/commissioning/CP-SITE42-001/pause \\
-H "Authorization: Bearer INSTALLER_ACCESS_TOKEN\""""
PAUSED = json.loads("""{
"charge_point_id": "CP-SITE42-001",
"session_id": "comm_9f2c4a7b",
"status": "paused",
"paused_at": "2024-03-10T14:31:00Z",
"paused_at_step": "configuration"
}""")
RESUME = """curl -X POST https://api.dynamo-csms.com/api/v1/installer/commissioning/CP-SITE42-001/resume \\
-H "Authorization: Bearer INSTALLER_ACCESS_TOKEN\""""
RESUMED = json.loads("""{
"charge_point_id": "CP-SITE42-001",
"session_id": "comm_9f2c4a7b",
"status": "running",
"resumed_at": "2024-03-10T14:35:00Z",
"resuming_at_step": "configuration"
}""")
RESTART = """curl -X POST https://api.dynamo-csms.com/api/v1/installer/commissioning/CP-SITE42-001/restart \\
-H "Authorization: Bearer INSTALLER_ACCESS_TOKEN" \\
-H "Content-Type: application/json" \\
-d '{}'"""
LOGS = """curl "https://api.dynamo-csms.com/api/v1/installer/commissioning/CP-SITE42-001/logs?level=error" \\
-H "Authorization: Bearer INSTALLER_ACCESS_TOKEN\""""
LOGGED = json.loads("""{
"charge_point_id": "CP-SITE42-001",
"session_id": "comm_9f2c4a7b",
"logs": [
{
"timestamp": "2024-03-10T14:30:01Z",
"level": "info",
"step": "connectivity",
"message": "Attempting WebSocket connection to charge point"
}
],
"total": 47
}""")


class Installing:
    """An installer beside a charge point, who types the reference's requests."""

    def __init__(self, sliproad: Installation, folder: pathlib.Path) -> None:
        self.sliproad, self.folder = sliproad, folder
        self.mark = uuid.uuid4().hex[:8]
        self.client = JobClient(sliproad.http_url, sliproad.mail_dir)
        self.made: dict[str, Any] = {}

    async def prepare(self) -> None:
        """An organisation's project with one registered charge point."""
        client = self.client
        client.api_key = self.sliproad.organization(f"cpo-{self.mark}@riverside.example")
        site = await client.cpo("POST", "cpo/sites", expect=201, body={"name": "Riverside", "address": "London"})
        project = {"name": "Phase 1", "site_id": site["site_id"], "charge_points_expected": 1}
        project_id = (await client.cpo("POST", "cpo/projects", expect=201, body=project))["project_id"]
        password = "your-secure-password"
        await client.sign_up_installer(f"alex-{self.mark}@acme.example", password, "Alex Technician", "Acme")
        path = f"cpo/projects/{project_id}/installers"
        await client.cpo("POST", path, expect=201, body={"installer_id": client.installer_id})
        body = {
            "project_id": project_id,
            "charge_point_id": f"CP-SITE42-{self.mark}",
            "serial_number": f"SN-{self.mark}",
            "vendor": "ABB",
            "model": "ABB Terra AC W22-G5",
        }
        self.made = await client.installer("POST", "charge-points", expect=201, body=body)

    def charger(self) -> VirtualCharger:
        return VirtualCharger(
            ChargerSettings(
                url=f"{self.sliproad.ocpp_url}/ocpp/1.6",
                identity=self.made["charge_point_id"],
                password=self.made["provisioning_password"],
                version="1.6",
                ledger_path=self.folder / "ledger.jsonl",
                time_scale=60.0,
            )
        )

    async def types(self, command: str, **replace: str) -> Answer:
        ids = {"CP-SITE42-001": self.made["charge_point_id"], "INSTALLER_ACCESS_TOKEN": self.client.installer_token}
        return await curl(command, self.sliproad.http_url, replace=ids | replace)


async def got(answer: Answer, status: int, printed: dict[str, Any]) -> dict[str, Any]:
    """The answer, which has this status and every key that the reference prints."""
    assert answer.status == status, answer.text
    assert_shape(answer.json(), printed)
    return answer.json()


async def test_a_session_is_controlled_and_read_as_the_reference_shows(
    sliproad: Installation, tmp_path: pathlib.Path
) -> None:
    alex = Installing(sliproad, tmp_path)
    await alex.prepare()
    for command in (STOP, PAUSE, RESUME, RESTART):
        answer = await alex.types(command)
        assert (answer.status, answer.json()["code"]) == (409, "invalid_state")
    async with alex.charger() as charger:
        await charger.wait_until_connected()
        first = await got(await alex.types(START), 202, STARTED)
        assert [step["name"] for step in first["steps"]] == [step["name"] for step in STARTED["steps"]]

        paused = await got(await alex.types(PAUSE), 200, PAUSED)
        assert paused.keys() == PAUSED.keys()
        assert (paused["session_id"], paused["status"]) == (first["session_id"], "paused")
        resumed = await got(await alex.types(RESUME), 200, RESUMED)
        assert resumed.keys() == RESUMED.keys()
        assert (resumed["status"], resumed["resuming_at_step"]) == ("running", paused["paused_at_step"])

        stopped = await got(await alex.types(STOP), 200, STOPPED)
        assert stopped.keys() == STOPPED.keys()
        assert (stopped["session_id"], stopped["status"]) == (first["session_id"], "stopped")

        again = await got(await alex.types(RESTART), 202, STARTED)
        assert again["session_id"] != first["session_id"]
        assert again["template_id"] == first["template_id"]
        async with asyncio.timeout(120):
            while (status := await alex.types(STATUS)).json()["status"] == "running":
                await asyncio.sleep(0.5)
        completed = await got(status, 200, COMPLETED)
        assert (completed["status"], completed["result"]) == ("completed", "passed"), completed["steps"]
        assert completed["session_id"] == again["session_id"]
    answer = await alex.types(RESTART)
    assert (answer.status, answer.json()["code"]) == (422, "already_commissioned")

    every = await got(await alex.types(LOGS, **{"?level=error": ""}), 200, LOGGED)
    assert every["session_id"] == again["session_id"]
    assert every["total"] >= len(every["logs"]) > 10
    errors = await alex.types(LOGS)
    assert (errors.status, errors.json()["logs"], errors.json()["total"]) == (200, [], 0)
    infos = await got(await alex.types(LOGS, **{"level=error": "level=info"}), 200, LOGGED)
    assert {line["level"] for line in infos["logs"]} == {"info"}
    earlier = await got(await alex.types(LOGS, **{"level=error": f"session_id={first['session_id']}"}), 200, LOGGED)
    assert earlier["session_id"] == first["session_id"]
    await alex.client.close()
