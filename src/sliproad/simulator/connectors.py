"""One outlet of a virtual charge point: what is plugged into it, what runs on it, what it says about itself."""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum

from sliproad.simulator.ledger_book import LedgerTransaction
from sliproad.simulator.meter import Meter, Vehicle


class ConnectorStatus(StrEnum):
    """OCPP 1.6 ChargePointStatus; OCPP 2.x is told less."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EV = "SuspendedEV"
    FINISHING = "Finishing"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


class StopReason(StrEnum):
    """Why a transaction ended, in the words of OCPP 1.6."""

    LOCAL = "Local"
    REMOTE = "Remote"
    EV_DISCONNECTED = "EVDisconnected"
    DE_AUTHORIZED = "DeAuthorized"
    SOFT_RESET = "SoftReset"
    HARD_RESET = "HardReset"
    UNLOCK_COMMAND = "UnlockCommand"


@dataclass(frozen=True)
class IdToken:
    """Who wants to charge. OCPP 1.6 knows the value only."""

    value: str
    type: str = "ISO14443"


@dataclass
class Connector:
    """An outlet, numbered from 1 (connector in 1.6, EVSE with its connector 1 in 2.x)."""

    number: int
    meter: Meter
    operative: bool = True
    becomes_operative: bool | None = None
    faulted: bool = False
    reserved_for_start: bool = False
    finishing: bool = False
    vehicle: Vehicle | None = None
    transaction: LedgerTransaction | None = None
    plugged: asyncio.Event = field(default_factory=asyncio.Event)
    dropped_for: str | None = None

    @property
    def is_full(self) -> bool:
        """Whether the car takes no more."""
        return self.vehicle is not None and self.vehicle.charge_wh >= self.vehicle.battery_wh

    @property
    def is_free(self) -> bool:
        """Whether a new transaction may begin here."""
        return self.operative and not self.faulted and self.transaction is None and not self.reserved_for_start

    @property
    def status(self) -> ConnectorStatus:
        """The status to report (OCPP 1.6 §4.9)."""
        if self.faulted:
            return ConnectorStatus.FAULTED
        if self.transaction is not None:
            return ConnectorStatus.SUSPENDED_EV if self.is_full else ConnectorStatus.CHARGING
        if not self.operative:
            return ConnectorStatus.UNAVAILABLE
        if self.finishing:
            return ConnectorStatus.FINISHING
        if self.plugged.is_set() or self.reserved_for_start:
            return ConnectorStatus.PREPARING
        return ConnectorStatus.AVAILABLE
