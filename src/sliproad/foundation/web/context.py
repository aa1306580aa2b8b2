"""The outermost layer of every request: its id, its log line, its metrics, its security headers, and the last catch of errors."""

import re
import time
from collections.abc import Mapping

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sliproad.foundation.errors import DomainError
from sliproad.foundation.ids import new_id
from sliproad.foundation.web import problems
from sliproad.foundation.web.prefixes import APIS

log = structlog.get_logger()
SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; script-src 'self'; connect-src 'self';"
    " worker-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(self), microphone=()",
}


class HttpMetrics:
    """How many requests, how they ended, how long they took; by route, never by address, so that the labels stay few."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("method", "route", "status")
        self.requests = Counter("sliproad_http_requests", "HTTP requests answered.", labels, registry=registry)
        self.seconds = Histogram(
            "sliproad_http_request_seconds", "Time to answer.", ("method", "route"), registry=registry
        )

    def record(self, method: str, route: str, status: int, seconds: float) -> None:
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(method, route).observe(seconds)


class RequestContext:
    """Gives a request its id (`X-Request-ID`, ours or a sane one of the client's) and sees it to its end."""

    def __init__(self, app: ASGIApp, *, metrics: HttpMetrics, is_https: bool) -> None:
        self.app = app
        self.metrics = metrics
        self.is_https = is_https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if SANE_REQUEST_ID.fullmatch(given) else new_id("req")
        scope.setdefault("state", {})["request_id"] = request_id
        status, began = 0, time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(scope, MutableHeaders(scope=message), request_id)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_with_headers)
            except DomainError as error:  # a middleware refused
                await problems.response_of(scope, error)(scope, receive, send_with_headers)
            except Exception as error:  # the last catch: whatever it was, the client gets a problem
                if status:  # the answer has begun; only the log can tell
                    log.exception("answer_broken_off")
                    return
                await problems.internal_error(scope, error)(scope, receive, send_with_headers)
            finally:
                self._record(scope, status, time.perf_counter() - began)

    def _add_headers(self, scope: Scope, headers: MutableHeaders, request_id: str) -> None:
        headers.setdefault("X-Request-ID", request_id)  # OCPI echoes what it was given, whatever it is
        for name, value in SECURITY_HEADERS.items():
            headers.setdefault(name, value)
        is_page = headers.get("content-type", "").startswith("text/html")
        headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY if is_page else "frame-ancestors 'none'")
        if self.is_https:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if scope["path"].startswith(APIS) or is_page:
            headers.setdefault("Cache-Control", "no-store")

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        method = (
            scope["method"]
            if scope["method"] in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
            else "other"
        )
        self.metrics.record(method, route, status, seconds)
        if scope["path"] not in QUIET:
            actor = scope["state"].get("actor")
            log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1), actor=actor)
