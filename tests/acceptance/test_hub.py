"""HUB's requests as they stand there, sent by the real curl to a whole installation; an eMSP that is a server of its own hears of them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx2
import pytest

from acceptance.curl import curl
from installation import Installation
from ocpi_objects import LOCATION, SESSION, a
from ocpi_platform import Platform, running

pytestmark = pytest.mark.xdist_group("acceptance")

HOST = "https://api.openchargenetwork.io"
REGISTER = f"""curl -X POST {HOST}/ocpi/2.2/credentials \\
  -H "Authorization: Token YOUR_INITIAL_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{{
    "token": "YOUR_SERVER_TOKEN",
    "url": "https://your-backend.com/ocpi/versions",
    "roles": [{{"role": "CPO", "business_details": {{"name": "My CPO"}}}}]
  }}'"""
PUSH = f"""curl -X PUT {HOST}/ocpi/2.2/locations/LOC_123 \\
  -H "Authorization: Token YOUR_CRED_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{{
    "id": "LOC_123",
    "type": "ON_STREET",
    "name": "Downtown Charger 1",
    "address": "123 Main St",
    "city": "Paris",
    "country": "FRA",
    "coordinates": {{"latitude": "48.8566", "longitude": "2.3522"}},
    "evses": [...]
  }}'"""
SETTLE = f"""curl -X POST {HOST}/ocpi/2.2/cdrs \\
  -H "Authorization: Token YOUR_CRED_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{{
    "id": "CDR_98765",
    "start_date_time": "2024-03-15T14:00:00Z",
    "stop_date_time": "2024-03-15T15:30:00Z",
    "auth_id": "DE8ACC12",
    "auth_method": "AUTH_REQUEST",
    "total_cost": {{ "excl_vat": 15.00, "incl_vat": 18.00 }},
    "total_energy": 45.5,
    "currency": "EUR",
    "party_id": "FRA",
    "country_code": "FR"
  }}'"""


def invited(sliproad: Installation, country: str, party: str, role: str) -> str:
    """The registration token of an invitation."""
    options = ("--country", country, "--party", party, "--role", role, "--json")
    result = sliproad.run("admin", "invite-party", *options)
    assert result.returncode == 0, result.stderr
    return str(json.loads(result.stdout)["token_a"])


@pytest.fixture
async def partners(sliproad: Installation) -> AsyncIterator[tuple[Platform, Platform]]:
    """A CPO's backend, and an eMSP that has registered by the strict way."""
    async with AsyncExitStack() as closing:
        client = await closing.enter_async_context(httpx2.AsyncClient(base_url=sliproad.http_url, timeout=30))
        token = invited(sliproad, "DE", "8AC", "EMSP")
        emsp = Platform(client, "DE", "8AC", ("EMSP",), "B-of-8AC", token=token)
        cpo = Platform(client, "FR", "FRA", ("CPO",), "server-token-of-FRA", style="raw")
        for platform in (emsp, cpo):
            await closing.enter_async_context(running(platform))
        assert (await emsp.register()).json()["status_code"] == 1000
        yield cpo, emsp


async def test_hub_s_six_steps(sliproad: Installation, partners: tuple[Platform, Platform]) -> None:
    cpo, emsp = partners
    known = {"YOUR_INITIAL_TOKEN": invited(sliproad, "FR", "FRA", "CPO"), "YOUR_SERVER_TOKEN": cpo.token_for_hub}
    known |= {HOST: sliproad.http_url, "https://your-backend.com": cpo.url}
    registered = await curl(REGISTER, sliproad.http_url, replace=known)
    assert (registered.status, registered.json()["status_code"]) == (200, 1000), registered.text
    cpo.token = registered.json()["data"]["token"]
    [role] = registered.json()["data"]["roles"]
    assert role["role"] == "HUB"

    # 3: published, and broadcast to the eMSP by a worker
    known = {HOST: sliproad.http_url, "YOUR_CRED_TOKEN": cpo.token}
    pushed = await curl(PUSH, sliproad.http_url, replace=known)
    assert (pushed.status, pushed.json()["status_code"]) == (201, 1000), pushed.text
    [heard] = await emsp.wait_for(1, path="/locations/receiver")
    assert heard.path == "/locations/receiver/FR/FRA/LOC_123"
    assert heard.body["time_zone"] == "Europe/Paris"

    # 4: a command finds the CPO, and its result the eMSP
    token = {"country_code": "DE", "party_id": "8AC", "uid": "DE8ACC12", "type": "APP_USER", "contract_id": "DE8ACC12"}
    token |= {"issuer": "8AC", "valid": True, "whitelist": "NEVER", "last_updated": "2024-03-15T13:00:00Z"}
    command = {"response_url": f"{emsp.url}/results/1", "token": token, "location_id": "LOC_123"}
    cpo.answers["POST", "/commands"] = (200, cpo._wrapped({"result": "ACCEPTED", "timeout": 30}))
    started = await emsp.ask("POST", "/ocpi/2.2.1/receiver/commands/START_SESSION", json=command, to=None)
    assert started.json()["data"]["result"] == "ACCEPTED"
    [asked] = await cpo.wait_for(1, path="/commands")
    await cpo.ask("POST", asked.body["response_url"], json={"result": "ACCEPTED"}, to=("DE", "8AC"))
    [result] = await emsp.wait_for(1, path="/results/1")
    assert result.body == {"result": "ACCEPTED"}

    # 5: the session tells where it was, and so its CDR reaches the eMSP whole
    place = {"evses": LOCATION["evses"]}
    whole = await curl(PUSH, sliproad.http_url, replace=known | {'"evses": [...]': json.dumps(place)[1:-1]})
    assert (whole.status, whole.json()["status_code"]) == (200, 1000), whole.text
    of_token = {name: token[name] for name in ("country_code", "party_id", "uid", "type", "contract_id")}
    times = {"start_date_time": "2024-03-15T14:00:00Z", "end_date_time": "2024-03-15T15:30:00Z"}
    session = a(
        SESSION, party_id="FRA", id="S1", location_id="LOC_123", cdr_token=of_token, status="COMPLETED", **times
    )
    path = "/ocpi/2.2.1/receiver/sessions/FR/FRA/S1"
    assert (await cpo.ask("PUT", path, json=session, to=None)).json()["status_code"] == 1000
    settled = await curl(SETTLE, sliproad.http_url, replace=known)
    assert (settled.status, settled.json()["status_code"]) == (200, 1000), settled.text
    [cdr] = await asyncio.wait_for(emsp.wait_for(1, path="/cdrs/receiver"), 20)
    assert (cdr.body["total_cost"], cdr.body["total_time"]) == ({"excl_vat": 15.0, "incl_vat": 18.0}, 1.5)
    assert cdr.body["cdr_location"]["id"] == "LOC_123"
