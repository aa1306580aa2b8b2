"""Does the test transaction's energy agree with the register? The last part of `test_transaction`: verdict and evidence."""

from typing import Any

from sliproad.features.commissioning.model import Finish, Note, Situation, TransactionFact
from sliproad.features.commissioning.steps.remote_control import remote_start_id
from sliproad.foundation.clock import rfc3339

CHECK_METER = "Check the meter and its wiring."
MOST_OVER_RATING = 1.2
LEAST_SECONDS = 10
"""Shorter transactions say too little about power: their register counts in whole Wh."""


def evidence(transaction: TransactionFact) -> dict[str, Any]:
    """What the certificate and the logs may show of it; energy in Wh."""
    return {
        "transaction_id": transaction.transaction_id,
        "connector": transaction.evse_id,
        "meter_start_wh": transaction.meter_start_wh,
        "meter_stop_wh": transaction.register_wh,
        "energy_wh": transaction.delivered_wh,
        "started_at": rfc3339(transaction.started_at),
        "stopped_at": rfc3339(transaction.stopped_at) if transaction.stopped_at else None,
        "stop_reason": transaction.stop_reason,
        "remote_start_id": transaction.remote_start_id,
        "duration_seconds": _seconds(transaction),
        "average_power_w": _average_power_w(transaction),
    }


def _seconds(transaction: TransactionFact) -> float | None:
    """How long it lasted by the charge point's own clock."""
    if transaction.stopped_at is None:
        return None
    return (transaction.stopped_at - transaction.started_at).total_seconds()


def _average_power_w(transaction: TransactionFact) -> float | None:
    seconds, delivered = _seconds(transaction), transaction.delivered_wh
    return round(delivered * 3600 / seconds) if seconds and seconds > 0 and delivered is not None else None


def _warnings(situation: Situation, transaction: TransactionFact) -> list[str]:
    """What does not speak against charging, but should be known."""
    found: list[str] = []
    if not situation.facts.is_16 and transaction.remote_start_id is None:
        found.append(
            "it came without the remoteStartId of our request (OCPP 2.x F01), so that it was known by its token alone: update "
            "the charge point's firmware"
        )
    rated, average = (situation.facts.max_power_kw or 0) * 1000, _average_power_w(transaction)
    seconds = _seconds(transaction) or 0
    if rated and average is not None and seconds >= LEAST_SECONDS and average > rated * MOST_OVER_RATING:
        found.append(
            f"the register says {average / 1000:.1f} kW on average, more than the {rated / 1000:g} kW that the charge point is "
            "rated for: check the ratio of its meter"
        )
    return found


def verdict(situation: Situation, transaction: TransactionFact, *, stopped_by_us: bool) -> Finish:
    """Passed when we stopped it, it delivered enough, and no reading contradicts the register."""
    shown = evidence(transaction)
    if (wrong := _problem(situation, transaction, stopped_by_us=stopped_by_us)) is not None:
        return Finish("failed", wrong, evidence=shown)
    kwh = (transaction.delivered_wh or 0) / 1000
    detail = f"Test transaction completed, {kwh:.2f} kWh delivered"
    warnings = _warnings(situation, transaction)
    if warnings:
        detail = f"{detail}; {'; '.join(warnings)}"
    return Finish("passed", detail, evidence=shown, notes=tuple(Note("warn", warning) for warning in warnings))


def _problem(situation: Situation, transaction: TransactionFact, *, stopped_by_us: bool) -> str | None:
    delivered, least = transaction.delivered_wh, situation.template.minimum_energy_wh
    start, last, stop = transaction.meter_start_wh, transaction.last_register_wh, transaction.meter_stop_wh
    if not stopped_by_us:
        reason = f" ({transaction.stop_reason})" if transaction.stop_reason else ""
        return (
            f"The transaction ended by itself{reason} before we stopped it. Leave the vehicle plugged in until the test is "
            "over, and start again."
        )
    told = transaction.remote_start_id
    if not situation.facts.is_16 and told is not None and told != remote_start_id(situation.test_token):
        return (
            f"The transaction came with remoteStartId {told} instead of that of our request (OCPP 2.x F01), so that apps and "
            "roaming partners would take it for another's. Update the charge point's firmware."
        )
    if delivered is None:
        return f"The test transaction came without readings of the energy register. {CHECK_METER}"
    if delivered < 0:
        return (
            f"The energy register fell during the test, from {start} Wh to {transaction.register_wh} Wh. {CHECK_METER}"
        )
    if last is not None and stop is not None and last > stop:
        return (
            f"The register showed {last} Wh while charging, but {stop} Wh at the end: the two disagree. {CHECK_METER}"
        )
    if delivered < least:
        return (
            f"Only {delivered} Wh were delivered, {least} Wh are the least that proves charging. Check that the vehicle is "
            "ready to charge and not full, and start again."
        )
    return None
