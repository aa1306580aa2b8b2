"""`kill -9` of every process during a transaction load: nothing acknowledged is lost, nothing counts twice (trust T1, T2).

Each charger's own ledger on disk is the witness; the database is compared with it afterwards. Bounded in chargers and rounds;
asserts counts, never times.
"""

import asyncio
import contextlib
import pathlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

import psycopg
import pytest
from psycopg import sql

from installation import Installation, installation
from sliproad.simulator.charger import VirtualCharger
from sliproad.simulator.ledger import Ledger
from sliproad.simulator.ledger_book import LedgerBook, LedgerMessage
from sliproad.simulator.scenarios import storm
from sliproad.simulator.settings import ChargerSettings, Version

CHARGERS = 100
VERSIONS: tuple[Version, ...] = ("1.6", "2.0.1", "2.1")
VICTIMS = ("gateway-1", "web", "worker", "postgres", "nats", "gateway-2")
PROGRESS = 150
"""How many more messages must be acknowledged between two kills."""
PATIENCE_SECONDS = 180

pytestmark = pytest.mark.xdist_group("kill")


@dataclass
class Fleet:
    """The chargers under load, and what their ledgers say so far."""

    chargers: list[VirtualCharger]
    work: list[asyncio.Task[None]]

    def books(self) -> list[LedgerBook]:
        return [Ledger.read(charger.settings.ledger_path) for charger in self.chargers]

    def counts(self) -> tuple[int, int]:
        """Messages acknowledged, and messages sent that still wait for their answer."""
        books = self.books()
        waiting = sum(message.pending and message.attempts > 0 for book in books for message in book.messages.values())
        return sum(len(book.acknowledged) for book in books), waiting

    async def progress(self, beyond: int) -> None:
        """Until `PROGRESS` more messages than `beyond` are acknowledged."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.counts()[0] < beyond + PROGRESS:
                await asyncio.sleep(0.3)

    async def quiet(self) -> None:
        """End the load and deliver what is still owed."""
        for task in self.work:
            task.cancel()
        await asyncio.gather(*self.work, return_exceptions=True)
        for charger in self.chargers:
            for connector in charger.station.connectors.values():
                if connector.transaction is not None:
                    await charger.stop_charging(connector.number)
        async with asyncio.timeout(PATIENCE_SECONDS):
            for charger in self.chargers:
                await charger.wait_until_delivered()


@contextlib.asynccontextmanager
async def fleet_of(sliproad: Installation, folder: pathlib.Path) -> AsyncIterator[Fleet]:
    """A hundred registered chargers with cars coming and going."""
    client, project_id = await sliproad.at_work(CHARGERS)
    async with contextlib.AsyncExitStack() as powered:
        powered.push_async_callback(client.close)
        chargers = []
        for number in range(CHARGERS):
            version = VERSIONS[number % len(VERSIONS)]
            made = await client.installer(
                "POST", "charge-points", expect=201,
                body={"project_id": project_id, "serial_number": f"S{number}", "model": "M", "vendor": "V",
                      "ocpp_version": version},
            )  # fmt: skip
            settings = ChargerSettings(
                url=f"{sliproad.ocpp_url}/ocpp/{version}", identity=made["charge_point_id"], version=version,
                password=made["provisioning_password"], ledger_path=folder / f"{number}.jsonl", seed=number,
                time_scale=60.0, answer_timeout_seconds=10.0, reconnect_seconds=0.2, reconnect_max_seconds=1.0,
                durable=False, vehicle="manual",
            )  # fmt: skip
            chargers.append(await powered.enter_async_context(VirtualCharger(settings)))
        work = [asyncio.create_task(storm(charger)) for charger in chargers]
        yield Fleet(chargers, work)


async def test_nothing_acknowledged_is_lost_and_nothing_counts_twice(tmp_path: pathlib.Path) -> None:
    with installation("--gateways", "2", log_level="warning") as sliproad:
        async with fleet_of(sliproad, tmp_path) as fleet:
            await fleet.progress(0)
            in_flight = {}
            for name in VICTIMS:
                acknowledged, waiting = fleet.counts()
                in_flight[name] = waiting
                print(f"killing {name}: {acknowledged} acknowledged, {waiting} in flight")
                await sliproad.kill(name)
                await fleet.progress(acknowledged)
            assert sum(in_flight.values()) > 0, (
                "nothing was in flight at any kill: the load was too small to prove anything"
            )
            await fleet.quiet()
            books = fleet.books()
            assert sum(len(book.pending) for book in books) == 0
            assert not [message for book in books for message in book.messages.values() if message.given_up]
            ids = [charger.settings.identity for charger in fleet.chargers]
        compare(sliproad.database_url, dict(zip(ids, books, strict=True)))
        assert sliproad.stop() == 0


def compare(database_url: str, books: dict[str, LedgerBook]) -> None:
    """Every transaction once with the same energy, every event and reading once."""
    with psycopg.connect(database_url) as connection:
        for identity, book in books.items():
            rows = connection.execute(
                "select t.transaction_id, t.meter_start_wh, t.meter_stop_wh, c.key"
                " from transactions t join charge_points c on c.key = t.charge_point_key where c.charge_point_id = %s",
                [identity],
            ).fetchall()
            stored = {row[0]: row for row in rows}
            named = {transaction.transaction_id: transaction for transaction in book.transactions.values()}
            assert len(rows) == len(stored) == len(named), f"{identity}: {len(rows)} stored, {len(named)} in the ledger"
            for transaction_id, transaction in named.items():
                _, start, stop, key = stored[str(transaction_id)]
                assert (int(start), int(stop)) == (transaction.meter_start_wh, transaction.meter_stop_wh), identity
                messages = [m for m in book.messages.values() if m.transaction == transaction.key]
                table = "transaction_events" if messages[0].action == "TransactionEvent" else "meter_values"
                sent = sent_times(messages)
                kept = connection.execute(
                    sql.SQL("select at from {} where charge_point_key = %s and transaction_id = %s").format(
                        sql.Identifier(table)
                    ),
                    [key, str(transaction_id)],
                ).fetchall()
                counted = Counter(row[0] for row in kept)
                assert set(counted) >= set(sent), f"{identity}: of {len(sent)} times sent only {len(counted)} are kept"
                if table == "transaction_events":
                    assert counted == sent, f"{identity}: events counted otherwise than sent"


def sent_times(messages: list[LedgerMessage]) -> Counter[datetime]:
    """When events happened (2.x) or readings were taken (1.6), by the charger's own clock."""
    texts = []
    for message in messages:
        if message.action == "TransactionEvent":
            texts.append(message.payload["timestamp"])
        elif message.action == "MeterValues":
            texts += [reading["timestamp"] for reading in message.payload["meterValue"]]
    return Counter(datetime.fromisoformat(text) for text in texts)
