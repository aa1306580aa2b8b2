"""OCPI's own status codes (OCPI 2.2.1 §5), and the error that carries one to the envelope."""

from enum import IntEnum


class StatusCode(IntEnum):
    """Four digits in every answer, apart from the status of HTTP."""

    SUCCESS = 1000
    CLIENT_ERROR = 2000
    INVALID_PARAMETERS = 2001
    NOT_ENOUGH_INFORMATION = 2002
    UNKNOWN_LOCATION = 2003
    UNKNOWN_TOKEN = 2004
    SERVER_ERROR = 3000
    UNUSABLE_API = 3001
    UNSUPPORTED_VERSION = 3002
    NO_MATCHING_ENDPOINTS = 3003
    HUB_ERROR = 4000
    UNKNOWN_RECEIVER = 4001
    TIMEOUT = 4002
    CONNECTION_PROBLEM = 4003


class OcpiError(Exception):
    """Why a request is refused: OCPI's code, a sentence for `status_message`, and the status of HTTP (§5: 200 unless transport failed)."""

    def __init__(self, code: StatusCode, message: str, *, http_status: int = 200) -> None:
        super().__init__(message)
        self.code, self.message, self.http_status = code, message, http_status


class InvalidParameters(OcpiError):
    """2001: the message names what is wrong."""

    def __init__(self, message: str, *, http_status: int = 200) -> None:
        super().__init__(StatusCode.INVALID_PARAMETERS, message, http_status=http_status)


class NotKnown(OcpiError):
    """A GET of what is not there: HTTP 404 (§5)."""

    def __init__(self, message: str, *, code: StatusCode = StatusCode.CLIENT_ERROR) -> None:
        super().__init__(code, message, http_status=404)


class Unauthorized(OcpiError):
    """No token, one that nobody has, or a registration token where it does not count: HTTP 401 (§4.1.2)."""

    def __init__(self, message: str = "Send the header `Authorization: Token …` with a credentials token.") -> None:
        super().__init__(StatusCode.CLIENT_ERROR, message, http_status=401)


class MethodNotAllowed(OcpiError):
    """HTTP 405: the interface has no such method, or the state of the registration does not permit it (§7.2)."""

    def __init__(self, message: str, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(StatusCode.CLIENT_ERROR, message, http_status=405)
        self.allowed = allowed
