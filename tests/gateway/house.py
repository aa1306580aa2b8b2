"""What gateway tests share: registered charge points in a real database, gateways on real sockets, handlers of their own."""

import asyncio
import base64
import contextlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg
import websockets
from psycopg.rows import dict_row

from sliproad.features.charge_points.attempts import AttemptService
from sliproad.features.charge_points.presence import RowPresence
from sliproad.features.commands.service import CommandService
from sliproad.features.frame_log import frames, quarantine
from sliproad.features.security.mirror import Mirror
from sliproad.features.security.service import CredentialService
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import SystemClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.inbound import Live, Outcome, Peer, Received, Statement
from sliproad.gateway.gateway import Gateway, GatewaySettings, Ports
from sliproad.gateway.ports import Handlers

PATIENCE_SECONDS = 60
"""How long at most anything is waited for that will come."""
POISON_CONNECTOR = 666
BUGGY_CONNECTOR = 13

BOOTED = Statement(
    "test.booted",
    30,
    "update charge_point_live l set boot_status = i.s, booted_at = now(), boot_epoch = i.e"
    " from json_to_recordset(%(rows)s) as i(k bigint, s text, e bigint) where l.charge_point_key = i.k",
)
HEARD = Statement(
    "test.heard",
    40,
    "insert into heard (charge_point_key, message_id, connector, raw)"
    " select k, m, 1 / (666 - c) * 0 + c, p::text from json_to_recordset(%(rows)s) as i(k bigint, m text, c int, p json)",
)
STARTED = Statement(
    "test.started",
    41,
    """
with input as (
  select (o.e->>'k')::bigint as k, o.e->>'t' as t, o.n - 1 as position
    from json_array_elements(%(rows)s) with ordinality as o(e, n)
), done as (
  insert into started (charge_point_key, said_at) select distinct k, t from input
    on conflict (charge_point_key, said_at) do update set said_at = excluded.said_at
  returning charge_point_key as k, said_at as t, transaction_id
)
select i.position, d.transaction_id from input i join done d using (k, t)
""",
    returns=True,
)
TABLES = """
create table heard (heard_id bigint generated always as identity, charge_point_key bigint, message_id text, connector int, raw text);
create table started (transaction_id int generated always as identity, charge_point_key bigint, said_at text,
  unique (charge_point_key, said_at));
grant all on heard, started to sliproad_engine;
"""


