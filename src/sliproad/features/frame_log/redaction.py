"""Takes secrets out of frames before they are logged (trust P3, S3): passwords and keys that are set or reported by OCPP.

Pure. A charge point's password travels as a configuration key (`AuthorizationKey`), as a variable (`BasicAuthPassword`), in a
network profile (`basicAuthPassword`, `apnPassword`, VPN keys) and in vendors' own keys named so; `ocpp.secret_settings` knows the names.
"""

import re
from typing import Any

import orjson

from sliproad.ocpp.secret_settings import MASK, WORDS, is_secret

HOT = frozenset(
    {
        "Authorize",
        "Heartbeat",
        "MeterValues",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
        "TransactionEvent",
    }
)
"""The frequent messages, in which no secret travels."""
_SECRET_BYTES = tuple(word.encode() for word in WORDS)
_VALUES = frozenset({"value", "attributeValue", "actualValue"})
_ONE_TIME_URL = re.compile(rb"/(uploads|downloads)/[0-9a-f]{32}")
"""Addresses of ours where whoever has the token may send or get a file (`features/firmware/transfer_urls`)."""
_WITH_URL = frozenset({"GetDiagnostics", "GetLog", "SignedUpdateFirmware", "UpdateFirmware"})


def redacted(action: str, payload: bytes) -> bytes:
    """`payload` of `action` with every secret replaced by `***`; the same object where there is none."""
    if action in _WITH_URL:
        payload = _ONE_TIME_URL.sub(rb"/\1/***", payload)
    if action in HOT:
        return payload
    lowered = (
        payload.lower()
    )  # and looking for each word: a fifth of the time of a regular expression without regard to case
    if not any(word in lowered for word in _SECRET_BYTES):
        return payload
    return orjson.dumps(_redact(orjson.loads(payload)))


def _redact(value: Any, *, of_secret: bool = False) -> Any:
    """`of_secret`: this is an attribute of a variable that holds a secret, as reports have them (2.x VariableAttributeType)."""
    if isinstance(value, list):
        return [_redact(item, of_secret=of_secret) for item in value]
    if not isinstance(value, dict):
        return value
    of_secret = of_secret or is_secret(_what_it_sets(value))
    secret_names = _secret_names(value) | (_VALUES if of_secret else set())
    return {
        name: MASK
        if name in secret_names and isinstance(item, str | int)
        else _redact(item, of_secret=of_secret and name == "variableAttribute")
        for name, item in value.items()
    }


def _secret_names(entry: dict[str, Any]) -> set[str]:
    """Which properties of `entry` hold a secret by their own names or places."""
    names = {name for name in entry if is_secret(name)}
    if "server" in entry:  # a VPN: its `key` is the shared secret (2.x VPNType)
        names.add("key")
    if isinstance(entry.get("data"), str) and is_secret(entry["data"]):  # a vendor's DataTransfer
        names.add("data")
    return names


def _what_it_sets(entry: dict[str, Any]) -> str:
    """What an entry of a configuration is about: 1.6 `key`, 2.x `variable.name`; else empty."""
    variable = entry.get("variable")
    name = variable.get("name") if isinstance(variable, dict) else entry.get("key")
    return name if isinstance(name, str) else ""
