"""The operator's CALLs: what may go to the charge point, and how the rest is refused in the words of its own message.

Refused is what would take the charge point away from us or lock us out: its connection, passwords, certificates of the link. While a
technician's commissioning session runs, what starts, stops, resets or sets is refused too: someone's hands are in the charger.
OPER's DualProtocol has both back ends served; contract §5, 1.6 §5, security whitepaper; 2.x A01-A02, B05-B10, F06, M03-M05.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sliproad.ocpp.errors import CallRefused, ErrorCode
from sliproad.ocpp.secret_settings import is_secret

Payload = dict[str, Any]

CONNECTION = "The connection and credentials of this charge point are kept by its platform."
COMMISSIONING = "A technician is commissioning this charge point."
UNKNOWN_TRANSACTION = "This transaction id is not known here."
_REJECTED: Payload = {"status": "Rejected"}
_OTHER_REFUSALS = {"UnlockConnector": {"status": "UnlockFailed"}, "DeleteCertificate": {"status": "Failed"}}
_WITHOUT_STATUS = frozenset({"UpdateFirmware", "GetDiagnostics", "GetConfiguration"})
"""1.6: their answers can't refuse."""
_NEVER = frozenset({"SetNetworkProfile", "CertificateSigned", "DeleteCertificate"})
_LINK_ROOTS = frozenset({"CentralSystemRootCertificate", "CSMSRootCertificate"})
_LINK_CERTIFICATES = frozenset(
    {
        "SignChargePointCertificate",
        "SignChargingStationCertificate",
        "SignCombinedCertificate",
        "SignV2GCertificate",
        "SignV2G20Certificate",
    }
)
_NOT_NOW = frozenset(
    {
        "CancelReservation",
        "ChangeAvailability",
        "ChangeConfiguration",
        "RemoteStartTransaction",
        "RemoteStopTransaction",
        "RequestStartTransaction",
        "RequestStopTransaction",
        "ReserveNow",
        "Reset",
        "SetChargingProfile",
        "SignedUpdateFirmware",
        "UnlockConnector",
        "UpdateFirmware",
    }
)
_SECURITY_16 = frozenset({"authorizationkey", "securityprofile", "cponame", "additionalrootcertificatecheck"})
_SECURITY_2X = {
    "securityctrlr": frozenset(
        {
            "additionalrootcertificatecheck",
            "basicauthpassword",
            "certsigningrepeattimes",
            "certsigningwaitminimum",
            "identity",
            "organizationname",
            "securityprofile",
        }
    ),
    "ocppcommctrlr": frozenset({"networkconfigurationpriority", "networkprofileconnectionattempts"}),
}
_NETWORK_COMPONENT = "networkconfiguration"
"""2.1: a component whose every variable is a part of a network profile."""
_BACK_END = re.compile(r"(server|back.?end|csms|central.?system|ocpp).*(url|uri|host|address|endpoint|port)$")
"""Vendors' keys for the address of the back end, such as `G_ServerURL` and `CentralSystemAddress`."""


def _as_it_is(answer: Payload) -> Payload:
    return answer


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a CALL: `passed` goes to the charge point, or `answer` is given at once; `reason` where anything was refused."""

    passed: Payload | None = None
    answer: Payload | None = None
    reason: str | None = None
    merged: Callable[[Payload], Payload] = _as_it_is
    """Makes the answer of the charge point the one to the whole CALL."""


def verdict(action: str, payload: Payload, *, is_2x: bool, is_commissioning: bool) -> Verdict:
    """What becomes of the operator's CALL, whose payload is valid.

    Raises:
        CallRefused: it is refused and its answer has no word for that.
    """
    if is_commissioning and action in _NOT_NOW:
        return Verdict(answer=refusal(action, COMMISSIONING, is_2x=is_2x), reason=COMMISSIONING)
    if action == "SetVariables":
        return _set_variables(payload, COMMISSIONING if is_commissioning else None)
    if action in _NEVER or _is_about_the_link(action, payload):
        return Verdict(answer=refusal(action, CONNECTION, is_2x=is_2x), reason=CONNECTION)
    return Verdict(passed=payload)


def refusal(action: str, reason: str, *, is_2x: bool) -> Payload:
    """The answer that refuses `action` in its own words.

    Raises:
        CallRefused: its answer has none.
    """
    if not is_2x and action in _WITHOUT_STATUS:
        raise CallRefused(ErrorCode.GENERIC_ERROR, reason)
    answer = _OTHER_REFUSALS.get(action, _REJECTED)
    return answer | {"statusInfo": _status_info(reason)} if is_2x else answer


def is_protected_key(key: str) -> bool:
    """1.6: whether this configuration key is the platform's own."""
    name = key.lower()
    return name in _SECURITY_16 or is_secret(key) or _BACK_END.search(name) is not None


def is_protected_variable(component: str, variable: str) -> bool:
    """2.x: whether this variable is the platform's own."""
    place, name = component.lower(), variable.lower()
    if place == _NETWORK_COMPONENT or name in _SECURITY_2X.get(place, ()):
        return True
    return is_secret(variable) or _BACK_END.search(name) is not None


def _is_about_the_link(action: str, payload: Payload) -> bool:
    if action == "ChangeConfiguration":
        return is_protected_key(payload["key"])
    if action == "InstallCertificate":
        return payload["certificateType"] in _LINK_ROOTS
    return action in {"TriggerMessage", "ExtendedTriggerMessage"} and payload["requestedMessage"] in _LINK_CERTIFICATES


def _set_variables(payload: Payload, not_now: str | None) -> Verdict:
    """Each variable is refused or passed by itself; the results go back in the order that was asked (2.x B05)."""
    asked = payload["setVariableData"]
    refused = {
        place: _result(each, not_now or CONNECTION)
        for place, each in enumerate(asked)
        if not_now or is_protected_variable(each["component"]["name"], each["variable"]["name"])
    }
    if not refused:
        return Verdict(passed=payload)
    reason = not_now or CONNECTION
    if len(refused) == len(asked):
        return Verdict(answer={"setVariableResult": list(refused.values())}, reason=reason)

    def merged(answer: Payload) -> Payload:
        said = iter(answer["setVariableResult"])
        places = (refused[place] if place in refused else next(said, None) for place in range(len(asked)))
        return answer | {"setVariableResult": [each for each in places if each is not None]}

    passed = payload | {"setVariableData": [each for place, each in enumerate(asked) if place not in refused]}
    return Verdict(passed=passed, reason=reason, merged=merged)


def _result(asked: Payload, reason: str) -> Payload:
    result = {"attributeStatus": "Rejected", "component": asked["component"], "variable": asked["variable"]}
    if "attributeType" in asked:
        result["attributeType"] = asked["attributeType"]
    return result | {"attributeStatusInfo": _status_info(reason)}


def _status_info(reason: str) -> Payload:
    return {"reasonCode": "NotEnabled", "additionalInfo": reason}
