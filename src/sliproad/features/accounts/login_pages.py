"""`/login`, `/logout`, `/forgot-password` and `/signup`: how people get in with a browser, whatever their role.

The same use cases, limits and silence about who has an account as the API's routes (trust I2). A log-in begins a browser session.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from sliproad.features.accounts.answers import address_of
from sliproad.features.accounts.browser_sessions import BrowserSessions
from sliproad.features.accounts.model import Audience, PersonKind
from sliproad.features.accounts.organizations import Organizations
from sliproad.features.accounts.passwords import GivenPassword, NewPassword
from sliproad.features.accounts.people import People
from sliproad.features.accounts.people_store import PersonRow, id_of
from sliproad.features.accounts.person_fields import Phone
from sliproad.features.accounts.sign_up import SignUp
from sliproad.features.accounts.store import UserRow
from sliproad.foundation.errors import DomainError, NotAllowed
from sliproad.foundation.language import gettext as _
from sliproad.foundation.language import marked
from sliproad.foundation.web import Email, RequestModel, Text
from sliproad.foundation.web.ui import Form, PageRole, Pages, see_other
from sliproad.foundation.web.ui.answers import own_path
from sliproad.foundation.web.visitors import Visitor, entries_of

AUDIENCES = {
    PageRole.INSTALLER: Audience.INSTALLER,
    PageRole.ORGANIZATION: Audience.ORGANIZATION,
    PageRole.SITE_OWNER: Audience.SITE_OWNER,
    PageRole.PLATFORM: Audience.PLATFORM,
}
ROLES = (
    (PageRole.INSTALLER, marked("Installer"), marked("You connect and commission chargers.")),
    (PageRole.ORGANIZATION, marked("Organisation"), marked("You run charge points and their projects.")),
    (PageRole.SITE_OWNER, marked("Site owner"), marked("Chargers stand on your ground.")),
)
ADMINISTRATOR = (PageRole.PLATFORM, marked("Administrator"), marked("You run this installation."))
PREFIXES = {
    "/operator": PageRole.OPERATOR,
    "/cpo": PageRole.ORGANIZATION,
    "/owner": PageRole.SITE_OWNER,
    "/admin": PageRole.PLATFORM,
}
ACCOUNT = "/account"


def logs_in_with_password(role: PageRole) -> PageRole:
    """Operators have API keys alone."""
    if role not in AUDIENCES:
        raise ValueError("has no password")
    return role


LoginRole = Annotated[PageRole, AfterValidator(logs_in_with_password)]


class LoginForm(RequestModel):
    role: LoginRole
    email: Email
    password: GivenPassword
    next: str = ""


class MailboxForm(RequestModel):
    role: LoginRole
    email: Email


class InstallerForm(RequestModel):
    """Who signs up as installer."""

    email: Email
    password: NewPassword
    full_name: Text
    phone: Phone | None = None
    company: Text | None = None


class OrganizationForm(RequestModel):
    """Who signs an organisation up, and becomes its owner."""

    organization_name: Text
    email: Email
    password: NewPassword
    full_name: Text


@dataclass(frozen=True, slots=True)
class LoginPages:
    """What these pages are made of."""

    people: dict[PersonKind, People]
    organizations: Organizations
    sign_up: SignUp
    sessions: BrowserSessions
    pages: Pages

    def people_of(self, role: PageRole) -> People:
        return self.people[PersonKind.INSTALLER if role is PageRole.INSTALLER else PersonKind.USER]

    def login_page(self, request: Request, form: Form[LoginForm], *, status_code: int = 200) -> Response:
        asked = form.text("role")
        roles = (*ROLES, ADMINISTRATOR) if asked == PageRole.PLATFORM else ROLES
        return self.pages.render(request, "login.html", status_code=status_code, form=form, roles=roles)

    async def log_in(self, request: Request, given: LoginForm) -> Response:
        """Begin a session for whoever has this e-mail and password. Raises what `People.authenticate` does, and NotAllowed."""
        person = await self.people_of(given.role).authenticate(given.email, given.password, address_of(request))
        organization_id = None
        if given.role is PageRole.ORGANIZATION:
            organization_id = (await self.organizations.membership_for_login(id_of(person), None)).organization_id
        if given.role is PageRole.PLATFORM and not _is_administrator(person):
            raise NotAllowed(_("You are not an administrator of this installation."))
        answer = see_other(request, own_path(given.next, "") or first_place(request, given.role))
        await self.sessions.begin(request, answer, AUDIENCES[given.role], person, organization_id)
        return answer


def router(
    people: dict[PersonKind, People], organizations: Organizations, sign_up: SignUp, sessions: BrowserSessions
) -> APIRouter:
    """The pages."""
    web = APIRouter(include_in_schema=False)
    ours = LoginPages(people, organizations, sign_up, sessions, Pages(Path(__file__).parent / "templates"))
    _add_login(web, ours)
    _add_forgotten(web, ours)
    _add_sign_up(web, ours)
    return web


def _add_login(web: APIRouter, ours: LoginPages) -> None:
    @web.get("/login")
    async def show(
        request: Request, place: Annotated[str, Query(alias="next", max_length=2000)] = "", role: PageRole | None = None
    ) -> Response:
        asked = role or role_of(place)
        if asked is PageRole.OPERATOR:
            return see_other(request, f"/login/operator?{urlencode({'next': own_path(place, '')})}")
        return ours.login_page(request, Form.blank(role=asked, next=own_path(place, "")))

    @web.post("/login")
    async def log_in(request: Request) -> Response:
        form = await Form.read(request, LoginForm)
        if form.value is not None:
            try:
                return await ours.log_in(request, form.value)
            except DomainError as error:
                form.refuse(error)
        return ours.login_page(request, form, status_code=422)

    @web.post("/logout")
    async def log_out(request: Request) -> Response:
        answer = see_other(request, "/login", notice=_("You are logged out."))
        await ours.sessions.end(request, answer)
        return answer


def _add_forgotten(web: APIRouter, ours: LoginPages) -> None:
    @web.get("/forgot-password")
    async def show(request: Request, role: PageRole = PageRole.INSTALLER) -> Response:
        return ours.pages.render(request, "forgot_password.html", form=Form.blank(role=role), roles=ROLES)

    @web.post("/forgot-password")
    async def forgotten(request: Request) -> Response:
        return await _ask_for_mail(request, ours, "forgot_password.html", is_password=True)

    @web.get("/resend-verification")
    async def show_resend(request: Request, role: PageRole = PageRole.INSTALLER) -> Response:
        return ours.pages.render(request, "resend_verification.html", form=Form.blank(role=role), roles=ROLES)

    @web.post("/resend-verification")
    async def resend(request: Request) -> Response:
        return await _ask_for_mail(request, ours, "resend_verification.html", is_password=False)

    @web.get("/mail-sent")
    async def mail_sent(request: Request) -> Response:
        return ours.pages.render(request, "mail_sent.html")


async def _ask_for_mail(request: Request, ours: LoginPages, template: str, *, is_password: bool) -> Response:
    """The answer is the same whether or not there is such an account."""
    form = await Form.read(request, MailboxForm)
    if form.value is not None:
        people = ours.people_of(form.value.role)
        try:
            ask = people.forgot_password if is_password else people.resend_verification
            await ask(form.value.email, address_of(request))
        except DomainError as error:
            form.refuse(error)
        else:
            return see_other(request, "/mail-sent")
    return ours.pages.render(request, template, status_code=422, form=form, roles=ROLES)


def _add_sign_up(web: APIRouter, ours: LoginPages) -> None:
    @web.get("/signup")
    async def choose(request: Request) -> Response:
        return ours.pages.render(request, "sign_up.html")

    @web.get("/signup/installer")
    async def show_installer(request: Request) -> Response:
        return ours.pages.render(request, "sign_up_installer.html", form=Form.blank())

    @web.post("/signup/installer")
    async def installer(request: Request) -> Response:
        form = await Form.read(request, InstallerForm)
        if form.value is not None:
            try:
                await ours.sign_up.installer(**form.value.model_dump(), address=address_of(request))
            except DomainError as error:
                form.refuse(error)
            else:
                return see_other(request, "/mail-sent")
        return ours.pages.render(request, "sign_up_installer.html", status_code=422, form=form)

    @web.get("/signup/organization")
    async def show_organization(request: Request) -> Response:
        return ours.pages.render(request, "sign_up_organization.html", form=Form.blank())

    @web.post("/signup/organization")
    async def organization(request: Request) -> Response:
        form = await Form.read(request, OrganizationForm)
        if form.value is not None:
            try:
                await ours.sign_up.organization(**form.value.model_dump(), address=address_of(request))
            except DomainError as error:
                form.refuse(error)
            else:
                return see_other(request, "/mail-sent")
        return ours.pages.render(request, "sign_up_organization.html", status_code=422, form=form)


def first_place(request: Request, role: PageRole) -> str:
    """Where a log-in leads: the first place of the role, else the account."""
    places = entries_of(request.app.state.navigation, Visitor(role, "", "", None))
    return places[0].href if places else ACCOUNT


def role_of(place: str) -> PageRole:
    """Whose page that is: what the log-in offers first."""
    return next((role for prefix, role in PREFIXES.items() if place.startswith(prefix)), PageRole.INSTALLER)


def _is_administrator(person: PersonRow) -> bool:
    return isinstance(person, UserRow) and person.is_platform_admin
