"""What the rest of the simulator needs from an OCPP version; `dialect_16` and `dialect_2x` provide it.

Transaction messages are made when the thing happens, connected or not, and are kept in the ledger as they are made.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ocpp.charge_point import remove_nones, serialize_as_dict, snake_to_camel_case

from sliproad.simulator.connectors import Connector, IdToken, StopReason
from sliproad.simulator.ledger_book import LedgerBook, LedgerMessage, LedgerTransaction
from sliproad.simulator.meter import Reading

if TYPE_CHECKING:
    from sliproad.simulator.networks import Network


@dataclass(frozen=True)
class Message:
    """An action and its payload as it goes over the wire."""

    action: str
    payload: dict[str, Any]


def message(call: Any) -> Message:
    """The wire form of one of the `ocpp` package's call dataclasses."""
    return Message(type(call).__name__, snake_to_camel_case(remove_nones(serialize_as_dict(call))))


@dataclass(frozen=True)
class Options:
    """The settings, by whatever name the version knows them, that govern how the charger behaves. Seconds; 0 is off."""

    heartbeat_seconds: float
    sample_seconds: float
    sample_measurands: tuple[str, ...]
    aligned_seconds: float
    aligned_measurands: tuple[str, ...]
    connection_timeout_seconds: float
    websocket_ping_seconds: float
    authorizes_remote_starts: bool
    charges_offline: bool
    stops_when_invalid: bool
    stops_when_unplugged: bool
    delivery_attempts: int
    delivery_retry_seconds: float


class Dialect(Protocol):
    """One OCPP version's way of saying what happened to a charge point."""

    def options(self) -> Options:
        """The behaviour that the stored settings ask for."""

    def apply_reboot(self) -> None:
        """Let settings take effect that were waiting for a reboot."""

    def networks(self) -> "list[Network | None]":
        """The CSMSs to try, in this order; None is the one that the charge point was installed with."""

    def network_attempts(self) -> int:
        """After how many failed attempts the next one is tried."""

    def note_boot_interval(self, seconds: int) -> None:
        """The CSMS chose the heartbeat interval in its answer to a boot."""

    def boot(self, reason: str) -> Message:
        """BootNotification; `reason` is a BootReasonEnumType, which 1.6 does not tell."""

    def heartbeat(self) -> Message:
        """Heartbeat."""

    def authorize(self, token: IdToken) -> Message:
        """Authorize."""

    def is_authorized(self, answer: dict[str, Any]) -> bool:
        """Whether the answer to an Authorize or a transaction message lets the token charge; silence is consent."""

    def reported_status(self, connector: Connector | None) -> str:
        """What the version calls a connector's status; None is the charge point itself."""

    def status(self, number: int, reported: str) -> Message:
        """StatusNotification; number 0 is the charge point itself, in 1.6 only."""

    def status_numbers(self) -> range:
        """The numbers that report a status after a boot."""

    def meter_values(self, connector: Connector, reading: Reading, context: str) -> Message | None:
        """MeterValues outside the transaction's own messages; None if no measurand is configured."""

    def names_transaction(self, key: str) -> str | None:
        """The transaction id that the charge point chooses itself, as 2.x does."""

    def started(self, transaction: LedgerTransaction, reading: Reading, *, offline: bool) -> Message:
        """The first message of a transaction."""

    def sampled(
        self, transaction: LedgerTransaction, reading: Reading, context: str, trigger: str, *, offline: bool
    ) -> Message:
        """A message within a transaction; `trigger` is a TriggerReasonEnumType."""

    def stopped(
        self, transaction: LedgerTransaction, reading: Reading, reason: StopReason, *, offline: bool
    ) -> Message:
        """The last message of a transaction."""

    def completed(self, queued: LedgerMessage, book: LedgerBook) -> dict[str, Any]:
        """The payload to send now: a 1.6 message learns its transaction id only when StartTransaction is answered."""

    def transaction_id(self, queued: LedgerMessage, answer: dict[str, Any]) -> str | None:
        """The id that the answer gives to the transaction, if it does."""

    def firmware_status(self, status: str, request_id: int | None) -> Message:
        """FirmwareStatusNotification."""

    def log_status(self, status: str, request_id: int | None) -> Message:
        """DiagnosticsStatusNotification (1.6) or LogStatusNotification (2.x)."""
