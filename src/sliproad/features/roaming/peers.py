"""The one way to ask a platform: guarded, with its token in its own style, ids in the headers, and its answer read strictly.

Registration, forwarding, deliveries and the keep-alive check use it. Tokens never reach the log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

import orjson

from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.errors import UpstreamUnavailable
from sliproad.foundation.outbound import OutboundClient
from sliproad.ocpi.fields import OcpiObject, checked
from sliproad.ocpi.status_codes import InvalidParameters
from sliproad.ocpi.token_header import TokenStyle, header_of

PURPOSE = "ocpi peer token"
LONGEST_WAIT_SECONDS = 10.0
"""HUB: a command's answer must come within 10 s."""
MOST_BYTES = 8 << 20
T = TypeVar("T", bound=OcpiObject)


@dataclass(frozen=True, slots=True)
class Access:
    """A platform's token and how it reads it."""

    token: str
    style: TokenStyle


@dataclass(frozen=True, slots=True)
class Reply:
    """A platform's answer; `envelope` empty where its body is no OCPI envelope. Names of headers are in lower case."""

    http_status: int
    envelope: Mapping[str, Any]
    body: bytes
    headers: Mapping[str, str]

    @property
    def status_code(self) -> int | None:
        code = self.envelope.get("status_code")
        return code if isinstance(code, int) else None

    @property
    def is_success(self) -> bool:
        return 200 <= self.http_status < 300 and self.status_code is not None and 1000 <= self.status_code < 2000


class Peers:
    def __init__(
        self, client: OutboundClient, secret_key: SecretKey, *, longest_wait_seconds: float = LONGEST_WAIT_SECONDS
    ) -> None:
        self.client, self.secret_key = client, secret_key
        self.longest_wait_seconds = longest_wait_seconds

    def seal(self, token: str) -> bytes:
        """A platform's token as it is kept."""
        return self.secret_key.encrypt(PURPOSE, token.encode())

    def access(self, sealed: bytes, style: str) -> Access:
        """What a connection's row says of how to ask."""
        return Access(self.secret_key.decrypt(PURPOSE, sealed).decode(), TokenStyle(style))

    async def ask(
        self,
        method: str,
        url: str,
        access: Access,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        correlation_id: str | None = None,
    ) -> Reply:
        """One request with a new `X-Request-ID`, and the correlation id it belongs to (§4.3).

        Raises:
            NoAnswerInTime: nothing came in time.
            UpstreamUnavailable: the address is refused, or there is no connection.
        """
        sent = {
            **(headers or {}),
            "Authorization": header_of(access.token, access.style),
            "X-Request-ID": str(uuid4()),
            "X-Correlation-ID": correlation_id or str(uuid4()),
            "Accept": "application/json",
        }
        if body is not None:
            sent["Content-Type"] = "application/json"
        answer = await self.client.request(
            method, url, headers=sent, body=body, timeout_seconds=self.longest_wait_seconds, most_bytes=MOST_BYTES
        )
        try:
            found = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            found = {}
        envelope = found if isinstance(found, dict) and "status_code" in found else {}
        return Reply(
            answer.status, envelope, answer.body, {name.lower(): value for name, value in answer.headers.items()}
        )

    async def ask_in_any_style(
        self, method: str, url: str, access: Access, body: bytes | None = None
    ) -> tuple[Reply, Access]:
        """As `ask`; a 401 is tried once more in the other style ("trial and error", §4.1.2). Gives the access that worked.

        Raises:
            UpstreamUnavailable: as `ask`.
        """
        reply = await self.ask(method, url, access, body=body)
        if reply.http_status != 401:
            return reply, access
        other = TokenStyle.BASE64 if access.style is TokenStyle.RAW else TokenStyle.RAW
        second = Access(access.token, other)
        again = await self.ask(method, url, second, body=body)
        return (reply, access) if again.http_status == 401 else (again, second)


def object_of(reply: Reply, kind: type[T], what: str) -> T:
    """The one object of an answer.

    Raises:
        UpstreamUnavailable: in words, why it is none.
    """
    _require_success(reply, what)
    return _checked(kind, reply.envelope.get("data"), what)


def list_of(reply: Reply, kind: type[T], what: str) -> list[T]:
    """The objects of an answer. Raises as `object_of`."""
    _require_success(reply, what)
    items = reply.envelope.get("data")
    if not isinstance(items, list):
        raise UpstreamUnavailable(f"{what}: the answer's data is no list.")
    return [_checked(kind, item, what) for item in items]


def _require_success(reply: Reply, what: str) -> None:
    if not reply.is_success:
        code = f", status_code {reply.status_code}" if reply.status_code is not None else ""
        raise UpstreamUnavailable(f"{what}: answered HTTP {reply.http_status}{code}.")


def _checked(kind: type[T], item: Any, what: str) -> T:
    try:
        return checked(kind, item)
    except InvalidParameters as error:
        raise UpstreamUnavailable(f"{what}: {error.message}") from None
