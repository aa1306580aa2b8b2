"""The operator's CALLs: down to the charge point through the same queue as ours, and its answers up; or refused in words.

What is refused is the rules' matter (`Rules.verdict`). Each CALL is recorded with what came of it.
"""

import asyncio
from time import time

import orjson
import structlog

from sliproad.gateway.relay_authorization import ACCEPTED, Authorization
from sliproad.gateway.relay_delivery import Delivery
from sliproad.gateway.relay_line import Line
from sliproad.gateway.relay_ports import Spoken, Verdict
from sliproad.gateway.relay_queue import LiveMessage
from sliproad.gateway.relay_session import RelaySession
from sliproad.ocpp.actions import sent_by_csms
from sliproad.ocpp.errors import CallRefused, ErrorCode
from sliproad.ocpp.frames import Call, Payload

log = structlog.get_logger()
CALL_SECONDS = 60.0
"""For the charge point's answer, waiting behind other CALLs included."""
HEARTBEAT = "Heartbeat"
_STARTS = frozenset({"RemoteStartTransaction", "RequestStartTransaction"})
_TRIGGERS = frozenset({"TriggerMessage", "ExtendedTriggerMessage"})
_NO_ANSWER = {
    "timeout": "The charge point did not answer in time",
    "busy": "Too many CALLs wait for this charge point",
    "gone": "The charge point is not connected",
    "lost": "The connection to the charge point was lost before its answer",
}


class Commands:
    """See the module. One per relay."""

    __slots__ = ("_authorization", "_delivery", "_line", "_tasks")

    def __init__(self, line: Line, authorization: Authorization, delivery: Delivery) -> None:
        self._line = line
        self._authorization = authorization
        self._delivery = delivery
        self._tasks: set[asyncio.Task[None]] = set()

    def handle(self, session: RelaySession, call: Call) -> None:
        """Take in a valid CALL of the operator; it is answered when that can be."""
        task = asyncio.create_task(self._answer(session, call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, session: RelaySession, call: Call) -> None:
        at = time()
        try:
            answer, reason = await self._answer_to(call)
        except CallRefused as refusal:
            self._record(call, at, "refused", error=f"{refusal.code}: {refusal.description}")
            session.refuse(call, refusal)
            return
        except Exception:
            log.exception("relay_command_failed", key=self._line.peer.key, action=call.action)
            session.refuse(call, CallRefused(ErrorCode.INTERNAL_ERROR, "The platform could not process this"))
            return
        self._record(call, at, "delivered" if reason is None else "refused", answer, reason)
        session.answer(call, answer)
        self._follow(call, answer)

    async def _answer_to(self, call: Call) -> tuple[Payload, str | None]:
        """The answer, and why anything of it was refused here.

        Raises:
            CallRefused: it is a CALLERROR.
        """
        line, action = self._line, call.action
        rules, peer = line.ports.rules, line.peer
        if not sent_by_csms(line.version, action):
            raise CallRefused(ErrorCode.NOT_SUPPORTED, "This is not a message of a CSMS")
        is_commissioning = not peer.commissioned and peer.watched_until > time()
        verdict = rules.verdict(line.version, action, call.payload, is_commissioning=is_commissioning)
        if verdict.passed is None:
            assert verdict.answer is not None
            return verdict.answer, verdict.reason
        payload = verdict.passed
        if not line.version.is_2x and (theirs := rules.transaction_in(action, payload)) is not None:
            ours = await self._delivery.our_transaction(theirs)
            if ours is None:
                return rules.unknown_transaction(action)
            payload = rules.with_transaction(action, payload, ours)
        return await self._asked(call, payload, verdict), verdict.reason

    async def _asked(self, call: Call, payload: Payload, verdict: Verdict) -> Payload:
        if call.action in _STARTS and (token := self._line.ports.rules.token_of(payload)) is not None:
            self._authorization.accepted(token, {"status": ACCEPTED})
        given = await self._line.exchange.calls.call(call.action, payload, CALL_SECONDS)
        outcome = given["outcome"]
        if outcome == "result":
            return self._line.ports.rules.answer_to_operator(call.action, verdict.merged(given["payload"]))
        if outcome == "error":
            raise CallRefused(given["code"], given["description"])
        raise CallRefused(ErrorCode.GENERIC_ERROR, _NO_ANSWER[outcome])

    def _follow(self, call: Call, answer: Payload) -> None:
        """A Heartbeat that they triggered reaches us alone: theirs is the relay's."""
        asked = call.payload.get("requestedMessage")
        if call.action in _TRIGGERS and asked == HEARTBEAT and answer.get("status") == ACCEPTED:
            self._line.queue.push_live(LiveMessage(HEARTBEAT, {}, "", time()))
            self._line.wake.set()

    def _record(
        self, call: Call, at: float, state: str, answer: Payload | None = None, error: str | None = None
    ) -> None:
        said, given = orjson.dumps(call.payload), None if answer is None else orjson.dumps(answer)
        self._line.record(Spoken("down", "command", call.action, call.message_id, said, at, state, given, error))
