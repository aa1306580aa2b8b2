"""Deliveries to a real receiver, by a real worker: signed, retried, given up, never to another organisation."""

import asyncio
import contextlib
import ipaddress
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web as aioweb
from sqlalchemy import text
from standardwebhooks import Webhook, WebhookVerificationError

from sliproad.features.accounts.model import OrganizationActor
from sliproad.features.webhooks import jobs as webhook_jobs
from sliproad.features.webhooks.control import WebhookControl
from sliproad.features.webhooks.model import Delivery
from sliproad.features.webhooks.service import WebhookService, subscriptions
from sliproad.foundation import outbox
from sliproad.foundation.clock import SystemClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.errors import InvalidInput, NotFound
from sliproad.foundation.events import DomainEvent
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.outbound import Guard, OutboundClient

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
OURS = OrganizationActor("org_ours", "Ours")
THEIRS = OrganizationActor("org_theirs", "Theirs")


@dataclass
class Receiver:
    """Somebody's server: notes what comes, answers what it is told to."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    seen: list[tuple[dict[str, str], str]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: aioweb.Request) -> aioweb.Response:
        self.seen.append(({name.lower(): value for name, value in request.headers.items()}, await request.text()))
        self.arrived.set()
        return aioweb.Response(status=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = aioweb.Application()
    app.router.add_post("/hook", receiver.take)
    runner = aioweb.AppRunner(app)
    await runner.setup()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await aioweb.SockSite(runner, listening).start()
        receiver.url = f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
        yield receiver
        await runner.cleanup()


@pytest.fixture
async def service(web: Database, engine: Database, secret_key: SecretKey) -> AsyncIterator[WebhookService]:
    """The service as a web process has it, with a worker beside it."""
    async with engine.transaction(ENGINE) as session:
        for actor in (OURS, THEIRS):
            await session.execute(
                text(
                    "insert into organizations (organization_id, name, contact_email) values (:id, 'x', 'x@x.example')"
                ),
                {"id": actor.organization_id},
            )
    jobs = Jobs(engine.url)
    client = OutboundClient(Guard(LOOPBACK))
    control = WebhookControl(engine, SystemClock(), secret_key, jobs)
    webhook_jobs.register(jobs, WebhookService(engine, SystemClock(), secret_key, jobs, client), control)
    await jobs.open()
    working = asyncio.create_task(jobs.run_worker(concurrency=5))
    yield WebhookService(web, SystemClock(), secret_key, jobs, client)
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    await jobs.close()


async def publish(engine: Database, service: WebhookService, event: DomainEvent) -> None:
    async with engine.transaction(ENGINE) as session:
        outbox.publish(session, event)
    assert await outbox.Drain(engine, {"*": (service.fan_out,)}).drain() == 1


def completed() -> DomainEvent:
    return DomainEvent(
        "commissioning.completed", "org_ours", SystemClock().now(), {"charge_point_id": "CP-1"}, charge_point_key=1
    )


async def ended(service: WebhookService, count: int = 1) -> list[Delivery]:
    """Our deliveries when `count` of them have been attempted."""
    while True:
        found = await service.deliveries(OURS, endpoint_id=None, status=None, before=None, limit=50)
        if sum(delivery.attempts > 0 for delivery in found) >= count:
            return found
        await asyncio.sleep(0.02)


async def test_an_event_arrives_signed_once(engine: Database, service: WebhookService, receiver: Receiver) -> None:
    _, secret = await service.create(OURS, url=receiver.url, events=["*"], secret=None, description=None)
    await publish(engine, service, completed())
    [delivery] = await asyncio.wait_for(ended(service), 20)
    assert (delivery.status, delivery.attempts, delivery.last_status_code) == ("delivered", 1, 200)
    [(headers, body)] = receiver.seen
    assert Webhook(secret).verify(body, headers)["data"] == {"charge_point_id": "CP-1"}
    assert headers["webhook-id"] == json.loads(body)["id"] == delivery.event_id
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + " ", headers)


async def test_only_what_is_subscribed_to_and_only_ones_own(
    engine: Database, service: WebhookService, receiver: Receiver
) -> None:
    await service.create(OURS, url=receiver.url, events=["handover.completed"], secret=None, description=None)
    await service.create(THEIRS, url=receiver.url, events=["*"], secret=None, description=None)
    await publish(engine, service, completed())
    for actor in (OURS, THEIRS):
        assert await service.deliveries(actor, endpoint_id=None, status=None, before=None, limit=50) == []
    wanted = await subscriptions(engine)
    assert wanted["org_ours"] == {"handover.completed"}
    assert "charge_point.connected" in wanted["org_theirs"]


async def test_a_failure_is_tried_again_with_the_same_id(
    engine: Database, service: WebhookService, receiver: Receiver
) -> None:
    receiver.statuses = [500]
    await service.create(OURS, url=receiver.url, events=["*"], secret=None, description=None)
    await publish(engine, service, completed())
    [delivery] = await asyncio.wait_for(ended(service), 20)
    assert (delivery.status, delivery.last_error) == ("pending", "The endpoint answered 500.")
    assert delivery.next_attempt_at is not None
    async with engine.transaction(ENGINE) as session:  # the wait is over
        await session.execute(text("update procrastinate_jobs set scheduled_at = now() where status = 'todo'"))
    while not (found := await service.deliveries(OURS, endpoint_id=None, status="delivered", before=None, limit=1)):
        await asyncio.sleep(0.05)
    assert found[0].attempts == 2
    first, second = receiver.seen
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert first[1] == second[1]


async def test_an_endpoint_that_is_gone_is_paused(
    engine: Database, service: WebhookService, receiver: Receiver
) -> None:
    receiver.statuses = [410]
    endpoint, _ = await service.create(OURS, url=receiver.url, events=["*"], secret=None, description=None)
    await publish(engine, service, completed())
    [delivery] = await asyncio.wait_for(ended(service), 20)
    assert (delivery.status, delivery.next_attempt_at) == ("failed", None)
    assert (await service.endpoint(OURS, endpoint.endpoint_id)).status == "paused"


async def test_another_organisations_endpoint_does_not_exist(service: WebhookService, receiver: Receiver) -> None:
    endpoint, _ = await service.create(OURS, url=receiver.url, events=["*"], secret=None, description="mine")
    assert await service.endpoints(THEIRS) == []
    with pytest.raises(NotFound):
        await service.endpoint(THEIRS, endpoint.endpoint_id)
    with pytest.raises(NotFound):
        await service.remove(THEIRS, endpoint.endpoint_id)
    with pytest.raises(NotFound):
        await service.change(THEIRS, endpoint.endpoint_id, url=None, events=["*"], description=None)
    await service.remove(OURS, endpoint.endpoint_id)
    assert await service.endpoints(OURS) == []


async def test_a_private_url_is_refused_when_stored(service: WebhookService) -> None:
    with pytest.raises(InvalidInput, match="public address"):
        await service.create(OURS, url="https://192.168.1.101/hook", events=["*"], secret=None, description=None)


async def test_the_secret_is_not_readable_in_the_database(
    engine: Database, service: WebhookService, receiver: Receiver
) -> None:
    _, secret = await service.create(OURS, url=receiver.url, events=["*"], secret=None, description=None)
    async with engine.transaction(ENGINE) as session:
        stored = await session.scalar(text("select encode(secret_sealed, 'escape') from webhook_endpoints"))
    assert secret.removeprefix("whsec_") not in str(stored)
