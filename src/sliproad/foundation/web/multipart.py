"""Reads a form with files (multipart/form-data, RFC 7578) as it arrives, so that a large file is never whole in memory.

Upload routes whose bodies are streamed (`bodies.Streamed`) call `read_form`.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from sliproad.foundation.errors import InvalidInput

MOST_HEADER_BYTES = 8 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """A field of the form begins; what follows, until the next one, is its content. `filename` is None for plain text."""

    name: str
    filename: str | None
    mime: str


async def read_form(stream: AsyncIterator[bytes], content_type: str) -> AsyncIterator[Part | bytes]:
    """Each part's beginning, followed by its content in pieces as they come.

    Raises:
        InvalidInput: it is not such a form, or ends before its last boundary.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary or len(boundary) > 200:
        raise InvalidInput.field("body", "is no form: the Content-Type names no boundary")
    reader = _Reader(boundary)
    async for data in stream:
        for event in reader.feed(data):
            yield event
    if not reader.is_whole:
        raise InvalidInput.field("body", "ends before the form does")


class _Reader:
    """Turns the parser's callbacks into a list of events."""

    def __init__(self, boundary: bytes) -> None:
        self.is_whole = False
        self._events: list[Part | bytes] = []
        self._headers: dict[bytes, bytes] = {}
        self._field, self._value = b"", b""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_data": lambda data, start, end: self._events.append(bytes(data[start:end])),
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_end": self._on_end,
            },
        )

    def feed(self, data: bytes) -> list[Part | bytes]:
        """What these bytes complete."""
        self._events = []
        try:
            self._parser.write(data)
        except FormParserError:
            raise InvalidInput.field("body", "is not a readable form (multipart/form-data)") from None
        return self._events

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if len(self._field) + len(self._value) > MOST_HEADER_BYTES:
            raise InvalidInput.field("body", "holds a part whose headers are too long")
        self._headers[self._field.lower()] = self._value
        self._field, self._value = b"", b""

    def _on_headers_finished(self) -> None:
        headers, self._headers = self._headers, {}
        _, options = parse_options_header(headers.get(b"content-disposition", b""))
        filename = options.get(b"filename")
        mime, _ = parse_options_header(headers.get(b"content-type", b"application/octet-stream"))
        self._events.append(
            Part(
                options.get(b"name", b"").decode("utf-8", "replace"),
                None if filename is None else filename.decode("utf-8", "replace"),
                mime.decode("latin-1") or "application/octet-stream",
            )
        )

    def _on_end(self) -> None:
        self.is_whole = True
