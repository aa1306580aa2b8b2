"""The five message types of OCPP-J: bytes to frames, and back.

`conversation` parses with it; the simulator and the tests encode with it. Reading is strict about what carries
meaning and never raises anything but `BadFrame`: bad UTF-8, lone surrogates, NaN and infinities are refused, nesting
is limited to `MAX_DEPTH`. U+0000 and repeated keys (the last one wins) are readable and pass. OCPP-J 1.6 §4.2, 2.x
Part 4 §4.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, TypeAlias

import orjson

from sliproad.ocpp.errors import MAX_DESCRIPTION_LENGTH, ErrorCode, wire_code
from sliproad.ocpp.leniences import Lenience
from sliproad.ocpp.versions import OcppVersion

Payload: TypeAlias = dict[str, Any]

CALL: Final = 2
CALL_RESULT: Final = 3
CALL_ERROR: Final = 4
CALL_RESULT_ERROR: Final = 5
SEND: Final = 6

MAX_MESSAGE_ID_LENGTH: Final = 36
MAX_DEPTH: Final = 32
UNREADABLE_MESSAGE_ID: Final = "-1"
_MAX_ECHOED_ID_LENGTH: Final = 255

# The start of a frame whose rest is no JSON: its type and its id can still be read, so that its sender need not wait.
_READABLE_START = re.compile(rb'[ \t\r\n]*\[[ \t\r\n]*([2-6])[ \t\r\n]*,[ \t\r\n]*"([ !#-\[\]-~]{0,36})"[ \t\r\n]*,')


@dataclass(slots=True)
class Call:
    """A request, `[2, id, action, payload]`; `leniences` says what the validator forgave in it.

    Not frozen, because a frozen one takes three times as long to make, and every message of a charge point is one.
    """

    message_id: str
    action: str
    payload: Payload
    leniences: Lenience = Lenience.NONE


@dataclass(frozen=True, slots=True)
class CallResult:
    """An answer, `[3, id, payload]`."""

    message_id: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class CallError:
    """A refusal of a CALL, `[4, id, code, description, details]`."""

    message_id: str
    code: str
    description: str = ""
    details: Payload = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallResultError:
    """A refusal of a CALLRESULT, `[5, id, code, description, details]`; 2.1 only."""

    message_id: str
    code: str
    description: str = ""
    details: Payload = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Send:
    """A message nobody answers, `[6, id, action, payload]`; 2.1 only."""

    message_id: str
    action: str
    payload: Payload
    leniences: Lenience = Lenience.NONE


Frame: TypeAlias = Call | CallResult | CallError | CallResultError | Send


class BadFrame(Exception):
    """Something arrived that is no frame of this version.

    `message_id` is None when it can't be read, `code` is in the version's spelling, `answerable` says whether a
    CALLERROR may be sent, `message_type` is the number in front, None when it can't be read.
    """

    def __init__(
        self,
        message_id: str | None,
        code: str,
        description: str,
        *,
        answerable: bool,
        message_type: int | None = None,
    ) -> None:
        """Describe what arrived; see the class."""
        super().__init__(code, description)
        self.message_id = message_id
        self.code = code
        self.description = description
        self.answerable = answerable
        self.message_type = message_type


def parse(data: bytes | memoryview, version: OcppVersion, shallow_actions: frozenset[str] = frozenset()) -> Frame:
    """Read one text message of the socket as a frame of `version`; raises BadFrame, and nothing else.

    The depth of a CALL of one of the `shallow_actions` is not looked at: their schemas refuse what is deep
    (`validation.MessageRules.shallow_actions`), and looking takes a tenth of the time of reading.
    """
    if type(data) is not bytes:
        data = bytes(data)
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise _not_json(data, version, "The message is not valid JSON") from None
    if type(message) is list and len(message) == 4:
        message_type, message_id, action, payload = message
        if (
            message_type == CALL
            and type(message_id) is str
            and len(message_id) <= MAX_MESSAGE_ID_LENGTH
            and type(action) is str
            and type(payload) is dict
            and (action in shallow_actions or not _is_too_deep(data, message))
        ):
            return Call(message_id, action, payload)
    if _is_too_deep(data, message):
        raise _not_json(data, version, f"The message is nested deeper than {MAX_DEPTH} levels")
    return _parse_rarer(message, version)


def encode_call(message_id: str, action: str, payload: Payload) -> bytes:
    """Write a CALL."""
    return orjson.dumps([CALL, message_id, action, payload])


def encode_result(message_id: str, payload: Payload | bytes) -> bytes:
    """Write a CALLRESULT; `payload` may be encoded already, so that constant answers are encoded once."""
    if type(payload) is bytes:
        return b"[3,%b,%b]" % (orjson.dumps(message_id), payload)
    return orjson.dumps([CALL_RESULT, message_id, payload])


def encode_error(
    message_id: str | None, code: str, description: str = "", details: Payload | None = None, *, version: OcppVersion
) -> bytes:
    """Write a CALLERROR in the spelling of `version`; without an id it is `"-1"` (2.x Part 4 §4.2.3)."""
    return _encode_error(CALL_ERROR, message_id, code, description, details, version=version)


def encode_result_error(
    message_id: str, code: str, description: str = "", details: Payload | None = None, *, version: OcppVersion
) -> bytes:
    """Write a CALLRESULTERROR (2.1 Part 4 §4.2.3)."""
    return _encode_error(CALL_RESULT_ERROR, message_id, code, description, details, version=version)


def encode_send(message_id: str, action: str, payload: Payload) -> bytes:
    """Write a SEND (2.1 Part 4 §4.2.4)."""
    return orjson.dumps([SEND, message_id, action, payload])


def _encode_error(
    message_type: int,
    message_id: str | None,
    code: str,
    description: str,
    details: Payload | None,
    *,
    version: OcppVersion,
) -> bytes:
    spoken_id = UNREADABLE_MESSAGE_ID if message_id is None else message_id
    shortened = description[:MAX_DESCRIPTION_LENGTH]
    return orjson.dumps([message_type, spoken_id, wire_code(code, version), shortened, details or {}])


def _is_too_deep(data: bytes, message: object) -> bool:
    """Tell whether containers nest deeper than allowed, level by level, so that no depth exhausts the stack."""
    if data.count(b"{") + data.count(b"[") <= MAX_DEPTH:
        return False
    level = [message]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for container in level
            if isinstance(container, list | dict)
            for inner in (container.values() if isinstance(container, dict) else container)
        ]
    return any(isinstance(inner, list | dict) for inner in level)


def _not_json(data: bytes, version: OcppVersion, description: str) -> BadFrame:
    """Give the error of a message that can't be decoded: with its id when its start can be read (2.x Part 4 §4.2.3)."""
    start = _READABLE_START.match(data)
    if start is None:
        code = wire_code(ErrorCode.RPC_FRAMEWORK_ERROR, version)
        return BadFrame(None, code, description, answerable=version.is_2x)
    message_type = int(start[1])
    return BadFrame(
        start[2].decode("ascii"),
        wire_code(ErrorCode.FORMAT_VIOLATION, version),
        description,
        answerable=message_type == CALL,
        message_type=message_type,
    )


