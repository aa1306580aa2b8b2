"""Contract §1: OpenAPI 3.1 as it really is, the reference, health, metrics, headers, lists, times."""

import re
from html import unescape

import pytest
from pydantic import TypeAdapter, ValidationError

from foundation.web.conftest import SUPPORT_URL, Plumbing
from foundation.web.test_problems import assert_problem
from sliproad.foundation.web import Email, Page
from sliproad.foundation.web.ui.moments import ticked


async def test_openapi_is_3_1_without_phantom_422_and_with_the_real_errors(plumbing: Plumbing) -> None:
    schema = (await plumbing.http.get("/openapi.json")).json()
    assert schema["openapi"].startswith("3.1")
    assert not {"HTTPValidationError", "ValidationError"} & set(schema["components"]["schemas"])
    operation = schema["paths"]["/api/v1/charge-points"]["post"]
    assert "422" not in operation["responses"]
    for status in ("400", "413", "415", "default"):
        media = operation["responses"][status]["content"]["application/problem+json"]
        assert media["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert operation["responses"]["400"]["content"]["application/problem+json"]["example"]["code"] == "validation_error"
    assert "Idempotency-Key" in [parameter["name"] for parameter in operation["parameters"]]
    login = schema["paths"]["/api/v1/login"]["post"]
    assert "Idempotency-Key" not in [parameter["name"] for parameter in login.get("parameters", [])]


async def test_the_reference_is_made_here_and_loads_nothing_from_elsewhere(plumbing: Plumbing) -> None:
    page = await plumbing.http.get("/docs")
    assert page.status_code == 200
    assert "/api/v1/charge-points" in page.text
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert address.startswith(("/", "#")) or unescape(address) == SUPPORT_URL, address
    assert re.findall(r"<script[^>]*>", page.text) == re.findall(
        r'<script type="module" src="/static/[^"]+">', page.text
    )
    assert "style=" not in page.text
    for address in re.findall(r'"(/static/[^"]+)"', page.text):
        asset = await plumbing.http.get(address)
        assert asset.status_code == 200
        assert "immutable" in asset.headers["cache-control"]
        assert re.search(r"\.[0-9a-f]{12}\.|-[0-9A-Z]{8}\.", address)
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


async def test_where_help_is_stands_on_every_page_and_in_the_reference(plumbing: Plumbing) -> None:
    page = await plumbing.http.get("/nothing-here", headers={"Accept": "text/html"})
    assert '<a href="https://help.example/?a=1&amp;b=2">Help</a>' in page.text
    document = (await plumbing.http.get("/openapi.json")).json()
    assert document["info"]["contact"] == {"name": "Help", "url": "https://help.example/?a=1&b=2"}


async def test_static_serves_nothing_but_its_own(plumbing: Plumbing) -> None:
    for name in ("sliproad.css", "..%2f..%2fpages.py", "x.css"):
        assert_problem(await plumbing.http.get(f"/static/{name}"), 404, "not_found")


async def test_security_headers_are_on_everything(plumbing: Plumbing) -> None:
    for path in ("/docs", "/api/v1/numbers", "/nothing", "/healthz"):
        headers = (await plumbing.http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["strict-transport-security"]
    assert (await plumbing.http.get("/api/v1/numbers")).headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "https://sliproad.example"}, 200),
        ({"sec-fetch-site": "same-origin", "origin": "https://sliproad.example"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
async def test_a_form_from_another_site_is_refused(plumbing: Plumbing, headers: dict[str, str], status: int) -> None:
    """Trust D3."""
    answer = await plumbing.http.post("/form", data={"a": "b"}, headers=headers)
    assert answer.status_code == status
    assert plumbing.made == (["form"] if status == 200 else [])


async def test_healthz_answers_and_readyz_names_the_part_that_is_away_without_insides(plumbing: Plumbing) -> None:
    assert (await plumbing.http.get("/healthz")).json() == {"status": "alive"}
    ready = await plumbing.http.get("/readyz")
    assert (ready.status_code, ready.json()) == (
        200,
        {"status": "ready", "parts": {"database": "ready", "bus": "ready"}},
    )
    plumbing.parts["bus"] = False
    away = await plumbing.http.get("/readyz")
    assert (away.status_code, away.json()["parts"]) == (503, {"database": "ready", "bus": "not_ready"})
    assert "password" not in away.text


async def test_metrics_count_by_route_never_by_address(plumbing: Plumbing) -> None:
    for number in range(3):
        await plumbing.http.get(f"/api/v1/errors/not-found?{number}")
        await plumbing.http.get(f"/api/v1/secret-{number}")
    text = (await plumbing.http.get("/metrics")).text
    assert 'sliproad_http_requests_total{method="GET",route="/api/v1/errors/{kind}",status="404"} 3.0' in text
    assert 'route="unmatched"' in text
    assert "secret-" not in text


async def test_lists_come_50_at_a_time_and_the_cursor_goes_on_where_they_ended(plumbing: Plumbing) -> None:
    seen, query = [], ""
    for expected in (50, 50, 30):
        page = (await plumbing.http.get(f"/api/v1/numbers{query}")).json()
        assert len(page["ids"]) == expected
        seen += page["ids"]
        query = f"?cursor={page['next_cursor']}"
    assert page["next_cursor"] is None
    assert seen == [f"cp_{number:03}" for number in range(130)]
    assert len((await plumbing.http.get("/api/v1/numbers?limit=500")).json()["ids"]) == 130


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=x",
        "cursor=x",
        "cursor=W10=",
        "cursor=%F0%9F%94%91",
        "cursor=WzEsMl0=",
        "cursor=" + "a" * 1001,
    ],
)
async def test_a_strange_limit_or_cursor_is_a_validation_error(plumbing: Plumbing, query: str) -> None:
    problem = assert_problem(await plumbing.http.get(f"/api/v1/numbers?{query}"), 400, "validation_error")
    assert problem["errors"][0]["field"] == query.partition("=")[0]


