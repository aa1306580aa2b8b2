"""`/installer/charge-points/{id}/logs`: every line of a session, by filters and pages, as a file, and live while it goes on."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from starlette.responses import Response

from sliproad.features.accounts.page_guards import InstallerPage
from sliproad.features.commissioning.charge_point_frame import PAGES
from sliproad.features.commissioning.control import CommissioningControl
from sliproad.features.commissioning.glance import Glances
from sliproad.features.commissioning.live_events import LiveEvent, LiveEvents, Place
from sliproad.features.commissioning.log_view import LEVELS, line_of, newest, selected
from sliproad.features.commissioning.logs_model import LogFilter
from sliproad.features.commissioning.logs_routes import RETRY_MILLISECONDS, STREAM_HEADERS, ndjson
from sliproad.features.commissioning.logs_service import LogPage, LogService
from sliproad.features.commissioning.routes import ChargePointId
from sliproad.features.commissioning.session_view import SessionView, view_of
from sliproad.features.commissioning.step_words import STEP_WORDS, words_of
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web import Page, PageQuery
from sliproad.foundation.web.ui import Form, Table

PLACE = "/installer/charge-points/{charge_point_id}/logs"
TAIL = 30
"""So many of the newest lines are there when the page is loaded; more come by themselves."""
SESSIONS = 20
ALL = "all"
"""A choice that lets all pass, as any does that is not known."""
Word = Annotated[str, Query(max_length=64)]


def selection_query(session_id: Word = "", level: Word = "", step: Word = "") -> LogFilter:
    """The filters of the page; empty and unknown ones let all pass."""
    return LogFilter(session_id or None, level if level in LEVELS else None, step if step in STEP_WORDS else None)


Selection = Annotated[LogFilter, Depends(selection_query)]


def place_query(after: Word = "", last_event_id: Annotated[str, Header(max_length=64)] = "") -> Place:
    """From where a tail goes on: where its page ended, or what its browser got last.

    Raises:
        InvalidInput: it is no place of ours.
    """
    return Place.read(last_event_id or after or str(Place()))


After = Annotated[Place, Depends(place_query)]


def router(logs: LogService, live: LiveEvents, control: CommissioningControl, glances: Glances) -> APIRouter:
    """The list, the file and the live tail."""
    web = APIRouter(include_in_schema=False)

    @web.get(PLACE)
    async def show(
        request: Request, actor: InstallerPage, charge_point_id: ChargePointId, selection: Selection, page: PageQuery
    ) -> Response:
        glance = await glances.of(actor, charge_point_id)
        found, _total, _cursor = await control.sessions(actor, charge_point_id, Page(SESSIONS))
        sessions = [view_of(rows) for rows in found]
        context: dict[str, Any] = {
            "glance": glance,
            "sessions": sessions,
            "tail": None,
            "table": Table(request, (), ()),
        }
        if sessions:
            context["table"] = _table(request, await logs.page(actor, charge_point_id, selection, page))
        if sessions and sessions[0].is_active and selection.session_id in {None, sessions[0].session_id}:
            events, place = await newest(live, actor, charge_point_id)
            entries = [each.entry for each in events if each.entry is not None and selected(each, selection)]
            lines = [line_of(entry) for entry in sorted(entries, key=lambda entry: entry.key)[: -TAIL - 1 : -1]]
            context["tail"] = {"lines": lines, "after": str(place)}
        return PAGES.answer(request, "logs.html", block="results", **context, **_filters(selection, sessions))

    @web.get(f"{PLACE}/download")
    async def download(actor: InstallerPage, charge_point_id: ChargePointId, selection: Selection) -> Response:
        lines = await logs.download(actor, charge_point_id, selection)
        name = f'attachment; filename="commissioning-{charge_point_id}.ndjson"'
        headers = {"Content-Disposition": name, **STREAM_HEADERS}
        return StreamingResponse(ndjson(lines), media_type="application/x-ndjson", headers=headers)

    @web.get(f"{PLACE}/live")
    async def follow(
        request: Request, actor: InstallerPage, charge_point_id: ChargePointId, selection: Selection, place: After
    ) -> Response:
        begun = await live.begin(actor, charge_point_id, place)

        async def events() -> AsyncIterator[bytes]:
            yield b"retry: %d\n\n" % RETRY_MILLISECONDS
            if begun is None:
                yield b"event: end\ndata: over\n\n"
                return
            async for each in live.stream(actor, charge_point_id, begun, request.app.state.ending):
                yield _event(request, each, selection)

        return StreamingResponse(events(), media_type="text/event-stream", headers=STREAM_HEADERS)

    return web


def _event(request: Request, event: LiveEvent, selection: LogFilter) -> bytes:
    """A new line on top of the tail; other events keep the stream alive, move its place, or end it."""
    if event.end:
        return b"event: end\ndata: over\n\n"
    if event.entry is None:
        return b": still here\n\n"
    if not selected(event, selection):
        return b"id: %s\n: passed over\n\n" % str(event.place).encode()
    html = PAGES.block(request, "log_line_added.html", "added", line=line_of(event.entry))
    data = b"".join(b"data: %s\n" % line for line in html.encode().splitlines())
    return b"id: %s\n%s\n" % (str(event.place).encode(), data)


def _table(request: Request, found: LogPage) -> Table:
    """The lines of one page, and the way to the next."""
    return Table(request, (), [line_of(entry) for entry in found.entries], found.total, found.next_cursor)


def _filters(selection: LogFilter, sessions: list[SessionView]) -> Mapping[str, Any]:
    """What can be chosen, and what is."""
    given = {"session_id": selection.session_id, "level": selection.level, "step": selection.step}
    names = dict.fromkeys(step.name for session in sessions for step in session.steps)
    return {
        "form": Form.blank(**given),
        "query": urlencode({name: value for name, value in given.items() if value}),
        "levels": [(ALL, _("All levels")), *((level, _(label)) for level, (label, _tone) in LEVELS.items())],
        "steps": [(ALL, _("All steps")), *((name, words_of(name).title) for name in names)],
    }
