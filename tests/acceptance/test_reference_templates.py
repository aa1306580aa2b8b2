"""REF's requests about templates, verbatim with curl, against a connected charge point of each version."""

import json
import pathlib

import pytest

from acceptance.curl import assert_shape, curl
from acceptance.test_reference_issues import on_site
from installation import Installation
from sliproad.simulator.charger import VirtualCharger
from sliproad.simulator.settings import ChargerSettings

pytestmark = pytest.mark.xdist_group("acceptance")

LIST = """curl https://api.dynamo-csms.com/api/v1/installer/commissioning/templates \\
-H "Authorization: Bearer INSTALLER_ACCESS_TOKEN\""""
LISTED = json.loads("""{
"templates": [
{
"template_id": "tpl_standard_ac_22kw",
"name": "Standard AC 22kW",
"description": "Default commissioning for Type 2 AC chargers up to 22kW.",
"compatible_models": ["ABB Terra AC W22-G5", "Schneider EVlink Pro AC"],
"steps": ["connectivity", "heartbeat", "configuration", "test_transaction"],
"created_at": "2024-01-01T00:00:00Z"
},
{
"template_id": "tpl_dc_rapid_50kw",
"name": "DC Rapid 50kW",
"description": "Commissioning template for DC rapid chargers with CHAdeMO and CCS connectors.",
"compatible_models": ["ABB Terra 54 CJG", "Tritium PKM75"],
"steps": ["connectivity", "heartbeat", "configuration", "connector_test", "test_transaction"],
"created_at": "2024-01-01T00:00:00Z"
}
],
"total": 2
}""")
APPLY = """curl -X POST https://api.dynamo-csms.com/api/v1/installer/commissioning/CP-SITE42-001/apply-template \\
-H "Authorization: Bearer INSTALLER_ACCESS_TOKEN" \\
-H "Content-Type: application/json" \\
-d '{"template_id": "tpl_standard_ac_22kw"}'"""
APPLIED = json.loads("""{
"charge_point_id": "CP-SITE42-001",
"template_id": "tpl_standard_ac_22kw",
"applied_keys": 12,
"rejected_keys": ["ReserveConnectorZeroSupported"],
"applied_at": "2024-03-10T14:32:00Z"
}""")


async def test_templates_as_the_reference_shows_them(sliproad: Installation, tmp_path: pathlib.Path) -> None:
    client, charge_point_id, _ = await on_site(sliproad)
    ids = {"CP-SITE42-001": charge_point_id, "INSTALLER_ACCESS_TOKEN": client.installer_token}
    token = {"INSTALLER_ACCESS_TOKEN": client.installer_token}

    answer = await curl(LIST, sliproad.http_url, replace=token)
    assert answer.status == 200, answer.text
    found = answer.json()
    assert found["total"] == 2
    for shown, printed in zip(found["templates"], LISTED["templates"], strict=True):
        assert {name: shown[name] for name in printed} == printed

    answer = await curl(APPLY, sliproad.http_url, replace=ids)
    assert (answer.status, answer.json()["code"]) == (409, "not_connected")
    missing = {"tpl_standard_ac_22kw": "tpl_of_somebody_else"}
    answer = await curl(APPLY, sliproad.http_url, replace=ids | missing)
    assert (answer.status, answer.json()["code"]) == (404, "not_found")

    rotated = await client.installer("POST", f"charge-points/{charge_point_id}/rotate-password")
    charger = VirtualCharger(
        ChargerSettings(
            url=f"{sliproad.ocpp_url}/ocpp/1.6",
            identity=charge_point_id,
            password=rotated["provisioning_password"],
            version="1.6",
            ledger_path=tmp_path / "ledger.jsonl",
            validate=True,
        )
    )
    async with charger:
        await charger.wait_until_connected()
        answer = await curl(APPLY, sliproad.http_url, replace=ids)
        assert answer.status == 200, answer.text
        applied = answer.json()
        assert_shape(applied, APPLIED)
        assert applied["charge_point_id"] == charge_point_id
        assert (applied["applied_keys"], applied["rejected_keys"]) == (11, ["ReserveConnectorZeroSupported"])
        assert applied["pending_reboot"] is False
    await client.close()