def _parse_rarer(message: object, version: OcppVersion) -> Frame:
    """Read what is not a plain CALL: answers, errors, the frames of 2.1, and what is no frame at all."""
    if type(message) is not list or not message or type(message[0]) is not int:
        code = wire_code(ErrorCode.RPC_FRAMEWORK_ERROR, version)
        raise BadFrame(None, code, "The message is not an array led by a message type", answerable=version.is_2x)
    message_type: int = message[0]
    message_id = _readable_id(message)
    if message_type not in _TYPES[version]:
        _refuse_type(message_type, message_id, version)
    _check_id(message_type, message_id, version)
    assert message_id is not None
    if message_type in {CALL, SEND}:
        return _parse_request(message_type, message_id, message[2:], version)
    if message_type == CALL_RESULT:
        return _parse_result(message_id, message[2:], version)
    return _parse_error(message_type, message_id, message[2:], version)


_TYPES = {
    OcppVersion.V16: frozenset({CALL, CALL_RESULT, CALL_ERROR}),
    OcppVersion.V201: frozenset({CALL, CALL_RESULT, CALL_ERROR}),
    OcppVersion.V21: frozenset({CALL, CALL_RESULT, CALL_ERROR, CALL_RESULT_ERROR, SEND}),
}


def _readable_id(message: list[Any]) -> str | None:
    """Give the message id when there is one that can be sent back: a string, at most a line long."""
    if len(message) > 1 and type(message[1]) is str and len(message[1]) <= _MAX_ECHOED_ID_LENGTH:
        return message[1]
    return None


