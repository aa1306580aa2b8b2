"""`make bench-web`: the REST API and pages of a whole installation, and commands from the API to charge points and back.

Starts an installation of its own (`sliproad serve`: gateway, web, worker, PostgreSQL, NATS), fills it, measures, and takes it down;
about a minute, never more than five. Server and client share the machine's cores, so times are upper bounds of the server's; the
CPU time that web processes, gateways and PostgreSQL spend on a request says how much of them is ours on a busy machine.
Figures and targets are in `README.md`. `--quick` for a look; `--only lists pages weight commands` for a part.
"""

import argparse
import asyncio
import base64
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson
import psutil
import psycopg
import uvloop
from picows import WSListener, WSMsgType, ws_connect

from sliproad.features.commands.service import CommandService
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import Database

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import page_weight

from installation import Installation, installation

LONGEST_SECONDS = 300
CHARGE_POINTS = 10_000
CONNECTED = 200
ACTION, PAYLOAD, ACCEPTED = "ClearCache", {}, {"status": "Accepted"}
clock = time.perf_counter


class ChargePoint(WSListener):
    """A virtual charge point that answers every CALL at once: what takes time is ours. Its own first CALL is a boot."""

    def on_ws_connected(self, transport) -> None:
        boot = {"chargePointVendor": "V", "chargePointModel": "M"}
        transport.send(WSMsgType.TEXT, orjson.dumps([2, "boot", "BootNotification", boot]))

    def on_ws_frame(self, transport, frame) -> None:
        if frame.msg_type is WSMsgType.TEXT:
            kind, message_id, *_ = orjson.loads(frame.get_payload_as_bytes())
            if kind == 2:
                transport.send(WSMsgType.TEXT, orjson.dumps([3, message_id, ACCEPTED]))


@dataclass
class Bench:
    running: Installation
    client: aiohttp.ClientSession
    project_id: str
    quick: bool

    def cpu(self) -> list[float]:
        """Seconds of CPU that the web processes, the gateways and PostgreSQL (with children, ended ones too) have used so far."""
        names = [*self.running.state["processes"], "postgres"]
        return [
            sum(cpu_seconds(psutil.Process(self.running.pid_of(name))) for name in names if name.startswith(kind))
            for kind in ("web", "gateway", "postgres")
        ]

    async def row(self, name: str, measuring: Awaitable[list[float]]) -> list[float]:
        """Measure and print a line of the table; gives the times in seconds."""
        before = self.cpu()
        times = await measuring
        used = [(after - was) * 1e3 / len(times) for after, was in zip(self.cpu(), before, strict=True)]
        shown = "".join(f"{each:9.2f}" for each in used)
        print(f"{name:44}{len(times):9,}{median(times):9.1f}{percentile(times, 0.99):9.1f}{shown}", flush=True)
        return times

    async def get(self, path: str) -> bytes:
        async with self.client.get(path) as answer:
            body = await answer.read()
            if answer.status not in {200, 400, 404}:  # a link of nobody is a page too
                raise SystemExit(f"GET {path}: {answer.status} {body[:300]!r}")
            return body

    async def post(self, path: str, body: object) -> dict:
        async with self.client.post(path, json=body) as answer:
            if answer.status not in {200, 201}:
                raise SystemExit(f"POST {path}: {answer.status} {await answer.text()}")
            return await answer.json()


