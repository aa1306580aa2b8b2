"""Bodies of requests and answers that the routes of all people share."""

from pydantic import BaseModel, Field
from starlette.requests import Request

from sliproad.features.accounts.passwords import GivenPassword, NewPassword
from sliproad.foundation.web import Email, RequestModel, Text, Timestamp


class Credentials(RequestModel):
    email: Email
    password: GivenPassword = Field(examples=["your-secure-password"])


class TokenBody(RequestModel):
    token: str = Field(
        max_length=200, description="The `token` of the mailed link.", examples=["hS0mTj1dQ9wXn5y2VbKc8RfL3aGpZu7E"]
    )


class EmailBody(RequestModel):
    email: Email


class ResetBody(TokenBody):
    password: NewPassword = Field(examples=["my-next-password"])


class ChangePasswordBody(RequestModel):
    current_password: GivenPassword = Field(examples=["your-secure-password"])
    new_password: NewPassword = Field(examples=["my-next-password"])


class AcceptBody(TokenBody):
    full_name: Text | None = Field(default=None, description="For a new account.", examples=["Sarah Owen"])
    password: NewPassword | None = Field(
        default=None, description="For a new account.", examples=["your-secure-password"]
    )


class Message(BaseModel):
    message: str = Field(examples=["If there is such an account, a mail is on its way."])


class StatusAnswer(BaseModel):
    email: str = Field(examples=["alex@acme-ev-installs.com"])
    status: str = Field(examples=["active"])
    message: str = Field(examples=["Your e-mail address is verified. You can log in."])


class AcceptedAnswer(BaseModel):
    user_id: str = Field(examples=["usr_01hx9k2m3n4p5q6r7s8t"])
    email: str = Field(examples=["s.owen@riversidebp.co.uk"])
    full_name: str = Field(examples=["Sarah Owen"])
    organization_id: str = Field(examples=["org_01hx1a2b3c4d5e6f7g8h"])
    purpose: str = Field(examples=["site_owner"])


class PersonAnswer(BaseModel):
    """A user's own account."""

    user_id: str
    email: str
    full_name: str
    phone: str | None
    status: str
    created_at: Timestamp


ON_ITS_WAY = Message(message="If there is such an account, a mail is on its way.")


def address_of(request: Request) -> str:
    """The client's network address, for limits."""
    return request.client.host if request.client else "unknown"
