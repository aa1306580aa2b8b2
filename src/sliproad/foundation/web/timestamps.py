"""How a moment looks in an answer: RFC 3339, UTC, ending in `Z` (contract §1). Response models of all features use it."""

from datetime import datetime
from typing import Annotated

from pydantic import PlainSerializer, WithJsonSchema

from sliproad.foundation.clock import rfc3339

Timestamp = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str, when_used="json-unless-none"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-05-01T10:23:00Z"]}),
]
