"""The layer that answers a repeated POST with its first answer; the records are in `idempotency`."""

import re
from typing import Protocol

from fastapi import Request
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sliproad.foundation.errors import FieldError
from sliproad.foundation.web.idempotency import Attempt, IdempotencyRecords, StoredAnswer
from sliproad.foundation.web.prefixes import APIS
from sliproad.foundation.web.problems import invalid

HEADER = "Idempotency-Key"
SANE_KEY = re.compile(r"[\x21-\x7e]{1,255}")
KEPT_HEADERS = frozenset({"content-type", "location", "etag"})
LARGEST_KEPT = 1024 * 1024


class Identifies(Protocol):
    """What the web plumbing needs to know of who asks; `accounts.guards.Guards` is it."""

    async def identify(self, request: Request) -> str | None:
        """A stable key of the actor, None for nobody known."""
        ...


def is_covered(method: str, path: str) -> bool:
    """Whether a repetition is recognised here: POSTs of the APIs, but not logins, whose answers are never kept."""
    return method == "POST" and path.startswith(APIS) and not path.endswith(("/login", "/logout"))


class IdempotencyMiddleware:
    """Runs a POST that carries a key at most once per actor and key."""

    def __init__(self, app: ASGIApp, *, records: IdempotencyRecords, guards: Identifies) -> None:
        self.app = app
        self.records = records
        self.guards = guards

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = Headers(scope=scope).get(HEADER) if scope["type"] == "http" else None
        if key is None or not is_covered(scope["method"], scope["path"]):
            await self.app(scope, receive, send)
            return
        if not SANE_KEY.fullmatch(key):
            refusal = invalid(scope, FieldError(HEADER, "must be 1 to 255 visible ASCII characters"))
            await refusal(scope, receive, send)
            return
        if scope.get("state", {}).get("streamed"):  # an upload is known by its length: its body passes by once only
            length = Headers(scope=scope).get("content-length", "")
            first: Message = {"body": length.encode()}
            inner = receive
        else:
            first = await receive()  # BodyGuard hands the body on in one piece
            inner = once(first, receive)
        target = scope["path"] + "?" + scope["query_string"].decode("latin-1")
        actor = await self.guards.identify(Request(scope)) or "nobody"
        attempt = Attempt(actor, key, scope["method"], target, first.get("body", b""))
        if (stored := await self.records.claim(attempt)) is not None:
            await respond(stored, is_replayed=True)(scope, receive, send)
            return
        answer = await self._run(attempt, scope, inner)
        await respond(answer)(scope, receive, send)

    async def _run(self, attempt: Attempt, scope: Scope, receive: Receive) -> StoredAnswer:
        recorder = Recorder()
        try:
            await self.app(scope, receive, recorder.send)
        except Exception:
            await self.records.release(attempt)
            raise
        answer = recorder.answer()
        if 200 <= answer.status < 300 and len(answer.body) <= LARGEST_KEPT:
            kept = tuple((name, value) for name, value in answer.headers if name in KEPT_HEADERS)
            await self.records.keep(attempt, StoredAnswer(answer.status, kept, answer.body))
        else:
            await self.records.release(attempt)
        return answer


class Recorder:
    """Takes an answer in instead of sending it: it goes out only when it is kept."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: tuple[tuple[str, str], ...] = ()
        self.parts: list[bytes] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = tuple(
                (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in message["headers"]
            )
        elif message["type"] == "http.response.body":
            self.parts.append(message.get("body", b""))

    def answer(self) -> StoredAnswer:
        return StoredAnswer(self.status, self.headers, b"".join(self.parts))


def once(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def respond(answer: StoredAnswer, *, is_replayed: bool = False) -> Response:
    """An answer as it goes out, now or again."""
    made = Response(answer.body, answer.status)
    kept = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers if name != "content-length"
    ]
    made.raw_headers = [pair for pair in made.raw_headers if pair[0] == b"content-length"] + kept
    if is_replayed:
        made.headers["Idempotency-Replayed"] = "true"
    return made
