"""The port charge points connect to: reads the request, refuses before the 101, hands the rest to a WebSocket protocol.

What never becomes a request is caught here too and recorded: failed TLS, plain HTTP on the TLS port, noise. Several processes
may listen on one port (SO_REUSEPORT). RFC 6455 §4, OCPP-J 1.6 §3, 2.x Part 4 §3.
"""

import asyncio
import contextlib
import socket
import ssl
import sys
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import aiofastnet
import structlog
from picows import WSListener, WSUpgradeResponse, WSUpgradeResponseWithListener
from picows.picows import WSAutoPingStrategy, WSProtocol  # type: ignore[attr-defined]

from sliproad.gateway.admission import Admission, Admitted, Refused
from sliproad.gateway.attempt_recorder import AttemptRecorder
from sliproad.gateway.ports import Attempt
from sliproad.gateway.upgrade_request import HEAD_END, UnreadableRequestError, UpgradeRequest, parse_head

log = structlog.get_logger()
Accept = Callable[[Admitted, str, str], "AcceptedListener"]
"""(what was admitted, remote address, path) to the listener of the new socket's frames."""
MAX_HEAD_BYTES = 16 * 1024
HANDSHAKE_SECONDS = 10.0
READ_BUFFER_BYTES = 2048
TLS_HELLO = b"\x16\x03"
"""How a TLS record of a handshake begins (RFC 8446 §5.1)."""
BACKLOG = 4096
ACCEPTS_AT_ONCE = 256
OUT_OF_FILES_PAUSE_SECONDS = 0.5


class AcceptedListener(WSListener):
    """What `accept` gives: a WebSocket listener that is also told when the peer breaks RFC 6455."""

    __slots__ = ()

    def on_protocol_error(self) -> None:
        """The WebSocket library closes this socket for a frame that RFC 6455 or the size limit forbids."""


