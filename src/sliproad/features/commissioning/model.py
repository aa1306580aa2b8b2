"""What a commissioning session is, what a step is told and what it may answer. Pure; `workflow` and `steps` compute with it.

A step is a function of a `Situation` that gives one `Move`: send a CALL, wait, or finish. It remembers what it must in a
JSON-able `state`; time, facts and answers come in from the edge (house §2.4).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sliproad.features.commissioning.templates import Template
from sliproad.foundation.events import DomainEvent

SessionStatus = Literal["running", "paused", "completed", "stopped", "failed"]
StepStatus = Literal["pending", "running", "passed", "failed", "skipped"]
FinalStatus = Literal["passed", "failed", "skipped"]
Level = Literal["debug", "info", "warn", "error"]
AnswerKind = Literal["result", "error", "timeout", "cut", "lost", "not_connected"]

ADVANCE = "commissioning.advance"
"""The job that takes a session on."""
CALL_TIMEOUT_SECONDS = 30.0
CHECK_NAMES = {
    "connectivity": "ocpp_connection",
    "heartbeat": "heartbeat",
    "meter_calibration": "meter_calibration",
    "firmware_version": "firmware_version",
}
"""The guide's names of those steps that it knows, in its order."""
CHECK_STATUSES = {"running": "in_progress"}
TEST = "test_transaction"
REJECTED_PHASES = frozenset({"plug", "earlier"})
"""Of the test transaction: its newest start was rejected, and another will be made."""
STANDS_STILL = frozenset({"at", "reset_at", "waits_since"})
"""Moments in a step's state from which it waits: a pause moves them on. Others, such as when something was asked for, stay."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the start asked for."""

    skip_test_transaction: bool = False
    run_connectivity_test: bool = True
    run_meter_calibration: bool = False


@dataclass(frozen=True, slots=True)
class ConnectorFact:
    """A connector's last reported status. 1.6: `evse_id` equals `connector_id`."""

    evse_id: int
    connector_id: int
    status: str
    error_code: str | None
    received_at: datetime
    report_count: int


@dataclass(frozen=True, slots=True)
class TransactionFact:
    """A transaction that was made with this session's test token. Registers in Wh; times are the charge point's own."""

    transaction_id: str
    evse_id: int | None
    id_token: str | None
    remote_start_id: int | None
    started_at: datetime
    meter_start_wh: int | None
    last_register_wh: int | None
    stopped_at: datetime | None
    meter_stop_wh: int | None
    stop_reason: str | None

    @property
    def register_wh(self) -> int | None:
        """The newest known value of the energy register."""
        return self.meter_stop_wh if self.meter_stop_wh is not None else self.last_register_wh

    @property
    def delivered_wh(self) -> int | None:
        """Energy so far, by the register."""
        if self.register_wh is None or self.meter_start_wh is None:
            return None
        return self.register_wh - self.meter_start_wh


@dataclass(frozen=True, slots=True)
class ReadingFact:
    """One sample of a connector's meter; what it did not say is None."""

    connector_id: int
    received_at: datetime
    energy_wh: float | None
    voltage_v: float | None
    current_a: float | None
    in_transaction: bool


@dataclass(frozen=True, slots=True)
class FirmwareUpdateFact:
    """The charge point's newest firmware update, if it was begun by the running step. `state` is the firmware room's word."""

    update_id: str
    version: str
    state: str
    detail: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the platform knows about the charge point at this moment."""

    version: str
    """The registered OCPP version."""
    connector_count: int
    max_power_kw: float | None
    connected: bool
    epoch: int
    """Which connection of the charge point this is; each new one has a greater number."""
    protocol_version: str | None
    boot_status: str | None
    booted_at: datetime | None
    boot_epoch: int | None
    firmware_version: str | None
    meter_type: str | None
    meter_serial_number: str | None
    last_heartbeat_at: datetime | None
    last_heartbeat_epoch: int | None
    heartbeat_interval_seconds: int
    """What a BootNotification is answered while the charge point is not commissioned."""
    connectors: tuple[ConnectorFact, ...] = ()
    transactions: tuple[TransactionFact, ...] = ()
    readings: tuple[ReadingFact, ...] = ()
    earlier_test: bool = False
    """A test transaction that an earlier session, or this one before a pause, gave up may still run, or yet begin."""
    firmware_update: FirmwareUpdateFact | None = None
    mutability: Mapping[str, str] | None = None
    """2.x, by label: which variables can be written, once the report that the configuration step asked for is complete."""

    @property
    def is_16(self) -> bool:
        """Whether the charge point speaks OCPP 1.6; everything else is 2.x."""
        return (self.protocol_version or self.version) == "1.6"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a CALL.

    `result`: `payload` holds the CALLRESULT. `error`: the charge point sent a CALLERROR (`code`, `description`).
    `timeout`: nothing came. `cut`: the socket it was sent on ended first. `lost`: the process that made it died.
    In these three it is unknown whether the charge point acted. `not_connected`: it was never sent.
    """

    kind: AnswerKind
    payload: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    description: str = ""

    @property
    def is_uncertain(self) -> bool:
        """Whether the charge point may have acted without our knowing."""
        return self.kind in {"timeout", "cut", "lost"}

    @property
    def is_unknown_action(self) -> bool:
        """The charge point does not know such a CALL at all."""
        return self.kind == "error" and self.code in {"NotImplemented", "NotSupported"}


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a step may look at."""

    session_id: str
    state: Mapping[str, Any]
    facts: Facts
    now: datetime
    answer: Answer | None
    started_at: datetime
    deadline: datetime
    template: Template
    test_token: str


@dataclass(frozen=True, slots=True)
class Note:
    """A line for the session's log."""

    level: Level
    message: str


