"""`make demo`: the whole job on real parts, with six virtual charge points of three OCPP versions, told on the terminal."""

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from rich.console import Console
from rich.live import Live
from rich.table import Table

from sliproad.app.administration import administer_at, create_organization
from sliproad.app.job_client import JobClient, JobFailed
from sliproad.app.supervisor import LOOK_SECONDS, Supervisor
from sliproad.foundation.documents.verification import verify_pdf
from sliproad.foundation.embedded import StartError
from sliproad.foundation.errors import DomainError
from sliproad.foundation.ids import random_text
from sliproad.foundation.settings import Settings
from sliproad.foundation.telemetry import configure_logging
from sliproad.simulator.charger import VirtualCharger
from sliproad.simulator.settings import ChargerSettings, Version

VERSIONS: tuple[Version, ...] = ("1.6", "1.6", "2.0.1", "2.0.1", "2.1", "2.1")
TIME_SCALE = 60.0
PASSWORD = "a-demo-needs-no-secret"  # noqa: S105 (accounts of the demo, told to its user)


@dataclass
class Bay:
    """One charge point of the demo: what the platform gave it, and how far it is."""

    number: int
    version: Version
    charge_point_id: str
    charger: VirtualCharger
    status: str = "registered"
    steps: str = ""
    energy: str = ""


@dataclass
class Site:
    """What the organisation made before the installer came."""

    client: JobClient
    project_id: str
    mailbox: str
    owner_mailbox: str


def run_demo(settings: Settings, *, stay: bool) -> int:
    """Start everything, play the job, print what was done. Returns the exit code; with `stay`, only after a signal."""
    console = Console()
    configure_logging(settings.log_format, settings.log_level, role="demo")
    try:
        console.print("[bold]Sliproad[/] starts PostgreSQL, NATS and its own processes …")
        with Supervisor(settings, quiet=True) as running:
            return asyncio.run(_play_watched(running, console, stay=stay))
    except (StartError, OSError) as error:
        console.print(f"[red]It did not start:[/] {error}")
        return 1


async def _play_watched(running: Supervisor, console: Console, *, stay: bool) -> int:
    """Play, while the supervisor keeps looking at its processes."""
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)

    async def watch() -> None:
        while True:
            running.watch()
            await asyncio.sleep(LOOK_SECONDS)

    watching = asyncio.create_task(watch())
    playing = asyncio.create_task(play(running, console))
    try:
        await asyncio.wait({playing, asyncio.create_task(ending.wait())}, return_when=asyncio.FIRST_COMPLETED)
        if not playing.done():
            return 130
        playing.result()
        if stay:
            console.print("\nEverything stays up. Ctrl-C ends it.")
            await ending.wait()
    except (JobFailed, DomainError) as error:
        console.print(f"[red]The job failed:[/] {error}")
        return 1
    else:
        return 0
    finally:
        for task in (watching, playing):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, JobFailed, DomainError):
                await task


async def play(running: Supervisor, console: Console) -> None:
    """The job of the GUIDE, step by step.

    Raises:
        JobFailed: a step was answered with something else than it should have been.
    """
    settings = running.settings
    client = JobClient(running.http_url, settings.data_dir / "mail")
    try:
        site = await prepare(running, client, console)
        with tempfile.TemporaryDirectory(prefix="sliproad-demo-") as ledgers:
            bays = await register(site, settings.ocpp_public_url or "", Path(ledgers), console)
            async with contextlib.AsyncExitStack() as powered:
                for bay in bays:
                    await powered.enter_async_context(bay.charger)
                    await bay.charger.wait_until_connected()
                console.print(f"{len(bays)} virtual charge points are powered and connected.")
                await commission(client, bays, console)
                certificate = await hand_over(site, settings.data_dir, console)
        await tell(running, site, certificate, console)
    finally:
        await client.close()


