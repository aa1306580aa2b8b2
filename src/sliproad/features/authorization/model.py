"""The one rule that says whether a token may charge (pure). Authorize, StartTransaction and TransactionEvent all ask it.

So far one kind of token is known: the test token with which commissioning starts its test transaction. It names nobody, fits
1.6's 20 characters, and holds on one charge point only: its middle is a number, its last part a keyed checksum of number and
charge point. Numbers of a charge point only rise; those below the one that its test is at are dead. So whoever decides with an
old view never refuses a new token, and a dead one is refused as soon as the number is known (gateways: within a second).
"""

import base64
import hmac
from collections.abc import Callable
from enum import StrEnum

TEST_TOKEN_PREFIX = "SLPT"  # noqa: S105 (public: what makes the token valid is its checksum)
NUMBER_CHARACTERS = 6
CHECK_CHARACTERS = 10
TEST_TOKEN_LENGTH = len(TEST_TOKEN_PREFIX) + NUMBER_CHARACTERS + CHECK_CHARACTERS  # 20: an idTag of 1.6 §7.28
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
"""Five bits a character, the alphabet of base32."""


class AuthorizationStatus(StrEnum):
    """The words that 1.6 (§7.2) and 2.x (AuthorizationStatusEnumType) share."""

    ACCEPTED = "Accepted"
    INVALID = "Invalid"


Authorize = Callable[[int, str], AuthorizationStatus]
"""(charge point key, token) -> status; what handlers of messages that carry a token are given."""


def test_token(key: bytes, charge_point_key: int, number: int) -> str:
    """The test token with this number on this charge point, 20 characters. `number` is below 2**30."""
    digits = "".join(DIGITS[number >> shift & 31] for shift in range(5 * NUMBER_CHARACTERS - 5, -1, -5))
    return f"{TEST_TOKEN_PREFIX}{digits}{_check(key, charge_point_key, digits)}"


def authorization_status(
    key: bytes, charge_point_key: int, id_token: str, least_number: Callable[[int], int]
) -> AuthorizationStatus:
    """Accepted for a living test token of this charge point, Invalid for everything else.

    `least_number(charge_point_key)` is asked only for what looks like one. Tokens are case-insensitive (1.6 §7.28).
    """
    token = id_token.upper()
    if len(token) != TEST_TOKEN_LENGTH or not token.startswith(TEST_TOKEN_PREFIX) or not token.isascii():
        return AuthorizationStatus.INVALID
    digits, check = token[len(TEST_TOKEN_PREFIX) : -CHECK_CHARACTERS], token[-CHECK_CHARACTERS:]
    is_ours = hmac.compare_digest(check, _check(key, charge_point_key, digits))
    if is_ours and _number(digits) >= least_number(charge_point_key):
        return AuthorizationStatus.ACCEPTED
    return AuthorizationStatus.INVALID


def _number(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number << 5 | DIGITS.index(digit)
    return number


def _check(key: bytes, charge_point_key: int, digits: str) -> str:
    text = f"{charge_point_key} {digits}"
    return base64.b32encode(hmac.digest(key, text.encode(), "sha256")).decode()[:CHECK_CHARACTERS]
