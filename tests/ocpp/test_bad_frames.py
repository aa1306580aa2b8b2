"""Every kind of bad frame, and the exact answer each version gets. OCPP-J 1.6 §4.2.3, OCPP 2.x Part 4 §4.2.3 and §4.3."""

import json

import pytest

from sliproad.ocpp.conversation import Conversation
from sliproad.ocpp.frames import Call
from sliproad.ocpp.outcomes import Ignored, Reply
from sliproad.ocpp.versions import OcppVersion

V16, V201, V21 = OcppVersion.V16, OcppVersion.V201, OcppVersion.V21
SILENCE = None
SECRET = "hunter2-hunter2"

UNREADABLE = {
    "empty": b"",
    "not JSON": b"hello",
    "half a frame without an id": b"[2,",
    "not a list": b'{"messageTypeId":2}',
    "a string": b'"[2,1]"',
    "an empty list": b"[]",
    "a string full of brackets": b'"' + b"[" * 40 + b'"',
    "no message type": b'["2","1","Heartbeat",{}]',
    "a fraction as message type": b'[2.5,"1","Heartbeat",{}]',
    "a truth value as message type": b'[true,"1","Heartbeat",{}]',
    "a number as id": b'[2,1,"Heartbeat",{}]',
    "null as id": b'[2,null,"Heartbeat",{}]',
    "no id": b"[2]",
    "an id of 300 characters": b'[2,"%b","Heartbeat",{}]' % (b"i" * 300),
    "deep nesting, 10,000 levels": b"[" * 10_000 + b"]" * 10_000,
    "nesting of 33 levels": b"[" * 33 + b"]" * 33,
    "bad UTF-8 in the id": b'[2,"\xff\xfe","Heartbeat",{}]',
    "a lone surrogate in the id": rb'[2,"\ud800","Heartbeat",{}]',
    "a byte order mark": b'\xef\xbb\xbf[2,"1","Heartbeat",{}]',
    "compressed": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
}


def answer(version, data):
    outcome = Conversation(version).receive(data, 0.0)
    if isinstance(outcome, Ignored):
        return SILENCE
    assert isinstance(outcome, Reply), outcome
    frame = json.loads(outcome.data)
    assert frame[0] == 4
    assert frame[4] == {}
    assert len(frame[3]) <= 255
    assert SECRET not in frame[3]
    assert outcome.refused is not None
    return frame[1], frame[2]


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_frame_without_a_readable_id(data):
    """2.x Part 4 §4.2.3: the id is "-1"; 1.6 has no such id, so nothing is said."""
    assert answer(V16, data) is SILENCE
    assert answer(V201, data) == answer(V21, data) == ("-1", "RpcFrameworkError")


