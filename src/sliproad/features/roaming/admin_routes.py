"""`/api/v1/admin/ocpi`: the hub's parties, for platform administrators: invite, look, suspend, resume, register with a platform."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from sliproad.features.accounts.guards import PlatformAdmin
from sliproad.features.roaming.messages_store import MessageRow
from sliproad.features.roaming.model import Connection
from sliproad.features.roaming.objects_store import ObjectRow
from sliproad.features.roaming.parties import Detail, Invitation, Parties, WantedRole
from sliproad.features.roaming.quick_start import QuickStart
from sliproad.foundation.web import PageQuery, RequestModel, Text, Timestamp

RoleName = Literal["CPO", "EMSP", "NAP", "NSP", "OTHER", "SCSP"]


class RoleRequest(RequestModel):
    country_code: Annotated[str, Field(pattern=r"^[A-Za-z]{2}$", examples=["FR"])]
    party_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{3}$", examples=["ABC"])]
    role: RoleName


class ConnectionRequest(RequestModel):
    name: Text
    roles: Annotated[list[RoleRequest], Field(min_length=1, max_length=50)]


class RolesRequest(RequestModel):
    roles: Annotated[list[RoleRequest], Field(min_length=1, max_length=50)]


class RegistrationRequest(RequestModel):
    versions_url: Annotated[str, Field(max_length=255, examples=["https://partner.example/ocpi/versions"])]
    token: Annotated[str, Field(min_length=1, max_length=64)]
    """The registration token that the platform gave you for this hub."""


class RoleAnswer(BaseModel):
    country_code: str
    party_id: str
    role: str
    name: str | None
    """As the party calls itself in its credentials."""


class ConnectionAnswer(BaseModel):
    connection_id: str
    name: str
    status: str
    is_registered: bool
    roles: list[RoleAnswer]
    version: str | None
    versions_url: str | None
    token_style: str
    created_at: Timestamp
    changed_at: Timestamp
    heard_at: Timestamp | None


class InvitationAnswer(ConnectionAnswer):
    registration_token: str
    """Shown this once; good for 14 days and one registration. Empty where the platform is registered already."""


class ConnectionList(BaseModel):
    connections: list[ConnectionAnswer]
    total: int


class EndpointAnswer(BaseModel):
    identifier: str
    role: str
    url: str


class HistoryAnswer(BaseModel):
    at: Timestamp
    by: str
    action: str


class ConnectionDetail(ConnectionAnswer):
    endpoints: list[EndpointAnswer]
    history: list[HistoryAnswer]


class MessageAnswer(BaseModel):
    message_number: int
    connection_id: str
    sender: str | None
    receiver: str | None
    module: str
    method: str
    url: str
    status: str
    http_status: int | None
    status_code: int | None
    error: str | None
    created_at: Timestamp
    sent_at: Timestamp | None
    answered_at: Timestamp | None


class HeldCdrAnswer(BaseModel):
    country_code: str
    party_id: str
    cdr: dict[str, Any]
    """As far as it could be filled in."""
    held_at: Timestamp


class HeldCdrList(BaseModel):
    held_cdrs: list[HeldCdrAnswer]


class MessageList(BaseModel):
    messages: list[MessageAnswer]
    next_cursor: str | None


def connection_answer(connection: Connection) -> ConnectionAnswer:
    roles = [
        RoleAnswer(
            country_code=each.party.country_code,
            party_id=each.party.party_id,
            role=each.role.value,
            name=(each.business_details or {}).get("name"),
        )
        for each in connection.roles
    ]
    return ConnectionAnswer(
        connection_id=connection.connection_id,
        name=connection.name,
        status=connection.status.value,
        is_registered=connection.is_registered,
        roles=roles,
        version=connection.version,
        versions_url=connection.versions_url,
        token_style=connection.style.value,
        created_at=connection.created_at,
        changed_at=connection.changed_at,
        heard_at=connection.heard_at,
    )


def invitation_answer(invitation: Invitation) -> InvitationAnswer:
    return InvitationAnswer(
        registration_token=invitation.token, **connection_answer(invitation.connection).model_dump()
    )


def detail_answer(detail: Detail) -> ConnectionDetail:
    return ConnectionDetail(
        endpoints=[
            EndpointAnswer(identifier=each.identifier, role=each.role, url=each.url) for each in detail.endpoints
        ],
        history=[HistoryAnswer(at=each.at, by=each.by, action=each.action) for each in detail.history],
        **connection_answer(detail.connection).model_dump(),
    )


def message_answer(row: MessageRow) -> MessageAnswer:
    return MessageAnswer(**{name: getattr(row, name) for name in MessageAnswer.model_fields})


def held_answer(row: ObjectRow) -> HeldCdrAnswer:
    return HeldCdrAnswer(country_code=row.country_code, party_id=row.party_id, cdr=row.body, held_at=row.last_updated)


def _wanted(roles: list[RoleRequest]) -> list[WantedRole]:
    return [WantedRole(each.country_code, each.party_id, each.role) for each in roles]


def router(parties: Parties, quick_start: QuickStart) -> APIRouter:
    """The routes of the hub's parties."""
    api = APIRouter(prefix="/api/v1/admin/ocpi", tags=["platform administration"])

    @api.post("/connections", status_code=201)
    async def invite_platform(actor: PlatformAdmin, body: ConnectionRequest) -> InvitationAnswer:
        """Invite a platform to the roaming hub, in these roles. Give it the registration token and the address of `/ocpi/versions`."""
        return invitation_answer(await parties.invite(body.name, _wanted(body.roles), by=actor.key))

    @api.get("/connections")
    async def list_platforms(actor: PlatformAdmin) -> ConnectionList:  # noqa: ARG001 (who asks is checked)
        """Every platform of the hub, oldest first."""
        found = [connection_answer(each) for each in await parties.connections()]
        return ConnectionList(connections=found, total=len(found))

    @api.get("/connections/{connection_id}")
    async def read_platform(actor: PlatformAdmin, connection_id: str) -> ConnectionDetail:  # noqa: ARG001
        """One platform, what it offers, and what was done to it."""
        return detail_answer(await parties.detail(connection_id))

    @api.post("/connections/{connection_id}/roles")
    async def approve_roles(actor: PlatformAdmin, connection_id: str, body: RolesRequest) -> InvitationAnswer:
        """Approve a platform for more roles. One that is not registered yet gets another registration token."""
        return invitation_answer(
            await parties.invite("", _wanted(body.roles), by=actor.key, connection_id=connection_id)
        )

    @api.post("/connections/{connection_id}/registration-token")
    async def renew_registration_token(actor: PlatformAdmin, connection_id: str) -> InvitationAnswer:
        """Another registration token; those before it die."""
        return invitation_answer(await parties.renew_token(connection_id, by=actor.key))

    @api.post("/connections/{connection_id}/suspend")
    async def suspend_platform(actor: PlatformAdmin, connection_id: str) -> ConnectionAnswer:
        """Hear and tell a platform nothing more; the others learn it by HubClientInfo."""
        return connection_answer(await parties.suspend(connection_id, by=actor.key))

    @api.post("/connections/{connection_id}/resume")
    async def resume_platform(actor: PlatformAdmin, connection_id: str) -> ConnectionAnswer:
        """End a suspension."""
        return connection_answer(await parties.resume(connection_id, by=actor.key))

    @api.post("/connections/{connection_id}/register")
    async def register_with_platform(
        actor: PlatformAdmin, connection_id: str, body: RegistrationRequest
    ) -> ConnectionAnswer:
        """Begin the handshake from here, with a registration token that the platform gave."""
        return connection_answer(
            await parties.register_with(connection_id, body.versions_url, body.token, by=actor.key)
        )

    @api.get("/messages")
    async def list_messages(
        actor: PlatformAdmin,  # noqa: ARG001
        page: PageQuery,
        connection_id: Annotated[str | None, Query(max_length=64)] = None,
    ) -> MessageList:
        """What the hub pushed and carried, newest first, with how each receiver answered."""
        after = page.after(int)
        rows = await parties.messages(connection_id, after[0] if after else None, page.limit + 1)
        kept, following = page.cut(rows, lambda row: (row.message_number,))
        return MessageList(messages=[message_answer(row) for row in kept], next_cursor=following)

    @api.get("/held-cdrs")
    async def list_held_cdrs(actor: PlatformAdmin) -> HeldCdrList:  # noqa: ARG001
        """CDRs of the quick start that wait for their session, oldest first."""
        return HeldCdrList(held_cdrs=[held_answer(row) for row in await quick_start.held()])

    return api
