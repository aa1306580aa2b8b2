"""The charger's own memory: complete, one owner at a time, and unharmed by a half-written last line."""

from pathlib import Path

import pytest

from sliproad.simulator import Ledger, LedgerInUseError, LedgerTransaction


@pytest.fixture
def ledger(tmp_path: Path):
    ledger = Ledger(tmp_path / "deep" / "ledger.jsonl")
    ledger.open()
    yield ledger
    ledger.close()


def a_transaction(key: str = "T1", meter_start_wh: int = 1000) -> LedgerTransaction:
    return LedgerTransaction(
        key=key,
        connector=1,
        id_token="RFID0001",
        id_token_type="ISO14443",
        meter_start_wh=meter_start_wh,
        started_at="2026-01-01T00:00:00.000Z",
    )


def stop(ledger: Ledger, key: str, meter_stop_wh: int) -> None:
    stopped_at = "2026-01-01T01:00:00.000Z"
    ledger.stop_transaction(key, meter_stop_wh=meter_stop_wh, stopped_at=stopped_at, stop_reason="Local")


def test_a_ledger_that_was_never_written_is_empty(tmp_path: Path) -> None:
    book = Ledger.read(tmp_path / "none.jsonl")
    assert (book.total_wh, book.transactions, book.pending) == (0, {}, [])


def test_says_what_was_charged(ledger: Ledger) -> None:
    for key, start, end in (("T1", 1000, 1500), ("T2", 1500, 1900)):
        ledger.start_transaction(a_transaction(key, start))
        stop(ledger, key, end)
    ledger.start_transaction(a_transaction("T3", 1900))
    book = Ledger.read(ledger.path)
    assert book.total_wh == 900
    assert [transaction.energy_wh for transaction in book.transactions.values()] == [500, 400, None]
    assert book.open_transaction_on(1) == book.transactions["T3"]


def test_keeps_each_message_with_its_fate(ledger: Ledger) -> None:
    ledger.start_transaction(a_transaction())
    for message_id in ("m1", "m2", "m3"):
        ledger.queue_message("T1", message_id, "MeterValues", {"connectorId": 1})
    ledger.record_sending("m1")
    ledger.record_sending("m1")
    ledger.acknowledge("m1", {"ok": True})
    ledger.record_sending("m2")
    ledger.record_refusal("m2", "InternalError: ", given_up=True)
    book = Ledger.read(ledger.path)
    assert [message.message_id for message in book.pending] == ["m3"]
    assert [(message.message_id, message.attempts, message.answer) for message in book.acknowledged] == [
        ("m1", 2, {"ok": True})
    ]
    assert book.messages["m2"].given_up
    assert book.transactions["T1"].messages == 3
    assert ledger.book.next_pending() == book.pending[0]


def test_continues_after_a_crash_in_the_middle_of_a_line(ledger: Ledger) -> None:
    ledger.start_transaction(a_transaction())
    ledger.record_register(1, 1234.5)
    ledger.close()
    whole = ledger.path.read_bytes()
    ledger.path.write_bytes(whole + b'{"kind":"meter_read","connec')
    assert Ledger.read(ledger.path).registers == {1: 1234.5}
    ledger.open()
    assert ledger.path.read_bytes() == whole
    stop(ledger, "T1", 1300)
    assert Ledger.read(ledger.path).total_wh == 300


def test_belongs_to_one_charger_at_a_time(ledger: Ledger) -> None:
    with pytest.raises(LedgerInUseError):
        Ledger(ledger.path).open()
    ledger.close()
    second = Ledger(ledger.path)
    second.open()
    second.close()


def test_a_damaged_ledger_is_not_silently_believed(ledger: Ledger) -> None:
    ledger.close()
    ledger.path.write_bytes(b'{"kind":"poem"}\n')
    with pytest.raises(ValueError, match="no such ledger record: poem"):
        Ledger.read(ledger.path)


async def test_only_its_owner_may_read_the_file(ledger: Ledger) -> None:
    ledger.remember("password", "secret")
    await ledger.sync()
    assert ledger.path.stat().st_mode & 0o077 == 0
