"""`python benchmarks/commissioning.py`: how many commissioning sessions at once, what they add to what charge points need (P7), and
what the web API feels meanwhile.

Starts an installation of its own, registers `--sessions` virtual charge points, connects them all, starts a session on each, waits
until all have ended, asking the API for lists all the while, and takes everything down; `LONGEST_SECONDS` at the most. The virtual
charge points live in processes beside it, on the same cores: times are upper bounds.

*Added* is, of a session's duration, what is not the charge point's: from the last frame that it sent to our next CALL, and from
its last frame to the session's end.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg
import uvloop

from sliproad.app.job_client import JobClient
from sliproad.simulator import ChargerSettings, VirtualCharger

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from installation import Installation, installation

LONGEST_SECONDS = 540
FLEETS = 2
VERSIONS = ("1.6", "2.0.1", "2.1")
STARTS_AT_ONCE = 20
PASSWORD = "correct horse battery"
clock = time.perf_counter
ADDED = """
with said as (
  select s.session_id, f.at, f.direction, f.kind,
         lag(f.at, 1, s.started_at) over w as before_at, coalesce(lag(f.direction) over w, 'in') as before
    from commissioning_sessions s join ocpp_messages f
      on f.charge_point_key = s.charge_point_key and f.at between s.started_at and s.completed_at
  window w as (partition by s.session_id order by f.at, f.id))
select extract(epoch from s.completed_at - s.started_at)::float8,
       coalesce(sum(extract(epoch from m.at - m.before_at))
                filter (where m.kind = 'call' and m.direction = 'out' and m.before = 'in'), 0)::float8
         + extract(epoch from s.completed_at - coalesce(max(m.at), s.started_at))::float8
  from commissioning_sessions s left join said m using (session_id)
 where s.completed_at is not null group by s.session_id
"""


async def fleet(chargers: list[dict[str, Any]], folder: Path, ready: Any, over: Any) -> None:
    """Virtual charge points in a process of their own, until it is `over`."""
    async with contextlib.AsyncExitStack() as powered:
        limit = asyncio.Semaphore(25)

        async def connect(number: int, made: dict[str, Any]) -> None:
            async with limit:
                virtual = VirtualCharger(
                    ChargerSettings(
                        url=f"{made['ocpp_base_url']}/{made['version']}",
                        identity=made["charge_point_id"],
                        version=made["version"],
                        password=made["provisioning_password"],
                        ledger_path=folder / f"{made['charge_point_id']}.jsonl",
                        seed=number,
                        time_scale=200.0,
                        plug_in_delay_seconds=0.05,
                        reboot_seconds=0.1,
                        reconnect_seconds=0.5,
                        durable=False,
                    )
                )
                await powered.enter_async_context(virtual)
                await virtual.wait_until_connected()

        await asyncio.gather(*(connect(number, made) for number, made in enumerate(chargers)))
        ready.set()
        while not over.is_set():
            await asyncio.sleep(0.2)


def run_fleet(chargers: list[dict[str, Any]], folder: Path, ready: Any, over: Any) -> None:
    uvloop.run(fleet(chargers, folder, ready, over))


async def prepared(running: Installation, count: int) -> tuple[JobClient, str, list[dict[str, Any]]]:
    """An installer with a project of `count` registered charge points, a third of each version."""
    client = JobClient(running.http_url, running.mail_dir)
    client.api_key = running.create_organization("cpo@bench.example")["api_key"]
    site = await client.cpo("POST", "cpo/sites", expect=201, body={"name": "S", "address": "A"})
    body = {"name": "P", "site_id": site["site_id"], "charge_points_expected": count}
    project_id = (await client.cpo("POST", "cpo/projects", expect=201, body=body))["project_id"]
    await client.sign_up_installer("installer@bench.example", PASSWORD, "A", "B")
    path = f"cpo/projects/{project_id}/installers"
    await client.cpo("POST", path, expect=201, body={"installer_id": client.installer_id})
    made: list[dict[str, Any]] = []
    for first in range(0, count, 500):
        rows = [
            {"serial_number": f"S{n}", "vendor": "V", "model": "M", "ocpp_version": VERSIONS[n % 3], "max_power_kw": 22}
            for n in range(first, min(first + 500, count))
        ]
        order = {"project_id": project_id, "charge_points": rows}
        answer = await client.http.post(
            "/api/v1/cpo/charge-points/bulk",
            json=order,
            headers={"authorization": f"Bearer {client.api_key}"},
            timeout=120,
        )
        answer.raise_for_status()
        made += [
            {**result, "version": row["ocpp_version"]}
            for result, row in zip(answer.json()["results"], rows, strict=True)
        ]
    return client, project_id, made


async def listing(client: JobClient, taken: list[float], over: asyncio.Event) -> None:
    """What somebody who looks at the portal would feel: a list, ten times a second at most."""
    while not over.is_set():
        since = clock()
        await client.cpo("GET", "cpo/charge-points?limit=50")
        taken.append(clock() - since)
        await asyncio.sleep(0.1)


async def start_all(client: JobClient, ids: list[str]) -> list[float]:
    """One session on each; how long each start took."""
    limit, taken = asyncio.Semaphore(STARTS_AT_ONCE), []

    async def start(charge_point_id: str) -> None:
        async with limit:
            since = clock()
            await client.installer("POST", f"commissioning/{charge_point_id}/start", expect=202, body={})
            taken.append(clock() - since)

    await asyncio.gather(*map(start, ids))
    return taken


async def until_over(database_url: str, count: int) -> dict[str, int]:
    """How many sessions ended how, once `count` have, or the time is up."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as owner:
        deadline = clock() + LONGEST_SECONDS
        while True:
            found = await owner.execute("select status, count(*) from commissioning_sessions group by 1")
            statuses = dict(await found.fetchall())
            if sum(number for status, number in statuses.items() if status != "running") >= count or clock() > deadline:
                return statuses
            await asyncio.sleep(0.5)


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))] if values else float("nan")


