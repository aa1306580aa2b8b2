"""`/operator/…`: an operator's sites and charge points, live, and applying a version after a look at who is affected."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from sliproad.features.accounts.model import OperatorActor
from sliproad.features.accounts.page_guards import OperatorPage
from sliproad.features.connections.desk import Desk
from sliproad.features.connections.rollouts import Rollouts
from sliproad.features.connections.sentences import label_of, states_in_order
from sliproad.features.connections.versions import ConnectionVersions
from sliproad.foundation.errors import DomainError
from sliproad.foundation.language import gettext as _
from sliproad.foundation.language import marked
from sliproad.foundation.web import Page, RequestModel, live
from sliproad.foundation.web.ui import Column, Form, NavEntry, PageRole, Pages, Table, see_other

SITES = "/operator/sites"
CHARGERS = "/operator/chargers"
PAGES = Pages(Path(__file__).parent / "templates")
NAVIGATION = (
    NavEntry(PageRole.OPERATOR, marked("Sites"), SITES, icon="pin", order=10),
    NavEntry(PageRole.OPERATOR, marked("Connection details"), "/operator/versions", icon="link", order=20),
    NavEntry(PageRole.OPERATOR, marked("Changes"), "/operator/changes", icon="list", order=30),
)
MOST_OFFERED = 100


class ApplyForm(RequestModel):
    version: str


@dataclass(frozen=True, slots=True)
class DeskPages:
    """What these pages are made of; one per web process."""

    desk: Desk
    versions: ConnectionVersions
    rollouts: Rollouts

    async def offered(self, actor: OperatorActor, serial_number: str | None = None) -> list[tuple[str, str]]:
        """(id, label) of versions that can be applied to a site, or to this charge point, newest first."""
        found, _total, _next = await self.versions.page(actor, None, Page(limit=MOST_OFFERED))
        return [
            (version.version_id, label_of(version))
            for version in found
            if version.serial_number in {None, serial_number}
        ]

    async def site(self, request: Request, actor: OperatorActor, site_id: str) -> dict[str, Any]:
        """What the page of a site shows. Raises NotFound."""
        site, states = await self.desk.site(actor, site_id)
        counts: dict[str, int] = {}
        for state in states:
            counts[state.state] = counts.get(state.state, 0) + 1
        columns = [
            Column("serial", _("Serial number")),
            Column("identity", _("Identity at your server")),
            Column("state", _("Connection")),
            Column("since", _("Since")),
        ]
        rollouts, _next = await self.rollouts.page(actor, site_id, Page(limit=5))
        return {
            "site": site,
            "counts": states_in_order(counts),
            "table": Table(request, columns, states, total=len(states), caption=_("Charge points")),
            "rollouts": rollouts,
            "here": f"{SITES}/{site_id}",
        }

    async def charger(self, request: Request, actor: OperatorActor, charge_point_id: str) -> dict[str, Any]:
        """What the page of a charge point shows. Raises NotFound."""
        view = await self.desk.charger(actor, charge_point_id)
        columns = [
            Column("at", _("Time")),
            Column("action", _("Message")),
            Column("direction", _("Direction")),
            Column("state", _("What became of it")),
        ]
        table = Table(request, columns, view.health.messages, caption=_("Messages"))
        return {"view": view, "table": table, "here": f"{CHARGERS}/{charge_point_id}"}


def router(pages: DeskPages) -> APIRouter:
    """Sites, charge points, applying."""
    web = APIRouter(include_in_schema=False)

    @web.get("/operator")
    async def home(request: Request, actor: OperatorPage) -> Response:  # noqa: ARG001
        return see_other(request, SITES)

    @web.get(SITES)
    async def list_sites(request: Request, actor: OperatorPage) -> Response:
        found = await pages.desk.sites(actor)
        return PAGES.render(
            request, "desk_sites.html", found=found, operator_id=actor.operator_id, in_order=states_in_order
        )

    @web.get(f"{SITES}/{{site_id}}")
    async def show_site(request: Request, actor: OperatorPage, site_id: str) -> Response:
        context = await pages.site(request, actor, site_id)
        offered = await pages.offered(actor)
        return PAGES.render(request, "desk_site.html", offered=offered, form=Form.blank(), **context)

    @web.get(f"{SITES}/{{site_id}}/live")
    async def follow_site(request: Request, actor: OperatorPage, site_id: str) -> Response:
        async def look() -> live.Look:
            context = await pages.site(request, actor, site_id)
            return live.Look(PAGES.fragments(request, "desk_site.html", "standing", "chargers", **context))

        return await live.answer(request, look)

    _add_applying(web, pages)
    _add_chargers(web, pages)
    return web


def _add_applying(web: APIRouter, pages: DeskPages) -> None:
    @web.get(f"{SITES}/{{site_id}}/apply")
    async def preview(
        request: Request, actor: OperatorPage, site_id: str, version: Annotated[str, Query(max_length=100)]
    ) -> Response:
        found = await pages.desk.preview(actor, site_id, version)
        columns = [
            Column("serial", _("Serial number")),
            Column("state", _("Now")),
            Column("effect", _("What will happen")),
        ]
        table = Table(request, columns, found.affected, total=len(found.affected), caption=_("Charge points"))
        form: Form[Any] = Form.blank(waves="1, 10", max_failures=0, wait_seconds=300)
        return PAGES.render(
            request, "desk_preview.html", preview=found, table=table, form=form, here=f"{SITES}/{site_id}"
        )

    @web.post(f"{SITES}/{{site_id}}/apply")
    async def apply(request: Request, actor: OperatorPage, site_id: str) -> Response:
        form = await Form.read(request, ApplyForm)
        version = form.value.version if form.value else ""
        await pages.desk.applying.apply_to_site(actor, site_id, version, "drain")
        return see_other(request, f"{SITES}/{site_id}", notice=_("The version was applied to the whole site."))


def _add_chargers(web: APIRouter, pages: DeskPages) -> None:
    @web.get(f"{CHARGERS}/{{charge_point_id}}")
    async def show(request: Request, actor: OperatorPage, charge_point_id: str) -> Response:
        return await shown(request, actor, charge_point_id, Form.blank())

    @web.get(f"{CHARGERS}/{{charge_point_id}}/live")
    async def follow(request: Request, actor: OperatorPage, charge_point_id: str) -> Response:
        async def look() -> live.Look:
            context = await pages.charger(request, actor, charge_point_id)
            return live.Look(PAGES.fragments(request, "desk_charger.html", "standing", "messages", **context))

        return await live.answer(request, look)

    @web.post(f"{CHARGERS}/{{charge_point_id}}/apply")
    async def apply(request: Request, actor: OperatorPage, charge_point_id: str) -> Response:
        form = await Form.read(request, ApplyForm)
        if form.value is not None:
            try:
                await pages.desk.applying.apply_to_charger(actor, charge_point_id, form.value.version, "drain")
            except DomainError as error:
                form.refuse(error)
            else:
                return see_other(request, f"{CHARGERS}/{charge_point_id}", notice=_("The version was applied."))
        return await shown(request, actor, charge_point_id, form)

    async def shown(request: Request, actor: OperatorActor, charge_point_id: str, form: Form[ApplyForm]) -> Response:
        context = await pages.charger(request, actor, charge_point_id)
        offered = await pages.offered(actor, context["view"].charge_point.serial_number)
        status = 422 if form.is_refused else 200
        return PAGES.render(request, "desk_charger.html", status_code=status, offered=offered, form=form, **context)
