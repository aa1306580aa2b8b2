"""`/account`: what people change about themselves, whatever their role, and where they end every log-in of theirs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from sliproad.features.accounts.browser_sessions import BrowserSessions
from sliproad.features.accounts.login_pages import first_place
from sliproad.features.accounts.model import (
    Actor,
    Audience,
    InstallerActor,
    OperatorActor,
    OrganizationActor,
    PersonKind,
)
from sliproad.features.accounts.organizations import Organizations
from sliproad.features.accounts.page_guards import MemberPage, SignedIn
from sliproad.features.accounts.passwords import GivenPassword, NewPassword
from sliproad.features.accounts.people import People
from sliproad.features.accounts.person_fields import Phone
from sliproad.features.accounts.store import InstallerRow
from sliproad.foundation.errors import DomainError, NotAllowed
from sliproad.foundation.language import gettext as _
from sliproad.foundation.language import marked
from sliproad.foundation.web import RequestModel, Text
from sliproad.foundation.web.ui import Form, PageRole, Pages, see_other

PLACE = "/account"
ROLE_OF = {
    Audience.INSTALLER: marked("as installer"),
    Audience.ORGANIZATION: marked("for an organisation"),
    Audience.SITE_OWNER: marked("as site owner"),
    Audience.PLATFORM: marked("as administrator"),
}
"""What somebody is signed in as."""


class ProfileForm(RequestModel):
    full_name: Text
    phone: Phone | None = None
    company: Text | None = None


class OrganizationForm(RequestModel):
    organization_id: Text


class PasswordForm(RequestModel):
    current_password: GivenPassword
    new_password: NewPassword


@dataclass(frozen=True, slots=True)
class AccountPages:
    """What the page is made of."""

    people: dict[PersonKind, People]
    organizations: Organizations
    sessions: BrowserSessions
    pages: Pages

    async def show(
        self, request: Request, actor: Actor, *, profile: Form[Any] | None = None, password: Form[Any] | None = None
    ) -> Response:
        """The page; with a form that was refused, status 422."""
        kind, person_id = person_of(actor)
        person = await self.people[kind].profile(person_id)
        company = person.company if isinstance(person, InstallerRow) else None
        filled: Form[Any] = Form.blank(full_name=person.full_name, phone=person.phone, company=company)
        is_member = isinstance(actor, OrganizationActor)
        return self.pages.render(
            request, "account.html", status_code=422 if profile or password else 200, person=person,
            profile=profile or filled, password=password or Form.blank(), is_installer=kind is PersonKind.INSTALLER,
            organizations=[(*each, "") for each in await self.organizations.of_user(person_id)] if is_member else [],
            organization=Form.blank(organization_id=getattr(actor, "organization_id", "")),
            browsers=await self.sessions.of_person(request, person), roles=ROLE_OF,
        )  # fmt: skip

    async def change_organization(self, request: Request, actor: OrganizationActor, organization_id: str) -> Response:
        """A new session for another organisation of the same user. Raises NotAllowed when they are not its user."""
        kind, person_id = person_of(actor)
        member = await self.organizations.membership_for_login(person_id, organization_id)
        answer = see_other(request, first_place(request, PageRole.ORGANIZATION))
        person = await self.people[kind].profile(person_id)
        await self.sessions.begin(request, answer, Audience.ORGANIZATION, person, member.organization_id)
        return answer


def router(people: dict[PersonKind, People], organizations: Organizations, sessions: BrowserSessions) -> APIRouter:
    """The page and its forms."""
    web = APIRouter(include_in_schema=False)
    ours = AccountPages(people, organizations, sessions, Pages(Path(__file__).parent / "templates"))

    @web.get(PLACE)
    async def show(request: Request, actor: SignedIn) -> Response:
        return await ours.show(request, actor)

    @web.post(PLACE)
    async def change(request: Request, actor: SignedIn) -> Response:
        kind, person_id = person_of(actor)
        form = await Form.read(request, ProfileForm)
        if form.value is None:
            return await ours.show(request, actor, profile=form)
        changes = form.value.model_dump(exclude=set() if kind is PersonKind.INSTALLER else {"company"})
        await people[kind].update_profile(person_id, changes)
        return see_other(request, PLACE, notice=_("Saved."))

    @web.post(f"{PLACE}/organization")
    async def change_organization(request: Request, actor: MemberPage) -> Response:
        form = await Form.read(request, OrganizationForm)
        if form.value is None:
            return see_other(request, PLACE)
        return await ours.change_organization(request, actor, form.value.organization_id)

    @web.post(f"{PLACE}/password")
    async def change_password(request: Request, actor: SignedIn) -> Response:
        kind, person_id = person_of(actor)
        form = await Form.read(request, PasswordForm)
        if form.value is not None:
            try:
                await people[kind].change_password(person_id, form.value.current_password, form.value.new_password)
            except DomainError as error:
                form.refuse(error)
            else:
                answer = see_other(
                    request, "/login", notice=_("Your new password is set, and every login is ended. Log in with it.")
                )
                await sessions.end(request, answer)
                return answer
        return await ours.show(request, actor, password=form)

    @web.post(f"{PLACE}/sessions/end-others")
    async def end_others(request: Request, actor: SignedIn) -> Response:
        kind, person_id = person_of(actor)
        await sessions.end_others(request, await people[kind].profile(person_id))
        return see_other(request, PLACE, notice=_("You are logged out everywhere else."))

    return web


def person_of(actor: Actor) -> tuple[PersonKind, str]:
    """Which kind of account is behind an actor, and its id."""
    if isinstance(actor, InstallerActor):
        return PersonKind.INSTALLER, actor.installer_id
    if isinstance(actor, OperatorActor) or actor.user_id is None:
        raise NotAllowed(_("This is for people; an API key has no account."))
    return PersonKind.USER, actor.user_id
