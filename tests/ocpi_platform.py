"""A partner's OCPI platform, written from the specification alone: it shares no code with ours. A real server on 127.0.0.1.

It keeps what it was asked (`heard`), and answers as the test tells it: `answers[(method, beginning of the path)] = (status, body)`.
"""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
from aiohttp import web

MODULES = ("locations", "tariffs", "sessions", "cdrs", "tokens", "commands", "chargingprofiles")


@dataclass
class Heard:
    """One request that came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    raw: bytes


@dataclass
class Platform:
    """`country`, `party` and `roles` are who it says it is."""

    hub: httpx2.AsyncClient
    country: str
    party: str
    roles: tuple[str, ...]
    token_for_hub: str
    """Token B."""
    style: str = "base64"
    versions: tuple[str, ...] = ("2.1.1", "2.2.1")
    modules: tuple[str, ...] = (*MODULES, "hubclientinfo", "credentials")
    token: str = ""
    """The token it presents: first A, then C."""
    port: int = 0
    heard: list[Heard] = field(default_factory=list)
    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    registration_token: str = ""
    """The one it gives to a hub that registers with it."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def credentials(self, token: str | None = None) -> dict[str, Any]:
        roles = [
            {
                "role": role,
                "country_code": self.country,
                "party_id": self.party,
                "business_details": {"name": f"{self.party} of {self.country}", "website": "https://partner.example"},
            }
            for role in self.roles
        ]
        return {"token": token or self.token_for_hub, "url": f"{self.url}/ocpi/versions", "roles": roles}

    def authorization(self, token: str | None = None) -> str:
        token = token or self.token
        written = token if self.style == "raw" else base64.b64encode(token.encode()).decode()
        return f"Token {written}"

    def routing(self, to: tuple[str, str] | None, sender: tuple[str, str] | None = None) -> dict[str, str]:
        country, party = sender or (self.country, self.party)
        headers = {"OCPI-from-country-code": country, "OCPI-from-party-id": party}
        if to:
            headers |= {"OCPI-to-country-code": to[0], "OCPI-to-party-id": to[1]}
        return headers

    async def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """A request to the hub; `to` and `sender` become routing headers, `to=None` leaves the receiver open."""
        headers = {"X-Request-ID": "0d1c", "X-Correlation-ID": "c0ffee"}
        if "to" in options:
            headers |= self.routing(options.pop("to"), options.pop("sender", None))
        headers["Authorization"] = self.authorization(options.pop("token", None))
        headers |= options.pop("headers", {})
        return await self.hub.request(method, path, headers=headers, **options)

    async def register(self, **options: Any) -> httpx2.Response:
        answer = await self.ask("POST", "/ocpi/2.2.1/credentials", json=self.credentials(), **options)
        if answer.status_code == 200 and answer.json()["status_code"] == 1000:
            self.token = answer.json()["data"]["token"]
        return answer

    async def wait_for(self, count: int, *, path: str = "/", method: str | None = None) -> list[Heard]:
        """The requests below `path`, as soon as there are `count`."""

        def found() -> list[Heard]:
            return [each for each in self.heard if each.path.startswith(path) and method in {None, each.method}]

        async with asyncio.timeout(20), self.arrived:
            await self.arrived.wait_for(lambda: len(found()) >= count)
        return found()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw) if raw else None
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.heard.append(Heard(request.method, request.path, dict(request.query), headers, body, raw))
        async with self.arrived:
            self.arrived.notify_all()
        expected = {self.authorization(self.token_for_hub), self.authorization(self.registration_token or "-")}
        if headers.get("authorization") not in expected:
            return web.json_response(self._wrapped(None, 2000), status=401)
        for (method, path), answer in self.answers.items():
            if request.method == method and request.path.startswith(path):
                return await answer(request) if callable(answer) else self._given(answer)
        if request.path == "/ocpi/versions":
            return web.json_response(
                self._wrapped([{"version": each, "url": f"{self.url}/ocpi/{each}"} for each in self.versions])
            )
        if request.path == "/ocpi/2.2.1":
            return web.json_response(self._wrapped(self._details()))
        return web.json_response(self._wrapped(None))

    def _given(self, answer: tuple[Any, ...]) -> web.Response:
        status, body, *headers = answer
        more = headers[0] if headers else None
        if isinstance(body, str):
            return web.Response(status=status, text=body, headers=more)
        return web.json_response(body, status=status, headers=more)

    def _details(self) -> dict[str, Any]:
        endpoints = [
            {"identifier": module, "role": role, "url": f"{self.url}/{module}/{role.lower()}"}
            for module in self.modules
            for role in (("SENDER",) if module == "credentials" else ("SENDER", "RECEIVER"))
        ]
        return {"version": "2.2.1", "endpoints": endpoints}

    def _wrapped(self, data: Any, code: int = 1000) -> dict[str, Any]:
        body = {"status_code": code, "timestamp": "2026-05-01T10:23:00Z"}
        return body if data is None else {**body, "data": data}


@contextlib.asynccontextmanager
async def running(platform: Platform) -> AsyncIterator[Platform]:
    """The platform, listening."""
    app = web.Application()
    app.router.add_route("*", "/{place:.*}", platform._answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    platform.port = runner.addresses[0][1]
    try:
        yield platform
    finally:
        await runner.cleanup()
