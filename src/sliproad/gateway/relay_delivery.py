"""Sends one message of the charge point to the operator's server and keeps what came of it.

A transaction message goes out under an id made of its row's number, the same at each repetition, so that the receiver can tell; the
next one goes out after its row says that it was delivered. 1.6's transaction ids are the operator's own on this side.
"""

from time import time

import orjson

from sliproad.gateway.relay_authorization import Authorization
from sliproad.gateway.relay_line import Line
from sliproad.gateway.relay_ports import Ended, RelayFailed, Spoken
from sliproad.gateway.relay_queue import Asking, Durable, LiveMessage
from sliproad.gateway.relay_session import RelaySession
from sliproad.ocpp.conversation import Answered
from sliproad.ocpp.frames import Payload

START = "StartTransaction"
MOST_TRANSACTIONS = 256
NOT_THEIRS = (
    "The operator's server never gave this transaction an id: it began before the connection, or its start was refused."
)


class Delivery:
    """See the module. One per relay."""

    __slots__ = ("_authorization", "_line")

    def __init__(self, line: Line, authorization: Authorization) -> None:
        self._line = line
        self._authorization = authorization

    async def deliver(self, session: RelaySession, message: Asking | LiveMessage | Durable) -> None:
        """Send it and await the answer.

        Raises:
            RelayFailed: the connection is of no more use; a transaction message still waits then.
        """
        if isinstance(message, Durable):
            await self._deliver_durable(session, message)
        elif isinstance(message, Asking):
            await self._ask(session, message)
        else:
            await self.tell(session, message)

    async def tell(self, session: RelaySession, message: LiveMessage) -> Answered | None:
        """Send a live message; gives the answer, and keeps both.

        Raises:
            RelayFailed: the connection is of no more use; the message is recorded as dropped.
        """
        if message.is_send:
            session.send_unanswered(message.message_id, message.action, message.payload)
            self._record(message, "delivered", None, None)
            return None
        try:
            answered = await session.call(message.action, message.payload)
        except RelayFailed as failed:
            self._record(message, "dropped", None, self._line.ports.rules.sentence(failed.kind, failed.details))
            raise
        if answered.payload is not None:
            self._record(message, "delivered", orjson.dumps(answered.payload), None)
        else:
            self._record(message, "refused", None, error_words(answered))
        return answered

    async def _ask(self, session: RelaySession, asking: Asking) -> None:
        message = LiveMessage("Authorize", asking.payload, "", time())
        try:
            answered = await self.tell(session, message)
        except RelayFailed:
            if not asking.answer.done():
                asking.answer.set_result(None)
            raise
        if not asking.answer.done():
            asking.answer.set_result(None if answered is None else answered.payload)

    async def _deliver_durable(self, session: RelaySession, message: Durable) -> None:
        line, records = self._line, self._line.ports.records
        payload = await self._for_them(session, message)
        if payload is None:
            await line.commit(
                records.ended(line.peer.key, Ended(message.seq, "refused", message.attempts, None, NOT_THEIRS))
            )
            return
        message.attempts += 1
        answered = await session.call(message.action, payload, message_id=f"r{message.seq}")
        if answered.payload is not None:
            said = orjson.dumps(answered.payload)
            writes = [records.ended(line.peer.key, Ended(message.seq, "delivered", message.attempts, said))]
            if message.action == START:
                ours, theirs = await self._our_transaction(message), answered.payload["transactionId"]
                if ours is not None:
                    self.know(ours, theirs)
                    writes.append(records.transaction(line.peer, line.target, ours, theirs))
            self._learn(message, answered.payload)
            await line.commit(*writes)
            return
        pause = line.ports.rules.pause_after_refusal(message.attempts)
        if pause is not None:
            line.queue.unsent(message)
            await session.pause(pause)
            return
        error = error_words(answered)
        await line.commit(records.ended(line.peer.key, Ended(message.seq, "refused", message.attempts, None, error)))

    async def _for_them(self, session: RelaySession, message: Durable) -> Payload | None:
        """The payload as the operator is to have it; None when it can't have it."""
        line = self._line
        payload = line.ports.rules.to_operator(message.action, orjson.loads(message.payload))
        if payload is None or line.version.is_2x or message.action == START:
            return payload
        ours = line.ports.rules.transaction_in(message.action, payload)
        theirs = None
        if ours is not None:
            theirs = await self.their_transaction(ours)
            if theirs is None:
                theirs = await self._start_late(session, ours)
        return None if theirs is None else line.ports.rules.with_transaction(message.action, payload, theirs)

    async def _start_late(self, session: RelaySession, ours: int) -> int | None:
        """1.6: tell the operator of a transaction that began before the connection; gives its id, None when it has none."""
        line, records = self._line, self._line.ports.records
        payload = await line.asked(lambda: records.start_before(line.peer.key, line.target, ours))
        if payload is None:
            return None
        answered = await session.call(START, payload, message_id=f"s{ours}")
        said = orjson.dumps(payload)
        if answered.payload is None:
            spoken = Spoken("up", "live", START, f"s{ours}", said, time(), "refused", None, error_words(answered))
            line.record(spoken)
            return None
        theirs: int = answered.payload["transactionId"]
        self.know(ours, theirs)
        line.record(Spoken("up", "live", START, f"s{ours}", said, time(), "delivered", orjson.dumps(answered.payload)))
        await line.commit(records.transaction(line.peer, line.target, ours, theirs))
        return theirs

    async def their_transaction(self, ours: int) -> int | None:
        """1.6: the operator's id of a transaction of ours."""
        line = self._line
        if (known := line.theirs_by_ours.get(ours)) is not None:
            return known
        found = await line.asked(lambda: line.ports.records.their_transaction(line.peer.key, line.target, ours))
        if found is not None:
            self.know(ours, found)
        return found

    async def our_transaction(self, theirs: int) -> int | None:
        """1.6: our id, which the charge point knows, of a transaction of the operator's."""
        line = self._line
        if (known := line.ours_by_theirs.get(theirs)) is not None:
            return known
        found = await line.asked(lambda: line.ports.records.our_transaction(line.peer.key, line.target, theirs))
        if found is not None:
            self.know(found, theirs)
        return found

    def know(self, ours: int, theirs: int) -> None:
        """Keep both ids of a transaction at hand."""
        line = self._line
        if len(line.theirs_by_ours) >= MOST_TRANSACTIONS:
            line.theirs_by_ours.clear()
            line.ours_by_theirs.clear()
        line.theirs_by_ours[ours], line.ours_by_theirs[theirs] = theirs, ours

    async def _our_transaction(self, start: Durable) -> int | None:
        if start.our_transaction is not None:
            return start.our_transaction
        line = self._line
        by = line.ports.rules.started_by(orjson.loads(start.payload))
        return await line.asked(lambda: line.ports.records.started(line.peer.key, by))

    def _learn(self, message: Durable, answer: Payload) -> None:
        """An answer may say that a token is accepted."""
        info = self._authorization.said(answer)
        if info is not None and (token := self._line.ports.rules.token_of(orjson.loads(message.payload))) is not None:
            self._authorization.accepted(token, info)

    def _record(self, message: LiveMessage, state: str, answer: bytes | None, error: str | None) -> None:
        said = orjson.dumps(message.payload)
        spoken = Spoken("up", "live", message.action, message.message_id, said, message.at, state, answer, error)
        self._line.record(spoken)


def error_words(answered: Answered) -> str:
    """A CALLERROR in a line."""
    error = answered.error
    assert error is not None
    return f"{error.code}: {error.description}" if error.description else error.code
