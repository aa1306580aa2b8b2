"""One open connection to an operator's server: frames in and out, our CALLs and their answers, theirs handed on.

`relay_dialling` opens it, `relay` drives it. The rules of the wire are those of `ocpp.Conversation`, with the roles exchanged: here we
are the charge point. RFC 6455 §5.4; OCPP-J 1.6 §4, 2.x Part 4 §4.
"""

import asyncio
from collections.abc import Callable
from time import monotonic

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from sliproad.gateway.relay_ports import RelayFailed
from sliproad.ocpp.conversation import Answered, Conversation, Reply
from sliproad.ocpp.errors import CallRefused
from sliproad.ocpp.frames import Call, Payload, encode_send
from sliproad.ocpp.versions import OcppVersion

ANSWER_SECONDS = 30.0
CLOSE_GRACE_SECONDS = 2.0
MOST_REASON_CHARACTERS = 80


class RelaySession(WSListener):
    """See the module."""

    __slots__ = (
        "_answers",
        "_fragments",
        "_most_bytes",
        "conversation",
        "handle_call",
        "is_booted",
        "is_ready",
        "lost",
        "transport",
        "waits_since",
        "wake",
    )

    def __init__(
        self,
        version: OcppVersion,
        prefix: str,
        *,
        most_bytes: int,
        handle_call: Callable[["RelaySession", Call], None],
        wake: asyncio.Event,
    ) -> None:
        """`prefix` makes our message ids others on each connection; the operator's CALLs go to `handle_call`, one at a time.

        `wake` is set when the connection is gone.
        """
        self.conversation = Conversation(version, call_timeout_seconds=ANSWER_SECONDS, message_id_prefix=prefix)
        self.handle_call = handle_call
        self.transport: WSTransport | None = None
        self.lost: asyncio.Future[RelayFailed] = asyncio.get_running_loop().create_future()
        """Done when the connection is gone, with why."""
        self.is_ready = False
        """The operator has accepted the charge point, and the connection is up."""
        self.is_booted = False
        """It once had."""
        self.waits_since: float | None = None
        """Since when (monotonic) an answer to a CALL of ours is outstanding."""
        self.wake = wake
        self._answers: dict[str, asyncio.Future[Answered]] = {}
        self._fragments: list[bytes] | None = None
        self._most_bytes = most_bytes

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind is WSMsgType.TEXT and frame.fin and self._fragments is None:
            self._receive(frame.get_payload_as_bytes())
        elif kind is WSMsgType.CLOSE:
            self._end(RelayFailed("closed", detail=_close_words(frame)))
            transport.send_close(WSCloseCode.OK, b"")
            transport.disconnect()
        elif kind in {WSMsgType.TEXT, WSMsgType.CONTINUATION}:
            self._continue(transport, frame)
        elif kind is WSMsgType.BINARY:
            transport.send_close(WSCloseCode.UNSUPPORTED_DATA, b"OCPP-J is text")
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002
        self._end(RelayFailed("lost"))

    def pause_writing(self) -> None:
        """They don't read our answers: don't read their questions, so that nothing piles up here."""
        if self.transport is not None:
            self.transport.underlying_transport.pause_reading()

    def resume_writing(self) -> None:
        if self.transport is not None:
            self.transport.underlying_transport.resume_reading()

    async def call(self, action: str, payload: Payload, *, message_id: str | None = None) -> Answered:
        """Send a CALL as the charge point and await its answer; the caller sends one at a time.

        Raises:
            RelayFailed: the connection went, or nothing came in time; then it is of no more use.
        """
        self.check()
        data, call = self.conversation.call(action, payload, monotonic(), message_id=message_id)
        assert data is not None, "one at a time"
        answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._answers[call.message_id] = answer
        self.waits_since = monotonic()
        try:
            self._send(data)
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answer
        except TimeoutError:
            raise RelayFailed("no_answer", action=action, seconds=f"{ANSWER_SECONDS:g}") from None
        finally:
            self.waits_since = None
            del self._answers[call.message_id]

    def check(self) -> None:
        """Look whether it is still there.

        Raises:
            RelayFailed: why it is not.
        """
        if self.lost.done():
            raise self.lost.result()

    def send_unanswered(self, message_id: str, action: str, payload: Payload) -> None:
        """2.1: a SEND."""
        self._send(encode_send(message_id, action, payload))

    def answer(self, call: Call, payload: Payload) -> None:
        """Answer their CALL, and go on with the one that waited for it."""
        self._send(self.conversation.answer(call.message_id, payload))
        self._handle_next()

    def refuse(self, call: Call, refusal: CallRefused) -> None:
        """Answer their CALL with a CALLERROR, and go on."""
        self._send(self.conversation.refuse(call.message_id, refusal))
        self._handle_next()

    async def pause(self, seconds: float) -> None:
        """Wait so long.

        Raises:
            RelayFailed: the connection went meanwhile.
        """
        await asyncio.wait({self.lost}, timeout=seconds)
        self.check()

    def close(self) -> None:
        """Say good-bye; a server that does not even read that is left after a moment."""
        self._end(RelayFailed("lost"))
        if self.transport is not None and not self.transport.is_disconnected:
            self.transport.send_close(WSCloseCode.OK, b"")
            self.transport.disconnect()
            asyncio.get_running_loop().call_later(CLOSE_GRACE_SECONDS, self.transport.underlying_transport.abort)

    def _receive(self, data: bytes) -> None:
        arrived = self.conversation.receive(data, monotonic())
        if type(arrived) is Call:
            self.handle_call(self, arrived)
        elif type(arrived) is Answered:
            if arrived.reply is not None:
                self._send(arrived.reply)
            waiting = self._answers.get(arrived.call.message_id)
            if waiting is not None and not waiting.done():
                waiting.set_result(arrived)
        elif type(arrived) is Reply:
            self._send(arrived.data)

    def _handle_next(self) -> None:
        waiting = self.conversation.next_call()
        if waiting is not None:
            self.handle_call(self, waiting)

    def _continue(self, transport: WSTransport, frame: WSFrame) -> None:
        if self._fragments is None:
            self._fragments = []
        self._fragments.append(frame.get_payload_as_bytes())
        if sum(map(len, self._fragments)) > self._most_bytes:
            transport.send_close(WSCloseCode.MESSAGE_TOO_BIG, b"")
            transport.disconnect()
        elif frame.fin:
            data, self._fragments = b"".join(self._fragments), None
            self._receive(data)

    def _send(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_disconnected:
            self.transport.send(WSMsgType.TEXT, data)

    def _end(self, why: RelayFailed) -> None:
        self.is_ready = False
        if self.lost.done():
            return
        self.lost.set_result(why)
        self.wake.set()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(why)


def _close_words(frame: WSFrame) -> str:
    """Code and reason of a close frame, as far as it can be shown."""
    reason = (frame.get_close_message() or b"").decode("utf-8", "replace")
    shown = "".join(character for character in reason if character.isprintable())[:MOST_REASON_CHARACTERS]
    code = frame.get_close_code()
    number = code.value if isinstance(code, WSCloseCode) else code
    return f"code {number}: {shown}" if shown else f"code {number}"
