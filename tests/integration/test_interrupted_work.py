"""`kill -9` in the middle of work that a person waits for: nothing half-done is called done, and it can be done again (issue 3).

Applied templates are looked at in the charge point's own ledger, files in the rows that they left behind.
"""

import asyncio
import contextlib
import hashlib
import io
import os
import pathlib
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import psutil
import psycopg
import pytest
from PIL import Image

from installation import Installation
from sliproad.app.job_client import JobClient
from sliproad.features.firmware.transfer_urls import TransferUrls
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database
from sliproad.foundation.files import CHUNK_BYTES
from sliproad.foundation.retention import apply, plan
from sliproad.simulator import ChargerSettings, Ledger, Version, VirtualCharger

SETTINGS = {
    "AuthorizationCacheEnabled": "true",
    "BlinkRepeat": "5",
    "ClockAlignedDataInterval": "900",
    "ConnectionTimeOut": "120",
    "LightIntensity": "60",
    "LocalAuthorizeOffline": "false",
    "LocalPreAuthorize": "true",
    "MaxEnergyOnInvalidId": "10",
    "MeterValueSampleInterval": "30",
    "MinimumStatusDuration": "2",
    "ResetRetries": "5",
    "TransactionMessageAttempts": "6",
    "TransactionMessageRetryInterval": "45",
}
"""All other than a virtual charge point has them, so that each is written, one after the other."""
VARIABLES = {
    "AlignedDataCtrlr.Interval": "900",
    "TxCtrlr.EVConnectionTimeOut": "120",
    "OCPPCommCtrlr.ResetRetries": "5",
}
LATE_SECONDS = 0.25
PATIENCE_SECONDS = 180

pytestmark = pytest.mark.xdist_group("kill")


@dataclass
class Site:
    """An installer's project in an installation whose processes are killed."""

    sliproad: Installation
    client: JobClient
    project_id: str
    folder: pathlib.Path
    template_id: str
    """Of a template that writes `SETTINGS`, or `VARIABLES`."""

    @contextlib.asynccontextmanager
    async def charger(self, version: Version, **more: Any) -> AsyncIterator[VirtualCharger]:
        """A connected one."""
        number = len(list(self.folder.iterdir()))
        body = {"project_id": self.project_id, "serial_number": f"S{uuid.uuid4().hex[:8]}", "model": "M", "vendor": "V"}
        made = await self.client.installer("POST", "charge-points", expect=201, body=body | {"ocpp_version": version})
        settings = ChargerSettings(
            url=f"{self.sliproad.ocpp_url}/ocpp/{version}",
            identity=made["charge_point_id"],
            version=version,
            password=made["provisioning_password"],
            ledger_path=self.folder / f"{number}.jsonl",
            reconnect_seconds=0.2,
            reconnect_max_seconds=1.0,
            durable=False,
            **more,
        )
        async with VirtualCharger(settings) as virtual:
            await virtual.wait_until_connected()
            yield virtual

    def path(self, virtual: VirtualCharger, what: str) -> str:
        return f"commissioning/{virtual.settings.identity}/{what}"

    async def post(self, path: str, **options: Any) -> httpx2.Response | None:
        """The answer to the installer; None where the web process died of its question."""
        headers = {"authorization": f"Bearer {self.client.installer_token}"}
        with contextlib.suppress(httpx2.TransportError):
            return await self.client.http.post(f"/api/v1/installer/{path}", headers=headers, **options)
        return None

    async def apply(self, virtual: VirtualCharger) -> httpx2.Response | None:
        return await self.post(self.path(virtual, "apply-template"), json={"template_id": self.template_id})

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.sliproad.database_url) as connection:
            return connection.execute(query.encode(), values).fetchall()


@pytest.fixture(scope="module")
def employed(killable: Installation) -> tuple[dict[str, str], str, str]:
    """What a `JobClient` needs of an installer at work, the project, and the template `Bulk`."""

    async def employ() -> tuple[dict[str, str], str, str]:
        client, project_id = await killable.at_work(10)
        variables = [dict(zip(("component", "variable"), name.split("."), strict=True)) for name in VARIABLES]
        configuration = {
            "1.6": [{"key": key, "value": value} for key, value in SETTINGS.items()],
            "2.0.1": [place | {"value": value} for place, value in zip(variables, VARIABLES.values(), strict=True)],
        }
        body = {"name": "Bulk", "steps": ["connectivity", "heartbeat", "configuration"], "configuration": configuration}
        template = await client.cpo("POST", "cpo/templates", expect=201, body=body)
        await client.close()
        credentials = {"api_key": client.api_key, "installer_token": client.installer_token}
        return credentials, project_id, template["template_id"]

    return asyncio.run(employ())


