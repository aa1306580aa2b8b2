"""Keeping what is to be pushed, in the transaction of the change that is told; `delivery` sends it."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sliproad.features.roaming.messages_store import MessageRow
from sliproad.foundation.database import Session
from sliproad.foundation.jobs import Jobs

DELIVER = "roaming.deliver"


class Push(NamedTuple):
    """One request to one party."""

    connection_id: str
    module: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    sender: str | None = None
    receiver: str | None = None


async def queue(session: Session, jobs: Jobs, now: datetime, pushes: list[Push], correlation_id: str) -> None:
    """Keep pushes and wake their platforms' queues, in `session`'s transaction."""
    session.add_all(
        MessageRow(
            connection_id=push.connection_id,
            sender=push.sender,
            receiver=push.receiver,
            module=push.module,
            method=push.method,
            url=push.url,
            headers={**push.headers, "X-Correlation-ID": correlation_id},
            body=push.body,
            status="pending",
            created_at=now,
        )
        for push in pushes
    )
    await session.flush()
    for connection_id in dict.fromkeys(push.connection_id for push in pushes):
        await wake(session, jobs, connection_id)


async def wake(session: Session | None, jobs: Jobs, connection_id: str) -> None:
    """Have a platform's queue sent: one job at a time for each."""
    lock = f"ocpi:{connection_id}"
    await jobs.enqueue(session, DELIVER, lock=lock, queueing_lock=lock, connection_id=connection_id)
