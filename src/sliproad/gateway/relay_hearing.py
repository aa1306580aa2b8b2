"""What a charge point says, taken in for the operator: queued in the same commit, or waiting in memory, and who answers.

`exchange` shows the relay every message that a handler took, before its writes are committed. The answer to the charge point is ours
and goes out after the commit; only where the operator's word on a token counts does it wait for that (`relay_authorization`).
"""

import asyncio
from typing import Any

import orjson
import structlog

from sliproad.foundation.inbound import Outcome
from sliproad.gateway.relay_authorization import Authorization
from sliproad.gateway.relay_line import Line
from sliproad.gateway.relay_ports import Heard
from sliproad.gateway.relay_queue import Durable, LiveMessage
from sliproad.ocpp.frames import Call, Payload, Send

log = structlog.get_logger()
START = "StartTransaction"
_ASKS_FIRST = frozenset({START, "TransactionEvent"})


class Hearing:
    """See the module. One per relay."""

    __slots__ = ("_authorization", "_line", "_tasks")

    def __init__(self, line: Line, authorization: Authorization) -> None:
        self._line = line
        self._authorization = authorization
        self._tasks: set[asyncio.Task[None]] = set()

    def heard(self, call: Call, payload: Payload, outcome: Outcome, raw: bytes, at: float) -> Outcome | None:
        """What is to be committed and answered instead; None when that comes later, after the operator was asked."""
        try:
            return self._heard(call, payload, outcome, raw, at)
        except Exception:  # a mistake of ours here must not cost the charge point its answer
            log.exception("relay_hearing_failed", key=self._line.peer.key, action=call.action)
            return outcome

    def _heard(self, call: Call, payload: Payload, outcome: Outcome, raw: bytes, at: float) -> Outcome | None:
        kind = self._line.ports.rules.kind(call.action, payload)
        if kind == "transaction":
            return outcome if self._line.is_draining else self._queued(call, payload, outcome, raw, at)
        if kind == "boot":
            self._booted(payload)
        elif kind == "authorize":
            return self._authorize(call, payload, outcome, raw, at)
        elif kind != "heartbeat":
            self._live(call, payload, at, self._line.ports.rules.place(payload) if kind == "status" else None)
        return outcome

    def sent(self, send: Send, payload: Payload, at: float) -> None:
        """2.1: a message that nobody answers."""
        self._live(send, payload, at, None)

    def _booted(self, payload: Payload) -> None:
        self._line.boot, self._line.boot_is_new = payload, True
        self._line.wake.set()

    def _live(self, message: Call | Send, payload: Payload, at: float, place: tuple[int, int] | None) -> None:
        line = self._line
        said = None if line.is_draining else line.ports.rules.to_operator(message.action, payload)
        if said is not None:
            is_send = isinstance(message, Send)
            line.queue.push_live(
                LiveMessage(message.action, said, message.message_id, at, place=place, is_send=is_send)
            )
            line.wake.set()

    def _queued(self, call: Call, payload: Payload, outcome: Outcome, raw: bytes, at: float) -> Outcome:
        line, action = self._line, call.action
        rules = line.ports.rules
        said = orjson.dumps(payload) if call.leniences else raw
        by = rules.recognised_by(action, payload, raw)
        write = line.ports.records.queued(line.peer, line.target, Heard(action, call.message_id, said, by, at))

        def answer(rows: Any) -> bytes | None:
            given = outcome.answer
            ours = given if isinstance(given, bytes) else given(rows[:-1])
            assert ours is not None
            try:
                return self._committed(call, payload, said, ours, rows[-1])
            except Exception:  # a mistake of ours here is no reason to doubt what was stored
                log.exception("relay_queue_failed", key=line.peer.key, action=action)
                return ours

        return Outcome(answer, (*outcome.writes, write), outcome.live)

    def _committed(self, call: Call, payload: Payload, said: bytes, ours: bytes, row: Any) -> bytes | None:
        """A transaction message is stored and queued; gives the answer to it, None while the operator is asked."""
        line, action = self._line, call.action
        read = orjson.loads(ours)
        if row:  # else it was queued before
            line.queue.push(Durable(row[0], action, said, read.get("transactionId") if action == START else None))
            line.wake.set()
        token = line.ports.rules.token_of(payload)
        return ours if token is None else self._told(call, payload, token, read, ours)

    def _told(self, call: Call, payload: Payload, token: str, read: Payload, ours: bytes) -> bytes | None:
        """The answer to a stored message with a token; None while the operator is asked."""
        authorization = self._authorization
        info = authorization.said(read)
        if info is None or authorization.is_settled(token, info):
            return ours
        theirs = authorization.remembered(token)
        if theirs is not None or call.action not in _ASKS_FIRST or not authorization.can_ask:
            return orjson.dumps(authorization.decided(read, theirs))
        self._later(self._tell_later(call, payload, token, read))
        return None

    async def _tell_later(self, call: Call, payload: Payload, token: str, read: Payload) -> None:
        line, authorization = self._line, self._authorization
        theirs = await authorization.ask(token, line.ports.rules.authorize_for(payload))
        answer = authorization.decided(read, theirs)
        before, after = authorization.said(read), authorization.said(answer)
        if before is not None and after is not None and before["status"] != after["status"]:
            transaction = payload["transactionInfo"]["transactionId"] if line.version.is_2x else read["transactionId"]
            line.submit(line.ports.records.authorized(line.peer, str(transaction), after["status"]))
        line.exchange.answer(call, orjson.dumps(answer))

    def _authorize(self, call: Call, payload: Payload, outcome: Outcome, raw: bytes, at: float) -> Outcome | None:
        authorization, given = self._authorization, outcome.answer
        token = self._line.ports.rules.token_of(payload)
        assert isinstance(given, bytes)
        read = orjson.loads(given)
        info = authorization.said(read)
        if token is None or info is None or authorization.is_settled(token, info) or self._line.is_draining:
            self._live(call, payload, at, None)
            return outcome
        if not authorization.can_ask:
            theirs = authorization.remembered(token)
            return outcome._replace(answer=orjson.dumps(authorization.decided(read, theirs)))

        async def ask() -> None:
            theirs = await authorization.ask(token, payload)
            answer = orjson.dumps(authorization.decided(read, theirs))
            self._line.exchange.submit(call, outcome._replace(answer=answer), raw, at)

        self._later(ask())
        return None

    def _later(self, answering: Any) -> None:
        task = asyncio.create_task(answering)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
