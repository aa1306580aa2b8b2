"""What a charge point's ledger says, as values: the pure half of `ledger`, fed with the records of its file in order.

A virtual charger continues from it after a restart; a test compares it with what the server claims.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class LedgerTransaction:
    """One charging transaction as the charge point itself knows it.

    `key` is the charger's own name for it; `transaction_id` is what it is called on the wire: given by the CSMS in 1.6
    (None until it answered), equal to the key in 2.x. Meter values are register readings in Wh, times RFC 3339.
    """

    key: str
    connector: int
    id_token: str
    id_token_type: str
    meter_start_wh: int
    started_at: str
    remote_start_id: int | None = None
    transaction_id: str | None = None
    meter_stop_wh: int | None = None
    stopped_at: str | None = None
    stop_reason: str | None = None
    messages: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it still runs."""
        return self.stopped_at is None

    @property
    def energy_wh(self) -> int | None:
        """What was delivered, once it has ended."""
        return None if self.meter_stop_wh is None else self.meter_stop_wh - self.meter_start_wh


@dataclass
class LedgerMessage:
    """One transaction message: queued, perhaps sent several times, then acknowledged (CALLRESULT) or given up."""

    message_id: str
    action: str
    payload: dict[str, Any]
    transaction: str
    attempts: int = 0
    refusals: int = 0
    answer: dict[str, Any] | None = None
    given_up: bool = False
    error: str | None = None

    @property
    def acknowledged(self) -> bool:
        """Whether the CSMS answered it with a CALLRESULT."""
        return self.answer is not None

    @property
    def pending(self) -> bool:
        """Whether it still has to be delivered."""
        return self.answer is None and not self.given_up


@dataclass
class LedgerBook:
    """The state that a ledger's records add up to."""

    transactions: dict[str, LedgerTransaction] = field(default_factory=dict)
    messages: dict[str, LedgerMessage] = field(default_factory=dict)
    registers: dict[int, float] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    records: int = 0
    keeps_settled: bool = True

    @property
    def total_wh(self) -> int:
        """Energy of all ended transactions."""
        return sum(transaction.energy_wh or 0 for transaction in self.transactions.values())

    @property
    def acknowledged(self) -> list[LedgerMessage]:
        """Messages that the CSMS acknowledged, in the order in which they were queued."""
        return [message for message in self.messages.values() if message.acknowledged]

    @property
    def pending(self) -> list[LedgerMessage]:
        """Messages still to be delivered, oldest first."""
        return [message for message in self.messages.values() if message.pending]

    def next_pending(self) -> LedgerMessage | None:
        """The oldest message still to be delivered."""
        return next((message for message in self.messages.values() if message.pending), None)

    def open_transaction_on(self, connector: int) -> LedgerTransaction | None:
        """The transaction that runs on a connector."""
        for transaction in self.transactions.values():
            if transaction.connector == connector and transaction.is_open:
                return transaction
        return None

    def apply(self, record: dict[str, Any]) -> None:
        """Take one record in.

        Raises:
            ValueError: a record of a kind that no ledger has.
        """
        fields = {key: value for key, value in record.items() if key != "kind"}
        match record.get("kind"):
            case "transaction_started":
                self.transactions[fields["key"]] = LedgerTransaction(**fields)
            case "transaction_named":
                self.transactions[fields["key"]].transaction_id = fields["transaction_id"]
            case "transaction_stopped":
                self._stop(**fields)
            case "message_queued":
                self.messages[fields["message_id"]] = LedgerMessage(**fields)
                self.transactions[fields["transaction"]].messages += 1
            case "message_sent":
                self.messages[fields["message_id"]].attempts += 1
            case "message_refused":
                self._refuse(**fields)
            case "message_acknowledged":
                self.messages[fields["message_id"]].answer = fields["answer"]
                self._settle(fields["message_id"])
            case "meter_read":
                self.registers[fields["connector"]] = fields["register_wh"]
            case "setting_changed":
                self.settings[fields["name"]] = fields["value"]
            case kind:
                raise ValueError(f"no such ledger record: {kind}")
        self.records += 1

    def _stop(self, key: str, meter_stop_wh: int, stopped_at: str, stop_reason: str) -> None:
        transaction = self.transactions[key]
        transaction.meter_stop_wh = meter_stop_wh
        transaction.stopped_at = stopped_at
        transaction.stop_reason = stop_reason

    def _refuse(self, message_id: str, error: str, given_up: bool) -> None:
        message = self.messages[message_id]
        message.refusals += 1
        message.error = error
        message.given_up = given_up
        if given_up:
            self._settle(message_id)

    def _settle(self, message_id: str) -> None:
        if not self.keeps_settled:
            del self.messages[message_id]
