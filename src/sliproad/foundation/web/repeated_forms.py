"""The layer that lets a page's form count once, however often it is sent: a thumb that presses twice, a phone that tries again.

A form carries a key in its address (`?once=…`, made when the page was). The same key with the same content gets the first answer again;
the same page sent with other content is another act. While the first is still running, the second waits for its answer.
"""

import asyncio
import hashlib
import re
from urllib.parse import parse_qs

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from sliproad.foundation.web.idempotency import Attempt, IdempotencyRecords, InProgress, StoredAnswer
from sliproad.foundation.web.idempotent_posts import LARGEST_KEPT, Identifies, Recorder, once, respond
from sliproad.foundation.web.prefixes import APIS

SANE_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")
KEPT_HEADERS = frozenset({"content-type", "location", "hx-redirect", "set-cookie"})
LOOK_AGAIN_SECONDS = 0.1
PATIENCE_SECONDS = 15.0


class RepeatedForms:
    """See the module."""

    def __init__(self, app: ASGIApp, *, records: IdempotencyRecords, guards: Identifies) -> None:
        self.app = app
        self.records = records
        self.guards = guards

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = key_of(scope)
        if key is None:
            await self.app(scope, receive, send)
            return
        first = await receive()  # BodyGuard hands the body on in one piece
        content = hashlib.sha256(without_boundary(scope, first.get("body", b""))).hexdigest()
        actor = await self.guards.identify(Request(scope)) or "nobody"
        attempt = Attempt(actor, f"{key}:{content}", "POST", scope["path"], b"")
        if (stored := await self._claim(attempt)) is not None:
            await respond(stored, is_replayed=True)(scope, receive, send)
            return
        recorder = Recorder()
        try:
            await self.app(scope, once(first, receive), recorder.send)
        except BaseException:
            await self.records.release(attempt)
            raise
        answer = recorder.answer()
        if answer.status < 400 and len(answer.body) <= LARGEST_KEPT:
            kept = tuple((name, value) for name, value in answer.headers if name in KEPT_HEADERS)
            await self.records.keep(attempt, StoredAnswer(answer.status, kept, answer.body))
        else:
            await self.records.release(attempt)
        await respond(answer)(scope, receive, send)

    async def _claim(self, attempt: Attempt) -> StoredAnswer | None:
        """As `IdempotencyRecords.claim`, but with patience while the first is still running."""
        waited = 0.0
        while True:
            try:
                return await self.records.claim(attempt)
            except InProgress:
                if waited >= PATIENCE_SECONDS:
                    raise
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            waited += LOOK_AGAIN_SECONDS


def key_of(scope: Scope) -> str | None:
    """The key of a page's form; None where there is none to heed."""
    if scope["type"] != "http" or scope["method"] != "POST" or scope["path"].startswith(APIS):
        return None
    if scope.get("state", {}).get("streamed"):
        return None
    key = parse_qs(scope["query_string"].decode("latin-1")).get("once", [""])[0]
    return key if SANE_KEY.fullmatch(key) else None


def without_boundary(scope: Scope, body: bytes) -> bytes:
    """A form's content without the random text that a browser puts between its parts (RFC 7578 §4.1), new each time it is sent."""
    kind = Headers(scope=scope).get("content-type", "")
    _, found, boundary = kind.partition("boundary=")
    return body.replace(boundary.strip('"; ').encode("latin-1"), b"") if found and boundary else body