class Listener:
    """One listening port. `start`, then `stop_accepting` and `close`."""

    def __init__(
        self,
        admission: Admission,
        recorder: AttemptRecorder,
        accept: Accept,
        *,
        tls: ssl.SSLContext | None = None,
        max_frame_bytes: int,
    ) -> None:
        self.admission = admission
        self.recorder = recorder
        self.accept = accept
        self.tls = tls
        self.max_frame_bytes = max_frame_bytes
        self._sockets: list[socket.socket] = []
        self._handshakes: set[asyncio.Task[None]] = set()

    def start(self, host: str, port: int) -> int:
        """Listen on every address of `host`; gives the port (a free one for 0).

        Raises:
            OSError: the address can't be had.
        """
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            listening = socket.socket(family, kind, protocol)
            self._sockets.append(listening)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound = (address[0], port, *address[2:])
            listening.bind(bound)
            listening.listen(BACKLOG)
            listening.setblocking(False)
            port = port or listening.getsockname()[1]
            self._watch(listening)
        return port

    def stop_accepting(self) -> None:
        """Listen no more; other processes on the port get what comes."""
        loop = asyncio.get_running_loop()
        for listening in self._sockets:
            loop.remove_reader(listening)
            listening.close()
        self._sockets.clear()
        for task in self._handshakes:
            task.cancel()

    def attempt(self, address: str, target: str, outcome: str, **details: str) -> None:
        """Record an attempt that no identity can be read from."""
        self.recorder.record(Attempt(time.time(), None, None, None, printable(target), address, outcome, details))

    def _watch(self, listening: socket.socket) -> None:
        if listening.fileno() >= 0:
            asyncio.get_running_loop().add_reader(listening, self._accept_waiting, listening)

    def _accept_waiting(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                accepted, address = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                log.warning("accept_failed", error=repr(error))
                loop.remove_reader(listening)
                loop.call_later(OUT_OF_FILES_PAUSE_SECONDS, self._watch, listening)
                return
            accepted.setblocking(False)
            task = loop.create_task(self._serve(accepted, address[0]))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def _serve(self, accepted: socket.socket, address: str) -> None:
        """Bring one socket to where its protocol reads the request (through TLS, where there is)."""
        try:
            await aiofastnet.connect_accepted_socket(
                asyncio.get_running_loop(),
                lambda: UpgradeProtocol(self, address),
                accepted,
                ssl=self.tls,
                ssl_handshake_timeout=HANDSHAKE_SECONDS if self.tls else None,
            )
        except ssl.SSLError as error:
            outcome = "plain_http" if error.reason == "HTTP_REQUEST" else "tls_failed"
            self.attempt(address, "", outcome, reason=str(error.reason or "unknown").lower())
        except OSError as error:
            if self.tls:
                self.attempt(address, "", "tls_failed", reason=type(error).__name__)


class UpgradeProtocol(asyncio.Protocol):
    """Reads one request head, then either answers with a status and closes, or gives the transport to a WebSocket protocol."""

    def __init__(self, listener: Listener, address: str) -> None:
        self.listener = listener
        self.address = address
        self.head = b""
        self.transport: Any = None
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.timer = asyncio.get_running_loop().call_later(HANDSHAKE_SECONDS, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self.timer is not None and self.transport is not None:
            self._end_timer()
            if self.head:
                self.listener.attempt(self.address, "", "unreadable_request", reason="The request was cut off.")

    def data_received(self, data: bytes) -> None:
        if self.timer is None:  # answered already
            return
        self.head += data
        if self.listener.tls is None and self.head.startswith(TLS_HELLO):
            self.listener.attempt(self.address, "", "tls_on_plain_port")
            self._answer(HTTPStatus.BAD_REQUEST, {})
            return
        end = self.head.find(HEAD_END)
        if end < 0:
            if len(self.head) > MAX_HEAD_BYTES:
                self._refuse_unread(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request is too large.")
            return
        self._end_timer()
        try:
            self._decide(end)
        except Exception:
            log.exception("upgrade_failed")
            self.listener.attempt(self.address, "", "server_error")
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, {})

    def _decide(self, end: int) -> None:
        listener = self.listener
        try:
            request = parse_head(self.head[:end])
        except UnreadableRequestError as error:
            self._refuse_unread(HTTPStatus.BAD_REQUEST, str(error))
            return
        decision = listener.admission.decide(request, self.address, time.monotonic(), secure=listener.tls is not None)
        if isinstance(decision, Refused):
            self._refuse(decision, request.target)
        else:
            self._upgrade(decision, request, self.head[end + len(HEAD_END) :])

    def _upgrade(self, admitted: Admitted, request: UpgradeRequest, rest: bytes) -> None:
        """Answer 101 and let picows go on: it reads a request that we wrote, so what it accepts is what we admitted."""
        listener, known = self.listener, admitted.known
        path = printable(path_alone(request.target))
        connection = listener.accept(admitted, self.address, path)
        response = WSUpgradeResponse.create_101_response({"Sec-WebSocket-Protocol": admitted.version.subprotocol})
        websocket = websocket_protocol(
            lambda _request: WSUpgradeResponseWithListener(response, connection), connection, listener.max_frame_bytes
        )
        self.transport.set_protocol(websocket)
        websocket.connection_made(self.transport)
        key = request.headers["sec-websocket-key"].strip()
        feed(websocket, UPGRADE_HEAD % key.encode("ascii"))
        feed(websocket, rest)
        listener.recorder.record(
            Attempt(
                time.time(), known.key, known.organization_id, known.charge_point_id, path,
                self.address, "accepted", admitted.details,
            )
        )  # fmt: skip

    def _refuse(self, refused: Refused, target: str) -> None:
        if refused.record:
            known, identity = refused.known, refused.identity
            self.listener.recorder.record(
                Attempt(
                    time.time(),
                    known.key if known else None,
                    known.organization_id if known else None,
                    printable(identity)[:64] if identity is not None else None,
                    printable(path_alone(refused.target or target)),
                    self.address,
                    refused.outcome,
                    {name: printable(value) for name, value in refused.details.items()},
                )
            )
        self._answer(HTTPStatus(refused.status), refused.headers)

    def _refuse_unread(self, status: HTTPStatus, reason: str) -> None:
        self.listener.attempt(self.address, "", "unreadable_request", reason=reason)
        self._answer(status, {})

    def _answer(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        self._end_timer()
        lines = [f"HTTP/1.1 {status} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        self.transport.write("\r\n".join([*lines, "Content-Length: 0", "Connection: close", "", ""]).encode("ascii"))
        self.transport.close()

    def _too_slow(self) -> None:
        self.timer = None
        if self.head:
            self.listener.attempt(self.address, "", "unreadable_request", reason="The request did not end in time.")
        else:
            self.listener.attempt(self.address, "", "nothing_sent")
        self.transport.abort()

    def _end_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


UPGRADE_HEAD = (
    b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n"
)


class SocketLog:
    """What picows tells its logger: nothing worth keeping, except that a peer broke the protocol."""

    __slots__ = ("_connection",)

    def __init__(self, connection: AcceptedListener) -> None:
        self._connection = connection

    def isEnabledFor(self, _level: int) -> bool:  # noqa: N802 - the name of the logging interface
        return False

    def info(self, *_: object) -> None:
        pass

    debug = warning = log = info

    def error(self, message: str, *_: object) -> None:
        if message.startswith("WS parser error"):
            self._connection.on_protocol_error()

    def exception(self, message: str, *_: object) -> None:
        log.error("socket_callback_failed", said=message, error=repr(sys.exception()))
        self._connection.on_protocol_error()


def websocket_protocol(factory: Callable[[Any], Any], connection: AcceptedListener, max_frame_bytes: int) -> Any:
    """A server-side picows protocol, by its constructor: `ws_create_server` would not tell us who connects."""
    return WSProtocol(
        None, None, False, factory, SocketLog(connection), True, None,
        False, 20, 20, WSAutoPingStrategy.PING_WHEN_IDLE, True,
        max_frame_bytes, None, READ_BUFFER_BYTES,
    )  # fmt: skip


def feed(websocket: Any, data: bytes) -> None:
    """Give bytes that were read already to a buffered protocol."""
    while data:
        buffer = websocket.get_buffer(-1)
        size = min(len(buffer), len(data))
        buffer[:size] = data[:size]
        websocket.buffer_updated(size)
        data = data[size:]


def path_alone(target: str) -> str:
    """A request's target without its query, where some clients put passwords."""
    path, mark, _ = target.partition("?")
    return path + "?***" if mark else path


def printable(text: str) -> str:
    """Text of a stranger for a row or a page: control and non-ASCII characters escaped, at most 256 (trust G14)."""
    with contextlib.suppress(UnicodeError):
        text = text.encode("latin-1").decode("utf-8")
    return text.encode("unicode_escape").decode("ascii")[:256]
