"""A building site: an installer with a project, and the real parts that commissioning runs on, in this process.

`open_site` gives the web side alone; `staffed` adds a gateway that listens and a worker that runs jobs, for virtual charge points.
"""

import asyncio
import contextlib
import pathlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
from pydantic import SecretStr
from sqlalchemy import select, update

from routers import Routers
from sliproad.app import gateway_wiring
from sliproad.features.accounts.authentication import Authentication
from sliproad.features.accounts.guards import Guards
from sliproad.features.authorization.service import AuthorizationService
from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charge_points.live_store import ChargePointLiveRow
from sliproad.features.charging.service import ChargingService
from sliproad.features.commands.service import CommandService
from sliproad.features.commissioning import (
    apply_template_routes,
    batch_routes,
    control_routes,
    drift_routes,
    logs_routes,
    routes,
    templates_assembly,
    templates_routes,
)
from sliproad.features.commissioning import jobs as commissioning_jobs
from sliproad.features.commissioning.batch import BatchCommissioning
from sliproad.features.commissioning.control import CommissioningControl
from sliproad.features.commissioning.ending import Ending
from sliproad.features.commissioning.facts import FactsGatherer
from sliproad.features.commissioning.jobs import Wakeups
from sliproad.features.commissioning.leftovers import Leftovers
from sliproad.features.commissioning.live_events import LiveEvents
from sliproad.features.commissioning.logs_service import LogService
from sliproad.features.commissioning.runner import CommissioningRunner
from sliproad.features.commissioning.service import CommissioningService
from sliproad.features.firmware.library_service import FirmwareLibrary
from sliproad.features.firmware.updates_service import FirmwareUpdateService
from sliproad.features.frame_log.service import FrameLogService
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import SystemClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.settings import Settings
from sliproad.foundation.web.application import create_app
from sliproad.foundation.web.idempotency import IdempotencyRecords
from sliproad.gateway.gateway import Gateway
from sliproad.simulator import ChargerSettings, Fault, VirtualCharger
from workplace import Somebody, Workplace, open_workplace

SECRET = "a-secret-of-the-building-site-that-nobody-has"
HEARTBEAT_SECONDS = 2
PATIENCE_SECONDS = 180


