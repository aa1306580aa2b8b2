"""The how-tos, played as they stand by bash and curl against a running installation; and every request of the documentation
against the OpenAPI of that installation.
"""

import asyncio
import json
import pathlib
import re
import shlex
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from acceptance.pages import DOCS, FENCED, blocks, compare, play
from acceptance.test_reference_issues import png
from installation import Installation, installation
from sliproad.app.job_client import JobClient
from sliproad.simulator.charger import VirtualCharger
from sliproad.simulator.settings import ChargerSettings

pytestmark = pytest.mark.xdist_group("how-tos")

FIELD = next(line for line in (DOCS / "tutorial/installer.md").read_text().splitlines() if line.startswith("field()"))
MODEL = {"vendor": "Sliproad", "model": "Virtual AC 22", "ocpp_version": "1.6"}


@pytest.fixture(scope="module")
def fresh() -> Iterator[Installation]:
    """An installation of these tests' own, where nobody else's charge points come from our address."""
    with installation() as running:
        yield running


@dataclass
class Reader:
    """Somebody who has come as far as the tutorial's registration, and what they exported on the way."""

    folder: pathlib.Path
    variables: dict[str, str]
    client: JobClient
    ocpp_url: str

    @property
    def charge_point_id(self) -> str:
        return self.variables["CHARGE_POINT"]

    def charger(self) -> VirtualCharger:
        settings = ChargerSettings(
            url=f"{self.ocpp_url}/ocpp",
            identity=self.charge_point_id,
            password=self.variables["PASSWORD"],
            version="1.6",
            ledger_path=self.folder / "ledger.jsonl",
            vehicle="auto",
            time_scale=30,
        )
        return VirtualCharger(settings)

    async def read(self, page: str) -> None:
        """Play the page, and compare each answer with the one that it prints."""
        where = {"127.0.0.1:9000": urlsplit(self.ocpp_url).netloc}
        steps = await play(page, self.folder, self.variables, FIELD, where)
        assert steps
        for block, answer in steps:
            compare(block, answer)

    async def commission(self) -> None:
        """Until the session is over."""
        path = f"commissioning/{self.charge_point_id}"
        await self.client.installer("POST", f"{path}/start", expect=202, body={})
        async with asyncio.timeout(90):
            while (await self.client.installer("GET", f"{path}/status"))["status"] == "running":
                await asyncio.sleep(0.2)


@pytest.fixture
async def reader(fresh: Installation, tmp_path: pathlib.Path) -> AsyncIterator[Reader]:
    client, project_id = await fresh.at_work(charge_points=6)
    serial_number = f"SN-{uuid.uuid4().hex[:8]}"
    body = {"project_id": project_id, "serial_number": serial_number, **MODEL}
    made = await client.installer("POST", "charge-points", expect=201, body=body)
    command = tmp_path / ".venv" / "bin" / "sliproad"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m sliproad "$@"\n')
    command.chmod(0o755)
    (tmp_path / "lcd.jpg").write_bytes(png())
    (tmp_path / "virtual-3.9.0.bin").write_bytes(b"firmware" * 1000)
    variables = {
        "SLIPROAD": fresh.http_url,
        "API_KEY": client.api_key,
        "TOKEN": client.installer_token,
        "PROJECT": project_id,
        "CHARGE_POINT": made["charge_point_id"],
        "PASSWORD": made["provisioning_password"],
    }
    yield Reader(tmp_path, variables, client, fresh.ocpp_url)
    await client.close()


async def test_the_connection_doctor(reader: Reader) -> None:
    """First, since it begins where nothing has ever arrived from this address."""
    await reader.read("how-to/connection-doctor.md")


async def test_issues(reader: Reader) -> None:
    await reader.read("how-to/issues.md")


async def test_many_charge_points(reader: Reader) -> None:
    await reader.read("how-to/many-charge-points.md")


@pytest.mark.parametrize("page", ["how-to/diagnostics.md", "how-to/firmware.md"])
async def test_pages_with_a_connected_charge_point(reader: Reader, page: str) -> None:
    async with reader.charger() as charger:
        await charger.wait_until_connected()
        await reader.read(page)


async def test_operators(reader: Reader, fresh: Installation) -> None:
    """The reader has a site too, and the commands of the machine act on this installation."""
    project = await reader.client.cpo("GET", f"cpo/projects/{reader.variables['PROJECT']}")
    reader.variables |= {"SITE": project["site_id"], "SLIPROAD_DATA_DIR": str(fresh.data_dir)}
    await reader.read("how-to/operators.md")


