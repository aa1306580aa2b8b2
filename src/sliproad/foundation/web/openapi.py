"""The API's own description: OpenAPI 3.1, with the errors as they really are.

What FastAPI generates is corrected: no 422 (ours are 400), every error is a problem document with an example, and POSTs that
may be repeated say so. `reference` shows it.
"""

import re
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from sliproad.foundation.web.idempotent_posts import HEADER, is_covered
from sliproad.foundation.web.prefixes import APIS
from sliproad.foundation.web.problems import MEDIA_TYPE, Problem

DESCRIPTION = """Takes a charge point from the box to the road: commissioning, connections and roaming.

Errors are RFC 9457 problem documents with a stable `code`. Times are RFC 3339 in UTC. Lists take `limit` and `cursor`."""
METHODS = frozenset({"get", "post", "put", "patch", "delete"})
EXAMPLES: dict[str, tuple[str, str, str]] = {
    "400": ("validation_error", "Bad Request", "email is not an e-mail address"),
    "401": ("unauthorized", "Unauthorized", "This access token has expired. Log in again."),
    "403": ("forbidden", "Forbidden", "This needs the role owner or manager, or an API key of scope cpo."),
    "404": ("not_found", "Not Found", "There is no such project."),
    "409": ("conflict", "Conflict", "The state does not permit it now."),
    "413": ("content_too_large", "Content Too Large", "The body is larger than 1048576 bytes."),
    "415": ("unsupported_media_type", "Unsupported Media Type", "Send the body as application/json in UTF-8."),
    "429": ("rate_limited", "Too Many Requests", "Too many requests of this kind. Wait and try again."),
}
IDEMPOTENCY_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Repeat the request with the same value and body, and get the first answer again, for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


def install(app: FastAPI) -> None:
    """Replace the application's `openapi()`."""

    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe(app)
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of all routes."""
    schema = get_openapi(
        title=app.title, version=app.version, summary="EV charging: commissioning to roaming", description=DESCRIPTION,
        routes=app.routes, servers=app.servers, contact=app.contact,
    )  # fmt: skip
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    for phantom in ("HTTPValidationError", "ValidationError"):
        schemas.pop(phantom, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    for path, method, operation in operations(schema):
        _correct(path, method, operation)
    return schema


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(path, method, operation) of all operations, in order."""
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def _correct(path: str, method: str, operation: dict[str, Any]) -> None:
    if description := operation.get("description", ""):  # its first sentence says more than the function's name
        operation["summary"] = re.split(r"\.(?=\s|$)", description.strip(), maxsplit=1)[0].replace("\n", " ")
    responses = operation["responses"]
    phantom = responses.get("422", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if phantom.get("$ref", "").endswith("HTTPValidationError"):
        del responses["422"]
    parameters = operation.get("parameters", [])
    if not path.startswith(APIS):
        return
    expected = {"400"} if parameters or "requestBody" in operation else set()
    expected |= {"413", "415"} if "requestBody" in operation else set()
    expected |= {"401", "403"} if operation.get("security") else set()
    expected |= {"404"} if "{" in path else set()
    if is_covered(method.upper(), path):
        operation["parameters"] = [*parameters, IDEMPOTENCY_PARAMETER]
        expected |= {"400", "409"}
    for status in sorted(expected):
        responses.setdefault(status, problem_description(status))
    responses.setdefault("default", {"description": "Any other error", "content": _content(None)})


def problem_description(status: str) -> dict[str, Any]:
    """How a problem of this status is described; routes may pass it in `responses=` for statuses of their own."""
    return {"description": EXAMPLES[status][1], "content": _content(status)}


def _content(status: str | None) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Problem"}}
    if status:
        code, title, detail = EXAMPLES[status]
        media["example"] = {
            "type": f"urn:sliproad:problem:{code}",
            "title": title,
            "status": int(status),
            "detail": detail,
            "code": code,
            "request_id": "req_3q2vz8m1x0c4n7b5k9d6",
        }
        if status == "400":
            media["example"]["errors"] = [{"field": "email", "message": "is not an e-mail address"}]
    return {MEDIA_TYPE: media}
