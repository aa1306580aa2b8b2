"""Charge points themselves moved to an operator's server: virtual ones, our gateway and worker, the `ocpp` package's central system."""

import asyncio
import contextlib
import json
import pathlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg.rows import dict_row

from building_site import BuildingSite
from operator_server import Authority, OperatorServer
from sliproad.simulator import ChargerSettings, VirtualCharger
from sliproad.simulator.events import ChargerEvent
from workplace import Somebody

PASSWORD = "operators-password-1"
PATIENCE_SECONDS = 120
CALL = 2
KILLED_AT = {
    "1.6": ("GetConfiguration", "ChangeConfiguration", "Reset"),
    "2.0.1": ("SetNetworkProfile", "SetVariables", "Reset"),
}
VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])


@dataclass
class Moved:
    """An operator that has a site, and what it does over its API."""

    site: BuildingSite
    somebody: Somebody
    site_id: str

    @property
    def base(self) -> str:
        return f"/local-ocpp/v1/operators/{self.somebody.id}"

    async def apply(self, charge_point_id: str, server: OperatorServer | str, **more: Any) -> dict[str, Any]:
        """Store details for one charge point under its own id, and apply them natively."""
        url = server if isinstance(server, str) else server.url
        arguments = {"url": url, **more.pop("trust", {})}
        details = {
            "chargePointId": charge_point_id,
            "basicAuthPassword": PASSWORD,
            "connectivityMode": "DualProtocol",
            "websocketConnectionArgs": arguments,
            **more,
        }
        stored = await self.somebody.post(f"{self.base}/connection-details/{charge_point_id}", json=details)
        assert stored.status_code == 201, stored.text
        return await self.apply_version(charge_point_id, stored.json()["version"])

    async def apply_version(self, charge_point_id: str, version: str, delivery: str = "native") -> dict[str, Any]:
        body = {"version": version, "delivery": delivery}
        answer = await self.somebody.post(f"{self.base}/connections/chargers/{charge_point_id}", json=body)
        assert answer.status_code == 202, answer.text
        return answer.json()["chargers"][0]

    async def confirm(self, charge_point_id: str) -> Any:
        return await self.somebody.post(f"{self.base}/connections/chargers/{charge_point_id}/confirm")

    async def state(self, charge_point_id: str, *states: str) -> dict[str, Any]:
        """The connection, as soon as it is in one of these states."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                answer = await self.somebody.get(f"{self.base}/connections/chargers/{charge_point_id}")
                assert answer.status_code == 200, answer.text
                if answer.json()["state"] in states:
                    return answer.json()
                await asyncio.sleep(0.1)

    def sql(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.site.database_url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    async def step(self, charge_point_id: str, *steps: str) -> dict[str, Any]:
        """The row of the move, as soon as it is at one of these steps."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                rows = self.sql(
                    "select m.* from connection_moves m join charge_points c on c.key = m.charge_point_key"
                    " where c.charge_point_id = %(c)s",
                    c=charge_point_id,
                )
                if rows and rows[0]["step"] in steps:
                    return rows[0]
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def worker(site: BuildingSite) -> AsyncIterator[None]:
    """A worker that runs connections' jobs; leaving the block ends it at once, in the middle of things."""
    jobs = site.workplace.jobs
    working = asyncio.create_task(jobs.run_worker(concurrency=10))
    try:
        yield
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


@pytest.fixture
async def moved(served_site: BuildingSite) -> AsyncIterator[Moved]:
    workplace = served_site.workplace
    operator = await workplace.operator()
    answer = await served_site.owner.get(f"/api/v1/cpo/projects/{served_site.project_id}")
    site_id = answer.json()["site_id"]
    await workplace.select_operator(served_site.owner, site_id, operator)
    async with worker(served_site):
        yield Moved(served_site, operator, site_id)


def settings_of(version: str) -> dict[str, Any]:
    """A charge point of firmware that says in 1.6, too, how its back end is called."""
    return {"vendor": "MicroOcpp"} if version == "1.6" else {}


async def restarted_there(operator: OperatorServer, charge_point_id: str) -> None:
    await operator.heard(charge_point_id, "BootNotification")
    await operator.heard(charge_point_id, "StatusNotification")


