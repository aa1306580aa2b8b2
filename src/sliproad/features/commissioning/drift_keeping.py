"""Keeps what charge points say of their settings whenever they are read, so that drift can be shown later.

The runner calls `remember` with each answer to a reading CALL, visits of a template too.
"""

from collections.abc import Iterator

from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.commissioning.model import Answer, Outgoing
from sliproad.features.commissioning.steps import reading
from sliproad.features.device_model.model import ReadBack
from sliproad.features.device_model.service import DeviceModelService
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Where

READS = frozenset({"GetConfiguration", "GetVariables"})


async def remember(
    where: Where, clock: Clock, charge_point: ChargePoint, outgoing: Outgoing | None, answer: Answer | None
) -> None:
    """Keep the values in the answer, if it is one to a question for settings. Harmless any number of times."""
    if outgoing is None or answer is None or answer.kind != "result" or outgoing.action not in READS:
        return
    if values := list(_values(answer)):
        await DeviceModelService(clock).keep_read_back(where, charge_point.key, charge_point.organization_id, values)


def _values(answer: Answer) -> Iterator[ReadBack]:
    for item in answer.payload.get("configurationKey") or ():
        mutability = "ReadOnly" if item.get("readonly") else "ReadWrite"
        yield ReadBack(item["key"], item.get("value"), mutability=mutability)
    for item in answer.payload.get("getVariableResult") or ():
        place = reading.variable_of(item)
        if item["attributeStatus"] == "Accepted" and "evse" not in item["component"]:
            yield ReadBack(
                place.variable,
                item.get("attributeValue"),
                component=place.component,
                component_instance=item["component"].get("instance", ""),
                variable_instance=place.instance or "",
            )
