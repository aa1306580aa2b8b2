"""The payload of a message as bytes, the message around it again, and U+0000 made storable: PostgreSQL's text can't hold it."""

from typing import Any

import orjson

from sliproad.ocpp.frames import CALL, SEND, Call, Payload, Send

ESCAPED_NULL = "\\u0000"
_BACKSLASH = ord("\\")
_AROUND = len('[2,"') + len('","') + len('",')


def payload_bytes(data: bytes, call: Call | Send) -> bytes:
    """The payload as it stands in `data`, without encoding it again where `data` has one of the two usual spacings.

    The place is computed from the lengths of id and action, which is right where both are plain; an id with escapes or other
    letters moves it, and then it is not found there. A quoted quote before it would be an id made to deceive.
    """
    start = _AROUND + len(call.message_id) + len(call.action)
    before = data[start - 3 : start + 1]
    if data[-1:] == b"]":
        if before[1:] == b'",{' and before[0] != _BACKSLASH:
            return data[start:-1]
        if data[start : start + 4] == b'", {' and before[2] != _BACKSLASH:
            return data[start + 3 : -1]
    return orjson.dumps(call.payload)


def frame_bytes(message: Call | Send, payload: bytes) -> bytes:
    """The whole message around its payload."""
    message_type = CALL if isinstance(message, Call) else SEND
    spoken = (message_type, orjson.dumps(message.message_id), orjson.dumps(message.action), payload)
    return b"[%d,%b,%b,%b]" % spoken


def escape_nulls(payload: Payload) -> tuple[Payload, bytes]:
    """The payload with U+0000 in its texts written as six characters, as in its JSON, and its bytes."""
    escaped = _escape(payload)
    return escaped, orjson.dumps(escaped)


def _escape(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", ESCAPED_NULL)
    if isinstance(value, dict):
        return {_escape(key): _escape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_escape(each) for each in value]
    return value
