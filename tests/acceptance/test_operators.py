"""OPER's requests as they stand there, sent by the real curl; and what they do: a charge point is connected to the operator's server."""

import asyncio
import json
import pathlib
import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from acceptance.curl import Answer, assert_shape, curl
from installation import Installation
from operator_server import Authority, OperatorServer
from sliproad.app.job_client import JobClient
from sliproad.simulator import ChargerSettings, VirtualCharger

pytestmark = pytest.mark.xdist_group("acceptance")

HOST = "https://api.easee.com"
BASE = f"{HOST}/local-ocpp"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\\nYour CA certificate here\\n-----END CERTIFICATE-----"
HEAD = '-H "Authorization: Bearer OPERATOR_API_KEY" -H "Content-Type: application/json"'

STORE_DEFAULT = f"""curl -X POST {BASE}/v1/operators/{{operatorId}}/connection-details {HEAD} -d '{{
"connectivityMode": "DualProtocol",
"websocketConnectionArgs": {{
"url": "wss://your-ocpp-server.com/ocpp",
"caCertificate": "{CERTIFICATE}",
"caCertificateDomain": "your-ocpp-server.com"
}},
"basicAuthPassword": "your-password", // Optional
"applyToNewDevices": true // Whether to automatically apply to new chargers
}}'"""
STORED = {"version": "some-string-with-the-version-identifier"}
CHARGER_BODY = """{
"chargePointId": "string",
"basicAuthPassword": "string",
"websocketConnectionArgs": {
"url": "wss://your-ocpp-server.com/ocpp",
"caCertificate": "-----BEGIN CERTIFICATE-----\\nYour CA certificate here\\n-----END CERTIFICATE-----",
"caCertificateDomain": "your-ocpp-server.com"
},
"connectivityMode": "DualProtocol"
}"""
STORE_CHARGER = (
    f"curl -X POST {BASE}/v1/operators/{{operatorId}}/connection-details/{{serialNumber}} {HEAD} -d '{CHARGER_BODY}'"
)
APPLY_CHARGER = f"""curl -X POST {BASE}/v1/operators/{{operatorId}}/connections/chargers/{{serialNumber}} {HEAD} -d '{{
"version": "some-string-with-the-version-identifier"
}}'"""
APPLY_SITE = f"""curl -X POST {BASE}/v1/operators/{{operatorId}}/connections/sites/{{siteId}} {HEAD} -d '{{
"version": "some-string"
}}'"""
READ_CHARGER = f"curl {BASE}/v1/operators/{{operatorId}}/connection-details/{{serialNumber}} {HEAD}"
READ_DEFAULT = f"curl {BASE}/v1/operators/{{operatorId}}/connection-details {HEAD}"
READ_VERSION = f'curl "{BASE}/v1/operators/{{operatorId}}/connection-details?version=some-string" {HEAD}'
OFF = f"""curl -X POST {BASE}/v1/operators/{{operatorId}}/connection-details {HEAD} -d '{{
"basicAuthPassword": "string",
"websocketConnectionArgs": {{
"url": "wss://your-ocpp-server.com/ocpp",
"caCertificate": "string",
"caCertificateDomain": "string"
}},
"connectivityMode": "OcppOff"
}}'"""
CHARGER_READ = {
    "chargePointId": "string",
    "basicAuthPassword": "string",
    "websocketConnectionArgs": {"url": "string", "caCertificate": "string", "caCertificateDomain": "string"},
    "connectivityMode": "OcppOff | DualProtocol",
}
DEFAULT_READ = {name: value for name, value in CHARGER_READ.items() if name != "chargePointId"}


@dataclass
class Scene:
    """A site with one charge point, whose operator has an account of its own."""

    sliproad: Installation
    cpo: JobClient
    operator: dict[str, str]
    site_id: str
    serial_number: str
    charger: VirtualCharger

    async def ask(self, command: str, **replace: str) -> Answer:
        """One of the document's requests; whatever of these it names is replaced."""
        known = {
            HOST: self.sliproad.http_url,
            "{operatorId}": self.operator["operator_id"],
            "OPERATOR_API_KEY": self.operator["api_key"],
            "{serialNumber}": self.serial_number,
            "{siteId}": self.site_id,
            **replace,
        }
        return await curl(
            command, self.sliproad.http_url, replace={old: new for old, new in known.items() if old in command}
        )

    async def state(self, *states: str) -> dict[str, Any]:
        """How the connection is, as soon as it is in one of these states."""
        command = f"curl {BASE}/v1/operators/{{operatorId}}/connections/chargers/{{serialNumber}} {HEAD}"
        async with asyncio.timeout(60):
            while (told := (await self.ask(command)).json())["state"] not in states:
                await asyncio.sleep(0.2)
        return dict(told)


async def on_site(sliproad: Installation, folder: pathlib.Path) -> Scene:
    mark = uuid.uuid4().hex[:8]
    client, project_id = await sliproad.at_work(1)
    done = sliproad.run("admin", "create-operator", "--name", "Northern Lights", "--email", "ocpp@nl.example", "--json")
    assert done.returncode == 0, done.stderr
    operator: dict[str, str] = json.loads(done.stdout)
    site_id = (await client.cpo("GET", f"cpo/projects/{project_id}"))["site_id"]
    body = {"operator_id": operator["operator_id"]}
    assert (await client.cpo("PUT", f"cpo/sites/{site_id}/operator", body=body))["operator_id"] == body["operator_id"]
    charge_point = {"project_id": project_id, "serial_number": f"EH{mark}", "vendor": "ABB", "model": "Terra AC"}
    made = await client.installer("POST", "charge-points", expect=201, body=charge_point)
    settings = ChargerSettings(
        url=f"{sliproad.ocpp_url}/ocpp/1.6",
        identity=made["charge_point_id"],
        password=made["provisioning_password"],
        version="1.6",
        ledger_path=folder / "ledger.jsonl",
    )
    return Scene(sliproad, client, operator, site_id, f"EH{mark}", VirtualCharger(settings))


