"""A building site whose web side charge points reach too: logs, firmware and diagnostics on a real HTTP port, and their worker."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import uvicorn

from building_site import SECRET, BuildingSite, free_port
from routers import Routers
from sliproad.features.accounts.authentication import Authentication
from sliproad.features.accounts.guards import Guards
from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.commands.service import CommandService
from sliproad.features.commissioning import diagnostics_jobs, diagnostics_routes
from sliproad.features.commissioning.diagnostics_collecting import DiagnosticsCollector
from sliproad.features.commissioning.diagnostics_service import DiagnosticsService
from sliproad.features.device_model.service import DeviceModelService
from sliproad.features.firmware import jobs as firmware_jobs
from sliproad.features.firmware import library_routes, updates_routes, uploads_routes
from sliproad.features.firmware.assembly import FirmwareRoom, assemble
from sliproad.features.firmware.updates_following import UpdateTimes
from sliproad.features.firmware.uploads_following import UploadTimes
from sliproad.features.frame_log.service import FrameLogService
from sliproad.foundation.clock import SystemClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.web.application import create_app
from sliproad.foundation.web.idempotency import IdempotencyRecords
from workplace import Somebody

PATIENCE_SECONDS = 120


@dataclass
class ServiceSite:
    """See the module; `room` is the web side's."""

    site: BuildingSite
    url: str
    room: FirmwareRoom
    diagnostics: DiagnosticsService
    owner: Somebody
    alex: Somebody
    http: httpx2.AsyncClient
    times: dict[str, Any]

    def uploads(self, charge_point_id: str) -> str:
        return f"/api/v1/installer/commissioning/{charge_point_id}/diagnostics"

    def updates(self, charge_point_id: str) -> str:
        return f"/api/v1/cpo/charge-points/{charge_point_id}/firmware-updates"

    def somebody(self, who: Somebody) -> Somebody:
        """The same person, asking this web side."""
        return Somebody(self.http, who.id, who.credential, who.email)

    async def until(self, who: Somebody, path: str, field: str, *wanted: str) -> dict[str, Any]:
        """The answer at `path` once its `field` is one of these."""
        seen: dict[str, Any] = {}
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    answer = await who.get(path)
                    assert answer.status_code == 200, answer.text
                    seen = answer.json()
                    if seen[field] in wanted:
                        return seen
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"never {wanted}: {seen}") from None

    async def add_firmware(self, version: str, content: bytes = b"firmware" * 5000, **fields: Any) -> dict[str, Any]:
        """Firmware of the organisation's library, for every model of the vendor of its charge points."""
        form = {"version": version, "vendor": "Alpitronic", **fields}
        files = {"file": (f"fw-{version}.bin", io.BytesIO(content), "application/octet-stream")}
        answer = await self.owner.post("/api/v1/cpo/firmware", data=form, files=files)
        assert answer.status_code == 201, answer.text
        return answer.json()

    @contextlib.asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        """A worker that asks charge points and follows what they tell."""
        jobs = Jobs(self.site.engine.url)
        await jobs.open()
        room = assembled(self.site, self.site.engine, jobs, self.url, self.times)
        commands = CommandService(self.site.engine, self.site.bus)
        collector = DiagnosticsCollector(
            self.site.engine,
            SystemClock(),
            live=LiveService(),
            commands=commands,
            device_model=DeviceModelService(SystemClock()),
        )
        firmware_jobs.register(jobs, room.upload_follower, room.update_follower)
        diagnostics_jobs.register(jobs, collector)
        working = asyncio.create_task(jobs.run_worker(concurrency=10))
        try:
            yield
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            await jobs.close()


def assembled(site: BuildingSite, database: Database, jobs: Jobs, url: str, times: dict[str, Any]) -> FirmwareRoom:
    return assemble(
        database,
        site.engine,
        SystemClock(),
        jobs,
        secret_key=SecretKey(SECRET),
        public_url=url,
        registry=site.workplace.registry,
        projects=site.workplace.projects,
        live=LiveService(),
        commands=CommandService(site.engine, site.bus),
        **times,
    )


@contextlib.asynccontextmanager
async def open_service_site(
    site: BuildingSite, *, update_times: UpdateTimes | None = None, upload_times: UploadTimes | None = None
) -> AsyncIterator[ServiceSite]:
    """The web side on a port of its own."""
    workplace, port = site.workplace, free_port()
    url, secret_key, clock = f"http://127.0.0.1:{port}", SecretKey(SECRET), SystemClock()
    times = {"update_times": update_times, "upload_times": upload_times}
    room = assembled(site, workplace.web, workplace.jobs, url, times)
    diagnostics = DiagnosticsService(
        workplace.web,
        clock,
        workplace.jobs,
        registry=workplace.registry,
        projects=workplace.projects,
        live=LiveService(),
        attempts=workplace.attempts,
        device_model=DeviceModelService(clock),
        updates=room.updates,
        frames=FrameLogService(),
    )
    with Routers() as routers:
        app = create_app(
            [
                routers.of(diagnostics_routes.router, diagnostics),
                routers.of(uploads_routes.installer_router, room.uploads),
                routers.of(uploads_routes.organization_router, room.uploads),
                routers.of(library_routes.router, room.library),
                routers.of(updates_routes.router, room.updates),
                routers.of(uploads_routes.receiving_router, room.receiver),
                routers.of(updates_routes.download_router, room.updates),
            ],
            guards=Guards(Authentication(workplace.web, workplace.access_tokens, secret_key, clock)),
            idempotency=IdempotencyRecords(workplace.web, secret_key, clock),
            public_url=url,
            version="0",
            streamed=(*uploads_routes.STREAMED, *library_routes.STREAMED),
        )
        async with served(app, port), httpx2.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
            made = ServiceSite(site, url, room, diagnostics, site.owner, site.alex, client, times)
            made.owner, made.alex = made.somebody(site.owner), made.somebody(site.alex)
            yield made


@contextlib.asynccontextmanager
async def served(app: Any, port: int) -> AsyncIterator[None]:
    """The application on a port, until the block is left."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    )
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    serving = asyncio.create_task(server.serve())
    while not server.started:
        assert not serving.done()
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await serving