@dataclass
class BuildingSite:
    """See the module."""

    workplace: Workplace
    bus: Bus
    folder: pathlib.Path
    database_url: str
    nats_url: str
    owner: Somebody
    alex: Somebody
    project_id: str
    service: CommissioningService
    ocpp_url: str = ""
    updates: FirmwareUpdateService | None = None
    """What sessions update firmware with; tests of that step set it."""
    registers: list[Callable[[Jobs], None]] = field(default_factory=list)
    """Further tasks that a worker runs."""
    app: Any = None
    """Commissioning's application, for tests that serve it."""
    gateways: list[Gateway] = field(default_factory=list)

    @property
    def engine(self) -> Database:
        return self.workplace.engine

    def path(self, charge_point_id: str, verb: str) -> str:
        return f"/api/v1/installer/commissioning/{charge_point_id}/{verb}"

    async def start(self, charge_point_id: str, **body: Any) -> httpx2.Response:
        return await self.alex.post(self.path(charge_point_id, "start"), json=body)

    async def status(self, charge_point_id: str) -> dict[str, Any]:
        answer = await self.alex.get(self.path(charge_point_id, "status"))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ended(self, charge_point_id: str) -> dict[str, Any]:
        """The status once the session has ended."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (status := await self.status(charge_point_id))["status"] == "running":
                await asyncio.sleep(0.05)
        return status

    async def connected(self, **more: Any) -> dict[str, Any]:
        """A registered charge point that the rows say is connected; for what needs no real one."""
        registered = await self.workplace.charge_point(self.alex, self.project_id, **more)
        key = await self.workplace.key_of(registered["charge_point_id"])
        await self.set_live(key, connected=True, epoch=1, protocol_version=registered["ocpp_version"])
        return registered

    async def set_live(self, key: int, **values: Any) -> None:
        async with self.engine.transaction(ENGINE) as session:
            await session.execute(
                update(ChargePointLiveRow).where(ChargePointLiveRow.charge_point_key == key).values(**values)
            )

    async def rows(self, kind: type[Any], **equal: Any) -> list[Any]:
        async with self.engine.transaction(ENGINE) as session:
            return list(await session.scalars(select(kind).filter_by(**equal)))

    @contextlib.asynccontextmanager
    async def charger(self, version: str, **settings: Any) -> AsyncIterator[tuple[str, VirtualCharger]]:
        """A registered virtual charge point, switched on and connected; its id and itself."""
        connectors = settings.get("connectors", 1)
        registered = await self.workplace.charge_point(
            self.alex, self.project_id, ocpp_version=version, connector_count=connectors, max_power_kw=22
        )
        charge_point_id = registered["charge_point_id"]
        defaults: dict[str, Any] = {
            "time_scale": 200.0,
            "plug_in_delay_seconds": 0.05,
            "reboot_seconds": 0.1,
            "reconnect_seconds": 0.05,
            "validate": True,
            "durable": False,
        }
        # One that appends its serial number was given the whole URL, identity included.
        whole = f"/{charge_point_id}" if Fault.APPENDS_SERIAL_TO_URL in settings.get("faults", ()) else ""
        virtual = VirtualCharger(
            ChargerSettings(
                url=f"{self.ocpp_url}/ocpp/{version}{whole}",
                identity=charge_point_id,
                version=version,  # type: ignore[arg-type]
                password=registered["provisioning_password"],
                ledger_path=self.folder / f"{charge_point_id}.ledger",
                serial_number=registered["serial_number"][:25],
                **defaults | settings,
            )
        )
        async with virtual:
            await virtual.wait_until_connected()
            yield charge_point_id, virtual

    def runner(self) -> CommissioningRunner:
        """The engine of another worker."""
        registry, live = self.workplace.registry, LiveService()
        facts = FactsGatherer(
            registry, live, ChargingService(), heartbeat_interval_seconds=HEARTBEAT_SECONDS, updates=self.updates
        )
        return CommissioningRunner(
            self.engine,
            SystemClock(),
            self.bus,
            CommandService(self.engine, self.bus),
            facts=facts,
            ending=Ending(registry, self.workplace.projects),
        )

    def leftovers(self) -> Leftovers:
        """What stops abandoned test transactions, of another worker."""
        commands = CommandService(self.engine, self.bus)
        return Leftovers(self.engine, SystemClock(), commands, LiveService(), ChargingService())

    @contextlib.asynccontextmanager
    async def worker(self) -> AsyncIterator[Wakeups]:
        """A worker that runs commissioning's jobs; leaving the block ends it as a crash would, in the middle of things."""
        jobs = Jobs(self.engine.url)
        await jobs.open()
        wakeups = Wakeups(self.runner(), CommandService(self.engine, self.bus), self.bus)
        commissioning_jobs.register(jobs, wakeups, self.leftovers())
        for register in self.registers:
            register(jobs)
        await wakeups.open()
        working = asyncio.create_task(jobs.run_worker(concurrency=20))
        try:
            yield wakeups
        finally:
            working.cancel()
            await wakeups.close()
            await asyncio.gather(working, return_exceptions=True)
            await jobs.close()

    @contextlib.asynccontextmanager
    async def gateway(self, port: int | None = None, **settings_of: Any) -> AsyncIterator[Gateway]:
        """A gateway that listens; leaving the block closes every socket."""
        port = port or free_port()
        settings = Settings(
            data_dir=self.folder,
            database_url=self.database_url,
            nats_url=self.nats_url,
            secret_key=SecretStr(SECRET),
            ocpp_port=port,
            commissioning_heartbeat_seconds=HEARTBEAT_SECONDS,
            **settings_of,
        )
        self.ocpp_url = f"ws://127.0.0.1:{port}"
        async with gateway_wiring.gateway(settings) as running:
            self.gateways.append(running)
            yield running
            self.gateways.remove(running)

    async def written(self) -> None:
        """Until no charge point is connected and the gateways have written all that they keep for later."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            for gateway in self.gateways:
                while gateway.connections:
                    await asyncio.sleep(0.02)
                await gateway.group.drained()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def open_site(
    database_url: str, nats_url: str, web: Database, engine: Database, bus: Bus, folder: pathlib.Path, **project: Any
) -> AsyncIterator[BuildingSite]:
    """Alex, assigned to a project of an organisation, and commissioning's routes behind the real guards."""
    secret_key, clock = SecretKey(SECRET), SystemClock()
    async with open_workplace(web, engine, bus, clock, secret_key, folder) as workplace:
        owner, alex = await workplace.organization(), await workplace.installer()
        project_id = await workplace.project(owner, alex, **project)
        service = CommissioningService(
            web,
            clock,
            workplace.jobs,
            registry=workplace.registry,
            projects=workplace.projects,
            live=LiveService(),
            authorization=AuthorizationService(secret_key),
        )
        batch = BatchCommissioning(web, service, registry=workplace.registry, projects=workplace.projects)
        frames = FrameLogService()
        facts = FactsGatherer(
            workplace.registry, LiveService(), ChargingService(), heartbeat_interval_seconds=HEARTBEAT_SECONDS
        )
        templates = templates_assembly.assemble(
            web,
            engine,
            clock,
            workplace.jobs,
            registry=workplace.registry,
            projects=workplace.projects,
            live=LiveService(),
            commands=CommandService(engine, bus),
            facts=facts,
            library=FirmwareLibrary(web, clock),
        )
        with Routers() as routers:
            app = create_app(
                [
                    routers.of(routes.router, service),
                    routers.of(control_routes.router, CommissioningControl(service, bus)),
                    routers.of(logs_routes.router, LogService(service, frames), LiveEvents(service, frames, bus)),
                    routers.of(batch_routes.router, batch),
                    routers.of(templates_routes.router, templates.templates),
                    routers.of(apply_template_routes.router, templates.applying),
                    routers.of(drift_routes.router, templates.drift),
                ],
                guards=Guards(Authentication(web, workplace.access_tokens, secret_key, clock)),
                idempotency=IdempotencyRecords(web, secret_key, clock),
                public_url="http://sliproad.example",
                version="0",
            )
            async with httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app=app), base_url="http://sliproad.example"
            ) as client:
                made = BuildingSite(workplace, bus, folder, database_url, nats_url, owner, alex, project_id, service)
                made.app = app
                made.owner, made.alex = Several(owner, client), Several(alex, client)
                yield made


class Several(Somebody):
    """Somebody who asks the workplace's application, and commissioning's own where a path is its."""

    def __init__(self, who: Somebody, commissioning: httpx2.AsyncClient) -> None:
        super().__init__(who.client, who.id, who.credential, who.email)
        self.workplace, self.commissioning = who.client, commissioning

    async def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        ours = any(part in path for part in ("/commissioning", "/cpo/templates")) or path.partition("?")[0].endswith(
            ("/commission", "/commission-all", "/configuration")
        )
        self.client = self.commissioning if ours else self.workplace
        return await super().ask(method, path, **options)
