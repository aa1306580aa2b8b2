"""`/login/operator`: operators have API keys alone, and so they get in with one."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import StringConstraints
from starlette.responses import Response

from sliproad.features.accounts.authentication import Authentication
from sliproad.features.accounts.browser_sessions import BrowserSessions
from sliproad.features.accounts.login_pages import first_place
from sliproad.features.accounts.model import API_KEY_PREFIX, Audience, OperatorActor
from sliproad.foundation.errors import Unauthenticated
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web import RequestModel
from sliproad.foundation.web.ui import Form, PageRole, Pages, see_other
from sliproad.foundation.web.ui.answers import own_path

PAGES = Pages(Path(__file__).parent / "templates")


class OperatorLoginForm(RequestModel):
    key_password: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    """The API key; by this name no page ever shows it again."""
    next: str = ""


def router(authentication: Authentication, sessions: BrowserSessions) -> APIRouter:
    """The page and its form."""
    web = APIRouter(include_in_schema=False)

    @web.get("/login/operator")
    async def show(request: Request, place: Annotated[str, Query(alias="next", max_length=2000)] = "") -> Response:
        return PAGES.render(request, "login_operator.html", form=Form.blank(next=own_path(place, "")))

    @web.post("/login/operator")
    async def log_in(request: Request) -> Response:
        form = await Form.read(request, OperatorLoginForm)
        if form.value is not None:
            actor = await holder(form.value.key_password)
            if actor is not None:
                place = own_path(form.value.next, "") or first_place(request, PageRole.OPERATOR)
                answer = see_other(request, place)
                await sessions.begin_operator(request, answer, actor)
                return answer
            form.fail("key_password", _("This is not an API key of an operator, or not any more."))
        return PAGES.render(request, "login_operator.html", status_code=422, form=form)

    async def holder(key: str) -> OperatorActor | None:
        if not key.startswith(API_KEY_PREFIX):
            return None
        try:
            actor = await authentication.actor(key, Audience.OPERATOR)
        except Unauthenticated:
            return None
        return actor if isinstance(actor, OperatorActor) else None

    return web
