"""The guarded client: nothing private is ever dialled, by whatever name (contract §6, trust H3; OWASP API7)."""

import ipaddress
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web as aioweb

from sliproad.foundation.errors import InvalidInput, UpstreamUnavailable
from sliproad.foundation.outbound import AddressRefused, Guard, OutboundClient, as_address, is_public, unwrapped

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)

PRIVATE_SPELLINGS = [
    "https://127.0.0.1/",
    "https://localhost/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://0.0.0.0/",
    "https://10.1.2.3/",
    "https://172.16.0.1/",
    "https://192.168.1.101/",
    "https://100.64.0.1/",
    "https://[64:ff9b::a00:1]/",
    "https://[fd00::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
]


@pytest.mark.parametrize("url", PRIVATE_SPELLINGS)
async def test_a_private_address_is_refused_however_it_is_spelt(url: str) -> None:
    with pytest.raises(AddressRefused):
        await Guard().pin(url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://example.com/", "https"),
        ("http://example.com/", "https"),
        ("https://user:secret@example.com/", "user name or password"),
        ("https://example.com/#part", "fragment"),
        ("https:///nowhere", "host"),
        ("https://exa mple.com/", "host"),
        ("https://example.com:99999/", "URL"),
        ("https://example.com:0/", "port"),
        ("", "host"),
    ],
)
def test_what_can_be_seen_without_dns_is_refused_when_stored(url: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        Guard().check_text(url)


def test_a_public_literal_is_permitted_only_when_secure() -> None:
    address = ipaddress.ip_address("93.184.216.34")
    assert Guard().permits(address, is_secure=True)
    assert not Guard().permits(address, is_secure=False)


def test_an_opened_network_is_permitted_plain_too() -> None:
    guard = Guard(LOOPBACK)
    assert guard.check_text("http://127.0.0.1:8000/hook").port == 8000
    assert guard.permits(ipaddress.ip_address("::ffff:127.0.0.1"), is_secure=False)
    assert not guard.permits(ipaddress.ip_address("10.0.0.1"), is_secure=True)


@pytest.mark.parametrize("text", ["example.com", "", "1.2.3.4.5", "::g"])
def test_a_name_is_not_an_address(text: str) -> None:
    assert as_address(text) is None


def test_unwrapping_finds_the_ipv4_inside() -> None:
    for wrapped in ("::ffff:10.0.0.1", "64:ff9b::a00:1"):
        assert unwrapped(ipaddress.ip_address(wrapped)) == ipaddress.ip_address("10.0.0.1")
    assert not is_public(ipaddress.ip_address("224.0.0.1"))


@pytest.fixture
async def server() -> AsyncIterator[str]:
    """A small HTTP server on loopback, made by another library than the one that is tested for its manners."""

    async def echo(request: aioweb.Request) -> aioweb.Response:
        return aioweb.Response(text=f"{request.method} {await request.text()}", headers={"x-seen": "yes"})

    async def away(_: aioweb.Request) -> aioweb.Response:
        return aioweb.Response(status=302, headers={"location": "http://169.254.169.254/"})

    async def large(_: aioweb.Request) -> aioweb.Response:
        return aioweb.Response(body=b"x" * 200_000)

    app = aioweb.Application()
    app.router.add_route("*", "/echo", echo)
    app.router.add_route("*", "/away", away)
    app.router.add_route("*", "/large", large)
    runner = aioweb.AppRunner(app)
    await runner.setup()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await aioweb.SockSite(runner, listening).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        await runner.cleanup()


async def test_a_request_goes_to_an_opened_network(server: str) -> None:
    answer = await OutboundClient(Guard(LOOPBACK)).request("POST", f"{server}/echo", body=b"hello")
    assert (answer.status, answer.body, answer.headers["x-seen"]) == (200, b"POST hello", "yes")


async def test_a_redirect_is_an_answer_and_is_not_followed(server: str) -> None:
    answer = await OutboundClient(Guard(LOOPBACK)).request("GET", f"{server}/away")
    assert answer.status == 302


async def test_an_answer_larger_than_the_cap_is_refused(server: str) -> None:
    with pytest.raises(UpstreamUnavailable, match="more than 65536 bytes"):
        await OutboundClient(Guard(LOOPBACK)).request("GET", f"{server}/large", most_bytes=65536)


async def test_a_server_that_is_not_there_is_told_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(UpstreamUnavailable, match="can't be connected to"):
        await OutboundClient(Guard(LOOPBACK)).request("GET", f"http://127.0.0.1:{port}/")


async def test_a_name_that_does_not_resolve_is_told_in_words() -> None:
    with pytest.raises(UpstreamUnavailable, match="can't be resolved"):
        await Guard().pin("https://nobody.invalid/")


def test_plain_http_only_where_the_answer_is_signed() -> None:
    """Time stamps and revocation lists come over http; everything else stays https, and private addresses stay closed."""
    assert not Guard().permits(ipaddress.ip_address("93.184.215.14"), is_secure=False)
    trusting = Guard(allows_plain_http=True)
    assert trusting.permits(ipaddress.ip_address("93.184.215.14"), is_secure=False)
    assert not trusting.permits(ipaddress.ip_address("10.0.0.1"), is_secure=False)
    assert trusting.check_text("http://timestamp.example/stamp").hostname == "timestamp.example"
