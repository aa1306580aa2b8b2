"""The hub itself: what becomes of a request to a functional module (OCPI 2.2.1 §4.2). `ocpi_routes` calls `answer`.

Direct requests go to their party; pushes of locations, tariffs and tokens to the hub are kept and broadcast; GET ALL is answered from
what is kept; everything else without a receiver is placed by what it is about.
"""

from sliproad.features.roaming import keeping, objects_store, store
from sliproad.features.roaming.admission import require_registered
from sliproad.features.roaming.asking import Ask, Told
from sliproad.features.roaming.callbacks import Callbacks
from sliproad.features.roaming.forwarding import Forwarding
from sliproad.features.roaming.model import Identity
from sliproad.features.roaming.placing import Placing
from sliproad.features.roaming.presence import Presence
from sliproad.features.roaming.pushes import Push, queue
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database, Session
from sliproad.foundation.jobs import Jobs
from sliproad.ocpi.ids import Party
from sliproad.ocpi.modules import Interface, ModuleId, Role, methods_of
from sliproad.ocpi.paging import MOST, PageAsked, next_link, page_asked
from sliproad.ocpi.routing import BROADCAST, OWNERS, Kind, addresses, broadcast_roles, headers_between, kind_of
from sliproad.ocpi.status_codes import InvalidParameters, MethodNotAllowed, NotKnown

CALLED_BACK = frozenset({ModuleId.COMMANDS, ModuleId.CHARGING_PROFILES})
CONCERNS_ONE = frozenset({ModuleId.SESSIONS, ModuleId.CDRS})


class Hub:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        jobs: Jobs,
        *,
        identity: Identity,
        presence: Presence,
        forwarding: Forwarding,
        callbacks: Callbacks,
    ) -> None:
        """`database` speaks as `engine`."""
        self.database, self.clock, self.jobs = database, clock, jobs
        self.identity, self.presence = identity, presence
        self.forwarding, self.callbacks = forwarding, callbacks
        self.placing = Placing(database, jobs, forwarding)

    async def answer(self, ask: Ask) -> Told:
        """What the hub says to a request.

        Raises:
            Unauthorized: a registration token, or a suspended connection.
            NotKnown: there is no such path, or what is asked for is not there.
            MethodNotAllowed: the interface has no such method.
            OcpiError: 2001 and 400x, see `forwarding` and `keeping`.
        """
        require_registered(ask.caller)
        allowed = methods_of(ask.module, ask.interface, len(ask.segments))
        if not allowed:
            raise NotKnown("There is nothing at this address.")
        if ask.method not in allowed:
            raise MethodNotAllowed(f"{ask.module} has no {ask.method} here.", allowed)
        if ask.module is ModuleId.HUB_CLIENT_INFO:
            return await self._client_infos(ask)
        if ask.method == "POST" and ask.interface is Interface.SENDER and ask.module in CALLED_BACK:
            return await self.callbacks.bring_back(ask)
        sender, to = addresses(ask.headers)
        if not ask.caller.connection.roles_of(sender):
            raise InvalidParameters(f"{sender} in the OCPI-from- headers is no party of this token.")
        kind = kind_of(ask.method, ask.interface, len(ask.segments), to, self.identity.party)
        if kind is Kind.DIRECT and to is not None:
            return await self.forwarding.forward(ask, sender, to)
        if kind is Kind.GET_ALL:
            return await self._everything(ask, sender)
        if ask.interface is Interface.RECEIVER and ask.module in BROADCAST:
            return await self._own_copy(ask, sender) if ask.method == "GET" else await self._broadcast(ask, sender)
        return await self.placing.place(ask, sender)

    async def _client_infos(self, ask: Ask) -> Told:
        asked = page_asked(ask.query)
        infos, total = await self.presence.page(asked, ask.caller.connection.connection_id)
        return Told(infos, headers=self._page_headers(ask, asked, total))

    async def _everything(self, ask: Ask, sender: Party) -> Told:
        """GET ALL from what is kept; sessions and CDRs only to the party they concern."""
        asked = page_asked(ask.query)
        if ask.module is ModuleId.SESSIONS and asked.date_from is None:
            raise InvalidParameters("date_from: is required for sessions")
        receiver = sender if ask.module in CONCERNS_ONE else None
        async with self.database.transaction(ENGINE) as session:
            rows, total = await objects_store.page(session, ask.module.value, asked, receiver)
        ended_at = rows[-1].object_number if rows else 0
        headers = {**headers_between(self.identity.party, sender), **self._page_headers(ask, asked, total, ended_at)}
        return Told([row.body for row in rows], headers=headers)

    async def _own_copy(self, ask: Ask, sender: Party) -> Told:
        """A receiver's interface asked for one object: the hub is the receiver, and has a copy."""
        async with self.database.transaction(ENGINE) as session:
            found = await keeping.read(session, ask)
        return Told(found, headers=headers_between(self.identity.party, sender))

    async def _broadcast(self, ask: Ask, sender: Party) -> Told:
        """Keep an object, and tell every party of an opposite role; what they answer is not the sender's business (§4.2.3)."""
        async with self.database.transaction(ENGINE) as session:
            is_new = await keeping.keep(session, ask, sender)
            pushes = await self._pushes(session, ask, sender)
            await queue(session, self.jobs, self.clock.now(), pushes, ask.correlation_id)
        return Told(http_status=201 if is_new else 200, headers=headers_between(self.identity.party, sender))

    async def _pushes(self, session: Session, ask: Ask, sender: Party) -> list[Push]:
        """One request for each party that hears this: the path keeps the owner's party, the headers name the hub."""
        own_roles = ask.caller.connection.roles_of(sender) & OWNERS[ask.module]
        hearing = frozenset[Role]().union(*(broadcast_roles(role) for role in own_roles))
        rows = await store.reachable(session, ask.module.value, ask.interface.value)
        others = [(row, url) for row, url in rows if row.connection_id != ask.caller.connection.connection_id]
        connections = await store.as_connections(session, [row for row, _ in others])
        query = f"?{ask.query_string}" if ask.query_string else ""
        return [
            Push(
                connection.connection_id,
                ask.module.value,
                ask.method,
                f"{url.rstrip('/')}{ask.suffix}{query}",
                headers_between(self.identity.party, receiver),
                ask.body or None,
                str(sender),
                str(receiver),
            )
            for connection, (_, url) in zip(connections, others, strict=True)
            for receiver in connection.parties
            if connection.roles_of(receiver) & hearing
        ]

    def _page_headers(self, ask: Ask, asked: PageAsked, total: int, ended_at: int = 0) -> dict[str, str]:
        headers = {"X-Total-Count": str(total), "X-Limit": str(MOST)}
        if link := next_link(self.identity.endpoint_url(ask.module, ask.interface), asked, total, ended_at):
            headers["Link"] = link
        return headers
