"""What can come of a message that arrived: the outcomes of `Conversation.receive`, for the gateway to act on.

Besides these, a Call or a Send itself is an outcome: it is valid, and to be handled now.
"""

from __future__ import annotations

from typing import TypeAlias

from sliproad.ocpp.errors import CallRefused
from sliproad.ocpp.frames import Call, CallError, CallResultError, Payload, Send
from sliproad.ocpp.leniences import Lenience
from sliproad.ocpp.outbound import OutboundCall


class Reply:
    """Send `data` at once; nothing is to be handled.

    `refused` is what was refused and why, None when an earlier answer is repeated. `action` is None when it can't be
    read. A refused transaction message (`actions.is_transaction_message`) is worth being kept raw.
    """

    __slots__ = ("action", "data", "refused")

    def __init__(self, data: bytes, *, action: str | None = None, refused: CallRefused | None = None) -> None:
        """Describe the reply; see the class."""
        self.data = data
        self.action = action
        self.refused = refused


class Queued:
    """The CALL waits for the answer to the one before it; `next_call` hands it out."""

    __slots__ = ("call",)

    def __init__(self, call: Call) -> None:
        """Name the CALL that waits."""
        self.call = call


class Answered:
    """Our CALL was answered: with `payload`, or with `error` when payload is None.

    The error is the charge point's, or ours when its answer does not follow the schema (`ill_formed` is that answer
    then). `reply` is to be sent at once when it is not None (2.1's CALLRESULTERROR).
    """

    __slots__ = ("call", "error", "ill_formed", "leniences", "payload", "reply")

    def __init__(
        self,
        call: OutboundCall,
        *,
        payload: Payload | None = None,
        error: CallError | None = None,
        leniences: Lenience = Lenience.NONE,
        ill_formed: Payload | None = None,
        reply: bytes | None = None,
    ) -> None:
        """Describe the answer; see the class."""
        self.call = call
        self.payload = payload
        self.error = error
        self.leniences = leniences
        self.ill_formed = ill_formed
        self.reply = reply


class AnswerRejected:
    """2.1: the charge point could not read our answer; nothing can be sent back, so this is for the log."""

    __slots__ = ("error",)

    def __init__(self, error: CallResultError) -> None:
        """Keep what the charge point said."""
        self.error = error


class Ignored:
    """Nothing is to be done; `reason` is for the log and holds nothing of the message."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        """Say why."""
        self.reason = reason


Received: TypeAlias = Call | Send | Reply | Queued | Answered | AnswerRejected | Ignored
