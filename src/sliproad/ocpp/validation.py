"""Validates payloads against the official schemas and our own rules, at the price of one compiled call when all is
well.

`conversation` asks it for every frame of a charge point, tolerantly; the commands feature for every payload it is
about to send, strictly. What tolerant means:

* A whole number written `7.0` is a whole number, everywhere (JSON knows no difference); the payload gets the int.
* A timestamp that is not RFC 3339 but can be read (no zone: UTC) is never a reason to refuse what a charge point
  says; the payload gets it as RFC 3339.
* In transaction messages (`actions.is_transaction_message`) a null stands for an absent optional field, and in 1.6 a
  sampled value may be a JSON number (turned into text) or unreadable text (kept and flagged, never computed with).
* NaN and infinities in 1.6's decimal strings are refused with PropertyConstraintViolation. Only a StopTransaction is
  kept in spite of one in its transactionData, since it carries the end of a transaction; the sample is flagged.

Each of these sets a flag of `Lenience`. Integers outside 32 bits are refused, except meter registers (53 bits).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jsonschema_rs
import orjson

from sliproad.ocpp.actions import is_transaction_message
from sliproad.ocpp.errors import CallRefused, ErrorCode, wire_code
from sliproad.ocpp.leniences import Lenience
from sliproad.ocpp.own_rules import Schema, derive_own_rules, is_shallow
from sliproad.ocpp.repairs import Repair, Tolerance
from sliproad.ocpp.schemas import read_official_schemas
from sliproad.ocpp.versions import OcppVersion
from sliproad.ocpp.violations import refusal_of

_STRICT = Tolerance()
_TOLERANT = Tolerance(timestamps=True)
_TRANSACTION = Tolerance(timestamps=True, samples=True, nulls=True)
_STOP_TRANSACTION = Tolerance(timestamps=True, samples=True, nulls=True, not_finite_samples=True)


class PayloadRules:
    """The rules for one message: the official schema and our own, compiled together."""

    __slots__ = ("_but_samples", "_official", "_validator", "is_valid", "may_be_empty", "tolerance")

    def __init__(self, official: Schema, tolerance: Tolerance) -> None:
        """Compile; `tolerance` is what is forgiven a charge point in this message."""
        self._official = official
        self._validator = _compile(official, derive_own_rules(official))
        self._but_samples = (
            _compile(official, derive_own_rules(official, decimal_samples=False))
            if tolerance.samples
            else self._validator
        )
        self.is_valid: Callable[[Any], bool] = self._validator.is_valid
        self.may_be_empty = self.is_valid({})
        self.tolerance = tolerance

    def check(self, version: OcppVersion, payload: dict[str, Any], *, tolerant: bool) -> Lenience:
        """Give what was forgiven in `payload`, which is repaired in place; raises CallRefused for the rest."""
        if self.is_valid(payload):
            return Lenience.NONE
        repair = Repair(self._official, payload, self.tolerance if tolerant else _STRICT)
        forgive_samples = Lenience.SAMPLE_UNREADABLE in repair.leniences and not repair.hopeless_sample
        try:
            (self._but_samples if forgive_samples else self._validator).validate(payload)
        except jsonschema_rs.ValidationError as complaint:
            raise refusal_of(complaint, version) from None
        except ValueError:  # what it complains about is nested too deep for its error to hold
            code = wire_code(ErrorCode.FORMAT_VIOLATION, version)
            raise CallRefused(code, "payload: there is a value nested too deep") from None
        return repair.leniences


def _compile(official: Schema, own_rules: Schema) -> jsonschema_rs.Draft4Validator:
    uri = "urn:sliproad:official"
    return jsonschema_rs.Draft4Validator(
        {"allOf": [{"$ref": uri}, own_rules]},
        registry=jsonschema_rs.Registry([(uri, official)]),
        validate_formats=True,
        mask="value",
    )


class MessageRules:
    """All rules of one OCPP version, by action."""

    __slots__ = ("requests", "responses", "sends", "shallow_actions", "version")

    def __init__(self, version: OcppVersion) -> None:
        """Compile every schema of `version`, about 50 ms."""
        official = read_official_schemas(version)
        self.version = version
        self.requests = {
            action: PayloadRules(schema, _request_tolerance(version, action))
            for action, schema in official.requests.items()
        }
        self.shallow_actions = frozenset(action for action, schema in official.requests.items() if is_shallow(schema))
        self.responses = {action: PayloadRules(schema, _TOLERANT) for action, schema in official.responses.items()}
        self.sends = {action: PayloadRules(schema, _TOLERANT) for action, schema in official.sends.items()}

    def check_call(self, action: str, payload: dict[str, Any], *, tolerant: bool = True) -> Lenience:
        """Check the payload of a CALL; raises CallRefused in the version's spelling."""
        rules = self.requests.get(action)
        if rules is None:
            raise self._unknown(action)
        if rules.is_valid(payload):
            return Lenience.NONE
        return rules.check(self.version, payload, tolerant=tolerant)

    def check_result(self, action: str, payload: dict[str, Any], *, tolerant: bool = True) -> Lenience:
        """Check the payload of a CALLRESULT to `action`; raises CallRefused in the version's spelling."""
        rules = self.responses.get(action)
        if rules is None:
            raise self._unknown(action)
        return rules.check(self.version, payload, tolerant=tolerant)

    def check_send(self, action: str, payload: dict[str, Any], *, tolerant: bool = True) -> Lenience:
        """Check the payload of a SEND (2.1 Part 4 §4.2.4); raises CallRefused, which nobody is told."""
        rules = self.sends.get(action)
        if rules is None:
            raise self._unknown(action)
        return rules.check(self.version, payload, tolerant=tolerant)

    def _unknown(self, action: str) -> CallRefused:
        """Refuse an action: known in another kind of message (`NotSupported`), or not at all (`NotImplemented`)."""
        if action in self.requests or action in self.sends:
            return CallRefused(ErrorCode.NOT_SUPPORTED, "The action does not travel in this type of message")
        return CallRefused(ErrorCode.NOT_IMPLEMENTED, "The action is not known")