LONG = "i" * 37
# what arrives -> the id and the code in 1.6, and the code in 2.x
READABLE = {
    "broken off": (b'[2,"id","Heartbeat",{', "id", "FormationViolation", "FormatViolation"),
    "NaN": (b'[2,"id","MeterValues",{"value":NaN}]', "id", "FormationViolation", "FormatViolation"),
    "Infinity": (b'[2,"id","MeterValues",{"value":-Infinity}]', "id", "FormationViolation", "FormatViolation"),
    "a number beyond any double": (b'[2,"id","Heartbeat",{"a":1e999}]', "id", "FormationViolation", "FormatViolation"),
    "bad UTF-8": (b'[2,"id","Heartbeat",{"a":"\xff"}]', "id", "FormationViolation", "FormatViolation"),
    "a lone surrogate": (rb'[2,"id","Heartbeat",{"a":"\ud800"}]', "id", "FormationViolation", "FormatViolation"),
    "deep nesting": (
        b'[2,"id","Heartbeat",' + b"[" * 10_000 + b"]" * 10_000 + b"]",
        "id",
        "FormationViolation",
        "FormatViolation",
    ),
    "deep nesting in an object": (
        b'[2,"id","Heartbeat",' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"]",
        "id",
        "FormationViolation",
        "FormatViolation",
    ),
    "an id of 37 characters": (
        f'[2,"{LONG}","Heartbeat",{{}}]'.encode(),
        LONG,
        "FormationViolation",
        "RpcFrameworkError",
    ),
    "no payload": (b'[2,"id","Heartbeat"]', "id", "FormationViolation", "RpcFrameworkError"),
    "five elements": (b'[2,"id","Heartbeat",{},{}]', "id", "FormationViolation", "RpcFrameworkError"),
    "no action": (b'[2,"id",{},{}]', "id", "FormationViolation", "RpcFrameworkError"),
    "a list as payload": (b'[2,"id","Heartbeat",[]]', "id", "FormationViolation", "FormatViolation"),
    "a text as payload": (b'[2,"id","Heartbeat","{}"]', "id", "FormationViolation", "FormatViolation"),
    "an unknown action": (b'[2,"id","MakeCoffee",{}]', "id", "NotImplemented", "NotImplemented"),
    "an action in lower case": (b'[2,"id","heartbeat",{}]', "id", "NotImplemented", "NotImplemented"),
    "an empty action": (b'[2,"id","",{}]', "id", "NotImplemented", "NotImplemented"),
    "U+0000 in the action": (rb'[2,"id","Heartbeat\u0000",{}]', "id", "NotImplemented", "NotImplemented"),
    "a field too many": (b'[2,"id","Heartbeat",{"hunter2-hunter2":1}]', "id", "FormationViolation", "FormatViolation"),
    "a field missing": (
        b'[2,"id","DataTransfer",{"messageId":"hunter2-hunter2"}]',
        "id",
        "OccurenceConstraintViolation",
        "OccurrenceConstraintViolation",
    ),
    "a wrong type": (
        b'[2,"id","DataTransfer",{"vendorId":7}]',
        "id",
        "TypeConstraintViolation",
        "TypeConstraintViolation",
    ),
    "a text too long": (
        b'[2,"id","DataTransfer",{"vendorId":"%b"}]' % (b"hunter2-hunter2" * 30),
        "id",
        "PropertyConstraintViolation",
        "PropertyConstraintViolation",
    ),
}


@pytest.mark.parametrize(("data", "message_id", "in_16", "in_2x"), READABLE.values(), ids=READABLE.keys())
def test_a_call_with_a_readable_id(data, message_id, in_16, in_2x):
    """1.6 §4.2.3 table 7 and "unique identifier too long"; 2.x Part 4 §4.3."""
    assert answer(V16, data) == (message_id, in_16)
    assert answer(V201, data) == answer(V21, data) == (message_id, in_2x)


SEND = b'[6,"id","NotifyPeriodicEventStream",{}]'


@pytest.mark.parametrize(
    ("data", "in_16", "in_201", "in_21"),
    [
        (b'[1,"id","Heartbeat",{}]', SILENCE, ("id", "MessageTypeNotSupported"), ("id", "MessageTypeNotSupported")),
        (b'[99,"id"]', SILENCE, ("id", "MessageTypeNotSupported"), ("id", "MessageTypeNotSupported")),
        (b"[99]", SILENCE, ("-1", "MessageTypeNotSupported"), ("-1", "MessageTypeNotSupported")),
        (b'[5,"id","GenericError","",{}]', SILENCE, ("id", "MessageTypeNotSupported"), None),
        (SEND, SILENCE, ("id", "MessageTypeNotSupported"), SILENCE),
    ],
)
def test_a_message_type_the_version_has_not(data, in_16, in_201, in_21):
    """1.6 §4.1.3 ignores it, 2.0.1 Part 4 §4.4 answers it; 2.1 has two more types (§4.1.3)."""
    assert answer(V16, data) == in_16
    assert answer(V201, data) == in_201
    if in_21 is not None or data == SEND:
        assert answer(V21, data) == in_21


