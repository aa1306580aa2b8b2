"""The one client that dials addresses which tenants and partners give us (contract §6, trust H3, W1; OWASP API7).

https and wss only, public addresses only, the checked address pinned for the connection, no redirects, size and time caps.
`SLIPROAD_ALLOWED_PRIVATE_NETWORKS` opens networks explicitly, plain http and ws to them included.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from sliproad.foundation.errors import InvalidInput, UpstreamUnavailable

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
SECURE = {"https": 443, "wss": 443}
PLAIN = {"http": 80, "ws": 80}
LONGEST_URL = 2048


class AddressRefused(UpstreamUnavailable):
    """The URL leads somewhere that this installation does not dial."""

    code = "address_not_allowed"


class NoAnswerInTime(UpstreamUnavailable):
    """Whoever was asked may have heard the request, and said nothing."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A URL whose address has been checked: connections go to `address` whatever the name says by then."""

    url: str
    host: str
    port: int
    address: str
    is_secure: bool
    others: tuple[str, ...] = ()
    """Further addresses of the host, checked too, for whoever tries more than one (RFC 8305)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `body` at most the cap."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Guard:
    """Which addresses may be dialled."""

    def __init__(self, allowed_networks: Sequence[IPNetwork] = (), *, allows_plain_http: bool = False) -> None:
        """`allows_plain_http` to public addresses is for services that sign what they answer: time stamps, revocation lists."""
        self.allowed_networks = tuple(allowed_networks)
        self.allows_plain_http = allows_plain_http

    def check_text(self, url: str, *, field: str = "url") -> SplitResult:
        """Everything that can be said of a URL without asking DNS; for storing it.

        Raises:
            InvalidInput: naming `field`.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise InvalidInput.field(field, "is not a URL") from None
        if len(url) > LONGEST_URL or not parts.hostname or any(ord(c) <= 32 or ord(c) == 127 for c in url):
            raise InvalidInput.field(field, "is not a URL with a host")
        if parts.username is not None or parts.password is not None:
            raise InvalidInput.field(field, "must not hold a user name or password")
        if parts.fragment:
            raise InvalidInput.field(field, "must not hold a fragment (#…)")
        if port == 0:
            raise InvalidInput.field(field, "has no usable port")
        may_be_plain = bool(self.allowed_networks) or self.allows_plain_http
        if parts.scheme not in SECURE and not (parts.scheme in PLAIN and may_be_plain):
            raise InvalidInput.field(field, "must begin with https:// (or wss://)")
        literal = as_address(parts.hostname)
        if literal and not self.permits(literal, is_secure=parts.scheme in SECURE):
            raise InvalidInput.field(field, "must lead to a public address")
        return parts

    def permits(self, address: IPAddress, *, is_secure: bool) -> bool:
        """Whether connections to `address` are allowed: an opened network always, a public address when secure."""
        inner = unwrapped(address)
        if any(inner in network for network in self.allowed_networks if network.version == inner.version):
            return True
        return (is_secure or self.allows_plain_http) and is_public(inner)

    async def pin(self, url: str) -> Pinned:
        """Resolve and check; the address found is the one to dial.

        Raises:
            AddressRefused: with a sentence for the owner of the URL.
            UpstreamUnavailable: the name does not resolve.
        """
        try:
            parts = self.check_text(url)
        except InvalidInput as error:
            raise AddressRefused(error.detail) from None
        host = parts.hostname or ""
        is_secure = parts.scheme in SECURE
        port = parts.port or (SECURE | PLAIN)[parts.scheme]
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise UpstreamUnavailable(f"The name {host} can't be resolved.") from None
        addresses = [str(entry[4][0]) for entry in found]
        for address in addresses:
            checked = as_address(address)
            if checked is None or not self.permits(checked, is_secure=is_secure):
                raise AddressRefused(f"{host}: private address not allowed here")
        first, *others = dict.fromkeys(addresses)
        return Pinned(url, host, port, first, is_secure, tuple(others))


class OutboundClient:
    """HTTP requests through the guard. One per process; `close()` at its end."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_seconds: float = 10,
        most_bytes: int = 1 << 20,
    ) -> Answer:
        """One request to the checked address; redirects are answers like any other.

        Raises:
            AddressRefused: the guard said no.
            UpstreamUnavailable: no connection, no answer in time, or more than `most_bytes`.
        """
        pinned = await self.guard.pin(url)
        connector = aiohttp.TCPConnector(
            resolver=PinnedResolver(pinned),
            use_dns_cache=False,
            socket_factory=self._socket_factory(pinned),
            force_close=True,
        )
        timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as session,
                session.request(method, url, headers=headers, data=body, allow_redirects=False) as answer,
            ):
                content = await answer.content.read(most_bytes + 1)
                while len(content) <= most_bytes and (more := await answer.content.read(most_bytes + 1 - len(content))):
                    content += more
                if len(content) > most_bytes:
                    raise UpstreamUnavailable(f"{pinned.host} answered more than {most_bytes} bytes.")
                return Answer(answer.status, dict(answer.headers), content)
        except TimeoutError:
            raise NoAnswerInTime(f"{pinned.host} did not answer within {timeout_seconds:g} s.") from None
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamUnavailable(f"{pinned.host}: {describe(error)}") from None

    def _socket_factory(self, pinned: Pinned) -> Any:
        """The last line of defence: whatever the library resolves, only the pinned address gets a socket."""

        def make(address: Any) -> socket.socket:
            family, kind, protocol, _name, where = address
            if where[0] != pinned.address:
                raise OSError(f"not the checked address of {pinned.host}")
            made = socket.socket(family, kind, protocol)
            made.setblocking(False)
            return made

        return make


class PinnedResolver(AbstractResolver):
    """Resolves the pinned host to the pinned address, and nothing else."""

    def __init__(self, pinned: Pinned) -> None:
        self.pinned = pinned

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002
    ) -> list[ResolveResult]:
        is_v6 = ":" in self.pinned.address
        return [
            ResolveResult(
                hostname=host,
                host=self.pinned.address,
                port=port,
                family=socket.AF_INET6 if is_v6 else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """Nothing is held."""


def as_address(text: str) -> IPAddress | None:
    """The address that `text` is written as, also in the forms that C libraries accept (`2130706433`, `0x7f.1`); else None."""
    try:
        return ipaddress.ip_address(text.split("%", 1)[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text))
    except OSError:
        return None


def unwrapped(address: IPAddress) -> IPAddress:
    """The IPv4 address inside an IPv4-mapped or NAT64 one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: IPAddress) -> bool:
    """Globally routable unicast; 6to4 and Teredo, which can lead anywhere, are not."""
    tunnelled = isinstance(address, ipaddress.IPv6Address) and (address.sixtofour or address.teredo)
    return address.is_global and not address.is_multicast and not tunnelled


def describe(error: Exception) -> str:
    """A library's error in words for the owner of the URL."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its TLS certificate is not trusted"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return "TLS failed"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "can't be connected to"
    return "broke the connection"
