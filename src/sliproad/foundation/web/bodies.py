"""Nothing odd in a request reaches a route: size, type, encoding and shape are checked first (contract §1).

Python's own JSON reader takes NaN, lone surrogates and any depth; PostgreSQL takes no U+0000. Each is a clean 4xx here.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sliproad.foundation.errors import FieldError
from sliproad.foundation.language import marked
from sliproad.foundation.web.prefixes import COMMENTED
from sliproad.foundation.web.problems import invalid, problem_response

MAX_BODY_BYTES = 1024 * 1024
COMMENT = re.compile(rb'("(?:\\.|[^"\\])*"?)|//[^\n]*')
"""A text, which stays, or a comment. A text without an end is one too, or looking for its end would begin anew at each quote."""
DEEPEST = 64
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class TooLarge(Exception):
    """More came than is taken."""


class Disconnected(Exception):
    """The client went away before its request was whole."""


class Streamed(NamedTuple):
    """Where a route reads the body itself, bit by bit: it counts the bytes, and nothing is held in memory.

    `place` is a regular expression for the beginning of the path; with `forms_only`, anything but a form (multipart) is read and
    checked like any other body.
    """

    place: str
    forms_only: bool = False


class BodyGuard:
    """Reads the body (at most 1 MiB), checks what is meant as JSON, and hands the same bytes on.

    Where files are uploaded, more is taken, and a form (multipart) or a sheet (CSV) in place of JSON.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        json_prefixes: tuple[str, ...],
        max_bytes: int = MAX_BODY_BYTES,
        larger_bodies: Mapping[str, int] | None = None,
        streamed: Sequence[Streamed] = (),
    ) -> None:
        """`larger_bodies` says where files are uploaded: a regular expression for the beginning of a path -> how many bytes.

        `streamed` says where routes read the body themselves.
        """
        self.app = app
        self.json_prefixes = json_prefixes
        self.max_bytes = max_bytes
        self.larger_bodies = [(re.compile(place), most) for place, most in (larger_bodies or {}).items()]
        self.streamed = [(re.compile(each.place), each.forms_only) for each in streamed]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal, body = _refuse_address(scope), b""
        if refusal is None and self._is_streamed(scope, headers):
            scope.setdefault("state", {})["streamed"] = True
            await self.app(scope, receive, send)
            return
        larger = [most for place, most in self.larger_bodies if place.match(scope["path"])]
        max_bytes = max([self.max_bytes, *larger])
        if refusal is None:
            try:
                body = await self._read(headers, receive, max_bytes)
            except Disconnected:
                return
            except TooLarge:
                sentence = f"The body is larger than {max_bytes} bytes."
                refusal = problem_response(scope, 413, "content_too_large", sentence, headers={"Connection": "close"})
        if refusal is None and scope["path"].startswith(COMMENTED):
            body = without_comments(body)
        if refusal is None:
            refusal = self._refuse(scope, headers, body, takes_forms=bool(larger))
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self.app(scope, _replay(body, receive), send)

    def _is_streamed(self, scope: Scope, headers: Headers) -> bool:
        is_form = headers.get("content-type", "").lower().startswith("multipart/form-data")
        return any((is_form or not forms_only) and place.match(scope["path"]) for place, forms_only in self.streamed)

    async def _read(self, headers: Headers, receive: Receive, max_bytes: int) -> bytes:
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > max_bytes:
            raise TooLarge
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            more = message.get("more_body", False)
            if size > max_bytes:
                raise TooLarge
        return b"".join(parts)

    def _refuse(self, scope: Scope, headers: Headers, body: bytes, *, takes_forms: bool) -> Response | None:
        if headers.get("content-encoding", "identity") != "identity":
            return problem_response(scope, 415, "unsupported_media_type", "Send the body without compression.")
        if not scope["path"].startswith(self.json_prefixes):
            return _refuse_foreign_form(scope, headers)
        if not body:
            return None
        media_type, _, parameters = headers.get("content-type", "").lower().partition(";")
        if takes_forms and media_type.strip() in {"multipart/form-data", "text/csv"}:
            return None
        is_json = media_type.strip() == "application/json" or media_type.strip().endswith("+json")
        charset = parameters.partition("charset=")[2].strip(' "')
        if not is_json or charset not in {"", "utf-8", "utf8"}:
            return problem_response(scope, 415, "unsupported_media_type", "Send the body as application/json in UTF-8.")
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            return invalid(
                scope, FieldError("body", f"is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})")
            )
        wrong = tuple(_wrong_texts(value))
        return invalid(scope, *wrong) if wrong else None


def without_comments(body: bytes) -> bytes:
    """JSON without the comments from `//` to the ends of lines; what is inside of strings stays."""
    return COMMENT.sub(lambda found: found[1] or b"", body) if b"//" in body else body


def _replay(body: bytes, receive: Receive) -> Receive:
    """`receive` for the inner application: the body once, then whatever the client does next."""
    waiting = [body]

    async def replay() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replay


def _refuse_address(scope: Scope) -> Response | None:
    if "\0" in scope["path"]:
        return problem_response(scope, 404, "not_found", "There is nothing at this address.")
    if b"%00" in scope["query_string"] or b"\0" in scope["query_string"]:
        return invalid(scope, FieldError("query", "must not contain U+0000"))
    return None


def _refuse_foreign_form(scope: Scope, headers: Headers) -> Response | None:
    """A browser's form must come from our own pages (trust D3). Programs send neither header, and no cookies."""
    if scope["method"] not in UNSAFE:
        return None
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    is_foreign = site not in {None, "same-origin", "none"} or (
        site is None and (urlsplit(origin).netloc != headers.get("host") if origin else "cookie" in headers)
    )
    if not is_foreign:
        return None
    return problem_response(
        scope, 403, "forbidden", marked("This form was sent from another site. Open the page here and try again.")
    )


def _wrong_texts(value: Any) -> Iterator[FieldError]:
    """Where a U+0000 hides, or what is nested too deep."""
    waiting: list[tuple[str, int, Any]] = [("", 0, value)]
    while waiting:
        path, depth, item = waiting.pop()
        if depth > DEEPEST:
            yield FieldError(path.split(".")[0] or "body", f"is nested deeper than {DEEPEST} levels")
            return
        if isinstance(item, str):
            if "\0" in item:
                yield FieldError(path or "body", "must not contain U+0000")
        elif isinstance(item, dict):
            for name, inner in item.items():
                if "\0" in name:
                    yield FieldError(path or "body", "must not contain U+0000 in a field's name")
                else:
                    waiting.append((f"{path}.{name}".lstrip("."), depth + 1, inner))
        elif isinstance(item, list):
            waiting.extend((f"{path}.{index}".lstrip("."), depth + 1, inner) for index, inner in enumerate(item))
