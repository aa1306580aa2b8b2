"""An operator's OCPP server for tests of the relay: the `ocpp` package's central system behind ws or wss, written for no one of ours.

It notes what every charge point says, answers as tests like, and sends CALLs. `OperatorServer` can be killed and started again on its
port; what it had noted stays.
"""

import asyncio
import base64
import datetime as dt
import json
import ssl
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from ocpp.routing import on
from ocpp.v16 import ChargePoint as CentralSystem16
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as result16
from ocpp.v16.enums import Action as Action16
from ocpp.v21 import ChargePoint as CentralSystem21
from ocpp.v21 import call as call21
from ocpp.v201 import ChargePoint as CentralSystem201
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as result201
from ocpp.v201.enums import Action as Action201
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

PATIENCE_SECONDS = 120
FIRST_TRANSACTION = 700_000


class Said(NamedTuple):
    """A CALL of a charge point, as it came over the wire."""

    message_id: str
    action: str
    payload: dict[str, Any]


@dataclass
class Manners:
    """How the server behaves; tests change it while it runs."""

    boot_statuses: list[str] = field(default_factory=list)
    """What the next boots are answered; then `Accepted`."""
    interval: int = 300
    accepts: Callable[[str], bool] = lambda _token: True
    """Which tokens may charge."""
    passwords: dict[str, tuple[str, str]] | None = None
    """Identity -> user and password; None lets everybody in."""
    hangs: bool = False
    """It reads and answers nothing."""
    refuses: set[str] = field(default_factory=set)
    """Actions that are answered with a CALLERROR."""
    speaks_ocpp: bool = True


