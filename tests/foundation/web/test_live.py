"""Live parts: what changed is sent once, from whatever process; streams are bounded and end when their reader has no right to them."""

import asyncio
import re
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from pages.browsing import served
from sliproad.foundation.bus import Bus
from sliproad.foundation.errors import NotFound
from sliproad.foundation.web import live
from sliproad.foundation.web.application import create_app
from sliproad.foundation.web.live import Look


class Board:
    """What the page shows, and who looks."""

    def __init__(self) -> None:
        self.text = "Waiting"
        self.is_over = self.is_gone = False
        self.visitor_of: str | None = None

    async def identify(self, request: Request) -> str | None:
        return None

    async def visitor(self, request: Request) -> None:
        return None

    async def look(self) -> Look:
        if self.is_gone:
            raise NotFound("It is not yours any more.")
        return Look(f"<p>{self.text}</p>\n<p>second line</p>", self.is_over)


def an_app(board: Board, bus: Bus | None, subject: str) -> FastAPI:
    web = APIRouter()

    @web.get("/live")
    async def follow(request: Request) -> Response:
        return await live.answer(request, board.look, subject=subject)

    app = create_app([web], guards=board, idempotency=None, public_url="http://127.0.0.1", version="0", bus=bus)  # type: ignore[arg-type]
    app.state.live.poll_seconds = 0.05
    return app


@pytest.fixture
def board() -> Board:
    return Board()


async def events(answer: httpx2.Response) -> AsyncIterator[str]:
    """Event after event, without the first word about retrying and without signs of life."""
    text = ""
    async for piece in answer.aiter_text():
        text += piece
        while "\n\n" in text:
            event, _, text = text.partition("\n\n")
            if not event.startswith(("retry:", ":")):
                yield event


async def test_what_changed_is_sent_and_the_end_is_said(board: Board) -> None:
    async with (
        served(an_app(board, None, "")) as url,
        httpx2.AsyncClient(base_url=url) as http,
        http.stream("GET", "/live") as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = events(answer)
        first = await anext(told)
        assert re.fullmatch(r"id: [0-9a-f]{24}\ndata: <p>Waiting</p>\ndata: <p>second line</p>", first)
        board.text = "Charging"
        assert "data: <p>Charging</p>" in await anext(told)
        board.is_over = True
        assert await anext(told) == "event: end\ndata: over"
        assert [event async for event in told] == []


async def test_whoever_comes_again_gets_nothing_twice_even_from_another_process(board: Board) -> None:
    async with (
        served(an_app(board, None, "")) as url,
        httpx2.AsyncClient(base_url=url) as http,
        http.stream("GET", "/live") as answer,
    ):
        last_id = (await anext(events(answer))).splitlines()[0].removeprefix("id: ")
    again = {"last-event-id": last_id}
    async with (
        served(an_app(board, None, "")) as url,
        httpx2.AsyncClient(base_url=url) as http,
        http.stream("GET", "/live", headers=again) as answer,
    ):
        told = events(answer)
        board.text = "Done"
        assert "data: <p>Done</p>" in await anext(told)


async def test_the_bus_wakes_it_long_before_the_poll(board: Board, bus: Bus) -> None:
    app = an_app(board, bus, "pages.test")
    app.state.live.poll_seconds = 3600
    async with served(app) as url, httpx2.AsyncClient(base_url=url) as http, http.stream("GET", "/live") as answer:
        told = events(answer)
        await anext(told)
        board.text = "Charging"
        await bus.flush()
        await bus.publish("pages.test", {})
        assert "Charging" in await asyncio.wait_for(anext(told), 20)


async def test_it_ends_when_its_reader_loses_it(board: Board) -> None:
    app = an_app(board, None, "")
    async with served(app) as url, httpx2.AsyncClient(base_url=url) as http:
        async with http.stream("GET", "/live") as answer:
            told = events(answer)
            await anext(told)
            board.is_gone = True
            assert [event async for event in told] == []
        assert (await http.get("/live")).status_code == 404
        assert app.state.live.streams == 0


async def test_streams_are_bounded(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_STREAMS", 1)
    async with (
        served(an_app(board, None, "")) as url,
        httpx2.AsyncClient(base_url=url) as http,
        http.stream("GET", "/live") as answer,
    ):
        await anext(events(answer))
        refused = await http.get("/live")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")


async def test_a_stream_with_nothing_new_gives_signs_of_life(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.1)
    async with (
        served(an_app(board, None, "")) as url,
        httpx2.AsyncClient(base_url=url) as http,
        http.stream("GET", "/live") as answer,
    ):
        async for piece in answer.aiter_text():
            if ": still here\n\n" in piece:
                break


async def test_a_process_that_ends_ends_its_streams(board: Board) -> None:
    app = an_app(board, None, "")
    async with served(app) as url, httpx2.AsyncClient(base_url=url) as http, http.stream("GET", "/live") as answer:
        told = events(answer)
        await anext(told)
        app.state.ending.set()
        assert [event async for event in told] == []
