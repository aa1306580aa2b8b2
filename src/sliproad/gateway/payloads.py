"""The payload of a message as bytes, and U+0000 made storable: PostgreSQL's text can't hold it."""

from typing import Any

import orjson

from sliproad.ocpp.frames import Call, Payload, Send

ESCAPED_NULL = "\\u0000"
_AROUND = len('[2,"') + len('","') + len('",')


def payload_bytes(data: bytes, call: Call | Send) -> bytes:
    """The payload as it stands in `data`, without encoding it again where `data` has one of the two usual spacings."""
    start = _AROUND + len(call.message_id) + len(call.action)
    head = data[:start]
    if head.isascii() and b"\\" not in head and data[-1:] == b"]":  # so that characters are bytes
        if head[-2:] == b'",' and data[start : start + 1] == b"{":
            return data[start:-1]
        if data[start : start + 4] == b'", {':
            return data[start + 3 : -1]
    return orjson.dumps(call.payload)


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
