"""A whole web application of the accounts room: real PostgreSQL as role `web`, real jobs, mails as files; only argon2 is cheaper."""

import contextlib
import email
import email.policy
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from pwdlib.hashers.argon2 import Argon2Hasher

from features.accounts.assembly import Accounts, assemble
from routers import Routers
from sliproad.features.accounts import tokens
from sliproad.foundation import outgoing
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database
from sliproad.foundation.files import Files
from sliproad.foundation.jobs import Jobs
from sliproad.foundation.mail import FileMailer
from sliproad.foundation.web.application import create_app
from sliproad.foundation.web.idempotency import IdempotencyRecords
from sliproad.foundation.web.limits import RateLimiter
from sliproad.foundation.web.mailbox import router as mailbox

PUBLIC_URL = "https://sliproad.example"
SIGNING_KEY = tokens.make_key()
PASSWORD = "your-secure-password"


class CountingHasher(Argon2Hasher):
    """Argon2id, cheap, and it tells how often it has verified."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = 0

    def verify(self, password: str | bytes, stored: str | bytes) -> bool:
        self.verified += 1
        return super().verify(password, stored)


@dataclass
class World:
    """The application, a client in front of it, and what a person could see of it."""

    app: FastAPI
    http: httpx2.AsyncClient
    accounts: Accounts
    jobs: Jobs
    clock: ManualClock
    web: Database
    engine: Database
    hasher: CountingHasher
    mail_dir: Path
    pauses: list[float] = field(default_factory=list)

    async def post(
        self, path: str, body: Any = None, *, token: str | None = None, address: str = "203.0.113.7", **headers: str
    ) -> httpx2.Response:
        return await self.request("POST", path, body, token=token, address=address, **headers)

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        address: str = "203.0.113.7",
        **headers: str,
    ) -> httpx2.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["authorization"] = f"Bearer {token}"
        transport = httpx2.ASGITransport(self.app, client=(address, 4711))
        async with httpx2.AsyncClient(transport=transport, base_url=PUBLIC_URL) as http:
            return await http.request(method, path, json=body, headers=sent)

    async def get(self, path: str, *, token: str | None = None, **headers: str) -> httpx2.Response:
        return await self.request("GET", path, token=token, **headers)

    async def work(self) -> None:
        """Run every job that waits, as a worker does."""
        await self.jobs.app.run_worker_async(
            wait=False, install_signal_handlers=False, listen_notify=False, delete_jobs="successful"
        )

    async def mails(self, to: str) -> list[EmailMessage]:
        """All mails to somebody, oldest first."""
        await self.work()
        found = [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in sorted(self.mail_dir.glob("*.eml"))
        ]
        return [mail for mail in found if mail["To"] == to]

    async def mailed_token(self, to: str) -> str:
        """The token in the newest mail to somebody."""
        text = (await self.mails(to))[-1].get_body(("plain",)).get_content()
        return re.search(r"token=(\w+)", text).group(1)

    async def an_installer(self, address: str = "alex@acme-ev-installs.com") -> tuple[str, str]:
        """A verified, logged-in installer: (installer_id, access token)."""
        await self.post("/api/v1/installer/signup", a_sign_up(address))
        await self.post("/api/v1/installer/verify-email", {"token": await self.mailed_token(address)})
        answer = await self.post("/api/v1/installer/login", {"email": address, "password": PASSWORD})
        return answer.json()["installer_id"], answer.json()["access_token"]

    async def an_organization(
        self, address: str = "priya@riverside.example", name: str = "Riverside Charging Ltd"
    ) -> dict[str, Any]:
        """A verified organisation whose owner is logged in: the answer of the login."""
        body = {"organization_name": name, "email": address, "password": PASSWORD, "full_name": "Priya Manager"}
        await self.post("/api/v1/cpo/signup", body)
        await self.post("/api/v1/cpo/verify-email", {"token": await self.mailed_token(address)})
        return (await self.post("/api/v1/cpo/login", {"email": address, "password": PASSWORD})).json()


def a_sign_up(address: str = "alex@acme-ev-installs.com", **changes: Any) -> dict[str, Any]:
    """GUIDE's body."""
    return {
        "email": address,
        "password": PASSWORD,
        "full_name": "Alex Technician",
        "phone": "+447700900123",
        "company": "Acme EV Installations",
    } | changes


def assert_problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """RFC 9457, with the code of contract §1."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["code"] == code, body
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["title"]
    assert body["detail"]
    assert body["type"]
    return body


@pytest.fixture
async def world(
    web: Database, engine: Database, clock: ManualClock, secret_key: SecretKey, tmp_path: Path
) -> AsyncIterator[World]:
    async with open_world(web, engine, clock, secret_key, tmp_path, PUBLIC_URL) as made:
        yield made


@contextlib.asynccontextmanager
async def open_world(
    web: Database, engine: Database, clock: ManualClock, secret_key: SecretKey, tmp_path: Path, public_url: str
) -> AsyncIterator[World]:
    """The room, reached at `public_url`."""
    jobs = Jobs(engine.url.replace("postgresql+psycopg", "postgresql"), pool_size=3)
    mail_dir, hasher, pauses = tmp_path / "mail", CountingHasher(), []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    limiter = RateLimiter(web, clock)
    accounts = assemble(
        web=web, engine=engine, queue=jobs, outgoing=outgoing.Outgoing(jobs, secret_key), limiter=limiter, secret_key=secret_key,
        signing_key=SIGNING_KEY, public_url=public_url, clock=clock, hasher=hasher, pause=pause,
    )  # fmt: skip
    accounts.register_jobs(jobs)
    mailer = FileMailer(mail_dir, sender="Sliproad <no-reply@sliproad.example>", clock=clock)
    outgoing.register(jobs, engine, secret_key, mailer, Files())
    with Routers() as routers:
        app = create_app(
            [*accounts.routers(routers.of), mailbox(mail_dir)],
            guards=accounts.guards,
            idempotency=IdempotencyRecords(web, secret_key, clock),
            public_url=public_url,
            version="0.1.0",
        )
        transport = httpx2.ASGITransport(app, client=("203.0.113.7", 4711))
        await jobs.open()
        async with httpx2.AsyncClient(transport=transport, base_url=public_url) as http:
            yield World(app, http, accounts, jobs, clock, web, engine, hasher, mail_dir, pauses)
    await jobs.close()
