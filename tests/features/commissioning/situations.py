"""A charge point as a step sees it, and a way to play a step against it: look, answer, let time go by."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sliproad.features.commissioning import steps
from sliproad.features.commissioning.model import (
    Answer,
    ConnectorFact,
    Facts,
    Finish,
    Move,
    ReadingFact,
    SendCall,
    Situation,
    TransactionFact,
    WaitUntil,
)
from sliproad.features.commissioning.steps.remote_control import remote_start_id
from sliproad.features.commissioning.templates import STANDARD_AC, Template

NOW = datetime(2026, 5, 1, 10, 31, tzinfo=UTC)
SESSION = "comm_9f2c4a7b"
TOKEN = "SLPTABCDEFGHIJKLMNOP"


def a_charge_point(version: str = "1.6", **changes: Any) -> Facts:
    """Connected, booted, two connectors, silent so far."""
    facts = Facts(
        version=version,
        connector_count=2,
        max_power_kw=22.0,
        connected=True,
        epoch=7,
        protocol_version=version,
        boot_status="Accepted",
        booted_at=NOW - timedelta(minutes=1),
        boot_epoch=7,
        firmware_version="3.4.1",
        meter_type=None,
        meter_serial_number=None,
        last_heartbeat_at=None,
        last_heartbeat_epoch=None,
        heartbeat_interval_seconds=30,
        connectors=(a_connector(1), a_connector(2)) if version == "1.6" else (a_connector(1, 1), a_connector(2, 1)),
    )
    return replace(facts, **changes)


def a_connector(evse: int, connector: int | None = None, status: str = "Available", **changes: Any) -> ConnectorFact:
    return replace(ConnectorFact(evse, connector or evse, status, None, NOW, 1), **changes)


def a_transaction(**changes: Any) -> TransactionFact:
    """Running, with the test's token and remoteStartId; nothing delivered yet."""
    made = TransactionFact(
        transaction_id="4711",
        evse_id=1,
        id_token=TOKEN,
        remote_start_id=remote_start_id(TOKEN),
        started_at=NOW,
        meter_start_wh=1000,
        last_register_wh=None,
        stopped_at=None,
        meter_stop_wh=None,
        stop_reason=None,
    )
    return replace(made, **changes)


def a_reading(connector: int, energy_wh: float | None, after_seconds: float = 0, **changes: Any) -> ReadingFact:
    made = ReadingFact(connector, NOW + timedelta(seconds=after_seconds), energy_wh, 231.0, 0.0, False)
    return replace(made, **changes)


class Play:
    """One step being played."""

    def __init__(self, step: str, facts: Facts, *, template: Template = STANDARD_AC, session_id: str = SESSION) -> None:
        self.step = step
        self.facts = facts
        self.now = NOW
        self.state: dict[str, Any] = {}
        self.template = template
        self.session_id = session_id
        self.limit = timedelta(seconds=template.time_limit_seconds(step))
        self.notes: list[str] = []

    def look(self, **changes: Any) -> Move:
        """The step looks, after the charge point has changed so."""
        return self._move(None, changes)

    def answer(self, payload: dict[str, Any] | None = None, **changes: Any) -> Move:
        """The CALL is answered with this CALLRESULT."""
        return self._move(Answer("result", payload or {}), changes)

    def error(self, code: str, **changes: Any) -> Move:
        return self._move(Answer("error", code=code), changes)

    def unsure(self, kind: Any, **changes: Any) -> Move:
        """The CALL ended in doubt: `timeout`, `cut` or `lost`."""
        return self._move(Answer(kind), changes)

    def after(self, seconds: float) -> "Play":
        self.now += timedelta(seconds=seconds)
        return self

    def _move(self, answer: Answer | None, changes: dict[str, Any]) -> Move:
        self.facts = replace(self.facts, **changes)
        move = steps.STEPS[self.step](
            Situation(
                session_id=self.session_id,
                state=self.state,
                facts=self.facts,
                now=self.now,
                answer=answer,
                started_at=NOW,
                deadline=NOW + self.limit,
                template=self.template,
                test_token=TOKEN,
            )
        )
        self.notes += [note.message for note in move.notes]
        if not isinstance(move, Finish):
            self.state = dict(move.state)
            if move.deadline is not None:
                self.limit = move.deadline - NOW
        return move


def assert_calls(move: Move, action: str, payload: dict[str, Any] | None = None) -> None:
    assert isinstance(move, SendCall), move
    assert move.action == action
    if payload is not None:
        assert move.payload == payload


def assert_waits(move: Move, what: str) -> None:
    assert isinstance(move, WaitUntil), move
    assert move.what == what


def assert_passed(move: Move, detail: str) -> None:
    assert isinstance(move, Finish), move
    assert (move.status, move.detail) == ("passed", detail)


def assert_failed(move: Move, detail: str) -> None:
    assert isinstance(move, Finish), move
    assert (move.status, move.detail) == ("failed", detail)


def assert_skipped(move: Move, detail: str) -> None:
    assert isinstance(move, Finish), move
    assert (move.status, move.detail) == ("skipped", detail)
