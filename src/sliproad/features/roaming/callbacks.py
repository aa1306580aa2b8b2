"""`response_url`: the hub gives an address of its own in its place, and carries the result back (OCPI 2.2.1 §13.1, §14.1; trust H4).

An address holds 128 random bits, counts once, for the platform alone that it was given to, and for a few minutes.
"""

import secrets
from datetime import timedelta
from urllib.parse import urlsplit

from sliproad.features.roaming import messages_store, store
from sliproad.features.roaming.admission import Admission
from sliproad.features.roaming.asking import Ask, Told
from sliproad.features.roaming.messages_store import CallbackRow
from sliproad.features.roaming.model import Identity
from sliproad.features.roaming.peers import Peers
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.errors import InvalidInput, UpstreamUnavailable
from sliproad.foundation.outbound import NoAnswerInTime
from sliproad.ocpi.fields import checked
from sliproad.ocpi.ids import Party
from sliproad.ocpi.modules import Interface, ModuleId
from sliproad.ocpi.objects.commands import CommandResult
from sliproad.ocpi.routing import headers_between
from sliproad.ocpi.status_codes import InvalidParameters, NotKnown, OcpiError, StatusCode

LASTS = timedelta(minutes=15)


class Callbacks:
    def __init__(
        self, database: Database, clock: Clock, *, admission: Admission, peers: Peers, identity: Identity
    ) -> None:
        """`database` speaks as `engine`."""
        self.database, self.clock = database, clock
        self.admission, self.peers, self.identity = admission, peers, identity

    async def stand_in(self, ask: Ask, response_url: object, sender: Party, receiver: Party, given_to: str) -> str:
        """An address of ours for `response_url`, for the platform `given_to` only.

        Raises:
            InvalidParameters: 2001, the URL is none that the hub dials.
        """
        if not isinstance(response_url, str):
            raise InvalidParameters("response_url: is required")
        try:
            self.peers.client.guard.check_text(response_url, field="response_url")
        except InvalidInput as error:
            raise InvalidParameters(error.detail) from None
        secret = secrets.token_urlsafe(16)
        async with self.database.transaction(ENGINE) as session:
            session.add(
                CallbackRow(
                    callback_hash=self.admission.hash_of(secret),
                    module=ask.module.value,
                    given_to=given_to,
                    connection_id=ask.caller.connection.connection_id,
                    sender=str(sender),
                    receiver=str(receiver),
                    response_url=response_url,
                    expires_at=self.clock.now() + LASTS,
                )
            )
        return f"{self.identity.endpoint_url(ask.module, Interface.SENDER)}/{secret}"

    async def bring_back(self, ask: Ask) -> Told:
        """Carry a result to the `response_url` that its address stands for; the body goes as it came.

        Raises:
            InvalidParameters: 2001, it is no result of a command.
            NotKnown: the address is none, was used, is over, or was given to somebody else (404).
            OcpiError: 4002, 4003: whoever waits for it can't be told.
        """
        content = ask.json()
        if ask.module is ModuleId.COMMANDS:
            checked(CommandResult, content)
        used = self.admission.hash_of(ask.segments[0])
        async with self.database.transaction(ENGINE) as session:
            row = await messages_store.use_callback(
                session, used, ask.caller.connection.connection_id, self.clock.now()
            )
            waiting = await store.connection_row(session, row.connection_id) if row is not None else None
        if row is None or row.module != ask.module.value:
            raise NotKnown("Nothing waits for a result here.")
        if waiting is None or waiting.their_token_sealed is None:
            raise OcpiError(StatusCode.CONNECTION_PROBLEM, "Whoever waits for this result is not connected.")
        sender, receiver = Party(*row.receiver.split("*")), Party(*row.sender.split("*"))
        access = self.peers.access(waiting.their_token_sealed, waiting.token_style)
        try:
            reply = await self.peers.ask(
                "POST",
                row.response_url,
                access,
                headers=headers_between(sender, receiver),
                body=ask.body,
                correlation_id=ask.correlation_id,
            )
        except NoAnswerInTime as error:
            raise OcpiError(StatusCode.TIMEOUT, error.detail) from None
        except UpstreamUnavailable as error:
            raise OcpiError(StatusCode.CONNECTION_PROBLEM, error.detail) from None
        if not reply.is_success:
            host = urlsplit(row.response_url).hostname
            raise OcpiError(StatusCode.HUB_ERROR, f"{host} answered HTTP {reply.http_status} to this result.")
        return Told(headers=headers_between(receiver, sender))
