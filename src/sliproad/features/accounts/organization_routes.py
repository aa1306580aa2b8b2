"""`/api/v1/org/…`: an organisation's profile, API keys, users and invitations."""

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field

from sliproad.features.accounts.guards import Owner, Viewer
from sliproad.features.accounts.invitations import Invitation, Invitations
from sliproad.features.accounts.model import ApiKey, InvitationPurpose, KeyScope, Role
from sliproad.features.accounts.organizations import Organizations
from sliproad.features.accounts.store import MembershipRow, OrganizationRow
from sliproad.foundation.web import Email, PageQuery, RequestModel, Text, Timestamp, unset


class OrganizationAnswer(BaseModel):
    organization_id: str = Field(examples=["org_01hx1a2b3c4d5e6f7g8h"])
    name: str = Field(examples=["Riverside Charging Ltd"])
    contact_email: str = Field(examples=["ops@riverside-charging.example"])
    created_at: Timestamp


class OrganizationChanges(RequestModel):
    name: Text = unset()
    contact_email: Email = unset()


class ApiKeyBody(RequestModel):
    name: Text = Field(examples=["back office"])
    scopes: list[KeyScope] = Field(default=[KeyScope.CPO], min_length=1, max_length=10)
    expires_at: AwareDatetime | None = None


class ApiKeyAnswer(BaseModel):
    key_id: str = Field(examples=["key_01hx2b3c4d5e6f7g8h9j"])
    name: str = Field(examples=["back office"])
    scopes: list[str] = Field(examples=[["cpo"]])
    prefix: str = Field(examples=["sk_Xw3f9"])
    created_at: Timestamp
    expires_at: Timestamp | None
    last_used_at: Timestamp | None


class NewApiKeyAnswer(ApiKeyAnswer):
    api_key: str = Field(description="Shown this once.", examples=["sk_Xw3f9aYd0Lk2Pq8sVn5bTj7mRc1eGh4uZi6oKx3wB"])


class ApiKeysAnswer(BaseModel):
    api_keys: list[ApiKeyAnswer]
    next_cursor: str | None


class MemberAnswer(BaseModel):
    user_id: str = Field(examples=["usr_01hx9k2m3n4p5q6r7s8t"])
    email: str = Field(examples=["priya@riverside-charging.example"])
    full_name: str = Field(examples=["Priya Manager"])
    role: str = Field(examples=["owner"])
    created_at: Timestamp


class MembersAnswer(BaseModel):
    users: list[MemberAnswer]
    next_cursor: str | None


class RoleBody(RequestModel):
    role: Role


class InvitationBody(RequestModel):
    email: Email
    role: Role


class InvitationAnswer(BaseModel):
    invitation_id: str = Field(examples=["inv_01hx2b3c4d5e6f7g8h9j"])
    email: str
    purpose: str = Field(examples=["organization_user"])
    role: str | None = Field(examples=["viewer"])
    created_at: Timestamp
    expires_at: Timestamp


class InvitationsAnswer(BaseModel):
    invitations: list[InvitationAnswer]


def router(organizations: Organizations, invitations: Invitations) -> APIRouter:
    api = APIRouter(prefix="/api/v1/org", tags=["organisation"])
    _add_profile(api, organizations)
    _add_api_keys(api, organizations)
    _add_users(api, organizations)
    _add_invitations(api, organizations, invitations)
    return api


def _add_profile(api: APIRouter, organizations: Organizations) -> None:
    @api.get("")
    async def show(actor: Viewer) -> OrganizationAnswer:
        """Your organisation."""
        return _organization(await organizations.profile(actor))

    @api.patch("")
    async def update(actor: Owner, body: OrganizationChanges) -> OrganizationAnswer:
        """Change its name, or where it wants mail."""
        return _organization(await organizations.update_profile(actor, body.model_dump(exclude_unset=True)))


