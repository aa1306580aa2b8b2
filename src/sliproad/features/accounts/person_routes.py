"""The routes that every kind of people has, under its own prefix: mailbox, password, log-out."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from sliproad.features.accounts.answers import (
    ON_ITS_WAY,
    ChangePasswordBody,
    EmailBody,
    Message,
    ResetBody,
    StatusAnswer,
    TokenBody,
    address_of,
)
from sliproad.features.accounts.authentication import Authentication
from sliproad.features.accounts.guards import bearer_of
from sliproad.features.accounts.model import Audience
from sliproad.features.accounts.people import People


def add_mailbox_routes(api: APIRouter, people: People) -> None:
    """Prove the mailbox; ask for mails anew."""

    @api.post("/verify-email")
    async def verify_email(body: TokenBody) -> StatusAnswer:
        """Prove the mailbox by the mailed token. Single use, 24 hours."""
        person = await people.verify_email(body.token)
        return StatusAnswer(
            email=person.email, status=person.status, message="Your e-mail address is verified. You can log in."
        )

    @api.post("/resend-verification", status_code=202)
    async def resend_verification(body: EmailBody, request: Request) -> Message:
        """Mail the verification link anew. The answer is the same whether or not there is such an account."""
        await people.resend_verification(body.email, address_of(request))
        return ON_ITS_WAY

    @api.post("/forgot-password", status_code=202)
    async def forgot_password(body: EmailBody, request: Request) -> Message:
        """Mail a link for a new password. The answer is the same whether or not there is such an account."""
        await people.forgot_password(body.email, address_of(request))
        return ON_ITS_WAY

    @api.post("/reset-password")
    async def reset_password(body: ResetBody) -> StatusAnswer:
        """A new password by the mailed token. Every earlier access token is dead."""
        person = await people.reset_password(body.token, body.password)
        return StatusAnswer(
            email=person.email, status=person.status, message="Your new password is set. You can log in."
        )


def add_session_routes(
    api: APIRouter,
    people: People,
    authentication: Authentication,
    audience: Audience,
    current_person_id: Callable[..., Awaitable[str]],
) -> None:
    """What needs a login: `current_person_id` is the dependency that gives who it is."""
    person: Any = Annotated[str, Depends(current_person_id)]

    async def log_out(request: Request, _person_id: str) -> None:
        """The access token of this request is dead at once."""
        await authentication.log_out(bearer_of(request) or "", audience)

    async def change_password(body: ChangePasswordBody, person_id: str) -> None:
        """Replace the password. Every access token of before is dead, this one too."""
        await people.change_password(person_id, body.current_password, body.new_password)

    log_out.__annotations__["_person_id"] = person
    change_password.__annotations__["person_id"] = person
    api.post("/logout", status_code=204)(log_out)
    api.post("/change-password", status_code=204)(change_password)
