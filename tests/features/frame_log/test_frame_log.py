"""Who said what, when; without secrets (trust P3, S3); and what could not be handled, as it came."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from inbound_wire import NOW, ORGANIZATION, Installation, Message, Wire
from sliproad.features.frame_log import frames, quarantine
from sliproad.features.frame_log.redaction import redacted
from sliproad.features.frame_log.service import FrameLogService, MessageFilter
from sliproad.foundation.database import ENGINE, Database, Scope
from sliproad.foundation.inbound import Outcome, Write
from sliproad.foundation.web.paging import Page


@pytest.fixture
def installation(database_url: str) -> Iterator[Installation]:
    found = Installation(database_url)
    yield found
    found.close()


@pytest.fixture
def wire(installation: Installation) -> Wire:
    return installation.charge_point()


def log(installation: Installation, *writes: Write) -> None:
    installation.commit([Message(0, "", Outcome(b"{}"), writes)])


async def test_a_call_and_its_answers(installation: Installation, engine: Database, wire: Wire) -> None:
    at = NOW.timestamp()
    log(
        installation,
        frames.write(wire.peer, "in", "call", 'a"1', "Heartbeat", b"{}", at, "result"),
        frames.write(wire.peer, "in", "call", "a2", "SignCertificate", b'{"csr":"x"}', at + 1, "NotSupported"),
        frames.write(wire.peer, "out", "call", "b1", "Reset", b'{"type":"Soft"}', at + 2),
        frames.write(wire.peer, "in", "result", "b1", "Reset", b'{"status":"Accepted"}', at + 3, None, 12.5),
        frames.write(wire.peer, "in", "error", "b2", "Reset", b'["GenericError","no",{}]', at + 4),
    )
    async with engine.transaction(ENGINE) as session:
        found = await FrameLogService().messages(session, wire.key, MessageFilter())
    assert [(m.direction, m.kind, m.message_id, m.answer_kind, m.error_code) for m in found] == [
        ("in", "call", 'a"1', "result", None),
        ("in", "call", "a2", "error", "NotSupported"),
        ("out", "call", "b1", None, None),
        ("in", "result", "b1", None, None),
        ("in", "error", "b2", None, "GenericError"),
    ]
    assert [m.payload for m in found[2:4]] == [{"type": "Soft"}, {"status": "Accepted"}]
    assert (found[3].duration_ms, found[0].at) == (12.5, NOW)


async def test_pages_and_filters(installation: Installation, engine: Database, wire: Wire) -> None:
    for second in range(7):
        wire.say("Authorize", {"idTag": f"{second}"}, NOW + timedelta(seconds=second // 3))
    other = installation.charge_point()
    other.say("Authorize", {"idTag": "other"})
    wire.say("DataTransfer", {"vendorId": "x"})
    seen: list[Any] = []
    cursor, pages = None, 0
    async with engine.transaction(ENGINE) as session:
        while pages == 0 or cursor:
            found, cursor = await FrameLogService().messages_page(
                session, wire.key, Page(3, cursor), MessageFilter(action="Authorize", direction="in")
            )
            seen += [message.payload["idTag"] for message in found]
            pages += 1
        until = MessageFilter(since=NOW + timedelta(seconds=1), until=NOW + timedelta(seconds=2))
        middle, _ = await FrameLogService().messages_page(session, wire.key, Page(), until)
    assert (seen, pages) == (["6", "5", "4", "3", "2", "1", "0"], 3)
    assert [message.payload["idTag"] for message in middle] == ["5", "4", "3"]


SECRETS = [
    ("ChangeConfiguration", {"key": "AuthorizationKey", "value": "CANARY"}),
    ("ChangeConfiguration", {"key": "vendorWebSocketPassword", "value": "CANARY"}),
    ("GetConfiguration", {"configurationKey": [{"key": "authorizationkey", "readonly": False, "value": "CANARY"}]}),
    (
        "SetVariables",
        {
            "setVariableData": [
                {
                    "attributeValue": "CANARY",
                    "component": {"name": "SecurityCtrlr"},
                    "variable": {"name": "BasicAuthPassword"},
                }
            ]
        },
    ),
    (
        "SetNetworkProfile",
        {
            "connectionData": {
                "basicAuthPassword": "CANARY",
                "apn": {"apnPassword": "CANARY", "simPin": 1234},
                "vpn": {"server": "s", "user": "u", "password": "CANARY", "key": "CANARY", "type": "IPSec"},
            }
        },
    ),
    ("DataTransfer", {"vendorId": "x", "data": '{"StationPassword":"CANARY"}'}),
    (
        "NotifyReport",
        {
            "reportData": [
                {
                    "component": {"name": "SecurityCtrlr"},
                    "variable": {"name": "BasicAuthPassword"},
                    "variableAttribute": [{"type": "Actual", "value": "CANARY"}],
                }
            ]
        },
    ),
    ("NotifyEvent", {"eventData": [{"variable": {"name": "WifiPassphrase"}, "actualValue": "CANARY"}]}),
]


@pytest.mark.parametrize(("action", "payload"), SECRETS)
def test_no_secret_is_logged(installation: Installation, wire: Wire, action: str, payload: dict[str, Any]) -> None:
    log(installation, frames.write(wire.peer, "out", "call", "1", action, orjson.dumps(payload), NOW.timestamp()))
    stored = installation.row("select payload from ocpp_messages")["payload"]
    assert "CANARY" not in stored
    assert "1234" not in stored
    assert "***" in stored


def test_what_is_no_secret_stays_as_it_is() -> None:
    plain = b'{"key": "HeartbeatInterval",\n "value": "30"}'
    assert redacted("ChangeConfiguration", plain) is plain
    beside = {
        "configurationKey": [{"key": "AuthorizationKey", "value": "x"}, {"key": "HeartbeatInterval", "value": "30"}]
    }
    kept = orjson.loads(redacted("GetConfiguration", orjson.dumps(beside)))["configurationKey"]
    assert kept == [{"key": "AuthorizationKey", "value": "***"}, {"key": "HeartbeatInterval", "value": "30"}]


@pytest.mark.parametrize("payload", [b'{"a":"\\u0000"}', b'{"a":"\\\\u0000"}', b'{"a" :\t"\xc5\x82"}\n'])
def test_payload_is_stored_as_sent(installation: Installation, wire: Wire, payload: bytes) -> None:
    """U+0000 included: the text of the log is the text of the frame."""
    log(installation, frames.write(wire.peer, "in", "call", "1", "X", payload, NOW.timestamp(), "result"))
    assert installation.row("select payload from ocpp_messages")["payload"] == payload.decode()


def test_quarantine_keeps_any_bytes(installation: Installation, wire: Wire) -> None:
    raw = bytes(range(256))
    log(installation, quarantine.write(wire.peer, raw, "unreadable: \0", NOW.timestamp()))
    found = installation.row("select raw, reason, at from quarantined_messages")
    assert (bytes(found["raw"]), found["reason"], found["at"]) == (raw, "unreadable: \\u0000", NOW)


async def test_another_organisation_sees_nothing(installation: Installation, web: Database, wire: Wire) -> None:
    """I4: the second wall."""
    wire.say("Authorize", {"idTag": "x"})
    for organization_id, count in ((ORGANIZATION, 1), ("org_other", 0)):
        async with web.transaction(Scope(organization_id=organization_id)) as session:
            assert len(await FrameLogService().messages(session, wire.key, MessageFilter())) == count