async def prepare(running: Supervisor, client: JobClient, console: Console) -> Site:
    """The organisation makes a site and a project; the installer signs up and is assigned."""
    mark = random_text(6).lower()
    mailbox, owner_mailbox = f"cpo-{mark}@demo.example", f"owner-{mark}@demo.example"
    made = await administer_at(running.settings, create_organization("Riverside Charging", mailbox, PASSWORD))
    client.api_key = made["api_key"]
    address = "Unit 12, Riverside Business Park, London E1W 3SJ"
    site = await client.cpo(
        "POST",
        "cpo/sites",
        expect=201,
        body={"name": "Riverside Business Park", "address": address, "latitude": 51.5074, "longitude": -0.0613},
    )
    project = await client.cpo(
        "POST",
        "cpo/projects",
        expect=201,
        body={
            "name": "Riverside Business Park — Phase 1",
            "site_id": site["site_id"],
            "charge_points_expected": len(VERSIONS),
            "site_owner_email": owner_mailbox,
        },
    )
    console.print("An organisation, a site and a project are made.")
    await client.sign_up_installer(
        f"installer-{mark}@demo.example", PASSWORD, "Alex Technician", "Acme EV Installations"
    )
    await client.cpo(
        "POST",
        f"cpo/projects/{project['project_id']}/installers",
        expect=201,
        body={"installer_id": client.installer_id},
    )
    console.print("The installer signed up, verified the mailbox, logged in and is assigned.")
    return Site(client, project["project_id"], mailbox, owner_mailbox)


async def register(site: Site, ocpp_url: str, ledgers: Path, console: Console) -> list[Bay]:
    """Register six charge points and build their virtual hardware from the answers."""
    bays: list[Bay] = []
    for number, version in enumerate(VERSIONS, 1):
        serial_number = f"SN-{random_text(8).upper()}-{number:03}"
        made = await site.client.installer(
            "POST",
            "charge-points",
            expect=201,
            body={
                "project_id": site.project_id,
                "serial_number": serial_number,
                "model": "Terra AC W22-G5",
                "vendor": "ABB",
                "ocpp_version": version,
                "max_power_kw": 22,
                "connector_count": 1,
                "location": {"latitude": 51.5074, "longitude": -0.0613, "description": f"Bay {number}, Level P1"},
            },
        )
        charger = VirtualCharger(
            ChargerSettings(
                url=f"{ocpp_url}/ocpp/{version}",
                identity=made["ocpp_identity"],
                password=made["provisioning_password"],
                version=version,
                vendor="ABB",
                model="Terra AC W22-G5",
                serial_number=serial_number,
                ledger_path=ledgers / f"bay-{number}.jsonl",
                time_scale=TIME_SCALE,
                seed=number,
            )
        )
        bays.append(Bay(number, version, made["charge_point_id"], charger))
    console.print(f"{len(bays)} charge points are registered.")
    return bays


async def commission(client: JobClient, bays: list[Bay], console: Console) -> None:
    """Commission all of them at once, with a live table.

    Raises:
        JobFailed: a charge point did not pass.
    """
    with Live(progress_table(bays), console=console, refresh_per_second=4) as live:

        async def one(bay: Bay) -> None:
            await client.installer(
                "POST",
                f"commissioning/{bay.charge_point_id}/start",
                expect=202,
                body={"run_connectivity_test": True, "run_meter_calibration": True},
            )

            async def on_progress(status: dict[str, Any]) -> None:
                bay.status = status["result"] or status["status"]
                bay.steps = " ".join(mark_of(step["status"]) for step in status["steps"])
                bay.energy = next(
                    (s.get("detail") or "" for s in status["steps"] if s["name"] == "test_transaction"), ""
                )
                live.update(progress_table(bays))

            ended = await client.until_commissioned(bay.charge_point_id, on_progress=on_progress)
            if ended["result"] != "passed":
                said = [
                    f"{step['name']}: {step.get('detail')}" for step in ended["steps"] if step["status"] == "failed"
                ]
                raise JobFailed(f"Bay {bay.number} (OCPP {bay.version}) did not pass: {'; '.join(said)}")

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(guarded(one(bay))) for bay in bays]
    console.print()
    for task in tasks:
        if (failure := task.result()) is not None:
            raise failure


