"""The credentials handshake, as the one who is asked (OCPI 2.2.1 §7.1, §7.2). `ocpi_routes` calls it.

A registration token (A) begins it; the platform's own token (B) is checked by asking for its versions and endpoints; our token (C)
ends it. PUT does the same anew with a token C, which dies; DELETE ends the connection.
"""

from dataclasses import dataclass
from typing import Any

import structlog

from sliproad.features.roaming import messages_store, store
from sliproad.features.roaming.admission import Admission
from sliproad.features.roaming.model import Caller, Connection, ConnectionStatus, Identity
from sliproad.features.roaming.peers import Access, Peers, list_of, object_of
from sliproad.features.roaming.presence import Presence
from sliproad.features.roaming.store import AuditRow, ConnectionRow
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database, Session
from sliproad.foundation.errors import InvalidInput, UpstreamUnavailable
from sliproad.foundation.ids import random_text
from sliproad.ocpi.fields import checked
from sliproad.ocpi.ids import Party, party
from sliproad.ocpi.modules import VERSION, ModuleId, Role
from sliproad.ocpi.objects.credentials import Credentials, Endpoint, Version, VersionDetails
from sliproad.ocpi.status_codes import InvalidParameters, MethodNotAllowed, OcpiError, StatusCode
from sliproad.ocpi.token_header import TokenStyle

log = structlog.get_logger()
TOKEN_CHARACTERS = 48
FUNCTIONAL = frozenset(ModuleId) - {ModuleId.CREDENTIALS, ModuleId.HUB_CLIENT_INFO}


@dataclass(frozen=True, slots=True)
class Platform:
    """What asking a platform gave: how to ask it, and where."""

    access: Access
    endpoints: tuple[Endpoint, ...]


