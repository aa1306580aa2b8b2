"""Which mistake was made with a user or password, decided in memory: a word is kept, never what was sent.

`admission` asks after it has refused, and keeps the word with the attempt; `charge_points.attempts_sentences` has the sentence for
each. Nothing here opens a socket.
"""

import base64
import binascii
import contextlib
from collections.abc import Iterator

from sliproad.gateway.ports import Identities, KnownChargePoint

MOST_BYTES = 256
_SCHEMES = frozenset({"bearer", "digest", "negotiate", "ntlm"})


def password_mistake(identities: Identities, known: KnownChargePoint, password: bytes) -> str:
    """What is wrong with a password that opens nothing: the word of the first correction that would open, else `other`."""
    if not password:
        return "empty"
    if password.decode("latin-1").casefold() in {known.charge_point_id.casefold(), known.serial_number.casefold()}:
        return "is_identity"
    if len(password) > MOST_BYTES:
        return "other"
    for word, candidate in _corrections(password):
        if candidate and candidate != password and identities.verify(known, candidate) is not None:
            return word
    return "other"


def user_mistake(identities: Identities, known: KnownChargePoint, user: str, password: bytes) -> str:
    """What is wrong with a user that is neither the identity nor the serial number."""
    names = {known.charge_point_id.casefold(), known.serial_number.casefold()}
    if not user:
        return "empty"
    if user.strip().casefold() in names:
        return "space" if user.strip() in {known.charge_point_id, known.serial_number} else "letter_case"
    if len(user) <= MOST_BYTES and identities.verify(known, user.encode()) is not None:
        return "swapped" if password.decode("latin-1").casefold() in names else "is_password"
    return "other"


def header_mistake(authorization: str) -> str:
    """What is wrong with an Authorization header that is no HTTP Basic (RFC 7617)."""
    scheme, _, encoded = authorization.strip().partition(" ")
    if scheme.lower() in _SCHEMES:
        return "scheme"
    if scheme.lower() != "basic":
        return "basic_missing"
    if ":" in encoded:
        return "not_encoded"
    once = _decoded(encoded.encode("latin-1"))
    if once is None:
        return "other"
    twice = _decoded(once)
    if twice is not None and b":" in twice:
        return "encoded_twice"
    return "user_missing" if b":" not in once else "other"


def _corrections(password: bytes) -> Iterator[tuple[str, bytes]]:
    """(word, what the sender may have meant)."""
    yield "newline", password.rstrip(b"\r\n")
    yield "space", password.strip(b" \t")
    yield "space", password.strip()
    yield "null", password.rstrip(b"\0")
    yield "quotes", password.strip(b"\"'")
    with contextlib.suppress(ValueError):
        yield "hex", bytes.fromhex(password.decode("ascii").strip().removeprefix("0x").replace(":", ""))
    yield "decoded", password.hex().encode()
    yield "decoded", password.hex().upper().encode()
    text = _decoded(password.strip())
    for _ in range(2):
        if text is None:
            break
        yield "base64", text
        yield "base64", text.rstrip(b"\r\n")
        yield "base64_pair", text.partition(b":")[2]
        text = _decoded(text)
    yield "pair", password.partition(b":")[2]
    yield "utf_16", password.replace(b"\0", b"")


def _decoded(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
