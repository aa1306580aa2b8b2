"""The official schemas, and the rules of our own derived from them."""

import json
from importlib import resources

import jsonschema
import jsonschema_rs
import pytest

from sliproad.ocpp.own_rules import derive_own_rules, is_shallow
from sliproad.ocpp.schemas import read_official_schemas
from sliproad.ocpp.validation import MessageRules
from sliproad.ocpp.versions import OcppVersion

FOLDERS = {OcppVersion.V16: "v16", OcppVersion.V201: "v201", OcppVersion.V21: "v21"}


def every_schema():
    for version in OcppVersion:
        official = read_official_schemas(version)
        for kind in ("requests", "responses", "sends"):
            for action, schema in getattr(official, kind).items():
                yield pytest.param(version, kind, action, schema, id=f"{version}-{kind}-{action}")


@pytest.mark.parametrize(("version", "kind", "action", "schema"), list(every_schema()))
def test_every_official_schema_compiles_with_the_rules_of_our_own(version, kind, action, schema):
    jsonschema.validators.validator_for(schema).check_schema(schema)
    own = derive_own_rules(schema)
    jsonschema.Draft4Validator.check_schema(own)
    rules = getattr(compiled(version), kind)[action]
    assert rules.is_valid({}) == jsonschema_rs.validator_for(schema).is_valid({})


RULES = {}


def compiled(version):
    if version not in RULES:
        RULES[version] = MessageRules(version)
    return RULES[version]


@pytest.mark.parametrize("version", list(OcppVersion))
def test_no_schema_file_is_left_out(version):
    official = read_official_schemas(version)
    files = list(resources.files("ocpp").joinpath(FOLDERS[version], "schemas").iterdir())
    assert len(files) == len(official.requests) + len(official.responses) + len(official.sends)


@pytest.mark.parametrize("version", list(OcppVersion))
def test_the_schemas_are_read_as_they_are(version):
    """A file may start with a byte order mark; nothing else is done to it."""
    official = read_official_schemas(version)
    name = "BootNotification.json" if version is OcppVersion.V16 else "BootNotificationRequest.json"
    file = resources.files("ocpp").joinpath(FOLDERS[version], "schemas", name)
    assert official.requests["BootNotification"] == json.loads(file.read_text(encoding="utf-8-sig"))


def test_a_schema_without_numbers_has_no_rules_of_our_own():
    assert derive_own_rules(read_official_schemas(OcppVersion.V16).requests["Heartbeat"]) == {}


def test_an_integer_has_32_bits_and_a_register_53():
    """OCPP 1.6 §7; RFC 8259 §6."""
    rules = derive_own_rules(read_official_schemas(OcppVersion.V16).requests["StartTransaction"])["properties"]
    assert rules["connectorId"]["maximum"] == 2**31 - 1
    assert rules["meterStart"]["maximum"] == 2**53 - 1
    assert "idTag" not in rules


def test_in_1_6_every_schema_bounds_its_depth_and_in_2_x_none_does():
    """2.x Part 4 §9: CustomData may hold anything."""
    shallow = {version: compiled(version).shallow_actions for version in OcppVersion}
    assert shallow[OcppVersion.V16] == compiled(OcppVersion.V16).requests.keys()
    assert not shallow[OcppVersion.V201]
    assert not shallow[OcppVersion.V21]


def test_a_list_is_as_shallow_as_its_entries():
    assert is_shallow({"type": "array", "items": {"type": "string"}})
    assert not is_shallow({"type": "array", "items": {"type": "object", "properties": {}}})
    assert not is_shallow({"$ref": "#/definitions/Anything", "definitions": {"Anything": {}}})
