"""Dials an operator's server for a charge point: the address checked and pinned, TLS by exactly the stored CA, reasons in kinds.

`relay` calls `dial`. No redirects, no proxies, no other address than the one that `foundation.outbound` allowed (contract §6).
OCPP-J 1.6 §3.1, 2.x Part 4 §3.
"""

import asyncio
import base64
import contextlib
import errno
import socket
import ssl
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from picows import WSError, WSHandshakeError, WSListener, WSTransport, ws_connect

from sliproad.foundation.errors import UpstreamUnavailable
from sliproad.foundation.outbound import Guard, Pinned, as_address
from sliproad.gateway.relay_ports import RelayFailed, Target
from sliproad.ocpp.versions import OcppVersion

DIAL_SECONDS = 10.0
ADDRESS_SECONDS = 4.0
"""For one of a host's addresses: the next one may answer."""
PING_SECONDS = 30.0
READ_BUFFER_BYTES = 2048
_STATUSES: dict[int, str] = {HTTPStatus.FORBIDDEN: "forbidden", HTTPStatus.NOT_FOUND: "unknown"}
_EXPIRED = {9, 10}
"""X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED."""
_NOT_ISSUED = {2, 18, 19, 20, 21}
"""OpenSSL's X509_V_ERR_…: no issuer found, self-signed, a chain that ends elsewhere."""
_OTHER_NAME = {62, 64}


async def dial(
    target: Target, version: OcppVersion, guard: Guard, listener: WSListener, most_bytes: int
) -> WSTransport:
    """Open the WebSocket; frames go to `listener` from then on.

    Raises:
        RelayFailed: with the reason.
    """
    try:
        async with asyncio.timeout(DIAL_SECONDS):
            return await _dial(target, version, guard, listener, most_bytes)
    except TimeoutError:
        raise RelayFailed("silent", host=urlsplit(target.url).hostname, seconds=f"{DIAL_SECONDS:g}") from None


async def _dial(
    target: Target, version: OcppVersion, guard: Guard, listener: WSListener, most_bytes: int
) -> WSTransport:
    pinned = await _pinned(target, guard)
    tls = _context(target.ca_certificate or "") if pinned.is_secure else None
    named: dict[str, Any] = {} if tls is None else {"server_hostname": target.ca_certificate_domain or pinned.host}
    try:
        transport, _ = await ws_connect(
            lambda: listener,
            target.url,
            ssl_context=tls,
            websocket_handshake_timeout=DIAL_SECONDS,
            logger_name="relay",
            enable_auto_ping=True,
            auto_ping_idle_timeout=PING_SECONDS,
            auto_ping_reply_timeout=PING_SECONDS,
            max_frame_size=most_bytes,
            extra_headers=_headers(target, version),
            max_redirects=0,
            read_buffer_init_size=READ_BUFFER_BYTES,
            socket_factory=lambda _url: _connected(pinned),
            **named,
        )
    except TimeoutError:
        raise
    except (WSError, EOFError, OSError) as error:
        raise _failure(error, target, pinned) from None
    if transport.response is None:  # closed before any answer
        raise RelayFailed("not_websocket")
    if transport.response.headers.get("Sec-WebSocket-Protocol") != version.subprotocol:
        transport.send_close()
        transport.disconnect()
        raise RelayFailed("subprotocol", version=version.value)
    return transport


async def _pinned(target: Target, guard: Guard) -> Pinned:
    """The checked address.

    Raises:
        RelayFailed: it may not be dialled, or there is none.
    """
    try:
        return await guard.pin(target.url)
    except UpstreamUnavailable as error:
        literal = as_address(urlsplit(target.url).hostname or "")
        if literal is not None and not guard.permits(literal, is_secure=True):
            raise RelayFailed("private", host=literal) from None
        raise RelayFailed("address", detail=error.detail) from None


def _failure(error: WSError | EOFError | OSError, target: Target, pinned: Pinned) -> RelayFailed:
    """Why the connection could not be opened."""
    match error:
        case WSHandshakeError():
            return _refused(error, target)
        case WSError() | EOFError():
            return RelayFailed("not_websocket")
        case ssl.SSLCertVerificationError():
            return _distrusted(error, target)
        case ssl.SSLError():
            return RelayFailed("tls", host=pinned.host, detail=error.reason or "no handshake")
        case ConnectionRefusedError():
            return RelayFailed("refused", host=pinned.host, port=pinned.port)
        case ConnectionResetError() | BrokenPipeError() | ConnectionAbortedError():
            kind = "tls" if pinned.is_secure else "not_websocket"
            return RelayFailed(kind, host=pinned.host, detail="it closed the connection")
        case _:
            return RelayFailed("unreachable", host=pinned.host, port=pinned.port, detail=error.strerror or "no route")


async def _connected(pinned: Pinned) -> socket.socket:
    """A socket to a checked address, whatever the name says by now: to the first that takes it.

    Raises:
        OSError: none does; what the first said.
    """
    failed: OSError | None = None
    for address in (pinned.address, *pinned.others):
        try:
            return await _connected_to(address, pinned.port)
        except OSError as error:
            failed = failed or error
    assert failed is not None
    raise failed


async def _connected_to(address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        with contextlib.suppress(OSError):
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(ADDRESS_SECONDS):
            await asyncio.get_running_loop().sock_connect(made, (address, port))
    except TimeoutError:
        made.close()
        raise OSError(errno.ETIMEDOUT, "it does not answer") from None
    except BaseException:
        made.close()
        raise
    return made


def _headers(target: Target, version: OcppVersion) -> dict[str, str]:
    headers = {"Sec-WebSocket-Protocol": version.subprotocol}
    if target.password is not None:
        pair = f"{target.user}:{target.password}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return headers


@lru_cache(maxsize=256)
def _context(ca_certificate: str) -> ssl.SSLContext:
    """TLS that trusts this CA alone; one for all charge points with the same settings.

    Raises:
        RelayFailed: there is no usable certificate in it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a stored intermediate CA is as good as a root
    try:
        context.load_verify_locations(cadata=ca_certificate)
    except (ssl.SSLError, ValueError) as error:
        raise RelayFailed("ca", detail=getattr(error, "reason", None) or "it is no PEM certificate") from None
    return context


def _distrusted(error: ssl.SSLCertVerificationError, target: Target) -> RelayFailed:
    code = error.verify_code
    if code in _OTHER_NAME:
        return RelayFailed("domain", domain=target.ca_certificate_domain)
    if code in _NOT_ISSUED:
        return RelayFailed("authority")
    if code in _EXPIRED:
        return RelayFailed("expired")
    return RelayFailed("certificate", detail=error.verify_message)


def _refused(error: WSHandshakeError, target: Target) -> RelayFailed:
    status = None if error.response is None else int(error.response.status)
    if status == HTTPStatus.UNAUTHORIZED:
        return RelayFailed("unauthorized" if target.password is not None else "no_password", user=target.user)
    if status is None or status in {HTTPStatus.OK, HTTPStatus.SWITCHING_PROTOCOLS}:
        return RelayFailed("not_websocket")
    return RelayFailed(_STATUSES.get(status, "status"), status=status, path=urlsplit(target.url).path)
