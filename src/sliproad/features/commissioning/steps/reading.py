"""Reading single settings of a charge point: GetConfiguration in 1.6, GetVariables in 2.x.

`configuration`, `heartbeat`, `firmware_version` and `meter_calibration` ask; OCPP 1.6 §5.8, OCPP 2.x B06.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sliproad.features.commissioning.model import Facts
from sliproad.features.commissioning.templates import Variable
from sliproad.ocpp.our_numbers import OURS_BELOW

UNKNOWN_IN_2X = frozenset({"UnknownComponent", "UnknownVariable", "NotSupportedAttributeType"})


@dataclass(frozen=True, slots=True)
class Found:
    """What the charge point said of one setting. `value` None: known, but not shown."""

    value: str | None
    is_read_only: bool = False


def report_id(session_id: str) -> int:
    """The `requestId` of the report that a session's configuration step asks for, the same when asked again."""
    return int.from_bytes(hashlib.sha256(f"report of {session_id}".encode()).digest()[:4]) % (OURS_BELOW - 1) + 1


def action(facts: Facts) -> str:
    """The CALL that reads."""
    return "GetConfiguration" if facts.is_16 else "GetVariables"


def payload(names: Sequence[str | Variable]) -> dict[str, Any]:
    """The request for these keys (1.6) or variables (2.x)."""
    variables = [name for name in names if isinstance(name, Variable)]
    if variables:
        return {"getVariableData": [place(variable) for variable in variables]}
    return {"key": list(names)}


def place(variable: Variable) -> dict[str, Any]:
    """A variable as 2.x messages name it."""
    named = {"name": variable.variable} | ({"instance": variable.instance} if variable.instance else {})
    return {"component": {"name": variable.component}, "variable": named}


def variable_of(item: Mapping[str, Any]) -> Variable:
    """The variable that an item of a 2.x answer is about."""
    return Variable(item["component"]["name"], item["variable"]["name"], item["variable"].get("instance"))


def found(answer: Mapping[str, Any]) -> dict[str, Found]:
    """What the answer says, by key or label of the variable; what the charge point does not know is absent."""
    if "getVariableResult" in answer:
        return {
            variable_of(item).label: Found(item.get("attributeValue"))
            for item in answer["getVariableResult"]
            if item["attributeStatus"] not in UNKNOWN_IN_2X
        }
    return {
        item["key"]: Found(item.get("value"), is_read_only=item.get("readonly", False))
        for item in answer.get("configurationKey") or ()
    }
