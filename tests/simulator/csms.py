"""A small central system for testing virtual charge points: raw JSON frames on `websockets`, nothing of Sliproad."""

import asyncio
import base64
import itertools
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Answer = dict[str, Any] | tuple[str, str]  # a CALLRESULT's payload or a CALLERROR's code and description


class RefusedError(Exception):
    """The charge point answered with a CALLERROR."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Received:
    """A call that a charge point sent."""

    action: str
    payload: dict[str, Any]
    message_id: str
    connection: int


@dataclass
class Handshake:
    path: str
    user: str | None
    password: str | None
    subprotocol: str | None


@dataclass
class Csms:
    """Answers what charge points send, writes it all down, and calls them."""

    boot_status: list[str] = field(default_factory=list)
    boot_interval: int = 300
    id_token_status: str = "Accepted"
    answers: dict[str, Callable[[dict[str, Any]], Answer | None]] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    handshakes: list[Handshake] = field(default_factory=list)
    port: int = 0
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self._server: Server | None = None
        self._socket: ServerConnection | None = None
        self._changed = asyncio.Condition()
        self._calls: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._ids = itertools.count(1)
        self._transactions: dict[str, int] = {}

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ocpp"

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            self.port,
            subprotocols=["ocpp1.6", "ocpp2.0.1", "ocpp2.1"],  # type: ignore[list-item]
            process_request=self._note_handshake,
            close_timeout=0.2,
            ssl=self.tls,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def die(self) -> None:
        """End as by `kill -9`: sockets reset, no closing handshake, nothing listens any more."""
        assert self._server is not None
        for socket in list(self._server.connections):
            socket.transport.abort()
        await self.close()

    def _note_handshake(self, socket: ServerConnection, request: Any) -> None:
        user = password = None
        header = request.headers.get("Authorization")
        if header:
            user, _, password = base64.b64decode(header.removeprefix("Basic ")).decode("latin-1").partition(":")
        offered = request.headers.get("Sec-WebSocket-Protocol")
        self.handshakes.append(Handshake(request.path, user, password, offered))

    async def _serve(self, socket: ServerConnection) -> None:
        self._socket = socket
        number = len(self.handshakes)
        try:
            async for text in socket:
                await self._take(socket, json.loads(text), number)
        except ConnectionClosed:
            pass

    async def _take(self, socket: ServerConnection, frame: list[Any], number: int) -> None:
        if frame[0] == 2:
            _, message_id, action, payload = frame
            self.log.append(f"> {action}")
            answer = self._answer(action, payload)
            if isinstance(answer, dict):
                await socket.send(json.dumps([3, message_id, answer]))
            elif answer is not None:
                await socket.send(json.dumps([4, message_id, *answer, {}]))
            async with self._changed:
                self.received.append(Received(action, payload, message_id, number))
                self._changed.notify_all()
        else:
            self.log.append("< answer")
            future = self._calls.pop(frame[1])
            if frame[0] == 3:
                future.set_result(frame[2])
            else:
                future.set_exception(RefusedError(frame[2]))

    def _answer(self, action: str, payload: dict[str, Any]) -> Answer | None:
        if action in self.answers:
            return self.answers[action](payload)
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        match action:
            case "BootNotification":
                status = self.boot_status.pop(0) if self.boot_status else "Accepted"
                return {"status": status, "currentTime": now, "interval": self.boot_interval}
            case "Heartbeat":
                return {"currentTime": now}
            case "Authorize" if "idTag" in payload:
                return {"idTagInfo": {"status": self.id_token_status}}
            case "Authorize":
                return {"idTokenInfo": {"status": self.id_token_status}}
            case "StartTransaction":
                key = json.dumps(payload, sort_keys=True)
                transaction_id = self._transactions.setdefault(key, len(self._transactions) + 1)
                return {"transactionId": transaction_id, "idTagInfo": {"status": self.id_token_status}}
            case "TransactionEvent" if "idToken" in payload:
                return {"idTokenInfo": {"status": self.id_token_status}}
            case _:
                return {}

    async def call(self, action: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the charge point of the newest connection; raises RefusedError for a CALLERROR."""
        assert self._socket is not None
        message_id = f"csms-{next(self._ids)}"
        future = self._calls[message_id] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps([2, message_id, action, payload or {}]))
        return await future

    def of(self, action: str) -> list[dict[str, Any]]:
        """The payloads received of an action."""
        return [received.payload for received in self.received if received.action == action]

    async def wait_for(self, action: str, count: int = 1, **fields: Any) -> dict[str, Any]:
        """The payload of the `count`th call of an action with these fields, as soon as it is there."""

        def matching() -> list[dict[str, Any]]:
            return [found for found in self.of(action) if all(found.get(key) == value for key, value in fields.items())]

        async with self._changed:
            await self._changed.wait_for(lambda: len(matching()) >= count)
        return matching()[count - 1]