def _request_tolerance(version: OcppVersion, action: str) -> Tolerance:
    if not is_transaction_message(version, action):
        return _TOLERANT
    return _STOP_TRANSACTION if action == "StopTransaction" else _TRANSACTION


@cache
def rules_of(version: OcppVersion) -> MessageRules:
    """Give the compiled rules of `version`; the first call compiles them, so call it while starting."""
    return MessageRules(version)


def validate_call(version: OcppVersion, action: str, payload: dict[str, Any], *, tolerant: bool = False) -> Lenience:
    """Check the payload of a CALL, strictly unless it comes from a charge point.

    Gives what was forgiven. Raises CallRefused with the code of `version`: NotImplemented for an unknown action,
    Occurence-/OccurrenceConstraintViolation for a missing field or a wrong number of entries, TypeConstraintViolation,
    Formation-/FormatViolation for a field the message does not have, PropertyConstraintViolation for any other wrong
    value.
    """
    if not tolerant:
        _check_writable(version, payload)
    return rules_of(version).check_call(action, payload, tolerant=tolerant)


def _check_writable(version: OcppVersion, payload: dict[str, Any]) -> None:
    """Refuse what can't be sent as JSON: a lone surrogate, an integer beyond 64 bits, nesting without end."""
    try:
        orjson.dumps(payload)
    except TypeError:
        code = wire_code(ErrorCode.FORMAT_VIOLATION, version)
        raise CallRefused(code, "payload: it can't be written as JSON") from None


def validate_result(version: OcppVersion, action: str, payload: dict[str, Any], *, tolerant: bool = False) -> Lenience:
    """Check the payload of a CALLRESULT to `action`; gives and raises as `validate_call`."""
    return rules_of(version).check_result(action, payload, tolerant=tolerant)


def actions(version: OcppVersion) -> frozenset[str]:
    """Give every action of `version` that travels as a CALL, whoever sends it (see `actions.sent_by_charge_point`)."""
    return frozenset(rules_of(version).requests)


def is_known(version: OcppVersion, action: str) -> bool:
    """Tell whether `action` exists in `version`, as a CALL or as a SEND."""
    rules = rules_of(version)
    return action in rules.requests or action in rules.sends


def answer_may_be_empty(version: OcppVersion, action: str) -> bool:
    """Tell whether `{}` is a valid answer to `action`; False for an action that is not known or never answered."""
    rules = rules_of(version).responses.get(action)
    return rules is not None and rules.may_be_empty
