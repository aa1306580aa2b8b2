"""The error codes of the OCPP RPC framework, and what a handler raises to answer one.

Handlers, the validator and the frame reader name an error in the spelling of 2.x; `wire_code` turns it into the word
the version on the socket knows. OCPP-J 1.6 §4.2.3 table 7, OCPP 2.0.1 and 2.1 Part 4 §4.3.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sliproad.ocpp.versions import OcppVersion

MAX_DESCRIPTION_LENGTH = 255


class ErrorCode(StrEnum):
    """Every error code of every version; `codes` tells which of them a version has."""

    NOT_IMPLEMENTED = "NotImplemented"
    NOT_SUPPORTED = "NotSupported"
    INTERNAL_ERROR = "InternalError"
    PROTOCOL_ERROR = "ProtocolError"
    SECURITY_ERROR = "SecurityError"
    FORMAT_VIOLATION = "FormatViolation"
    PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
    OCCURRENCE_CONSTRAINT_VIOLATION = "OccurrenceConstraintViolation"
    TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"
    GENERIC_ERROR = "GenericError"
    MESSAGE_TYPE_NOT_SUPPORTED = "MessageTypeNotSupported"
    RPC_FRAMEWORK_ERROR = "RpcFrameworkError"
    FORMATION_VIOLATION_16 = "FormationViolation"
    OCCURENCE_CONSTRAINT_VIOLATION_16 = "OccurenceConstraintViolation"  # sic; the errata keep the typing error


_ONLY_16 = frozenset({ErrorCode.FORMATION_VIOLATION_16, ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION_16})
_TO_16 = {
    ErrorCode.FORMAT_VIOLATION: ErrorCode.FORMATION_VIOLATION_16,
    ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION: ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION_16,
    ErrorCode.MESSAGE_TYPE_NOT_SUPPORTED: ErrorCode.GENERIC_ERROR,
    ErrorCode.RPC_FRAMEWORK_ERROR: ErrorCode.GENERIC_ERROR,
}
_TO_2X = {
    ErrorCode.FORMATION_VIOLATION_16: ErrorCode.FORMAT_VIOLATION,
    ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION_16: ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION,
}
_CODES_16 = frozenset(ErrorCode) - frozenset(_TO_16)
_CODES_2X = frozenset(ErrorCode) - _ONLY_16


def codes(version: OcppVersion) -> frozenset[ErrorCode]:
    """Give the error codes that `version` allows on the wire."""
    return _CODES_2X if version.is_2x else _CODES_16


def wire_code(code: str, version: OcppVersion) -> ErrorCode:
    """Translate an error code of any version into the one `version` has for it; an unknown word is `GenericError`."""
    try:
        known = ErrorCode(code)
    except ValueError:
        return ErrorCode.GENERIC_ERROR
    return (_TO_2X if version.is_2x else _TO_16).get(known, known)


class CallRefused(Exception):
    """A CALL that is answered with a CALLERROR: raised by a handler or by the validator.

    `code` may be in any version's spelling, `description` is a sentence for the log of the charge point without
    anything from the message, cut at 255 characters; `details` is the JSON object of the fifth element.
    """

    def __init__(self, code: str, description: str = "", details: dict[str, Any] | None = None) -> None:
        """Name the error; see the class."""
        super().__init__(code, description)
        self.code = code
        self.description = description[:MAX_DESCRIPTION_LENGTH]
        self.details: dict[str, Any] = {} if details is None else details