def shown(name: str, seconds: list[float], unit: str = "s") -> None:
    scale = 1000 if unit == "ms" else 1
    p50, p99 = statistics.median(seconds or [float("nan")]) * scale, percentile(seconds, 0.99) * scale
    print(f"{name:52}{len(seconds):8,}{p50:10.2f}{p99:10.2f} {unit}", flush=True)


def durations(database_url: str) -> tuple[list[float], list[float]]:
    """Of each session: how long it took, and what of that is not the charge point's."""
    with psycopg.connect(database_url) as owner:
        rows = owner.execute(ADDED).fetchall()
    return [row[0] for row in rows], [row[1] for row in rows]


def cpu(running: Installation) -> dict[str, float]:
    """Seconds of CPU of each process so far."""
    used = {}
    for name in ("web", "worker", "gateway-1", "postgres"):
        process = psutil.Process(running.pid_of(name))
        all_of_it = [process, *process.children()]
        used[name] = sum(sum(each.cpu_times()[:2]) for each in all_of_it) + sum(process.cpu_times()[2:4])
    return used


async def measure(running: Installation, count: int, folder: Path) -> bool:
    client, _, made = await prepared(running, count)
    print(f"{count} charge points registered; switching them on", flush=True)
    context = multiprocessing.get_context("spawn")
    over = context.Event()
    fleets = []
    for number in range(FLEETS):
        ready = context.Event()
        process = context.Process(target=run_fleet, args=(made[number::FLEETS], folder, ready, over), daemon=True)
        process.start()
        fleets.append((process, ready))
    try:
        while not all(ready.is_set() for _, ready in fleets):
            if not all(process.is_alive() for process, _ in fleets):
                raise SystemExit("a fleet of charge points died")
            await asyncio.sleep(0.2)
        idle, busy, stop = [], [], asyncio.Event()
        watching = asyncio.create_task(listing(client, idle, stop))
        await asyncio.sleep(5)
        stop.set()
        await watching
        stop = asyncio.Event()
        watching, since, before = asyncio.create_task(listing(client, busy, stop)), clock(), cpu(running)
        starts = await start_all(client, [each["charge_point_id"] for each in made])
        statuses = await until_over(running.database_url, count)
        took = clock() - since
        stop.set()
        await watching
        used = {name: after - before[name] for name, after in cpu(running).items()}
    finally:
        over.set()
        for process, _ in fleets:
            process.join(20)
    print(f"\n{count} sessions at once: {statuses} in {took:.1f} s")
    print(f"\n{'':52}{'count':>8}{'p50':>10}{'p99':>10}")
    whole, added = durations(running.database_url)
    shown("a session from start to end", whole)
    shown("of it added by the platform (P7: below 1 s)", added)
    shown("POST …/start", starts, "ms")
    shown("list of charge points before", idle, "ms")
    shown("list of charge points meanwhile", busy, "ms")
    print("CPU seconds: " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in used.items()))
    await client.close()
    return statuses == {"completed": count}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=1000)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="sliproad-bench-") as folder,
        installation(log_level="warning") as running,
    ):
        if not uvloop.run(measure(running, arguments.sessions, Path(folder))):
            print(running.log_path.read_text(errors="replace")[-4000:])
            raise SystemExit("not all sessions completed")


if __name__ == "__main__":
    main()
