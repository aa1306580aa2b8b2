"""Tokens that operators accepted lately: bounded in number and time; what the product's one rule makes of them."""

from sliproad.features.authorization.model import AuthorizationStatus
from sliproad.features.connections.relay_tokens import KEPT_SECONDS, MOST_TOKENS, RelayTokens, with_operators

ACCEPTED, INVALID = AuthorizationStatus.ACCEPTED, AuthorizationStatus.INVALID
INFO = {"status": "Accepted"}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_they_are_forgotten_after_a_day_and_with_other_settings():
    clock = Clock()
    tokens = RelayTokens(clock)
    tokens.remember(1, "Abc", INFO)
    assert tokens.find(1, "ABC") == INFO, "letters' case means nothing"
    assert tokens.find(2, "ABC") is None
    clock.now = KEPT_SECONDS
    assert tokens.find(1, "ABC") is None
    tokens.remember(1, "ABC", INFO)
    tokens.forget([1, 5])
    assert tokens.find(1, "ABC") is None


def test_only_the_latest_are_kept():
    tokens = RelayTokens(Clock())
    for number in range(MOST_TOKENS + 1):
        tokens.remember(1, f"T{number}", INFO)
    assert tokens.find(1, "T0") is None
    assert tokens.find(1, f"T{MOST_TOKENS}") == INFO


def test_the_one_rule_listens_to_the_operator_where_there_is_one():
    tokens = RelayTokens(Clock())
    tokens.remember(1, "THEIRS", INFO)
    tokens.remember(2, "THEIRS", INFO)
    decisions = {1: "either", 2: "both", 3: "theirs"}
    rule = with_operators(lambda _key, token: ACCEPTED if token == "OURS" else INVALID, decisions.get, tokens)
    assert rule(1, "THEIRS") is ACCEPTED
    assert rule(2, "THEIRS") is INVALID, "both have to"
    assert rule(3, "THEIRS") is INVALID, "not known yet: they are asked"
    assert rule(9, "THEIRS") is INVALID, "no operator here"
    assert rule(9, "OURS") is ACCEPTED
