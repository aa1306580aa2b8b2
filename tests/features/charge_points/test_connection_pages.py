"""How the connection doctor looks on a page: how far a charge point gets, and that the same again and again is told once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sliproad.features.charge_points.attempts import ConnectionAttempt, ConnectionReport
from sliproad.features.charge_points.attempts_diagnosis import Diagnosis
from sliproad.features.charge_points.attempts_sentences import ADVICE
from sliproad.features.charge_points.connection_pages import RUNG_OF, RUNGS, TITLES, connection_word, rungs, view_of
from sliproad.features.charge_points.live_model import LiveState

NOW = datetime(2026, 5, 1, 10, 23, tzinfo=UTC)
NEVER = LiveState(**dict.fromkeys(LiveState.__slots__) | {"charge_point_key": 1, "connected": False, "epoch": 0})
HERE = replace(NEVER, connected=True, connected_at=NOW, boot_status="Accepted")


@pytest.mark.parametrize(
    ("code", "live", "states"),
    [
        ("nothing_arrived", NEVER, ["in_progress"] + ["waiting"] * 5),
        ("wrong_password", NEVER, ["passed"] * 3 + ["failed"] + ["waiting"] * 2),
        ("no_common_subprotocol", NEVER, ["passed"] * 4 + ["failed", "waiting"]),
        ("disconnected", NEVER, ["failed"] + ["waiting"] * 5),
        ("connected", replace(HERE, boot_status=None), ["passed"] * 5 + ["in_progress"]),
        ("boot_pending", HERE, ["passed"] * 5 + ["failed"]),
        ("clock_wrong", HERE, ["passed"] * 6),
        ("connected", HERE, ["passed"] * 6),
    ],
)
def test_all_before_the_trouble_is_right_and_nothing_behind_it_is_known(code: str, live: LiveState, states: list[str]):
    assert [rung.state for rung in rungs(code, live)] == states


def test_every_outcome_has_a_title_and_every_trouble_a_rung():
    assert set(ADVICE) <= set(TITLES)
    assert set(RUNG_OF) <= set(TITLES)
    assert set(RUNG_OF.values()) == {name for name, _ in RUNGS}


@pytest.mark.parametrize(
    ("live", "word"),
    [(NEVER, "never_connected"), (HERE, "connected"), (replace(HERE, connected=False), "disconnected")],
)
def test_the_word_for_a_connection(live: LiveState, word: str):
    assert connection_word(live) == word


def test_what_a_charger_tries_again_and_again_is_told_once():
    again = [attempt(seconds, "wrong_password") for seconds in (0, 3, 6)]
    report = ConnectionReport(Diagnosis("connected", "Connected."), [attempt(-5, "accepted"), *again])
    view = view_of(HERE, report)
    assert [(entry.title, entry.times, entry.at) for entry in view.attempts] == [
        ("Connected", 1, NOW + timedelta(seconds=5)),
        ("Wrong password", 3, NOW),
    ]
    assert view.attempts[1].since == NOW - timedelta(seconds=6)
    assert (view.title, view.message, view.tone) == ("Connected", "", "good")


def attempt(seconds_ago: float, outcome: str) -> ConnectionAttempt:
    at = NOW - timedelta(seconds=seconds_ago)
    return ConnectionAttempt(at, outcome, ADVICE[outcome], "cp", "/ocpp/2.0.1/cp", "203.0.113.9", {}, is_certain=True)