def as_json_text(pem: str) -> str:
    return json.dumps(pem)[1:-1]


async def test_the_documents_requests_as_they_stand_there(sliproad: Installation, tmp_path: pathlib.Path) -> None:
    scene, certificate = await on_site(sliproad, tmp_path), as_json_text(Authority(tmp_path).pem)
    given = {CERTIFICATE: certificate}

    stored = await scene.ask(STORE_DEFAULT, **given)
    assert stored.status == 201, stored.text
    assert_shape(stored.json(), STORED)
    default = stored.json()["version"]
    own = await scene.ask(STORE_CHARGER, **given)
    assert own.status == 201, own.text
    assert_shape(own.json(), STORED)

    read = await scene.ask(READ_DEFAULT)
    assert read.status == 200, read.text
    assert_shape(read.json(), DEFAULT_READ)
    sent = json.loads(json.dumps(DEFAULT_READ))
    assert {name: read.json()[name] for name in sent} == {
        "connectivityMode": "DualProtocol",
        "basicAuthPassword": "your-password",
        "websocketConnectionArgs": {
            "url": "wss://your-ocpp-server.com/ocpp",
            "caCertificate": json.loads(f'"{certificate}"'),
            "caCertificateDomain": "your-ocpp-server.com",
        },
    }
    of_charger = await scene.ask(READ_CHARGER)
    assert_shape(of_charger.json(), CHARGER_READ)
    assert of_charger.json()["chargePointId"] == "string"

    applied = await scene.ask(APPLY_CHARGER, **{STORED["version"]: own.json()["version"]})
    assert applied.status == 202, applied.text
    [row] = applied.json()["chargers"]
    assert (row["serialNumber"], row["chargePointId"]) == (scene.serial_number, "string")
    applied = await scene.ask(APPLY_SITE, **{"some-string": default})
    assert applied.status == 202, applied.text
    assert [row["chargePointId"] for row in applied.json()["chargers"]] == [scene.serial_number]

    off = await scene.ask(OFF)
    assert off.status == 201, off.text
    assert (await scene.ask(READ_DEFAULT)).json()["connectivityMode"] == "OcppOff"
    old = await scene.ask(READ_VERSION, **{"some-string": default})
    assert_shape(old.json(), DEFAULT_READ)
    assert old.json()["connectivityMode"] == "DualProtocol"
    applied = await scene.ask(APPLY_CHARGER, **{STORED["version"]: off.json()["version"]})
    assert applied.json()["chargers"][0]["state"] == "off"
    await scene.cpo.close()


async def test_a_private_key_pasted_by_mistake_is_refused_and_in_no_log(
    sliproad: Installation, tmp_path: pathlib.Path
) -> None:
    scene, authority = await on_site(sliproad, tmp_path), Authority(tmp_path)
    authority.server("your-ocpp-server.com")
    pasted = next(tmp_path.glob("*.pem")).read_text()
    secret = pasted.partition("PRIVATE KEY-----\n")[2].splitlines()[0]
    refused = await scene.ask(STORE_DEFAULT, **{CERTIFICATE: as_json_text(pasted)})
    assert (refused.status, refused.json()["code"]) == (400, "validation_error")
    assert [error["field"] for error in refused.json()["errors"]] == ["websocketConnectionArgs.caCertificate"]
    assert secret not in refused.text
    assert secret not in sliproad.log_path.read_text()
    await scene.cpo.close()


async def test_a_charge_point_is_connected_to_the_operators_server_and_off_again(
    sliproad: Installation, tmp_path: pathlib.Path
) -> None:
    scene, authority = await on_site(sliproad, tmp_path), Authority(tmp_path)
    async with OperatorServer(authority.server("localhost")) as server, scene.charger as charger:
        await charger.wait_until_connected()
        server.manners.passwords = {scene.serial_number: (scene.serial_number, "your-password")}
        given = {
            CERTIFICATE: as_json_text(authority.pem),
            '"wss://your-ocpp-server.com/ocpp"': f'"{server.url}"',
            '"your-ocpp-server.com"': '"localhost"',
        }
        version = (await scene.ask(STORE_DEFAULT, **given)).json()["version"]
        await scene.ask(APPLY_SITE, **{"some-string": version})
        assert (await scene.state("connected", "failed"))["reason"] is None
        [boot] = await server.heard(scene.serial_number, "BootNotification")
        assert boot.payload["chargePointModel"]
        await scene.cpo.cpo("PUT", f"cpo/sites/{scene.site_id}/operator", body={"operator_id": None})
        await server.until(lambda: scene.serial_number not in server.connected)
        await scene.cpo.cpo(
            "PUT", f"cpo/sites/{scene.site_id}/operator", body={"operator_id": scene.operator["operator_id"]}
        )
        assert (await scene.state("connected"))["version"] == version, "applyToNewDevices: given back, it is new again"
        off = (await scene.ask(OFF)).json()["version"]
        await scene.ask(APPLY_SITE, **{"some-string": off})
        await server.until(lambda: scene.serial_number not in server.connected)
        assert (await scene.state("off"))["version"] == off
    await scene.cpo.close()
