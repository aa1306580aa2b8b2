"""How a charge point is asked for its log, and what its statuses mean (pure): OCPP 1.6 §5.9, §4.4, whitepaper §4.6; 2.x N01.

`uploads_service` asks and settles; the file itself counts more than anything that is told about it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sliproad.foundation.clock import rfc3339

UPLOADED_BUT_ABSENT = timedelta(seconds=60)
"""After an `Uploaded` the file has this long to arrive: some tell it while the last bytes are on their way."""
LOG_TYPES = {"diagnostics": "DiagnosticsLog", "security": "SecurityLog"}
CHECK_HTTP = "Check that it can reach our web address from its network, and that it uploads by HTTP."
FAILURES = {
    "UploadFailed": f"The charge point could not upload the file. {CHECK_HTTP}",
    "UploadFailure": f"The charge point could not upload the file. {CHECK_HTTP}",
    "BadMessage": "The charge point did not understand the request for its log.",
    "PermissionDenied": "The charge point says that our address refused the file.",
    "NotSupportedOperation": "The charge point can't upload files to an HTTP address. Fetch its log on site.",
    "AcceptedCanceled": "The charge point dropped this upload for a newer request.",
}


@dataclass(frozen=True, slots=True)
class LogRequest:
    """What is asked for. `url` is ours; times bound the entries of the log."""

    log_type: str
    url: str
    request_id: int
    oldest_at: datetime | None
    latest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a request stands: `status` is `pending`, `uploading`, `uploaded` or `failed`; `detail` says it in a sentence."""

    status: str
    detail: str

    @property
    def is_finished(self) -> bool:
        return self.status in {"uploaded", "failed"}


def call(*, is_2x: bool, request: LogRequest) -> tuple[str, dict[str, Any]]:
    """Action and payload. 1.6 has GetDiagnostics for diagnostics, and the security extension's GetLog for the security log."""
    if not is_2x and request.log_type == "diagnostics":
        times = {"startTime": request.oldest_at, "stopTime": request.latest_at}
        return "GetDiagnostics", {"location": request.url} | _told(times)
    times = {"oldestTimestamp": request.oldest_at, "latestTimestamp": request.latest_at}
    log = {"remoteLocation": request.url} | _told(times)
    return "GetLog", {"logType": LOG_TYPES[request.log_type], "requestId": request.request_id, "log": log}


def notification_kind(action: str) -> str:
    """Under which kind the statuses of this request are kept."""
    return "diagnostics" if action == "GetDiagnostics" else "log"


def answered(action: str, payload: dict[str, Any]) -> tuple[Standing, str | None]:
    """What the charge point's answer means, and the file's name where it tells one."""
    if action == "GetDiagnostics":
        name = payload.get("fileName")
        if not name:
            return Standing("failed", "The charge point has no diagnostics to upload."), None
    else:
        name = payload.get("filename")
        if payload["status"] == "Rejected":
            return Standing("failed", f"The charge point refused the request for its log{_reason(payload)}."), None
    return Standing("pending", "The charge point accepted; it has not begun to upload yet."), name


def refused(action: str, code: str, description: str | None) -> Standing:
    """The charge point answered with a CALLERROR."""
    if code in {"NotSupported", "NotImplemented"}:
        return Standing("failed", f"The charge point does not know {action}. Fetch its log on site.")
    told = f": {description}" if description else ""
    return Standing("failed", f"The charge point answered {action} with the error {code}{told}")


def settle(
    before: Standing, told: Sequence[tuple[str, datetime]], *, is_arriving: bool, gives_up_at: datetime, now: datetime
) -> Standing:
    """Where a request without a file stands after these statuses; `is_arriving` while bytes come in."""
    if before.is_finished:
        return before
    if is_arriving:
        return Standing("uploading", "The file is arriving.")
    words = [(status, at) for status, at in told if status != "Idle"]
    status, at = words[-1] if words else ("", now)
    if status in FAILURES:
        return Standing("failed", FAILURES[status])
    if status == "Uploaded" and now - at >= UPLOADED_BUT_ABSENT:
        return Standing(
            "failed",
            "The charge point says that it uploaded the file, but nothing arrived here. It may have sent it elsewhere.",
        )
    if now >= gives_up_at:
        began = "began to upload its log but never finished" if words else "accepted but never uploaded a file"
        return Standing("failed", f"The charge point {began}. {CHECK_HTTP}")
    if words:
        return Standing("uploading", "The charge point says that it is uploading.")
    return before


def _told(times: dict[str, datetime | None]) -> dict[str, str]:
    return {name: rfc3339(at) for name, at in times.items() if at is not None}


def _reason(payload: dict[str, Any]) -> str:
    info = payload.get("statusInfo") or {}
    reason = info.get("additionalInfo") or info.get("reasonCode")
    return f": {reason}" if reason else ""
