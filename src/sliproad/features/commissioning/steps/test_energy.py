"""Does the test transaction's energy agree with the register? The last part of `test_transaction`: verdict and evidence."""

from typing import Any

from sliproad.features.commissioning.model import Finish, Situation, TransactionFact
from sliproad.features.commissioning.steps.remote_control import remote_start_id
from sliproad.foundation.clock import rfc3339

CHECK_METER = "Check the meter and its wiring."


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
    }


def verdict(situation: Situation, transaction: TransactionFact, *, stopped_by_us: bool) -> Finish:
    """Passed when we stopped it, it delivered enough, and no reading contradicts the register."""
    shown = evidence(transaction)
    if (wrong := _problem(situation, transaction, stopped_by_us=stopped_by_us)) is not None:
        return Finish("failed", wrong, evidence=shown)
    kwh = (transaction.delivered_wh or 0) / 1000
    return Finish("passed", f"Test transaction completed, {kwh:.2f} kWh delivered", evidence=shown)


def _problem(situation: Situation, transaction: TransactionFact, *, stopped_by_us: bool) -> str | None:
    delivered, least = transaction.delivered_wh, situation.template.minimum_energy_wh
    start, last, stop = transaction.meter_start_wh, transaction.last_register_wh, transaction.meter_stop_wh
    if not stopped_by_us:
        reason = f" ({transaction.stop_reason})" if transaction.stop_reason else ""
        return (
            f"The transaction ended by itself{reason} before we stopped it. Leave the vehicle plugged in until the test is "
            "over, and start again."
        )
    if not situation.facts.is_16 and transaction.remote_start_id != remote_start_id(situation.test_token):
        return (
            "The transaction came without the remoteStartId of our request (OCPP 2.x F01), so that apps and roaming partners "
            "can't recognise what they started. Update the charge point's firmware."
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
