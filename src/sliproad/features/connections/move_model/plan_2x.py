"""The CALLs of a move over OCPP 2.0.1 and 2.1 (B09, B10, M05, A01, B11): what is still to be said, and what an answer means.

2.1 keeps identity and password in the network profile, so ours stay as they are; in 2.0.1 both servers share SecurityCtrlr's.
"""

from typing import Any

from sliproad.features.connections.move_model import certificates, sentences
from sliproad.features.connections.move_model.parts import Answer, Call, Payload, Progress, RefusedError, Target

MOST_URL = {"2.0.1": 512, "2.1": 2000}
MOST_CERTIFICATE = {"2.0.1": 5500, "2.1": 10_000}
SLOTS = (1, 2, 3, 0)
INTERFACES = {"2.0.1": ("Wired0", "Wireless0"), "2.1": ("Any", "Wired0", "Wireless0")}
RESETS = ("OnIdle", "Immediate")
MESSAGE_TIMEOUT_SECONDS = 30
PRIORITY = ("OCPPCommCtrlr", "NetworkConfigurationPriority")
ACTIVE = ("OCPPCommCtrlr", "ActiveNetworkProfile")
PASSWORD = ("SecurityCtrlr", "BasicAuthPassword")
DONE = {"Accepted", "RebootRequired"}


def refusal(target: Target) -> str | None:
    """Why a charge point of this version can't be moved there by wire, known before anything is sent."""
    most = MOST_URL[target.version]
    if len(target.url) > most:
        return sentences.URL_TOO_LONG.format(version=target.version, most=most)
    if target.version == "2.0.1" and target.identity != target.our_identity:
        return sentences.NO_IDENTITY_KEY.format(here=target.our_identity, there=target.identity)
    if any(len(pem) > MOST_CERTIFICATE[target.version] for pem in target.certificates):
        return sentences.CERTIFICATE_TOO_LONG.format(version=target.version, most=MOST_CERTIFICATE[target.version])
    return None


def next_call(target: Target, progress: Progress) -> Call | None:
    """What is to be said next; None when all of it was accepted, the restart too."""
    if "priority" not in progress:
        return Call("GetVariables", {"getVariableData": [_variable(*PRIORITY), _variable(*ACTIVE)]})
    if target.certificates and "installed" not in progress:
        return Call("GetInstalledCertificateIds", {"certificateType": ["CSMSRootCertificate"]})
    for pem in target.certificates:
        if certificates.fingerprint(pem) not in progress["installed"]:
            return Call("InstallCertificate", {"certificateType": "CSMSRootCertificate", "certificate": pem})
    if "slot" not in progress:
        return _profile_call(target, progress)
    if target.version == "2.0.1" and not progress.get("shares_password"):
        return _set(*PASSWORD, target.password or "")
    if not progress.get("prioritised"):
        return _set(*PRIORITY, ",".join([str(progress["slot"]), *_others(progress)]))
    if "reset" not in progress:
        return Call("Reset", {"type": RESETS[progress.get("resets_refused", 0)]})
    return None


def next_restoring(target: Target, progress: Progress) -> Call | None:
    """What is to be said to one that came back, until everything is as it was."""
    if progress.get("prioritised"):
        return _set(*PRIORITY, progress["before"])
    if progress.get("shares_password"):
        return _set(*PASSWORD, target.own_password or "")
    return None


def taken(target: Target, progress: Progress, call: Call, answer: Answer) -> dict[str, Any]:
    """The progress after the answer to `call`. Raises RefusedError with the sentence."""
    match call.action:
        case "GetVariables":
            return {**progress, **_looked(progress, answer)}
        case "GetInstalledCertificateIds":
            told = [each.get("certificateHashData", {}) for each in answer.payload.get("certificateHashDataChain", [])]
            there = [certificates.fingerprint(pem) for pem in target.certificates if certificates.is_among(pem, told)]
            return {**progress, "installed": there}
        case "InstallCertificate":
            _expect(answer.status == "Accepted", sentences.CERTIFICATE_REFUSED, status=answer.status)
            print_of_it = certificates.fingerprint(call.payload["certificate"])
            return {**progress, "installed": [*progress["installed"], print_of_it]}
        case "SetNetworkProfile":
            return {**progress, **_profiled(target, progress, call, answer)}
        case "Reset":
            return {**progress, **_reset(progress, call, answer)}
        case _:
            return {**progress, **_set_answer(call, answer)}


