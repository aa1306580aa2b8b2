"""Attempts to connect, told to a technician in sentences: what arrived, what is wrong with it, what to do.

Gateways store them (`store_attempts`, in batches); the connection-attempts routes ask for the `report` (contract §3). The rules are
in `attempts_diagnosis`, `attempts_sentences` and `attempts_identity`; here their facts are gathered.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sliproad.features.charge_points import attempts_store
from sliproad.features.charge_points.attempts_diagnosis import (
    WINDOW,
    AttemptFact,
    BootFact,
    ConnectionFacts,
    Diagnosis,
    diagnose,
)
from sliproad.features.charge_points.attempts_identity import identity_mistake
from sliproad.features.charge_points.attempts_sentences import Meant, sentence
from sliproad.features.charge_points.attempts_store import ConnectionAttemptRow
from sliproad.features.charge_points.live_model import LiveState
from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charge_points.model import ChargePoint
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database, Session

STRANGERS_HOURS = 24
MOST_STRANGERS = 500
MOST_RECENT = 200
BOOT = "BootNotification"
UPGRADE_TAKES = timedelta(seconds=5)
"""Within that a new connection counts as seen although nothing came on it."""


class AttemptFacts(Protocol):
    """An attempt as the gateway saw it."""

    @property
    def at(self) -> float: ...
    @property
    def key(self) -> int | None: ...
    @property
    def organization_id(self) -> str | None: ...
    @property
    def identity(self) -> str | None: ...
    @property
    def path(self) -> str: ...
    @property
    def remote_address(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def details(self) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class ConnectionAttempt:
    """One attempt; `advice` is the sentence for the technician; `is_certain` is False where we only suppose whose it was."""

    at: datetime
    outcome: str
    advice: str
    identity: str | None
    path: str
    remote_address: str
    details: dict[str, Any]
    is_certain: bool


class HeardFrame(Protocol):
    """A message of the charge point."""

    @property
    def at(self) -> datetime: ...
    @property
    def payload(self) -> Any: ...


class HeardFrames(Protocol):
    """What a charge point has said; `frame_log` keeps it, `app/services.py` fills this in."""

    async def heard(
        self, session: Session, charge_point_key: int, *, since: datetime, action: str | None = None, limit: int
    ) -> Sequence[HeardFrame]:
        """Its messages since then, the oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """What to do now, and the attempts behind it, the newest first."""

    diagnosis: Diagnosis
    attempts: list[ConnectionAttempt]