def test_a_cursor_keeps_its_types() -> None:
    kept, cursor = Page(limit=1).cut([(7, "a"), (8, "b")], lambda row: row)
    assert kept == [(7, "a")]
    assert Page(cursor=cursor).after(int, str) == (7, "a")
    assert Page(limit=2).cut([(7, "a"), (8, "b")], lambda row: row) == ([(7, "a"), (8, "b")], None)


async def test_times_are_rfc_3339_in_utc_ending_in_z(plumbing: Plumbing) -> None:
    assert (await plumbing.http.get("/api/v1/now")).json() == {"at": "2026-05-01T10:23:00.250Z", "never": None}


@pytest.mark.parametrize(
    "address", ["alex@acme-ev-installs.com", "a.b+c@d.example", "o'neill@x.example", " s.owen@riversidebp.co.uk "]
)
def test_an_email_is_an_address(address: str) -> None:
    assert TypeAdapter(Email).validate_python(address) == address.strip()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "alex",
        "@x.example",
        "a@",
        "a@b@c",
        "a b@c.example",
        "a@b..c",
        "a@-b.example",
        "a@b.example\r\nBcc: c@d",
        "<a@b.example>",
        "a@" + "b" * 260,
        "ä@b.example",
        '"a"@b.example',
        "a,b@c.example",
    ],
)
def test_an_email_is_nothing_else(address: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Email).validate_python(address)


async def test_every_page_leads_to_the_reference(plumbing: Plumbing) -> None:
    page = await plumbing.http.get("/nothing-here", headers={"Accept": "text/html"})
    assert 'href="/docs"' in page.text


def test_backticks_become_code_and_nothing_else_becomes_markup() -> None:
    assert ticked("a `<b>` <i>") == "a <code>&lt;b&gt;</code> &lt;i&gt;"
