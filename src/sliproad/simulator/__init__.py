"""Virtual charge points for OCPP 1.6, 2.0.1 and 2.1 on the independent `ocpp` package.

For `sliproad simulate`, the demo and the tests. This room imports nothing else of Sliproad, so that what it says about
energy and transactions (`Ledger.read`) is a second opinion on what the server says.
"""

from sliproad.simulator.charger import ChargerState, ChargingRefusedError, ConnectorState, VirtualCharger
from sliproad.simulator.events import ChargerEvent
from sliproad.simulator.faults import FAULTS, Fault
from sliproad.simulator.ledger import Ledger, LedgerInUseError
from sliproad.simulator.ledger_book import LedgerBook, LedgerMessage, LedgerTransaction
from sliproad.simulator.settings import ChargerSettings, Version

__all__ = [
    "FAULTS",
    "ChargerEvent",
    "ChargerSettings",
    "ChargerState",
    "ChargingRefusedError",
    "ConnectorState",
    "Fault",
    "Ledger",
    "LedgerBook",
    "LedgerInUseError",
    "LedgerMessage",
    "LedgerTransaction",
    "Version",
    "VirtualCharger",
]
