"""Which settings of a charge point hold a password or key, told by their names; the one rule for all who keep or show values.

The frame log takes secrets out of frames by it (trust P3, S3), the device model never keeps their values, commissioning masks them
in logs, comparisons and templates, and templates may not hold them at all. The names are OCPP's own (1.6 `AuthorizationKey`,
2.x `SecurityCtrlr.BasicAuthPassword`, `basicAuthPassword`, `apnPassword` and `simPin` of a network profile) and vendors'.
"""

import re

MASK = "***"
"""Stands where a secret was."""
WORDS = ("passw", "passphrase", "authorizationkey", "secret", "sharedkey", "privatekey", "apikey", "simpin", "psk")
"""Lower-case; where none of them is, there is no secret. `psk` counts only as a word of its own, such as in `WifiPSK`."""
_SECRET = re.compile(rf"(?i:{'|'.join(WORDS[:-1])})|PSK|Psk|\bpsk")


def is_secret(name: str) -> bool:
    """Whether a setting of this name (1.6 key; 2.x variable, with or without its component; a property) holds a secret."""
    return _SECRET.search(name) is not None


def shown(name: str, value: str | None) -> str | None:
    """The value as it may be kept and shown: `***` for a secret. None, a value that is not known, stays None."""
    return MASK if value is not None and is_secret(name) else value
