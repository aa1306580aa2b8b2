"""For whoever runs it: is it alive, is it ready, what are its figures."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping

import orjson
import structlog
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.responses import Response

from sliproad.foundation.telemetry import SHARED_FIGURES

log = structlog.get_logger()
ReadinessCheck = Callable[[], Awaitable[None]]
PATIENCE_SECONDS = 2.0


def router(readiness: Mapping[str, ReadinessCheck], registry: CollectorRegistry) -> APIRouter:
    """`/healthz` (this process answers), `/readyz` (each part in `readiness` works: a check raises when not), `/metrics`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/healthz")
    async def healthz() -> Response:
        return Response(b'{"status":"alive"}', media_type="application/json")

    @api.get("/readyz")
    async def readyz() -> Response:
        parts = await states(readiness)
        is_ready = all(state == "ready" for state in parts.values())
        body = {"status": "ready" if is_ready else "not_ready", "parts": parts}
        return Response(orjson.dumps(body), 200 if is_ready else 503, media_type="application/json")

    @api.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(_whole(registry)), media_type=CONTENT_TYPE_LATEST)

    return api


async def states(readiness: Mapping[str, ReadinessCheck]) -> dict[str, str]:
    """Each part's name -> `ready` or `not_ready`; all are asked at once, none for longer than two seconds."""
    return dict(zip(readiness, await asyncio.gather(*map(_state, readiness, readiness.values())), strict=True))


def _whole(registry: CollectorRegistry) -> CollectorRegistry:
    """The figures of this process, or of all that share the port: whoever asks can't choose which of them answers."""
    if SHARED_FIGURES not in os.environ:
        return registry
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together


async def _state(name: str, check: ReadinessCheck) -> str:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await check()
    except Exception as error:  # noqa: BLE001 (whatever it was, that part is not ready)
        log.warning("part_not_ready", part=name, error=str(error) or type(error).__name__)
        return "not_ready"
    return "ready"
