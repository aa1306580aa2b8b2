"""What every page is made with: the reader's language, time zone and appearance, and who they are. A layer around all pages.

Language, time zone and appearance come from cookies that `/preferences` (and, for the time zone, a script) sets; without one, the
language is the browser's. APIs and files pass by untouched.
"""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sliproad.foundation.language import LANGUAGES, negotiate, reading, zone_named
from sliproad.foundation.web.prefixes import APIS
from sliproad.foundation.web.ui.answers import own_path
from sliproad.foundation.web.visitors import KnowsVisitors

NO_PAGES = (*APIS, "/static/", "/.well-known/", "/ocpi/", "/healthz", "/readyz", "/metrics", "/openapi.json")
THEMES = frozenset({"auto", "light", "dark"})
Given = Annotated[str, Form()]
A_YEAR = 365 * 24 * 3600


class PageLayer:
    """See the module."""

    def __init__(self, app: ASGIApp, *, guards: KnowsVisitors) -> None:
        self.app = app
        self.guards = guards

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(NO_PAGES):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        cookies, state = request.cookies, scope.setdefault("state", {})
        theme = cookies.get("theme", "auto")
        state["theme"] = theme if theme in THEMES else "auto"
        chosen = negotiate(request.headers.get("accept-language", ""), cookies.get("language", ""))
        with reading(chosen, zone_named(cookies.get("timezone", ""))):
            state["visitor"] = await self.guards.visitor(request)
            await self.app(scope, receive, send)


def router() -> APIRouter:
    """`POST /preferences`: language and appearance, then back to where the reader was."""
    api = APIRouter(include_in_schema=False)

    @api.post("/preferences")
    async def preferences(
        request: Request, place: Annotated[str, Form(alias="next")] = "/", language: Given = "", theme: Given = ""
    ) -> Response:
        answer = RedirectResponse(own_path(place), 303)
        is_https = request.url.scheme == "https"
        for name, value, known in (("language", language, LANGUAGES), ("theme", theme, THEMES)):
            if value in known:
                answer.set_cookie(name, value, max_age=A_YEAR, httponly=True, samesite="lax", secure=is_https)
        return answer

    return api
