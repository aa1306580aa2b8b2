"""The installation's front door: `/`, where everybody finds their way in, and `/status`. `wiring` adds them.

They speak of the whole system, which no feature knows. Both can be read by anybody.
"""

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from sliproad.app.system_status import SystemStatus
from sliproad.foundation.language import marked
from sliproad.foundation.web.ui import Pages

PAGES = Pages(Path(__file__).parent / "templates")
PARTS = {
    "database": (
        marked("Database"),
        marked("Keeps everything that was acknowledged."),
        marked("Does not answer. Nothing that was acknowledged is lost; everything goes on when it is back."),
    ),
    "schema": (
        marked("Tables"),
        marked("They fit this version of Sliproad."),
        marked("They do not fit this version of Sliproad: an update is under way or was left half done."),
    ),
    "bus": (
        marked("Messages"),
        marked("Commands and news pass between the parts at once."),
        marked("News between the parts is late. Pages look by themselves; commands to chargers may have to wait."),
    ),
    "worker": (
        marked("Background work"),
        marked("Tests of chargers, certificates, mails and webhooks go on."),
        marked("Nobody works. Tests of chargers, certificates, mails and webhooks wait; none is lost."),
    ),
    "gateway": (
        marked("Gateways"),
        marked("Charge points can connect."),
        marked("No charge point can connect. Chargers try again by themselves."),
    ),
}
"""Of each part of `/readyz`: its name, what it does while it works, and what it means that it does not."""


def router(status: SystemStatus) -> APIRouter:
    """The pages."""
    web = APIRouter(include_in_schema=False)

    @web.get("/")
    async def front(request: Request) -> Response:
        return PAGES.render(request, "front.html")

    @web.get("/status")
    async def show(request: Request) -> Response:
        standing = await status.standing()
        return PAGES.answer(request, "status.html", block="parts", standing=standing, words=PARTS)

    return web
