"""The charge point's own memory on disk: its meters, its transactions and the messages it owes to the CSMS.

JSON lines, only ever appended. What a message says is on the disk before the message leaves, so neither a killed
charger nor a killed server loses a transaction; and what a test finds here is independent of what the server claims.
"""

import asyncio
import fcntl
import json
import os
from pathlib import Path
from typing import Any

from sliproad.simulator.ledger_book import LedgerBook, LedgerMessage, LedgerTransaction


class LedgerInUseError(Exception):
    """Another charger has this ledger open."""


class Ledger:
    """An append-only ledger, held by one charger at a time.

    Records reach the operating system at once (a killed process loses none); `sync` makes them survive the machine.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self.path = path
        self.book = LedgerBook(keeps_settled=False)
        self._durable = durable
        self._file: int | None = None
        self._dirty = False

    @staticmethod
    def read(path: Path) -> LedgerBook:
        """Everything that the ledger at `path` says, at any time, its charger running or not.

        Returns an empty book if the charger has never been switched on.
        """
        book = LedgerBook()
        if path.exists():
            _replay(path, book)
        return book

    def open(self) -> None:
        """Take possession of the file, made where it is missing, and continue from what it says.

        Raises:
            LedgerInUseError: another charger holds it.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            raise LedgerInUseError(f"another charger uses {self.path}") from error
        self.book = LedgerBook(keeps_settled=False)
        os.truncate(file, _replay(self.path, self.book))
        self._file = file

    def close(self) -> None:
        """Make everything durable and let go of the file."""
        if self._file is None:
            return
        if self._durable:
            os.fsync(self._file)
        os.close(self._file)
        self._file = None

    async def sync(self) -> None:
        """Return when all records written so far are on the disk."""
        if self._dirty and self._durable and self._file is not None:
            self._dirty = False
            await asyncio.to_thread(_fsync_copy, os.dup(self._file))

    def start_transaction(self, transaction: LedgerTransaction) -> LedgerTransaction:
        """Write down a transaction that begins."""
        fields = {key: value for key, value in vars(transaction).items() if value is not None and key != "messages"}
        self._append("transaction_started", **fields)
        return self.book.transactions[transaction.key]

    def name_transaction(self, key: str, transaction_id: str) -> None:
        """Write down what the CSMS calls a transaction."""
        self._append("transaction_named", key=key, transaction_id=transaction_id)

    def stop_transaction(self, key: str, *, meter_stop_wh: int, stopped_at: str, stop_reason: str) -> None:
        """Write down the end of a transaction."""
        self._append(
            "transaction_stopped", key=key, meter_stop_wh=meter_stop_wh, stopped_at=stopped_at, stop_reason=stop_reason
        )

    def queue_message(self, transaction: str, message_id: str, action: str, payload: dict[str, Any]) -> LedgerMessage:
        """Write down a message that the CSMS must get."""
        self._append("message_queued", message_id=message_id, action=action, payload=payload, transaction=transaction)
        return self.book.messages[message_id]

    def record_sending(self, message_id: str) -> None:
        """Write down one more attempt to deliver a message."""
        self._append("message_sent", message_id=message_id)

    def acknowledge(self, message_id: str, answer: dict[str, Any]) -> None:
        """Write down that the CSMS answered with a CALLRESULT."""
        self._append("message_acknowledged", message_id=message_id, answer=answer)

    def record_refusal(self, message_id: str, error: str, *, given_up: bool) -> None:
        """Write down that the CSMS answered with a CALLERROR, and whether that was the last attempt."""
        self._append("message_refused", message_id=message_id, error=error, given_up=given_up)

    def record_register(self, connector: int, register_wh: float) -> None:
        """Write down where a connector's energy register stands."""
        self._append("meter_read", connector=connector, register_wh=register_wh)

    def remember(self, name: str, value: Any) -> None:
        """Write down a setting that survives a reboot (a written configuration key, a new password)."""
        if self.book.settings.get(name) != value:
            self._append("setting_changed", name=name, value=value)

    def _append(self, kind: str, **fields: Any) -> None:
        record = {"kind": kind, **fields}
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        if self._file is None:
            raise RuntimeError("the ledger is not open")
        view = memoryview(line)
        while view:
            view = view[os.write(self._file, view) :]
        self._dirty = True
        self.book.apply(record)


def _fsync_copy(file: int) -> None:
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _replay(path: Path, book: LedgerBook) -> int:
    """Apply every whole line; return the length in bytes of what was whole (a crash may leave half a last line)."""
    length = 0
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            book.apply(json.loads(line))
            length += len(line)
    return length
