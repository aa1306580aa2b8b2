"""The steps, one file each: pure functions of a situation that give the next move. `workflow` calls them by name.

| step | shown as | asks |
|---|---|---|
| connectivity, heartbeat, configuration, connector_test, test_transaction | the reference's `steps` | |
| firmware_update | the reference's `steps`, where the template names firmware | |
| firmware_version | the guide's `checks` only | |
| connectivity (`ocpp_connection`), heartbeat, meter_calibration | both | |
"""

from collections.abc import Callable

from sliproad.features.commissioning.model import Move, Situation
from sliproad.features.commissioning.steps import (
    configuration,
    connectivity,
    connector_test,
    firmware_update,
    firmware_version,
    heartbeat,
    meter_calibration,
    test_transaction,
)

STEPS: dict[str, Callable[[Situation], Move]] = {
    "connectivity": connectivity.advance,
    "heartbeat": heartbeat.advance,
    "firmware_update": firmware_update.advance,
    "firmware_version": firmware_version.advance,
    "configuration": configuration.advance,
    "connector_test": connector_test.advance,
    "meter_calibration": meter_calibration.advance,
    "test_transaction": test_transaction.advance,
}
NEEDS_CONNECTORS = frozenset({"connector_test", "meter_calibration", "test_transaction"})
NEEDS_FIRMWARE_UPDATE = frozenset({"firmware_update"})
NEEDS_MUTABILITY = frozenset({"configuration"})
NEEDS_READINGS = frozenset({"meter_calibration"})
NEEDS_TRANSACTIONS = frozenset({"test_transaction"})
"""What has to be read from the database for a step, beyond the live state."""
