"""What the product asks of a payload beyond the official schema, written as a schema itself.

The official schemas say "integer" and "string" where the specification says "32 bit" and "decimal number". From an
official schema this derives one that holds only those two rules, so that `validation` checks both in a single call;
the official one stays as it is. Draft 4 on purpose: there, `7.0` is no integer, which is how the validator gets to
see and repair it.
"""

from __future__ import annotations

from typing import Any, Final

from sliproad.ocpp.samples import DECIMAL_PATTERN

Schema = dict[str, Any]

_INT32: Final = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}
_EXACT_INTEGER: Final = {"type": "integer", "minimum": -(2**53) + 1, "maximum": 2**53 - 1}
# A register in Wh passes 2³¹ at 2.1 GWh; up to 2⁵³ every JSON reader agrees on an integer (RFC 8259 §6).
_REGISTERS: Final = frozenset({"meterStart", "meterStop"})
_DECIMAL_SAMPLE: Final = {
    "anyOf": [
        {"properties": {"value": {"pattern": DECIMAL_PATTERN}}},
        {"properties": {"format": {"enum": ["SignedData"]}}, "required": ["format"]},
    ]
}


def derive_own_rules(official: Schema, *, decimal_samples: bool = True) -> Schema:
    """Give the schema of our own rules for payloads of the schema `official`; empty when there are none.

    Integers are 32 bits wide (1.6 §7, 2.x Part 2 §2.1), meter registers 53. With `decimal_samples`, sampled values of
    1.6 are decimal numbers unless signed.
    """
    return _derive("", official, official.get("definitions", {}), decimal_samples=decimal_samples)


def is_shallow(official: Schema) -> bool:
    """Tell whether nothing in a payload of this schema may hold what it likes, so that the schema bounds its depth."""
    definitions = official.get("definitions", {})

    def closed(schema: Schema) -> bool:
        if "$ref" in schema:
            schema = definitions[schema["$ref"].rsplit("/", 1)[1]]
        kind = schema.get("type")
        if kind == "object":
            return schema.get("additionalProperties") is False and all(map(closed, schema["properties"].values()))
        return closed(schema["items"]) if kind == "array" else kind is not None

    return closed(official)


def is_decimal_sample(properties: Schema) -> bool:
    """Tell whether an object with these properties is a SampledValue of 1.6, whose numbers are texts."""
    return "measurand" in properties and "value" in properties and properties["value"].get("type") == "string"


def _derive(name: str, schema: Schema, definitions: Schema, *, decimal_samples: bool) -> Schema:
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[1]]
    kind = schema.get("type")
    if kind == "integer":
        return _EXACT_INTEGER if name in _REGISTERS else _INT32
    if kind == "array":
        items = _derive("", schema["items"], definitions, decimal_samples=decimal_samples)
        return {"items": items} if items else {}
    properties = schema.get("properties", {})
    derived = {
        key: rule
        for key, inner in properties.items()
        if (rule := _derive(key, inner, definitions, decimal_samples=decimal_samples))
    }
    rules: Schema = {"properties": derived} if derived else {}
    return rules | _DECIMAL_SAMPLE if decimal_samples and is_decimal_sample(properties) else rules
