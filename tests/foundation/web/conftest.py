"""A small application on the real plumbing: real PostgreSQL as role `web`, a client over ASGI, an actor who is whoever the header says."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, Request
from pydantic import Field
from sqlalchemy import text

from sliproad.foundation import errors
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import NOBODY, Database
from sliproad.foundation.web import PageQuery, RequestModel, Text, Timestamp
from sliproad.foundation.web.application import create_app
from sliproad.foundation.web.idempotency import IdempotencyRecords

PUBLIC_URL = "https://sliproad.example"
SUPPORT_URL = "https://help.example/?a=1&b=2"
ERRORS = {
    "invalid": errors.InvalidInput.field("location.latitude", "must be at most 90"),
    "unauthenticated": errors.Unauthenticated("Log in."),
    "not-allowed": errors.NotAllowed("Not ready.", code="handover_not_ready", missing=("cp_1 is not completed",)),
    "not-found": errors.NotFound("There is no such project."),
    "conflict": errors.Conflict("It is not connected.", code="not_connected"),
    "unprocessable": errors.Unprocessable("It is commissioned already.", code="already_commissioned"),
    "too-many": errors.TooMany("Slowly.", retry_after_seconds=7),
    "upstream": errors.UpstreamUnavailable("It did not answer.", code="charge_point_timeout"),
    "mail": errors.UpstreamUnavailable("The mail server is away."),
}


class Location(RequestModel):
    latitude: Annotated[float, Field(ge=-90, le=90)]
    description: str | None = None


class ChargePointBody(RequestModel):
    name: Text
    location: Location | None = None
    power_kw: float = 11
    notes: dict[str, Any] | None = None


class Who:
    """Reads the actor off a header, as the guards read it off a token."""

    async def identify(self, request: Request) -> str | None:
        return request.headers.get("x-actor")

    async def visitor(self, request: Request) -> None:
        return None


@dataclass
class Plumbing:
    app: FastAPI
    http: httpx2.AsyncClient
    clock: ManualClock
    made: list[str] = field(default_factory=list)
    """What the route has created, in order: the effects."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    parts: dict[str, bool] = field(default_factory=lambda: {"database": True, "bus": True})


def router(plumbing: Plumbing, web: Database) -> APIRouter:
    api = APIRouter(prefix="/api/v1", tags=["examples"])

    @api.post("/charge-points", status_code=201)
    async def create(body: ChargePointBody) -> dict[str, Any]:
        plumbing.made.append(body.name)
        if body.name == "slow":
            await plumbing.gate.wait()
        if body.name == "taken":
            raise errors.Conflict("It exists.", code="charge_point_exists")
        if body.name == "crash":
            raise RuntimeError("the secret inside")
        return {"number": len(plumbing.made), "name": body.name, "provisioning_password": "provisioning-secret"}

    @api.post("/login")
    async def login(body: ChargePointBody) -> dict[str, Any]:
        plumbing.made.append(body.name)
        return {"number": len(plumbing.made)}

    @api.get("/errors/{kind}")
    async def fail(kind: str) -> None:
        raise ERRORS[kind]

    @api.get("/database/{kind}")
    async def database(kind: str) -> None:
        statement = {"range": "select cast(:value as int)", "syntax": "selec :value"}[kind]
        async with web.transaction(NOBODY) as session:
            await session.execute(text(statement), {"value": 2**40})

    @api.get("/numbers")
    async def numbers(page: PageQuery) -> dict[str, Any]:
        began = datetime(2026, 5, 1, tzinfo=UTC)
        rows = [(began + timedelta(seconds=number // 3), f"cp_{number:03}") for number in range(130)]
        after = page.after(datetime, str)
        kept, next_cursor = page.cut(
            [row for row in rows if after is None or row > after][: page.limit + 1], lambda row: row
        )
        return {"ids": [row[1] for row in kept], "next_cursor": next_cursor}

    @api.get("/now")
    async def now() -> dict[str, Timestamp | None]:
        return {"at": plumbing.clock.now() + timedelta(milliseconds=250), "never": None}

    return api


def pages(plumbing: Plumbing) -> APIRouter:
    api = APIRouter(include_in_schema=False)

    @api.post("/form")
    async def form() -> dict[str, str]:
        plumbing.made.append("form")
        return {}

    return api


@pytest.fixture
async def plumbing(web: Database, clock: ManualClock, secret_key: SecretKey) -> AsyncIterator[Plumbing]:
    made = Plumbing(None, None, clock)  # type: ignore[arg-type]

    def check(name: str) -> Any:
        async def part() -> None:
            if not made.parts[name]:
                raise ConnectionError("postgresql://user:password@host")

        return part

    made.app = create_app(
        [router(made, web), pages(made)],
        guards=Who(),
        support_url=SUPPORT_URL,
        idempotency=IdempotencyRecords(web, secret_key, clock),
        public_url=PUBLIC_URL,
        version="0.1.0",
        readiness={name: check(name) for name in made.parts},
    )
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(made.app), base_url=PUBLIC_URL) as made.http:
        yield made
