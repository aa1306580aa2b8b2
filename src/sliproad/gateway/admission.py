"""Who may open a socket: everything is decided here, from memory, before the 101 (ocpp.md "Connecting", trust G1, G2).

`listener` asks `Admission.decide` for each request. Outcome words are stored with the attempt, and a word for the very mistake;
`charge_points.attempts_sentences` has the sentence for each. What was sent as user or password is never kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from sliproad.gateway.attempt_limits import AttemptLimits
from sliproad.gateway.credential_mistakes import header_mistake, password_mistake, user_mistake
from sliproad.gateway.path_mistakes import VERSIONS, named_in_path, path_mistake
from sliproad.gateway.ports import Identities, KnownChargePoint, Verified
from sliproad.gateway.upgrade_request import OcppPath, UpgradeRequest, parse_basic, parse_path
from sliproad.ocpp.versions import OcppVersion

CHALLENGE = {"WWW-Authenticate": 'Basic realm="OCPP", charset="UTF-8"'}
RETRY_AFTER = {"Retry-After": "300"}
UPGRADE = {"Upgrade": "websocket", "Sec-WebSocket-Version": "13"}


@dataclass(slots=True)
class Refused:
    """An HTTP status instead of the 101, and what to record of it; `record` is False for the n-th of a flood.

    `target` replaces the path to record, where that holds a secret.
    """

    status: int
    outcome: str
    identity: str | None = None
    known: KnownChargePoint | None = None
    headers: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    record: bool = True
    target: str | None = None


@dataclass(slots=True)
class Admitted:
    """A charge point that may open a socket, the version agreed, and the credential that opened (None: profile 0)."""

    known: KnownChargePoint
    version: OcppVersion
    security_profile: int
    verified: Verified | None
    details: dict[str, str]


class Tried(NamedTuple):
    """Who tried what, from where and when."""

    path: OcppPath
    known: KnownChargePoint
    address: str
    now: float


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
            return self._not_websocket(request, path, address, now)
        if path is None or path.identity.lower() in VERSIONS:
            return self._unknown_path(request.target, address, now)
        known = self.identities.find(path.identity)
        if known is None:
            if named_in_path(self.identities, request.target) is not None:
                return self._unknown_path(request.target, address, now)
            return self._unknown(path, address, now)
        if not _belongs(path, known):
            return self._wrong_suffix(path, known, address, now)
        credentials = self._authenticate(request, path, known, address, now, secure=secure)
        if isinstance(credentials, Refused):
            return credentials
        profile, verified = credentials
        version = _agree(request.subprotocols, path, known)
        if version is None:
            offered = ", ".join(request.subprotocols)[:200]
            details = {"offered": offered, "registered_version": known.ocpp_version}
            return Refused(400, "no_common_subprotocol", path.identity, known, details=details)
        details = _details(path, known, version, verified)
        if "//" in request.target.partition("?")[0]:
            details["slashes"] = "doubled"
        return Admitted(known, version, profile, verified, details)

    def _not_websocket(self, request: UpgradeRequest, path: OcppPath | None, address: str, now: float) -> Refused:
        """A plain web request; whose it is, where its path says so."""
        status = 426 if request.method == "GET" else 405
        known = named_in_path(self.identities, request.target)
        identity = known.charge_point_id if known else path.identity if path else None
        refused = Refused(status, "not_websocket", identity, known, headers=UPGRADE)
        refused.details["mistake"] = _upgrade_mistake(request)
        return self._within_limits(refused, address, now)

    def _unknown_path(self, target: str, address: str, now: float) -> Refused:
        known = named_in_path(self.identities, target)
        refused = Refused(404, "unknown_path", known.charge_point_id if known else None, known)
        refused.details["mistake"] = path_mistake(target)
        return self._within_limits(refused, address, now)

    def _wrong_suffix(self, path: OcppPath, known: KnownChargePoint, address: str, now: float) -> Refused:
        """Something stands after the identity that is neither it nor the serial number; a password there is not kept."""
        refused = Refused(404, "wrong_suffix", path.identity, known)
        suffix = path.appended or ""
        if self.identities.verify(known, suffix.encode()) is not None:
            refused.details["mistake"] = "password"
            refused.target = f"/ocpp/{path.identity}/***"
        return self._within_limits(refused, address, now)

    def _within_limits(self, refused: Refused, address: str, now: float) -> Refused:
        """The same answer for ever, but only the first ones of a flood are recorded."""
        tries = self.limits.bad(f"{refused.outcome} {refused.identity}", address, now)
        refused.record = tries <= self.limits.attempts
        return refused

    def _unknown(self, path: OcppPath, address: str, now: float) -> Refused:
        tries = self.limits.bad(path.identity, address, now)
        if tries > self.limits.attempts:
            refused = self._too_many(path, None, tries)
            refused.details = {"behind": "unknown_identity"}
            return refused
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
        tried = Tried(path, known, address, now)
        if authorization is None:
            if self.allow_profile_0:
                return 0, None
            return self._bad(tried, "missing_credentials", dict)
        basic = parse_basic(authorization)
        if basic is None:
            return self._bad(tried, "unreadable_credentials", lambda: {"mistake": header_mistake(authorization)})
        user, password = basic
        verified = self.identities.verify(known, password)
        if user not in {known.charge_point_id, known.serial_number}:
            right = {} if verified is None else {"password": "right"}
            return self._bad(
                tried, "wrong_user", lambda: {"mistake": user_mistake(self.identities, known, user, password), **right}
            )
        if verified is None:
            return self._bad(
                tried, "wrong_password", lambda: {"mistake": password_mistake(self.identities, known, password)}
            )
        self.limits.good(path.identity, address)
        return (2 if secure else 1), verified

    def _bad(self, tried: Tried, outcome: str, details: Callable[[], dict[str, str]]) -> Refused:
        """Refuse; which mistake it was is only looked for where it is recorded."""
        path, known = tried.path, tried.known
        tries = self.limits.bad(path.identity, tried.address, tried.now)
        if tries <= self.limits.attempts:
            return Refused(401, outcome, path.identity, known, headers=CHALLENGE, details=details())
        refused = self._too_many(path, known, tries)
        if refused.record:
            refused.details = {"behind": outcome, **details()}
        return refused

    def _too_many(self, path: OcppPath, known: KnownChargePoint | None, tries: int) -> Refused:
        first = tries == self.limits.attempts + 1
        return Refused(429, "too_many_attempts", path.identity, known, headers=RETRY_AFTER, record=first)


def _belongs(path: OcppPath, known: KnownChargePoint) -> bool:
    return path.appended is None or path.appended in {known.charge_point_id, known.serial_number}


def _upgrade_mistake(request: UpgradeRequest) -> str:
    """Why a request asks for no WebSocket."""
    headers = request.headers
    if "soapaction" in headers or "xml" in headers.get("content-type", ""):
        return "soap"
    if request.method != "GET":
        return "method"
    if "sec-websocket-key" not in headers and "upgrade" not in headers:
        return "plain_get"
    if headers.get("sec-websocket-version", "13").strip() != "13":
        return "websocket_version"
    return "incomplete_upgrade"


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
