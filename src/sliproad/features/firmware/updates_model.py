"""How a charge point is told to update its firmware, and what its statuses mean (pure).

OCPP 1.6 §5.19, §4.5, whitepaper §4.1, §4.2; 2.x L01, L02. `updates_service` asks and settles. `Installed` is only what the charge
point says; the proof is a boot with the new version.
"""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sliproad.foundation.clock import rfc3339

NOTIFICATION_KIND = "firmware"
WORK = frozenset({"Installing", "InstallRebooting", "Installed"})
STAGES = {
    "DownloadScheduled": ("requested", "The charge point will download the firmware at the time that was set."),
    "Downloading": ("downloading", "The charge point is downloading the firmware."),
    "DownloadPaused": ("downloading", "The charge point has paused the download."),
    "Downloaded": ("downloaded", "The charge point has downloaded the firmware."),
    "SignatureVerified": ("downloaded", "The charge point has verified the signature of the firmware."),
    "InstallScheduled": ("downloaded", "The charge point will install the firmware when it may."),
    "Installing": ("installing", "The charge point is installing the firmware."),
    "InstallRebooting": ("installing", "The charge point is rebooting to install the firmware."),
    "Installed": ("installing", "The charge point says that it has installed the firmware; its boot has to prove it."),
}
FAILURES = {
    "DownloadFailed": "The charge point could not download the firmware. Check that it can reach the address from its network.",
    "InstallationFailed": "The charge point downloaded the firmware but could not install it. Check that it is for this model.",
    "InstallVerificationFailed": "The charge point installed the firmware but found it damaged and did not keep it.",
    "InvalidSignature": "The charge point refused the firmware: its signature is not valid for the signing certificate.",
}
REFUSALS = {
    "Rejected": "The charge point refused the update",
    "InvalidCertificate": "The charge point does not trust the signing certificate",
    "RevokedCertificate": "The charge point says that the signing certificate is revoked",
}
STOPPED_AT = {
    "requested": "accepted the update but never began to download",
    "downloading": "began to download the firmware but never finished",
    "downloaded": "downloaded the firmware but never installed it",
    "installing": "began to install the firmware but never booted with it",
}


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """What is asked for. `location` is ours, or the library's URL; signature and certificate come together or not at all."""

    location: str
    request_id: int
    retrieve_at: datetime
    signature: str | None
    signing_certificate: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an update stands, and why in a sentence. `proven_version` is what the boot that proved it said."""

    state: str
    detail: str
    proven_version: str | None = None

    @property
    def is_finished(self) -> bool:
        return self.state in {"installed", "failed"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What would prove an update, and how long it may take.

    After an `Installed` the charge point has `wrong_boot` to boot with the new version, having booted with another.
    """

    version: str
    from_version: str | None
    called_at: datetime
    gives_up_at: datetime
    wrong_boot: timedelta


@dataclass(frozen=True, slots=True)
class Seen:
    """What was told since the CALL, oldest first, and the last boot."""

    told: Sequence[tuple[str, datetime]]
    booted_at: datetime | None
    boot_version: str | None


def call(*, is_2x: bool, request: UpdateRequest) -> tuple[str, dict[str, Any]]:
    """Action and payload: UpdateFirmware, or the security extension's SignedUpdateFirmware for signed firmware in 1.6."""
    retrieve_at = rfc3339(request.retrieve_at)
    if not is_2x and request.signature is None:
        return "UpdateFirmware", {"location": request.location, "retrieveDate": retrieve_at}
    firmware = {"location": request.location, "retrieveDateTime": retrieve_at}
    if request.signature is not None and request.signing_certificate is not None:
        firmware |= {"signature": request.signature, "signingCertificate": request.signing_certificate}
    action = "UpdateFirmware" if is_2x else "SignedUpdateFirmware"
    return action, {"requestId": request.request_id, "firmware": firmware}


def answered(payload: dict[str, Any]) -> Standing:
    """What the charge point's answer means; 1.6's UpdateFirmware answers nothing at all."""
    status = payload.get("status", "Accepted")
    if status in REFUSALS:
        info = payload.get("statusInfo") or {}
        reason = info.get("additionalInfo") or info.get("reasonCode")
        return Standing("failed", REFUSALS[status] + (f": {reason}" if reason else "") + ".")
    return Standing("requested", "The charge point accepted; it has not begun to download yet.")


def refused(action: str, code: str, description: str | None) -> Standing:
    """The charge point answered with a CALLERROR."""
    if code in {"NotSupported", "NotImplemented"}:
        signed = (
            " It does not take signed firmware; add it without its signature." if action.startswith("Signed") else ""
        )
        return Standing("failed", f"The charge point does not know {action}.{signed}")
    told = f": {description}" if description else ""
    return Standing("failed", f"The charge point answered {action} with the error {code}{told}")


def settle(wanted: Wanted, before: Standing, seen: Seen, now: datetime) -> Standing:
    """Where an update stands after what was seen since its CALL."""
    if before.is_finished:
        return before
    has_booted = seen.booted_at is not None and seen.booted_at > wanted.called_at
    words = [(status, at) for status, at in seen.told if status in STAGES or status in FAILURES]
    status, at = words[-1] if words else ("", now)
    has_worked = any(word in WORK for word, _ in words)
    if has_booted and seen.boot_version == wanted.version and (has_worked or wanted.version != wanted.from_version):
        return Standing("installed", f"The charge point booted with firmware {wanted.version}.", seen.boot_version)
    if status in FAILURES:
        return Standing("failed", FAILURES[status])
    if status == "Installed" and has_booted and now - at >= wanted.wrong_boot:
        told = f"it booted with {seen.boot_version}, not {wanted.version}"
        return Standing("failed", f"The charge point says that the firmware is installed, but {told}.")
    after = Standing(*STAGES[status]) if words else before
    if now >= wanted.gives_up_at:
        return Standing("failed", f"The charge point {STOPPED_AT[after.state]} in time.")
    return after


def fits(vendor: str, models: Sequence[str], *, of_vendor: str, of_model: str) -> bool:
    """Whether firmware is meant for a charge point: vendor regardless of case, model by patterns with `*` and `?`."""
    model = of_model.casefold()
    return vendor.casefold() == of_vendor.casefold() and any(
        fnmatch.fnmatchcase(model, pattern.casefold()) for pattern in models
    )
