"""Status of firmware updates, logs and diagnostics, and security events: 1.6 §4.4, §4.5, whitepaper §4; 2.x A04, L01, N01."""

from collections.abc import Iterator

import pytest

from inbound_wire import NOW, Installation
from sliproad.features.firmware.service import FirmwareService
from sliproad.foundation.database import ENGINE, Database


@pytest.fixture
def installation(database_url: str) -> Iterator[Installation]:
    found = Installation(database_url)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("version", "action", "payload", "kind"),
    [
        ("1.6", "FirmwareStatusNotification", {"status": "Downloading"}, "firmware"),
        ("1.6", "SignedFirmwareStatusNotification", {"status": "Downloading", "requestId": 4}, "firmware"),
        ("1.6", "DiagnosticsStatusNotification", {"status": "Uploading"}, "diagnostics"),
        ("1.6", "LogStatusNotification", {"status": "Uploading", "requestId": 4}, "log"),
        ("2.0.1", "FirmwareStatusNotification", {"status": "Downloading", "requestId": 4}, "firmware"),
        ("2.1", "LogStatusNotification", {"status": "Uploading", "requestId": 4}, "log"),
    ],
)
async def test_a_status_is_kept_once(
    installation: Installation, engine: Database, version: str, action: str, payload: dict, kind: str
) -> None:
    wire, other = installation.charge_point(version), installation.charge_point(version)
    other.say(action, payload | {"status": "Idle"})
    for status in (payload["status"], payload["status"], "Idle", payload["status"]):
        assert wire.say(action, payload | {"status": status}) == {}
    installation.commit(
        [wire.message(action, payload | {"status": status}) for status in (payload["status"], "Idle", "Idle")]
    )
    async with engine.transaction(ENGINE) as session:
        found = await FirmwareService().notifications(session, wire.key, kind=kind)
    assert [each.status for each in reversed(found)] == [payload["status"], "Idle", payload["status"], "Idle"]
    assert (found[0].kind, found[0].request_id, found[0].received_at) == (kind, payload.get("requestId"), NOW)


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
def test_security_events_are_kept_once(installation: Installation, version: str) -> None:
    wire = installation.charge_point(version)
    request = {"type": "FirmwareUpdated", "timestamp": "2026-05-01T10:23:00Z"}
    for payload in (request, request, request | {"techInfo": "x\0"}, request | {"timestamp": "2026-05-01T10:23:01Z"}):
        assert wire.say("SecurityEventNotification", payload) == {}
    rows = installation.rows("select event_type, details, at from security_events order by security_event_key")
    assert [row["details"] for row in rows] == [None, "x\\u0000", None]
    assert (rows[0]["event_type"], rows[0]["at"]) == ("FirmwareUpdated", NOW)
