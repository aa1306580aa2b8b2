"""From what the schema validator complains about to what OCPP says about it: an error code and a sentence.

Only `validation` calls this. The sentence repeats no value of the message: places are named by the schema's own field
names. OCPP-J 1.6 §4.2.3 table 7, 2.x Part 4 §4.3.
"""

from __future__ import annotations

from typing import Final

import jsonschema_rs

from sliproad.ocpp.errors import CallRefused, ErrorCode, wire_code
from sliproad.ocpp.versions import OcppVersion

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


def refusal_of(complaint: jsonschema_rs.ValidationError, version: OcppVersion) -> CallRefused:
    """Give the refusal that tells a charge point of `version` about `complaint`."""
    keyword = complaint.kind.name
    place = "/".join(map(str, complaint.instance_path)) or "payload"
    if keyword == "required":
        sentence = f"{complaint.kind.as_dict()['property']} is missing"
    elif keyword == "format":
        sentence = f"the value is no {complaint.kind.as_dict()['format']}"
    else:
        sentence = _COMPLAINTS.get(keyword, "the value is not allowed")
    code = _CODES.get(keyword, ErrorCode.PROPERTY_CONSTRAINT_VIOLATION)
    return CallRefused(wire_code(code, version), f"{place}: {sentence}")
