"""The course of a native move, rule by rule, with charge points that answer as they should and as they do."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from certificates import Authority
from sliproad.features.connections.move_model import certificates, course, sentences
from sliproad.features.connections.move_model.course import Decision
from sliproad.features.connections.move_model.parts import Answer, Call, Move, Situation, Target
from sliproad.features.connections.move_model.passwords import as_written, password_error
from sliproad.features.connections.move_model.vendor_keys import VENDOR_KEYS, VendorKeys, candidates, read_vendor_keys
from sliproad.ocpp.validation import validate_call
from sliproad.ocpp.versions import OcppVersion

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
WINDOW = dt.timedelta(minutes=15)
HERE = Situation(NOW, is_connected=True, epoch=7, is_wanted=True)
PASSWORD = "operators-password-1"
VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])


def target(version: str, **changes: Any) -> Target:
    facts: dict[str, Any] = {
        "version": version,
        "url": "ws://operator.example/ocpp",
        "identity": "cp_1",
        "password": PASSWORD,
        "certificates": (),
        "our_identity": "cp_1",
        "our_url": "wss://sliproad.example/ocpp/1.6",
        "vendor": "MicroOcpp",
        "own_password": "a-password-of-our-own",
    }
    return Target(**facts | changes)


class Charger:
    """Answers as a charge point does; `refuses` gives other answers by action, or by the key or variable that is written."""

    def __init__(self, **refuses: Answer) -> None:
        self.refuses = refuses
        self.heard: list[Call] = []

    def answer(self, call: Call) -> Answer:
        self.heard.append(call)
        name = call.payload.get("key")
        if call.action == "SetVariables":
            name = call.payload["setVariableData"][0]["variable"]["name"]
        if (other := self.refuses.get(str(name)) or self.refuses.get(call.action)) is not None:
            return other
        return Answer("result", self._payload(call))

    @staticmethod
    def _payload(call: Call) -> dict[str, Any]:
        match call.action:
            case "GetVariables":
                results = [variable("NetworkConfigurationPriority", "0"), variable("ActiveNetworkProfile", "0")]
                return {"getVariableResult": results}
            case "GetConfiguration":
                return {"configurationKey": [{"key": "cst_backendurl", "readonly": False, "value": "wss://old/ocpp"}]}
            case "SetVariables":
                return {"setVariableResult": [{"attributeStatus": "RebootRequired"}]}
            case "GetInstalledCertificateIds":
                return {"status": "NotFound"}
            case _:
                return {"status": "Accepted"}

    @property
    def actions(self) -> list[str]:
        return [call.action for call in self.heard]


def variable(name: str, value: str) -> dict[str, Any]:
    return {"attributeStatus": "Accepted", "attributeValue": value, "variable": {"name": name}}


def drive(
    where: Target,
    charger: Charger,
    move: Move | None = None,
    at: Situation = HERE,
    until: Callable[[Decision], bool] = lambda _decision: False,
) -> tuple[Move, list[tuple[str, str | None]]]:
    """Go on until there is nothing to do at once; the move then, and the states that were told."""
    move, told = move or Move(course.BEGIN, NOW), []
    while True:
        decision = course.decide(move, where, at, WINDOW)
        if decision.call is not None:
            validate_call(OcppVersion(where.version), decision.call.action, decision.call.payload)
            told += [decision.state] if decision.state else []
            decision = course.taken(decision.move, where, decision.call, charger.answer(decision.call), at)
        move = decision.move
        told += [decision.state] if decision.state else []
        if not decision.again or until(decision):
            return move, told


def later(seconds: float = 0, *, connected: bool = False, epoch: int = 7, wanted: bool = True) -> Situation:
    return Situation(NOW + dt.timedelta(seconds=seconds), connected, epoch, wanted)


@pytest.mark.parametrize(
    ("version", "actions"),
    [
        ("1.6", ["GetConfiguration", "ChangeConfiguration", "ChangeConfiguration", "Reset"]),
        ("2.0.1", ["GetVariables", "SetNetworkProfile", "SetVariables", "SetVariables", "Reset"]),
        ("2.1", ["GetVariables", "SetNetworkProfile", "SetVariables", "Reset"]),
    ],
)
def test_what_a_charge_point_is_told(version: str, actions: list[str]) -> None:
    charger = Charger()
    move, told = drive(target(version), charger)
    assert charger.actions == actions
    assert (move.step, told) == (course.LEAVING, [("connecting", None)])
    assert PASSWORD not in str(move.progress), "no secret is kept in the row"


@VERSIONS
def test_the_operators_profile_comes_first_and_ours_stays_behind_it(version: str) -> None:
    charger = Charger()
    drive(target(version), charger)
    if version == "1.6":
        assert charger.heard[1:3] == [
            Call("ChangeConfiguration", {"key": "AuthorizationKey", "value": PASSWORD}),
            Call("ChangeConfiguration", {"key": "Cst_BackendUrl", "value": "ws://operator.example/ocpp"}),
        ]
        return
    profile = charger.heard[1].payload
    assert profile["configurationSlot"] == 1, "never the slot that is in use"
    assert profile["connectionData"]["ocppCsmsUrl"] == "ws://operator.example/ocpp"
    assert profile["connectionData"].get("basicAuthPassword") == (PASSWORD if version == "2.1" else None)
    [order] = charger.heard[-2].payload["setVariableData"]
    assert order["attributeValue"] == "1,0"


@VERSIONS
def test_a_certificate_is_installed_only_where_it_is_missing(version: str) -> None:
    pem = Authority(begins=NOW).pem
    secure = target(version, url="wss://operator.example/ocpp", certificates=(pem,))
    charger = Charger()
    drive(secure, charger)
    assert charger.actions.count("InstallCertificate") == 1
    told = {"certificateHashData": installed(pem), "certificateType": "CSMSRootCertificate"}
    lists = {"certificateHashData": [installed(pem)]} if version == "1.6" else {"certificateHashDataChain": [told]}
    knows = Charger(GetInstalledCertificateIds=Answer("result", {"status": "Accepted", **lists}))
    move, _ = drive(secure, knows)
    assert "InstallCertificate" not in knows.actions
    assert move.step == course.LEAVING


def installed(pem: str) -> dict[str, str]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    certificate = x509.load_pem_x509_certificate(pem.encode())
    digest = hashes.Hash(hashes.SHA256())
    digest.update(certificate.issuer.public_bytes())
    return {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": digest.finalize().hex().upper(),
        "issuerKeyHash": "00",
        "serialNumber": f"0{certificate.serial_number:X}",
    }


def test_fingerprints_are_what_people_compare() -> None:
    pem = Authority(begins=NOW).pem
    assert len(certificates.fingerprint(pem)) == 95
    assert certificates.split(f"{pem}\n{pem}") == (pem.strip(), pem.strip())


# ---------------------------------------------------------------------- what charge points refuse


REJECTED = Answer("result", {"status": "Rejected"})
UNKNOWN = Answer("error", code="NotSupported")
NOT_SET = Answer("result", {"setVariableResult": [{"attributeStatus": "Rejected"}]})
READ_ONLY = Answer(
    "result", {"configurationKey": [{"key": "Cst_BackendUrl", "readonly": True, "value": "wss://old/ocpp"}]}
)


@pytest.mark.parametrize(
    ("version", "refuses", "sentence"),
    [
        ("1.6", {"GetConfiguration": UNKNOWN}, sentences.UNKNOWN_VENDOR.format(vendor="MicroOcpp")),
        ("1.6", {"GetConfiguration": READ_ONLY}, sentences.READ_ONLY.format(key="Cst_BackendUrl")),
        (
            "1.6",
            {"AuthorizationKey": REJECTED},
            sentences.KEY_REFUSED.format(key="AuthorizationKey", status="Rejected"),
        ),
        ("1.6", {"Cst_BackendUrl": REJECTED}, sentences.KEY_REFUSED.format(key="Cst_BackendUrl", status="Rejected")),
        ("1.6", {"Reset": REJECTED}, sentences.RESET_REFUSED.format(status="Rejected")),
        ("1.6", {"InstallCertificate": UNKNOWN}, sentences.CERTIFICATE_REFUSED.format(status="NotSupported")),
        ("2.0.1", {"GetVariables": UNKNOWN}, sentences.NO_PRIORITY.format(status="NotSupported")),
        ("2.0.1", {"SetNetworkProfile": REJECTED}, sentences.NO_SLOT.format(status="Rejected")),
        ("2.1", {"SetNetworkProfile": UNKNOWN}, sentences.NO_SLOT.format(status="NotSupported")),
        ("2.0.1", {"BasicAuthPassword": NOT_SET}, sentences.PASSWORD_REFUSED.format(status="Rejected")),
        ("2.1", {"NetworkConfigurationPriority": NOT_SET}, sentences.PRIORITY_REFUSED.format(status="Rejected")),
        ("2.1", {"InstallCertificate": REJECTED}, sentences.CERTIFICATE_REFUSED.format(status="Rejected")),
        ("2.1", {"Reset": REJECTED}, sentences.RESET_REFUSED.format(status="Rejected")),
    ],
)
def test_each_refusal_has_its_sentence(version: str, refuses: dict[str, Answer], sentence: str) -> None:
    secure = {"url": "wss://operator.example/ocpp", "certificates": (Authority(begins=NOW).pem,)}
    charger = Charger(**refuses)
    move, told = drive(target(version, **(secure if "InstallCertificate" in refuses else {})), charger)
    assert told[-1] == ("failed", sentence)
    assert move.step == course.ENDED
    assert not course.has_changed(move.progress), "whatever was changed is as it was"


def test_a_second_slot_and_another_interface_are_tried() -> None:
    charger = Charger(SetNetworkProfile=REJECTED)
    drive(target("2.0.1"), charger)
    offers = [call.payload for call in charger.heard if call.action == "SetNetworkProfile"]
    tried = [(each["configurationSlot"], each["connectionData"]["ocppInterface"]) for each in offers]
    assert tried == [(slot, interface) for slot in (1, 2, 3) for interface in ("Wired0", "Wireless0")]


@VERSIONS
def test_a_gentle_restart_before_a_hard_one(version: str) -> None:
    charger = Charger(Reset=REJECTED)
    drive(target(version), charger)
    kinds = [call.payload["type"] for call in charger.heard if call.action == "Reset"]
    assert kinds == (["Soft", "Hard"] if version == "1.6" else ["OnIdle", "Immediate"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": None}, "needs a basicAuthPassword"),
        ({"password": "short"}, "has a basicAuthPassword that an OCPP 2.0.1 charge point doesn't take"),
        ({"identity": "SN-1"}, "is called cp_1 here and can't be told over OCPP to be SN-1 elsewhere"),
        ({"url": "ws://operator.example/" + "x" * 500}, "longer than OCPP 2.0.1 allows (512 characters)"),
        ({"certificates": ("x" * 5501,)}, "longer than OCPP 2.0.1 allows (5500 characters)"),
    ],
)
def test_what_can_not_work_is_refused_before_anything_is_sent(changes: dict[str, Any], words: str) -> None:
    charger = Charger()
    move, told = drive(target("2.0.1", **changes), charger)
    assert (move.step, charger.heard) == (course.ENDED, [])
    assert words in str(told[-1][1])


def test_a_vendor_that_no_entry_is_for() -> None:
    charger = Charger()
    only = (VendorKeys(name="A", url="Url", vendors=("Other",)),)
    _, told = drive(target("1.6", families=only), charger)
    assert told == [("failed", sentences.UNKNOWN_VENDOR.format(vendor="MicroOcpp"))]
    assert charger.heard == []


def test_another_identity_needs_a_key_for_it() -> None:
    charger = Charger()
    drive(target("1.6", identity="SN-1"), charger)
    assert Call("ChangeConfiguration", {"key": "Cst_ChargeBoxId", "value": "SN-1"}) in charger.heard
    has_none = Charger(GetConfiguration=Answer("result", {"configurationKey": [{"key": "CentralSystemURI"}]}))
    _, told = drive(target("1.6", identity="SN-1"), has_none)
    assert told[-1] == ("failed", sentences.NO_IDENTITY_KEY.format(here="cp_1", there="SN-1"))


# ---------------------------------------------------------------------- leaving, arriving, coming back


def moved(version: str) -> Move:
    return drive(target(version), Charger())[0]


def look(move: Move, version: str, at: Situation) -> Decision:
    return course.decide(move, target(version), at, WINDOW)


@VERSIONS
def test_absence_alone_proves_nothing(version: str) -> None:
    away = look(moved(version), version, later(5))
    assert (away.move.step, away.state) == (course.AWAY, None)
    waited = look(away.move, version, later(WINDOW.total_seconds() + 6))
    assert (waited.move.step, waited.state) == (course.LOST, ("failed", sentences.NOT_CONFIRMED))
    late = course.confirmed(waited.move, later(4000))
    assert late is not None
    assert (late.move.step, late.state) == (course.ARRIVED, ("connected", None)), "better late than never"


@VERSIONS
def test_one_that_comes_back_is_given_its_old_settings(version: str) -> None:
    charger = Charger()
    away = look(moved(version), version, later(5)).move
    move, told = drive(target(version), charger, away, later(60, connected=True, epoch=8))
    assert told == [("failed", sentences.CAME_BACK)]
    assert move.step == course.ENDED
    if version == "1.6":
        assert [call.payload["key"] for call in charger.heard] == ["Cst_BackendUrl", "AuthorizationKey"]
        assert charger.heard[0].payload["value"] == "wss://old/ocpp"
    else:
        assert charger.heard[0].payload["setVariableData"][0]["attributeValue"] == "0"
    shares = version != "2.1"
    assert ("a-password-of-our-own" in str(charger.heard)) == shares, "the shared password is replaced"


def test_what_can_not_be_restored_is_said() -> None:
    away = look(moved("2.1"), "2.1", later(5)).move
    _, told = drive(target("2.1"), Charger(SetVariables=NOT_SET), away, later(60, connected=True, epoch=8))
    assert told[-1][0] == "unrestored"
    assert "could not be restored" in str(told[-1][1])


def test_one_that_does_not_restart() -> None:
    here = later(WINDOW.total_seconds() + 1, connected=True)
    assert look(moved("2.1"), "2.1", here).state == ("failed", sentences.NOT_REBOOTED)
    charger = Charger(Reset=Answer("result", {"status": "Scheduled"}))
    waiting, _ = drive(target("2.1"), charger)
    assert look(waiting, "2.1", here).state is None, "a driver is charging: it restarts afterwards"
    assert look(waiting, "2.1", later(25 * 3600, connected=True)).state == ("failed", sentences.NOT_REBOOTED)


def test_one_that_returns_one_day() -> None:
    away = look(moved("2.1"), "2.1", later(5)).move
    arrived = course.confirmed(away, later(10))
    assert arrived is not None
    returned = look(arrived.move, "2.1", later(9000, connected=True, epoch=8))
    assert (returned.move.step, returned.state) == (course.RETURNED, ("failed", sentences.RETURNED))
    given_up = look(returned.move, "2.1", later(9100, connected=True, epoch=8, wanted=False))
    assert (given_up.move.step, given_up.again) == (course.RESTORING, True)


def test_one_that_is_not_there_yet() -> None:
    waits = look(Move(course.BEGIN, NOW), "2.1", later())
    assert (waits.move.step, waits.state) == (course.BEGIN, ("pending", sentences.WAITS))
    preparing = Move(course.PREPARING, NOW)
    assert look(preparing, "2.1", later(60)).state is None
    gone = look(preparing, "2.1", later(WINDOW.total_seconds() + 1))
    assert (gone.move.step, gone.state) == (course.ENDED, ("failed", sentences.OFFLINE_MEANWHILE))
    had_it = Move(course.PREPARING, NOW, {"prioritised": True})
    lost = look(had_it, "2.1", later(WINDOW.total_seconds() + 1))
    assert (lost.move.step, lost.state) == (course.LOST, ("failed", sentences.NOT_CONFIRMED))


def test_three_silences_are_a_refusal() -> None:
    move, call = Move(course.PREPARING, NOW), Call("Reset", {"type": "OnIdle"})
    for _ in range(2):
        decision = course.taken(move, target("2.1"), call, Answer("lost"), HERE)
        assert decision.state is None
        move = decision.move
    last = course.taken(move, target("2.1"), call, Answer("lost"), HERE)
    assert last.state == ("failed", sentences.NO_ANSWER.format(action="Reset"))
    unsent = course.taken(move, target("2.1"), call, Answer("absent"), HERE)
    assert unsent.move == move, "what was not sent does not count"


def test_a_restart_whose_answer_was_lost_is_not_asked_for_again() -> None:
    asked = Move(course.PREPARING, NOW, {"epoch": 7, "prioritised": True})
    assert look(asked, "2.1", later(5)).move.step == course.LEAVING
    assert look(asked, "2.1", later(5, connected=True, epoch=8)).move.step == course.LEAVING


def test_another_wish_of_the_operator_ends_the_move() -> None:
    early = look(Move(course.PREPARING, NOW), "2.1", later(connected=True, wanted=False))
    assert (early.move.step, early.state) == (course.ENDED, None)
    away = look(moved("2.1"), "2.1", later(5)).move
    gone = look(away, "2.1", later(20, wanted=False))
    assert (gone.move.step, gone.state) == (course.RESTORING, ("gone", sentences.GONE))


def test_arrival_can_only_be_confirmed_of_one_that_is_away() -> None:
    away = look(moved("2.1"), "2.1", later(5)).move
    assert course.confirmed(away, later(10, connected=True)) is None
    assert course.confirmed(away, later(10, wanted=False)) is None
    assert course.confirmed(Move(course.BEGIN, NOW), later(10)) is None
    assert course.confirmed(Move(course.PREPARING, NOW), later(10)) is None


# ---------------------------------------------------------------------- passwords and vendors


@pytest.mark.parametrize(
    ("version", "password", "will_do"),
    [
        ("1.6", "x" * 16, True),
        ("1.6", "x" * 20, True),
        ("1.6", "x" * 21, False),
        ("1.6", "x" * 15, False),
        ("1.6", "0aF" * 13 + "b", True),
        ("1.6", "pässwörter mit umla", False),
        ("2.0.1", "x" * 40, True),
        ("2.0.1", "x" * 41, False),
        ("2.0.1", "blank blank blank", False),
        ("2.1", "x" * 64, True),
        ("2.1", "x" * 65, False),
    ],
)
def test_passwords_by_version(version: str, password: str, will_do: bool) -> None:
    assert (password_error(version, password) is None) == will_do


def test_a_password_as_the_vendor_wants_it() -> None:
    assert as_written("a" * 16, "plain") == "a" * 16
    assert as_written("a" * 16, "hex") == "61" * 16
    assert as_written("61" * 16, "hex") == "61" * 16, "it is hexadecimal already"


def test_vendors_of_a_file_go_before_ours() -> None:
    text = '[[vendor]]\nname = "Acme"\nurl = "AcmeUrl"\nvendors = ["Acme"]\npassword_form = "hex"\nurl_has_identity = true\n'
    families = read_vendor_keys(text)
    assert [each.name for each in families] == ["Acme", *(each.name for each in VENDOR_KEYS)]
    assert candidates(families, "ACME Chargers GmbH")[0].name == "Acme"
    assert "Acme" not in [each.name for each in candidates(families, "Other")]
    knows = Charger(GetConfiguration=Answer("result", {"configurationKey": [{"key": "AcmeUrl"}]}))
    drive(target("1.6", vendor="acme", families=families), knows)
    written = {
        call.payload["key"]: call.payload["value"] for call in knows.heard if call.action == "ChangeConfiguration"
    }
    assert written == {"AuthorizationKey": PASSWORD.encode().hex(), "AcmeUrl": "ws://operator.example/ocpp/cp_1"}


@pytest.mark.parametrize(
    "text",
    [
        '[[vendor]]\nname = "A"',
        '[[vendor]]\nname = "A"\nurl = "U"\nreset = "Cold"',
        '[[vendor]]\nname = "A"\nurl = "U"\npassword_form = "rot13"',
        '[[vendor]]\nname = "A"\nurl = "U"\ncolour = "red"',
        '[[vendor]]\nname = "A"\nurl = "U"\npassword = "Door"',
        "not toml",
    ],
)
def test_a_wrong_file_says_what_is_wrong(text: str) -> None:
    with pytest.raises(ValueError):
        read_vendor_keys(text)


# ---------------------------------------------------------------------- looks at which there is nothing to do


def test_waiting_is_looked_at_again() -> None:
    away = look(moved("2.1"), "2.1", later(5)).move
    assert look(away, "2.1", later(60)).look_after == course.LOOK_AGAIN
    assert look(moved("2.1"), "2.1", later(5, connected=True)).look_after == course.LOOK_AGAIN
    for step in (course.ARRIVED, course.LOST, course.RESTORING):
        waits = look(Move(step, NOW, {"prioritised": True}), "2.1", later(60))
        assert (waits.look_after, waits.move.step, waits.state) == (course.WATCH_AGAIN, step, None)
    for step in (course.RETURNED, course.ENDED):
        assert look(Move(step, NOW), "2.1", later(60)) == Decision(Move(step, NOW))


def test_one_that_restarts_into_us_at_once() -> None:
    back = look(moved("2.1"), "2.1", later(5, connected=True, epoch=8))
    assert (back.move.step, back.state, back.again) == (course.RESTORING, ("failed", sentences.CAME_BACK), True)


def test_a_hash_that_nobody_knows_is_of_no_certificate_of_ours() -> None:
    pem = Authority(begins=NOW).pem
    assert not certificates.is_among(pem, [{"hashAlgorithm": "MD5", "serialNumber": "1", "issuerNameHash": "00"}])


@pytest.mark.parametrize("changes", [{"url": "ws://operator.example/" + "x" * 500}, {"certificates": ("x" * 5501,)}])
def test_what_is_too_long_for_16(changes: dict[str, Any]) -> None:
    _, told = drive(target("1.6", **changes), charger := Charger())
    assert "longer than OCPP 1.6 allows" in str(told[-1][1])
    assert charger.heard == []


@VERSIONS
def test_a_certificate_that_is_taken_is_not_sent_again(version: str) -> None:
    pems = (Authority(begins=NOW).pem, Authority(begins=NOW).pem)
    charger = Charger()
    move, _ = drive(target(version, url="wss://operator.example/ocpp", certificates=pems), charger)
    assert [call.payload["certificate"] for call in charger.heard if call.action == "InstallCertificate"] == list(pems)
    assert move.step == course.LEAVING


@pytest.mark.parametrize(("version", "calls"), [("1.6", 1), ("2.0.1", 1), ("2.1", 0)])
def test_the_password_for_us_changes_only_where_servers_share_it(version: str, calls: int) -> None:
    charger, where = Charger(), target(version)
    drive(where, charger)
    carrying = [call for call in charger.heard if course.carries_password(where, {"family": "MicroOcpp"}, call)]
    assert len(carrying) == calls
    assert all(PASSWORD in str(call.payload) for call in carrying)
