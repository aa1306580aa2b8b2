"""The pages behind mailed links. GET shows what would happen, a button's POST does it: mail scanners follow links (contract §2)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from sliproad.features.accounts.invitations import Invitations
from sliproad.features.accounts.mailed_tokens import kind_of
from sliproad.features.accounts.model import LONGEST_PASSWORD, SHORTEST_PASSWORD, PersonKind, Purpose
from sliproad.features.accounts.people import People
from sliproad.foundation.errors import InvalidInput
from sliproad.foundation.web.ui import Pages

PASSWORD_RULE = f"Choose a password of {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters."
Token = Annotated[str, Form(max_length=200)]


@dataclass(frozen=True, slots=True)
class AccountPages:
    """Both kinds of people use the same pages: the token says whose it is."""

    people: dict[PersonKind, People]
    invitations: Invitations
    pages: Pages

    async def owner(self, token: str, purpose: Purpose) -> tuple[People, str]:
        """Whose token it is: the use cases of that kind, and the e-mail. Raises InvalidInput."""
        anyone = self.people[PersonKind.USER]
        row = await anyone.mailed_tokens.find(anyone.database, token, purpose)
        return self.people[kind_of(row)], row.email

    def done(self, request: Request, title: str, sentence: str) -> Response:
        return self.pages.render(request, "done.html", title=title, sentence=sentence)

    def dead_link(self, request: Request) -> Response:
        return self.pages.render(request, "dead_link.html", status_code=400)


def router(people: dict[PersonKind, People], invitations: Invitations) -> APIRouter:
    """`/verify-email`, `/reset-password`, `/accept-invitation`."""
    api = APIRouter(include_in_schema=False)
    ours = AccountPages(people, invitations, Pages(Path(__file__).parent / "templates"))
    _add_verification(api, ours)
    _add_reset(api, ours)
    _add_invitation(api, ours)
    return api


def _add_verification(api: APIRouter, ours: AccountPages) -> None:
    @api.get("/verify-email")
    async def show_verification(request: Request, token: str = "") -> Response:
        try:
            _, email = await ours.owner(token, Purpose.VERIFY_EMAIL)
        except InvalidInput:
            return ours.dead_link(request)
        return ours.pages.render(request, "verify_email.html", token=token, email=email)

    @api.post("/verify-email")
    async def verify(request: Request, token: Token = "") -> Response:
        try:
            people, email = await ours.owner(token, Purpose.VERIFY_EMAIL)
            await people.verify_email(token)
        except InvalidInput:
            return ours.dead_link(request)
        return ours.done(request, "Your account is ready", f"{email} is verified. You can log in now.")


def _add_reset(api: APIRouter, ours: AccountPages) -> None:
    @api.get("/reset-password")
    async def show_reset(request: Request, token: str = "") -> Response:
        try:
            _, email = await ours.owner(token, Purpose.RESET_PASSWORD)
        except InvalidInput:
            return ours.dead_link(request)
        return ours.pages.render(request, "reset_password.html", token=token, email=email, wrong=None)

    @api.post("/reset-password")
    async def reset(request: Request, token: Token = "", password: Annotated[str, Form()] = "") -> Response:
        try:
            people, email = await ours.owner(token, Purpose.RESET_PASSWORD)
            if not _is_password(password):
                return ours.pages.render(
                    request, "reset_password.html", status_code=400, token=token, email=email, wrong=PASSWORD_RULE
                )
            await people.reset_password(token, password)
        except InvalidInput:
            return ours.dead_link(request)
        return ours.done(request, "Your new password is set", "Every earlier login was ended. You can log in now.")


def _add_invitation(api: APIRouter, ours: AccountPages) -> None:
    @api.get("/accept-invitation")
    async def show_invitation(request: Request, token: str = "") -> Response:
        return await _invitation(request, ours, token)

    @api.post("/accept-invitation")
    async def accept(
        request: Request,
        token: Token = "",
        full_name: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
    ) -> Response:
        try:
            _, has_account = await ours.invitations.look(token)
            name = full_name.strip()
            if not has_account and not (0 < len(name) <= 200 and _is_password(password)):
                return await _invitation(request, ours, token, wrong=f"Give your name. {PASSWORD_RULE}")
            await ours.invitations.accept(token, full_name=name or None, password=password or None)
        except InvalidInput:
            return ours.dead_link(request)
        return ours.done(request, "You are in", "The invitation is accepted. You can log in now.")


async def _invitation(request: Request, ours: AccountPages, token: str, *, wrong: str | None = None) -> Response:
    try:
        invitation, has_account = await ours.invitations.look(token)
    except InvalidInput:
        return ours.dead_link(request)
    return ours.pages.render(
        request,
        "accept_invitation.html",
        status_code=400 if wrong else 200,
        token=token,
        invitation=invitation,
        has_account=has_account,
        wrong=wrong,
    )


def _is_password(text: str) -> bool:
    return SHORTEST_PASSWORD <= len(text) <= LONGEST_PASSWORD