@dataclass(frozen=True, slots=True)
class SendCall:
    """Ask the charge point. `state` is kept before the CALL is made.

    `repeatable` calls are made again when it is unknown whether the charge point heard them; the step is told of the outcome
    of others. `deadline` replaces the step's time limit where what was learnt asks for more.
    """

    action: str
    payload: Mapping[str, Any]
    state: Mapping[str, Any]
    repeatable: bool = True
    timeout_seconds: float = CALL_TIMEOUT_SECONDS
    notes: tuple[Note, ...] = ()
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Come back at `until`, or as soon as the charge point says something. `what` completes "Waiting for …"."""

    until: datetime
    what: str
    state: Mapping[str, Any]
    notes: tuple[Note, ...] = ()
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """The step is over; `detail` is a sentence for the technician."""

    status: FinalStatus
    detail: str
    value: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    leaves_test: bool = True
    """A failed test transaction may be running all the same; False where it certainly never began."""


Move = SendCall | WaitUntil | Finish


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The CALL of the running step. `call_id` None: still to be sent, for want of a connection."""

    action: str
    payload: Mapping[str, Any]
    repeatable: bool
    timeout_seconds: float
    epoch: int | None = None
    """The connection it was sent on; None while it waits for one."""
    attempts: int = 0
    answer: Answer | None = None
    """Its outcome, kept for the step while the session is paused."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a session. `shown_as`: `step` (the reference's list), `check` (the guide's), or both."""

    name: str
    shown_as: tuple[str, ...]
    time_limit_seconds: float
    status: StepStatus = "pending"
    state: Mapping[str, Any] = field(default_factory=dict)
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration_ms: int | None = None
    detail: str | None = None
    value: str | None = None
    evidence: Mapping[str, Any] | None = None
    held_seconds: float = 0.0
    """How long its time has stood still; limits and duration don't count it."""

    @property
    def has_started_test(self) -> bool:
        """Whether a test transaction was asked for, so that its token must die with it."""
        return self.name == TEST and self.status == "running" and self.state.get("phase", "connector") != "connector"

    @property
    def may_run_test(self) -> bool:
        """Whether the test transaction may be running now, or may yet begin: not every start is known to be rejected."""
        return self.has_started_test and (self.state["phase"] not in REJECTED_PHASES or "unsure" in self.state)


@dataclass(frozen=True, slots=True)
class Session:
    """The part of a session that the workflow computes with."""

    session_id: str
    status: SessionStatus
    result: Literal["passed", "failed"] | None
    steps: tuple[Step, ...]
    template: Template
    test_token: str
    started_at: datetime
    completed_at: datetime | None = None
    outgoing: Outgoing | None = None
    wake_at: datetime | None = None
    waiting_for: str | None = None
    paused_at: datetime | None = None
    """Since when it is paused."""
    stopped_at: datetime | None = None

    @property
    def current(self) -> int | None:
        """The position of the first unfinished step; None when all are finished."""
        return next((at for at, step in enumerate(self.steps) if step.status in {"pending", "running"}), None)


def _event(name: str, session: Mapping[str, Any], organization_id: str, key: int, at: datetime) -> DomainEvent:
    return DomainEvent(name, organization_id, at, dict(session), key)


def commissioning_started(data: Mapping[str, Any], organization_id: str, key: int, at: datetime) -> DomainEvent:
    """`commissioning.started`; `data` as of `event_data`."""
    return _event("commissioning.started", data, organization_id, key, at)


def commissioning_completed(data: Mapping[str, Any], organization_id: str, key: int, at: datetime) -> DomainEvent:
    """`commissioning.completed`: the charge point has gone live."""
    return _event("commissioning.completed", data, organization_id, key, at)


def commissioning_failed(data: Mapping[str, Any], organization_id: str, key: int, at: datetime) -> DomainEvent:
    """`commissioning.failed`: a step failed and ended the session."""
    return _event("commissioning.failed", data, organization_id, key, at)
