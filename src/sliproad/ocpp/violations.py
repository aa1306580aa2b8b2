"""From what the schema validator complains about to what OCPP says about it: an error code, or a lenience.

Only `validation` calls this, and only for a payload that failed, so it may take its time. Nothing it says repeats a
value of the message: places are named by the schema's own field names. OCPP-J 1.6 §4.2.3 table 7, 2.x Part 4 §4.3.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import jsonschema_rs
import orjson

from sliproad.ocpp.errors import ErrorCode
from sliproad.ocpp.leniences import Lenience
from sliproad.ocpp.samples import is_not_finite
from sliproad.ocpp.timestamps import read_timestamp

Path = list[str | int]

_CODES: Final = {
    "additionalProperties": ErrorCode.FORMAT_VIOLATION,
    "required": ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION,
    "minItems": ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION,
    "maxItems": ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION,
    "type": ErrorCode.TYPE_CONSTRAINT_VIOLATION,
}
_COMPLAINTS: Final = {
    "additionalProperties": "there is a field the message does not have",
    "minItems": "there are too few entries",
    "maxItems": "there are too many entries",
    "type": "the type is wrong",
    "enum": "the value is not one of those allowed",
    "maxLength": "the text is too long",
    "minimum": "the number is too small",
    "maximum": "the number is too large",
    "multipleOf": "the number has too many decimals",
    "anyOf": "the sampled value is not a decimal number",
}
# The other codes say of themselves that the payload is well formed, so form is judged first.
_PRECEDENCE: Final = (
    ErrorCode.FORMAT_VIOLATION,
    ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION,
    ErrorCode.TYPE_CONSTRAINT_VIOLATION,
    ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
)
_ENOUGH: Final = 20


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What is forgiven besides `7.0` for 7, which is forgiven everywhere."""

    timestamps: bool = False
    samples: bool = False
    not_finite_samples: bool = False
    nulls: bool = False


@dataclass(frozen=True, slots=True)
class Violation:
    """What is not forgiven: the error code in the spelling of 2.x, and a sentence."""

    code: ErrorCode
    description: str


@dataclass(frozen=True, slots=True)
class _Forgiven:
    """A complaint that is forgiven: its flag, and whether the payload was repaired for it."""

    lenience: Lenience
    repaired: bool = False


def examine(
    payload: dict[str, Any], complaints: Iterable[jsonschema_rs.ValidationError], tolerance: Tolerance
) -> tuple[Lenience, bool, Violation | None]:
    """Go through the complaints about `payload`, repairing in place what is forgiven and can be repaired.

    Gives the leniences, whether something was repaired (then ask the validator again), and the gravest violation.
    """
    leniences, repaired = Lenience.NONE, False
    violations: list[Violation] = []
    for complaint in complaints:
        forgiven = _forgive(payload, complaint, tolerance)
        if forgiven is None:
            violations.append(_violation(complaint))
            if len(violations) >= _ENOUGH:
                break
        else:
            leniences |= forgiven.lenience
            repaired |= forgiven.repaired
    gravest = min(violations, key=lambda violation: _PRECEDENCE.index(violation.code), default=None)
    return leniences, repaired, gravest


def _violation(complaint: jsonschema_rs.ValidationError) -> Violation:
    keyword = complaint.kind.name
    code = _CODES.get(keyword, ErrorCode.PROPERTY_CONSTRAINT_VIOLATION)
    place = "/".join(map(str, complaint.instance_path)) or "payload"
    if keyword == "required":
        return Violation(code, f"{place}: {complaint.kind.as_dict()['property']} is missing")
    if keyword == "format":
        return Violation(code, f"{place}: the value is no {complaint.kind.as_dict()['format']}")
    return Violation(code, f"{place}: {_COMPLAINTS[keyword]}")


def _forgive(
    payload: dict[str, Any], complaint: jsonschema_rs.ValidationError, tolerance: Tolerance
) -> _Forgiven | None:
    keyword, path = complaint.kind.name, complaint.instance_path
    value: Any = complaint.instance
    if value is None and tolerance.nulls and type(path[-1]) is str:
        _container(payload, path).pop(path[-1], None)
        return _Forgiven(Lenience.NULL_FIELD, repaired=True)
    if keyword == "type" and type(value) is float and complaint.kind.as_dict()["types"] == ["integer"]:
        if not value.is_integer():
            return None
        _container(payload, path)[path[-1]] = int(value)
        return _Forgiven(Lenience.INTEGER_WITH_FRACTION, repaired=True)
    if keyword == "type" and tolerance.samples and _is_sampled_value(path) and type(value) in {int, float}:
        _container(payload, path)[path[-1]] = orjson.dumps(value).decode()
        return _Forgiven(Lenience.SAMPLE_AS_NUMBER, repaired=True)
    if keyword == "format" and tolerance.timestamps and read_timestamp(value) is not None:
        return _Forgiven(Lenience.TIMESTAMP)
    if keyword == "anyOf" and tolerance.samples and (tolerance.not_finite_samples or not is_not_finite(value["value"])):
        return _Forgiven(Lenience.SAMPLE_UNREADABLE)
    return None


def _is_sampled_value(path: Path) -> bool:
    return len(path) > 2 and path[-1] == "value" and path[-3] == "sampledValue"


def _container(payload: dict[str, Any], path: Path) -> Any:
    """Give the object or list that holds the value at `path`."""
    container: Any = payload
    for step in path[:-1]:
        container = container[step]
    return container