@VERSIONS
async def test_a_charge_point_is_moved_and_its_arrival_confirmed(served_site, moved, operator, version):
    async with served_site.charger(version, **settings_of(version)) as (cp, _virtual):
        operator.manners.passwords = {cp: (cp, PASSWORD)}
        assert (await moved.apply(cp, operator))["state"] == "pending"
        await restarted_there(operator, cp)
        await moved.step(cp, "away")
        assert (await moved.state(cp, "connecting"))["reason"] is None, "accepted proves nothing"
        confirmed = await moved.confirm(cp)
        assert confirmed.status_code == 200, confirmed.text
        assert confirmed.json()["state"] == "connected"
        assert confirmed.json()["connectedAt"]
        assert (await moved.confirm(cp)).json() == confirmed.json(), "again is the same"
        logged = moved.sql("select payload from ocpp_messages where payload like %(p)s", p=f"%{PASSWORD}%")
        assert logged == [], "the log has no password"
        [change] = moved.sql("select * from connection_audit where change = 'arrival_confirmed'")
        assert (change["operator_id"], change["charge_point_id"]) == (moved.somebody.id, cp)


@VERSIONS
async def test_behind_wss_with_a_private_ca(served_site, moved, tmp_path: pathlib.Path, version):
    authority = Authority(tmp_path)
    trust = {"caCertificate": authority.pem, "caCertificateDomain": "localhost"}
    async with (
        OperatorServer(authority.server("localhost")) as operator,
        served_site.charger(version, **settings_of(version)) as (cp, _virtual),
    ):
        await moved.apply(cp, operator, trust=trust)
        await restarted_there(operator, cp)
        await moved.step(cp, "away")
        assert (await moved.confirm(cp)).json()["state"] == "connected"


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
async def test_one_that_the_server_refuses_comes_back_and_works_here(served_site, moved, operator, version):
    async with served_site.charger(version, reconnect_max_seconds=0.2) as (cp, virtual):
        operator.manners.passwords = {"somebody-else": ("x", "y")}
        await moved.apply(cp, operator)
        failed = await moved.state(cp, "failed")
        assert failed["reason"] == (
            "The charge point left and came back here: it did not get into your server. Look there for a refused connection."
        )
        row = await moved.step(cp, "ended")
        assert not row["progress"].get("prioritised"), "its own order of servers is restored"
        assert (await moved.confirm(cp)).status_code == 409
        await virtual.reboot()
        await virtual.events.expect("accepted")
        assert virtual.station.active_slot == "0"
        assert not operator.said[cp]
        assert await works_here(served_site, cp)


async def works_here(site: BuildingSite, charge_point_id: str) -> bool:
    answer = await site.owner.get(f"/api/v1/cpo/charge-points/{charge_point_id}")
    return bool(answer.json()["connected"])


async def test_a_vendor_whose_keys_nobody_knows_is_left_as_it_is(served_site, moved, operator):
    async with served_site.charger("1.6") as (cp, virtual):
        await moved.apply(cp, operator)
        assert (await moved.state(cp, "failed"))["reason"] == (
            "How Alpitronic calls the server's address in OCPP 1.6 is not known here."
            " Enter the settings by hand: the settings sheet has them."
        )
        assert virtual.state.connected
        sheet = await moved.somebody.get(f"{moved.base}/connections/chargers/{cp}/settings-sheet")
        assert sheet.status_code == 200
        assert sheet.content.startswith(b"%PDF-")


@pytest.mark.parametrize("version", ["1.6", "2.1"])
async def test_one_that_is_away_can_not_be_called_back_from_here(served_site, moved, operator, version):
    async with served_site.charger(version, **settings_of(version)) as (cp, _virtual):
        await moved.apply(cp, operator)
        await restarted_there(operator, cp)
        await moved.step(cp, "away")
        await moved.confirm(cp)
        off = await moved.somebody.post(
            f"{moved.base}/connection-details/{cp}",
            json={"connectivityMode": "OcppOff", "websocketConnectionArgs": {"url": operator.url}},
        )
        await moved.apply_version(cp, off.json()["version"], delivery="relay")
        await moved.step(cp, "restoring")
        state = await moved.state(cp, "off")
        assert state["reason"].startswith(
            "The charge point itself was moved to an operator's server and can't be reached"
        )
        path = f"{moved.base}/connections/chargers/{cp}/settings-sheet?to=platform"
        sheet = await moved.somebody.get(path)
        assert sheet.content.startswith(b"%PDF-"), "the way back, to be entered by hand"


