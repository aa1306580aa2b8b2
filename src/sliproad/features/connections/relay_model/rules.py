"""All rules of the relay as the gateway asks for them (`gateway.relay_ports.Rules`); each is explained in its own module."""

from collections.abc import Mapping
from typing import Any

from sliproad.features.authorization.model import TEST_TOKEN_PREFIX
from sliproad.features.connections.relay_model import decision, downward, failures, ids, patience, upward
from sliproad.ocpp.versions import OcppVersion

Payload = dict[str, Any]
_TRANSACTION_BELOW = {"SetChargingProfile": "csChargingProfiles"}


class RelayRules:
    """Stateless."""

    kind = staticmethod(upward.kind)
    place = staticmethod(upward.place)
    recognised_by = staticmethod(upward.recognised_by)
    started_by = staticmethod(upward.started_by)
    token_of = staticmethod(upward.token_of)
    authorize_for = staticmethod(upward.authorize_for)
    decided = staticmethod(decision.decided)
    reconnect_pause = staticmethod(patience.reconnect_pause)
    pause_after_refusal = staticmethod(patience.pause_after_refusal)
    heartbeat_seconds = staticmethod(patience.heartbeat_seconds)
    boot_again_seconds = staticmethod(patience.boot_again_seconds)

    def is_settled(self, decision_by: str, token: str, ours: str) -> bool:
        """Whether the operator need not be asked about a token. Commissioning's test tokens are ours alone."""
        is_test = ours == decision.ACCEPTED and token.upper().startswith(TEST_TOKEN_PREFIX)
        return is_test or decision.is_settled(decision_by, ours)

    def to_operator(self, action: str, payload: Payload) -> Payload | None:
        """What the operator hears of a message of the charge point; None when it is none of theirs."""
        said = ids.to_operator(action, payload)
        return None if said is None else upward.without_secrets(action, said)

    def answer_to_operator(self, action: str, answer: Payload) -> Payload:
        """What the operator hears of the charge point's answer to its CALL."""
        return upward.without_secrets(action, answer)

    def verdict(
        self, version: OcppVersion, action: str, payload: Payload, *, is_commissioning: bool
    ) -> downward.Verdict:
        """What becomes of the operator's CALL; `passed` has its ids as the charge point is to know them.

        Raises:
            CallRefused: it is answered with a CALLERROR.
        """
        found = downward.verdict(action, payload, is_2x=version.is_2x, is_commissioning=is_commissioning)
        if found.passed is None:
            return found
        passed = ids.to_charge_point(action, found.passed, is_2x=version.is_2x)
        return downward.Verdict(passed, None, found.reason, found.merged)

    def transaction_in(self, action: str, payload: Payload) -> int | None:
        """1.6: the transaction id in a message of either direction."""
        below = _TRANSACTION_BELOW.get(action)
        found = (payload if below is None else payload[below]).get("transactionId")
        return found if isinstance(found, int) else None

    def with_transaction(self, action: str, payload: Payload, transaction_id: int) -> Payload:
        """1.6: the message with the other side's transaction id."""
        below = _TRANSACTION_BELOW.get(action)
        if below is None:
            return payload | {"transactionId": transaction_id}
        return payload | {below: payload[below] | {"transactionId": transaction_id}}

    def unknown_transaction(self, action: str) -> tuple[Payload, str]:
        """1.6: the answer to a CALL about a transaction that the charge point does not have, and the reason."""
        return downward.refusal(action, downward.UNKNOWN_TRANSACTION, is_2x=False), downward.UNKNOWN_TRANSACTION

    def sentence(self, kind: str, details: Mapping[str, str]) -> str:
        """Why there is no connection, in words."""
        return failures.sentence(kind, details)

    @property
    def offline(self) -> str:
        """The reason while the charge point itself is away."""
        return failures.OFFLINE

    @property
    def boot_pending(self) -> str:
        """The reason while the operator's server answers Pending."""
        return failures.BOOT_PENDING
