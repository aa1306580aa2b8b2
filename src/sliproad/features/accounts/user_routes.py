"""Accounts of users: `/api/v1/cpo/…` for an organisation's, `/api/v1/site-owner/…` for site owners, and accepting invitations."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from sliproad.features.accounts.answers import AcceptBody, AcceptedAnswer, Credentials, PersonAnswer, address_of
from sliproad.features.accounts.authentication import Authentication
from sliproad.features.accounts.guards import SiteOwner, Viewer
from sliproad.features.accounts.invitations import Invitations
from sliproad.features.accounts.model import TOKEN_LIFETIME, Audience
from sliproad.features.accounts.organizations import Organizations
from sliproad.features.accounts.passwords import NewPassword
from sliproad.features.accounts.people import People
from sliproad.features.accounts.people_store import PersonRow, id_of
from sliproad.features.accounts.person_routes import add_mailbox_routes, add_session_routes
from sliproad.features.accounts.sign_up import SignUp
from sliproad.features.accounts.tokens import AccessTokens
from sliproad.foundation.errors import NotAllowed
from sliproad.foundation.web import Email, RequestModel, Text

EXPIRES_IN = int(TOKEN_LIFETIME.total_seconds())


class OrganizationSignUpBody(RequestModel):
    organization_name: Text = Field(examples=["Riverside Charging Ltd"])
    email: Email
    password: NewPassword = Field(examples=["your-secure-password"])
    full_name: Text = Field(examples=["Priya Manager"])


class OrganizationSignedUpAnswer(BaseModel):
    organization_id: str = Field(examples=["org_01hx1a2b3c4d5e6f7g8h"])
    user_id: str = Field(examples=["usr_01hx9k2m3n4p5q6r7s8t"])
    email: str = Field(examples=["priya@riverside-charging.example"])
    status: str = Field(examples=["pending_verification"])
    message: str = Field(examples=["Check your email to verify your account before logging in."])


class OrganizationCredentials(Credentials):
    organization_id: str | None = Field(default=None, max_length=64, description="Which one, for a user of several.")


class UserLoggedInAnswer(BaseModel):
    access_token: str = Field(examples=["eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9..."])
    token_type: str = Field(examples=["Bearer"])
    expires_in: int = Field(examples=[3600])
    user_id: str = Field(examples=["usr_01hx9k2m3n4p5q6r7s8t"])


class MemberLoggedInAnswer(UserLoggedInAnswer):
    organization_id: str = Field(examples=["org_01hx1a2b3c4d5e6f7g8h"])
    role: str = Field(examples=["owner"])


class WhoAnswer(BaseModel):
    """Who asks, for the organisation: a user or an API key."""

    organization_id: str = Field(examples=["org_01hx1a2b3c4d5e6f7g8h"])
    organization_name: str = Field(examples=["Riverside Charging Ltd"])
    display_name: str = Field(examples=["Priya Manager"])
    user_id: str | None
    key_id: str | None
    role: str | None
    scopes: list[str]


def organization_router(
    sign_up: SignUp, people: People, organizations: Organizations, authentication: Authentication, tokens: AccessTokens
) -> APIRouter:
    """`people` is of kind user."""
    api = APIRouter(prefix="/api/v1/cpo", tags=["organisation account"])

    @api.post("/signup", status_code=201)
    async def signup(body: OrganizationSignUpBody, request: Request) -> OrganizationSignedUpAnswer:
        """Create an organisation and its owner. Logs nobody in; a mail carries the link that verifies the address."""
        made = await sign_up.organization(**body.model_dump(), address=address_of(request))
        return OrganizationSignedUpAnswer(
            organization_id=made.organization_id,
            user_id=made.person_id,
            email=body.email,
            status=made.status,
            message="Check your email to verify your account before logging in.",
        )

    @api.post("/login")
    async def login(body: OrganizationCredentials, request: Request) -> MemberLoggedInAnswer:
        """An access token for an hour, for one organisation."""
        person = await people.authenticate(body.email, body.password, address_of(request))
        member = await organizations.membership_for_login(id_of(person), body.organization_id)
        token = tokens.issue(
            Audience.ORGANIZATION, id_of(person), person.token_generation, organization_id=member.organization_id
        )
        return MemberLoggedInAnswer(
            access_token=token,
            token_type="Bearer",  # noqa: S106 (a scheme)
            expires_in=EXPIRES_IN,
            user_id=id_of(person),
            organization_id=member.organization_id,
            role=member.role,
        )

    add_mailbox_routes(api, people)
    add_session_routes(api, people, authentication, Audience.ORGANIZATION, _current_member_id)

    @api.get("/me")
    async def me(actor: Viewer) -> WhoAnswer:
        """Who you are here."""
        profile = await organizations.profile(actor)
        return WhoAnswer(
            organization_id=actor.organization_id,
            organization_name=profile.name,
            display_name=actor.display_name,
            user_id=actor.user_id,
            key_id=actor.key_id,
            role=actor.role,
            scopes=sorted(actor.scopes),
        )

    return api


def site_owner_router(people: People, authentication: Authentication, tokens: AccessTokens) -> APIRouter:
    """`people` is of kind user."""
    api = APIRouter(prefix="/api/v1/site-owner", tags=["site owner account"])

    @api.post("/login")
    async def login(body: Credentials, request: Request) -> UserLoggedInAnswer:
        """An access token for an hour."""
        person = await people.authenticate(body.email, body.password, address_of(request))
        token = tokens.issue(Audience.SITE_OWNER, id_of(person), person.token_generation)
        return UserLoggedInAnswer(
            access_token=token,
            token_type="Bearer",  # noqa: S106 (a scheme)
            expires_in=EXPIRES_IN,
            user_id=id_of(person),
        )

    add_mailbox_routes(api, people)
    add_session_routes(api, people, authentication, Audience.SITE_OWNER, _current_site_owner_id)

    @api.get("/me")
    async def me(actor: SiteOwner) -> PersonAnswer:
        """Your account."""
        return _answer(await people.profile(actor.user_id))

    return api


def invitation_router(invitations: Invitations) -> APIRouter:
    """Accepting: whoever holds the mailed token may."""
    api = APIRouter(prefix="/api/v1/invitations", tags=["invitations"])

    @api.post("/accept")
    async def accept(body: AcceptBody) -> AcceptedAnswer:
        """Accept an invitation by the mailed token; name and password make the account where there is none yet."""
        accepted = await invitations.accept(body.token, full_name=body.full_name, password=body.password)
        return AcceptedAnswer(
            user_id=accepted.user_id,
            email=accepted.email,
            full_name=accepted.full_name,
            organization_id=accepted.organization_id,
            purpose=accepted.data["purpose"],
        )

    return api


async def _current_member_id(actor: Viewer) -> str:
    if actor.user_id is None:
        raise NotAllowed("This is for users; an API key has no password.")
    return actor.user_id


async def _current_site_owner_id(actor: SiteOwner) -> str:
    return actor.user_id


def _answer(person: PersonRow) -> PersonAnswer:
    return PersonAnswer(
        user_id=id_of(person),
        email=person.email,
        full_name=person.full_name,
        phone=person.phone,
        status=person.status,
        created_at=person.created_at,
    )
