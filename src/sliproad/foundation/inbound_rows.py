r"""Encoding of the rows that handlers hand to set-based statements, so that PostgreSQL can always read them.

PostgreSQL's JSON functions refuse U+0000 in text. A charge point may send it as `\u0000`; it is stored as these six characters.
"""

import re
from typing import Any

import orjson

_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def encode_row(row: dict[str, Any]) -> bytes:
    """One row as JSON. `orjson.Fragment` values are embedded as they are."""
    return without_nul(orjson.dumps(row))


def storable(text: str) -> str:
    r"""The same text with every U+0000 replaced by the visible characters `\u0000`."""
    return text.replace("\0", r"\u0000") if "\0" in text else text


def without_nul(json_text: bytes) -> bytes:
    r"""The same JSON text with every U+0000 in its strings replaced by the visible characters `\u0000`."""
    if b"\\" not in json_text or b"\\u0000" not in json_text:  # one byte is found many times faster
        return json_text
    return _NUL.sub(rb"\1\\\\u0000", json_text)
