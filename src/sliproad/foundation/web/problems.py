"""The one place where errors become HTTP: RFC 9457 problem details, with the codes of contract §1.

`create_app` registers the handlers; middlewares answer with `problem_response` too, so that no error looks different. A browser that asks
for a page outside `/api/` gets the same error as a page.
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope as AsgiScope

from sliproad.foundation import errors
from sliproad.foundation.errors import DomainError, FieldError
from sliproad.foundation.language import marked
from sliproad.foundation.web.prefixes import APIS
from sliproad.foundation.web.ui.answers import see_other

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
STATUS: Mapping[type[DomainError], int] = {
    errors.InvalidInput: 400,
    errors.Unauthenticated: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Unprocessable: 422,
    errors.TooMany: 429,
    errors.UpstreamUnavailable: 502,
}
STATUS_OF_CODE = {"charge_point_timeout": 504}
CODE_OF_STATUS = {
    400: "validation_error",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
}
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeoutError)


class WrongField(BaseModel):
    """One wrong field of a `validation_error`."""

    field: str = Field(examples=["location.latitude"])
    message: str = Field(examples=["must be at most 90"])


class Problem(BaseModel):
    """Why a request was refused (RFC 9457). `code` is the word that programs read."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:sliproad:problem:not_found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no such project."])
    code: str = Field(examples=["not_found"])
    request_id: str = Field(examples=["req_3q2vz8m1x0c4n7b5k9d6"])
    errors: list[WrongField] | None = Field(default=None, description="Every wrong field of a `validation_error`.")
    candidates: list[str] | None = Field(
        default=None, description="What could have been meant, where a name is not enough."
    )
    missing: list[str] | None = Field(default=None, description="What is missing, where something is not ready.")


def problem_response(
    scope: AsgiScope,
    status: int,
    code: str,
    detail: str,
    *,
    wrong: Sequence[FieldError] = (),
    missing: Sequence[str] = (),
    candidates: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer to `scope`'s request: a problem document, or a page for a browser that asked for one."""
    body: dict[str, Any] = {
        "type": f"urn:sliproad:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": scope.get("state", {}).get("request_id", ""),
    }
    if code == "validation_error":
        body["errors"] = [{"field": error.field, "message": error.message} for error in wrong]
    if missing:
        body["missing"] = list(missing)
    if candidates:
        body["candidates"] = list(candidates)
    if _wants_page(scope):
        pages = scope["app"].state.pages
        return cast(
            "Response",
            pages.render(
                Request(scope),
                "problem.html",
                status_code=status,
                headers=headers,
                problem=body,
                wait=(headers or {}).get("Retry-After"),
            ),
        )
    return Response(orjson.dumps(body), status, headers, MEDIA_TYPE)


def response_of(scope: AsgiScope, error: DomainError) -> Response:
    """What a domain error looks like to an HTTP client."""
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return internal_error(scope, error)
    headers = {}
    if status == HTTPStatus.UNAUTHORIZED and _wants_page(scope):
        return _way_to_login(Request(scope))
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if (wait := getattr(error, "retry_after_seconds", None)) is not None:
        headers["Retry-After"] = str(wait)
    return problem_response(
        scope,
        STATUS_OF_CODE.get(error.code, status),
        error.code,
        error.detail,
        wrong=getattr(error, "errors", ()),
        missing=getattr(error, "missing", ()),
        candidates=getattr(error, "candidates", ()),
        headers=headers,
    )


def _way_to_login(request: Request) -> Response:
    """Nobody is signed in: to the log-in, and from there back to what was asked for. A live part only learns that it is over."""
    if "text/event-stream" in request.headers.get("accept", ""):
        return Response(status_code=401)
    place = urlsplit(request.headers.get("hx-current-url", "")) if request.method != "GET" else request.url
    back = f"{place.path}?{place.query}" if place.query else place.path
    return see_other(request, f"/login?{urlencode({'next': back})}" if back else "/login")


def invalid(scope: AsgiScope, *wrong: FieldError) -> Response:
    """A `validation_error` naming these fields."""
    detail = "; ".join(f"{error.field} {error.message}" for error in wrong[:3]) + ("; …" if len(wrong) > 3 else "")
    return problem_response(scope, 400, "validation_error", detail, wrong=wrong)


def internal_error(scope: AsgiScope, error: Exception) -> Response:
    """A 500 tells nothing of our insides; the log does, under the same request id. A database that is away is a 503."""
    if isinstance(error, DataError):
        return invalid(scope, FieldError("body", "holds a value that is out of range"))
    if isinstance(error, DATABASE_AWAY):
        log.warning("database_away", error=type(error).__name__)
        sentence = marked("The database can't be reached just now. Try again in a moment.")
        return problem_response(scope, 503, "service_unavailable", sentence, headers={"Retry-After": "1"})
    log.error("request_failed", exc_info=error)
    return problem_response(
        scope,
        500,
        "internal_error",
        marked("Something went wrong on our side. Quote the request id when you report it."),
    )


def install(app: FastAPI) -> None:
    """Register the handlers: every error of a route leaves as a problem."""

    async def domain_error(request: Request, error: Exception) -> Response:
        return response_of(request.scope, cast("DomainError", error))

    async def validation_error(request: Request, error: Exception) -> Response:
        return invalid(request.scope, *map(field_error, cast("RequestValidationError", error).errors()))

    async def http_error(request: Request, error: Exception) -> Response:
        error = cast("HTTPException", error)
        code = CODE_OF_STATUS.get(error.status_code, re.sub(r"\W+", "_", HTTPStatus(error.status_code).phrase.lower()))
        detail = SENTENCES.get(error.status_code, error.detail)
        return problem_response(request.scope, error.status_code, code, detail, headers=error.headers)

    app.add_exception_handler(DomainError, domain_error)
    app.add_exception_handler(RequestValidationError, validation_error)
    app.add_exception_handler(HTTPException, http_error)


TITLES = (
    marked("Bad Request"), marked("Unauthorized"), marked("Forbidden"), marked("Not Found"), marked("Method Not Allowed"),
    marked("Conflict"), marked("Unprocessable Content"), marked("Too Many Requests"), marked("Internal Server Error"),
    marked("Bad Gateway"), marked("Service Unavailable"), marked("Gateway Timeout"),
)  # fmt: skip
"""What pages call them in other languages."""
SENTENCES = {
    400: marked("The body can't be read."),
    404: marked("There is nothing at this address."),
    405: marked("This address does not answer this method."),
}


def field_error(error: Mapping[str, Any]) -> FieldError:
    """One of pydantic's errors as our own: `("body", "location", "latitude")` becomes `location.latitude`."""
    kind, place = error["type"], [str(part) for part in error["loc"]]
    if kind == "json_invalid":
        return FieldError("body", "is not valid JSON")
    field = ".".join(place[1:]) or place[0]
    if kind == "missing":
        return FieldError(field, "is required")
    if kind == "extra_forbidden":
        return FieldError(field, "is not a field that this request knows")
    message = str(error["msg"]).removeprefix("Value error, ")
    return FieldError(field, message[:1].lower() + message[1:])


def _wants_page(scope: AsgiScope) -> bool:
    if scope["path"].startswith((*APIS, "/.well-known/", "/ocpi/")) or "app" not in scope:
        return False
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return b"text/html" in accept
