"""`/installer/charge-points/{charge_point_id}`: a charge point in the hands of its installer: its settings, its connection, its password.

The connection doctor is live on `…/connection`, and on every page that shows a new password.
"""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from sliproad.features.accounts.model import InstallerActor
from sliproad.features.accounts.page_guards import InstallerPage
from sliproad.features.charge_points.attempts import AttemptService
from sliproad.features.charge_points.connection_pages import connection_word, view_of
from sliproad.features.projects.next_steps import next_at_charge_point
from sliproad.features.projects.pages import PAGES
from sliproad.features.projects.registration import Registered, RegistrationService
from sliproad.features.projects.registration_routes import address_of
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web import live
from sliproad.foundation.web.ui import see_other

PATH = "/installer/charge-points/{charge_point_id}"


@dataclass(frozen=True, slots=True)
class ChargePointPages:
    """What the pages of a charge point show, for its installer."""

    projects: ProjectService
    registration: RegistrationService
    attempts: AttemptService

    async def seen(self, actor: InstallerActor, charge_point_id: str) -> dict[str, Any]:
        """What every page of it shows.

        Raises:
            NotFound: absent, or not in a project of theirs.
        """
        found = await self.registration.get(actor, charge_point_id)
        charge_point = found.charge_point
        overview, _charge_points = await self.projects.installer_view(actor, charge_point.project_id)
        is_handed_over = overview.project.is_handed_over
        return {
            "charge_point": charge_point,
            "live": found.live,
            "connection": connection_word(found.live),
            "address": self.registration.registry.address(charge_point),
            "overview": overview,
            "here": f"/installer/charge-points/{charge_point_id}",
            "next_step": next_at_charge_point(charge_point, found.live, is_handed_over=is_handed_over),
        }

    async def examined(self, request: Request, actor: InstallerActor, charge_point_id: str) -> dict[str, Any]:
        """The same with what the connection doctor says. Raises as `seen`."""
        context = await self.seen(actor, charge_point_id)
        report = await self.attempts.report(context["charge_point"], asked_from=[address_of(request)])
        return context | {"view": view_of(context["live"], report)}

    async def registered(
        self, request: Request, actor: InstallerActor, made: Registered, *, is_new: bool
    ) -> HTMLResponse:
        """The settings to enter, with the password that is shown this once, and the doctor that watches."""
        context = await self.examined(request, actor, made.charge_point.charge_point_id)
        return PAGES.render(request, "registered.html", password=made.password, is_new=is_new, **context)

    async def follow(
        self, request: Request, actor: InstallerActor, charge_point_id: str, template: str, *blocks: str
    ) -> Response:
        """The live parts of a page that shows the doctor."""

        async def look() -> live.Look:
            context = await self.examined(request, actor, charge_point_id)
            return live.Look(PAGES.fragments(request, template, *blocks, **context))

        return await live.answer(request, look)


def router(of: ChargePointPages) -> APIRouter:
    """The pages of one charge point."""
    web = APIRouter(include_in_schema=False)
    _add_charge_point(web, of)
    _add_connection(web, of)
    _add_password(web, of)
    _add_removal(web, of.registration)
    return web


def _add_charge_point(web: APIRouter, of: ChargePointPages) -> None:
    @web.get(PATH)
    async def show(request: Request, actor: InstallerPage, charge_point_id: str) -> Response:
        return PAGES.render(request, "charge_point.html", **await of.seen(actor, charge_point_id))

    @web.get(f"{PATH}/live")
    async def follow(request: Request, actor: InstallerPage, charge_point_id: str) -> Response:
        async def look() -> live.Look:
            context = await of.seen(actor, charge_point_id)
            html = PAGES.fragments(request, "charge_point.html", "state", "next", **context)
            return live.Look(html, is_over=context["overview"].project.is_handed_over)

        return await live.answer(request, look)


def _add_connection(web: APIRouter, of: ChargePointPages) -> None:
    @web.get(f"{PATH}/connection")
    async def show(request: Request, actor: InstallerPage, charge_point_id: str) -> Response:
        await of.registration.for_attempts(actor, charge_point_id, address_of(request))
        return PAGES.render(request, "connection_page.html", **await of.examined(request, actor, charge_point_id))

    @web.get(f"{PATH}/connection/live")
    async def follow(request: Request, actor: InstallerPage, charge_point_id: str) -> Response:
        blocks = ("doctor", "rungs", "attempts")
        return await of.follow(request, actor, charge_point_id, "connection_page.html", *blocks)

    @web.get(f"{PATH}/connection/moment")
    async def follow_moment(request: Request, actor: InstallerPage, charge_point_id: str) -> Response:
        return await of.follow(request, actor, charge_point_id, "registered.html", "doctor", "moment")


def _add_password(web: APIRouter, of: ChargePointPages) -> None:
    @web.get(f"{PATH}/rotate-password")
    async def ask(request: Request, actor: InstallerPage, charge_point_id: str) -> Response:
        await of.registration.get(actor, charge_point_id)
        here = f"/installer/charge-points/{charge_point_id}"
        return PAGES.confirm(
            request,
            title=_("Make a new password?"),
            text=_("The old one opens nothing from then on: the charger has to be given the new one."),
            action=f"{here}/rotate-password",
            button=_("Make a new password"),
            back=here,
            tone="warning",
        )

    @web.post(f"{PATH}/rotate-password")
    async def rotate(request: Request, actor: InstallerPage, charge_point_id: str) -> Response:
        made = await of.registration.rotate_password(actor, charge_point_id)
        return await of.registered(request, actor, made, is_new=False)


def _add_removal(web: APIRouter, registration: RegistrationService) -> None:
    @web.get(f"{PATH}/remove")
    async def ask(request: Request, actor: InstallerPage, charge_point_id: str) -> Response:
        charge_point = (await registration.get(actor, charge_point_id)).charge_point
        here = f"/installer/charge-points/{charge_point_id}"
        return PAGES.confirm(
            request,
            title=_("Remove %(serial)s?") % {"serial": charge_point.serial_number},
            text=_("It can't connect any more, and its serial number can be registered anew."),
            action=f"{here}/remove",
            button=_("Remove"),
            back=here,
        )

    @web.post(f"{PATH}/remove")
    async def remove(request: Request, actor: InstallerPage, charge_point_id: str) -> Response:
        charge_point = (await registration.get(actor, charge_point_id)).charge_point
        await registration.remove(actor, charge_point_id)
        notice = _("%(serial)s is removed.") % {"serial": charge_point.serial_number}
        return see_other(request, f"/installer/projects/{charge_point.project_id}", notice=notice)
