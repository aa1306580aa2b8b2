"""The API's reference: `/openapi.json` for programs; `/docs` for people, made on the server from the same document.

Chapters by tag; each operation with its fields and a worked example. Nothing is loaded from elsewhere, and no script is needed.
"""

from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from sliproad.foundation.web.openapi import operations
from sliproad.foundation.web.ui import Pages

DEEPEST_EXAMPLE = 6


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter or a field of a body."""

    name: str
    place: str
    kind: str
    is_required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    description: str
    example: str | None


@dataclass(frozen=True, slots=True)
class Operation:
    anchor: str
    method: str
    path: str
    summary: str
    description: str
    credentials: tuple[str, ...]
    fields: tuple[Field, ...]
    request_example: str | None
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    name: str
    anchor: str
    operations: tuple[Operation, ...]


def chapters(schema: dict[str, Any]) -> list[Chapter]:
    """The operations by their first tag, in the order of the document."""
    found: dict[str, list[Operation]] = {}
    for path, method, operation in operations(schema):
        found.setdefault((operation.get("tags") or ["other"])[0], []).append(
            _operation(schema, path, method, operation)
        )
    return [Chapter(name, name.replace(" ", "-"), tuple(entries)) for name, entries in found.items()]


def _operation(schema: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Operation:
    body = _json_schema(operation.get("requestBody", {}))
    answers = tuple(
        Answer(status, answer["description"], _text(_example_of(schema, answer)))
        for status, answer in operation["responses"].items()
    )
    return Operation(
        anchor=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        credentials=tuple(name for requirement in operation.get("security", []) for name in requirement),
        fields=(*_parameters(schema, operation), *_fields(schema, body)),
        request_example=_text(example(schema, body)) if body else None,
        answers=answers,
    )


def _parameters(schema: dict[str, Any], operation: dict[str, Any]) -> list[Field]:
    return [
        Field(
            each["name"],
            each["in"],
            _kind(schema, each["schema"]),
            each.get("required", False),
            each.get("description", ""),
        )
        for each in operation.get("parameters", [])
    ]


def _fields(schema: dict[str, Any], body: dict[str, Any] | None) -> list[Field]:
    if not body:
        return []
    resolved = _resolve(schema, body)
    required = resolved.get("required", [])
    return [
        Field(name, "body", _kind(schema, field), name in required, field.get("description", ""))
        for name, field in resolved.get("properties", {}).items()
    ]


def _json_schema(content_holder: dict[str, Any]) -> dict[str, Any] | None:
    content = content_holder.get("content", {})
    return next((media["schema"] for kind, media in content.items() if "json" in kind and "schema" in media), None)


def _example_of(schema: dict[str, Any], answer: dict[str, Any]) -> Any:
    for kind, media in answer.get("content", {}).items():
        if "json" in kind:
            return media["example"] if "example" in media else example(schema, media.get("schema", {}))
    return None


def _resolve(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in part:
        part = schema["components"]["schemas"][part["$ref"].rpartition("/")[2]]
    for choice in part.get("anyOf", part.get("oneOf", [])):
        if choice.get("type") != "null":
            return {
                **_resolve(schema, choice),
                **{k: v for k, v in part.items() if k in {"description", "examples", "default"}},
            }
    return part


def _kind(schema: dict[str, Any], part: dict[str, Any]) -> str:
    resolved = _resolve(schema, part)
    if "enum" in resolved:
        return " | ".join(map(str, resolved["enum"]))
    if "const" in resolved:
        return str(resolved["const"])
    if resolved.get("type") == "array":
        return f"list of {_kind(schema, resolved.get('items', {}))}"
    return str(resolved.get("format") or resolved.get("type", "any"))


def example(schema: dict[str, Any], part: dict[str, Any], depth: int = 0) -> Any:
    """A worked example of a schema, from its own examples where it has some."""
    resolved = _resolve(schema, part)
    if examples := resolved.get("examples"):
        return examples[0]
    if "enum" in resolved:
        return resolved["enum"][0]
    for given in ("const", "default"):
        if resolved.get(given) is not None:
            return resolved[given]
    kind = resolved.get("type")
    if depth > DEEPEST_EXAMPLE:
        return None
    if kind == "object":
        return {name: example(schema, inner, depth + 1) for name, inner in resolved.get("properties", {}).items()}
    if kind == "array":
        return [example(schema, resolved.get("items", {}), depth + 1)]
    by_format = {"date-time": "2026-05-01T10:23:00Z", "uri": "https://cpo.example/hooks"}
    plain = {"string": by_format.get(resolved.get("format", ""), "text"), "integer": 1, "number": 1.5, "boolean": True}
    return plain.get(str(kind))


def _text(value: Any) -> str | None:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() if value is not None else None


def router() -> APIRouter:
    """`/openapi.json` and `/docs`."""
    api = APIRouter(include_in_schema=False)
    known: list[Chapter] = []

    @api.get("/openapi.json")
    async def document(request: Request) -> Response:
        return Response(orjson.dumps(request.app.openapi()), media_type="application/json")

    @api.get("/docs")
    async def reference(request: Request) -> Response:
        schema = request.app.openapi()
        if not known:  # once: the document is the same as long as the process lives
            known.extend(chapters(schema))
        pages: Pages = request.app.state.pages
        return pages.render(request, "reference.html", info=schema["info"], chapters=known)

    return api
