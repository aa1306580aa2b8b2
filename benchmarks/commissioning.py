"""`python benchmarks/commissioning.py`: how many commissioning sessions at once, what they add to what charge points need (P7), and
what the web API feels meanwhile.

Starts an installation of its own, registers `--sessions` virtual charge points, connects them all, starts a session on each, waits
until all have ended, asking the API for lists all the while, and takes everything down; `LONGEST_SECONDS` at the most. The virtual
charge points live in processes beside it, on the same cores: times are upper bounds. `--alone`: one session after another instead,
each OCPP version by itself.

*Added* is, of a session's duration, what is not the charge point's: from the last frame that it sent to our next CALL, and from
its last frame to the session's end.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
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
select c.ocpp_version, extract(epoch from s.completed_at - s.started_at)::float8,
       coalesce(sum(extract(epoch from m.at - m.before_at))
                filter (where m.kind = 'call' and m.direction = 'out' and m.before = 'in'), 0)::float8
         + extract(epoch from s.completed_at - coalesce(max(m.at), s.started_at))::float8
  from commissioning_sessions s join charge_points c on c.key = s.charge_point_key left join said m using (session_id)
 where s.completed_at is not null group by s.session_id, c.ocpp_version
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


async def until_over(database_url: str, count: int, *, every_seconds: float = 0.5) -> dict[str, int]:
    """How many sessions ended how, once `count` have, or the time is up."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as owner:
        deadline = clock() + LONGEST_SECONDS
        while True:
            found = await owner.execute("select status, count(*) from commissioning_sessions group by 1")
            statuses = dict(await found.fetchall())
            if sum(number for status, number in statuses.items() if status != "running") >= count or clock() > deadline:
                return statuses
            await asyncio.sleep(every_seconds)


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))] if values else float("nan")


def shown(name: str, seconds: list[float], unit: str = "s") -> None:
    scale = 1000 if unit == "ms" else 1
    p50, p99 = statistics.median(seconds or [float("nan")]) * scale, percentile(seconds, 0.99) * scale
    print(f"{name:52}{len(seconds):8,}{p50:10.2f}{p99:10.2f} {unit}", flush=True)


def durations(database_url: str) -> list[tuple[str, float, float]]:
    """Of each session: the OCPP version, how long it took, and what of that is not the charge point's."""
    with psycopg.connect(database_url) as owner:
        return owner.execute(ADDED).fetchall()


def cpu(running: Installation) -> dict[str, float]:
    """Seconds of CPU of each process so far; those of a role together."""
    used: dict[str, float] = {}
    for name in sorted(file.name.removesuffix(".pid.json") for file in running.data_dir.glob("*.pid.json")):
        process = psutil.Process(running.pid_of(name))
        all_of_it = [process, *process.children()]
        seconds = sum(sum(each.cpu_times()[:2]) for each in all_of_it) + sum(process.cpu_times()[2:4])
        role = name.partition("-")[0]
        used[role] = used.get(role, 0.0) + seconds
    return used


@contextlib.asynccontextmanager
async def switched_on(made: list[dict[str, Any]], folder: Path) -> AsyncIterator[None]:
    """All charge points connected, while the block runs."""
    context = multiprocessing.get_context("spawn")
    over, fleets = context.Event(), []
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
        yield
    finally:
        over.set()
        for process, _ in fleets:
            process.join(20)


async def at_once(running: Installation, client: JobClient, made: list[dict[str, Any]]) -> bool:
    """A session on each at the same time, and lists before and meanwhile; whether all completed."""
    idle, busy, stop = [], [], asyncio.Event()
    watching = asyncio.create_task(listing(client, idle, stop))
    await asyncio.sleep(5)
    stop.set()
    await watching
    stop = asyncio.Event()
    watching, since, before = asyncio.create_task(listing(client, busy, stop)), clock(), cpu(running)
    starts = await start_all(client, [each["charge_point_id"] for each in made])
    statuses = await until_over(running.database_url, len(made))
    took = clock() - since
    stop.set()
    await watching
    used = {name: after - before[name] for name, after in cpu(running).items()}
    print(f"\n{len(made)} sessions at once: {statuses} in {took:.1f} s")
    print(f"\n{'':52}{'count':>8}{'p50':>10}{'p99':>10}")
    rows = durations(running.database_url)
    shown("a session from start to end", [whole for _, whole, _ in rows])
    shown("of it added by the platform (P7: below 1 s)", [added for *_, added in rows])
    shown("POST …/start", starts, "ms")
    shown("list of charge points before", idle, "ms")
    shown("list of charge points meanwhile", busy, "ms")
    print_cpu(used, len(made))
    return statuses == {"completed": len(made)}


async def alone(running: Installation, client: JobClient, made: list[dict[str, Any]]) -> bool:
    """A session on one after the other; whether all completed."""
    before, statuses = cpu(running), {}
    for number, each in enumerate(made, 1):
        await client.installer("POST", f"commissioning/{each['charge_point_id']}/start", expect=202, body={})
        statuses = await until_over(running.database_url, number, every_seconds=0.05)
    used = {name: after - before[name] for name, after in cpu(running).items()}
    print(f"\n{len(made)} sessions, one after another: {statuses}")
    print(f"\n{'':52}{'count':>8}{'p50':>10}{'p99':>10}")
    rows = durations(running.database_url)
    for version in VERSIONS:
        shown(f"a session from start to end, OCPP {version}", [whole for at, whole, _ in rows if at == version])
        shown("of it added by the platform (P7: below 1 s)", [added for at, _, added in rows if at == version])
    print_cpu(used, len(made))
    return statuses == {"completed": len(made)}


def print_cpu(used: dict[str, float], sessions: int) -> None:
    shares = ", ".join(f"{role} {seconds * 1000 / sessions:.0f}" for role, seconds in used.items())
    print(f"CPU of a session in ms, what runs all the time included: {shares}")


async def measure(running: Installation, count: int, folder: Path, *, is_alone: bool) -> bool:
    client, _, made = await prepared(running, count)
    print(f"{count} charge points registered; switching them on", flush=True)
    async with switched_on(made, folder):
        all_completed = await (alone if is_alone else at_once)(running, client, made)
    await client.close()
    return all_completed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=None, help="1,000; alone 60")
    parser.add_argument("--alone", action="store_true", help="one session after another")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="worker processes; as many as cores")
    arguments = parser.parse_args()
    count = arguments.sessions or (60 if arguments.alone else 1000)
    with (
        tempfile.TemporaryDirectory(prefix="sliproad-bench-") as folder,
        installation(log_level="warning", workers=str(arguments.workers)) as running,
    ):
        if not uvloop.run(measure(running, count, Path(folder), is_alone=arguments.alone)):
            print(running.log_path.read_text(errors="replace")[-4000:])
            raise SystemExit("not all sessions completed")


if __name__ == "__main__":
    main()
