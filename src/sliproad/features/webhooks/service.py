"""Use cases of webhooks: manage endpoints, fan an event out to deliveries, attempt one.

What owners do to running endpoints and deliveries is in `control`. Called by `routes`, by `app/event_routes.py` (fan out, inside
the transaction that takes the event from the outbox) and by the job `webhooks.deliver`.
"""

import base64
import secrets
from datetime import UTC, datetime

import orjson
from standardwebhooks import Webhook

from sliproad.features.accounts.model import OrganizationActor
from sliproad.features.webhooks import model, store
from sliproad.features.webhooks.model import Delivery, Endpoint
from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, Database, Session
from sliproad.foundation.errors import NotFound, UpstreamUnavailable
from sliproad.foundation.ids import new_id
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.outbound import OutboundClient
from sliproad.foundation.outbox import StoredEvent

DELIVER = "webhooks.deliver"
PURPOSE = "webhook secrets"
GONE = 410
ERROR_CHARACTERS = 300


class WebhookService:
    def __init__(
        self, database: Database, clock: Clock, secret_key: SecretKey, jobs: Jobs, client: OutboundClient
    ) -> None:
        self.database, self.clock, self.secret_key, self.jobs, self.client = database, clock, secret_key, jobs, client

    async def create(
        self, actor: OrganizationActor, *, url: str, events: list[str], secret: str | None, description: str | None
    ) -> tuple[Endpoint, str]:
        """A new endpoint and its secret, which is shown this once.

        Raises:
            InvalidInput: of `url`, `events` or `secret`.
        """
        self.client.guard.check_text(url)
        chosen = model.check_events(events)
        secret = model.check_secret(secret) if secret else new_secret()
        row = store.EndpointRow(
            endpoint_id=new_id("whe"),
            organization_id=actor.organization_id,
            url=url,
            events=list(chosen),
            secret_sealed=self.secret_key.encrypt(PURPOSE, secret.encode()),
            description=description,
            status="active",
            created_at=self.clock.now(),
        )
        async with self.database.transaction(actor.scope) as session:
            session.add(row)
        return store.as_endpoint(row), secret

    async def endpoints(self, actor: OrganizationActor) -> list[Endpoint]:
        """The organisation's endpoints."""
        async with self.database.transaction(actor.scope) as session:
            return [store.as_endpoint(row) for row in await store.endpoints(session, actor.organization_id)]

    async def endpoint(self, actor: OrganizationActor, endpoint_id: str) -> Endpoint:
        """One endpoint.

        Raises:
            NotFound: there is none, or it is another organisation's.
        """
        async with self.database.transaction(actor.scope) as session:
            return store.as_endpoint(await self._row(session, actor, endpoint_id))

    async def change(
        self,
        actor: OrganizationActor,
        endpoint_id: str,
        *,
        url: str | None,
        events: list[str] | None,
        description: str | None,
    ) -> Endpoint:
        """Change what is given.

        Raises:
            NotFound: there is no such endpoint.
            InvalidInput: of `url` or `events`.
        """
        async with self.database.transaction(actor.scope) as session:
            row = await self._row(session, actor, endpoint_id)
            if url is not None:
                self.client.guard.check_text(url)
                row.url = url
            if events is not None:
                row.events = list(model.check_events(events))
            if description is not None:
                row.description = description
            return store.as_endpoint(row)

    async def remove(self, actor: OrganizationActor, endpoint_id: str) -> None:
        """End an endpoint; what still waits for it is given up.

        Raises:
            NotFound: there is no such endpoint.
        """
        async with self.database.transaction(actor.scope) as session:
            row = await self._row(session, actor, endpoint_id)
            row.removed_at = self.clock.now()
            await store.cancel_pending(session, endpoint_id, "The endpoint was removed.")

    async def deliveries(
        self,
        actor: OrganizationActor,
        *,
        endpoint_id: str | None,
        status: str | None,
        before: tuple[datetime, str] | None,
        limit: int,
    ) -> list[Delivery]:
        """The organisation's deliveries, newest first."""
        async with self.database.transaction(actor.scope) as session:
            rows = await store.deliveries(
                session, actor.organization_id, endpoint_id=endpoint_id, status=status, before=before, limit=limit
            )
            return [store.as_delivery(row) for row in rows]

    async def fan_out(self, session: Session, event: StoredEvent) -> None:
        """Make a delivery for every endpoint that wants `event`, in the transaction that takes it from the outbox."""
        body = model.envelope(event.event_id, event.name, event.occurred_at, event.organization_id, event.data)
        encoded = orjson.dumps(body).decode()
        for endpoint in await store.endpoints(session, event.organization_id):
            if endpoint.status != "active" or not model.wants(tuple(endpoint.events), event.name):
                continue
            now = self.clock.now()
            delivery = store.new_delivery(
                endpoint, event.event_id, event.name, encoded, now, charge_point_key=event.charge_point_key
            )
            session.add(delivery)
            await session.flush()
            await plan_attempt(self.jobs, session, delivery, in_order=True)

    async def deliver(self, delivery_id: str, turn: int = 0) -> None:
        """Attempt one delivery; a failure plans the next attempt. Idempotent: a delivery that does not wait is left alone.

        So is one that was begun anew since the job was planned (another `turn`), or whose endpoint is paused: resuming plans it.
        """
        async with self.database.transaction(ENGINE) as session:
            found = await store.for_attempt(session, delivery_id)
            if found is None or found[0].turn != turn or found[1].status != "active":
                return
            delivery, endpoint = found
        status, error = await self._send(delivery, endpoint.url, self._secrets(endpoint))
        async with self.database.transaction(ENGINE) as session:
            found = await store.for_attempt(session, delivery_id, lock=True)
            if found is not None:
                await self._record(session, *found, status, error, turn=turn)

    def _secrets(self, endpoint: store.EndpointRow) -> list[str]:
        """The endpoint's secret, and the one before it while a rotation's grace lasts."""
        sealed = [endpoint.secret_sealed]
        expires_at = endpoint.previous_secret_expires_at
        if endpoint.previous_secret_sealed and expires_at and self.clock.now() < expires_at:
            sealed.append(endpoint.previous_secret_sealed)
        return [self.secret_key.decrypt(PURPOSE, each).decode() for each in sealed]

    async def _send(
        self, delivery: store.DeliveryRow, url: str, signed_with: list[str]
    ) -> tuple[int | None, str | None]:
        """POST the body, signed with each secret; the status, or in words why there is none."""
        sent_at = self.clock.now().astimezone(UTC)
        signatures = [Webhook(secret).sign(delivery.event_id, sent_at, delivery.body) for secret in signed_with]
        headers = {
            "content-type": "application/json",
            "user-agent": "Sliproad-Webhooks/1",
            "webhook-id": delivery.event_id,
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
        try:
            answer = await self.client.request(
                "POST", url, headers=headers, body=delivery.body.encode(), timeout_seconds=15, most_bytes=65536
            )
        except UpstreamUnavailable as error:
            return None, error.detail
        is_taken = 200 <= answer.status < 300
        return answer.status, None if is_taken else f"The endpoint answered {answer.status}."

    async def _record(
        self,
        session: Session,
        delivery: store.DeliveryRow,
        endpoint: store.EndpointRow,
        status: int | None,
        error: str | None,
        *,
        turn: int,
    ) -> None:
        now = self.clock.now()
        delivery.attempts += 1
        delivery.last_status_code = status
        delivery.last_error = error[:ERROR_CHARACTERS] if error else None
        if error is None:
            delivery.status, delivery.delivered_at, delivery.next_attempt_at = "delivered", now, None
            return
        if status == GONE:  # Standard Webhooks: the receiver wants no more
            endpoint.status = "paused"
        if delivery.turn != turn:  # begun anew meanwhile: that attempt is planned already
            return
        is_last = status == GONE or delivery.event == model.TEST
        attempts = delivery.attempts - delivery.attempts_before
        at = None if is_last else model.next_attempt_at(attempts, delivery.begun_at, now)
        delivery.next_attempt_at = at
        if at is None:
            delivery.status = "failed"
            return
        await plan_attempt(self.jobs, session, delivery, at)

    async def _row(self, session: Session, actor: OrganizationActor, endpoint_id: str) -> store.EndpointRow:
        row = await store.endpoint(session, actor.organization_id, endpoint_id)
        if row is None:
            raise NotFound("There is no such webhook endpoint.")
        return row


async def subscriptions(database: Database) -> dict[str, frozenset[str]]:
    """Which events somebody wants, by organisation; gateways keep this in memory and store no others."""
    wanted: dict[str, frozenset[str]] = {}
    for organization_id, events in await database.ask(store.SUBSCRIPTIONS, {}):
        names = frozenset(model.EVENTS) if model.EVERY in events else frozenset(events)
        wanted[organization_id] = wanted.get(organization_id, frozenset()) | names
    return wanted


async def plan_attempt(
    jobs: Jobs, session: Session, delivery: store.DeliveryRow, at: datetime | None = None, *, in_order: bool = False
) -> None:
    """Enqueue the attempt of the delivery's present turn, now or `at`; `in_order`: behind earlier ones about its charge point.

    Only first attempts keep an order. The queue runs what has one lock strictly one after another, what is planned for later
    included: an endpoint that fails on one event would hear of nothing else of that charge point for hours.
    """
    lock = (
        f"webhook:{delivery.endpoint_id}:{delivery.charge_point_key}"
        if in_order and delivery.charge_point_key
        else None
    )
    await jobs.enqueue(session, DELIVER, lock=lock, at=at, delivery_id=delivery.delivery_id, turn=delivery.turn)


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64 (Standard Webhooks)."""
    return model.SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
