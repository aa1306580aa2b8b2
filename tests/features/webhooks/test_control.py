"""Pausing, resuming, rotating, testing and sending again, over HTTP, to a real receiver by a real worker (issue 3, part 11)."""

import asyncio
import contextlib
import json
import pathlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from aiohttp import web as aioweb
from sqlalchemy import text
from standardwebhooks import Webhook, WebhookVerificationError

from sliproad.features.accounts.authentication import Authentication
from sliproad.features.accounts.guards import Guards
from sliproad.features.accounts.model import KeyScope
from sliproad.features.webhooks import jobs as webhook_jobs
from sliproad.features.webhooks import routes
from sliproad.features.webhooks.control import WebhookControl
from sliproad.features.webhooks.service import WebhookService, subscriptions
from sliproad.foundation import outbox
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import SystemClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.events import DomainEvent
from sliproad.foundation.outbound import Guard, OutboundClient
from sliproad.foundation.settings import Settings
from sliproad.foundation.web.application import create_app
from sliproad.foundation.web.idempotency import IdempotencyRecords
from workplace import Somebody, Workplace, assert_problem, open_workplace

API = "/api/v1/webhooks"
LOOPBACK = Settings.read_networks("127.0.0.0/8")


@dataclass
class Receiver:
    """Somebody's server: answers what it is told to, and hands over what came."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    came: asyncio.Queue[tuple[dict[str, str], str]] = field(default_factory=asyncio.Queue)

    async def take(self, request: aioweb.Request) -> aioweb.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        await self.came.put((headers, await request.text()))
        return aioweb.Response(status=self.statuses.pop(0) if self.statuses else 200)

    async def next(self) -> tuple[dict[str, str], str]:
        async with asyncio.timeout(20):
            return await self.came.get()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver, app = Receiver(), aioweb.Application()
    app.router.add_post("/hook", receiver.take)
    runner = aioweb.AppRunner(app)
    await runner.setup()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await aioweb.SockSite(runner, listening).start()
        receiver.url = f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
        yield receiver
        await runner.cleanup()


@dataclass
class Desk:
    """An organisation that has subscribed a receiver to everything, the application it asks, and a worker beside it."""

    workplace: Workplace
    client: httpx2.AsyncClient
    owner: Somebody
    service: WebhookService
    endpoint: dict[str, Any]

    @property
    def path(self) -> str:
        return f"{API}/endpoints/{self.endpoint['endpoint_id']}"

    @property
    def engine(self) -> Database:
        return self.workplace.engine

    async def do(self, verb: str, expect: int = 200, **body: Any) -> dict[str, Any]:
        answer = await self.owner.post(f"{self.path}/{verb}", json=body or None)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def happens(self, name: str = "commissioning.completed") -> None:
        event = DomainEvent(name, self.owner.id, SystemClock().now(), {"charge_point_id": "CP-1"}, charge_point_key=1)
        async with self.engine.transaction(ENGINE) as session:
            outbox.publish(session, event)
        await outbox.Drain(self.engine, {"*": (self.service.fan_out,)}).drain()

    async def delivery(self, delivery_id: str = "", *, status: str = "", attempts: int = 0) -> dict[str, Any]:
        """The delivery (the newest one without an id) once it has that status and as many attempts."""
        async with asyncio.timeout(20):
            while True:
                found = (await self.owner.get(f"{API}/deliveries")).json()["deliveries"]
                for row in found:
                    if (
                        delivery_id in {"", row["delivery_id"]}
                        and row["attempts"] >= attempts
                        and status in {"", row["status"]}
                    ):
                        return row
                await asyncio.sleep(0.02)

    async def jobs_are_done(self) -> None:
        """Until nothing is due or running."""
        due = "select count(*) from procrastinate_jobs where status = 'doing' or (status = 'todo' and (scheduled_at is null or scheduled_at <= now()))"
        async with asyncio.timeout(20):
            while True:
                async with self.engine.transaction(ENGINE) as session:
                    if not await session.scalar(text(due)):
                        return
                await asyncio.sleep(0.02)

    async def the_wait_is_long(self) -> None:
        async with self.engine.transaction(ENGINE) as session:
            await session.execute(
                text("update procrastinate_jobs set scheduled_at = now() + interval '1 day' where status = 'todo'")
            )

    async def the_wait_is_over(self) -> None:
        async with self.engine.transaction(ENGINE) as session:
            await session.execute(text("update procrastinate_jobs set scheduled_at = now() where status = 'todo'"))
        await self.jobs_are_done()


@pytest.fixture
async def desk(
    web: Database, engine: Database, bus: Bus, secret_key: SecretKey, tmp_path: pathlib.Path, receiver: Receiver
) -> AsyncIterator[Desk]:
    clock, client = SystemClock(), OutboundClient(Guard(LOOPBACK))
    async with open_workplace(web, engine, bus, clock, secret_key, tmp_path) as workplace:
        jobs = workplace.jobs
        service, control = (
            WebhookService(web, clock, secret_key, jobs, client),
            WebhookControl(web, clock, secret_key, jobs),
        )
        webhook_jobs.register(
            jobs,
            WebhookService(engine, clock, secret_key, jobs, client),
            WebhookControl(engine, clock, secret_key, jobs),
        )
        app = create_app(
            [routes.router(service, control)],
            guards=Guards(Authentication(web, workplace.access_tokens, secret_key, clock)),
            idempotency=IdempotencyRecords(web, secret_key, clock),
            public_url="http://sliproad.example",
            version="0",
        )
        transport = httpx2.ASGITransport(app=app)
        working = asyncio.create_task(jobs.run_worker(concurrency=5))
        async with httpx2.AsyncClient(transport=transport, base_url="http://sliproad.example") as asking:
            made = await workplace.organization()
            owner = Somebody(asking, made.id, made.credential)
            endpoint = await owner.create(f"{API}/endpoints", url=receiver.url, events=["*"])
            yield Desk(workplace, asking, owner, service, endpoint)
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working


async def test_a_test_event_arrives_signed_whatever_is_subscribed_to(desk: Desk, receiver: Receiver) -> None:
    await desk.owner.patch(desk.path, json={"events": ["handover.completed"]})
    sent = await desk.do("test", 202)
    headers, body = await receiver.next()
    event = Webhook(desk.endpoint["secret"]).verify(body, headers)
    assert (event["event"], event["id"]) == ("webhook.test", sent["event_id"])
    assert event["data"]["endpoint_id"] == desk.endpoint["endpoint_id"]
    assert event["organization_id"] == desk.owner.id
    done = await desk.delivery(sent["delivery_id"], status="delivered")
    assert (done["event"], done["attempts"], done["last_status_code"]) == ("webhook.test", 1, 200)
    detail = (await desk.owner.get(f"{API}/deliveries/{sent['delivery_id']}")).json()
    assert detail["body"] == body


async def test_a_test_is_attempted_once(desk: Desk, receiver: Receiver) -> None:
    receiver.statuses = [500]
    sent = await desk.do("test", 202)
    failed = await desk.delivery(sent["delivery_id"], attempts=1)
    assert (failed["status"], failed["next_attempt_at"], failed["last_status_code"]) == ("failed", None, 500)


async def test_tests_go_to_one_or_to_all_active_endpoints(desk: Desk, receiver: Receiver) -> None:
    second = await desk.owner.create(f"{API}/endpoints", url=receiver.url, events=["handover.completed"])
    third = await desk.owner.create(f"{API}/endpoints", url=receiver.url, events=["*"])
    assert (await desk.owner.post(f"{API}/endpoints/{third['endpoint_id']}/pause")).status_code == 200
    everyone = await desk.owner.post(f"{API}/test")
    assert everyone.status_code == 202, everyone.text
    reached = {row["endpoint_id"] for row in everyone.json()["deliveries"]}
    assert reached == {desk.endpoint["endpoint_id"], second["endpoint_id"]}
    one = await desk.owner.post(f"{API}/test", json={"endpoint_id": second["endpoint_id"]})
    assert [row["endpoint_id"] for row in one.json()["deliveries"]] == [second["endpoint_id"]]
    for _ in range(3):
        await receiver.next()
    for endpoint in (desk.endpoint, second):
        await desk.owner.post(f"{API}/endpoints/{endpoint['endpoint_id']}/pause")
    assert_problem(await desk.owner.post(f"{API}/test"), 409, "invalid_state")


async def test_a_rotated_secret_and_the_one_before_sign_until_the_grace_is_over(desk: Desk, receiver: Receiver) -> None:
    """Standard Webhooks: several signatures in one header, so that receivers change over without a gap."""
    old = desk.endpoint["secret"]
    rotated = await desk.do("rotate-secret")
    new = rotated["secret"]
    assert new != old
    assert rotated["previous_secret_expires_at"] is not None
    assert "secret" not in (await desk.owner.get(desk.path)).json()
    await desk.happens()
    headers, body = await receiver.next()
    assert len(headers["webhook-signature"].split()) == 2
    for secret in (old, new):
        assert Webhook(secret).verify(body, headers)["event"] == "commissioning.completed"
    newest = (await desk.do("rotate-secret", grace_hours=1))["secret"]
    await desk.happens()
    headers, body = await receiver.next()
    for secret in (new, newest):
        Webhook(secret).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(body, headers)
    async with desk.engine.transaction(ENGINE) as session:  # the grace is over
        past = "update webhook_endpoints set previous_secret_expires_at = now() - interval '1 second'"
        await session.execute(text(past))
    await desk.happens()
    headers, body = await receiver.next()
    assert len(headers["webhook-signature"].split()) == 1
    Webhook(newest).verify(body, headers)


async def test_a_secret_that_leaked_is_replaced_at_once(desk: Desk, receiver: Receiver) -> None:
    own = "whsec_" + "c2VjcmV0IHRoYXQgaXMgbG9uZyBlbm91Z2gh"
    rotated = await desk.do("rotate-secret", grace_hours=0, secret=own)
    assert (rotated["secret"], rotated["previous_secret_expires_at"]) == (own, None)
    await desk.happens()
    headers, body = await receiver.next()
    Webhook(own).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(desk.endpoint["secret"]).verify(body, headers)
    for wrong in ({"secret": "short"}, {"grace_hours": -1}, {"grace_hours": 169}, {"grace": 1}):
        assert_problem(await desk.owner.post(f"{desk.path}/rotate-secret", json=wrong), 400, "validation_error")


async def test_while_paused_nothing_is_sent_and_what_waits_goes_on_waiting(desk: Desk, receiver: Receiver) -> None:
    receiver.statuses = [503]
    await desk.happens("commissioning.started")
    await receiver.next()
    waiting = await desk.delivery(attempts=1)
    assert waiting["status"] == "pending"
    assert (await desk.do("pause"))["status"] == "paused"
    assert (await desk.do("pause"))["status"] == "paused"
    assert await subscriptions(desk.engine) == {}, "gateways need not tell"
    await desk.happens("commissioning.failed")
    await desk.the_wait_is_over()
    assert receiver.came.empty()
    assert (await desk.delivery(waiting["delivery_id"]))["attempts"] == 1
    assert_problem(await desk.owner.post(f"{desk.path}/test"), 409, "invalid_state")
    path = f"{API}/deliveries/{waiting['delivery_id']}/redeliver"
    assert_problem(await desk.owner.post(path), 409, "invalid_state")
    assert (await desk.do("resume"))["status"] == "active"
    _, body = await receiver.next()
    assert json.loads(body)["event"] == "commissioning.started"
    done = await desk.delivery(waiting["delivery_id"], status="delivered")
    assert done["attempts"] == 2
    await desk.happens("commissioning.completed")
    _, body = await receiver.next()
    assert json.loads(body)["event"] == "commissioning.completed", "what happened while it was paused is not sent"


async def test_a_delivery_is_sent_again_under_its_event_id(desk: Desk, receiver: Receiver) -> None:
    await desk.happens()
    first, body = await receiver.next()
    delivered = await desk.delivery(status="delivered")
    again = await desk.owner.post(f"{API}/deliveries/{delivered['delivery_id']}/redeliver")
    assert (again.status_code, again.json()["status"], again.json()["delivered_at"]) == (202, "pending", None)
    second, same = await receiver.next()
    assert (second["webhook-id"], same) == (first["webhook-id"], body)
    assert (await desk.delivery(delivered["delivery_id"], status="delivered", attempts=2))["attempts"] == 2


async def test_a_delivery_that_waits_holds_back_no_later_one(desk: Desk, receiver: Receiver) -> None:
    receiver.statuses = [500]
    await desk.happens("commissioning.started")
    await receiver.next()
    waiting = await desk.delivery(attempts=1)
    await desk.the_wait_is_long()
    await desk.happens("commissioning.completed")
    _, body = await receiver.next()
    assert json.loads(body)["event"] == "commissioning.completed"
    assert (await desk.delivery(waiting["delivery_id"]))["status"] == "pending"


async def test_redelivering_what_waits_leaves_one_chain_of_attempts(desk: Desk, receiver: Receiver) -> None:
    receiver.statuses = [500] * 10
    await desk.happens()
    await receiver.next()
    waiting = await desk.delivery(attempts=1)
    await desk.the_wait_is_long()
    assert (await desk.owner.post(f"{API}/deliveries/{waiting['delivery_id']}/redeliver")).status_code == 202
    await receiver.next()
    await desk.delivery(waiting["delivery_id"], attempts=2)
    await desk.the_wait_is_over()  # of both the attempt planned first and the one planned last
    await receiver.next()
    assert (await desk.delivery(waiting["delivery_id"]))["attempts"] == 3
    assert receiver.came.empty(), "the attempt that was planned before is void"


async def test_a_failed_delivery_gets_three_new_days(desk: Desk, receiver: Receiver) -> None:
    receiver.statuses = [500, 500]
    await desk.happens()
    await receiver.next()
    failed = await desk.delivery(attempts=1)
    async with desk.engine.transaction(ENGINE) as session:  # four days later
        await session.execute(
            text(
                "update webhook_deliveries set status = 'failed', next_attempt_at = null,"
                " created_at = created_at - interval '4 days', begun_at = begun_at - interval '4 days'"
            )
        )
    assert (await desk.owner.post(f"{API}/deliveries/{failed['delivery_id']}/redeliver")).status_code == 202
    await receiver.next()
    again = await desk.delivery(failed["delivery_id"], attempts=2)
    assert (again["status"], again["next_attempt_at"] is not None) == ("pending", True)


async def test_an_endpoint_that_said_gone_can_be_resumed(desk: Desk, receiver: Receiver) -> None:
    receiver.statuses = [410]
    await desk.happens()
    await desk.delivery(status="failed")
    assert (await desk.owner.get(desk.path)).json()["status"] == "paused"
    await desk.do("resume")
    await desk.do("test", 202)
    await receiver.next()
    _, body = await receiver.next()
    assert json.loads(body)["event"] == "webhook.test"


async def test_others_endpoints_and_deliveries_do_not_exist(desk: Desk, receiver: Receiver) -> None:
    await desk.happens()
    await receiver.next()
    delivery_id = (await desk.delivery(status="delivered"))["delivery_id"]
    made = await desk.workplace.organization("Hilltop")
    hilltop = Somebody(desk.client, made.id, made.credential)
    for verb in ("pause", "resume", "rotate-secret", "test"):
        assert_problem(await hilltop.post(f"{desk.path}/{verb}"), 404, "not_found")
    body = {"endpoint_id": desk.endpoint["endpoint_id"]}
    assert_problem(await hilltop.post(f"{API}/test", json=body), 404, "not_found")
    assert_problem(await hilltop.get(f"{API}/deliveries/{delivery_id}"), 404, "not_found")
    assert_problem(await hilltop.post(f"{API}/deliveries/{delivery_id}/redeliver"), 404, "not_found")
    reader = await desk.workplace.api_key(desk.owner.id, KeyScope.CPO_READ)
    may_read = Somebody(desk.client, reader.id, reader.credential)
    assert (await may_read.get(f"{API}/deliveries/{delivery_id}")).status_code == 200
    for path in (*(f"{desk.path}/{verb}" for verb in ("pause", "resume", "rotate-secret", "test")), f"{API}/test"):
        assert_problem(await may_read.post(path), 403, "forbidden")
    assert (await desk.owner.delete(desk.path)).status_code == 204
    assert_problem(await desk.owner.post(f"{API}/deliveries/{delivery_id}/redeliver"), 404, "not_found")
