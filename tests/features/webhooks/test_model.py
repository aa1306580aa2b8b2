"""The rules of webhooks: events, secrets, how long to try (contract §4)."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from sliproad.features.webhooks import model
from sliproad.foundation.errors import InvalidInput

FIRST = datetime(2026, 5, 1, tzinfo=UTC)


def test_attempts_grow_apart_and_end_after_three_days() -> None:
    at, attempts, waits = FIRST, 0, []
    while True:
        attempts += 1
        following = model.next_attempt_at(attempts, FIRST, at)
        if following is None:
            break
        waits.append(following - at)
        at = following
    assert waits == sorted(waits)
    assert waits[0] == timedelta(seconds=5)
    assert timedelta(days=2, hours=12) < at - FIRST <= timedelta(days=3)


def test_every_event_or_the_ones_named() -> None:
    assert model.check_events(["handover.completed", "*"]) == ("*",)
    assert model.check_events(["handover.completed", "commissioning.completed"]) == (
        "commissioning.completed",
        "handover.completed",
    )
    with pytest.raises(InvalidInput) as refused:
        model.check_events(["commissioning.completed", "commissioning.done"])
    assert refused.value.errors[0].field == "events.1"


@pytest.mark.parametrize("secret", ["", "whsec_", "short", "whsec_" + base64.b64encode(b"x" * 23).decode(), "whsec_ñ"])
def test_a_weak_or_broken_secret_is_refused(secret: str) -> None:
    with pytest.raises(InvalidInput, match="24 to 64 random bytes"):
        model.check_secret(secret)


def test_a_secret_may_be_given_with_or_without_its_prefix() -> None:
    encoded = base64.b64encode(b"x" * 32).decode()
    assert model.check_secret(encoded) == model.check_secret("whsec_" + encoded) == "whsec_" + encoded


def test_the_envelope_has_every_key() -> None:
    body = model.envelope("evt_1", "commissioning.completed", FIRST, "org_1", {"charge_point_id": "CP-1"})
    assert body == {
        "id": "evt_1",
        "event": "commissioning.completed",
        "created_at": "2026-05-01T00:00:00Z",
        "organization_id": "org_1",
        "data": {"charge_point_id": "CP-1"},
    }
