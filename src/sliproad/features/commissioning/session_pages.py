"""`/installer/charge-points/{id}/commissioning`: a session as it goes, its control, how it ended, and those before it.

Where nothing was ever started, and for another try, it is the page to start from (`start_pages`).
"""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from sliproad.features.accounts.page_guards import InstallerPage
from sliproad.features.commissioning.charge_point_frame import PAGES
from sliproad.features.commissioning.control import CommissioningControl
from sliproad.features.commissioning.glance import Glance, Glances
from sliproad.features.commissioning.routes import ChargePointId
from sliproad.features.commissioning.sentences import told
from sliproad.features.commissioning.service import CommissioningService
from sliproad.features.commissioning.session_view import SessionView, view_of
from sliproad.features.commissioning.start_pages import StartPages
from sliproad.foundation.errors import DomainError, NotFound
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web import PageQuery, live
from sliproad.foundation.web.ui import Column, Table, see_other

PLACE = "/installer/charge-points/{charge_point_id}/commissioning"
BLOCKS = ("announcement", "call", "session", "controls", "more")
"""What of the page lives."""


def router(
    service: CommissioningService, control: CommissioningControl, glances: Glances, starting: StartPages
) -> APIRouter:
    """The session's pages and what they send."""
    web = APIRouter(include_in_schema=False)

    async def seen(actor: InstallerPage, charge_point_id: str) -> dict[str, Any]:
        # the session first: where it has ended, the charge point read after it is as it left it, and nothing more is told
        view = view_of(await service.status(actor, charge_point_id))
        glance = await glances.of(actor, charge_point_id)
        return {
            "glance": glance,
            "view": view,
            "next": next_after(glance, view),
            "is_newest": True,
            "questions": {"stop": stop_question(charge_point_id), "restart": restart_question(charge_point_id)},
        }

    @web.get(PLACE)
    async def show(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        try:
            context = await seen(actor, charge_point_id)
        except NotFound:
            return await starting.form(request, actor, charge_point_id)
        return PAGES.render(request, "session.html", **context)

    @web.get(f"{PLACE}/live")
    async def follow(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        async def look() -> live.Look:
            context = await seen(actor, charge_point_id)
            html = PAGES.fragments(request, "session.html", *BLOCKS, **context)
            return live.Look(html, is_over=not context["view"].is_active)

        key = (await glances.of(actor, charge_point_id)).charge_point.key
        return await live.answer(request, look, subject=f"commissioning.{key}")

    @web.get(f"{PLACE}/sessions")
    async def history(
        request: Request, actor: InstallerPage, charge_point_id: ChargePointId, page: PageQuery
    ) -> Response:
        glance = await glances.of(actor, charge_point_id)
        found, total, cursor = await control.sessions(actor, charge_point_id, page)
        columns = [
            Column("started", _("Started")),
            Column("template", _("Template")),
            Column("result", _("Result")),
            Column("took", _("Took"), is_number=True),
        ]
        views = [view_of(rows) for rows in found]
        table = Table(request, columns, views, total=total, next_cursor=cursor, caption=_("Sessions"))
        return PAGES.render(request, "sessions.html", glance=glance, table=table)

    @web.get(f"{PLACE}/sessions/{{session_id}}")
    async def earlier(
        request: Request, actor: InstallerPage, charge_point_id: ChargePointId, session_id: str
    ) -> Response:
        glance = await glances.of(actor, charge_point_id)
        view = view_of(await control.session(actor, charge_point_id, session_id))
        return PAGES.render(request, "session.html", glance=glance, view=view, next=None, is_newest=False, questions={})

    _add_control(web, service, control)
    _add_questions(web, glances)
    return web


def _add_control(web: APIRouter, service: CommissioningService, control: CommissioningControl) -> None:
    """Pause, resume, stop, restart, put live. What can't be is said on the page, which shows the session as it is."""

    async def done(request: Request, charge_point_id: str, doing: Any, notice: str) -> Response:
        place, tone = PLACE.format(charge_point_id=charge_point_id), "good"
        try:
            await doing
        except NotFound:
            raise
        except DomainError as error:
            notice, tone = told(error.detail), "warning"
        return see_other(request, place, notice=notice, tone=tone)

    @web.post(f"{PLACE}/pause")
    async def pause(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        return await done(request, charge_point_id, control.pause(actor, charge_point_id), _("Paused."))

    @web.post(f"{PLACE}/resume")
    async def resume(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        return await done(request, charge_point_id, control.resume(actor, charge_point_id), _("It goes on."))

    @web.post(f"{PLACE}/stop")
    async def stop(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        return await done(request, charge_point_id, control.stop(actor, charge_point_id), _("Stopped."))

    @web.post(f"{PLACE}/restart")
    async def restart(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        return await done(request, charge_point_id, control.restart(actor, charge_point_id), _("It begins anew."))

    @web.post(f"{PLACE}/go-live")
    async def go_live(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        doing = service.commission(actor, charge_point_id)
        return await done(request, charge_point_id, doing, _("The charger is live."))


def _add_questions(web: APIRouter, glances: Glances) -> None:
    """The pages behind the buttons that ask once more, where there is no script."""

    @web.get(f"{PLACE}/stop")
    async def ask_to_stop(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        back = f"{(await glances.of(actor, charge_point_id)).path}/commissioning"
        return PAGES.confirm(request, **stop_question(charge_point_id), back=back)

    @web.get(f"{PLACE}/restart")
    async def ask_to_restart(request: Request, actor: InstallerPage, charge_point_id: ChargePointId) -> Response:
        back = f"{(await glances.of(actor, charge_point_id)).path}/commissioning"
        return PAGES.confirm(request, **restart_question(charge_point_id), back=back)


def stop_question(charge_point_id: str) -> dict[str, str]:
    """What is asked before a session is stopped."""
    return {
        "title": _("Stop the commissioning?"),
        "text": _("What passed stays readable, a test charge is stopped. To go on you begin anew."),
        "action": f"{PLACE.format(charge_point_id=charge_point_id)}/stop",
        "button": _("Stop"),
    }


def restart_question(charge_point_id: str) -> dict[str, str]:
    """What is asked before a running session is begun anew."""
    return {
        "title": _("Begin anew?"),
        "text": _("The session that is on is stopped, and another begins with the same template from the first step."),
        "action": f"{PLACE.format(charge_point_id=charge_point_id)}/restart",
        "button": _("Begin anew"),
    }


def next_after(glance: Glance, view: SessionView) -> str | None:
    """What comes after a session that has ended: `hand_over`, `go_live`, `retry`; None while it goes on or where nothing may be done."""
    if view.is_active or not glance.is_open:
        return None
    if view.result != "passed":
        return None if glance.is_commissioned else "retry"
    return "hand_over" if glance.is_commissioned else "go_live"
