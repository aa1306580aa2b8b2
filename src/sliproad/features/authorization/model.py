"""The one rule that says whether a token may charge (pure). Authorize, StartTransaction and TransactionEvent all ask it.

So far one kind of token is known: the test token with which commissioning starts its test transaction. It names nobody, fits
1.6's 20 characters, and holds on one charge point only: its last part is a keyed checksum of that charge point.
"""

import base64
import hmac
from collections.abc import Callable
from enum import StrEnum

TEST_TOKEN_PREFIX = "SLPT"  # noqa: S105 (public: what makes the token valid is its checksum)
SESSION_CHARACTERS = 6
CHECK_CHARACTERS = 10
TEST_TOKEN_LENGTH = len(TEST_TOKEN_PREFIX) + SESSION_CHARACTERS + CHECK_CHARACTERS  # 20: an idTag of 1.6 §7.28


class AuthorizationStatus(StrEnum):
    """The words that 1.6 (§7.2) and 2.x (AuthorizationStatusEnumType) share."""

    ACCEPTED = "Accepted"
    INVALID = "Invalid"


Authorize = Callable[[int, str], AuthorizationStatus]
"""(charge point key, token) -> status; what handlers of messages that carry a token are given."""


def test_token(key: bytes, charge_point_key: int, session_id: str) -> str:
    """The test token of a commissioning session on this charge point: the same session gets the same token, 20 characters."""
    session = _letters(key, f"session {session_id}")[:SESSION_CHARACTERS]
    return f"{TEST_TOKEN_PREFIX}{session}{_check(key, charge_point_key, session)}"


def authorization_status(key: bytes, charge_point_key: int, id_token: str) -> AuthorizationStatus:
    """Accepted for a test token of this charge point, Invalid for everything else. Tokens are case-insensitive (1.6 §7.28)."""
    token = id_token.upper()
    if len(token) != TEST_TOKEN_LENGTH or not token.startswith(TEST_TOKEN_PREFIX) or not token.isascii():
        return AuthorizationStatus.INVALID
    session, check = token[len(TEST_TOKEN_PREFIX) : -CHECK_CHARACTERS], token[-CHECK_CHARACTERS:]
    is_ours = hmac.compare_digest(check, _check(key, charge_point_key, session))
    return AuthorizationStatus.ACCEPTED if is_ours else AuthorizationStatus.INVALID


def _check(key: bytes, charge_point_key: int, session: str) -> str:
    return _letters(key, f"{charge_point_key} {session}")[:CHECK_CHARACTERS]


def _letters(key: bytes, text: str) -> str:
    return base64.b32encode(hmac.digest(key, text.encode(), "sha256")).decode()
