"""One socket to the CSMS, spoken through the independent `ocpp` package: its frames, its routing, its schemas.

The package is made for the server's side and runs handlers inside its read loop. Here calls are answered by a worker of
their own, in order, so that a handler or what follows it may itself call the CSMS; what must come after an answer is
registered with `afterwards`. Unknown actions get the code that the version prescribes, in 2.1 too, where the package
stays silent.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

from ocpp.charge_point import ChargePoint
from ocpp.exceptions import FormatViolationError, NotSupportedError, OCPPError
from ocpp.exceptions import NotImplementedError as NotImplementedByUs
from ocpp.messages import Call, CallError, CallResult, unpack, validate_payload
from ocpp.routing import on
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from sliproad.simulator.dialect import Message
from sliproad.simulator.faults import Fault
from sliproad.simulator.sessions import Sessions
from sliproad.simulator.station import CallRefusedError, ConnectionLostError, Station

LOGGER = logging.getLogger("sliproad.simulator")
LOGGER.addHandler(logging.NullHandler())
MAX_DESCRIPTION = 255

Handler = TypeVar("Handler", bound=Callable[..., Any])
Later = Callable[[], Coroutine[Any, Any, None]]


def answers(action: str) -> Callable[[Handler], Handler]:
    """Route a call of the CSMS to the decorated method, which gets its fields in snake case and returns the answer."""
    return cast("Callable[[Handler], Handler]", on(action))


class Link(ChargePoint):  # type: ignore[misc]
    """A charge point's end of the socket. Subclasses hold the handlers of a version."""

    known_actions: frozenset[str]
    malformed_code = "FormatViolation"

    def __init__(self, station: Station, sessions: Sessions, socket: ClientConnection) -> None:
        super().__init__(station.settings.identity, socket, logger=LOGGER)
        self.station = station
        self.sessions = sessions
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._socket = socket
        self._inbound: asyncio.Queue[Call] = asyncio.Queue()
        self._awaited: dict[str, asyncio.Future[CallResult | CallError]] = {}
        self._afterwards: list[Later] = []
        for route in self.route_map.values():
            route["_skip_schema_validation"] = not station.settings.validate

    # -- our calls ----------------------------------------------------------------------------------------------------

    async def request(self, message: Message, message_id: str | None = None) -> dict[str, Any]:
        """Send a call, one at a time, and return the payload of the CALLRESULT.

        Raises:
            CallRefusedError: the CSMS answered with a CALLERROR.
            ConnectionLostError: no answer came; the connection has ended or is ended by this.
        """
        call = Call(message_id or self.station.new_id(), message.action, message.payload)
        if self.station.settings.validate:
            await validate_payload(call, self._ocpp_version)
        async with self._call_lock:
            response = await self._exchange(call)
        if isinstance(response, CallError):
            self.station.events.publish("call_refused", action=message.action, code=response.error_code)
            raise CallRefusedError(response.error_code, response.error_description)
        if self.station.settings.validate:
            response.action = message.action
            await validate_payload(response, self._ocpp_version)
        return cast("dict[str, Any]", response.payload)

    async def _exchange(self, call: Call) -> CallResult | CallError:
        if self.ended.done():
            raise ConnectionLostError(self.ended.result())
        future = self._awaited[call.unique_id] = asyncio.get_running_loop().create_future()
        try:
            await self._send(call.to_json())
            async with asyncio.timeout(self.station.settings.answer_timeout_seconds):
                return await future
        except TimeoutError as error:
            self.end(f"no answer to {call.action}")
            raise ConnectionLostError(f"no answer to {call.action}") from error
        except ConnectionClosed as error:
            raise ConnectionLostError("connection closed") from error
        finally:
            del self._awaited[call.unique_id]

    def end(self, why: str) -> None:
        """Have the connection closed in good order, and let nobody wait for answers on it any more."""
        self.station.hang_up(self)
        if not self.ended.done():
            self.ended.set_result(why)
        for future in self._awaited.values():
            if not future.done():
                future.set_exception(ConnectionLostError(why))

    def abort(self) -> None:
        """Cut the TCP connection without a closing handshake."""
        self._socket.transport.abort()
        self.end("aborted")

    # -- calls of the CSMS --------------------------------------------------------------------------------------------

    async def route_message(self, raw_msg: str | bytes) -> None:
        """Take one frame in; called by the package's read loop. What cannot be read is passed over."""
        self.station.events.publish("frame_received", frame=raw_msg)
        try:
            message = unpack(raw_msg)
        except OCPPError:
            self.station.events.publish("frame_unreadable", frame=raw_msg)
            return
        if isinstance(message, Call):
            self._inbound.put_nowait(message)
        else:
            future = self._awaited.get(str(message.unique_id))
            if future is not None and not future.done():
                future.set_result(message)

    async def answer_calls(self) -> None:
        """Answer the calls of the CSMS one after the other, for as long as the connection lives."""
        while True:
            call = await self._inbound.get()
            if self.station.settings.has(Fault.ANSWERS_LATE):
                await asyncio.sleep(self.station.settings.late_answer_seconds)
            try:
                self._refuse_what_is_not_known(call)
                await self._handle_call(call)
            except OCPPError as error:
                await self._send_error(call, error)
            except ConnectionClosed:
                return
            finally:
                later, self._afterwards = self._afterwards, []
                for step in later:
                    self.station.spawn(step())

    def afterwards(self, step: Later) -> None:
        """Do this when the answer to the call being handled has left."""
        self._afterwards.append(step)

    async def tell(self, *messages: Message) -> None:
        """Send these in order, accepted or not, and let their answers be what they are: triggered messages."""
        for message in messages:
            try:
                await self.request(message)
            except CallRefusedError:
                continue
            except ConnectionLostError:
                return

    def refuse_call(self, action: str) -> OCPPError | None:
        """The error that a call of this action gets in the present state of the charger, if any."""
        if action == "TriggerMessage" and self.station.settings.has(Fault.NO_TRIGGER_MESSAGE):
            return NotImplementedByUs("no such action in this firmware")
        return None

    def _refuse_what_is_not_known(self, call: Call) -> None:
        """OCPP-J 1.6 §4.2.3, OCPP 2.x Part 4 §4.3: NotImplemented is an unknown action, NotSupported a known one."""
        action = call.action if isinstance(call.action, str) else ""
        if action not in self.route_map:
            if action in self.known_actions:
                raise NotSupportedError("this charge point does not support the action")
            raise NotImplementedByUs("no such action in this version")
        if not isinstance(call.payload, dict):
            raise FormatViolationError
        error = self.refuse_call(action)
        if error is not None:
            raise error

    async def _send_error(self, call: Call, error: OCPPError) -> None:
        code = self.malformed_code if error.code == "FormatViolation" else error.code
        answer = CallError(call.unique_id, code, str(error.description)[:MAX_DESCRIPTION], {})
        await self._send(answer.to_json())

    async def _send(self, message: str) -> None:
        self.station.events.publish("frame_sent", frame=message)
        await self._socket.send(message)
