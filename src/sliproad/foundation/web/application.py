"""Puts the web application together: routers of the features inside, the plumbing's layers around them. `app/wiring.py` calls it."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import Lifespan

from sliproad.foundation.bus import Bus
from sliproad.foundation.web import health, openapi, page_layer, problems, reference
from sliproad.foundation.web.bodies import BodyGuard, Streamed
from sliproad.foundation.web.context import HttpMetrics, RequestContext
from sliproad.foundation.web.health import ReadinessCheck
from sliproad.foundation.web.idempotency import IdempotencyRecords
from sliproad.foundation.web.idempotent_posts import IdempotencyMiddleware, Identifies
from sliproad.foundation.web.live import LiveParts
from sliproad.foundation.web.page_layer import PageLayer
from sliproad.foundation.web.prefixes import APIS
from sliproad.foundation.web.repeated_forms import RepeatedForms
from sliproad.foundation.web.ui import Pages, assets
from sliproad.foundation.web.visitors import KnowsVisitors, NavEntry


class KnowsWhoAsks(Identifies, KnowsVisitors, Protocol):
    """What the plumbing needs of `accounts.guards.Guards`."""


def create_app(
    routers: Iterable[APIRouter],
    *,
    guards: KnowsWhoAsks,
    idempotency: IdempotencyRecords,
    public_url: str,
    version: str,
    readiness: Mapping[str, ReadinessCheck] | None = None,
    registry: CollectorRegistry | None = None,
    lifespan: Lifespan[Any] | None = None,
    larger_bodies: Mapping[str, int] | None = None,
    streamed: Sequence[Streamed] = (),
    navigation: Sequence[NavEntry] = (),
    bus: Bus | None = None,
    support_url: str | None = None,
) -> FastAPI:
    """The ASGI application.

    Args:
        routers: of the features, in the order in which the reference shows them.
        guards: becomes `app.state.guards`; knows who asks.
        idempotency: the records behind `Idempotency-Key`.
        public_url: where clients reach it; https switches Strict-Transport-Security on.
        version: of the program, shown in the reference.
        readiness: what `/readyz` checks, by name; a check raises when its part does not work.
        registry: of the process's metrics; a new one when not given.
        lifespan: what starts and stops with the application.
        larger_bodies: where files are uploaded: a regular expression for the beginning of a path, and how many bytes it takes.
        streamed: where a route reads the body itself, bit by bit.
        navigation: the places of every role.
        bus: wakes live parts of pages; without one they look by themselves.
        support_url: where people get help: at the foot of every page, and as contact in the reference.
    """
    registry = registry if registry is not None else CollectorRegistry()
    app = FastAPI(
        title="Sliproad", version=version, lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False,
        openapi_url=None, servers=[{"url": public_url}], contact=_contact(support_url),
    )  # fmt: skip
    app.state.guards = guards
    app.state.pages = Pages()
    app.state.navigation = tuple(navigation)
    app.state.support_url = support_url
    # set when the process is asked to end: streams without an end of their own end then
    app.state.ending = asyncio.Event()
    app.state.live = LiveParts(bus, app.state.ending)
    problems.install(app)
    for router in (
        health.router(readiness or {}, registry),
        assets.router(),
        page_layer.router(),
        reference.router(),
        *routers,
    ):
        app.router.routes.extend(router.routes)  # flat: `include_router` matches each path twice, router by router
    openapi.install(app)
    app.add_middleware(IdempotencyMiddleware, records=idempotency, guards=guards)
    app.add_middleware(RepeatedForms, records=idempotency, guards=guards)
    app.add_middleware(BodyGuard, json_prefixes=APIS, larger_bodies=larger_bodies, streamed=streamed)
    app.add_middleware(PageLayer, guards=guards)
    app.add_middleware(RequestContext, metrics=HttpMetrics(registry), is_https=public_url.startswith("https:"))
    return app


def _contact(support_url: str | None) -> dict[str, Any] | None:
    """OpenAPI's contact object: an address on the web, or a mailbox."""
    if support_url is None:
        return None
    is_mailbox = support_url.startswith("mailto:")
    return {"name": "Help", "email" if is_mailbox else "url": support_url.removeprefix("mailto:")}
