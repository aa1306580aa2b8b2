"""Which passwords charge points take, by version: refused for native delivery only, since the relay sends them itself."""

import re

FORMS = {
    "1.6": (16, 20, re.compile(r"[ -~]+"), "16 to 20 visible ASCII characters (AuthorizationKey)"),
    "2.0.1": (16, 40, re.compile(r"[A-Za-z0-9*\-_=:+|@.]+"), "16 to 40 of A-Z a-z 0-9 * - _ = : + | @ ."),
    "2.1": (16, 64, re.compile(r"[A-Za-z0-9*\-_=:+|@.]+"), "16 to 64 of A-Z a-z 0-9 * - _ = : + | @ ."),
}
HEXADECIMAL = re.compile(r"([0-9a-fA-F]{2}){16,20}")
"""1.6: the hexadecimal of 16 to 20 bytes (security whitepaper A00.FR.205)."""


def password_error(version: str, password: str) -> str | None:
    """What is wrong with a password for charge points of this OCPP version; None when it will do."""
    least, most, form, words = FORMS[version]
    if version == "1.6" and HEXADECIMAL.fullmatch(password):
        return None
    if least <= len(password) <= most and form.fullmatch(password):
        return None
    return f"has a basicAuthPassword that an OCPP {version} charge point doesn't take: {words}"


def as_written(password: str, form: str) -> str:
    """What is written to the charge point's key; `form` as in `vendor_keys`."""
    if form == "plain" or HEXADECIMAL.fullmatch(password):
        return password
    return password.encode().hex()
