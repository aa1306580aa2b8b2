"""Tokens that operators accepted lately, in a gateway's memory: what starts a transaction with one agrees with it.

Bounded by charge point and by time; a gateway that forgets asks again.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from sliproad.features.authorization.model import AuthorizationStatus, Authorize
from sliproad.features.connections.relay_model.rules import RelayRules

MOST_TOKENS = 200
KEPT_SECONDS = 24 * 3600.0
Info = dict[str, Any]


class RelayTokens:
    """By charge point key and token, whose letters' case means nothing (1.6 §7.28, 2.x IdTokenType)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that only grow."""
        self._clock = clock
        self._by_key: dict[int, OrderedDict[str, tuple[float, Info]]] = {}

    def find(self, key: int, token: str) -> Info | None:
        """What the operator said when it accepted the token here, at most a day ago."""
        of_charge_point = self._by_key.get(key)
        found = None if of_charge_point is None else of_charge_point.get(token.upper())
        return found[1] if found is not None and found[0] > self._clock() else None

    def remember(self, key: int, token: str, info: Info) -> None:
        """The operator accepted it."""
        of_charge_point = self._by_key.setdefault(key, OrderedDict())
        of_charge_point[token.upper()] = (self._clock() + KEPT_SECONDS, info)
        of_charge_point.move_to_end(token.upper())
        if len(of_charge_point) > MOST_TOKENS:
            of_charge_point.popitem(last=False)

    def forget(self, keys: Iterable[int]) -> None:
        """These charge points have other settings, perhaps another operator."""
        for key in keys:
            self._by_key.pop(key, None)


def with_operators(ours: Authorize, decision_of: Callable[[int], str | None], tokens: RelayTokens) -> Authorize:
    """The rule of every message that carries a token, with what the charge point's operator accepted (`relay_model.decision`).

    `decision_of` gives who decides at a charge point, None where it has no operator's connection.
    """
    rules = RelayRules()

    def authorize(key: int, id_token: str) -> AuthorizationStatus:
        status = ours(key, id_token)
        decision = decision_of(key)
        if decision is None or rules.is_settled(decision, id_token, status):
            return status
        theirs = tokens.find(key, id_token)
        if theirs is None:
            return status
        decided = rules.decided(decision, {"status": status}, theirs)
        return AuthorizationStatus.ACCEPTED if decided["status"] == "Accepted" else AuthorizationStatus.INVALID

    return authorize
