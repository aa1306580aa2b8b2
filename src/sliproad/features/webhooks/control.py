"""What owners do to endpoints and deliveries that exist: pause, resume, rotate the secret, send a test, send again.

`routes` call it; the job `webhooks.resume` calls `send_waiting`.
"""

from datetime import timedelta

import orjson
import structlog

from sliproad.features.accounts.model import OrganizationActor
from sliproad.features.webhooks import model, store
from sliproad.features.webhooks.model import Delivery, Endpoint, require_active
from sliproad.features.webhooks.service import PURPOSE, new_secret, plan_attempt
from sliproad.foundation.clock import Clock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, Database, Session
from sliproad.foundation.errors import Conflict, NotFound
from sliproad.foundation.ids import new_id
from sliproad.foundation.jobs import Jobs

log = structlog.get_logger()
RESUME = "webhooks.resume"


class WebhookControl:
    def __init__(self, database: Database, clock: Clock, secret_key: SecretKey, jobs: Jobs) -> None:
        self.database, self.clock, self.secret_key, self.jobs = database, clock, secret_key, jobs

    async def pause(self, actor: OrganizationActor, endpoint_id: str) -> Endpoint:
        """Send nothing more: what waits goes on waiting, what happens meanwhile is not kept for it.

        Raises:
            NotFound: there is no such endpoint.
        """
        async with self.database.transaction(actor.scope) as session:
            row = await self._endpoint(session, actor, endpoint_id)
            row.status = "paused"
            return store.as_endpoint(row)

    async def resume(self, actor: OrganizationActor, endpoint_id: str) -> Endpoint:
        """Send again, beginning with what waits. An endpoint that is active stays as it is.

        Raises:
            NotFound: there is no such endpoint.
        """
        async with self.database.transaction(actor.scope) as session:
            row = await self._endpoint(session, actor, endpoint_id)
            if row.status != "active":
                row.status = "active"
                await self.jobs.enqueue(session, RESUME, endpoint_id=endpoint_id)
            return store.as_endpoint(row)

    async def send_waiting(self, endpoint_id: str) -> None:
        """Begin every delivery anew that waits for the endpoint; works as `engine`."""
        async with self.database.transaction(ENGINE) as session:
            for delivery in await store.pending(session, endpoint_id):
                await self._begin_anew(session, delivery, in_order=True)

    async def rotate_secret(
        self, actor: OrganizationActor, endpoint_id: str, *, secret: str | None, grace: timedelta
    ) -> tuple[Endpoint, str]:
        """A new secret, shown this once; until `grace` is over deliveries are signed with the one before, too.

        Of two rotations in one grace the first one's predecessor dies at once: two secrets sign at most.

        Raises:
            NotFound: there is no such endpoint.
            InvalidInput: of `secret`.
        """
        made = model.check_secret(secret) if secret else new_secret()
        async with self.database.transaction(actor.scope) as session:
            row = await self._endpoint(session, actor, endpoint_id)
            row.previous_secret_sealed = row.secret_sealed if grace else None
            row.previous_secret_expires_at = self.clock.now() + grace if grace else None
            row.secret_sealed = self.secret_key.encrypt(PURPOSE, made.encode())
        log.info("webhook_secret_rotated", organization_id=actor.organization_id, endpoint_id=endpoint_id, by=actor.key)
        return store.as_endpoint(row), made

    async def send_test(self, actor: OrganizationActor, endpoint_id: str) -> Delivery:
        """Send `webhook.test` to an endpoint, whatever it subscribed to; it is attempted once.

        Raises:
            NotFound: there is no such endpoint.
            Conflict: `invalid_state`, it is paused.
        """
        async with self.database.transaction(actor.scope) as session:
            row = await self._endpoint(session, actor, endpoint_id)
            require_active(store.as_endpoint(row))
            return await self._test(session, row)

    async def send_tests(self, actor: OrganizationActor) -> list[Delivery]:
        """Send `webhook.test` to every active endpoint.

        Raises:
            Conflict: `invalid_state`, there is none.
        """
        async with self.database.transaction(actor.scope) as session:
            rows = await store.endpoints(session, actor.organization_id)
            sent = [await self._test(session, row) for row in rows if row.status == "active"]
        if not sent:
            raise Conflict("You have no active endpoint to send a test to.", code="invalid_state")
        return sent

    async def delivery(self, actor: OrganizationActor, delivery_id: str) -> tuple[Delivery, str]:
        """One delivery, and the body that is sent.

        Raises:
            NotFound: absent, or another organisation's.
        """
        async with self.database.transaction(actor.scope) as session:
            row = await self._delivery(session, actor, delivery_id)
            return store.as_delivery(row), row.body

    async def redeliver(self, actor: OrganizationActor, delivery_id: str) -> Delivery:
        """Send a delivery again, now and as often as a new one, whether it arrived before, failed or waits.

        Raises:
            NotFound: absent, another organisation's, or its endpoint was removed.
            Conflict: `invalid_state`, its endpoint is paused.
        """
        async with self.database.transaction(actor.scope) as session:
            endpoint_id = (await self._delivery(session, actor, delivery_id)).endpoint_id
            require_active(store.as_endpoint(await self._endpoint(session, actor, endpoint_id)))
            row = await self._delivery(session, actor, delivery_id, lock=True)
            await self._begin_anew(session, row)
            return store.as_delivery(row)

    async def _begin_anew(self, session: Session, row: store.DeliveryRow, *, in_order: bool = False) -> None:
        store.begin_anew(row, self.clock.now())
        await session.flush()
        await plan_attempt(self.jobs, session, row, in_order=in_order)

    async def _test(self, session: Session, endpoint: store.EndpointRow) -> Delivery:
        event_id, now = new_id("evt"), self.clock.now()
        data = model.test_data(endpoint.endpoint_id)
        body = model.envelope(event_id, model.TEST, now, endpoint.organization_id, data)
        row = store.new_delivery(endpoint, event_id, model.TEST, orjson.dumps(body).decode(), now)
        session.add(row)
        await session.flush()
        await plan_attempt(self.jobs, session, row)
        return store.as_delivery(row)

    async def _endpoint(self, session: Session, actor: OrganizationActor, endpoint_id: str) -> store.EndpointRow:
        row = await store.endpoint(session, actor.organization_id, endpoint_id, lock=True)
        if row is None:
            raise NotFound("There is no such webhook endpoint.")
        return row

    async def _delivery(
        self, session: Session, actor: OrganizationActor, delivery_id: str, *, lock: bool = False
    ) -> store.DeliveryRow:
        row = await store.delivery(session, actor.organization_id, delivery_id, lock=lock)
        if row is None:
            raise NotFound("There is no such delivery.")
        return row
