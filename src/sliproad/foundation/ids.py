"""The one place that makes ids and secrets.

An id is a prefix and 100 random bits in lower-case Crockford base32: not ordered, not guessable, and still never a secret
(contract §1, trust G4).
"""

import secrets

CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
ID_CHARACTERS = 20


def new_id(prefix: str) -> str:
    """`new_id("cp")` → `cp_` and 20 characters (100 bits)."""
    return f"{prefix}_{random_text(ID_CHARACTERS, CROCKFORD)}"


def random_text(length: int, alphabet: str = ALPHANUMERIC) -> str:
    """Random text from the system's source; 20 alphanumeric characters hold 119 bits."""
    return "".join(secrets.choice(alphabet) for _ in range(length))
