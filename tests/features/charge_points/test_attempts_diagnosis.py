"""The connection doctor's rules: facts in, one sentence out (issue 3 part 7)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sliproad.features.charge_points.attempts_diagnosis import (
    AttemptFact,
    BootFact,
    ConnectionFacts,
    Diagnosis,
    diagnose,
)
from sliproad.features.charge_points.attempts_sentences import ADVICE, MISTAKES, Meant, sentence, tls_sentence

NOW = datetime(2026, 5, 1, 10, 0, tzinfo=UTC)
MEANT = Meant("CP-1", "SN-00001", "2.0.1")
A, B = "192.0.2.1", "192.0.2.2"


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def attempt(
    seconds: float,
    outcome: str = "accepted",
    address: str = A,
    *,
    certain: bool = True,
    strong: bool = True,
    **details: str,
) -> AttemptFact:
    return AttemptFact(ago(seconds), outcome, details, "CP-1", address, certain, strong)


def diagnosis(*attempts: AttemptFact, **facts: Any) -> Diagnosis:
    return diagnose(ConnectionFacts(MEANT, NOW, sorted(attempts, key=lambda each: each.at, reverse=True), **facts))


def connected(seconds: float, **facts: Any) -> dict[str, Any]:
    return {
        "connected": True, "connected_at": ago(seconds), "boot_status": "Accepted", "has_spoken": True,
    } | facts  # fmt: skip


TABLE = [
    ([], {}, "nothing_arrived", "Nothing has ever arrived"),
    ([attempt(40)], connected(40), "connected", "Connected."),
    ([attempt(40)], connected(40, has_spoken=False), "silent", "has not sent any message for 40 s"),
    ([attempt(600)], connected(600, has_spoken=False), "silent", "for 10 minutes"),
    ([attempt(10)], connected(10, has_spoken=False, boot_status=None), "connected", "Connected."),
    ([attempt(40)], connected(40, boot_status=None), "no_boot", "never sent a BootNotification"),
    ([attempt(40)], connected(40, boot_status="Pending"), "boot_pending", "answered Pending: that is its boot policy"),
    ([attempt(40)], connected(40, boot_status="Rejected"), "boot_rejected", "answered Rejected"),
    ([attempt(40)], connected(40, clock_skew_seconds=-7200.0), "clock_wrong", "its clock is 120 minutes behind"),
    ([attempt(40)], connected(40, clock_skew_seconds=61.0), "clock_wrong", "its clock is 1 minute ahead"),
    ([attempt(40)], connected(40, clock_skew_seconds=-1.77e9), "clock_wrong", "not set: it is 56 years behind"),
    ([attempt(40)], connected(40, clock_skew_seconds=59.0), "connected", "Connected."),
    (
        [attempt(40, registered_version="2.0.1", version="1.6")], connected(40),
        "other_version", "Your charger speaks OCPP 1.6, but it was registered as 2.0.1",
    ),
    (
        [attempt(100)], {"connected_at": ago(100), "disconnected_at": ago(60)},
        "disconnected", "It was connected and left after 40 s, 60 s ago",
    ),
    ([], {"disconnected_at": ago(86400 * 40)}, "disconnected", "40 days ago"),
    ([attempt(9, "wrong_password", mistake="hex"), attempt(99)], {"disconnected_at": ago(50)}, "wrong_password", "hexadecimal"),
    (
        [attempt(5, "tls_failed", certain=False, strong=False), attempt(9, "wrong_password", mistake="newline")], {},
        "wrong_password", "line break at its end",
    ),
    (
        [attempt(5, "plain_http", certain=False, strong=False), attempt(4000, "wrong_password")], {},
        "plain_http", "From an address of this charge point or of yours: An unencrypted request arrived on the encrypted port.",
    ),
    (
        [attempt(s, address=A if s % 20 else B) for s in (10, 20, 30, 40, 50)], connected(10),
        "two_charge_points", f"every 10 s: connections come from {A} and {B}",
    ),
    (
        [attempt(s, replaces=A) for s in (10, 20, 30, 40)], connected(10),
        "replaced_again_and_again", f"replace each other every 10 s, all from {A}",
    ),
    ([attempt(s, replaces=A) for s in (130, 140, 150, 160)], connected(130), "connected", "Connected."),
    ([attempt(s) for s in (10, 20, 30, 40)], connected(10), "connected", "Connected."),
]  # fmt: skip


@pytest.mark.parametrize(("attempts", "facts", "code", "text"), TABLE)
def test_facts_become_one_thing_to_do(attempts, facts, code, text) -> None:
    found = diagnosis(*attempts, **facts)
    assert (found.code, text in found.message) == (code, True), found
    assert found.is_certain == all(each.is_certain for each in attempts[:1]) or code == "wrong_password"


def test_two_serial_numbers_that_take_turns_are_two_chargers_behind_one_address() -> None:
    opened = [attempt(seconds) for seconds in (10, 20, 30, 40)]
    boots = [
        BootFact(ago(seconds - 1), serial) for seconds, serial in ((40, "S-A"), (30, "S-B"), (20, "S-A"), (10, "S-B"))
    ]
    found = diagnosis(*opened, boots=boots, **connected(10))
    assert found.code == "two_charge_points"
    assert "with the serial numbers S-A and S-B" in found.message
    assert "should be here has the serial number SN-00001" in found.message


def test_three_restarts_in_five_minutes_are_a_boot_loop() -> None:
    opened = [attempt(seconds) for seconds in (20, 100, 180)]
    boots = [BootFact(ago(seconds), "SN-00001") for seconds in (179, 99, 19)]
    found = diagnosis(*opened, boots=boots, **connected(20))
    assert (found.code, "restarted 3 times in five minutes" in found.message) == ("boot_loop", True)
    assert diagnosis(*opened[:2], boots=boots, **connected(20)).code == "connected", (
        "repeated on one socket: no restart"
    )
    assert diagnosis(*opened, boots=boots[:2], **connected(20)).code == "connected"


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("TLSV1_ALERT_UNKNOWN_CA", "does not trust our certificate's issuer"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "expired. Check the charger's clock"),
        ("SSLV3_ALERT_CERTIFICATE_UNKNOWN", "does not accept our certificate"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", "host name"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "TLS 1.2 or newer"),
        ("UNSUPPORTED_PROTOCOL", "TLS 1.2 or newer"),
        ("NO_SHARED_CIPHER", "no TLS cipher suite"),
        ("ConnectionResetError", "broke off the TLS handshake"),
        ("TimeoutError", "did not end in time"),
        ("something new", "TLS handshake failed"),
    ],
)
def test_what_a_tls_failure_means(reason: str, text: str) -> None:
    assert text in tls_sentence(reason)


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("cp-1", "differs in capital letters. Set it to CP-1."),
        ("CP-l", "look alike"),
        ("CP-1CP-1", "stands twice"),
        ("CP-1-SN-00001", "serial number was put behind"),
        ("SN-00001", "serial number was sent as the identity"),
        ("CP-1", "not registered yet"),
        ("ELSE", "is not a registered charge point"),
    ],
)
def test_an_unknown_identity_names_the_slip(sent: str, text: str) -> None:
    assert text in sentence("unknown_identity", {}, sent, MEANT)


def test_a_put_off_attempt_still_says_which_mistake_is_behind_it() -> None:
    text = sentence("too_many_attempts", {"behind": "wrong_password", "mistake": "hex"}, "CP-1", MEANT)
    assert text == f"{MISTAKES['wrong_password']['hex']} {ADVICE['too_many_attempts']}"


@pytest.mark.parametrize(
    ("offered", "text"),
    [
        ("", "names no OCPP version"),
        ("ocpp1.5, ocpp9", "offers `ocpp1.5, ocpp9`, which we don't speak; it was registered as 2.0.1"),
        ("OCPP2.0.1", "must be written `ocpp2.0.1`"),
    ],
)
def test_a_wrong_subprotocol_says_what_was_offered(offered: str, text: str) -> None:
    assert text in sentence("no_common_subprotocol", {"offered": offered}, "CP-1", MEANT)


def test_every_mistake_has_an_advice_of_its_outcome_to_fall_back_on() -> None:
    assert MISTAKES.keys() <= ADVICE.keys()
    assert sentence("wrong_user", {"mistake": "empty", "password": "right"}, "CP-1", MEANT).endswith(
        "The password is right."
    )
