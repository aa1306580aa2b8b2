"""`/cpo/operators`: an organisation says who runs the connections of each of its sites, and sees how they are."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import StringConstraints
from starlette.responses import Response

from sliproad.features.accounts.model import OrganizationActor
from sliproad.features.accounts.page_guards import ManagerPage, MemberPage
from sliproad.features.connections.overview import ConnectionOverview
from sliproad.features.connections.sentences import states_in_order
from sliproad.foundation.errors import NotFound
from sliproad.foundation.language import gettext as _
from sliproad.foundation.language import marked
from sliproad.foundation.web import Page, PageQuery, RequestModel
from sliproad.foundation.web.ui import Form, NavEntry, PageRole, Pages, see_other

PLACE = "/cpo/operators"
PAGES = Pages(Path(__file__).parent / "templates")
NAVIGATION = (NavEntry(PageRole.ORGANIZATION, marked("Operators"), PLACE, icon="link", order=60),)


class OperatorForm(RequestModel):
    """Empty: nobody."""

    operator_id: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)] | None = None


def router(overview: ConnectionOverview) -> APIRouter:
    """The list of sites, and the choice for one of them."""
    web = APIRouter(include_in_schema=False)

    @web.get(PLACE)
    async def list_sites(request: Request, actor: MemberPage, page: PageQuery) -> Response:
        return await shown(request, actor, page, "", Form.blank())

    @web.post(f"{PLACE}/{{site_id}}")
    async def select(request: Request, actor: ManagerPage, site_id: str) -> Response:
        form = await Form.read(request, OperatorForm)
        if form.value is not None:
            try:
                site = await overview.sites.set_operator(actor, site_id, form.value.operator_id or None)
            except NotFound:
                form.fail("operator_id", _("There is no operator with this id."))
            else:
                taken = (
                    _("%(site)s has no operator now.") if site.operator_id is None else _("%(site)s has its operator.")
                )
                return see_other(request, PLACE, notice=taken % {"site": site.name})
        return await shown(request, actor, Page(), site_id, form)

    async def shown(
        request: Request, actor: OrganizationActor, page: Page, site_id: str, form: Form[OperatorForm]
    ) -> Response:
        sites, _total, next_cursor = await overview.sites.page(actor, page)
        found = [await overview.site(actor, site.site_id) for site in sites]
        rows = []
        for each in found:
            counts: dict[str, int] = {}
            for state in each.states:
                counts[state.state] = counts.get(state.state, 0) + 1
            typed = form if each.site.site_id == site_id else Form.blank(operator_id=each.site.operator_id)
            rows.append((each, states_in_order(counts), typed))
        status = 422 if form.is_refused else 200
        return PAGES.render(
            request, "operator_choice.html", status_code=status, rows=rows, next_cursor=next_cursor, here=PLACE,
            may_manage=actor.may_manage,
        )  # fmt: skip

    return web
