"""What a phone loads for a page, and what the page costs the server: the part `weight` of `web.py`.

A first load is the page and everything that it names (styles, script, pictures), compressed as the server sends it to a browser
that takes Brotli; nothing is in a cache. `BUDGET` is that of the field app (issue 4). The stepper is that of a session that runs
on a virtual charge point; what a page loads later (camera, signature) is not of its first load.
"""

import contextlib
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from installation import Installation
from sliproad.app.job_client import JobClient
from sliproad.simulator import ChargerSettings, VirtualCharger

BUDGET = 100_000
NAMED = re.compile(rb"(?:src|href)=\"(/static/[^\"]+)\"")
EMAIL, PASSWORD = "alex@bench.example", "correct horse battery"
BROWSER = {"Accept": "text/html", "Accept-Encoding": "br, gzip"}


@dataclass(frozen=True)
class Weight:
    """Of a first load, in bytes of bodies as they were sent."""

    page: int
    everything: int
    requests: int


@dataclass
class Phone:
    """A browser's session, without a cache."""

    client: aiohttp.ClientSession

    async def get(self, path: str) -> bytes:
        """A page's body as it was sent."""
        async with self.client.get(path) as answer:
            if answer.status != 200 or answer.url.path != path:
                raise SystemExit(f"GET {path}: {answer.status} {answer.url}")
            return await answer.read()

    async def weigh(self, path: str) -> Weight:
        """The first load of a page."""
        async with self.client.get(path, headers={"Accept-Encoding": "identity"}) as answer:
            named = sorted({found.decode() for found in NAMED.findall(await answer.read())})
        page = len(await self.get(path))
        return Weight(page, page + sum([len(await self.get(each)) for each in named]), 1 + len(named))


@contextlib.asynccontextmanager
async def installer(running: Installation, api_key: str, project_id: str) -> AsyncIterator[tuple[Phone, str]]:
    """A phone that is logged in, and the path of a stepper that waits for its charger."""
    job = JobClient(running.http_url, running.mail_dir, api_key)
    await job.sign_up_installer(EMAIL, PASSWORD, "Alex Technician", "Acme EV Installations")
    who = {"installer_id": job.installer_id}
    await job.cpo("POST", f"cpo/projects/{project_id}/installers", expect=201, body=who)
    plate = {"serial_number": "WEIGHT-1", "vendor": "V", "model": "M", "ocpp_version": "2.0.1"}
    made = await job.installer("POST", "charge-points", expect=201, body=plate | {"project_id": project_id})
    with tempfile.TemporaryDirectory() as folder:
        settings = ChargerSettings(
            url=f"{running.ocpp_url}/ocpp/2.0.1",
            identity=made["ocpp_identity"],
            version="2.0.1",
            password=made["provisioning_password"],
            ledger_path=Path(folder, "ledger"),
            faults=frozenset({"never_sends_heartbeats"}),
            durable=False,
        )
        async with (
            VirtualCharger(settings) as charger,
            aiohttp.ClientSession(
                running.http_url, headers=BROWSER, auto_decompress=False, cookie_jar=aiohttp.CookieJar(unsafe=True)
            ) as client,
        ):
            await charger.wait_until_connected()
            path = f"commissioning/{made['charge_point_id']}/start"
            await job.installer("POST", path, expect=202, body={})
            form = {"role": "installer", "email": EMAIL, "password": PASSWORD}
            async with client.post("/login", data=form, headers={"Origin": running.http_url}) as answer:
                await answer.read()
            yield Phone(client), f"/installer/charge-points/{made['charge_point_id']}/commissioning"
    await job.close()


async def measure(
    phone: Phone,
    pages: dict[str, str],
    row: Callable[[str, Callable[[], Awaitable[object]]], Awaitable[object]],
    heading: Callable[[str], None],
) -> int:
    """Weigh each page, then let `row` repeat it under a `heading`; the heaviest first load in bytes."""
    weights = {name: await phone.weigh(path) for name, path in pages.items()}
    print(f"\n{'first load':44}{'page kB':>9}{'all kB':>9}{'requests':>9}")
    for name, weight in weights.items():
        print(f"{name:44}{weight.page / 1e3:9.1f}{weight.everything / 1e3:9.1f}{weight.requests:9}")
    heading("the same pages, one request at a time")
    for name, path in pages.items():
        await row(name, lambda path=path: phone.get(path))  # type: ignore[misc]
    return max(weight.everything for weight in weights.values())
