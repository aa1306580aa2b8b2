"""`sliproad doctor`: what is wrong with this installation, in sentences that say what to do."""

import asyncio
import os
from dataclasses import dataclass

import psycopg

from sliproad.app.supervisor import read_state, says_yes
from sliproad.foundation.bus import Bus
from sliproad.foundation.database.migrations import newest_revision
from sliproad.foundation.settings import Settings

OLDEST_POSTGRES = 160000


@dataclass(frozen=True, slots=True)
class Finding:
    is_good: bool
    sentence: str


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything that can be looked at from outside; nothing is changed."""
    state = read_state(settings.data_dir)
    findings = [look_at_folder(settings)]
    if state is None and settings.is_embedded:
        findings.append(Finding(False, f"No Sliproad is running on {settings.data_dir}. Start one: sliproad serve"))
        return findings
    database_url = settings.database_url or (state or {}).get("database_url", "")
    nats_url = settings.nats_url or (state or {}).get("nats_url", "")
    findings += await asyncio.to_thread(look_at_database, database_url)
    findings.append(await look_at_bus(nats_url))
    if state is not None:
        url = state["http_url"]
        ready = await asyncio.to_thread(says_yes, url, "readyz")
        good, bad = f"Every part is ready ({url}/readyz).", f"Not every part is ready; {url}/readyz says which."
        findings.append(Finding(ready, good if ready else bad))
    findings += look_at_settings(settings, state or {})
    return findings


def look_at_folder(settings: Settings) -> Finding:
    """The data folder must be ours to write."""
    folder = settings.data_dir
    if folder.exists() and not os.access(folder, os.W_OK):
        return Finding(False, f"The data folder {folder} can't be written to. Give it to the user that runs Sliproad.")
    return Finding(True, f"The data folder is {folder.resolve()}.")


def look_at_database(url: str) -> list[Finding]:
    """Reachable, new enough, migrated, with workers and gateways that live."""
    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            version = connection.info.server_version
            revision = connection.execute("select version_num from alembic_version").fetchone()
            gateways = connection.execute(
                "select count(*) from gateways where seen_at > now() - interval '10 seconds'"
            ).fetchone()
            stuck = connection.execute(
                "select count(*) from outbox where dispatched_at is null and parked_at is null"
                " and occurred_at < now() - interval '1 minute'"
            ).fetchone()
            parked = connection.execute(
                "select count(*), min(error) from outbox where parked_at is not null"
            ).fetchone()
    except psycopg.errors.UndefinedTable:
        return [Finding(False, "The database has no tables of Sliproad. Run: sliproad migrate")]
    except psycopg.Error as error:
        return [
            Finding(False, f"PostgreSQL can't be reached: {str(error).splitlines()[0]}. Check SLIPROAD_DATABASE_URL.")
        ]
    newest = newest_revision()
    have = revision[0] if revision else "none"
    late = stuck[0] if stuck else 0
    alive = gateways[0] if gateways else 0
    return [
        Finding(version >= OLDEST_POSTGRES, f"PostgreSQL answers, version {version // 10000}."),
        Finding(
            have == newest,
            f"The schema is at {have}" + ("." if have == newest else f", not {newest}: sliproad migrate"),
        ),
        Finding(
            alive > 0, f"{alive} gateways are alive." + ("" if alive else " No charge point can connect: start one.")
        ),
        look_at_parked(*(parked or (0, None))),
        Finding(
            late == 0, "Events flow." if late == 0 else f"{late} events have waited over a minute: is a worker running?"
        ),
    ]


def look_at_parked(count: int, error: str | None) -> Finding:
    """Events whose consequences failed again and again (`foundation/outbox.py`)."""
    if not count:
        return Finding(True, "No event was given up.")
    again = "update outbox set parked_at = null, attempts = 0 where parked_at is not null"
    return Finding(False, f"{count} events were given up ({error}). When the cause is gone: {again}")


async def look_at_bus(url: str) -> Finding:
    """NATS must answer; it may be away for a while, but commands wait for it."""
    bus = Bus(url)
    try:
        await bus.connect()
        if not bus.is_connected:
            return Finding(False, "NATS can't be reached. Check SLIPROAD_NATS_URL.")
    except Exception as error:  # noqa: BLE001 (whatever the client library raises means: no)
        return Finding(False, f"NATS can't be reached: {error!r}. Check SLIPROAD_NATS_URL.")
    finally:
        await bus.close()
    return Finding(True, "NATS answers.")


def look_at_settings(settings: Settings, state: dict[str, str]) -> list[Finding]:
    """What is fine on a laptop and wrong on the road. `state` is the running installation's."""
    findings = []
    if settings.smtp_url is None:
        findings.append(Finding(True, f"No SLIPROAD_SMTP_URL: mails are files in {settings.data_dir / 'mail'}."))
    if (settings.ocpp_public_url or state.get("ocpp_public_url") or "").startswith("ws://"):
        findings.append(Finding(False, "SLIPROAD_OCPP_PUBLIC_URL is plain ws: passwords travel readable. Use wss."))
    if (settings.public_url or state.get("public_url") or "").startswith("http://"):
        findings.append(Finding(False, "SLIPROAD_PUBLIC_URL is plain http: tokens travel readable. Use https."))
    return findings
