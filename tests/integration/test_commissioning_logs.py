"""The session's log: every step event and every frame, by page, as a file and live (REF "Get commissioning logs"; contract §3)."""

import asyncio
import contextlib
import json
import pathlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import uvicorn

from building_site import BuildingSite, free_port, open_site
from sliproad.features.commissioning.live_events import Place
from sliproad.features.commissioning.store import CommissioningLogRow
from sliproad.features.frame_log.store import OcppMessageRow
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import Database
from workplace import assert_problem

Events = list[tuple[str, str, Any]]


@pytest.fixture
async def site(
    database_url: str, nats_url: str, web: Database, engine: Database, bus: Bus, tmp_path: pathlib.Path
) -> AsyncIterator[BuildingSite]:
    async with (
        open_site(database_url, nats_url, web, engine, bus, tmp_path) as opened,
        opened.gateway(),
        opened.worker(),
    ):
        yield opened


@contextlib.asynccontextmanager
async def served(site: BuildingSite) -> AsyncIterator[str]:
    """The application behind a real HTTP server, which answers bit by bit; its address."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(site.app, host="127.0.0.1", port=port, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        site.app.state.ending.set()
        server.should_exit = True
        await serving


@contextlib.asynccontextmanager
async def watching(
    site: BuildingSite, url: str, charge_point_id: str, last_event_id: str | None = None
) -> AsyncIterator[httpx2.Response]:
    headers = {"Authorization": f"Bearer {site.alex.credential}"}
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    async with (
        httpx2.AsyncClient(base_url=url, timeout=30) as client,
        client.stream("GET", site.path(charge_point_id, "events"), headers=headers) as answer,
    ):
        yield answer


async def events_of(answer: httpx2.Response) -> AsyncIterator[tuple[str, str, Any]]:
    """(event, id, data) of a stream of server-sent events."""
    event, event_id, data = "", "", ""
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        match name:
            case "event":
                event = value
            case "id":
                event_id = value
            case "data":
                data = value
            case "" if event:
                yield event, event_id, json.loads(data)
                event = event_id = data = ""


async def read_logs(site: BuildingSite, charge_point_id: str, **query: Any) -> dict[str, Any]:
    answer = await site.alex.get(site.path(charge_point_id, "logs"), params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def all_logs(site: BuildingSite, charge_point_id: str, **query: Any) -> list[dict[str, Any]]:
    """Every page."""
    found, page = [], await read_logs(site, charge_point_id, **query)
    found += page["logs"]
    while page["next_cursor"]:
        page = await read_logs(site, charge_point_id, **query, cursor=page["next_cursor"])
        found += page["logs"]
    assert len(found) == page["total"]
    return found


async def test_the_log_holds_every_step_event_and_every_frame(site: BuildingSite) -> None:
    async with site.charger("1.6") as (charge_point_id, virtual):
        assert_problem(await site.alex.get(site.path(charge_point_id, "logs")), 404, "not_found")
        session_id = (await site.start(charge_point_id)).json()["session_id"]
        ended = await site.ended(charge_point_id)
        assert ended["result"] == "passed", ended["steps"]
        await virtual.stop()
    await site.written()
    logs = await all_logs(site, charge_point_id, limit=7)
    assert [line["timestamp"] for line in logs] == sorted(line["timestamp"] for line in logs)
    notes = [line for line in logs if line["direction"] is None]
    assert len(notes) == len(await site.rows(CommissioningLogRow, session_id=session_id))
    frames = [line for line in logs if line["direction"] is not None]
    kept = await site.rows(OcppMessageRow)
    asked = {row.message_id for row in kept if (row.direction, row.kind) == ("out", "call")}
    assert asked
    assert {line["message_id"] for line in frames if (line["direction"], line["kind"]) == ("out", "call")} == asked
    answers = [line for line in frames if line["kind"] == "result" and line["direction"] == "in"]
    assert {line["message_id"] for line in answers} == asked
    assert all(line["duration_ms"] > 0 for line in answers)
    start = next(line for line in frames if line["action"] == "RemoteStartTransaction" and line["kind"] == "call")
    assert (start["level"], start["step"], start["message"]) == (
        "debug", "test_transaction", "RemoteStartTransaction sent",
    )  # fmt: skip
    by_level = {
        level: await read_logs(site, charge_point_id, level=level) for level in ("debug", "info", "warn", "error")
    }
    assert sum(page["total"] for page in by_level.values()) == len(logs)
    for level, page in by_level.items():
        assert {line["level"] for line in page["logs"]} <= {level}
    assert by_level["error"]["total"] == 0
    steps = Counter(line["step"] for line in logs)
    for step, count in steps.items():
        if step is not None:
            found = await all_logs(site, charge_point_id, step=step, limit=100)
            assert (len(found), {line["step"] for line in found}) == (count, {step})
    assert (await read_logs(site, charge_point_id, session_id=session_id))["total"] == len(logs)
    for wrong in ({"session_id": "comm_none"},):
        assert_problem(await site.alex.get(site.path(charge_point_id, "logs"), params=wrong), 404, "not_found")
    bad = await site.alex.get(site.path(charge_point_id, "logs"), params={"level": "loud"})
    assert_problem(bad, 400, "validation_error")
    file = await site.alex.get(site.path(charge_point_id, "logs"), params={"format": "ndjson"})
    assert file.headers["content-type"] == "application/x-ndjson"
    assert "attachment" in file.headers["content-disposition"]
    assert [json.loads(line) for line in file.text.splitlines()] == logs


async def test_a_session_is_watched_live_and_resuming_loses_nothing(site: BuildingSite) -> None:
    """Each connection is cut after a few events; what came is exactly the log."""
    async with served(site) as url, site.charger("2.0.1") as (charge_point_id, _):
        session_id = (await site.start(charge_point_id)).json()["session_id"]
        got: Events = []
        progress: list[Any] = []
        last: str | None = None
        is_over, cuts = False, 0
        async with asyncio.timeout(60):
            while not is_over:
                async with watching(site, url, charge_point_id, last) as answer:
                    if answer.status_code == 204:
                        break
                    assert answer.headers["content-type"].startswith("text/event-stream")
                    mine = 0
                    async for event, event_id, data in events_of(answer):
                        if event == "log":
                            got.append((event, event_id, data))
                            last, mine = event_id, mine + 1
                        elif event == "progress":
                            progress.append(data)
                        is_over = is_over or event == "end"
                        if mine == 9:
                            cuts += 1
                            break
        assert cuts > 2
        async with watching(site, url, charge_point_id, last) as answer:
            assert answer.status_code == 204, "all is over and read"
        logs = await all_logs(site, charge_point_id, limit=500)
        plain = [{name: value for name, value in data.items() if name != "session_id"} for _, _, data in got]
        key = lambda line: (line["timestamp"], line["message"], str(line["message_id"]))  # noqa: E731
        assert sorted(plain, key=key) == sorted(logs, key=key)
        assert {data["session_id"] for _, _, data in got} == {session_id}
        assert progress[-1]["status"] == "completed"


async def test_frames_committed_late_are_not_lost(site: BuildingSite) -> None:
    """Of two gateways, the one that took its id first commits last: the reader waits for it."""
    registered = await site.connected()
    charge_point_id = registered["charge_point_id"]
    await site.start(charge_point_id)
    key = await site.workplace.key_of(charge_point_id)
    insert = (
        "insert into ocpp_messages (charge_point_key, at, organization_id, direction, kind, message_id, action, payload)"
        f" values ({key}, now(), '{site.owner.id}', 'in', 'call', %s, 'Heartbeat', '{{}}')"
    )
    async with served(site) as url, watching(site, url, charge_point_id) as answer:
        seen: asyncio.Queue[str] = asyncio.Queue()

        async def read() -> None:
            async for event, _, data in events_of(answer):
                if event == "log" and data["message_id"]:
                    seen.put_nowait(data["message_id"])

        reading = asyncio.create_task(read())
        one, two = await other_connection(site), await other_connection(site)
        async with one, two:
            await one.execute(insert, ["first"])
            await two.execute(insert, ["second"])
            await two.commit()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(seen.get(), 2.5)
            await one.commit()
            async with asyncio.timeout(60):
                assert [await seen.get(), await seen.get()] == ["first", "second"]
        reading.cancel()


async def other_connection(site: BuildingSite) -> Any:
    import psycopg

    return await psycopg.AsyncConnection.connect(site.engine.url)


async def test_an_installer_taken_off_loses_the_stream_within_ten_seconds(site: BuildingSite) -> None:
    """Trust I3; and a stream ends by itself when the process is asked to end."""
    charge_point_id = (await site.connected())["charge_point_id"]
    await site.start(charge_point_id)
    async with served(site) as url, asyncio.timeout(30):
        async with watching(site, url, charge_point_id) as answer:
            events = events_of(answer)
            assert (await anext(events))[0] == "log"
            gone = f"/api/v1/cpo/projects/{site.project_id}/installers/{site.alex.id}"
            assert (await site.owner.delete(gone)).status_code in {200, 204}
            began = asyncio.get_running_loop().time()
            async for _ in events:
                pass
            assert asyncio.get_running_loop().time() - began < 10
        async with watching(site, url, charge_point_id) as answer:
            assert answer.status_code == 404


async def test_a_stream_ends_with_its_process(site: BuildingSite) -> None:
    charge_point_id = (await site.connected())["charge_point_id"]
    await site.start(charge_point_id)
    async with served(site) as url, asyncio.timeout(20), watching(site, url, charge_point_id) as answer:
        events = events_of(answer)
        await anext(events)
        site.app.state.ending.set()
        async for _ in events:
            pass


@pytest.mark.parametrize("last", ["x", "1-2", "-1-2-3", "1-2-3-4", "9" * 30])
async def test_a_wrong_last_event_id_is_named(site: BuildingSite, last: str) -> None:
    charge_point_id = (await site.connected())["charge_point_id"]
    await site.start(charge_point_id)
    answer = await site.alex.get(site.path(charge_point_id, "events"), headers={"Last-Event-ID": last})
    assert assert_problem(answer, 400, "validation_error")["errors"][0]["field"] == "Last-Event-ID"
    assert str(Place.read("1-2-3")) == "1-2-3"
