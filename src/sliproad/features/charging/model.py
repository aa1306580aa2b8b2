"""What a transaction and a meter reading are, and what may be odd about them (pure). Commissioning and REST speak these words."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

EARLIEST_CLOCK = datetime(2015, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)
LATE = timedelta(minutes=5)


class Flag(StrEnum):
    """Why a transaction deserves a second look. None of them was a reason to refuse a message."""

    CLOCK_WRONG = "clock_wrong"
    """The charge point's time was before 2015 or more than a day ahead."""
    LATE = "late"
    """A message came more than five minutes after the time it tells."""
    OFFLINE = "offline"
    """2.x: the charge point says that it was offline."""
    TIMESTAMP_REPAIRED = "timestamp_repaired"
    """A timestamp was not RFC 3339, most often because it named no zone; it was read as UTC."""
    TIMESTAMP_UNREADABLE = "timestamp_unreadable"
    """The time of reception stands in its place."""
    SAMPLE_UNREADABLE = "sample_unreadable"
    """A sampled value was no number; its text is kept and nothing is computed with it."""
    TOKEN_NOT_ACCEPTED = "token_not_accepted"  # noqa: S105 (a flag)
    CONNECTOR_IN_USE = "connector_in_use"
    """1.6: started while another transaction was open on this connector."""
    UNKNOWN_TRANSACTION = "unknown_transaction"
    """1.6: stopped, or metered, under an id that we never gave this charge point."""
    START_MISSING = "start_missing"
    SEQ_NO_GAP = "seq_no_gap"
    SEQ_NO_REPEATED = "seq_no_repeated"
    """2.x: two different events with one seqNo; both are kept."""
    NEGATIVE_ENERGY = "negative_energy"
    """The register at the end is below the one at the start; the energy is then not known."""


@dataclass(frozen=True, slots=True)
class Start16:
    """What 1.6's StartTransaction said, and the key that it is recognised by."""

    connector_id: int
    id_token: str
    meter_start_wh: int
    started_at: datetime
    start_key: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """A charging transaction as known so far."""

    transaction_key: int
    charge_point_key: int
    organization_id: str
    transaction_id: str
    """OCPP's id, as text in every version."""
    evse_id: int | None
    connector_id: int | None
    id_token: str | None
    id_token_type: str | None
    authorization_status: str | None
    remote_start_id: int | None
    started_at: datetime | None
    """The charge point's own time."""
    received_at: datetime
    """When its first message came."""
    meter_start_wh: Decimal | None
    last_register_wh: Decimal | None
    last_meter_at: datetime | None
    stopped_at: datetime | None
    stop_received_at: datetime | None
    """When its end came; None while it runs."""
    meter_stop_wh: Decimal | None
    energy_wh: Decimal | None
    stop_reason: str | None
    charging_state: str | None
    flags: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        """Whether no end has come yet."""
        return self.stop_received_at is None


@dataclass(frozen=True, slots=True)
class MeterReading:
    """What a meter said at one moment. Energy in Wh, power in W, voltage and current the highest of the phases."""

    evse_id: int
    """1.6: the connector."""
    at: datetime
    received_at: datetime
    energy_wh: Decimal | None
    power_w: Decimal | None
    voltage_v: Decimal | None
    current_a: Decimal | None
    context: str | None
    is_signed: bool
    transaction_id: str | None


def transaction_energy_wh(
    start_wh: Decimal | None, stop_wh: Decimal | None, last_register_wh: Decimal | None
) -> Decimal | None:
    """Stop − start, else last register − start; None where one is missing or the register went backwards."""
    end = stop_wh if stop_wh is not None else last_register_wh
    if start_wh is None or end is None or end < start_wh:
        return None
    return end - start_wh


@dataclass(frozen=True, slots=True)
class SeqNos:
    """The events of a transaction of 2.x, counted; without events all is 0."""

    event_count: int
    seq_no_count: int
    """How many different seqNo there are."""
    span: int
    """How many there would be from the first to the last without a gap."""


def derived_flags(
    *,
    starts: tuple[datetime | None, datetime],
    ends: tuple[datetime | None, datetime | None],
    registers_wh: tuple[Decimal | None, Decimal | None],
    seq_nos: SeqNos,
) -> tuple[str, ...]:
    """What may be odd by the facts so far; a later message can still take it away: a gap is filled, a start comes late.

    `starts` and `ends` are (the charge point's time, when it came); `registers_wh` is (first, last).
    """
    flags: list[str] = []
    times = [(at, received_at) for at, received_at in (starts, ends) if at is not None and received_at is not None]
    wrong = [at < EARLIEST_CLOCK or at > received_at + AHEAD for at, received_at in times]
    if any(wrong):
        flags.append(Flag.CLOCK_WRONG)
    if any(at < received_at - LATE and not odd for (at, received_at), odd in zip(times, wrong, strict=True)):
        flags.append(Flag.LATE)
    if starts[0] is None:
        flags.append(Flag.START_MISSING)
    if seq_nos.span > seq_nos.seq_no_count:
        flags.append(Flag.SEQ_NO_GAP)
    if seq_nos.event_count > seq_nos.seq_no_count:
        flags.append(Flag.SEQ_NO_REPEATED)
    first_wh, last_wh = registers_wh
    if first_wh is not None and last_wh is not None and last_wh < first_wh:
        flags.append(Flag.NEGATIVE_ENERGY)
    return tuple(flags)
