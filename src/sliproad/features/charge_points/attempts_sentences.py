"""One attempt to connect in one sentence or two: what arrived and what to change at the charger.

Pure. The gateway's words (`gateway/admission.py`, `listener.py`, `credential_mistakes.py`, `path_mistakes.py`) come in as outcome and
details; `attempts_diagnosis` and the answers use the text.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sliproad.features.charge_points.attempts_identity import identity_mistake


class Meant(NamedTuple):
    """The charge point whose attempts are asked for, as it is registered."""

    charge_point_id: str
    serial_number: str
    ocpp_version: str


ADVICE = {
    "accepted": "Connected.",
    "unknown_identity": "The identity in the URL is not a registered charge point. Check that it equals the charge point id.",
    "unknown_path": "The path is not one of ours. Use the ocpp_endpoint exactly as it was given.",
    "wrong_suffix": "Behind the charge point id the URL goes on with something that is neither the id nor the registered serial"
    " number. Use the ocpp_endpoint as it was given, or correct the serial number if that is what the charger appends.",
    "missing_credentials": "No password was sent. Switch on Basic authentication (security profile 1 or 2) and set it.",
    "unreadable_credentials": "The Authorization header is not HTTP Basic. Switch to security profile 1 or 2.",
    "wrong_user": "The user name is neither the charge point id nor its serial number.",
    "wrong_password": "The password is wrong. Type the provisioning password again, or rotate it and use the new one.",
    "no_common_subprotocol": "The charge point offers no OCPP version that we speak. Set it to OCPP-J 1.6, 2.0.1 or 2.1.",
    "too_many_attempts": "Too many wrong attempts; wrong ones are put off for five minutes. The right password works at once.",
    "not_websocket": "A plain web request arrived, not a WebSocket. Check that the charge point uses OCPP-J, not SOAP.",
    "plain_http": "An unencrypted request arrived on the encrypted port. Use wss:// instead of ws://.",
    "tls_on_plain_port": "An encrypted connection (wss) arrived on the unencrypted port. Use ws:// instead of wss://, or the port"
    " for wss.",
    "tls_failed": "The TLS handshake failed. Check the charge point's clock, TLS 1.2 and the trusted root certificate.",
    "nothing_sent": "A connection was opened, but nothing came on it for ten seconds. Check that ws or wss fits the port, and look"
    " for a proxy or firewall in between.",
    "unreadable_request": "Something arrived that is no web request. Check the port and that ws or wss fits it.",
    "server_error": "We could not process the request. It will be tried again by the charge point.",
}
OTHER_ADVICE = "The attempt was refused."
_AGAIN = "Type the provisioning password again as it was given."
_ENDPOINT = "Use the ocpp_endpoint exactly as it was given."

MISTAKES: dict[str, dict[str, str]] = {
    "wrong_password": {
        "empty": "The password is empty. Enter the provisioning password.",
        "newline": "The password is right but for a line break at its end. Enter it without one.",
        "space": "The password is right but for a space before or behind it. Enter it without.",
        "null": "The password is right but for zero bytes behind it. Enter it anew; if that does not help, update the firmware.",
        "quotes": "The password is right but for quotation marks around it. Enter it without them.",
        "hex": "The password arrives as hexadecimal text. Enter it as it was given, not converted to hex.",
        "decoded": "The charger took the password for hexadecimal and sends what it decodes to. Rotate the password, or set the"
        " charger to plain text.",
        "base64": "The password is base64-encoded twice. Enter it as it was given; the charger encodes it itself.",
        "base64_pair": "User and password were encoded already and then once more. Enter the password alone, as it was given.",
        "pair": "The password field holds user and password. Enter the password alone.",
        "utf_16": "The password arrives in a wrong character encoding. Enter it anew; if that does not help, update the firmware.",
        "is_identity": "The charge point id or serial number was sent as the password. Enter the provisioning password.",
    },
    "wrong_user": {
        "empty": "The user name is missing. Set it to the charge point id.",
        "space": "The user name is right but for a space before or behind it. Enter the charge point id without.",
        "letter_case": "The user name differs from the charge point id in capital letters. Enter it exactly as it was given.",
        "swapped": "User name and password are swapped.",
        "is_password": "The password was sent as the user name. The user name is the charge point id.",
        "other": "The user name is another than the identity in the URL. Set it to the charge point id.",
    },
    "unreadable_credentials": {
        "scheme": "Another kind of authentication than HTTP Basic was sent. Switch to security profile 1 or 2.",
        "basic_missing": "The Authorization header does not begin with `Basic`. Switch to security profile 1 or 2.",
        "not_encoded": "User and password were sent without base64 encoding. Use the charger's own fields for them, no header.",
        "encoded_twice": "User and password are base64-encoded twice. Enter them as they were given; the charger encodes them.",
        "user_missing": "A password was sent without a user name. Set the user name to the charge point id.",
    },
    "unknown_path": {
        "ocpp_missing": f"The path lacks `/ocpp`. {_ENDPOINT}",
        "prefix": f"Something stands before `/ocpp` in the path. {_ENDPOINT}",
        "twice": "The path holds `/ocpp` twice: the charger appends it to the URL. Give it the ocpp_base_url or the host alone.",
        "identity_missing": "The path ends before the charge point id: the charger does not append it. Use the ocpp_endpoint, which"
        " ends with it.",
        "segment": f"The path does not read /ocpp/version/charge point id. {_ENDPOINT}",
    },
    "wrong_suffix": {
        "password": "The password stands in the URL. Take it out there and enter it as the password; rotate it, since URLs are"
        " often logged.",
    },
    "not_websocket": {
        "soap": "A SOAP message arrived (OCPP-S). Switch the charger to OCPP-J, also called JSON or WebSocket.",
        "method": "A plain web request arrived, not a WebSocket. Switch the charger to OCPP-J, and use a ws:// or wss:// URL.",
        "plain_get": "A plain web request (http) arrived, not a WebSocket. Use ws:// instead of http://, or wss:// instead of"
        " https://.",
        "websocket_version": "An old version of WebSocket was asked for. Update the charger's firmware: it must be version 13"
        " (RFC 6455).",
        "incomplete_upgrade": "The request for a WebSocket arrived incomplete. A proxy in between takes parts out: let it pass"
        " `Upgrade` and `Connection`, or go round it.",
    },
}

_CLOCK = "Check the charger's clock too: with a wrong one every certificate looks expired."
TLS_REASONS = (
    (
        "unknown_ca",
        "The charger does not trust our certificate's issuer. Install the root certificate of the server's chain on it.",
    ),
    ("certificate_expired", f"The charger takes our certificate for expired. {_CLOCK}"),
    ("certificate_revoked", "The charger takes our certificate for revoked. Tell the operator of this server."),
    (
        "certificate_unknown",
        f"The charger does not accept our certificate. Install the root certificate of the server's chain on it. {_CLOCK}",
    ),
    (
        "bad_certificate",
        "The charger does not accept our certificate. Check the root certificate installed on it and the host name in its URL.",
    ),
    ("unsupported_certificate", "The charger cannot use our kind of certificate. Update its firmware."),
    (
        "protocol_version",
        "The charger does not speak TLS 1.2 or newer. Update its firmware, or switch on TLS 1.2 in it.",
    ),
    (
        "unsupported_protocol",
        "The charger does not speak TLS 1.2 or newer. Update its firmware, or switch on TLS 1.2 in it.",
    ),
    (
        "version_too_low",
        "The charger does not speak TLS 1.2 or newer. Update its firmware, or switch on TLS 1.2 in it.",
    ),
    ("no_shared_cipher", "The charger offers no TLS cipher suite that we allow. Update its firmware."),
    ("no_suitable_signature_algorithm", "The charger offers no TLS signature that we have. Update its firmware."),
    ("handshake_failure", "The charger ended the TLS handshake. Check TLS 1.2 in it, and update its firmware."),
    ("unrecognized_name", "The charger asked for another host name than ours. Check the host in its URL."),
    (
        "wrong_version_number",
        "What arrived on the encrypted port is neither TLS nor a web request. Check host and port.",
    ),
    (
        "connection",
        "The charger broke off the TLS handshake. Check the root certificate installed on it, the host in its URL, and its clock.",
    ),
    (
        "timeout",
        "The TLS handshake was begun but did not end in time. Check the charger's network, and that nothing in between breaks TLS.",
    ),
)


def sentence(outcome: str, details: Mapping[str, Any], identity: str | None, meant: Meant) -> str:
    """What happened in one attempt, and what to do about it."""
    if outcome == "accepted":
        return _accepted(details)
    if outcome == "unknown_identity":
        return _unknown_identity(identity or "", meant)
    if outcome == "no_common_subprotocol":
        return _subprotocol(str(details.get("offered", "")), meant)
    if outcome == "tls_failed":
        return tls_sentence(str(details.get("reason", "")))
    if outcome == "too_many_attempts" and "behind" in details:
        return f"{sentence(str(details['behind']), details, identity, meant)} {ADVICE[outcome]}"
    advice = ADVICE.get(outcome, OTHER_ADVICE)
    text = MISTAKES.get(outcome, {}).get(str(details.get("mistake", "")), advice)
    return f"{text} The password is right." if details.get("password") == "right" else text


def tls_sentence(reason: str) -> str:
    """What a failed TLS handshake means, by the library's reason or the client's alert (RFC 8446 §6)."""
    reason = reason.lower()
    return next((text for word, text in TLS_REASONS if word in reason), ADVICE["tls_failed"])


def _accepted(details: Mapping[str, Any]) -> str:
    parts = [ADVICE["accepted"]]
    if registered := details.get("registered_version"):
        spoken = details.get("version", "another version")
        parts.append(
            f"Your charger speaks OCPP {spoken}, but it was registered as {registered}: change the version in the charger, or"
            " register it anew."
        )
    if form := details.get("password_form"):
        parts.append(f"The password was sent {'as hex' if form == 'hex' else 'decoded from hex'}, which is let in.")
    if details.get("slashes") == "doubled":
        parts.append("Its URL has a doubled slash, which does no harm here.")
    return " ".join(parts)


def _unknown_identity(sent: str, meant: Meant) -> str:
    right = f"Set it to {meant.charge_point_id}."
    mistake = identity_mistake(sent, meant.charge_point_id, meant.serial_number)
    text = {
        "equal": "The charge point was not registered yet when it tried. It will get in when it tries again.",
        "space": f"The identity has a space before or behind it. {right}",
        "letter_case": f"The identity `{sent}` differs in capital letters. {right}",
        "look_alike": f"The identity `{sent}` has characters that look alike (O and 0, l and 1). {right}",
        "doubled": f"The identity stands twice in `{sent}`: the charger appends it to the URL's end. Take it out of the URL. {right}",
        "serial_appended": f"The serial number was put behind the identity (`{sent}`). {right}",
        "serial_number": f"The serial number was sent as the identity (`{sent}`). {right}",
        "nearly": f"The identity `{sent}` is not registered, but nearly spells this one. {right}",
    }.get(mistake or "")
    return text or ADVICE["unknown_identity"]


def _subprotocol(offered: str, meant: Meant) -> str:
    wanted = f"ocpp{meant.ocpp_version}"
    if not offered:
        return (
            "The charger names no OCPP version (the header Sec-WebSocket-Protocol is missing)."
            f" Set it to OCPP-J {meant.ocpp_version}, which sends `{wanted}`."
        )
    names = [name.strip() for name in offered.split(",")]
    if any(name.lower() == wanted for name in names):
        return f"The charger offers `{offered}`, which must be written `{wanted}`. Update its firmware."
    return (
        f"The charger offers `{offered}`, which we don't speak; it was registered as {meant.ocpp_version}."
        f" Set it to OCPP-J {meant.ocpp_version} (`{wanted}`)."
    )