@pytest.fixture
async def site(
    killable: Installation, employed: tuple[dict[str, str], str, str], tmp_path: pathlib.Path
) -> AsyncIterator[Site]:
    credentials, project_id, template_id = employed
    client = JobClient(killable.http_url, killable.mail_dir, **credentials)
    yield Site(killable, client, project_id, tmp_path, template_id)
    await client.close()


async def until(happened: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not happened():
            await asyncio.sleep(0.02)


async def repeated(act: Callable[[], Awaitable[httpx2.Response | None]], *, while_refused: str) -> httpx2.Response:
    """The first answer that is not 409 with this code; whoever was interrupted tries again like this."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            answer = await act()
            if answer is not None and (answer.status_code != 409 or answer.json()["code"] != while_refused):
                return answer
            await asyncio.sleep(0.2)


def written(virtual: VirtualCharger) -> dict[str, Any]:
    """The settings that were written to a charge point, as its own ledger has them."""
    settings = Ledger.read(virtual.settings.ledger_path).settings
    return {
        name.removeprefix("key:"): value for name, value in settings.items() if name.startswith(("key:", "variable:"))
    }


@pytest.mark.parametrize("victim", ["gateway-1", "worker", "web"])
async def test_a_template_is_never_half_applied(site: Site, victim: str) -> None:
    """To one charge point in the middle of its configuration step, and to two without a session."""
    late = {"faults": frozenset({"answers_late"}), "late_answer_seconds": LATE_SECONDS}
    async with contextlib.AsyncExitStack() as powered:
        in_session, alone, other = [
            await powered.enter_async_context(site.charger(version, **late)) for version in ("1.6", "1.6", "2.0.1")
        ]
        body = {"template_id": "tpl_dc_rapid_50kw", "skip_test_transaction": True}
        await site.client.installer("POST", site.path(in_session, "start"), expect=202, body=body)
        await until(lambda: written(in_session))
        applying = [asyncio.create_task(site.apply(virtual)) for virtual in (in_session, alone, other)]
        await until(lambda: "BlinkRepeat" in written(in_session) and "BlinkRepeat" in written(alone))
        counts = [len(written(virtual).keys() & SETTINGS.keys()) for virtual in (in_session, alone)]
        print(f"killing {victim}: {counts} of {len(SETTINGS)} settings are written")
        assert max(counts) < len(SETTINGS), "nothing was half-applied: it proved nothing"
        await site.sliproad.kill(victim)
        answers = await asyncio.gather(*applying)
        if victim == "web":
            assert answers[:2] == [None, None]
            done = (
                "select count(*) from commissioning_template_applications join charge_points on key = charge_point_key"
                " where charge_point_id = any(%s) and outcome is not null"
            )
            assert site.rows(done, [virtual.settings.identity for virtual in (in_session, alone)]) == [(0,)]
            answers = [
                await repeated(lambda: site.apply(virtual), while_refused="template_being_applied")  # noqa: B023
                for virtual in (alone, other)
            ]
        for answer in answers:
            assert answer is not None
            assert answer.status_code == 200, answer.text
            assert answer.json()["applied_keys"] in {len(SETTINGS), len(VARIABLES)}
            assert (answer.json()["rejected_keys"], answer.json()["pending_reboot"]) == ([], False)
        status = await site.client.until_commissioned(in_session.settings.identity, seconds=PATIENCE_SECONDS)
        assert status["result"] == "passed", status["steps"]
        assert status["template_id"] == site.template_id
        assert written(in_session) == written(in_session) | SETTINGS
        assert written(alone) == SETTINGS
        assert sorted(written(other).values()) == sorted(VARIABLES.values())
        told = "select step, message from commissioning_logs where session_id = %s and message ~ 'Template .* applied|begins'"
        lines = Counter(site.rows(told, status["session_id"]))
        assert lines.pop((None, f"Template Bulk applied: {len(SETTINGS)} of {len(SETTINGS)} keys"), 0) == (
            victim != "web"
        )
        assert lines.pop(("configuration", "Step configuration begins")) == 2, "anew, with the other template"
        assert set(lines.values()) == {1}


async def test_a_log_whose_receiver_is_killed_can_be_sent_again(site: Site) -> None:
    """The charge point's file transfer is played here, so that it is half-way when the web process dies."""
    content = os.urandom(3 * CHUNK_BYTES + 1)
    async with site.charger("1.6", faults=frozenset({"never_uploads"})) as virtual:
        upload = await site.client.installer("POST", site.path(virtual, "diagnostics/upload"), expect=202)
        path = site.path(virtual, f"diagnostics/uploads/{upload['upload_id']}")
        secret = SecretKey((site.sliproad.data_dir / "secret_key").read_text().strip())
        where = TransferUrls(secret, "").upload(upload["upload_id"])

        killed = asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield content[: 2 * CHUNK_BYTES]
            await killed.wait()
            yield content[2 * CHUNK_BYTES :]

        sending = asyncio.create_task(site.client.http.put(where, content=slowly()))
        chunks = "select file_id, count(*) from file_chunks group by 1"
        await until(lambda: [count for _, count in site.rows(chunks)] == [2])
        ((orphan, _),) = site.rows(chunks)
        await site.sliproad.kill("web")
        killed.set()
        with pytest.raises(httpx2.TransportError):
            await sending

        async def again() -> httpx2.Response | None:
            with contextlib.suppress(httpx2.TransportError):
                return await site.client.http.put(where, content=content)
            return None

        half = await ready(site, path)
        assert (half["status"], half["download_url"], half["size_bytes"]) == ("uploading", None, None)
        assert (await repeated(again, while_refused="upload_in_progress")).status_code == 201
        whole = await site.client.installer("GET", path)
        assert (whole["status"], whole["size_bytes"]) == ("uploaded", len(content))
        assert whole["sha256"] == hashlib.sha256(content).hexdigest()
        headers = {"authorization": f"Bearer {site.client.installer_token}"}
        assert (await site.client.http.get(whole["download_url"], headers=headers)).content == content
        await forget_unfinished_files(site)
        assert site.rows("select count(*) from file_chunks where file_id = %s", orphan) == [(0,)]
        assert (await site.client.http.get(whole["download_url"], headers=headers)).content == content


async def ready(site: Site, path: str) -> Any:
    """What the installer reads there, once a web process is up again."""
    headers = {"authorization": f"Bearer {site.client.installer_token}"}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with contextlib.suppress(httpx2.TransportError):
                return (
                    (await site.client.http.get(f"/api/v1/installer/{path}", headers=headers)).raise_for_status().json()
                )


async def forget_unfinished_files(site: Site) -> None:
    """What retention does in two days."""
    database = Database(site.sliproad.database_url, "engine")
    for rule in plan():
        if rule.table == "files":
            assert await apply(database, rule, datetime.now(UTC) + timedelta(days=2)) == 1
    await database.close()


async def test_a_photo_whose_receiver_is_killed_can_be_sent_again(site: Site) -> None:
    """It dies while its child process encodes: no half photo, no child left over."""
    made = io.BytesIO()
    Image.effect_noise((3000, 2000), 50).save(made, "JPEG")
    photo = {"photo": ("a.jpg", made.getvalue(), "image/jpeg")}
    async with site.charger("1.6") as virtual:
        path = site.path(virtual, "photos")
        sending = asyncio.create_task(site.post(path, files=photo))
        web = psutil.Process(site.sliproad.pid_of("web"))
        encoders: list[psutil.Process] = []
        while not encoders:
            encoders = web.children()
            await asyncio.sleep(0)
        await site.sliproad.kill("web")
        assert await sending is None
        assert site.rows("select count(*) from commissioning_photos") == [(0,)]
        assert site.rows("select count(*) from files where name ~ 'jpg'") == [(0,)]
        await until(lambda: not any(encoder.is_running() for encoder in encoders))
        answer = await repeated(lambda: site.post(path, files=photo), while_refused="")
        assert answer.status_code == 201, answer.text
        assert site.rows("select photo_id from commissioning_photos") == [(answer.json()["photo_id"],)]
        headers = {"authorization": f"Bearer {site.client.installer_token}"}
        downloaded = await site.client.http.get(answer.json()["url"], headers=headers)
        assert downloaded.content.startswith(b"\xff\xd8")
