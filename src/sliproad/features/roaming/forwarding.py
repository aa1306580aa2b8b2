"""One request carried to one party, and its answer back (OCPI 2.2.1 §4.2.6): headers, ids, the 10 s, and what hub errors mean.

How it went is recorded, without bodies and queries.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson

from sliproad.features.roaming import store
from sliproad.features.roaming.asking import Ask, Told
from sliproad.features.roaming.callbacks import Callbacks
from sliproad.features.roaming.messages_store import MessageRow
from sliproad.features.roaming.model import ConnectionStatus, Identity
from sliproad.features.roaming.peers import Access, Peers, Reply
from sliproad.features.roaming.presence import Presence
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.errors import UpstreamUnavailable
from sliproad.foundation.outbound import NoAnswerInTime
from sliproad.ocpi.ids import Party
from sliproad.ocpi.modules import Interface, ModuleId
from sliproad.ocpi.routing import headers_between
from sliproad.ocpi.status_codes import InvalidParameters, OcpiError, StatusCode

LINK = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')
NO_FAULT_OF_THE_CALLER = frozenset({401, 403})
"""The receiver does not know the hub: that is between the two of them."""


class Forwarding:
    def __init__(
        self, database: Database, *, peers: Peers, presence: Presence, callbacks: Callbacks, identity: Identity
    ) -> None:
        """`database` speaks as `engine`."""
        self.database, self.peers, self.presence = database, peers, presence
        self.callbacks, self.identity = callbacks, identity

    async def forward(self, ask: Ask, sender: Party, receiver: Party) -> Told:
        """Ask the receiver, and give its answer as it came.

        Raises:
            OcpiError: 4001 nobody knows the receiver, 4002 it said nothing in time, 4003 it is not connected, 4000 it does not
                implement the interface or gave no OCPI answer.
        """
        connection_id, url, access = await self._receiver(ask, receiver)
        body, query = await self._with_our_response_url(ask, sender, receiver, connection_id)
        message = MessageRow(
            connection_id=connection_id,
            sender=str(sender),
            receiver=str(receiver),
            module=ask.module.value,
            method=ask.method,
            url=f"{url.rstrip('/')}{ask.suffix}",
            headers={},
            status="failed",
            created_at=self.presence.clock.now(),
        )
        try:
            reply = await self._sent(ask, message, access, body=body, query=query)
        finally:
            message.answered_at = self.presence.clock.now()
            async with self.database.transaction(ENGINE) as session:
                session.add(message)
        headers = {**headers_between(receiver, sender), **self._carried(ask, reply)}
        return Told(http_status=reply.http_status, headers=headers, relayed=reply.body)

    async def _sent(self, ask: Ask, message: MessageRow, access: Access, *, body: bytes | None, query: str) -> Reply:
        """The receiver's answer; `message` learns how it went. Raises as `forward`."""
        receiver = message.receiver or ""
        between = headers_between(Party(*(message.sender or "").split("*")), Party(*receiver.split("*")))
        try:
            reply = await self.peers.ask(
                ask.method,
                f"{message.url}?{query}" if query else message.url,
                access,
                headers=between,
                body=body,
                correlation_id=ask.correlation_id,
            )
        except NoAnswerInTime as error:
            message.error = error.detail[:300]
            raise OcpiError(StatusCode.TIMEOUT, f"{receiver}: {error.detail}") from None
        except UpstreamUnavailable as error:
            message.error = error.detail[:300]
            await self.presence.lost(message.connection_id, error.detail)
            raise OcpiError(StatusCode.CONNECTION_PROBLEM, f"{receiver}: {error.detail}") from None
        message.http_status, message.status_code = reply.http_status, reply.status_code
        message.status = "delivered" if reply.is_success else "refused"
        if reply.http_status in NO_FAULT_OF_THE_CALLER:
            raise OcpiError(StatusCode.CONNECTION_PROBLEM, f"{receiver} does not accept this hub's token.")
        if not reply.envelope:
            raise OcpiError(StatusCode.HUB_ERROR, f"{receiver} answered HTTP {reply.http_status} and no OCPI message.")
        return reply

    async def _receiver(self, ask: Ask, receiver: Party) -> tuple[str, str, Access]:
        async with self.database.transaction(ENGINE) as session:
            row = await store.connection_of(session, receiver)
            if row is None:
                raise OcpiError(StatusCode.UNKNOWN_RECEIVER, f"No party {receiver} is known here.")
            if row.status != ConnectionStatus.CONNECTED.value or row.their_token_sealed is None:
                raise OcpiError(StatusCode.CONNECTION_PROBLEM, f"{receiver} is {row.status}.")
            url = await store.endpoint_url(session, row.connection_id, ask.module.value, ask.interface.value)
            if url is None:
                sentence = f"{receiver} does not implement the {ask.interface} interface of {ask.module}."
                raise OcpiError(StatusCode.HUB_ERROR, sentence)
            return row.connection_id, url, self.peers.access(row.their_token_sealed, row.token_style)

    async def _with_our_response_url(
        self, ask: Ask, sender: Party, receiver: Party, given_to: str
    ) -> tuple[bytes | None, str]:
        """Body and query, with an address of ours where a `response_url` stands."""
        is_asynchronous = ask.interface is Interface.RECEIVER and ask.module in {
            ModuleId.COMMANDS,
            ModuleId.CHARGING_PROFILES,
        }
        if not is_asynchronous:
            return ask.body or None, ask.query_string
        if ask.body:
            content: dict[str, Any] = ask.json()
            ours = await self.callbacks.stand_in(ask, content.get("response_url"), sender, receiver, given_to)
            return orjson.dumps({**content, "response_url": ours}), ask.query_string
        if "response_url" not in ask.query:
            raise InvalidParameters("response_url: is required")
        ours = await self.callbacks.stand_in(ask, ask.query["response_url"], sender, receiver, given_to)
        pairs = [(name, value) for name, value in parse_qsl(ask.query_string) if name != "response_url"]
        return None, urlencode([*pairs, ("response_url", ours)])

    def _carried(self, ask: Ask, reply: Reply) -> Mapping[str, str]:
        """Headers of the answer that count for the caller; links lead to the hub."""
        found = {
            name: reply.headers[name.lower()] for name in ("X-Total-Count", "X-Limit") if name.lower() in reply.headers
        }
        ours = f"{self.identity.endpoint_url(ask.module, ask.interface)}{ask.suffix}"
        if link := LINK.search(reply.headers.get("link", "")):
            found["Link"] = f'<{ours}?{urlsplit(link[1]).query}>; rel="next"'
        if "location" in reply.headers and ask.module is ModuleId.CDRS:
            content = ask.json()
            place = (content.get("country_code"), content.get("party_id"), content.get("id"))
            if all(isinstance(part, str) for part in place):
                found["Location"] = "/".join((ours, *map(str, place)))
        return found
