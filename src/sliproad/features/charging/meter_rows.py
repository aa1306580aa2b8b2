"""Rows of meter values: one per reading, from MeterValues, StopTransaction and TransactionEvent alike."""

from typing import Any

import orjson

from sliproad.features.charge_points.reported_time import read_reported_time
from sliproad.features.charging.meter import energy_register_wh
from sliproad.features.charging.statements import METER_VALUES
from sliproad.foundation.inbound import Peer, Write
from sliproad.foundation.inbound_rows import encode_row

NO_TRANSACTION = ""


def meter_writes(
    peer: Peer, transaction_id: str, evse_id: int, meter_values: list[dict[str, Any]], received_at: float
) -> tuple[Write, ...]:
    """A write for each element of `meterValue`; `transaction_id` is empty outside a transaction."""
    writes = []
    for meter_value in meter_values:
        samples = meter_value["sampledValue"]
        row = {
            "k": peer.key,
            "o": peer.organization_id,
            "x": transaction_id,
            "v": evse_id,
            "a": read_reported_time(meter_value["timestamp"], received_at)[0],
            "t": received_at,
            "w": energy_register_wh(samples),
            "s": orjson.dumps(samples).decode(),
        }
        writes.append(Write(METER_VALUES, peer.key, encode_row(row)))
    return tuple(writes)
