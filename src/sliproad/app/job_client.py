"""The installer's whole job as HTTP calls, for whoever plays it from outside: the demo, and tests of the whole system.

Nothing here knows the program's inside: it is what the GUIDE does with curl.
"""

import asyncio
import email
import email.policy
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

POLL_SECONDS = 0.25
FINISHED = frozenset({"completed", "failed", "stopped"})


class JobFailed(Exception):
    """A call was answered with something else than it should have been."""


@dataclass
class JobClient:
    """One organisation and one installer, with their credentials as they get them."""

    base_url: str
    mail_dir: Path
    api_key: str = ""
    installer_token: str = ""
    installer_id: str = ""
    http: httpx2.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx2.AsyncClient(base_url=self.base_url, trust_env=False, timeout=30)  # 127.0.0.1 has no proxy

    async def close(self) -> None:
        await self.http.aclose()

    async def call(self, method: str, path: str, *, expect: int, token: str | None = None, body: Any = None) -> Any:
        """One call; its JSON answer.

        Raises:
            JobFailed: with what the server said instead.
        """
        headers = {"authorization": f"Bearer {token}"} if token else {}
        answer = await self.http.request(method, path, json=body, headers=headers)
        if answer.status_code != expect:
            raise JobFailed(f"{method} {path}: {answer.status_code} instead of {expect}: {answer.text[:500]}")
        return answer.json() if answer.content else None

    async def cpo(self, method: str, path: str, *, expect: int = 200, body: Any = None) -> Any:
        """A call of the organisation."""
        return await self.call(method, f"/api/v1/{path}", expect=expect, token=self.api_key, body=body)

    async def installer(self, method: str, path: str, *, expect: int = 200, body: Any = None) -> Any:
        """A call of the installer."""
        return await self.call(
            method, f"/api/v1/installer/{path}", expect=expect, token=self.installer_token, body=body
        )

    async def sign_up_installer(self, address: str, password: str, full_name: str, company: str) -> None:
        """Sign up, take the token out of the mail, verify, log in (GUIDE steps 1 and 2)."""
        body = {
            "email": address,
            "password": password,
            "full_name": full_name,
            "phone": "+447700900123",
            "company": company,
        }
        made = await self.call("POST", "/api/v1/installer/signup", expect=201, body=body)
        token = mailed_token(await self.mail_to(address))
        await self.call("POST", "/api/v1/installer/verify-email", expect=200, body={"token": token})
        entered = await self.call(
            "POST", "/api/v1/installer/login", expect=200, body={"email": address, "password": password}
        )
        self.installer_id, self.installer_token = made["installer_id"], entered["access_token"]

    async def mail_to(self, address: str, *, subject: str = "", seconds: float = 20) -> email.message.EmailMessage:
        """The newest mail to `address` whose subject holds `subject`, waiting for it.

        Raises:
            JobFailed: none came in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for path in sorted(self.mail_dir.glob("*.eml"), reverse=True):
                mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                if address in str(mail["to"]) and subject in str(mail["subject"]):
                    assert isinstance(mail, email.message.EmailMessage)
                    return mail
            await asyncio.sleep(POLL_SECONDS)
        raise JobFailed(f"No mail to {address} came within {seconds:g} s.")

    async def until_commissioned(
        self,
        charge_point_id: str,
        *,
        seconds: float = 180,
        on_progress: Callable[[dict[str, Any]], Awaitable[None]] | None = None,
    ) -> dict[str, Any]:
        """Poll the status until the session has ended; the last status.

        Raises:
            JobFailed: it did not end in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status: dict[str, Any] = await self.installer("GET", f"commissioning/{charge_point_id}/status")
            if on_progress:
                await on_progress(status)
            if status["status"] in FINISHED:
                return status
            await asyncio.sleep(POLL_SECONDS)
        raise JobFailed(f"Commissioning of {charge_point_id} did not end within {seconds:g} s: {status}")


def mailed_token(mail: email.message.EmailMessage) -> str:
    """The token of the link in a mail."""
    part = mail.get_body(("plain",))
    found = re.search(r"token=([A-Za-z0-9_-]+)", part.get_content() if part else "")
    if not found:
        raise JobFailed(f"The mail «{mail['subject']}» holds no link with a token.")
    return found[1]