async def test_when_its_server_goes_for_long_it_falls_back_to_us_and_says_so(served_site, moved, operator):
    async with served_site.charger("2.0.1", reconnect_max_seconds=0.1) as (cp, virtual):
        await moved.apply(cp, operator)
        await restarted_there(operator, cp)
        await moved.step(cp, "away")
        await moved.confirm(cp)
        await operator.stop()
        failed = await moved.state(cp, "failed")
        assert (
            failed["reason"]
            == "The charge point was at your server and has come back here. Apply again to send it back."
        )
        await virtual.wait_until_connected()
        await operator.start()
        await moved.apply_version(cp, failed["version"])
        await operator.heard(cp, "BootNotification", times=2)
        await moved.step(cp, "away")
        assert (await moved.confirm(cp)).json()["state"] == "connected"


@pytest.mark.xdist_group("kill")
@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_killed_worker_changes_nothing_but_the_time_it_takes(killable, operator, tmp_path, version):
    """`kill -9` while a CALL is under way, at three of them: what had been answered is not said again, the restart never."""
    client, project_id = await killable.at_work(1)
    made = json.loads(
        killable.run("admin", "create-operator", "--name", "N", "--email", "o@n.example", "--json").stdout
    )
    site_id = (await client.cpo("GET", f"cpo/projects/{project_id}"))["site_id"]
    await client.cpo("PUT", f"cpo/sites/{site_id}/operator", body={"operator_id": made["operator_id"]})
    place = {"project_id": project_id, "serial_number": f"K{version}", "vendor": "V", "model": "M"}
    registered = await client.installer("POST", "charge-points", expect=201, body={**place, "ocpp_version": version})
    await client.close()
    cp = registered["charge_point_id"]
    settings = ChargerSettings(
        url=f"{killable.ocpp_url}/ocpp/{version}",
        identity=cp,
        password=registered["provisioning_password"],
        version=version,  # type: ignore[arg-type]
        ledger_path=tmp_path / "ledger.jsonl",
        reconnect_seconds=0.2,
        durable=False,
        faults=frozenset({"answers_late"}),
        late_answer_seconds=1.5,
        **settings_of(version),
    )
    heard: list[str] = []
    told = asyncio.Event()

    def listen(event: ChargerEvent) -> None:
        if event.name == "frame_received":
            frame = json.loads(event.details["frame"])
            if frame[0] == CALL:
                heard.append(f"{frame[2]} {json.dumps(frame[3], sort_keys=True)}")
                told.set()

    virtual = VirtualCharger(settings)
    virtual.events.subscribe(listen)
    headers = {"Authorization": f"Bearer {made['api_key']}"}
    base = f"{killable.http_url}/local-ocpp/v1/operators/{made['operator_id']}"
    async with virtual, httpx2.AsyncClient(headers=headers, timeout=30) as api:
        await virtual.wait_until_connected()
        details = {"chargePointId": cp, "basicAuthPassword": PASSWORD, "connectivityMode": "DualProtocol"}
        details["websocketConnectionArgs"] = {"url": operator.url}  # type: ignore[assignment]
        stored = await api.post(f"{base}/connection-details/{cp}", json=details)
        body = {"version": stored.json()["version"], "delivery": "native"}
        assert (await api.post(f"{base}/connections/chargers/{cp}", json=body)).status_code == 202
        killed: list[str] = []
        async with asyncio.timeout(3 * PATIENCE_SECONDS):
            for action in KILLED_AT[version]:
                while not heard or not heard[-1].startswith(action) or heard[-1] in killed:
                    told.clear()
                    await told.wait()
                killed.append(heard[-1])
                print(f"killed while {heard[-1]} is under way")
                await killable.kill("worker")
        await restarted_there(operator, cp)
        repeated = [each for each in heard if heard.count(each) > 1]
        assert set(repeated) <= set(killed[:-1]), "only what was under way when the worker died was said again"
        assert sum(each.startswith("Reset") for each in heard) == 1
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (confirmed := await api.post(f"{base}/connections/chargers/{cp}/confirm")).status_code == 409:
                await asyncio.sleep(0.2)
        assert confirmed.json()["state"] == "connected"