def boot(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:
    status = peer.boot_policy.capitalize()
    answer = {"status": status, "currentTime": "2026-05-01T10:23:00Z", "interval": 30}
    row = orjson.dumps({"k": peer.key, "s": status, "e": peer.epoch})
    return Outcome(orjson.dumps(answer), ((BOOTED, row),), Live("boot", {"status": status}))


def heartbeat(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:
    return Outcome(b'{"currentTime":"2026-05-01T10:23:00Z"}', live=Live("heartbeat", {}))


def heard(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:
    connector = payload.get("connectorId", 0)
    if connector == BUGGY_CONNECTOR:
        raise KeyError("a mistake of ours")
    row = {"k": peer.key, "m": received.message_id, "c": connector, "p": orjson.Fragment(received.raw)}
    return Outcome(b"{}", ((HEARD, orjson.dumps(row)),), Live("heard", {"connector": connector}))


def start_transaction(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:
    row = {"k": peer.key, "t": payload["timestamp"]}

    def answer(rows: Any) -> bytes:
        return orjson.dumps({"transactionId": rows[0][0], "idTagInfo": {"status": "Accepted"}})

    return Outcome(answer, ((STARTED, orjson.dumps(row)),))


def report(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:
    row = {"k": peer.key, "m": received.message_id, "c": 0, "p": orjson.Fragment(received.raw)}
    return Outcome(b"{}", ((HEARD, orjson.dumps(row)),))


HANDLERS = {
    ("1.6", "BootNotification"): boot,
    ("1.6", "Heartbeat"): heartbeat,
    ("1.6", "MeterValues"): heard,
    ("1.6", "StatusNotification"): heard,
    ("1.6", "StartTransaction"): start_transaction,
    **{
        (version, action): handler
        for version in ("2.0.1", "2.1")
        for action, handler in (
            ("BootNotification", boot),
            ("Heartbeat", heartbeat),
            ("NotifyReport", report),
            ("TransactionEvent", report),
            ("NotifyPeriodicEventStream", report),
        )
    },
}


@dataclass
class Registered:
    """A charge point as its technician knows it."""

    key: int
    identity: str
    serial_number: str
    password: str
    version: str

    @property
    def authorization(self) -> str:
        return basic(self.identity, self.password)


@dataclass
class RunningGateway:
    gateway: Gateway
    port: int
    mirror: Mirror
    commands: CommandService
    mirroring: asyncio.Task[None]

    def url(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.port}{path}"


@dataclass
class House:
    database_url: str
    engine: Database
    secret_key: SecretKey
    bus: Bus
    running: list[RunningGateway] = field(default_factory=list)
    subscribed: dict[str, frozenset[str]] = field(default_factory=dict)
    registered: int = 0

    def __post_init__(self) -> None:
        self.sql(TABLES)
        self.sql(
            "insert into organizations (organization_id, name, contact_email) values ('org_1', 'O', 'o@example.org')"
        )
        self.sql("insert into sites (site_id, organization_id, name, address) values ('site_1', 'org_1', 'S', 'A')")
        self.sql(
            "insert into projects (project_id, organization_id, site_id, name, charge_points_expected)"
            " values ('proj_1', 'org_1', 'site_1', 'P', 1)"
        )
        self.credentials = CredentialService(self.secret_key)

    def sql(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.database_url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    async def a_charge_point(self, *, version: str = "1.6", boot_policy: str = "accepted") -> Registered:
        self.registered += 1
        identity, serial = f"CP-{self.registered:03}", f"SN{self.registered:06}"
        [row] = self.sql(
            "insert into charge_points (charge_point_id, organization_id, site_id, project_id, serial_number, vendor, model,"
            " ocpp_version, connector_count, boot_policy) values (%(i)s, 'org_1', 'site_1', 'proj_1', %(s)s, 'V', 'M', %(v)s, 2,"
            " %(b)s) returning key",
            i=identity, s=serial, v=version, b=boot_policy,
        )  # fmt: skip
        self.sql(
            "insert into charge_point_live (charge_point_key, organization_id) values (%(k)s, 'org_1')", k=row["key"]
        )
        async with self.engine.transaction(ENGINE) as session:
            password = await self.credentials.create(session, row["key"], "org_1")
        for running in self.running:
            await running.mirror.refresh()
        return Registered(row["key"], identity, serial, password, version)

    async def a_gateway(
        self, bus: Bus | None = None, settings: GatewaySettings | None = None, handlers: Handlers | None = None
    ) -> RunningGateway:
        bus = bus or self.bus

        async def subscriptions(_database: Any) -> dict[str, frozenset[str]]:
            return dict(self.subscribed)

        mirror = Mirror(self.engine, self.secret_key, subscriptions)
        await mirror.refresh()
        attempts = AttemptService(self.engine, SystemClock())
        ports = Ports(
            handlers=handlers or HANDLERS,
            identities=mirror,
            presence=RowPresence(self.engine),
            record_attempts=attempts.store_attempts,
            frame_log=frames.write,
            quarantine=quarantine.write,
        )
        gateway = Gateway(self.engine.url, bus, ports, settings)
        port = await gateway.start("127.0.0.1", 0)
        running = RunningGateway(
            gateway, port, mirror, CommandService(self.engine, bus), asyncio.create_task(mirror.run(bus))
        )
        self.running.append(running)
        return running

    async def stop(self, running: RunningGateway) -> None:
        self.running.remove(running)
        running.mirroring.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running.mirroring
        await running.gateway.stop()

    async def attempts(self, count: int) -> list[dict[str, Any]]:
        """The recorded attempts, as soon as there are `count`."""
        return await self.rows("select * from connection_attempts order by attempt_id", count)

    async def rows(self, query: str, count: int, **values: Any) -> list[dict[str, Any]]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(found := self.sql(query, **values)) < count:
                await asyncio.sleep(0.02)
        return found


def basic(user: str, password: str | bytes) -> str:
    secret = password.encode() if isinstance(password, str) else password
    return "Basic " + base64.b64encode(user.encode() + b":" + secret).decode()


async def connect(
    running: RunningGateway,
    charge_point: Registered,
    *,
    path: str | None = None,
    authorization: str | None = "",
    subprotocols: list[str] | None = None,
    **options: Any,
) -> websockets.ClientConnection:
    """Open a socket as the charge point would; raises InvalidStatus when refused."""
    headers = {} if authorization is None else {"Authorization": authorization or charge_point.authorization}
    return await websockets.connect(
        running.url(path or f"/ocpp/{charge_point.version}/{charge_point.identity}"),
        subprotocols=subprotocols if subprotocols is not None else [f"ocpp{charge_point.version}"],
        additional_headers=headers,
        user_agent_header=None,
        **options,
    )


async def ask(socket: websockets.ClientConnection, frame: Any, *, seconds: float = PATIENCE_SECONDS) -> Any:
    """Send one frame (JSON, or text as it is) and give what comes back, read."""
    await socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))
    return await hear(socket, seconds=seconds)


async def hear(socket: websockets.ClientConnection, *, seconds: float = PATIENCE_SECONDS) -> Any:
    async with asyncio.timeout(seconds):
        return json.loads(await socket.recv())


async def boot_up(socket: websockets.ClientConnection, version: str = "1.6") -> Any:
    payload = (
        {"chargePointVendor": "V", "chargePointModel": "M"}
        if version == "1.6"
        else {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}}
    )
    return await ask(socket, [2, "boot", "BootNotification", payload])


async def closed_with(socket: websockets.ClientConnection, *, seconds: float = PATIENCE_SECONDS) -> int:
    """The close code that ends the socket."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                await socket.recv()
            except websockets.ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 1006


async def raw(port: int, data: bytes, *, seconds: float = PATIENCE_SECONDS) -> bytes:
    """Send bytes on a plain socket and give everything that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    async with asyncio.timeout(seconds):
        answer = await reader.read()
    writer.close()
    return answer


def meter_values(connector: int = 1) -> dict[str, Any]:
    at = datetime.now(UTC).isoformat()
    return {"connectorId": connector, "meterValue": [{"timestamp": at, "sampledValue": [{"value": "12"}]}]}
