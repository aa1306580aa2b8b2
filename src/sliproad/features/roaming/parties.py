"""What administrators do with the hub's parties: invite, suspend, resume, look; and have the hub register with a platform itself."""

from datetime import timedelta
from typing import NamedTuple

import orjson

from sliproad.features.roaming import messages_store, store
from sliproad.features.roaming.messages_store import MessageRow
from sliproad.features.roaming.model import Connection, ConnectionStatus
from sliproad.features.roaming.peers import Access, list_of, object_of
from sliproad.features.roaming.registration import TOKEN_CHARACTERS, Platform, Registration
from sliproad.features.roaming.store import AuditRow, ConnectionRow, EndpointRow, RegistrationTokenRow
from sliproad.foundation.database import ENGINE, Session
from sliproad.foundation.errors import Conflict, InvalidInput, NotFound, UpstreamUnavailable
from sliproad.foundation.ids import new_id, random_text
from sliproad.ocpi.ids import Party, party
from sliproad.ocpi.modules import VERSION, ModuleId, Role
from sliproad.ocpi.objects.credentials import Credentials, Version, VersionDetails
from sliproad.ocpi.status_codes import OcpiError
from sliproad.ocpi.token_header import TokenStyle, is_token

TOKEN_LASTS = timedelta(days=14)


class WantedRole(NamedTuple):
    """A role to approve, as it was written."""

    country_code: str
    party_id: str
    role: str


class Invitation(NamedTuple):
    """A connection and its registration token (A), shown this once."""

    connection: Connection
    token: str


class Detail(NamedTuple):
    """A connection with what it offers and its history."""

    connection: Connection
    endpoints: tuple[EndpointRow, ...]
    history: tuple[AuditRow, ...]


