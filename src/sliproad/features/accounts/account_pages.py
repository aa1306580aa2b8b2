"""`/account`: what people change about themselves, whatever their role, and where they end every log-in of theirs."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from sliproad.features.accounts.browser_sessions import BrowserSessions
from sliproad.features.accounts.model import Actor, InstallerActor, OrganizationActor, PersonKind
from sliproad.features.accounts.page_guards import SignedIn
from sliproad.features.accounts.passwords import GivenPassword, NewPassword
from sliproad.features.accounts.people import People
from sliproad.features.accounts.people_store import PersonRow
from sliproad.features.accounts.person_fields import Phone
from sliproad.features.accounts.store import InstallerRow
from sliproad.foundation.errors import DomainError, NotAllowed
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web import RequestModel, Text
from sliproad.foundation.web.ui import Form, Pages, see_other

PLACE = "/account"


class ProfileForm(RequestModel):
    full_name: Text
    phone: Phone | None = None
    company: Text | None = None


class PasswordForm(RequestModel):
    current_password: GivenPassword
    new_password: NewPassword


def router(people: dict[PersonKind, People], sessions: BrowserSessions) -> APIRouter:
    """The page and its two forms."""
    web = APIRouter(include_in_schema=False)
    pages = Pages(Path(__file__).parent / "templates")

    def render(
        request: Request, person: PersonRow, profile: Form[Any] | None, password: Form[Any] | None, status: int = 200
    ) -> Response:
        company = person.company if isinstance(person, InstallerRow) else None
        filled: Form[Any] = Form.blank(full_name=person.full_name, phone=person.phone, company=company)
        return pages.render(
            request, "account.html", status_code=status, person=person, profile=profile or filled,
            password=password or Form.blank(), is_installer=isinstance(person, InstallerRow),
        )  # fmt: skip

    @web.get(PLACE)
    async def show(request: Request, actor: SignedIn) -> Response:
        kind, person_id = person_of(actor)
        return render(request, await people[kind].profile(person_id), None, None)

    @web.post(PLACE)
    async def change(request: Request, actor: SignedIn) -> Response:
        kind, person_id = person_of(actor)
        form = await Form.read(request, ProfileForm)
        if form.value is None:
            return render(request, await people[kind].profile(person_id), form, None, 422)
        changes = form.value.model_dump(exclude=set() if kind is PersonKind.INSTALLER else {"company"})
        await people[kind].update_profile(person_id, changes)
        return see_other(request, PLACE, notice=_("Saved."))

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
        return render(request, await people[kind].profile(person_id), None, form, 422)

    return web


def person_of(actor: Actor) -> tuple[PersonKind, str]:
    """Which kind of account is behind an actor, and its id."""
    if isinstance(actor, InstallerActor):
        return PersonKind.INSTALLER, actor.installer_id
    if isinstance(actor, OrganizationActor):
        if actor.user_id is None:
            raise NotAllowed(_("This is for people; an API key has no account."))
        return PersonKind.USER, actor.user_id
    return PersonKind.USER, actor.user_id
