"""Which platforms are there, and telling the others (OCPI 2.2.1 §15): HubClientInfo, its pushes, and the still-alive check."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import structlog

from sliproad.features.roaming import messages_store, store
from sliproad.features.roaming.model import Connection, ConnectionStatus
from sliproad.features.roaming.peers import Peers
from sliproad.features.roaming.pushes import Push, queue
from sliproad.features.roaming.store import ConnectionRow
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database, Session
from sliproad.foundation.errors import UpstreamUnavailable
from sliproad.foundation.jobs import Jobs
from sliproad.ocpi.fields import written
from sliproad.ocpi.modules import Interface, ModuleId
from sliproad.ocpi.paging import PageAsked

log = structlog.get_logger()
SILENCE = timedelta(minutes=5)
"""§15.2.3: after this long the hub asks whether a platform is still there."""


class Presence:
    def __init__(self, database: Database, clock: Clock, jobs: Jobs, peers: Peers) -> None:
        """`database` speaks as `engine`."""
        self.database, self.clock, self.jobs, self.peers = database, clock, jobs, peers

    async def page(self, asked: PageAsked, besides: str) -> tuple[list[dict[str, Any]], int]:
        """ClientInfo of every role of every party but those of the connection `besides`, oldest first; and how many in all."""
        async with self.database.transaction(ENGINE) as session:
            connections = await store.as_connections(session, await store.every_connection(session))
        infos = [
            info
            for connection in connections
            if connection.connection_id != besides
            and (asked.date_from is None or connection.changed_at >= asked.date_from)
            and (asked.date_to is None or connection.changed_at < asked.date_to)
            for info in client_infos(connection)
        ]
        return infos[asked.offset : asked.offset + asked.limit], len(infos)

    async def set_status(self, session: Session, row: ConnectionRow, status: ConnectionStatus) -> None:
        """Change a connection's status and tell the others, in `session`'s transaction; no change, nothing told."""
        if row.status == status.value:
            return
        row.status, row.changed_at = status.value, self.clock.now()
        await session.flush()
        await self.announce(session, row)
        log.info("ocpi_connection_changed", connection_id=row.connection_id, status=status.value)

    async def announce(self, session: Session, row: ConnectionRow) -> None:
        """PUT the ClientInfo of a connection's roles to every other platform that implements the module."""
        connection = await store.as_connection(session, row)
        receivers = await store.reachable(session, ModuleId.HUB_CLIENT_INFO.value, Interface.RECEIVER.value)
        pushes = [
            Push(
                receiver.connection_id,
                ModuleId.HUB_CLIENT_INFO.value,
                "PUT",
                f"{url.rstrip('/')}/{info['country_code']}/{info['party_id']}",
                {},
                orjson.dumps(info),
            )
            for receiver, url in receivers
            if receiver.connection_id != row.connection_id
            for info in client_infos(connection)
        ]
        await queue(session, self.jobs, self.clock.now(), pushes, str(uuid4()))

    async def heard(self, connection: Connection) -> None:
        """A platform that was OFFLINE spoke to us."""
        if connection.status is not ConnectionStatus.OFFLINE or not connection.is_registered:
            return
        async with self.database.transaction(ENGINE) as session:
            row = await store.connection_row(session, connection.connection_id, lock=True)
            if row is not None and row.status == ConnectionStatus.OFFLINE.value:
                row.heard_at = self.clock.now()
                await self.set_status(session, row, ConnectionStatus.CONNECTED)

    async def lost(self, connection_id: str, reason: str) -> None:
        """A platform did not answer: it is OFFLINE, and what waits for it is dropped."""
        async with self.database.transaction(ENGINE) as session:
            row = await store.connection_row(session, connection_id, lock=True)
            if row is not None and row.status == ConnectionStatus.CONNECTED.value:
                await self.set_status(session, row, ConnectionStatus.OFFLINE)
            await messages_store.drop_waiting(session, connection_id, reason[:300])

    async def check_silent(self) -> None:
        """Ask each platform that was silent for long, or is away, for its versions: the still-alive check."""
        async with self.database.transaction(ENGINE) as session:
            rows = await store.silent(session, self.clock.now() - SILENCE)
        for row in rows:
            await self._check(row)

    async def _check(self, row: ConnectionRow) -> None:
        if row.their_token_sealed is None or row.versions_url is None:
            return
        access = self.peers.access(row.their_token_sealed, row.token_style)
        try:
            reply = await self.peers.ask("GET", row.versions_url, access)
        except UpstreamUnavailable as error:
            await self.lost(row.connection_id, error.detail)
            return
        if not reply.is_success:
            await self.lost(row.connection_id, f"Its versions answered HTTP {reply.http_status}.")
            return
        async with self.database.transaction(ENGINE) as session:
            found = await store.connection_row(session, row.connection_id, lock=True)
            if found is not None and found.registered_at is not None:
                found.heard_at = self.clock.now()
                if found.status == ConnectionStatus.OFFLINE.value:
                    await self.set_status(session, found, ConnectionStatus.CONNECTED)


def client_infos(connection: Connection) -> list[dict[str, Any]]:
    """One for each role (§15.4.1)."""
    return [
        {
            "country_code": role.party.country_code,
            "party_id": role.party.party_id,
            "role": role.role.value,
            "status": connection.status.value,
            "last_updated": written(connection.changed_at),
        }
        for role in connection.roles
    ]
