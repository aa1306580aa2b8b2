"""The operator's server away under load and our gateway `kill -9`ed ten times: each transaction message arrives there once, in order.

The chargers' own ledgers say what they were acknowledged; the server says what it heard. Asserts counts, never times.
"""

import asyncio
import contextlib
import pathlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from installation import Installation
from operator_server import OperatorServer, Said
from relayed_site import RelayedSite
from sliproad.simulator.charger import VirtualCharger
from sliproad.simulator.ledger import Ledger
from sliproad.simulator.ledger_book import LedgerBook
from sliproad.simulator.scenarios import storm
from sliproad.simulator.settings import ChargerSettings, Version

CHARGERS = 18
KILLS = 10
PROGRESS = 45
"""How many more messages must have arrived at the operator's server between two kills."""
VERSIONS: tuple[Version, ...] = ("1.6", "2.0.1", "2.1")
PATIENCE_SECONDS = 300
TRANSACTION_MESSAGES = ("StartTransaction", "MeterValues", "StopTransaction", "TransactionEvent")

pytestmark = pytest.mark.xdist_group("kill")


@dataclass
class Fleet:
    """The chargers under load."""

    chargers: list[VirtualCharger]
    work: list[asyncio.Task[None]]

    def books(self) -> dict[str, LedgerBook]:
        return {each.settings.identity: Ledger.read(each.settings.ledger_path) for each in self.chargers}

    async def acknowledged(self, more: int) -> None:
        """Until so many more messages have been acknowledged."""
        before = sum(len(book.acknowledged) for book in self.books().values())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while sum(len(book.acknowledged) for book in self.books().values()) < before + more:
                await asyncio.sleep(0.2)

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
async def fleet_of(
    sliproad: Installation, operator: OperatorServer, folder: pathlib.Path
) -> AsyncIterator[tuple[Fleet, RelayedSite]]:
    """Chargers of three versions with cars coming and going, each with a relay."""
    client, project_id = await sliproad.at_work(CHARGERS)
    relayed = RelayedSite(sliproad.database_url, "no password is sealed here")
    async with contextlib.AsyncExitStack() as powered:
        powered.push_async_callback(client.close)
        chargers = []
        for number in range(CHARGERS):
            version = VERSIONS[number % len(VERSIONS)]
            made = await client.installer(
                "POST", "charge-points", expect=201,
                body={"project_id": project_id, "serial_number": f"R{number}", "model": "M", "vendor": "V",
                      "ocpp_version": version},
            )  # fmt: skip
            relayed.apply(made["charge_point_id"], operator)
            settings = ChargerSettings(
                url=f"{sliproad.ocpp_url}/ocpp/{version}", identity=made["charge_point_id"], version=version,
                password=made["provisioning_password"], ledger_path=folder / f"{number}.jsonl", seed=number,
                time_scale=60.0, answer_timeout_seconds=10.0, reconnect_seconds=0.2, reconnect_max_seconds=1.0,
                durable=False, vehicle="manual",
            )  # fmt: skip
            chargers.append(await powered.enter_async_context(VirtualCharger(settings)))
        for charger in chargers:
            await relayed.state(charger.settings.identity, "connected")
        work = [asyncio.create_task(storm(charger)) for charger in chargers]
        yield Fleet(chargers, work), relayed


def heard_in_all(operator: OperatorServer) -> int:
    return sum(len(operator.of(identity, *TRANSACTION_MESSAGES)) for identity in list(operator.said))


async def test_every_transaction_message_arrives_there_once_and_in_order(killable, tmp_path):
    async with OperatorServer() as operator, fleet_of(killable, operator, tmp_path) as (fleet, relayed):
        ids = [charger.settings.identity for charger in fleet.chargers]
        await operator.until(lambda: heard_in_all(operator) > PROGRESS)
        await operator.stop()
        await fleet.acknowledged(10 * PROGRESS)  # while nobody takes it
        waiting = [len(relayed.messages(identity, state="waiting")) for identity in ids]
        print(f"the operator's server was away: {sum(waiting)} messages wait for it")
        assert sum(waiting) > PROGRESS
        await operator.start()
        in_flight = []
        for number in range(KILLS):
            before = heard_in_all(operator)
            await operator.until(lambda: heard_in_all(operator) >= before + PROGRESS)  # noqa: B023
            in_flight.append(sum(len(relayed.messages(identity, state="waiting")) for identity in ids))
            print(f"kill {number + 1}: {heard_in_all(operator)} arrived, {in_flight[-1]} waiting")
            await killable.kill("gateway-1")
        assert sum(in_flight) > 0, "nothing was under way at any kill: the load was too small to prove anything"
        await fleet.quiet()
        for identity in ids:
            await relayed.delivered(identity)
        books, repeated = fleet.books(), 0
        for identity in ids:
            repeated += compare(operator, relayed, identity, books[identity])
        print(f"{heard_in_all(operator)} transaction messages, {repeated} of them said again after a kill")


def compare(operator: OperatorServer, relayed: RelayedSite, identity: str, book: LedgerBook) -> int:
    """What was acknowledged is what arrived, once and in order; gives how many came again under their own ids."""
    arrived = operator.of(identity, *TRANSACTION_MESSAGES)
    arrived = [said for said in arrived if said.action != "MeterValues" or "transactionId" in said.payload]
    numbers = [int(said.message_id.removeprefix("r")) for said in arrived]
    assert numbers == sorted(numbers), f"{identity}: not in order"
    rows = relayed.messages(identity, kind="transaction")
    assert {row["state"] for row in rows} == {"delivered"}
    assert numbers == [row["seq"] for row in rows]
    assert Counter(map(told, arrived)) == Counter(
        known(message.action, message.payload) for message in book.messages.values() if message.acknowledged
    ), identity
    given = {number for (charge_point, _), number in operator.given.items() if charge_point == identity}
    named = [each.payload["transactionId"] for each in arrived if each.action in {"MeterValues", "StopTransaction"}]
    assert set(named) <= given, f"{identity}: a transaction id that the operator never gave"
    stopped = [each.payload["transactionId"] for each in arrived if each.action == "StopTransaction"]
    assert len(stopped) == len(set(stopped)), f"{identity}: one of its ids names two transactions"
    said = [each for each in operator.said[identity] if each.message_id.startswith("r")]
    contents: dict[str, list[Said]] = {}
    for each in said:
        contents.setdefault(each.message_id, []).append(each)
    assert all(len({str(each.payload | {"transactionId": 0}) for each in same}) == 1 for same in contents.values())
    return len(said) - len(contents)


def told(said: Said) -> str:
    return known(said.action, said.payload)


def known(action: str, payload: dict[str, object]) -> str:
    """A message without what differs on both sides: 1.6's transaction id."""
    return f"{action} { ({name: value for name, value in payload.items() if name != 'transactionId'}) }"
