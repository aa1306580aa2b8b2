"""Failed attempts to connect, told so that a technician knows what to fix (contract §3)."""

from datetime import UTC, datetime, timedelta

import pytest

from sliproad.features.charge_points.attempts import AttemptService
from sliproad.features.charge_points.attempts_identity import identity_mistake, nearly_spells
from sliproad.features.charge_points.attempts_sentences import ADVICE
from sliproad.features.charge_points.model import ChargePoint, Location
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.database import Database
from sliproad.gateway.ports import Attempt

KEY = 4711
CHARGE_POINT = ChargePoint(
    KEY, "CP-SITE42-001", "org_1", "site_1", "proj_1", "SN-123456", "V", "M", "1.6", 2, None, Location(), "accepted",
    "not_started", None, None, datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip


@pytest.fixture
def service(engine: Database, clock: ManualClock) -> AttemptService:
    return AttemptService(engine, clock)


def attempt(
    clock: ManualClock, outcome: str, *, key=None, identity=None, address="192.0.2.1", hours_ago=0.0
) -> Attempt:
    at = clock.now() - timedelta(hours=hours_ago)
    return Attempt(at.timestamp(), key, "org_1" if key else None, identity, "/ocpp/x", address, outcome, {})


async def outcomes(service: AttemptService, *asked_from: str) -> list[str]:
    return [each.outcome for each in (await service.report(CHARGE_POINT, asked_from=asked_from)).attempts]


async def test_own_attempts_come_newest_first_with_a_sentence(service, clock) -> None:
    await service.store_attempts(
        [
            attempt(clock, "wrong_password", key=KEY, hours_ago=48),
            attempt(clock, "accepted", key=KEY),
            attempt(clock, "wrong_password", key=KEY + 1),
        ]
    )
    found = (await service.report(CHARGE_POINT)).attempts
    assert [each.outcome for each in found] == ["accepted", "wrong_password"]
    assert found[1].advice == ADVICE["wrong_password"]
    assert all(each.is_certain for each in found)


async def test_a_stranger_from_the_same_address_or_nearly_so_named_may_be_this_one(service, clock) -> None:
    """Contract §3: only from an address of this charge point or its installer in the last 24 h, or nearly spelt."""
    await service.store_attempts(
        [
            attempt(clock, "wrong_password", key=KEY, address="192.0.2.7", hours_ago=2),
            attempt(clock, "tls_failed", address="192.0.2.7"),
            attempt(clock, "unreadable_request", address="192.0.2.8"),
            attempt(clock, "unknown_identity", identity="cp-site42-01", address="198.51.100.1"),
            attempt(clock, "unknown_identity", identity="OTHER", address="198.51.100.1"),
            attempt(clock, "plain_http", address="192.0.2.7", hours_ago=25),
        ]
    )
    assert sorted(await outcomes(service)) == ["tls_failed", "unknown_identity", "wrong_password"]
    assert "unreadable_request" in await outcomes(service, "192.0.2.8")
    found = (await service.report(CHARGE_POINT)).attempts
    assert {each.outcome: each.is_certain for each in found} == {
        "tls_failed": False,
        "unknown_identity": False,
        "wrong_password": True,
    }


@pytest.mark.parametrize(
    ("sent", "meant", "is_near"),
    [
        ("CP-SITE42-001", "CP-SITE42-001", True),
        ("cp-site42-001", "CP-SITE42-001", True),
        ("CP-SITE42-01", "CP-SITE42-001", True),
        ("CP_SITE42_001", "CP-SITE42-001", True),
        ("CP-SITE42-00001", "CP-SITE42-001", True),
        ("CPSITE42001X", "CP-SITE42-001", False),
        ("CP-SITE42-001-AND-MORE", "CP-SITE42-001", False),
        ("", "CP-SITE42-001", False),
        ("A2", "A1", False),
        ("ABC", "ABCD", True),
    ],
)
def test_what_nearly_spells_an_identity(sent: str, meant: str, is_near: bool) -> None:
    assert nearly_spells(sent, meant) is is_near


@pytest.mark.parametrize(
    ("sent", "mistake"),
    [
        ("CP-SITE42-001", "equal"),
        (" CP-SITE42-001", "space"),
        ("cp-Site42-001", "letter_case"),
        ("CP-SITE42-OO1", "look_alike"),
        ("CP-S1TE42-00l", "look_alike"),
        ("CP-SITE42-001CP-SITE42-001", "doubled"),
        ("CP-SITE42-001_CP-SITE42-001", "doubled"),
        ("CP-SITE42-001SN-123456", "serial_appended"),
        ("CP-SITE42-001-SN-123456", "serial_appended"),
        ("sn-123456", "serial_number"),
        ("CP-SITE42-01", "nearly"),
        ("CP-SITE43-002", "nearly"),
        ("CP-SITE42-999", None),
        ("OTHER", None),
    ],
)
def test_which_slip_made_an_identity(sent: str, mistake: str | None) -> None:
    assert identity_mistake(sent, "CP-SITE42-001", "SN-123456") == mistake