class OperatorServer:
    """See the module."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.manners = Manners()
        self.said: defaultdict[str, list[Said]] = defaultdict(list)
        self.connected: dict[str, Any] = {}
        self.connections: defaultdict[str, int] = defaultdict(int)
        self.transactions = count(FIRST_TRANSACTION)
        self.given: dict[tuple[str, str], int] = {}
        """(identity, message id of a StartTransaction) -> the id it was given: a repetition gets the same."""
        self.port = 0
        self._changed = asyncio.Condition()
        self._server: Server | None = None

    @property
    def url(self) -> str:
        return f"{'wss://localhost' if self.tls else 'ws://127.0.0.1'}:{self.port}/operator"

    async def start(self) -> None:
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            self.port,
            subprotocols=["ocpp1.6", "ocpp2.0.1", "ocpp2.1"],  # type: ignore[list-item]
            select_subprotocol=self._select,
            process_request=self._admit,
            ssl=self.tls,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        """As if it were killed: every connection goes without a good-bye."""
        if self._server is not None:
            for connection in self._server.connections:
                connection.transport.abort()
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def note(self, identity: str, said: Said) -> None:
        self.said[identity].append(said)
        await self.changed()

    async def changed(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, holds: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
        """Wait until something about this server is so; gives it."""
        async with asyncio.timeout(seconds), self._changed:
            while not (found := holds()):
                await self._changed.wait()
        return found

    async def heard(self, identity: str, action: str, times: int = 1, **members: Any) -> list[Said]:
        """The messages of a charge point of this action (and with these members), as soon as there are so many."""

        def found() -> list[Said] | None:
            messages = [each for each in self.of(identity, action) if each.payload | members == each.payload]
            return messages if len(messages) >= times else None

        return await self.until(found)

    def of(self, identity: str, *actions: str) -> list[Said]:
        """What a charge point has said, each message once: repetitions carry the id of the first."""
        messages = {each.message_id: each for each in self.said[identity]}
        return [each for each in messages.values() if not actions or each.action in actions]

    async def central_system(self, identity: str) -> Any:
        """The connection of a charge point, as soon as it is there."""
        return await self.until(lambda: self.connected.get(identity))

    async def call(self, identity: str, action: str, **payload: Any) -> Any:
        """Send a CALL; gives the answer (the `ocpp` package's), raises its `OCPPError` for a CALLERROR."""
        system = await self.central_system(identity)
        return await system.call(getattr(system.calls, action)(**payload), suppress=False)

    def _select(self, connection: ServerConnection, offered: Any) -> Any:
        return offered[0] if offered and self.manners.speaks_ocpp else None

    def _admit(self, connection: ServerConnection, request: Any) -> Any:
        identity = request.path.rsplit("/", 1)[-1]
        if self.manners.passwords is None:
            return None
        if identity not in self.manners.passwords:
            return connection.respond(HTTPStatus.NOT_FOUND, "")
        pair = ":".join(self.manners.passwords[identity])
        wanted = "Basic " + base64.b64encode(pair.encode()).decode()
        return (
            None if request.headers.get("Authorization") == wanted else connection.respond(HTTPStatus.UNAUTHORIZED, "")
        )

    async def _serve(self, connection: ServerConnection) -> None:
        identity = connection.request.path.rsplit("/", 1)[-1]  # type: ignore[union-attr]
        kind = SYSTEMS.get(str(connection.subprotocol))
        if kind is None or self.manners.hangs:
            await connection.wait_closed()
            return
        system = kind(identity, connection)
        system.server = self
        self.connected[identity] = system
        self.connections[identity] += 1
        await self.changed()
        try:
            await system.start()
        except ConnectionClosed:
            pass
        finally:
            if self.connected.get(identity) is system:
                del self.connected[identity]
            await self.changed()


class Noting:
    """Notes each CALL before it is handled; the base of both central systems."""

    server: OperatorServer
    id: str

    async def route_message(self, raw_msg: str) -> None:
        message = json.loads(raw_msg)
        if message[0] == 2:
            await self.server.until(lambda: not self.server.manners.hangs)
            await self.server.note(self.id, Said(message[1], message[2], message[3]))
            if message[2] in self.server.manners.refuses:
                await self._send(json.dumps([4, message[1], "InternalError", "no", {}]))  # type: ignore[attr-defined]
                return
            self.handling = message[1]
        await super().route_message(raw_msg)  # type: ignore[misc]

    def boot_answer(self) -> dict[str, Any]:
        statuses = self.server.manners.boot_statuses
        now = dt.datetime.now(dt.UTC).isoformat()
        return {
            "current_time": now,
            "interval": self.server.manners.interval,
            "status": statuses.pop(0) if statuses else "Accepted",
        }

    def token_status(self, token: str) -> str:
        return "Accepted" if self.server.manners.accepts(token) else "Blocked"


class System16(Noting, CentralSystem16):
    calls = call16

    @on(Action16.boot_notification)
    async def on_boot(self, **_: Any) -> Any:
        return result16.BootNotification(**self.boot_answer())

    @on(Action16.heartbeat)
    async def on_heartbeat(self) -> Any:
        return result16.Heartbeat(current_time=dt.datetime.now(dt.UTC).isoformat())

    @on(Action16.status_notification)
    async def on_status(self, **_: Any) -> Any:
        return result16.StatusNotification()

    @on(Action16.authorize)
    async def on_authorize(self, id_tag: str, **_: Any) -> Any:
        return result16.Authorize(id_tag_info={"status": self.token_status(id_tag)})

    @on(Action16.start_transaction)
    async def on_start(self, id_tag: str, **_: Any) -> Any:
        given = self.server.given.setdefault((self.id, self.handling), 0) or next(self.server.transactions)
        self.server.given[self.id, self.handling] = given
        return result16.StartTransaction(transaction_id=given, id_tag_info={"status": self.token_status(id_tag)})

    @on(Action16.meter_values)
    async def on_meter(self, **_: Any) -> Any:
        return result16.MeterValues()

    @on(Action16.stop_transaction)
    async def on_stop(self, **_: Any) -> Any:
        return result16.StopTransaction()

    @on(Action16.data_transfer)
    async def on_data(self, **_: Any) -> Any:
        return result16.DataTransfer(status="Accepted")


class System2x(Noting):
    @on(Action201.boot_notification)
    async def on_boot(self, **_: Any) -> Any:
        return result201.BootNotification(**self.boot_answer())

    @on(Action201.heartbeat)
    async def on_heartbeat(self, **_: Any) -> Any:
        return result201.Heartbeat(current_time=dt.datetime.now(dt.UTC).isoformat())

    @on(Action201.status_notification)
    async def on_status(self, **_: Any) -> Any:
        return result201.StatusNotification()

    @on(Action201.authorize)
    async def on_authorize(self, id_token: dict[str, Any], **_: Any) -> Any:
        return result201.Authorize(id_token_info={"status": self.token_status(id_token["id_token"])})

    @on(Action201.transaction_event)
    async def on_event(self, **event: Any) -> Any:
        token = event.get("id_token")
        if token is None:
            return result201.TransactionEvent()
        return result201.TransactionEvent(id_token_info={"status": self.token_status(token["id_token"])})

    @on(Action201.notify_report)
    async def on_report(self, **_: Any) -> Any:
        return result201.NotifyReport()

    @on(Action201.notify_event)
    async def on_notify(self, **_: Any) -> Any:
        return result201.NotifyEvent()

    @on(Action201.meter_values)
    async def on_meter(self, **_: Any) -> Any:
        return result201.MeterValues()

    @on(Action201.security_event_notification)
    async def on_security(self, **_: Any) -> Any:
        return result201.SecurityEventNotification()


class System201(System2x, CentralSystem201):
    calls = call201


class System21(System2x, CentralSystem21):
    calls = call21


SYSTEMS: dict[str, Any] = {"ocpp1.6": System16, "ocpp2.0.1": System201, "ocpp2.1": System21}


@dataclass
class Authority:
    """A private CA and the TLS of servers that it vouches for."""

    folder: Path
    common_name: str = "Operator's CA"

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.common_name)])
        self._certificate = (
            self._builder(name, name, self._key.public_key(), 0, 30)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> str:
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def server(self, domain: str, *, days: tuple[int, int] = (-1, 30)) -> ssl.SSLContext:
        """A server's TLS for this domain, valid between so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
        certificate = (
            self._builder(name, self._certificate.subject, key.public_key(), *days)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        path = self.folder / f"{domain}-{days[1]}.pem"
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    @staticmethod
    def _builder(subject: Any, issuer: Any, public_key: Any, first: int, last: int) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + dt.timedelta(days=first) - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=last))
        )
