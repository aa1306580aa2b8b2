"""The CALLs of a move over OCPP 1.6: vendor keys, the security extension's certificates, a restart.

Nothing in 1.6 leads a charge point back by itself, so what can't be sure to work is refused before the address is changed.
"""

from typing import Any

from sliproad.features.connections.move_model import certificates, sentences
from sliproad.features.connections.move_model.parts import Answer, Call, Progress, RefusedError, Target
from sliproad.features.connections.move_model.passwords import as_written
from sliproad.features.connections.move_model.vendor_keys import VendorKeys, candidates

MOST_VALUE = 500
MOST_CERTIFICATE = 5500
ROOT = "CentralSystemRootCertificate"
DONE = {"Accepted", "RebootRequired"}


def refusal(target: Target) -> str | None:
    """Why this charge point can't be moved there by wire, known before anything is sent."""
    if not candidates(target.families, target.vendor):
        return sentences.UNKNOWN_VENDOR.format(vendor=target.vendor)
    if len(target.url) + len(target.identity) + 1 > MOST_VALUE:
        return sentences.URL_TOO_LONG.format(version="1.6", most=MOST_VALUE)
    if any(len(pem) > MOST_CERTIFICATE for pem in target.certificates):
        return sentences.CERTIFICATE_TOO_LONG.format(version="1.6", most=MOST_CERTIFICATE)
    return None


def next_call(target: Target, progress: Progress) -> Call | None:
    """What is to be said next; None when all of it was accepted, the restart too."""
    if "family" not in progress:
        known = candidates(target.families, target.vendor)
        return Call("GetConfiguration", {"key": list(dict.fromkeys(each.url for each in known))})
    if target.certificates and "installed" not in progress:
        return Call("GetInstalledCertificateIds", {"certificateType": ROOT})
    for pem in target.certificates:
        if certificates.fingerprint(pem) not in progress["installed"]:
            return Call("InstallCertificate", {"certificateType": ROOT, "certificate": pem})
    for key, value in _settings(target, progress):
        if key not in progress.get("written", ()):
            return Call("ChangeConfiguration", {"key": key, "value": value})
    if "reset" not in progress:
        first = _family(target, progress).reset
        kinds = (first, "Hard" if first == "Soft" else "Soft")
        return Call("Reset", {"type": kinds[progress.get("resets_refused", 0)]})
    return None


def next_restoring(target: Target, progress: Progress) -> Call | None:
    """What is to be said to one that came back, until everything is as it was."""
    written = progress.get("written", ())
    if not written:
        return None
    family = _family(target, progress)
    former = {
        family.url: progress["before"] or target.our_url,
        family.identity: target.our_identity,
        family.password: as_written(target.own_password or "", family.password_form),
    }
    return Call("ChangeConfiguration", {"key": written[-1], "value": former[written[-1]]})


def taken(target: Target, progress: Progress, call: Call, answer: Answer) -> dict[str, Any]:
    """The progress after the answer to `call`. Raises RefusedError with the sentence."""
    match call.action:
        case "GetConfiguration":
            return {**progress, **_looked(target, progress, answer)}
        case "GetInstalledCertificateIds":
            told = answer.payload.get("certificateHashData", [])
            there = [certificates.fingerprint(pem) for pem in target.certificates if certificates.is_among(pem, told)]
            return {**progress, "installed": there}
        case "InstallCertificate":
            if answer.status != "Accepted":
                raise RefusedError(sentences.CERTIFICATE_REFUSED.format(status=answer.status))
            print_of_it = certificates.fingerprint(call.payload["certificate"])
            return {**progress, "installed": [*progress["installed"], print_of_it]}
        case "Reset":
            if answer.status == "Accepted":
                return {**progress, "reset": call.payload["type"], "is_scheduled": False}
            if progress.get("resets_refused"):
                raise RefusedError(sentences.RESET_REFUSED.format(status=answer.status))
            return {**progress, "resets_refused": 1}
        case _:
            _expect_done(call, answer)
            return {**progress, "written": [*progress.get("written", ()), call.payload["key"]]}


def restored(_target: Target, progress: Progress, call: Call, answer: Answer) -> dict[str, Any]:
    """The progress after the answer to a CALL of `next_restoring`. Raises RefusedError."""
    _expect_done(call, answer)
    return {**progress, "written": list(progress["written"][:-1])}


def carries_password(target: Target, progress: Progress, call: Call) -> bool:
    """Whether the charge point's password for us changes with this CALL."""
    return call.action == "ChangeConfiguration" and call.payload["key"] == _family(target, progress).password


def _looked(target: Target, progress: Progress, answer: Answer) -> dict[str, Any]:
    """The entry of the table whose key this charge point has, and what it holds."""
    told = {each["key"].casefold(): each for each in answer.payload.get("configurationKey", [])}
    known = [each for each in candidates(target.families, target.vendor) if each.url.casefold() in told]
    if not known:
        raise RefusedError(sentences.UNKNOWN_VENDOR.format(vendor=target.vendor))
    family = known[0]
    found = told[family.url.casefold()]
    if found.get("readonly"):
        raise RefusedError(sentences.READ_ONLY.format(key=family.url))
    if family.identity is None and not family.url_has_identity and target.identity != target.our_identity:
        raise RefusedError(sentences.NO_IDENTITY_KEY.format(here=target.our_identity, there=target.identity))
    return {"family": family.name, "before": progress.get("before") or found.get("value")}


def _family(target: Target, progress: Progress) -> VendorKeys:
    return next(each for each in target.families if each.name == progress["family"])


def _settings(target: Target, progress: Progress) -> list[tuple[str, str]]:
    """Keys and values in their order: the address last, since some act on it at once."""
    family = _family(target, progress)
    url = target.url.rstrip("/")
    found = [(family.password, as_written(target.password or "", family.password_form))]
    if family.identity is not None and target.identity != target.our_identity:
        found.append((family.identity, target.identity))
    return [*found, (family.url, f"{url}/{target.identity}" if family.url_has_identity else url)]


def _expect_done(call: Call, answer: Answer) -> None:
    if answer.status not in DONE:
        raise RefusedError(sentences.KEY_REFUSED.format(key=call.payload["key"], status=answer.status))
