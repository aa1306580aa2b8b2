"""Pushes of the hub's own: broadcasts and HubClientInfo. Each platform has a queue that is sent in order; none waits for another.

A message is tried once. A platform that does not answer is OFFLINE, and what waits for it is dropped: it asks for what it missed
when it is back (OCPI 2.2.1 §4.4). Jobs call `send_waiting`; services call `queue` in the transaction of the change.
"""

from datetime import datetime

from sliproad.features.roaming import messages_store, store
from sliproad.features.roaming.messages_store import MessageRow
from sliproad.features.roaming.model import ConnectionStatus
from sliproad.features.roaming.peers import Peers
from sliproad.features.roaming.presence import Presence
from sliproad.features.roaming.pushes import wake
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.errors import UpstreamUnavailable
from sliproad.foundation.jobs import Jobs

AT_ONCE = 50
"""Messages read in one go; memory stays bounded however long a queue is."""


class Delivery:
    def __init__(self, database: Database, clock: Clock, jobs: Jobs, peers: Peers, presence: Presence) -> None:
        """`database` speaks as `engine`."""
        self.database, self.clock, self.jobs = database, clock, jobs
        self.peers, self.presence = peers, presence

    async def send_waiting(self, connection_id: str) -> None:
        """Send what waits for a platform, in order, until nothing waits or it is away."""
        while await self._send_some(connection_id):
            pass

    async def wake_all(self) -> None:
        """The poll behind the wake-ups."""
        async with self.database.transaction(ENGINE) as session:
            for connection_id in await messages_store.waited_for(session):
                await wake(session, self.jobs, connection_id)

    async def _send_some(self, connection_id: str) -> bool:
        async with self.database.transaction(ENGINE) as session:
            row = await store.connection_row(session, connection_id)
            if row is None or row.status != ConnectionStatus.CONNECTED.value or row.their_token_sealed is None:
                await messages_store.drop_waiting(session, connection_id, "The platform is not connected.")
                return False
            access = self.peers.access(row.their_token_sealed, row.token_style)
            batch = await messages_store.waiting(session, connection_id, AT_ONCE)
        for message in batch:
            sent_at = self.clock.now()
            headers = dict(message.headers)
            correlation_id = headers.pop("X-Correlation-ID")
            try:
                reply = await self.peers.ask(
                    message.method,
                    message.url,
                    access,
                    headers=headers,
                    body=message.body,
                    correlation_id=correlation_id,
                )
            except UpstreamUnavailable as error:
                await self._give_up(message, sent_at, error.detail)
                return False
            async with self.database.transaction(ENGINE) as session:
                await messages_store.record(
                    session,
                    message.message_number,
                    status="delivered" if reply.is_success else "refused",
                    http_status=reply.http_status,
                    status_code=reply.status_code,
                    error=None if reply.is_success else str(reply.envelope.get("status_message", ""))[:300],
                    sent_at=sent_at,
                    answered_at=self.clock.now(),
                )
        return len(batch) == AT_ONCE

    async def _give_up(self, message: MessageRow, sent_at: datetime, reason: str) -> None:
        """The platform is away: this message failed, those behind it are dropped."""
        async with self.database.transaction(ENGINE) as session:
            await messages_store.record(
                session, message.message_number, status="failed", error=reason[:300], sent_at=sent_at
            )
        await self.presence.lost(message.connection_id, reason)
