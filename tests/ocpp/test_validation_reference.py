"""Our verdicts beside those of the slow reference validator, `jsonschema`, over every message of every version.

Where they differ on purpose the case is named here; anywhere else a difference is a mistake of ours.
"""

import copy
import random

import jsonschema
import pytest

from sliproad.ocpp.errors import CallRefused
from sliproad.ocpp.schemas import read_official_schemas
from sliproad.ocpp.validation import validate_call, validate_result
from sliproad.ocpp.versions import OcppVersion

TIME = "2026-01-01T12:00:00Z"
V16, V201, V21 = OcppVersion.V16, OcppVersion.V201, OcppVersion.V21


def example(schema, definitions):
    """Give a valid payload with every field of the schema in it."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[1]]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: example(inner, definitions) for name, inner in schema.get("properties", {}).items()}
        case "array":
            return [example(schema["items"], definitions)] * max(1, schema.get("minItems", 0))
        case "string":
            return {"date-time": TIME, "uri": "https://example.com/x"}.get(schema.get("format"), "1")
        case "integer" | "number":
            return max(schema.get("minimum", 0), 0)
        case "boolean":
            return True
    return "anything"


def places(value, path=()):
    """Give the path of every object in a payload."""
    if isinstance(value, dict):
        yield path
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*path, 0))


def mutations(payload, chance):
    """Give the payload with a field removed, added, or set to something of each kind, at a few places each."""
    sites = [(path, name) for path in places(payload) for name in [*at(payload, path), None]]
    for path, name in chance.sample(sites, min(6, len(sites))):
        for value in (..., None, True, "x" * 6000, 0.5, -1, [], {}, ["1"], "1"):
            changed = copy.deepcopy(payload)
            target = at(changed, path)
            if name is None:
                target["unheardOf"] = 1
            elif value is ...:
                del target[name]
            else:
                target[name] = value
            yield path, name, changed


def at(payload, path):
    for step in path:
        payload = payload[step]
    return payload


def ours(check, version, action, payload):
    try:
        check(version, action, copy.deepcopy(payload))
    except CallRefused:
        return False
    return True


FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date-time")
def is_date_time(value):
    return not isinstance(value, str) or value == TIME


@FORMATS.checks("uri")
def is_uri(value):
    return not isinstance(value, str) or value.startswith("https://")


def messages():
    for version in OcppVersion:
        official = read_official_schemas(version)
        for check, schemas in ((validate_call, official.requests), (validate_result, official.responses)):
            for action, schema in schemas.items():
                yield pytest.param(check, version, action, schema, id=f"{version}-{check.__name__}-{action}")


@pytest.mark.parametrize(("check", "version", "action", "schema"), list(messages()))
def test_our_verdict_is_that_of_the_reference(check, version, action, schema):
    """Apart from the texts of 1.6's sampled values, which to the schema are any text."""
    reference = jsonschema.validators.validator_for(schema)(schema, format_checker=FORMATS)
    payload = example(schema, schema.get("definitions", {}))
    assert reference.is_valid(payload)
    assert ours(check, version, action, payload)
    for path, name, changed in mutations(payload, random.Random(action)):
        if version is not V16 or (path[-2:-1], name) != (("sampledValue",), "value"):
            assert ours(check, version, action, changed) == reference.is_valid(changed), changed


@pytest.mark.parametrize(
    ("version", "action", "payload", "reference_says", "we_say"),
    [
        # 7.0: draft 4 says no, draft 6 says yes; we say yes everywhere, and repair it
        (V16, "ChangeAvailability", {"connectorId": 7.0, "type": "Operative"}, False, True),
        (V201, "GetTransactionStatus", {}, True, True),
        (V201, "ClearDisplayMessage", {"id": 7.0}, True, True),
        # the reference checks no formats by itself; we do
        (V16, "GetDiagnostics", {"location": "https://a", "startTime": "2026-01-01T12:00:00"}, True, False),
        (V201, "GetCompositeSchedule", {"duration": 1, "evseId": 1}, True, True),
        # integers have 32 bits (1.6 §7, 2.x Part 2 §2.1), which no schema says
        (V201, "ClearDisplayMessage", {"id": 2**31}, True, False),
        (V16, "ChangeAvailability", {"connectorId": -(2**31) - 1, "type": "Operative"}, True, False),
        # sampled values of 1.6 are decimal numbers (§7.43), which no schema says
        (V16, "MeterValues", {"connectorId": 1, "meterValue": [{"timestamp": TIME, "sampledValue": [{"value": "NaN"}]}]}, True, False),
        (V16, "MeterValues", {"connectorId": 1, "meterValue": [{"timestamp": TIME, "sampledValue": [{"value": "1e3"}]}]}, True, True),
    ],
)  # fmt: skip
def test_each_difference_is_a_decision(version, action, payload, reference_says, we_say):
    schema = read_official_schemas(version).requests[action]
    assert jsonschema.validators.validator_for(schema)(schema).is_valid(payload) is reference_says
    assert ours(validate_call, version, action, payload) is we_say


@pytest.mark.parametrize("tenths", [0, 1, 3, 7, 63, 161, 327, 1101, 2999])
def test_one_decimal_is_one_decimal_also_in_binary(tenths):
    """1.6 §7.13: a limit has at most one decimal; the reference stumbles over 0.1 in binary, we must not."""
    period = {"startPeriod": 0, "limit": tenths / 10}
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [period]}
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": schedule,
    }
    assert ours(validate_call, V16, "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile})
    period["limit"] = tenths / 10 + 0.05
    assert not ours(validate_call, V16, "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile})
