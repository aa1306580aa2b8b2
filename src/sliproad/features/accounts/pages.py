"""The pages behind mailed links. GET shows what would happen, a button's POST does it: mail scanners follow links (contract §2)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi import Form as FormField
from starlette.responses import Response

from sliproad.features.accounts.invitations import Invitations
from sliproad.features.accounts.mailed_tokens import kind_of
from sliproad.features.accounts.model import (
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    InvitationPurpose,
    PersonKind,
    Purpose,
)
from sliproad.features.accounts.people import People
from sliproad.foundation.errors import InvalidInput
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web.ui import Form, PageRole, Pages

Token = Annotated[str, FormField(max_length=200)]


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

    def done(self, request: Request, title: str, sentence: str, role: PageRole = PageRole.INSTALLER) -> Response:
        return self.pages.render(request, "done.html", title=title, sentence=sentence, role=role)

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
            _people, email = await ours.owner(token, Purpose.VERIFY_EMAIL)
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
        sentence = _("%(email)s is verified. You can log in now.") % {"email": email}
        return ours.done(request, _("Your account is ready"), sentence, _role_of(people))


def _add_reset(api: APIRouter, ours: AccountPages) -> None:
    @api.get("/reset-password")
    async def show_reset(request: Request, token: str = "") -> Response:
        try:
            _people, email = await ours.owner(token, Purpose.RESET_PASSWORD)
        except InvalidInput:
            return ours.dead_link(request)
        return ours.pages.render(request, "reset_password.html", token=token, email=email, wrong=None)

    @api.post("/reset-password")
    async def reset(request: Request, token: Token = "", password: Annotated[str, FormField()] = "") -> Response:
        try:
            people, email = await ours.owner(token, Purpose.RESET_PASSWORD)
            if not _is_password(password):
                return ours.pages.render(
                    request, "reset_password.html", status_code=400, token=token, email=email, wrong=password_rule()
                )
            await people.reset_password(token, password)
        except InvalidInput:
            return ours.dead_link(request)
        sentence = _("Every earlier login was ended. You can log in now.")
        return ours.done(request, _("Your new password is set"), sentence, _role_of(people))


def _add_invitation(api: APIRouter, ours: AccountPages) -> None:
    @api.get("/accept-invitation")
    async def show_invitation(request: Request, token: str = "") -> Response:
        return await _invitation(request, ours, token)

    @api.post("/accept-invitation")
    async def accept(
        request: Request,
        token: Token = "",
        full_name: Annotated[str, FormField()] = "",
        password: Annotated[str, FormField()] = "",
    ) -> Response:
        try:
            _invited, has_account = await ours.invitations.look(token)
            name = full_name.strip()
            if not has_account and not (0 < len(name) <= 200 and _is_password(password)):
                form: Form[Any] = Form.blank(full_name=full_name)
                wrong = " ".join((_("Give your name."), password_rule()))
                return await _invitation(request, ours, token, wrong=wrong, form=form)
            accepted = await ours.invitations.accept(token, full_name=name or None, password=password or None)
        except InvalidInput:
            return ours.dead_link(request)
        is_site_owner = accepted.data["purpose"] == InvitationPurpose.SITE_OWNER
        role = PageRole.SITE_OWNER if is_site_owner else PageRole.ORGANIZATION
        return ours.done(request, _("You are in"), _("The invitation is accepted. You can log in now."), role)


async def _invitation(
    request: Request, ours: AccountPages, token: str, *, wrong: str | None = None, form: Form[Any] | None = None
) -> Response:
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
        form=form or Form.blank(),
    )


def password_rule() -> str:
    """What a password has to be."""
    return _("Choose a password of %(least)s to %(most)s characters.") % {
        "least": SHORTEST_PASSWORD,
        "most": LONGEST_PASSWORD,
    }


def _role_of(people: People) -> PageRole:
    return PageRole.INSTALLER if people.kind is PersonKind.INSTALLER else PageRole.ORGANIZATION


def _is_password(text: str) -> bool:
    return SHORTEST_PASSWORD <= len(text) <= LONGEST_PASSWORD
