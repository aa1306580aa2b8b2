"""Rows of meter values: one per reading, from MeterValues, StopTransaction and TransactionEvent alike."""

from typing import Any

import orjson

from sliproad.features.charge_points.reported_time import read_reported_time
from sliproad.features.charging.meter import energy_register_wh
from sliproad.features.charging.statements import METER_VALUES
from sliproad.foundation.inbound import Peer, Write

NO_TRANSACTION = ""


def meter_writes(
    peer: Peer, transaction_id: str, evse_id: int, meter_values: list[dict[str, Any]], received_at: float
) -> tuple[Write, ...]:
    """A write for each element of `meterValue`; `transaction_id` is empty outside a transaction."""
    writes = []
    for meter_value in meter_values:
        samples = meter_value["sampledValue"]
        row = (
            peer.key,
            peer.organization_id,
            transaction_id,
            evse_id,
            read_reported_time(meter_value["timestamp"], received_at)[0],
            received_at,
            energy_register_wh(samples),
            orjson.dumps(samples),
        )
        writes.append((METER_VALUES, row))
    return tuple(writes)
