"""`/operator/rollouts/…`: a version goes over a site in waves, live, with its brakes."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import AfterValidator, Field
from starlette.responses import Response

from sliproad.features.accounts.model import OperatorActor
from sliproad.features.accounts.page_guards import OperatorPage
from sliproad.features.connections.desk import Desk
from sliproad.features.connections.desk_pages import PAGES, SITES
from sliproad.features.connections.rollout_driver import live_subject
from sliproad.features.connections.rollouts import Plan, Rollouts
from sliproad.features.connections.sentences import ITEM_STATES, ROLLOUT_STATES, said
from sliproad.foundation.errors import Conflict
from sliproad.foundation.language import gettext as _
from sliproad.foundation.language import marked
from sliproad.foundation.web import RequestModel, live
from sliproad.foundation.web.ui import Column, Form, Table, see_other

PLACE = "/operator/rollouts"
SIZES = re.compile(r"\d{1,4}(\s*,\s*\d{1,4}){0,49}")


def wave_sizes(text: str) -> str:
    """`1, 10`."""
    if not SIZES.fullmatch(text.strip()) or 0 in map(int, text.split(",")):
        raise ValueError(marked("Write sizes of waves with commas between them, such as 1, 5, 20."))
    return text


class RolloutForm(RequestModel):
    version: str
    waves: Annotated[str, AfterValidator(wave_sizes)]
    max_failures: Annotated[int, Field(ge=0, le=10_000)]
    wait_seconds: Annotated[int, Field(ge=5, le=86_400)]

    @property
    def plan(self) -> Plan:
        return Plan(tuple(map(int, self.waves.split(","))), self.max_failures, self.wait_seconds)


def router(rollouts: Rollouts, desk: Desk) -> APIRouter:
    """Begin, watch, pause, resume, roll back."""
    web = APIRouter(include_in_schema=False)

    @web.post(f"{SITES}/{{site_id}}/rollouts")
    async def start(request: Request, actor: OperatorPage, site_id: str) -> Response:
        form = await Form.read(request, RolloutForm)
        if form.value is not None:
            try:
                begun = await rollouts.start(actor, site_id, form.value.version, form.value.plan)
            except Conflict as error:
                form.refuse(error)
            else:
                return see_other(request, f"{PLACE}/{begun.row.rollout_id}", notice=_("The roll-out has begun."))
        preview = await desk.preview(actor, site_id, form.text("version"))
        columns = [
            Column("serial", _("Serial number")),
            Column("state", _("Now")),
            Column("effect", _("What will happen")),
        ]
        table = Table(request, columns, preview.affected, total=len(preview.affected), caption=_("Charge points"))
        return PAGES.render(
            request,
            "desk_preview.html",
            status_code=422,
            preview=preview,
            table=table,
            form=form,
            here=f"{SITES}/{site_id}",
        )

    @web.get(f"{PLACE}/{{rollout_id}}")
    async def show(request: Request, actor: OperatorPage, rollout_id: str) -> Response:
        return PAGES.render(request, "desk_rollout.html", **await shown(request, actor, rollout_id))

    @web.get(f"{PLACE}/{{rollout_id}}/live")
    async def follow(request: Request, actor: OperatorPage, rollout_id: str) -> Response:
        async def look() -> live.Look:
            context = await shown(request, actor, rollout_id)
            html = PAGES.fragments(request, "desk_rollout.html", "standing", "chargers", **context)
            return live.Look(html, is_over=context["rollout"].finished_at is not None)

        return await live.answer(request, look, subject=live_subject(rollout_id))

    @web.post(f"{PLACE}/{{rollout_id}}/pause")
    async def pause(request: Request, actor: OperatorPage, rollout_id: str) -> Response:
        await rollouts.pause(actor, rollout_id)
        return see_other(request, f"{PLACE}/{rollout_id}", notice=_("No further wave begins."))

    @web.post(f"{PLACE}/{{rollout_id}}/resume")
    async def resume(request: Request, actor: OperatorPage, rollout_id: str) -> Response:
        await rollouts.resume(actor, rollout_id)
        return see_other(request, f"{PLACE}/{rollout_id}", notice=_("It goes on."))

    @web.get(f"{PLACE}/{{rollout_id}}/roll-back")
    async def ask(request: Request, actor: OperatorPage, rollout_id: str) -> Response:
        await rollouts.read(actor, rollout_id)
        return PAGES.confirm(
            request,
            title=_("Roll back?"),
            text=_(
                "Every charge point that was changed gets what it had before, or is switched off where it had nothing."
            ),
            action=request.url.path,
            button=_("Roll back"),
            back=f"{PLACE}/{rollout_id}",
        )

    @web.post(f"{PLACE}/{{rollout_id}}/roll-back")
    async def roll_back(request: Request, actor: OperatorPage, rollout_id: str) -> Response:
        await rollouts.roll_back(actor, rollout_id)
        return see_other(request, f"{PLACE}/{rollout_id}", notice=_("It was rolled back."))

    async def shown(request: Request, actor: OperatorActor, rollout_id: str) -> dict[str, Any]:
        found = await rollouts.read(actor, rollout_id)
        counts: dict[str, int] = {}
        for item in found.items:
            counts[item.state] = counts.get(item.state, 0) + 1
        columns = [
            Column("serial", _("Serial number")),
            Column("wave", _("Wave"), is_number=True),
            Column("state", _("State")),
            Column("since", _("Since")),
        ]
        return {
            "rollout": found.row,
            "total": len(found.items),
            "done": counts.get("connected", 0),
            "failed": counts.get("failed", 0),
            "state": said(ROLLOUT_STATES, found.row.state),
            "item_state": lambda word: said(ITEM_STATES, word),
            "table": Table(request, columns, found.items, total=len(found.items), caption=_("Charge points")),
            "here": f"{PLACE}/{rollout_id}",
        }

    return web
