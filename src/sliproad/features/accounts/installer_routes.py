"""`/api/v1/installer/…`: an installer's account (GUIDE, steps 1 and 2)."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from sliproad.features.accounts.answers import Credentials, address_of
from sliproad.features.accounts.authentication import Authentication
from sliproad.features.accounts.guards import Installer
from sliproad.features.accounts.model import TOKEN_LIFETIME, Audience
from sliproad.features.accounts.passwords import NewPassword
from sliproad.features.accounts.people import People
from sliproad.features.accounts.people_store import PersonRow
from sliproad.features.accounts.person_fields import Phone
from sliproad.features.accounts.person_routes import add_mailbox_routes, add_session_routes
from sliproad.features.accounts.sign_up import SignUp
from sliproad.features.accounts.store import InstallerRow
from sliproad.features.accounts.tokens import AccessTokens
from sliproad.foundation.web import Email, RequestModel, Text, Timestamp, unset


class SignUpBody(RequestModel):
    email: Email
    password: NewPassword = Field(examples=["your-secure-password"])
    full_name: Text = Field(examples=["Alex Technician"])
    phone: Phone | None = Field(default=None, examples=["+447700900123"])
    company: Text | None = Field(default=None, examples=["Acme EV Installations"])


class SignedUpAnswer(BaseModel):
    installer_id: str = Field(examples=["ins_01hx9k2m3n4p5q6r7s8t"])
    email: str = Field(examples=["alex@acme-ev-installs.com"])
    status: str = Field(examples=["pending_verification"])
    message: str = Field(examples=["Check your email to verify your account before logging in."])


class LoggedInAnswer(BaseModel):
    access_token: str = Field(examples=["eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9..."])
    token_type: str = Field(examples=["Bearer"])
    expires_in: int = Field(examples=[3600])
    installer_id: str = Field(examples=["ins_01hx9k2m3n4p5q6r7s8t"])


class InstallerAnswer(BaseModel):
    installer_id: str = Field(examples=["ins_01hx9k2m3n4p5q6r7s8t"])
    email: str = Field(examples=["alex@acme-ev-installs.com"])
    status: str = Field(examples=["active"])
    full_name: str = Field(examples=["Alex Technician"])
    phone: str | None = Field(examples=["+447700900123"])
    company: str | None = Field(examples=["Acme EV Installations"])
    created_at: Timestamp


class InstallerChanges(RequestModel):
    full_name: Text = unset()
    phone: Phone | None = unset()
    company: Text | None = unset()


def router(sign_up: SignUp, people: People, authentication: Authentication, tokens: AccessTokens) -> APIRouter:
    """`people` is of kind installer."""
    api = APIRouter(prefix="/api/v1/installer", tags=["installer account"])

    @api.post("/signup", status_code=201)
    async def signup(body: SignUpBody, request: Request) -> SignedUpAnswer:
        """Create an account. Logs nobody in; a mail carries the link that verifies the address."""
        made = await sign_up.installer(**body.model_dump(), address=address_of(request))
        return SignedUpAnswer(
            installer_id=made.person_id,
            email=body.email,
            status=made.status,
            message="Check your email to verify your account before logging in.",
        )

    @api.post("/login")
    async def login(body: Credentials, request: Request) -> LoggedInAnswer:
        """An access token for an hour. Before the address is verified: 403 `email_not_verified`."""
        person = _installer(await people.authenticate(body.email, body.password, address_of(request)))
        return LoggedInAnswer(
            access_token=tokens.issue(Audience.INSTALLER, person.installer_id, person.token_generation),
            token_type="Bearer",  # noqa: S106 (a scheme)
            expires_in=int(TOKEN_LIFETIME.total_seconds()),
            installer_id=person.installer_id,
        )

    add_mailbox_routes(api, people)
    add_session_routes(api, people, authentication, Audience.INSTALLER, _current_id)

    @api.get("/me")
    async def me(actor: Installer) -> InstallerAnswer:
        """Your account."""
        return _answer(await people.profile(actor.installer_id))

    @api.patch("/me")
    async def update_me(actor: Installer, body: InstallerChanges) -> InstallerAnswer:
        """Change your name, phone or company."""
        return _answer(await people.update_profile(actor.installer_id, body.model_dump(exclude_unset=True)))

    return api


async def _current_id(actor: Installer) -> str:
    return actor.installer_id


def _installer(person: PersonRow) -> InstallerRow:
    assert isinstance(person, InstallerRow)
    return person


def _answer(person: PersonRow) -> InstallerAnswer:
    installer = _installer(person)
    return InstallerAnswer(
        installer_id=installer.installer_id,
        email=installer.email,
        status=installer.status,
        full_name=installer.full_name,
        phone=installer.phone,
        company=installer.company,
        created_at=installer.created_at,
    )
