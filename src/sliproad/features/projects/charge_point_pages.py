"""`/installer/charge-points/{charge_point_id}`: a charge point in the hands of its installer: its settings, its connection, its password.

The connection doctor is live on `…/connection`, and on every page that shows a new password.
"""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from sliproad.features.accounts.model import InstallerActor
from sliproad.features.accounts.page_guards import InstallerPage
from sliproad.features.charge_points.attempts import AttemptService
from sliproad.features.charge_points.connection_pages import connection_word, view_of
from sliproad.features.charge_points.service import ListedChargePoint
from sliproad.features.projects.model import ProjectOverview
from sliproad.features.projects.next_steps import next_at_charge_point
from sliproad.features.projects.pages import PAGES, map_href
from sliproad.features.projects.registration import Registered, RegistrationService
from sliproad.features.projects.registration_routes import address_of
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web import live
from sliproad.foundation.web.ui import see_other

PATH = "/installer/charge-points/{charge_point_id}"


def router(projects: ProjectService, registration: RegistrationService, attempts: AttemptService) -> APIRouter:
    """The pages of one charge point."""
    web = APIRouter(include_in_schema=False)
    _add_charge_point(web, projects, registration)
    _add_connection(web, projects, registration, attempts)
    _add_password(web, projects, registration)
    _add_removal(web, registration)
    return web


def _add_charge_point(web: APIRouter, projects: ProjectService, registration: RegistrationService) -> None:
    @web.get(PATH)
    async def show(request: Request, actor: InstallerPage, charge_point_id: str) -> Response:
        seen = await _seen(actor, projects, registration, charge_point_id)
        return PAGES.render(request, "charge_point.html", map_href=map_href, **seen)

    @web.get(f"{PATH}/live")
    async def follow(request: Request, actor: InstallerPage, charge_point_id: str) -> Response:
        async def look() -> live.Look:
            seen = await _seen(actor, projects, registration, charge_point_id)
            html = PAGES.fragments(request, "charge_point.html", "state", "next", **seen)
            return live.Look(html, is_over=seen["overview"].project.is_handed_over)

        return await live.answer(request, look)


def _add_connection(
    web: APIRouter, projects: ProjectService, registration: RegistrationService, attempts: AttemptService
) -> None:
    async def seen(request: Request, actor: InstallerActor, charge_point_id: str) -> dict[str, Any]:
        found = await _seen(actor, projects, registration, charge_point_id)
        report = await attempts.report(found["charge_point"], asked_from=[address_of(request)])
        return found | {"view": view_of(found["live"], report)}

    @web.get(f"{PATH}/connection")
    async def show(request: Request, actor: InstallerPage, charge_point_id: str) -> Response:
        await registration.for_attempts(actor, charge_point_id, address_of(request))
        return PAGES.render(request, "connection_page.html", **await seen(request, actor, charge_point_id))

    @web.get(f"{PATH}/connection/live")
    async def follow(request: Request, actor: InstallerPage, charge_point_id: str) -> Response:
        async def look() -> live.Look:
            found = await seen(request, actor, charge_point_id)
            return live.Look(PAGES.fragments(request, "connection_page.html", "doctor", "rungs", "attempts", **found))

        return await live.answer(request, look)

    @web.get(f"{PATH}/connection/headline")
    async def follow_headline(request: Request, actor: InstallerPage, charge_point_id: str) -> Response:
        async def look() -> live.Look:
            found = await seen(request, actor, charge_point_id)
            return live.Look(PAGES.fragments(request, "connection_page.html", "doctor", **found))

        return await live.answer(request, look)


def _add_password(web: APIRouter, projects: ProjectService, registration: RegistrationService) -> None:
    @web.get(f"{PATH}/rotate-password")
    async def ask(request: Request, actor: InstallerPage, charge_point_id: str) -> Response:
        await registration.get(actor, charge_point_id)
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
        made = await registration.rotate_password(actor, charge_point_id)
        return await registered_page(request, actor, registration, projects, made, is_new=False)


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


async def registered_page(
    request: Request,
    actor: InstallerActor,
    registration: RegistrationService,
    projects: ProjectService,
    made: Registered,
    *,
    is_new: bool,
) -> Response:
    """The settings to enter, with the password that is shown this once, and the doctor that watches."""
    seen = await _seen(actor, projects, registration, made.charge_point.charge_point_id)
    return PAGES.render(request, "registered.html", password=made.password, is_new=is_new, **seen)


async def _seen(
    actor: InstallerActor, projects: ProjectService, registration: RegistrationService, charge_point_id: str
) -> dict[str, Any]:
    """What every page of a charge point shows."""
    found: ListedChargePoint = await registration.get(actor, charge_point_id)
    charge_point = found.charge_point
    overview: ProjectOverview
    overview, _charge_points = await projects.installer_view(actor, charge_point.project_id)
    is_handed_over = overview.project.is_handed_over
    return {
        "charge_point": charge_point,
        "live": found.live,
        "connection": connection_word(found.live),
        "address": registration.registry.address(charge_point),
        "overview": overview,
        "here": f"/installer/charge-points/{charge_point_id}",
        "next_step": next_at_charge_point(charge_point, found.live, is_handed_over=is_handed_over),
    }