class Parties:
    def __init__(self, registration: Registration) -> None:
        self.registration = registration
        self.database, self.clock = registration.database, registration.clock

    async def invite(
        self, name: str, wanted: list[WantedRole], *, by: str, connection_id: str | None = None
    ) -> Invitation:
        """Approve roles for a new connection, or for one that is there, and make a registration token for it.

        A connection that is registered gets roles only; its token is empty then.

        Raises:
            InvalidInput: a role or party that can't be.
            Conflict: `party_exists`, a party is another connection's, or the hub's own.
            NotFound: there is no such connection.
        """
        roles = [_checked(index, each) for index, each in enumerate(wanted)]
        now = self.clock.now()
        async with self.database.transaction(ENGINE) as session:
            if connection_id is None:
                row = ConnectionRow(
                    connection_id=new_id("ocn"),
                    name=name,
                    status=ConnectionStatus.PLANNED.value,
                    token_style=TokenStyle.BASE64.value,
                    created_at=now,
                    changed_at=now,
                )
                session.add(row)
                await session.flush()
            else:
                row = await self._row(session, connection_id)
            for named, _ in roles:
                await self._require_free(session, named, row.connection_id)
            await store.add_roles(session, row.connection_id, roles)
            row.changed_at = now
            token = await self._new_token(session, row)
            self.registration.note(session, row, "invited", by, roles=[f"{role} {named}" for named, role in roles])
            await self.registration.presence.announce(session, row)
            return Invitation(await store.as_connection(session, row), token)

    async def renew_token(self, connection_id: str, *, by: str) -> Invitation:
        """Another registration token, in the place of those before it.

        Raises:
            NotFound: there is no such connection.
            Conflict: `invalid_state`, it is registered.
        """
        async with self.database.transaction(ENGINE) as session:
            row = await self._row(session, connection_id)
            if row.registered_at is not None:
                raise Conflict(
                    "This platform is registered. It changes its token itself, or unregisters.", code="invalid_state"
                )
            await store.use_registration_tokens(session, connection_id, self.clock.now())
            token = await self._new_token(session, row)
            self.registration.note(session, row, "registration_token_renewed", by)
            return Invitation(await store.as_connection(session, row), token)

    async def suspend(self, connection_id: str, *, by: str) -> Connection:
        """Hear and tell a platform nothing more, and tell the others so. Raises NotFound."""
        async with self.database.transaction(ENGINE) as session:
            row = await self._row(session, connection_id)
            await self.registration.presence.set_status(session, row, ConnectionStatus.SUSPENDED)
            await messages_store.drop_waiting(session, connection_id, "The platform is suspended.")
            self.registration.note(session, row, "suspended", by)
            return await store.as_connection(session, row)

    async def resume(self, connection_id: str, *, by: str) -> Connection:
        """End a suspension. Raises NotFound, or Conflict `invalid_state`: it is not suspended."""
        async with self.database.transaction(ENGINE) as session:
            row = await self._row(session, connection_id)
            if row.status != ConnectionStatus.SUSPENDED.value:
                raise Conflict("This connection is not suspended.", code="invalid_state")
            status = ConnectionStatus.CONNECTED if row.registered_at else ConnectionStatus.PLANNED
            await self.registration.presence.set_status(session, row, status)
            self.registration.note(session, row, "resumed", by)
            return await store.as_connection(session, row)

    async def connections(self) -> list[Connection]:
        """All of them, oldest first."""
        async with self.database.transaction(ENGINE) as session:
            return await store.as_connections(session, await store.every_connection(session))

    async def detail(self, connection_id: str) -> Detail:
        """One of them. Raises NotFound."""
        async with self.database.transaction(ENGINE) as session:
            row = await self._row(session, connection_id)
            endpoints = await store.endpoints_of(session, connection_id)
            history = await store.audit(session, connection_id)
            return Detail(await store.as_connection(session, row), tuple(endpoints), tuple(history))

    async def messages(self, connection_id: str | None, before: int | None, limit: int) -> list[MessageRow]:
        """What the hub sent, newest first; `before` is the number that the last page ended with."""
        async with self.database.transaction(ENGINE) as session:
            return list(await messages_store.messages(session, connection_id, before, limit))

    async def register_with(self, connection_id: str, versions_url: str, token: str, *, by: str) -> Connection:
        """Begin the handshake ourselves: with a registration token that the platform gave (OCPI 2.2.1 §7.1.1, as Sender).

        Raises:
            NotFound: there is no such connection.
            Conflict: `invalid_state`, it is registered or suspended.
            InvalidInput: URL or token can't be one.
            UpstreamUnavailable: the platform can't be used, in words.
        """
        if not is_token(token):
            raise InvalidInput.field("token", "is not a credentials token")
        self.registration.peers.client.guard.check_text(versions_url, field="versions_url")
        ours = random_text(TOKEN_CHARACTERS)
        async with self.database.transaction(
            ENGINE
        ) as session:  # kept first: the platform asks for our versions with it
            row = await self._row(session, connection_id)
            if row.registered_at is not None or row.status == ConnectionStatus.SUSPENDED.value:
                raise Conflict("This connection is registered or suspended.", code="invalid_state")
            row.our_token_hash = self.registration.admission.hash_of(ours)
            connection = await store.as_connection(session, row)
        try:
            credentials, platform = await self._introduce(versions_url, token, ours)
            details = self.registration.approved(connection, credentials)
        except (OcpiError, UpstreamUnavailable) as error:
            await self._forget_token(connection_id, self.registration.admission.hash_of(ours))
            raise UpstreamUnavailable(getattr(error, "detail", None) or str(error), code="partner_unusable") from None
        async with self.database.transaction(ENGINE) as session:
            row = await self._row(session, connection_id)
            await store.use_registration_tokens(session, connection_id, self.clock.now())
            await self.registration.keep(session, row, credentials, platform, details)
            self.registration.note(session, row, "registered_by_us", by)
            return await store.as_connection(session, row)

    async def _introduce(self, versions_url: str, token: str, ours: str) -> tuple[Credentials, Platform]:
        """POST our credentials where the platform's details say; gives its own, and how to reach it with their token."""
        peers = self.registration.peers
        found = await self.registration.discover(versions_url, token, TokenStyle.BASE64)
        url = next(each.url for each in found.endpoints if each.identifier.lower() == ModuleId.CREDENTIALS.value)
        body = orjson.dumps(self.registration.our_credentials(ours))
        reply = await peers.ask("POST", url, found.access, body=body)
        credentials = object_of(reply, Credentials, "The credentials endpoint")
        access = Access(credentials.token, found.access.style)
        versions = list_of(await peers.ask("GET", credentials.url, access), Version, "The versions endpoint")
        wanted = next((each.url for each in versions if each.version == VERSION), None)
        if wanted is None:
            raise UpstreamUnavailable(f"The versions behind its credentials have no {VERSION}.")
        details = object_of(await peers.ask("GET", wanted, access), VersionDetails, "The version details")
        return credentials, Platform(access, tuple(details.endpoints))

    async def _forget_token(self, connection_id: str, token_hash: str) -> None:
        async with self.database.transaction(ENGINE) as session:
            row = await self._row(session, connection_id)
            if row.our_token_hash == token_hash:
                row.our_token_hash = None

    async def _new_token(self, session: Session, row: ConnectionRow) -> str:
        if row.registered_at is not None:
            return ""
        token, now = random_text(TOKEN_CHARACTERS), self.clock.now()
        session.add(
            RegistrationTokenRow(
                token_hash=self.registration.admission.hash_of(token),
                connection_id=row.connection_id,
                created_at=now,
                expires_at=now + TOKEN_LASTS,
            )
        )
        await session.flush()
        return token

    async def _require_free(self, session: Session, named: Party, connection_id: str) -> None:
        taken = await store.party_row(session, named)
        if named == self.registration.identity.party or (taken and taken.connection_id != connection_id):
            raise Conflict(f"The party {named} is taken.", code="party_exists")

    async def _row(self, session: Session, connection_id: str) -> ConnectionRow:
        row = await store.connection_row(session, connection_id, lock=True)
        if row is None:
            raise NotFound("There is no such connection.")
        return row


def _checked(index: int, wanted: WantedRole) -> tuple[Party, Role]:
    """The party in capitals, and its role.

    Raises:
        InvalidInput: it can't be a party, or not in this role; a hub is no party of a hub.
    """
    named = party(wanted.country_code, wanted.party_id)
    if named is None:
        raise InvalidInput.field(f"roles.{index}", "must have two letters of a country and three letters or digits")
    name = wanted.role.strip().upper()
    if name not in Role.__members__ or name == Role.HUB.value:
        raise InvalidInput.field(f"roles.{index}.role", "must be CPO, EMSP, NAP, NSP, OTHER or SCSP")
    return named, Role(name)