async def guarded(work: Any) -> JobFailed | None:
    """The failure of a piece of work as a value, so that the other charge points go on."""
    try:
        await work
    except JobFailed as failure:
        return failure
    return None


async def hand_over(site: Site, data_dir: Path, console: Console) -> Path:
    """Tick the checklist, complete the handover, download and verify the certificate; its path.

    Raises:
        JobFailed: the certificate is not what it should be.
    """
    client, project_id = site.client, site.project_id
    checklist = await client.installer("GET", f"projects/{project_id}/checklist")
    ticks = [entry | {"done": True} for entry in writable_items(checklist)]
    await client.installer("PUT", f"projects/{project_id}/checklist", body={"items": ticks})
    done = await client.installer(
        "POST",
        f"projects/{project_id}/complete-handover",
        body={
            "signed_by": "Alex Technician",
            "handover_notes": "All 6 bays commissioned.",
            "site_contact_name": "Sarah Owen",
            "site_contact_email": site.owner_mailbox,
        },
    )
    answer = await client.http.get(done["handover_certificate_url"])
    if answer.status_code != 200:
        raise JobFailed(f"The certificate could not be downloaded: {answer.status_code}")
    root = await client.http.get(f"{done['verify_url']}/root.pem")
    verdict = await verify_pdf(answer.content, [x509.load_pem_x509_certificate(root.content)])
    if not verdict.genuine:
        raise JobFailed(f"The certificate is not genuine: {verdict}")
    path = data_dir / f"certificate-{project_id}.pdf"
    path.write_bytes(answer.content)
    for mailbox in (site.mailbox, site.owner_mailbox):
        await client.mail_to(mailbox, subject="")
    console.print("The project is handed over; the certificate is genuine; both mails arrived.")
    return path


def writable_items(checklist: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The items that a person ticks, as the PUT wants them."""
    for item in checklist["items"]:
        if not item["by_platform"]:
            yield {key: item[key] for key in ("charge_point_id", "item") if item.get(key) is not None}


async def tell(running: Supervisor, site: Site, certificate: Path, console: Console) -> None:
    """The table of what was done, and where to look."""
    project = await site.client.installer("GET", f"projects/{site.project_id}")
    table = Table(title="What was done", show_lines=False)
    for column in ("charge point", "OCPP", "serial number", "commissioning"):
        table.add_column(column)
    for point in project["charge_points"]:
        table.add_row(
            point["charge_point_id"], point["ocpp_version"], point["serial_number"], point["commissioning_status"]
        )
    console.print(table)
    for line in (
        f"Certificate: {certificate}",
        f"Portal and API: {running.settings.public_url}   mails: {running.settings.public_url}/dev/mail",
        f"OCPP: {running.settings.ocpp_public_url}/ocpp/{{version}}/{{charge_point_id}}",
        f"Organisation: {site.mailbox}   password: {PASSWORD}",
        f"API key: {site.client.api_key}",
    ):
        console.print(line, soft_wrap=True, highlight=False)  # to be copied, however narrow the terminal


def progress_table(bays: list[Bay]) -> Table:
    """How far each charge point is."""
    table = Table(title="Commissioning")
    for column in ("bay", "OCPP", "status", "steps", "test"):
        table.add_column(column)
    for bay in bays:
        table.add_row(str(bay.number), bay.version, bay.status, bay.steps, bay.energy)
    return table


def mark_of(status: str) -> str:
    """A step's status as one character."""
    return {"passed": "✓", "failed": "✗", "running": "…", "skipped": "–"}.get(status, "·")
