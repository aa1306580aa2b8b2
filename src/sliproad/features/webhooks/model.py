"""Facts and rules of webhooks, pure: which events there are, how long to wait before the next attempt, what a body looks like."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sliproad.foundation.clock import rfc3339
from sliproad.foundation.errors import Conflict, InvalidInput

EVENTS = (
    "charge_point.connected",
    "charge_point.disconnected",
    "charge_point.status_changed",
    "charge_point.fault",
    "session.started",
    "session.ended",
    "commissioning.started",
    "commissioning.completed",
    "commissioning.failed",
    "issue.reported",
    "handover.completed",
    "connection.state_changed",
)
EVERY = "*"
TEST = "webhook.test"
"""Sent when an endpoint's owner asks for it, whatever the endpoint subscribed to; attempted once."""
SECRET_PREFIX = "whsec_"  # noqa: S105 (a prefix, not a secret)
SHORTEST_SECRET_BYTES = 24
LONGEST_SECRET_BYTES = 64
GIVE_UP_AFTER = timedelta(days=3)
WAITS = (5, 30, 120, 600, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600)


@dataclass(frozen=True, slots=True)
class Endpoint:
    endpoint_id: str
    organization_id: str
    url: str
    events: tuple[str, ...]
    description: str | None
    status: str
    """`active`, or `paused` (by its owner, or because it answered 410)."""
    created_at: datetime
    previous_secret_expires_at: datetime | None = None
    """Until then deliveries are signed with the secret of before a rotation, too."""


@dataclass(frozen=True, slots=True)
class Delivery:
    delivery_id: str
    endpoint_id: str
    event_id: str
    event: str
    status: str
    """`pending`, `delivered`, `failed`."""
    attempts: int
    last_status_code: int | None
    last_error: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None


def wants(events: tuple[str, ...], name: str) -> bool:
    """Whether an endpoint subscribed to `events` gets the event called `name`."""
    return EVERY in events or name in events


def next_attempt_at(attempts: int, first_at: datetime, now: datetime) -> datetime | None:
    """When to try again after `attempts` failures since `first_at`, with growing waits; None after three days."""
    at = now + timedelta(seconds=WAITS[min(attempts, len(WAITS)) - 1])
    return at if at - first_at <= GIVE_UP_AFTER else None


def require_active(endpoint: Endpoint) -> None:
    """Refuse to send anything to an endpoint that is paused.

    Raises:
        Conflict: `invalid_state`.
    """
    if endpoint.status != "active":
        raise Conflict("This endpoint is paused. Resume it first.", code="invalid_state")


def test_data(endpoint_id: str) -> dict[str, Any]:
    """What a test event holds."""
    return {"endpoint_id": endpoint_id, "message": "This is a test. If you can verify its signature, all is well."}


def envelope(
    event_id: str, name: str, occurred_at: datetime, organization_id: str, data: dict[str, Any]
) -> dict[str, Any]:
    """The body of every delivery (contract §4)."""
    return {
        "id": event_id,
        "event": name,
        "created_at": rfc3339(occurred_at),
        "organization_id": organization_id,
        "data": data,
    }


def check_events(events: list[str]) -> tuple[str, ...]:
    """The events asked for, in the order of `EVENTS`.

    Raises:
        InvalidInput: naming the first that does not exist.
    """
    if EVERY in events:
        return (EVERY,)
    for index, name in enumerate(events):
        if name not in EVENTS:
            raise InvalidInput.field(f"events.{index}", f"is not an event; there are {', '.join(EVENTS)} and *")
    return tuple(name for name in EVENTS if name in events)


def check_secret(secret: str) -> str:
    """A secret given by its owner: `whsec_` and 24–64 bytes in base64 (Standard Webhooks).

    Raises:
        InvalidInput: it is something else.
    """
    try:
        length = len(base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True))
    except (binascii.Error, ValueError):
        length = 0
    if not SHORTEST_SECRET_BYTES <= length <= LONGEST_SECRET_BYTES:
        raise InvalidInput.field("secret", "must be whsec_ followed by 24 to 64 random bytes in base64")
    return SECRET_PREFIX + secret.removeprefix(SECRET_PREFIX)
