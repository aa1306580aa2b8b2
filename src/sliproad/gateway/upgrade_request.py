"""The HTTP request that opens a socket: bytes to an `UpgradeRequest`, strict about what could be read in two ways.

`listener` reads the head off the socket and parses it here, in front of the WebSocket library, so that what can't be parsed is
recorded too. RFC 9112 §3 and §5, RFC 6455 §4.2.1.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import unquote

MAX_HEADERS = 64
HEAD_END = b"\r\n\r\n"
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) (\S{1,2048}) HTTP/1\.([01])")
_ONCE = frozenset({"authorization", "sec-websocket-key", "sec-websocket-version", "host"})
_VERSIONS = frozenset({"1.6", "2.0.1", "2.1"})


class UnreadableRequestError(Exception):
    """What arrived is no HTTP request, or one that could be read in two ways. The sentence is ours, not the sender's."""


@dataclass(slots=True)
class UpgradeRequest:
    """A request head. Header names are lower-case; repeated ones are joined by commas."""

    method: str
    target: str
    headers: dict[str, str]

    @property
    def is_websocket(self) -> bool:
        """Whether it asks for a WebSocket of the version in use (RFC 6455 §4.2.1)."""
        headers = self.headers
        return (
            self.method == "GET"
            and headers.get("upgrade", "").strip().lower() == "websocket"
            and "upgrade" in {part.strip().lower() for part in headers.get("connection", "").split(",")}
            and headers.get("sec-websocket-version", "").strip() == "13"
            and _is_key(self.headers.get("sec-websocket-key", ""))
        )

    @property
    def subprotocols(self) -> list[str]:
        """What the client offers, in its order."""
        offered = self.headers.get("sec-websocket-protocol", "")
        return [part.strip() for part in offered.split(",") if part.strip()]


@dataclass(frozen=True, slots=True)
class OcppPath:
    """What the path says: the identity, the version where it names one, and what a client appended to the URL it was given."""

    identity: str
    version: str | None
    appended: str | None


def parse_head(head: bytes) -> UpgradeRequest:
    """Read a request head (without the empty line at its end).

    Raises:
        UnreadableRequestError: for anything that is not one well-formed HTTP/1.x request without a body.
    """
    first, *lines = head.split(b"\r\n")
    line = _REQUEST_LINE.fullmatch(first)
    if line is None:
        raise UnreadableRequestError("The first line is no HTTP/1.1 request.")
    if len(lines) > MAX_HEADERS:
        raise UnreadableRequestError("There are too many header fields.")
    headers: dict[str, str] = {}
    for raw in lines:
        name, colon, value = raw.partition(b":")
        if not colon or not _TOKEN.fullmatch(name) or any(byte < 32 and byte != 9 for byte in value):
            raise UnreadableRequestError("A header field is malformed.")
        key, text = name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")
        if key in headers and key in _ONCE:
            raise UnreadableRequestError(f"The header field {key} comes twice.")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    if "transfer-encoding" in headers or headers.get("content-length", "0").strip("0"):
        raise UnreadableRequestError("An upgrade request has no body.")
    return UpgradeRequest(line[1].decode("ascii"), line[2].decode("latin-1"), headers)


def parse_path(target: str) -> OcppPath | None:
    """Find the identity in `/ocpp/{version}/{id}`, `/ocpp/{id}`, with a slash at the end or with something appended.

    Empty segments count for nothing: many clients append `/{id}` to a URL that ends in a slash. Segments are percent-decoded
    one by one. None for any other path (contract §3).
    """
    try:
        segments = [unquote(part, errors="strict") for part in target.partition("?")[0].split("/") if part]
    except UnicodeDecodeError:
        return None
    if len(segments) < 2 or segments[0].lower() != "ocpp":
        return None
    rest = segments[1:]
    version = rest.pop(0) if rest[0] in _VERSIONS and len(rest) > 1 else None
    if len(rest) > 2:
        return None
    return OcppPath(rest[0], version, rest[1] if len(rest) == 2 else None)


def parse_basic(authorization: str) -> tuple[str, bytes] | None:
    """User and password of HTTP Basic (RFC 7617); None when the header is no such thing."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else None
    except (binascii.Error, ValueError):
        return None


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text.strip(), validate=True)) == 16
    except (binascii.Error, ValueError):
        return False