def restored(_target: Target, progress: Progress, call: Call, answer: Answer) -> dict[str, Any]:
    """The progress after the answer to a CALL of `next_restoring`. Raises RefusedError."""
    is_priority = _name_of(call) == PRIORITY[1]
    refused = sentences.PRIORITY_REFUSED if is_priority else sentences.PASSWORD_REFUSED
    _expect(_set_status(answer) in DONE, refused, status=_set_status(answer))
    done = "prioritised" if is_priority else "shares_password"
    return {name: value for name, value in progress.items() if name != done}


def carries_password(_target: Target, _progress: Progress, call: Call) -> bool:
    """Whether the charge point's password for us changes with this CALL: 2.1 never does that here."""
    return call.action == "SetVariables" and _name_of(call) == PASSWORD[1]


def _profile_call(target: Target, progress: Progress) -> Call:
    slot, interface = _offers(target, progress)[progress.get("profiles_refused", 0)]
    connection: Payload = {
        "ocppTransport": "JSON",
        "ocppCsmsUrl": target.url.rstrip("/"),
        "messageTimeout": MESSAGE_TIMEOUT_SECONDS,
        "securityProfile": 2 if target.is_secure else 1,
        "ocppInterface": interface,
    }
    if target.version == "2.0.1":
        connection["ocppVersion"] = "OCPP20"  # the enumeration of 2.0.1 has no other word for itself
    else:
        connection |= {"identity": target.identity, "basicAuthPassword": target.password}
    return Call("SetNetworkProfile", {"configurationSlot": slot, "connectionData": connection})


def _offers(target: Target, progress: Progress) -> list[tuple[int, str]]:
    """Slots and interfaces to try: never the active slot, nor one that is in the order of priority (B09.FR.05)."""
    busy = {progress.get("active"), *progress["priority"].split(","), *progress["before"].split(",")}
    free = [slot for slot in SLOTS if str(slot) not in busy]
    return [(slot, interface) for slot in free for interface in INTERFACES[target.version]]


def _others(progress: Progress) -> list[str]:
    slot = str(progress["slot"])
    return [each.strip() for each in progress["before"].split(",") if each.strip() and each.strip() != slot]


def _looked(progress: Progress, answer: Answer) -> dict[str, Any]:
    results = answer.payload.get("getVariableResult", [])
    values = {each["variable"]["name"]: each for each in results}
    priority = values.get(PRIORITY[1], {"attributeStatus": answer.status or "no answer"})
    value = str(priority.get("attributeValue", "")).replace(" ", "")
    _expect(bool(value), sentences.NO_PRIORITY, status=priority["attributeStatus"])
    active = values.get(ACTIVE[1], {}).get("attributeValue")
    return {"priority": value, "before": progress.get("before", value), "active": active}


def _profiled(target: Target, progress: Progress, call: Call, answer: Answer) -> dict[str, Any]:
    if answer.status == "Accepted":
        return {"slot": call.payload["configurationSlot"]}
    refused = progress.get("profiles_refused", 0) + 1
    _expect(refused < len(_offers(target, progress)), sentences.NO_SLOT, status=answer.status)
    return {"profiles_refused": refused}


def _reset(progress: Progress, call: Call, answer: Answer) -> dict[str, Any]:
    if answer.status in {"Accepted", "Scheduled"}:
        return {"reset": call.payload["type"], "is_scheduled": answer.status == "Scheduled"}
    refused = progress.get("resets_refused", 0) + 1
    _expect(refused < len(RESETS), sentences.RESET_REFUSED, status=answer.status)
    return {"resets_refused": refused}


def _set_answer(call: Call, answer: Answer) -> dict[str, Any]:
    status = _set_status(answer)
    if _name_of(call) == PASSWORD[1]:
        _expect(status in DONE, sentences.PASSWORD_REFUSED, status=status)
        return {"shares_password": True}
    _expect(status in DONE, sentences.PRIORITY_REFUSED, status=status)
    return {"prioritised": True}


def _set_status(answer: Answer) -> str:
    results = answer.payload.get("setVariableResult", [])
    return str(results[0]["attributeStatus"]) if results else answer.status


def _name_of(call: Call) -> str:
    return str(call.payload["setVariableData"][0]["variable"]["name"])


def _variable(component: str, name: str) -> Payload:
    return {"component": {"name": component}, "variable": {"name": name}}


def _set(component: str, name: str, value: str) -> Call:
    return Call("SetVariables", {"setVariableData": [{**_variable(component, name), "attributeValue": value}]})


def _expect(holds: bool, sentence: str, **words: str) -> None:
    if not holds:
        raise RefusedError(sentence.format(**words))