async def test_logs(reader: Reader) -> None:
    async with reader.charger() as charger:
        await charger.wait_until_connected()
        await reader.commission()
        await reader.read("how-to/logs.md")


# ---------------------------------------------------------------------- every request of every page


@dataclass(frozen=True)
class Request:
    """A curl of ours in a page: where it goes, and what it says."""

    page: str
    method: str
    path: str
    query: tuple[str, ...]
    body: Any

    def __str__(self) -> str:
        return f"{self.page}: {self.method} {self.path}"


CURL = re.compile(r"^.*?\bcurl\s(.*)$")
URL = re.compile(r"\$SLIPROAD(/(?:api|local-ocpp)/[^\s\"')|;]+)")
SPLICED = re.compile(r"'\"?\$\w+\"?'")
"""`'$PROJECT'` inside a quoted body."""


def requests_of(page: pathlib.Path) -> Iterator[Request]:
    """Its requests to the API."""
    name = str(page.relative_to(DOCS))
    for block in FENCED.finditer(page.read_text()):
        if block[1] != "sh":
            continue
        for line in _commands(block[2]):
            if (command := CURL.match(line)) and (url := URL.search(command[1])):
                yield _request(name, command[1], url[1])


def _commands(text: str) -> Iterator[str]:
    """Each command with its continuation lines and the lines of its body in one."""
    joined = ""
    for line in text.splitlines():
        joined += line.removesuffix("\\") + " "
        if not line.endswith("\\") and joined.count("'") % 2 == 0:
            yield SPLICED.sub("x", joined) if " -d '" in joined else joined
            joined = ""


def _request(page: str, command: str, url: str) -> Request:
    path, _, query = url.partition("?")
    data = re.search(r" -d '(.*?)'(?:\s|$|\))", command)
    said = re.search(r"-X (\w+)", command)
    body = json.loads(data[1]) if data else None
    is_sent = bool(data) or " -F " in command or "--data-binary" in command
    return Request(page, said[1] if said else "POST" if is_sent else "GET", path, tuple(parse_qs(query, True)), body)


REQUESTS = [request for page in sorted(DOCS.rglob("*.md")) for request in requests_of(page)]


@pytest.fixture(scope="module")
def openapi(fresh: Installation) -> dict[str, Any]:
    document: dict[str, Any] = httpx2.get(f"{fresh.http_url}/openapi.json").json()
    return document


def operation_of(openapi: dict[str, Any], request: Request) -> dict[str, Any] | None:
    """What the API says of this method and path; a path without variables comes before one with."""
    parts = request.path.split("/")
    for path in sorted(openapi["paths"], key=lambda path: path.count("{")):
        known = path.split("/")
        fits = len(known) == len(parts) and all(
            one == other or one.startswith("{") for one, other in zip(known, parts, strict=True)
        )
        if fits and (operation := openapi["paths"][path].get(request.method.lower())):
            found: dict[str, Any] = operation
            return found
    return None


def test_there_are_requests_in_every_how_to_of_commissioning() -> None:
    assert len(REQUESTS) > 60
    assert len({request.page for request in REQUESTS}) > 10


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_a_documented_request_is_one_of_the_api(openapi: dict[str, Any], request_: Request) -> None:
    operation = operation_of(openapi, request_)
    assert operation is not None, f"{request_} is not there"
    known = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"}
    assert set(request_.query) <= known, f"{request_} has no such query parameter"
    if request_.body is not None:
        check_body(openapi, operation, request_)


def check_body(openapi: dict[str, Any], operation: dict[str, Any], request: Request) -> None:
    """Every field of the body is one of the request's; every required one is there. Commands to charge points are OCPP's own."""
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    shapes = [resolved(openapi, each) for each in schema.get("anyOf", [schema])]
    shape = next((each for each in shapes if "properties" in each), None)
    if shape is None:
        return
    assert set(request.body) <= set(shape["properties"]), f"{request} says what nobody asks for"
    assert set(shape.get("required", [])) <= set(request.body), f"{request} lacks a field"


def resolved(openapi: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference: str | None = schema.get("$ref")
    return openapi["components"]["schemas"][reference.rpartition("/")[2]] if reference else schema


def test_pages_are_read_block_by_block() -> None:
    """The harness itself: what can't be run is left out, and an answer belongs to the block right before it."""
    found = blocks("how-to/issues.md")
    assert len(found) > 8
    assert all("…" not in block.command for block in found)
    assert found[0].language == "json"
