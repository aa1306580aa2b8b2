"""Who may open a socket: everything is decided here, from memory, before the 101 (ocpp.md "Connecting", trust G1, G2).

`listener` asks `Admission.decide` for each request. Outcome words are stored with the attempt; `charge_points.attempts` has the
sentence for each.
"""

from dataclasses import dataclass, field

from sliproad.gateway.attempt_limits import AttemptLimits
from sliproad.gateway.ports import Identities, KnownChargePoint, Verified
from sliproad.gateway.upgrade_request import OcppPath, UpgradeRequest, parse_basic, parse_path
from sliproad.ocpp.versions import OcppVersion

CHALLENGE = {"WWW-Authenticate": 'Basic realm="OCPP", charset="UTF-8"'}
RETRY_AFTER = {"Retry-After": "300"}
UPGRADE = {"Upgrade": "websocket", "Sec-WebSocket-Version": "13"}


@dataclass(slots=True)
class Refused:
    """An HTTP status instead of the 101, and what to record of it; `record` is False for the n-th of a flood."""

    status: int
    outcome: str
    identity: str | None = None
    known: KnownChargePoint | None = None
    headers: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    record: bool = True


@dataclass(slots=True)
class Admitted:
    """A charge point that may open a socket, the version agreed, and the credential that opened (None: profile 0)."""

    known: KnownChargePoint
    version: OcppVersion
    security_profile: int
    verified: Verified | None
    details: dict[str, str]


class Admission:
    """The rules of one gateway."""

    def __init__(self, identities: Identities, limits: AttemptLimits, *, allow_profile_0: bool = False) -> None:
        self.identities = identities
        self.limits = limits
        self.allow_profile_0 = allow_profile_0

    def decide(self, request: UpgradeRequest, address: str, now: float, *, secure: bool) -> Admitted | Refused:
        """Admit or refuse; `now` is monotonic seconds, `secure` tells whether the socket is TLS."""
        path = parse_path(request.target)
        if not request.is_websocket:
            status = 426 if request.method == "GET" else 405
            return Refused(status, "not_websocket", path.identity if path else None, headers=UPGRADE)
        if path is None:
            return Refused(404, "unknown_path")
        known = self.identities.find(path.identity)
        if known is None or not _belongs(path, known):
            return self._unknown(path, address, now)
        credentials = self._authenticate(request, path, known, address, now, secure=secure)
        if isinstance(credentials, Refused):
            return credentials
        profile, verified = credentials
        version = _agree(request.subprotocols, path, known)
        if version is None:
            offered = ", ".join(request.subprotocols)[:200]
            details = {"offered": offered, "registered_version": known.ocpp_version}
            return Refused(400, "no_common_subprotocol", path.identity, known, details=details)
        return Admitted(known, version, profile, verified, _details(path, known, version, verified))

    def _unknown(self, path: OcppPath, address: str, now: float) -> Refused:
        tries = self.limits.bad(path.identity, address, now)
        if tries > self.limits.attempts:
            return self._too_many(path, None, tries)
        return Refused(404, "unknown_identity", path.identity)

    def _authenticate(
        self,
        request: UpgradeRequest,
        path: OcppPath,
        known: KnownChargePoint,
        address: str,
        now: float,
        *,
        secure: bool,
    ) -> tuple[int, Verified | None] | Refused:
        """The security profile and the credential: Basic, user = identity or serial (A00.FR.204, A00.FR.205)."""
        authorization = request.headers.get("authorization")
        if authorization is None:
            if self.allow_profile_0:
                return 0, None
            return self._bad(path, known, address, now, "missing_credentials")
        basic = parse_basic(authorization)
        if basic is None:
            return self._bad(path, known, address, now, "unreadable_credentials")
        user, password = basic
        verified = self.identities.verify(known, password)
        if user not in {known.charge_point_id, known.serial_number}:
            return self._bad(path, known, address, now, "wrong_user")
        if verified is None:
            return self._bad(path, known, address, now, "wrong_password")
        self.limits.good(path.identity, address)
        return (2 if secure else 1), verified

    def _bad(self, path: OcppPath, known: KnownChargePoint, address: str, now: float, outcome: str) -> Refused:
        tries = self.limits.bad(path.identity, address, now)
        if tries > self.limits.attempts:
            return self._too_many(path, known, tries)
        return Refused(401, outcome, path.identity, known, headers=CHALLENGE)

    def _too_many(self, path: OcppPath, known: KnownChargePoint | None, tries: int) -> Refused:
        first = tries == self.limits.attempts + 1
        return Refused(429, "too_many_attempts", path.identity, known, headers=RETRY_AFTER, record=first)


def _belongs(path: OcppPath, known: KnownChargePoint) -> bool:
    return path.appended is None or path.appended in {known.charge_point_id, known.serial_number}


def _agree(offered: list[str], path: OcppPath, known: KnownChargePoint) -> OcppVersion | None:
    """The version both speak: the registered one before the path's before the client's own order."""
    for wanted in (known.ocpp_version, path.version):
        if wanted and OcppVersion(wanted).subprotocol in offered:
            return OcppVersion(wanted)
    return next((version for name in offered if (version := OcppVersion.from_subprotocol(name))), None)


def _details(
    path: OcppPath, known: KnownChargePoint, version: OcppVersion, verified: Verified | None
) -> dict[str, str]:
    """What is worth telling a technician about an attempt that succeeded."""
    details = {"version": str(version)}
    if version != known.ocpp_version:
        details["registered_version"] = known.ocpp_version
    if path.appended is not None:
        details["appended"] = "serial_number" if path.appended != known.charge_point_id else "identity"
    if verified is not None and verified.form != "plain":
        details["password_form"] = verified.form
    return details