class Registration:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        admission: Admission,
        peers: Peers,
        presence: Presence,
        identity: Identity,
    ) -> None:
        """`database` speaks as `engine`."""
        self.database, self.clock = database, clock
        self.admission, self.peers, self.presence, self.identity = admission, peers, presence, identity

    def our_credentials(self, token: str) -> dict[str, Any]:
        """The hub's credentials: it reports itself alone, as HUB (§7.3)."""
        hub = self.identity
        return {
            "token": token,
            "url": hub.versions_url,
            "roles": [
                {
                    "role": Role.HUB.value,
                    "party_id": hub.party.party_id,
                    "country_code": hub.party.country_code,
                    "business_details": {"name": hub.name},
                }
            ],
        }

    async def register(self, caller: Caller, body: Any) -> dict[str, Any]:
        """POST: begin. The answer is our credentials with the token (C) to use from now on.

        Raises:
            MethodNotAllowed: it is registered already (405).
            InvalidParameters: 2001, the credentials are not whole, or name roles that were not approved.
            OcpiError: 3001, 3002, 3003, see `discover`.
        """
        if not caller.is_registering or caller.connection.is_registered:
            raise MethodNotAllowed(
                "This platform is registered; PUT changes its credentials.", ("GET", "PUT", "DELETE")
            )
        return await self._agree(caller, checked(Credentials, body), "registered")

    async def update(self, caller: Caller, body: Any) -> dict[str, Any]:
        """PUT: new credentials, and a new token of ours for the one that was used, which dies.

        Raises:
            MethodNotAllowed: it is not registered (405).
            InvalidParameters: as `register`.
            OcpiError: as `register`.
        """
        self._require_registered(caller)
        return await self._agree(caller, checked(Credentials, body), "credentials_updated")

    async def unregister(self, caller: Caller) -> None:
        """DELETE: both tokens die, nothing more is sent; only a new registration token leads back.

        Raises:
            MethodNotAllowed: it is not registered (405).
        """
        self._require_registered(caller)
        async with self.database.transaction(ENGINE) as session:
            row = await self._locked(session, caller.connection)
            row.our_token_hash = row.their_token_sealed = row.registered_at = None
            await store.replace_endpoints(session, row.connection_id, ())
            await messages_store.drop_waiting(session, row.connection_id, "The platform unregistered.")
            if row.status != ConnectionStatus.SUSPENDED.value:
                await self.presence.set_status(session, row, ConnectionStatus.OFFLINE)
            self.note(session, row, "unregistered")

    def approved(self, connection: Connection, credentials: Credentials) -> dict[tuple[Party, Role], dict[str, Any]]:
        """What the credentials say of each role, every one of which was approved.

        Raises:
            InvalidParameters: one was not, or is there twice.
        """
        allowed = {(each.party, each.role) for each in connection.roles}
        found: dict[tuple[Party, Role], dict[str, Any]] = {}
        for index, role in enumerate(credentials.roles):
            named = party(role.country_code, role.party_id)
            if named is None or (named, role.role) not in allowed:
                raise InvalidParameters(
                    f"roles.{index}: {role.role} of {role.country_code}*{role.party_id} is not approved for this token"
                )
            if (named, role.role) in found:
                raise InvalidParameters(f"roles.{index}: stands there twice")
            found[named, role.role] = role.business_details.model_dump(mode="json", exclude_none=True)
        return found

    async def discover(self, url: str, token: str, style: TokenStyle) -> Platform:
        """Ask a platform for its versions, and for what it has in ours.

        Raises:
            OcpiError: 3001 it can't be asked; 3002 it has no version of ours; 3003 it lacks what the hub needs.
        """
        access = Access(token, style)
        try:
            reply, access = await self.peers.ask_in_any_style("GET", url, access)
            versions = list_of(reply, Version, "The versions endpoint")
            ours = next((each for each in versions if each.version == VERSION), None)
            if ours is None:
                has = ", ".join(each.version for each in versions[:10]) or "none"
                raise OcpiError(
                    StatusCode.UNSUPPORTED_VERSION, f"This hub speaks {VERSION}; the versions offered are: {has}."
                )
            details = object_of(await self.peers.ask("GET", ours.url, access), VersionDetails, "The version details")
        except UpstreamUnavailable as error:
            raise OcpiError(StatusCode.UNUSABLE_API, error.detail) from None
        self._require_endpoints(details.endpoints)
        return Platform(access, tuple(details.endpoints))

    def _require_endpoints(self, endpoints: list[Endpoint]) -> None:
        names = {each.identifier.lower() for each in endpoints}
        if ModuleId.CREDENTIALS.value not in names:
            raise OcpiError(StatusCode.NO_MATCHING_ENDPOINTS, "The version details have no credentials endpoint.")
        if not names & {module.value for module in FUNCTIONAL}:
            sentence = "The version details have no endpoint of any module that this hub carries."
            raise OcpiError(StatusCode.NO_MATCHING_ENDPOINTS, sentence)
        for endpoint in endpoints:
            try:
                self.peers.client.guard.check_text(endpoint.url)
            except InvalidInput as error:
                sentence = f"The {endpoint.identifier} endpoint: {error.detail}."
                raise OcpiError(StatusCode.UNUSABLE_API, sentence) from None

    async def _agree(self, caller: Caller, credentials: Credentials, action: str) -> dict[str, Any]:
        details = self.approved(caller.connection, credentials)
        platform = await self.discover(credentials.url, credentials.token, caller.style)
        token = random_text(TOKEN_CHARACTERS)
        async with self.database.transaction(ENGINE) as session:
            row = await self._locked(session, caller.connection)
            if caller.is_registering:
                is_first = await store.use_registration_tokens(session, row.connection_id, self.clock.now())
                if not is_first or row.registered_at is not None:
                    raise MethodNotAllowed("This registration token was used meanwhile.")
            elif row.our_token_hash != self.admission.hash_of(caller.token):
                raise MethodNotAllowed("These credentials were changed meanwhile.")
            row.our_token_hash = self.admission.hash_of(token)
            await self.keep(session, row, credentials, platform, details)
            self.note(session, row, action)
        return self.our_credentials(token)

    async def keep(
        self,
        session: Session,
        row: ConnectionRow,
        credentials: Credentials,
        platform: Platform,
        details: dict[tuple[Party, Role], dict[str, Any]],
    ) -> None:
        """What a platform told, in `session`'s transaction; it is connected from now on."""
        now = self.clock.now()
        row.their_token_sealed = self.peers.seal(credentials.token)
        row.token_style, row.versions_url, row.version = platform.access.style.value, credentials.url, VERSION
        row.registered_at = row.registered_at or now
        row.heard_at = now
        endpoints = [(each.identifier, each.role.value, each.url) for each in platform.endpoints]
        await store.replace_endpoints(session, row.connection_id, endpoints)
        for (named, role), business_details in details.items():
            await store.name_role(session, named, role, business_details)
        if row.status != ConnectionStatus.SUSPENDED.value:
            await self.presence.set_status(session, row, ConnectionStatus.CONNECTED)

    def note(self, session: Session, row: ConnectionRow, action: str, by: str = "platform", **detail: Any) -> None:
        """One line of the connection's history."""
        session.add(AuditRow(connection_id=row.connection_id, at=self.clock.now(), by=by, action=action, detail=detail))
        log.info("ocpi_connection", connection_id=row.connection_id, action=action, by=by)

    def _require_registered(self, caller: Caller) -> None:
        if caller.is_registering or not caller.connection.is_registered:
            raise MethodNotAllowed("This platform is not registered; POST begins.", ("GET", "POST"))

    async def _locked(self, session: Session, connection: Connection) -> ConnectionRow:
        row = await store.connection_row(session, connection.connection_id, lock=True)
        if row is None:
            raise OcpiError(StatusCode.SERVER_ERROR, "The connection is gone.")
        return row