def _add_api_keys(api: APIRouter, organizations: Organizations) -> None:
    @api.post("/api-keys", status_code=201)
    async def create_api_key(actor: Owner, body: ApiKeyBody) -> NewApiKeyAnswer:
        """A new API key. It is shown this once; only a hash of it is kept."""
        scopes = sorted({scope.value for scope in body.scopes})
        key, secret = await organizations.create_api_key(
            actor, name=body.name, scopes=scopes, expires_at=body.expires_at
        )
        return NewApiKeyAnswer(**api_key_answer(key).model_dump(), api_key=secret)

    @api.get("/api-keys")
    async def list_api_keys(actor: Owner, page: PageQuery) -> ApiKeysAnswer:
        """The API keys in force, the oldest first."""
        keys, next_cursor = await organizations.api_keys(actor, page)
        return ApiKeysAnswer(api_keys=[api_key_answer(key) for key in keys], next_cursor=next_cursor)

    @api.delete("/api-keys/{key_id}", status_code=204)
    async def revoke_api_key(actor: Owner, key_id: str) -> None:
        """Revoke an API key: it is worth nothing from the next request on."""
        await organizations.revoke_api_key(actor, key_id)


def _add_users(api: APIRouter, organizations: Organizations) -> None:
    @api.get("/users")
    async def list_users(actor: Viewer, page: PageQuery) -> MembersAnswer:
        """Who belongs to the organisation, and with which role."""
        rows, next_cursor = await organizations.members(actor, page)
        return MembersAnswer(users=[_member(row) for row in rows], next_cursor=next_cursor)

    @api.patch("/users/{user_id}")
    async def change_role(actor: Owner, user_id: str, body: RoleBody) -> MemberAnswer:
        """Give a user another role. The last owner keeps it: 409 `last_owner`."""
        return _member(await organizations.change_role(actor, user_id, body.role))

    @api.delete("/users/{user_id}", status_code=204)
    async def remove_user(actor: Owner, user_id: str) -> None:
        """Take a user out of the organisation, at once."""
        await organizations.remove_member(actor, user_id)


def _add_invitations(api: APIRouter, organizations: Organizations, invitations: Invitations) -> None:
    @api.post("/users/invitations", status_code=201)
    async def invite(actor: Owner, body: InvitationBody) -> InvitationAnswer:
        """Invite somebody by e-mail. The mailed link is good for 14 days, once."""
        async with organizations.database.transaction(actor.scope) as session:
            invitation = await invitations.invite_user(
                session,
                actor,
                body.email,
                InvitationPurpose.ORGANIZATION_USER,
                {"role": body.role.value},
                about=f"to join it as {body.role.value}",
            )
        return _invitation(invitation)

    @api.get("/users/invitations")
    async def list_invitations(actor: Owner) -> InvitationsAnswer:
        """Invitations that nobody has accepted yet."""
        rows = await invitations.open_invitations(actor)
        return InvitationsAnswer(invitations=[_invitation(row) for row in rows])

    @api.delete("/users/invitations/{invitation_id}", status_code=204)
    async def withdraw(actor: Owner, invitation_id: str) -> None:
        """Withdraw an invitation: its link is void."""
        await invitations.withdraw(actor, invitation_id)


def _organization(row: OrganizationRow) -> OrganizationAnswer:
    return OrganizationAnswer(
        organization_id=row.organization_id, name=row.name, contact_email=row.contact_email, created_at=row.created_at
    )


def api_key_answer(key: ApiKey) -> ApiKeyAnswer:
    """A key without itself; an operator's keys look the same (`operator_routes`)."""
    return ApiKeyAnswer(
        key_id=key.key_id,
        name=key.name,
        scopes=list(key.scopes),
        prefix=key.prefix,
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
    )


def _member(row: MembershipRow) -> MemberAnswer:
    return MemberAnswer(
        user_id=row.user_id, email=row.email, full_name=row.full_name, role=row.role, created_at=row.created_at
    )


def _invitation(invitation: Invitation) -> InvitationAnswer:
    return InvitationAnswer(
        invitation_id=invitation.invitation_id,
        email=invitation.email,
        purpose=invitation.purpose,
        role=invitation.data.get("role"),
        created_at=invitation.created_at,
        expires_at=invitation.expires_at,
    )
