"""What every OCPI body is wrapped in (OCPI 2.2.1 §4.1.7), and how a request's JSON is read. Routes and the client use it."""

from datetime import datetime
from typing import Any

import orjson

from sliproad.ocpi.fields import written
from sliproad.ocpi.status_codes import OcpiError, StatusCode

DEEPEST = 32
"""Levels of nesting; a CDR with its tariffs has eight."""


def envelope(
    at: datetime, data: Any = None, code: int = StatusCode.SUCCESS, message: str | None = None
) -> dict[str, Any]:
    """The answer's body; `data` is left out where there is none."""
    body: dict[str, Any] = {"status_code": int(code), "timestamp": written(at)}
    if message:
        body["status_message"] = message
    if data is not None:
        body["data"] = data
    return body


def read_json(body: bytes) -> Any:
    """A request's JSON.

    Raises:
        OcpiError: HTTP 400 where it is none (§5); 2001 where it holds what can't be kept: U+0000, or endless nesting.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        sentence = f"The body is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        raise OcpiError(StatusCode.CLIENT_ERROR, sentence, http_status=400) from None
    waiting: list[tuple[int, Any]] = [(0, value)]
    while waiting:
        depth, item = waiting.pop()
        if depth > DEEPEST:
            raise OcpiError(StatusCode.INVALID_PARAMETERS, f"The body is nested deeper than {DEEPEST} levels.")
        if isinstance(item, str) and "\0" in item:
            raise OcpiError(StatusCode.INVALID_PARAMETERS, "The body contains U+0000, which no OCPI string may hold.")
        if isinstance(item, dict):
            waiting.extend((depth + 1, inner) for pair in item.items() for inner in pair)
        elif isinstance(item, list):
            waiting.extend((depth + 1, inner) for inner in item)
    return value


def written_json(content: Any) -> bytes:
    """JSON as it is sent."""
    return orjson.dumps(content)


def read_object(body: bytes) -> dict[str, Any]:
    """A request's JSON object.

    Raises:
        OcpiError: as `read_json`; 2001 where it is something else.
    """
    value = read_json(body)
    if not isinstance(value, dict):
        raise OcpiError(StatusCode.INVALID_PARAMETERS, "The body must be a JSON object.")
    return value
