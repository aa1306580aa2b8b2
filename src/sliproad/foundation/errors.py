"""The handful of ways in which a use case can refuse. Services raise them; each edge (REST, OCPP, OCPI) has one table that maps them.

An error carries a `code`, the stable word that a program reads, and a sentence that a person reads. It knows no HTTP status.

    DomainError
    ├── InvalidInput            the request itself is wrong (fields)
    ├── Unauthenticated         nobody, or nobody we know
    ├── NotAllowed              known, but may not
    ├── NotFound                absent, or another tenant's: the two look the same
    ├── Conflict                the state does not permit it now
    ├── Unprocessable           well-formed, but will never be possible in this state
    ├── TooMany                 a limit; try again later
    └── UpstreamUnavailable     a charge point, partner or service did not do its part
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: its dotted path in the body (`location.latitude`) or parameter name, and what is wrong with it."""

    field: str
    message: str


class DomainError(Exception):
    """Why a use case refused: `code` for programs, `detail` for people."""

    code = "error"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code


class InvalidInput(DomainError):
    code = "validation_error"

    def __init__(self, detail: str, errors: tuple[FieldError, ...] = (), *, code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.errors = errors

    @classmethod
    def field(cls, field: str, message: str) -> "InvalidInput":
        """One wrong field."""
        return cls(f"{field}: {message}", (FieldError(field, message),))


class Unauthenticated(DomainError):
    code = "unauthorized"


class NotAllowed(DomainError):
    code = "forbidden"

    def __init__(self, detail: str, *, code: str | None = None, missing: tuple[str, ...] = ()) -> None:
        super().__init__(detail, code=code)
        self.missing = missing


class NotFound(DomainError):
    code = "not_found"


class Conflict(DomainError):
    code = "conflict"

    def __init__(self, detail: str, *, code: str | None = None, candidates: tuple[str, ...] = ()) -> None:
        """`candidates`: the ids of what could have been meant."""
        super().__init__(detail, code=code)
        self.candidates = candidates


class Unprocessable(DomainError):
    code = "unprocessable"


class TooMany(DomainError):
    code = "rate_limited"

    def __init__(self, detail: str, *, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class UpstreamUnavailable(DomainError):
    code = "upstream_unavailable"
