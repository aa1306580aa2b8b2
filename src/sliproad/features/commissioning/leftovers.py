"""No test transaction outlives its session: what was given up by a pause, a stop or a failure is stopped at the charge point.

Each is a row (`leftovers_store`) from the very transaction that gave it up until nothing of it runs; a worker looks at it again and
again, also after the charge point was away for days. With it dies the token that it was started with (`end_test`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import structlog

from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.charging.model import Transaction
from sliproad.features.charging.service import ChargingService
from sliproad.features.commands.service import CommandService
from sliproad.features.commissioning import leftovers_store
from sliproad.features.commissioning.facts import test_transactions
from sliproad.features.commissioning.steps.remote_control import V2X, V16
from sliproad.features.commissioning.store import CommissioningSessionRow
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database, Session
from sliproad.foundation.errors import DomainError

log = structlog.get_logger()
LATE_BEGIN_SECONDS = 300
"""So long after it was given up, and after the charge point came back, a transaction may still show itself."""
STOP_TIMEOUT_SECONDS = 10.0
FIRST_LOOK_SECONDS = 2.0
LONGEST_LOOK_SECONDS = 60.0
AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at a leftover gives: transactions to stop, when to look again, or why there is nothing left to do."""

    stop: tuple[str, ...] = ()
    settled: str | None = None


def judge(
    transactions: Iterable[Transaction], connected_since: datetime | None, given_up_at: datetime, now: datetime
) -> Found:
    """What is to be done about a test that was given up. Pure. `connected_since` is None while it is not connected."""
    found = list(transactions)
    if running := tuple(one.transaction_id for one in found if one.is_open):
        return Found(stop=running if connected_since is not None else ())
    if connected_since is None:
        return Found()
    quiet_since = max(connected_since, given_up_at)
    if now - quiet_since < timedelta(seconds=LATE_BEGIN_SECONDS):
        return Found()
    return Found(settled=f"{len(found)} ended" if found else "none began")


def look_again_seconds(looks: int) -> float:
    """How long to leave it alone after this many looks."""
    return min(LONGEST_LOOK_SECONDS, FIRST_LOOK_SECONDS * 2.0 ** min(looks, 10))


async def end_test(
    session: Session,
    registry: RegistryService,
    row: CommissioningSessionRow,
    how: Literal["ended", "abandoned"],
    now: datetime,
) -> None:
    """A session's started test is over: its token dies, and what may still run of it is remembered; in this transaction."""
    await registry.end_test(session, row.charge_point_key)
    if how == "abandoned":
        values = {
            "session_id": row.session_id,
            "organization_id": row.organization_id,
            "charge_point_key": row.charge_point_key,
            "test_token": row.test_token,
            "given_up_at": now,
            "look_at": now,
        }
        await leftovers_store.insert_leftover(session, values)


class Leftovers:
    """Looks at what is left over; one per worker."""

    def __init__(
        self, database: Database, clock: Clock, commands: CommandService, live: LiveService, charging: ChargingService
    ) -> None:
        """`database` speaks as role `engine`."""
        self.database = database
        self.clock = clock
        self.commands = commands
        self.live = live
        self.charging = charging

    async def due(self) -> list[int]:
        """Keys of those whose time has come."""
        async with self.database.transaction(ENGINE) as session:
            return list(await leftovers_store.due_leftovers(session, self.clock.now(), AT_ONCE))

    async def look(self, leftover_key: int) -> None:
        """Stop what runs of it, if the charge point can be reached. Idempotent; harmless any number of times."""
        now = self.clock.now()
        async with self.database.transaction(ENGINE) as session:
            row = await leftovers_store.lock_leftover(session, leftover_key)
            if row is None:
                return
            live = await self.live.live(session, row.charge_point_key)
            transactions = await test_transactions(session, self.charging, row.charge_point_key, row.test_token)
            connected_since = (live.connected_at or row.given_up_at) if live.connected else None
            found = judge(transactions, connected_since, row.given_up_at, now)
            row.settled_at, row.outcome = (now, found.settled) if found.settled is not None else (None, None)
            row.looks += 1
            row.look_at = now + timedelta(seconds=look_again_seconds(row.looks))
            key, words = row.charge_point_key, V16 if live.protocol_version == "1.6" else V2X
        for transaction_id in found.stop:
            try:
                answer = await self.commands.call(
                    key, words.stop_action, words.stop(transaction_id), timeout_seconds=STOP_TIMEOUT_SECONDS
                )
            except DomainError as problem:
                log.info("leftover_not_stopped", charge_point=key, code=problem.code)
            else:
                log.info("leftover_stop_asked", charge_point=key, status=answer.status)