class AttemptService:
    """Stores and explains attempts."""

    def __init__(self, database: Database, clock: Clock, frames: HeardFrames | None = None) -> None:
        """`database` speaks as role `engine`: an attempt with an unknown identity belongs to nobody.

        A gateway, which only stores, has no `frames`.
        """
        self.database = database
        self.clock = clock
        self.frames = frames
        self.live = LiveService()

    async def store_attempts(self, attempts: Sequence[AttemptFacts]) -> None:
        """Insert a batch; the gateway's port `RecordAttempts`."""
        rows = [
            {
                "at": datetime.fromtimestamp(each.at, UTC),
                "charge_point_key": each.key,
                "organization_id": each.organization_id,
                "identity": each.identity,
                "path": each.path,
                "remote_address": each.remote_address,
                "outcome": each.outcome,
                "details": each.details,
            }
            for each in attempts
        ]
        if rows:
            async with self.database.transaction(ENGINE) as session:
                await attempts_store.insert_attempts(session, rows)

    async def report(
        self, charge_point: ChargePoint, *, asked_from: Iterable[str] = (), limit: int = 50
    ) -> ConnectionReport:
        """The newest attempts of a charge point, strangers' of the last 24 h that may well have been it, and what to do.

        Those are attempts with an unknown identity, or none, from an address that this charge point or the asking installer
        (`asked_from`) used in that time, or whose identity nearly spells this one; never one that is registered as another charge
        point. The caller has checked access.
        """
        key, now = charge_point.key, self.clock.now()
        meant = Meant(charge_point.charge_point_id, charge_point.serial_number, charge_point.ocpp_version)
        since = now - timedelta(hours=STRANGERS_HOURS)
        async with self.database.transaction(ENGINE) as session:
            own = await attempts_store.attempts_of(session, key, max(limit, MOST_RECENT))
            addresses = {*asked_from, *await attempts_store.addresses_of(session, key, since)}
            strangers = await attempts_store.strangers(session, key, addresses, since, MOST_STRANGERS)
            live = (await self.live.live_of(session, [key])).get(key)
            boots, has_spoken = await self._heard(session, key, live, now)
        may_be = [each for each in strangers if each.remote_address in addresses or _slip(each, meant)]
        found = sorted([*own, *may_be], key=lambda each: (each.at, each.attempt_id), reverse=True)
        facts = ConnectionFacts(meant, now, [_fact(each, meant) for each in found], boots, has_spoken=has_spoken)
        if live is not None:
            names = ("connected", "connected_at", "disconnected_at", "boot_status", "clock_skew_seconds")
            facts = replace(facts, **{name: getattr(live, name) for name in names})
        return ConnectionReport(diagnose(facts), [explain(each, meant) for each in found[:limit]])

    async def _heard(
        self, session: Session, key: int, live: LiveState | None, now: datetime
    ) -> tuple[list[BootFact], bool | None]:
        """The boots of the last minutes, and whether anything came on the present connection."""
        if self.frames is None:
            return [], None
        boots = await self.frames.heard(session, key, since=now - WINDOW, action=BOOT, limit=MOST_RECENT)
        has_spoken = None
        if live is not None and live.connected_at is not None:
            any_frame = await self.frames.heard(session, key, since=live.connected_at, limit=1)
            later = live.last_seen_at is not None and live.last_seen_at - live.connected_at > UPGRADE_TAKES
            has_spoken = bool(any_frame) or later or live.last_heartbeat_epoch == live.epoch
        return [BootFact(each.at, _boot_serial(each.payload)) for each in boots], has_spoken

    async def reconnects(self, key: int, since: datetime) -> int:
        """How often a charge point has connected again since then; the caller has checked access."""
        async with self.database.transaction(ENGINE) as session:
            count, was_there = await attempts_store.connections_since(session, key, since)
        return count if was_there else max(0, count - 1)


def explain(row: ConnectionAttemptRow, meant: Meant) -> ConnectionAttempt:
    """The attempt with its sentence."""
    return ConnectionAttempt(
        at=row.at,
        outcome=row.outcome,
        advice=sentence(row.outcome, row.details, row.identity, meant),
        identity=row.identity,
        path=row.path,
        remote_address=row.remote_address,
        details=row.details,
        is_certain=row.charge_point_key is not None,
    )


def _fact(row: ConnectionAttemptRow, meant: Meant) -> AttemptFact:
    is_certain = row.charge_point_key is not None
    is_strong = is_certain or _slip(row, meant)
    return AttemptFact(row.at, row.outcome, row.details, row.identity, row.remote_address, is_certain, is_strong)


def _slip(row: ConnectionAttemptRow, meant: Meant) -> bool:
    return (
        bool(row.identity)
        and identity_mistake(row.identity or "", meant.charge_point_id, meant.serial_number) is not None
    )


def _boot_serial(payload: Any) -> str | None:
    """The serial number of a BootNotification: 1.6 §6.3 (two fields), 2.x B01 (chargingStation)."""
    if not isinstance(payload, dict):
        return None
    station = payload.get("chargingStation")
    if isinstance(station, dict):
        found = station.get("serialNumber")
    else:
        found = payload.get("chargePointSerialNumber") or payload.get("chargeBoxSerialNumber")
    return found if isinstance(found, str) else None
