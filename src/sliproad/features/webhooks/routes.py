"""`/api/v1/webhooks`: an organisation's endpoints and the history of deliveries to them (contract §4)."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from sliproad.features.accounts.guards import Manager, Viewer
from sliproad.features.webhooks.control import WebhookControl
from sliproad.features.webhooks.model import Delivery, Endpoint
from sliproad.features.webhooks.service import WebhookService
from sliproad.foundation.web import PageQuery, RequestModel, Text, Timestamp


class EndpointRequest(RequestModel):
    url: Annotated[str, Field(max_length=2048, examples=["https://example.com/sliproad"])]
    events: Annotated[list[str], Field(min_length=1, max_length=32, examples=[["commissioning.completed"]])]
    secret: Annotated[str | None, Field(max_length=128)] = None
    description: Text | None = None


class EndpointChange(RequestModel):
    url: Annotated[str | None, Field(max_length=2048)] = None
    events: Annotated[list[str] | None, Field(min_length=1, max_length=32)] = None
    description: Text | None = None


class EndpointAnswer(BaseModel):
    endpoint_id: str
    url: str
    events: list[str]
    description: str | None
    status: str
    created_at: Timestamp
    previous_secret_expires_at: Timestamp | None
    """Until then deliveries are signed with the secret of before a rotation, too."""


class EndpointCreated(EndpointAnswer):
    secret: str
    """Shown once; every delivery is signed with it."""


class RotationRequest(RequestModel):
    secret: Annotated[str | None, Field(max_length=128)] = None
    """Your own; one is made without it."""
    grace_hours: Annotated[float, Field(ge=0, le=168)] = 24
    """How long deliveries are signed with the old secret, too."""


class TestRequest(RequestModel):
    endpoint_id: Annotated[str | None, Field(max_length=64)] = None
    """Every active endpoint without it."""


class EndpointList(BaseModel):
    endpoints: list[EndpointAnswer]
    total: int


class DeliveryAnswer(BaseModel):
    delivery_id: str
    endpoint_id: str
    event_id: str
    event: str
    status: str
    attempts: int
    last_status_code: int | None
    last_error: str | None
    created_at: Timestamp
    next_attempt_at: Timestamp | None
    delivered_at: Timestamp | None


class DeliveryDetail(DeliveryAnswer):
    body: str
    """What is sent, byte for byte."""


class DeliveryList(BaseModel):
    deliveries: list[DeliveryAnswer]
    next_cursor: str | None


class TestsSent(BaseModel):
    deliveries: list[DeliveryAnswer]


def endpoint_answer(endpoint: Endpoint) -> EndpointAnswer:
    return EndpointAnswer(
        endpoint_id=endpoint.endpoint_id,
        url=endpoint.url,
        events=list(endpoint.events),
        description=endpoint.description,
        status=endpoint.status,
        created_at=endpoint.created_at,
        previous_secret_expires_at=endpoint.previous_secret_expires_at,
    )


def delivery_answer(delivery: Delivery) -> DeliveryAnswer:
    return DeliveryAnswer(
        delivery_id=delivery.delivery_id,
        endpoint_id=delivery.endpoint_id,
        event_id=delivery.event_id,
        event=delivery.event,
        status=delivery.status,
        attempts=delivery.attempts,
        last_status_code=delivery.last_status_code,
        last_error=delivery.last_error,
        created_at=delivery.created_at,
        next_attempt_at=delivery.next_attempt_at,
        delivered_at=delivery.delivered_at,
    )


def router(service: WebhookService, control: WebhookControl) -> APIRouter:
    """The routes of webhooks."""
    api = APIRouter(prefix="/api/v1/webhooks", tags=["Webhooks"])

    @api.post("/endpoints", status_code=201)
    async def create_endpoint(actor: Manager, body: EndpointRequest) -> EndpointCreated:
        """Subscribe a URL to events. The secret that deliveries are signed with is shown this once."""
        endpoint, secret = await service.create(
            actor, url=body.url, events=body.events, secret=body.secret, description=body.description
        )
        return EndpointCreated(secret=secret, **endpoint_answer(endpoint).model_dump())

    @api.get("/endpoints")
    async def list_endpoints(actor: Viewer) -> EndpointList:
        """The organisation's endpoints."""
        found = [endpoint_answer(endpoint) for endpoint in await service.endpoints(actor)]
        return EndpointList(endpoints=found, total=len(found))

    @api.get("/endpoints/{endpoint_id}")
    async def read_endpoint(actor: Viewer, endpoint_id: str) -> EndpointAnswer:
        """One endpoint."""
        return endpoint_answer(await service.endpoint(actor, endpoint_id))

    @api.patch("/endpoints/{endpoint_id}")
    async def change_endpoint(actor: Manager, endpoint_id: str, body: EndpointChange) -> EndpointAnswer:
        """Change the URL, the events or the description."""
        changed = await service.change(
            actor, endpoint_id, url=body.url, events=body.events, description=body.description
        )
        return endpoint_answer(changed)

    @api.delete("/endpoints/{endpoint_id}", status_code=204)
    async def remove_endpoint(actor: Manager, endpoint_id: str) -> None:
        """End a subscription; what still waits for it is given up."""
        await service.remove(actor, endpoint_id)

    @api.post("/endpoints/{endpoint_id}/pause")
    async def pause_endpoint(actor: Manager, endpoint_id: str) -> EndpointAnswer:
        """Send nothing more for now. What waits goes on waiting; what happens meanwhile is not kept."""
        return endpoint_answer(await control.pause(actor, endpoint_id))

    @api.post("/endpoints/{endpoint_id}/resume")
    async def resume_endpoint(actor: Manager, endpoint_id: str) -> EndpointAnswer:
        """Send again, beginning with what waits."""
        return endpoint_answer(await control.resume(actor, endpoint_id))

    @api.post("/endpoints/{endpoint_id}/rotate-secret")
    async def rotate_secret(actor: Manager, endpoint_id: str, body: RotationRequest | None = None) -> EndpointCreated:
        """Replace the secret. The new one is shown this once; for a while deliveries are signed with both."""
        wanted = body or RotationRequest()
        grace = timedelta(hours=wanted.grace_hours)
        endpoint, secret = await control.rotate_secret(actor, endpoint_id, secret=wanted.secret, grace=grace)
        return EndpointCreated(secret=secret, **endpoint_answer(endpoint).model_dump())

    @api.post("/endpoints/{endpoint_id}/test", status_code=202)
    async def test_endpoint(actor: Manager, endpoint_id: str) -> DeliveryAnswer:
        """Send `webhook.test`, whatever the endpoint subscribed to. It is attempted once; see the delivery for how it went."""
        return delivery_answer(await control.send_test(actor, endpoint_id))

    @api.post("/test", status_code=202)
    async def test_endpoints(actor: Manager, body: TestRequest | None = None) -> TestsSent:
        """Send `webhook.test` to an endpoint, or to every active one."""
        if body and body.endpoint_id:
            sent = [await control.send_test(actor, body.endpoint_id)]
        else:
            sent = await control.send_tests(actor)
        return TestsSent(deliveries=[delivery_answer(row) for row in sent])

    @api.get("/deliveries")
    async def list_deliveries(
        actor: Viewer,
        page: PageQuery,
        endpoint_id: str | None = None,
        status: Annotated[Literal["pending", "delivered", "failed"] | None, Query()] = None,
    ) -> DeliveryList:
        """What was sent, newest first, with the last answer of the endpoint."""
        rows = await service.deliveries(
            actor,
            endpoint_id=endpoint_id,
            status=status,
            before=page.after(datetime, str),
            limit=page.limit + 1,
        )
        shown, next_cursor = page.cut(rows, lambda row: (row.created_at, row.delivery_id))
        return DeliveryList(deliveries=[delivery_answer(row) for row in shown], next_cursor=next_cursor)

    @api.get("/deliveries/{delivery_id}")
    async def read_delivery(actor: Viewer, delivery_id: str) -> DeliveryDetail:
        """One delivery, with its body."""
        delivery, body = await control.delivery(actor, delivery_id)
        return DeliveryDetail(body=body, **delivery_answer(delivery).model_dump())

    @api.post("/deliveries/{delivery_id}/redeliver", status_code=202)
    async def redeliver(actor: Manager, delivery_id: str) -> DeliveryAnswer:
        """Send a delivery again, under the same event id, whether it arrived before, failed or waits."""
        return delivery_answer(await control.redeliver(actor, delivery_id))

    return api
