"""REST of a session's logs: the reference's list, its download, and the same live as server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from sliproad.features.accounts.guards import Installer, Viewer
from sliproad.features.commissioning.live_events import LiveEvent, LiveEvents, Place
from sliproad.features.commissioning.logs_model import LogEntry, LogFilter
from sliproad.features.commissioning.logs_service import Actor, LogService
from sliproad.features.commissioning.model import Level
from sliproad.features.commissioning.routes import ChargePointId
from sliproad.foundation.clock import rfc3339
from sliproad.foundation.web import Page, PageQuery, Timestamp

INSTALLER = "/installer/commissioning/{charge_point_id}"
ORGANIZATION = "/cpo/charge-points/{charge_point_id}/commissioning"
SessionId = Annotated[str | None, Query(max_length=64, description="An earlier session; the newest when left out.")]
Format = Annotated[Literal["json", "ndjson"], Query(description="`ndjson`: all of it as a file, a line an entry.")]
LastEventId = Annotated[str | None, Header(max_length=64, description="The id of the last event that was got.")]
STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
RETRY_MILLISECONDS = 1000
DOWNLOAD: dict[int | str, dict[str, Any]] = {200: {"content": {"application/x-ndjson": {}}}}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "Events `log`, `progress` and `end`."},
    204: {"description": "The session is over and everything of it was read."},
}


class LogAnswer(BaseModel):
    """A line of the log. What follows `message` is of an OCPP frame and null in other lines; secrets are taken out."""

    timestamp: Timestamp
    level: Level
    step: str | None
    message: str
    direction: Literal["in", "out"] | None = Field(description="`in` comes from the charge point.")
    kind: str | None = Field(description="`call`, `result`, `error` or `send`.")
    action: str | None
    message_id: str | None
    duration_ms: float | None
    error_code: str | None
    payload: Any


class LogList(BaseModel):
    charge_point_id: str
    session_id: str
    logs: list[LogAnswer]
    total: int
    next_cursor: str | None


async def selection_query(
    session_id: SessionId = None,
    level: Annotated[Level | None, Query(description="Lines of this level only.")] = None,
    step: Annotated[str | None, Query(max_length=64, description="Lines of this step only.")] = None,
) -> LogFilter:
    """The query parameters that narrow the log."""
    return LogFilter(session_id, level, step)


Selection = Annotated[LogFilter, Depends(selection_query)]


def log_answer(entry: LogEntry) -> LogAnswer:
    """One line."""
    return LogAnswer(**{name: getattr(entry, name) for name in LogAnswer.model_fields})


def router(logs: LogService, live: LiveEvents) -> APIRouter:
    """The routes of logs, for installers and for the organisation."""
    api = APIRouter(prefix="/api/v1", tags=["commissioning"])

    async def answer(
        actor: Actor, charge_point_id: str, selection: LogFilter, page: Page, form: str
    ) -> LogList | Response:
        if form == "ndjson":
            lines = await logs.download(actor, charge_point_id, selection)
            name = f'attachment; filename="commissioning-{charge_point_id}.ndjson"'
            headers = {"Content-Disposition": name, **STREAM_HEADERS}
            return StreamingResponse(ndjson(lines), media_type="application/x-ndjson", headers=headers)
        found = await logs.page(actor, charge_point_id, selection, page)
        return LogList(
            charge_point_id=charge_point_id,
            session_id=found.session_id,
            logs=[log_answer(entry) for entry in found.entries],
            total=found.total,
            next_cursor=found.next_cursor,
        )

    async def events(actor: Actor, charge_point_id: str, request: Request, last_event_id: str | None) -> Response:
        place = None if last_event_id is None else Place.read(last_event_id)
        begun = await live.begin(actor, charge_point_id, place)
        if begun is None:
            return Response(status_code=204)
        stream = live.stream(actor, charge_point_id, begun, request.app.state.ending)
        return StreamingResponse(_sse(stream), media_type="text/event-stream", headers=STREAM_HEADERS)

    @api.get(f"{INSTALLER}/logs", response_model=LogList, responses=DOWNLOAD)
    async def read_logs(
        actor: Installer,
        charge_point_id: ChargePointId,
        selection: Selection,
        page: PageQuery,
        format: Format = "json",  # noqa: A002 (the parameter's public name)
    ) -> LogList | Response:
        """Every step event and every OCPP frame of a session, oldest first; `total` counts what the filter selects."""
        return await answer(actor, charge_point_id, selection, page, format)

    @api.get(f"{INSTALLER}/events", responses=EVENTS, response_class=StreamingResponse)
    async def watch(
        actor: Installer, charge_point_id: ChargePointId, request: Request, last_event_id: LastEventId = None
    ) -> Response:
        """The same live, as server-sent events; resume with `Last-Event-ID`."""
        return await events(actor, charge_point_id, request, last_event_id)

    @api.get(f"{ORGANIZATION}/logs", response_model=LogList, responses=DOWNLOAD)
    async def read_logs_as_organization(
        actor: Viewer,
        charge_point_id: ChargePointId,
        selection: Selection,
        page: PageQuery,
        format: Format = "json",  # noqa: A002 (the parameter's public name)
    ) -> LogList | Response:
        """The organisation's view of the same log."""
        return await answer(actor, charge_point_id, selection, page, format)

    @api.get(f"{ORGANIZATION}/events", responses=EVENTS, response_class=StreamingResponse)
    async def watch_as_organization(
        actor: Viewer, charge_point_id: ChargePointId, request: Request, last_event_id: LastEventId = None
    ) -> Response:
        """The organisation's view of the same events."""
        return await events(actor, charge_point_id, request, last_event_id)

    return api


def log_line(entry: LogEntry, **more: Any) -> bytes:
    """An entry as one line of JSON."""
    answer = {name: getattr(entry, name) for name in LogAnswer.model_fields}
    return orjson.dumps({**more, **answer, "timestamp": rfc3339(entry.timestamp)})


async def ndjson(entries: AsyncIterator[LogEntry]) -> AsyncIterator[bytes]:
    """Entries as lines of a file."""
    async for entry in entries:
        yield log_line(entry) + b"\n"


async def _sse(events: AsyncIterator[LiveEvent]) -> AsyncIterator[bytes]:
    """Server-sent events (WHATWG HTML §9.2)."""
    yield b"retry: %d\n\n" % RETRY_MILLISECONDS
    async for event in events:
        if event.entry is not None:
            line = log_line(event.entry, session_id=event.session_id)
            yield b"id: %s\nevent: log\ndata: %s\n\n" % (str(event.place).encode(), line)
        elif event.progress is not None:
            yield b"event: progress\ndata: %s\n\n" % orjson.dumps(event.progress)
        elif event.end:
            yield b"event: end\ndata: {}\n\n"
        else:
            yield b": still here\n\n"
