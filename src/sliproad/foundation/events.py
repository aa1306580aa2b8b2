"""Domain events: what has happened, said in the past tense, for whoever cares.

Features define theirs in `model`; `outbox.publish` stores them in the transaction of the change; `app/event_routes.py` says what
happens next.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class DomainEvent:
    """`name` is the wire name of webhooks (`commissioning.completed`); `data` is its payload, JSON-able, public field names.

    `charge_point_key` orders deliveries: events of one charge point go out in order where possible.
    """

    name: str
    organization_id: str
    occurred_at: datetime
    data: dict[str, Any] = field(default_factory=dict)
    charge_point_key: int | None = None
