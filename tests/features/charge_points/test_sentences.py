"""Whatever the connection doctor says is known to the pages, sentence by sentence, so that it can be said in the reader's language."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from sliproad.features.charge_points.attempts_diagnosis import (
    AttemptFact,
    BootFact,
    ConnectionFacts,
    diagnose,
)
from sliproad.features.charge_points.attempts_sentences import (
    ADVICE,
    MISTAKES,
    OTHER_ADVICE,
    TLS_REASONS,
    Meant,
    sentence,
)
from sliproad.features.charge_points.sentences import SENTENCES, told
from sliproad.foundation.language import reading
from sliproad.foundation.sentences import in_sentences

MEANT = Meant("cp_river", "SN-ABX-20240501-007", "2.0.1")
NOW = datetime(2026, 5, 1, 10, 23, tzinfo=UTC)
SENT = ["cp_river", " cp_river", "CP_RIVER", "cp_r1ver", "cp_rivercp_river", "cp_river-SN-ABX-20240501-007"]
SENT += ["SN-ABX-20240501-007", "cp_rover", "somebody"]
OFFERED = ["", "ocpp1.5", "OCPP2.0.1"]
ACCEPTED = [{}, {"registered_version": "2.0.1", "version": "1.6"}, {"password_form": "hex", "slashes": "doubled"}]
ACCEPTED += [{"password_form": "decoded"}]


def every_advice() -> list[str]:
    mistakes = [sentence(outcome, {"mistake": word}, None, MEANT) for outcome, of in MISTAKES.items() for word in of]
    return [
        *ADVICE.values(),
        OTHER_ADVICE,
        *mistakes,
        *(text for _, text in TLS_REASONS),
        *(sentence("unknown_identity", {}, sent, MEANT) for sent in SENT),
        *(sentence("no_common_subprotocol", {"offered": offered}, None, MEANT) for offered in OFFERED),
        *(sentence("accepted", details, None, MEANT) for details in ACCEPTED),
        sentence("wrong_user", {"mistake": "other", "password": "right"}, None, MEANT),
        sentence("too_many_attempts", {"behind": "wrong_password"}, None, MEANT),
    ]


def attempt(seconds_ago: float, address: str = "203.0.113.9", **details: str) -> AttemptFact:
    return AttemptFact(NOW - timedelta(seconds=seconds_ago), "accepted", details, None, address, True, True)


def facts(**known) -> ConnectionFacts:
    return ConnectionFacts(MEANT, NOW, **known)


def connected(seconds: float, **known) -> ConnectionFacts:
    return facts(connected=True, connected_at=NOW - timedelta(seconds=seconds), **{"boot_status": "Accepted"} | known)


TURNS = [attempt(10 * number, f"203.0.113.{number % 2}") for number in range(6)]
REPLACING = [attempt(10 * number, replaces="1") for number in range(6)]
SERIALS = [BootFact(NOW - timedelta(seconds=10 * number), f"SN-{number % 2}") for number in range(6, 0, -1)]
RESTARTS = [attempt(10), attempt(70), attempt(130), attempt(190)]
BOOTS = [BootFact(NOW - timedelta(seconds=ago), "SN") for ago in (189, 129, 69, 9)]
REFUSED = AttemptFact(NOW, "wrong_password", {}, None, "203.0.113.9", is_certain=False, is_strong=False)
SITUATIONS = {
    "nothing": facts(),
    "two": facts(attempts=TURNS),
    "two with serials": facts(attempts=TURNS, boots=SERIALS),
    "replaced": facts(attempts=REPLACING),
    "pending": connected(5, boot_status="Pending"),
    "rejected": connected(5, boot_status="Rejected"),
    "looping": facts(attempts=RESTARTS, boots=BOOTS),
    "silent": connected(40, has_spoken=False),
    "no boot": connected(150, boot_status=None, has_spoken=True),
    "clock never set": connected(5, clock_skew_seconds=-56 * 365.25 * 86400),
    "clock ahead": connected(5, clock_skew_seconds=65),
    "clock behind": connected(5, clock_skew_seconds=-600),
    "connected": connected(5),
    "likely": facts(attempts=[REFUSED]),
    "gone": facts(connected_at=NOW - timedelta(hours=5), disconnected_at=NOW - timedelta(minutes=9)),
    "gone before": facts(disconnected_at=NOW - timedelta(days=3)),
}


@pytest.mark.parametrize("text", [pytest.param(text, id=text[:60]) for text in dict.fromkeys(every_advice())])
def test_each_advice_is_made_of_known_sentences(text: str):
    assert [each for each in in_sentences(text) if SENTENCES.values(each) is None] == []


@pytest.mark.parametrize("situation", SITUATIONS)
def test_each_diagnosis_is_made_of_known_sentences(situation: str):
    text = diagnose(SITUATIONS[situation]).message
    assert [each for each in in_sentences(text) if SENTENCES.values(each) is None] == []


def test_what_a_charger_sent_stays_as_it_is():
    text = sentence("unknown_identity", {}, "CP_RIVER", MEANT)
    with reading("de"):
        german = told(text)
    assert german != text
    assert re.findall(r"`(.+?)`", german) == ["CP_RIVER"]
    assert "cp_river" in german


def test_how_long_it_is_gone_is_said_in_the_readers_language():
    with reading("de"):
        german = told(diagnose(SITUATIONS["gone before"]).message)
    assert german.startswith("Er war verbunden und ging, vor 3 Tagen; seitdem kam nichts mehr.")