async def lists(bench: Bench) -> None:
    """P9: lists, page by page through all there are."""
    add_charge_points(bench.running.database_url, bench.project_id)
    rounds, seen = (40 if bench.quick else 200), {"next_cursor": None}

    async def turn() -> None:
        cursor = f"&cursor={seen['next_cursor']}" if seen["next_cursor"] else ""
        seen.update(orjson.loads(await bench.get(f"/api/v1/cpo/charge-points?limit=50{cursor}")))
        if (len(seen["charge_points"]), seen["total"]) != (50, CHARGE_POINTS):
            raise SystemExit(f"an odd page: {len(seen['charge_points'])} of {seen['total']}")

    heading("lists and details, one request at a time")
    times = await bench.row(f"list of 50 of {CHARGE_POINTS:,} charge points", repeated(turn, rounds))
    one = f"/api/v1/cpo/charge-points/{seen['charge_points'][0]['charge_point_id']}"
    for name, path in (
        ("one charge point", one),
        ("its frames", f"{one}/messages"),
        ("projects with progress", "/api/v1/cpo/projects"),
        ("commissioning of the project", f"/api/v1/cpo/projects/{bench.project_id}/commissioning"),
    ):
        await bench.row(name, repeated(lambda path=path: bench.get(path), rounds // 4))
    p50 = median(times)
    verdict("P9", f"list p50 {p50:.1f} ms", wanted="below 20 ms", holds=p50 < 20)


async def pages(bench: Bench) -> None:
    """P9: what a browser gets."""
    heading("pages")
    slowest = 0.0
    for name, path in (
        ("front page", "/"),
        ("reference", "/docs"),
        ("its OpenAPI document", "/openapi.json"),
        ("verify e-mail", "/verify-email?token=x"),
        ("reset password", "/reset-password?token=x"),
        ("verify a certificate", "/verify/cert_00000000000000000000"),
    ):
        times = await bench.row(name, repeated(lambda path=path: bench.get(path), 10 if bench.quick else 50))
        slowest = max(slowest, median(times))
    verdict("P9", f"slowest page p50 {slowest:.1f} ms", wanted="below 150 ms", holds=slowest < 150)


async def weight(bench: Bench) -> None:
    """What a phone loads at first, and what each page costs the server."""
    api_key = bench.client.headers["Authorization"].removeprefix("Bearer ")
    async with page_weight.installer(bench.running, api_key, bench.project_id) as (phone, stepper):
        paths = {
            "front page": "/",
            "log-in": "/login",
            "project": f"/installer/projects/{bench.project_id}",
            "live stepper": stepper,
        }

        async def row(name: str, work: Callable[[], Awaitable[object]]) -> list[float]:
            return await bench.row(name, repeated(work, 10 if bench.quick else 100))

        heaviest = await page_weight.measure(phone, paths, row, heading)
    seen = f"heaviest first load {heaviest / 1e3:.1f} kB"
    verdict("page weight", seen, wanted=f"below {page_weight.BUDGET / 1e3:.0f} kB", holds=heaviest < page_weight.BUDGET)


async def commands(bench: Bench) -> None:
    """P6: an API call that ends with the charge point's own answer; and the same without HTTP, to see where the time goes."""
    since = clock()
    order = [{"serial_number": f"C{n}", "vendor": "V", "model": "M"} for n in range(CONNECTED)]
    made = await bench.post("/api/v1/cpo/charge-points/bulk", {"project_id": bench.project_id, "charge_points": order})
    print(f"\n{CONNECTED} charge points registered by one request: {clock() - since:.2f} s")
    ids = [each["charge_point_id"] for each in made["results"]]
    await asyncio.sleep(2)  # gateways know new charge points within a second, on an idle machine
    sockets = await asyncio.gather(*(connected(each) for each in made["results"]))

    async def over_http(charge_point_id: str) -> None:
        answer = await bench.post(f"/api/v1/cpo/charge-points/{charge_point_id}/commands/{ACTION}", PAYLOAD)
        if answer != ACCEPTED:
            raise SystemExit(f"an odd answer: {answer}")

    with psycopg.connect(bench.running.database_url) as owner:
        keys = dict(
            owner.execute("select charge_point_id, key from charge_points where charge_point_id = any(%s)", (ids,))
        )
    database, bus = Database(bench.running.database_url, "engine"), Bus(bench.running.state["nats_url"])
    await bus.connect()
    service = CommandService(database, bus)

    async def by_service(charge_point_id: str) -> None:
        await service.call(keys[charge_point_id], ACTION, PAYLOAD)

    heading("commands to charge points that answer at once")
    rounds = 100 if bench.quick else 400
    p50 = median(await bench.row("API, one at a time", at_once(over_http, ids[:1], rounds)))
    many = await bench.row(f"API, {CONNECTED} in parallel", at_once(over_http, ids, rounds // 40))
    await bench.row("command service, one at a time", at_once(by_service, ids[:1], rounds))
    await bench.row(f"command service, {CONNECTED} in parallel", at_once(by_service, ids, rounds // 40))
    verdict("P6", f"one at a time p50 {p50:.1f} ms", wanted="at most 3 ms", holds=p50 <= 3)
    p99 = percentile(many, 0.99)
    verdict("P6", f"{CONNECTED} in parallel p99 {p99:.1f} ms", wanted="at most 20 ms", holds=p99 <= 20)
    for transport, _ in sockets:
        transport.disconnect()
    await bus.close()
    await database.close()


async def connected(registered: dict) -> tuple:
    """A registered charge point on its socket."""
    credential = f"{registered['ocpp_identity']}:{registered['provisioning_password']}"
    basic = base64.b64encode(credential.encode()).decode()
    return await ws_connect(
        ChargePoint,
        registered["ocpp_endpoint"],
        read_buffer_init_size=2048,
        extra_headers={"Sec-WebSocket-Protocol": "ocpp1.6", "Authorization": f"Basic {basic}"},
    )


async def repeated(work: Callable[[], Awaitable[object]], times: int) -> list[float]:
    """How long each of `times` took, one after the other, in seconds; after one to warm up."""
    taken = []
    await work()
    for _ in range(times):
        since = clock()
        await work()
        taken.append(clock() - since)
    return taken


async def at_once(work: Callable[[str], Awaitable[None]], ids: Iterable[str], rounds: int) -> list[float]:
    """Each charge point's calls one after the other, all charge points in parallel (closed loop)."""

    async def one(charge_point_id: str) -> list[float]:
        return await repeated(lambda: work(charge_point_id), rounds)

    return [taken for each in await asyncio.gather(*map(one, ids)) for taken in each]


def cpu_seconds(process: psutil.Process) -> float:
    """Of a process and of its children, the ended ones included."""
    own = process.cpu_times()
    children = [child.cpu_times() for child in process.children()]
    return own.children_user + own.children_system + sum(each.user + each.system for each in (own, *children))


def add_charge_points(database_url: str, project_id: str) -> None:
    """10,000 of them, by set-based SQL: registering is not what is measured here."""
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(
            "insert into charge_points (charge_point_id, organization_id, site_id, project_id, serial_number, vendor, model,"
            " ocpp_version, connector_count) select 'CP' || n, organization_id, site_id, project_id, 'SN' || n, 'V', 'M',"
            " '1.6', 2 from projects, generate_series(1, %s) n where project_id = %s",
            (CHARGE_POINTS, project_id),
        )
        owner.execute(
            "insert into charge_point_live (charge_point_key, organization_id) select key, organization_id from charge_points"
            " where project_id = %s",
            (project_id,),
        )
        owner.execute("analyze charge_points")
        owner.execute("analyze charge_point_live")


def heading(text: str) -> None:
    print(f"\n{text:44}{'requests':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU: web':>9}{'gateway':>9}{'database':>9}")


def median(times: list[float]) -> float:
    """In milliseconds."""
    return statistics.median(times) * 1e3


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[int(len(times) * share)] * 1e3


def verdict(target: str, seen: str, *, wanted: str, holds: bool) -> None:
    print(f"  {target}  {'holds ' if holds else 'MISSED'}  {seen} ({wanted})", flush=True)


PARTS = {"lists": lists, "pages": pages, "weight": weight, "commands": commands}


async def measure(running: Installation, parts: list[str], *, quick: bool) -> None:
    organization = running.create_organization("bench@example.org", "Benchmark")
    headers = {"Authorization": f"Bearer {organization['api_key']}"}
    async with (
        asyncio.timeout(LONGEST_SECONDS),
        aiohttp.ClientSession(running.http_url, headers=headers, connector=aiohttp.TCPConnector(limit=0)) as client,
    ):
        bench = Bench(running, client, "", quick)
        site = await bench.post("/api/v1/cpo/sites", {"name": "S", "address": "A"})
        project = {"name": "P", "site_id": site["site_id"], "charge_points_expected": 10_000}
        bench.project_id = (await bench.post("/api/v1/cpo/projects", project))["project_id"]
        for part in parts:
            await PARTS[part](bench)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    arguments = parser.parse_args()
    with installation(log_level="warning") as running:
        uvloop.run(measure(running, arguments.only, quick=arguments.quick))


if __name__ == "__main__":
    main()
