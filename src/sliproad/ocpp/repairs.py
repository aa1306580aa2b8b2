"""Repairs what a charge point wrote carelessly but readably, so that handlers get what the schema promises.

`validation` calls this for a payload that failed, and asks the validator again after it. The walk follows the
official schema and visits each value once, so that no message, however wrong, holds up the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import jsonschema_rs
import orjson

from sliproad.ocpp.leniences import Lenience
from sliproad.ocpp.own_rules import Schema, is_decimal_sample
from sliproad.ocpp.samples import is_not_finite, read_decimal
from sliproad.ocpp.timestamps import read_timestamp

_RFC3339: Final = jsonschema_rs.Draft7Validator({"format": "date-time"}, validate_formats=True)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What is forgiven besides `7.0` for 7, which is forgiven everywhere."""

    timestamps: bool = False
    nulls: bool = False
    samples: bool = False
    not_finite_samples: bool = False


class Repair:
    """One walk through one payload. `leniences` is what was forgiven; `hopeless_sample` that a sample was not."""

    __slots__ = ("_definitions", "_tolerance", "hopeless_sample", "leniences")

    def __init__(self, official: Schema, payload: dict[str, Any], tolerance: Tolerance) -> None:
        """Walk through `payload` along its schema `official` and repair it in place."""
        self._definitions = official.get("definitions", {})
        self._tolerance = tolerance
        self.leniences = Lenience.NONE
        self.hopeless_sample = False
        self._repaired(official, payload)

    def _repaired(self, schema: Schema, value: Any) -> Any:
        """Give what is to stand in place of `value`: itself, when there is nothing to repair."""
        if "$ref" in schema:
            schema = self._definitions[schema["$ref"].rsplit("/", 1)[1]]
        kind = schema.get("type")
        if kind == "object" and type(value) is dict:
            self._repair_object(schema, value)
        elif kind == "array" and type(value) is list:
            value[:] = [self._repaired(schema["items"], entry) for entry in value]
        elif kind == "integer" and type(value) is float and value.is_integer():
            self.leniences |= Lenience.INTEGER_WITH_FRACTION
            return int(value)
        elif schema.get("format") == "date-time" and type(value) is str and self._tolerance.timestamps:
            return self._timestamp(value)
        return value

    def _repair_object(self, schema: Schema, value: dict[str, Any]) -> None:
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        for name in properties.keys() & value.keys():
            if value[name] is None and self._tolerance.nulls and name not in required:
                del value[name]
                self.leniences |= Lenience.NULL_FIELD
            else:
                value[name] = self._repaired(properties[name], value[name])
        if is_decimal_sample(properties) and "value" in value:
            self._repair_sample(value)

    def _timestamp(self, text: str) -> str:
        if _RFC3339.is_valid(text):
            return text
        moment = read_timestamp(text)
        if moment is None:
            return text
        self.leniences |= Lenience.TIMESTAMP
        return moment.isoformat().replace("+00:00", "Z")

    def _repair_sample(self, sample: dict[str, Any]) -> None:
        value = sample["value"]
        if type(value) in {int, float} and self._tolerance.samples:
            sample["value"] = orjson.dumps(value).decode()
            self.leniences |= Lenience.SAMPLE_AS_NUMBER
        elif type(value) is str and sample.get("format") != "SignedData" and read_decimal(value) is None:
            if self._tolerance.samples and (self._tolerance.not_finite_samples or not is_not_finite(value)):
                self.leniences |= Lenience.SAMPLE_UNREADABLE
            else:
                self.hopeless_sample = True
