"""`Authorization: Token …` (OCPI 2.2.1 §4.1.2), in the ways in which parties write it.

The specification wants base64; many implementations of 2.2 send the token as it is, and its own example encodes a line feed with it.
"""

import base64
import binascii
from enum import StrEnum
from typing import NamedTuple


class TokenStyle(StrEnum):
    """How a party writes tokens, and so how it wants them."""

    BASE64 = "base64"
    RAW = "raw"
    BASE64_WITH_LINE_FEED = "base64_lf"


class Reading(NamedTuple):
    """One thing that a header may mean."""

    token: str
    style: TokenStyle


LONGEST = 256
"""Characters of a header's value; a token has 64 at most."""


def readings(header: str | None) -> tuple[Reading, ...]:
    """What the header may mean, the specification's own reading first; empty where it is no token at all."""
    scheme, _, value = (header or "").partition(" ")
    value = value.strip()
    if scheme.lower() != "token" or not value or len(value) > LONGEST:
        return ()
    found = []
    if (decoded := _decoded(value)) is not None:
        if is_token(decoded):
            found.append(Reading(decoded, TokenStyle.BASE64))
        if decoded.endswith("\n") and is_token(decoded[:-1]):
            found.append(Reading(decoded[:-1], TokenStyle.BASE64_WITH_LINE_FEED))
    if is_token(value):
        found.append(Reading(value, TokenStyle.RAW))
    return tuple(found)


def header_of(token: str, style: TokenStyle) -> str:
    """The header's value for a party that reads tokens in `style`."""
    if style is TokenStyle.RAW:
        return f"Token {token}"
    ending = "\n" if style is TokenStyle.BASE64_WITH_LINE_FEED else ""
    return f"Token {base64.b64encode((token + ending).encode()).decode()}"


def is_token(text: str) -> bool:
    """Whether it can be a credentials token: 1-64 printable characters of ASCII without white space (§7.3.1)."""
    return 1 <= len(text) <= 64 and all("!" <= character <= "~" for character in text)


def _decoded(value: str) -> str | None:
    try:
        return base64.b64decode(value.encode("ascii"), validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError):
        return None
