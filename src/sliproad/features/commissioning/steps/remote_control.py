"""How the test transaction speaks: a table a version of remote start, remote stop, and the question for a fresh meter value.

1.6: §5.11, §5.12. 2.x: F01, F02, F03; `remoteStartId` is how the transaction is known again.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sliproad.features.commissioning.model import Facts, Situation, TransactionFact
from sliproad.ocpp.our_numbers import OURS_BELOW


@dataclass(frozen=True, slots=True)
class RemoteControl:
    """A version's CALLs. `free` and `plugged` are connector statuses, `fresh_value` what TriggerMessage asks for."""

    start_action: str
    start: Callable[[Situation, int], dict[str, Any]]
    stop_action: str
    stop: Callable[[str], dict[str, Any]]
    fresh_value: str
    free: frozenset[str]
    plugged: frozenset[str]


def remote_start_id(test_token: str) -> int:
    """The `remoteStartId` of the test with this token, the same however often it is asked for; below `OURS_BELOW`."""
    return int.from_bytes(hashlib.sha256(test_token.encode()).digest()[:4]) % (OURS_BELOW - 1) + 1


V16 = RemoteControl(
    start_action="RemoteStartTransaction",
    start=lambda situation, evse: {"connectorId": evse, "idTag": situation.test_token},
    stop_action="RemoteStopTransaction",
    stop=lambda transaction_id: {"transactionId": int(transaction_id)},
    fresh_value="MeterValues",
    free=frozenset({"Available"}),
    plugged=frozenset({"Preparing"}),
)
V2X = RemoteControl(
    start_action="RequestStartTransaction",
    start=lambda situation, evse: {
        "evseId": evse,
        "remoteStartId": remote_start_id(situation.test_token),
        "idToken": {"idToken": situation.test_token, "type": "Central"},
    },
    stop_action="RequestStopTransaction",
    stop=lambda transaction_id: {"transactionId": transaction_id},
    fresh_value="TransactionEvent",
    free=frozenset({"Available"}),
    plugged=frozenset({"Occupied"}),
)


def remote_control(facts: Facts) -> RemoteControl:
    """The table of the version that the charge point speaks."""
    return V16 if facts.is_16 else V2X


def ours(situation: Situation) -> TransactionFact | None:
    """The transaction of this session's test: 2.x by its `remoteStartId`, else by the token; an unfinished one first."""
    wanted = remote_start_id(situation.test_token)
    found = [
        one
        for one in situation.facts.transactions
        if one.id_token == situation.test_token or one.remote_start_id == wanted
    ]
    return max(found, key=lambda one: (one.stopped_at is None, one.started_at), default=None)