@pytest.mark.parametrize(
    "data",
    [
        SEND,
        b'[6,"id","Heartbeat",{}]',
        b'[6,"id","MakeCoffee",{}]',
        b'[6,"id"]',
        b'[6,"id","NotifyPeriodicEventStream",[]]',
        b'[6,7,"NotifyPeriodicEventStream",{}]',
        b'[6,"id","NotifyPeriodicEventStream",{',
    ],
)
def test_a_bad_send_is_never_answered(data):
    """2.1 Part 4 §4.2.4: "SHALL NOT respond to a SEND message"."""
    assert answer(V21, data) is SILENCE


def test_a_message_that_travels_as_send_is_not_taken_as_a_call():
    assert answer(V21, b'[2,"id","NotifyPeriodicEventStream",{}]') == ("id", "NotSupported")


@pytest.mark.parametrize(
    ("version", "action", "payload"),
    [
        (V16, "MeterValues", {"connectorId": 10**400, "meterValue": []}),
        (
            V16,
            "StartTransaction",
            {"connectorId": 2**31, "idTag": "a", "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"},
        ),
        (
            V16,
            "StartTransaction",
            {"connectorId": 1, "idTag": "a", "meterStart": 2**53, "timestamp": "2026-01-01T00:00:00Z"},
        ),
        (
            V16,
            "StartTransaction",
            {"connectorId": 1, "idTag": "a", "meterStart": 1e300, "timestamp": "2026-01-01T00:00:00Z"},
        ),
        (
            V201,
            "StatusNotification",
            {
                "timestamp": "2026-01-01T00:00:00Z",
                "connectorStatus": "Available",
                "evseId": -(2**31) - 1,
                "connectorId": 1,
            },
        ),
    ],
)
def test_numbers_too_large_for_what_they_number(version, action, payload):
    """OCPP 1.6 §7 and 2.x Part 2 §2.1: an integer has 32 bits; a register may have more."""
    data = json.dumps([2, "id", action, payload]).encode()
    assert answer(version, data) in {("id", "PropertyConstraintViolation"), ("id", "FormationViolation")}


def test_a_register_beyond_32_bits_is_a_register():
    payload = {"connectorId": 1, "idTag": "a", "meterStart": 2**40, "timestamp": "2026-01-01T00:00:00Z"}
    outcome = Conversation(V16).receive(json.dumps([2, "id", "StartTransaction", payload]).encode(), 0.0)
    assert outcome == Call("id", "StartTransaction", payload)


@pytest.mark.parametrize("version", list(OcppVersion))
def test_a_bad_frame_leaves_the_conversation_as_it_was(version):
    conversation = Conversation(version)
    for data in [*UNREADABLE.values(), *(row[0] for row in READABLE.values())]:
        conversation.receive(data, 0.0)
    assert conversation.receive(b'[2,"good","Heartbeat",{}]', 1.0) == Call("good", "Heartbeat", {})
    assert conversation.receive(b'[2,"u","DataTransfer",{}]', 1.0).refused.code.startswith("Occur")
    assert json.loads(conversation.answer("good", b'{"currentTime":"2026-01-01T00:00:00Z"}'))[0] == 3


@pytest.mark.parametrize("version", list(OcppVersion))
def test_a_value_nested_900_deep_is_refused_whatever_it_stands_for(version):
    """In 1.6 every schema bounds its depth itself; in 2.x CustomData does not."""
    deep = b"[" * 900 + b"]" * 900
    assert answer(version, b'[2,"id","DataTransfer",{"vendorId":"v","data":' + deep + b"}]")[0] == "id"
    assert (
        answer(version, b'[2,"id","DataTransfer",{"vendorId":"v","customData":{"vendorId":"v","x":' + deep + b"}}]")[0]
        == "id"
    )
    assert answer(version, b'[2,"id","MeterValues",{"connectorId":1,"meterValue":' + deep + b"}]")[0] == "id"