def _refuse_type(message_type: int, message_id: str | None, version: OcppVersion) -> NoReturn:
    """Refuse a message type this version has not: 1.6 ignores it (§4.1.3), 2.x says so (2.0.1 Part 4 §4.4)."""
    raise BadFrame(
        message_id,
        wire_code(ErrorCode.MESSAGE_TYPE_NOT_SUPPORTED, version),
        "The message type is not known",
        answerable=version.is_2x,
        message_type=message_type,
    )


def _check_id(message_type: int, message_id: str | None, version: OcppVersion) -> None:
    """Refuse an id that is missing, no string or too long; one too long is answered under itself (1.6 §4.2.3)."""
    if message_id is not None and len(message_id) <= MAX_MESSAGE_ID_LENGTH:
        return
    if message_id is None:
        code, answerable = ErrorCode.RPC_FRAMEWORK_ERROR, version.is_2x
        description = "The message id can't be read"
    else:
        code, answerable = _wrapper_code(version), True
        description = f"The message id is longer than {MAX_MESSAGE_ID_LENGTH} characters"
    raise BadFrame(
        message_id,
        wire_code(code, version),
        description,
        answerable=answerable and message_type == CALL,
        message_type=message_type,
    )


def _wrapper_code(version: OcppVersion) -> ErrorCode:
    """Give the code of a CALL whose wrapper is wrong but whose id is readable."""
    return ErrorCode.RPC_FRAMEWORK_ERROR if version.is_2x else ErrorCode.FORMATION_VIOLATION_16


def _parse_request(message_type: int, message_id: str, rest: list[Any], version: OcppVersion) -> Call | Send:
    """Read what follows the id of a CALL or SEND; a null payload stands for an empty one (1.6 §4.2.1, 2.x §4.1.5)."""
    answerable = message_type == CALL
    if len(rest) != 2 or type(rest[0]) is not str:
        raise BadFrame(
            message_id,
            _wrapper_code(version),
            "A request has four elements: type, id, action and payload",
            answerable=answerable,
            message_type=message_type,
        )
    action, payload = rest
    if payload is None:
        payload = {}
    if type(payload) is not dict:
        raise BadFrame(
            message_id,
            wire_code(ErrorCode.FORMAT_VIOLATION, version),
            "The payload is not an object",
            answerable=answerable,
            message_type=message_type,
        )
    return Call(message_id, action, payload) if answerable else Send(message_id, action, payload)


def _parse_result(message_id: str, rest: list[Any], version: OcppVersion) -> CallResult:
    payload = rest[0] if len(rest) == 1 else False
    if payload is None:
        payload = {}
    if type(payload) is not dict:
        raise BadFrame(
            message_id,
            wire_code(ErrorCode.FORMAT_VIOLATION, version),
            "An answer has three elements: type, id and an object",
            answerable=False,
            message_type=CALL_RESULT,
        )
    return CallResult(message_id, payload)


def _parse_error(
    message_type: int, message_id: str, rest: list[Any], version: OcppVersion
) -> CallError | CallResultError:
    """Read an error; only its code is needed, so a missing description or details are no reason to doubt it."""
    if not rest or type(rest[0]) is not str:
        raise BadFrame(
            message_id,
            wire_code(ErrorCode.FORMAT_VIOLATION, version),
            "An error has a code",
            answerable=False,
            message_type=message_type,
        )
    description = rest[1] if len(rest) > 1 and type(rest[1]) is str else ""
    details = rest[2] if len(rest) > 2 and type(rest[2]) is dict else {}
    kind = CallError if message_type == CALL_ERROR else CallResultError
    return kind(message_id, rest[0], description, details)
