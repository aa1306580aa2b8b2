"""Contract §1: every error is an RFC 9457 problem with a code; bad input is a clean 4xx; a 500 tells nothing."""

import httpx2
import pytest
from structlog.testing import capture_logs

from foundation.web.conftest import Plumbing

CREATE = "/api/v1/charge-points"
JSON = {"content-type": "application/json"}


def assert_problem(answer: httpx2.Response, status: int, code: str) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["code"], body["request_id"]) == (status, code, answer.headers["x-request-id"])
    assert body["type"] == f"urn:sliproad:problem:{code}"
    assert body["title"]
    assert body["detail"]
    return body


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("invalid", 400, "validation_error"),
        ("unauthenticated", 401, "unauthorized"),
        ("not-allowed", 403, "handover_not_ready"),
        ("not-found", 404, "not_found"),
        ("conflict", 409, "not_connected"),
        ("unprocessable", 422, "already_commissioned"),
        ("too-many", 429, "rate_limited"),
        ("upstream", 504, "charge_point_timeout"),
        ("mail", 502, "upstream_unavailable"),
    ],
)
async def test_each_kind_of_domain_error_has_its_status_and_keeps_its_code(
    plumbing: Plumbing, kind: str, status: int, code: str
) -> None:
    answer = await plumbing.http.get(f"/api/v1/errors/{kind}")
    body = assert_problem(answer, status, code)
    if kind == "invalid":
        assert body["errors"] == [{"field": "location.latitude", "message": "must be at most 90"}]
    if kind == "not-allowed":
        assert body["missing"] == ["cp_1 is not completed"]
    if kind == "too-many":
        assert answer.headers["retry-after"] == "7"
    if kind == "unauthenticated":
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_an_unknown_address_is_404_and_a_wrong_method_405_with_allow(plumbing: Plumbing) -> None:
    assert_problem(await plumbing.http.get("/api/v1/nothing"), 404, "not_found")
    answer = await plumbing.http.delete(CREATE)
    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


async def test_every_wrong_field_is_named_by_its_path(plumbing: Plumbing) -> None:
    body = {"location": {"latitude": 91, "altitude": 3}, "colour": "red", "power_kw": "much"}
    problem = assert_problem(await plumbing.http.post(CREATE, json=body), 400, "validation_error")
    assert {each["field"]: each["message"] for each in problem["errors"]} == {
        "name": "is required",
        "location.latitude": "input should be less than or equal to 90",
        "location.altitude": "is not a field that this request knows",
        "colour": "is not a field that this request knows",
        "power_kw": "input should be a valid number, unable to parse string as a number",
    }
    assert plumbing.made == []


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b'{"name": "a",}',
        b"[1, 2",
        b"nothing",
        b'{"name": NaN}',
        b'{"name": "a", "power_kw": Infinity}',
        b'{"name": "a", "power_kw": 1e999}',
        b'{"name": "\xff\xfe"}',
        b'{"name": "\\ud800"}',
        b'{"name": "a\\u0000b"}',
        b'{"name": "a", "notes": {"deep": {"er": ["x", "\\u0000"]}}}',
        b'{"name": "a", "notes": {"\\u0000": 1}}',
        b'{"name": "a", "notes": ' + b'{"a":' * 100 + b"1" + b"}" * 100 + b"}",
        b"[" * 100_000,
        b'{"a":' * 3000,
        b'"text"',
        b"7",
        b"null",
        b"[]",
        b"\xef\xbb\xbf{}",
    ],
)
async def test_a_body_that_is_not_sound_json_is_a_validation_error(plumbing: Plumbing, body: bytes) -> None:
    problem = assert_problem(await plumbing.http.post(CREATE, content=body, headers=JSON), 400, "validation_error")
    assert problem["errors"]
    assert plumbing.made == []


async def test_u0000_is_refused_by_the_name_of_its_field(plumbing: Plumbing) -> None:
    body = {"name": "a", "notes": {"deep": {"er": ["x", "\0"]}}}
    problem = assert_problem(await plumbing.http.post(CREATE, json=body), 400, "validation_error")
    assert problem["errors"] == [{"field": "notes.deep.er.1", "message": "must not contain U+0000"}]


async def test_u0000_in_an_address_or_query_is_a_clean_4xx(plumbing: Plumbing) -> None:
    assert_problem(await plumbing.http.get("/api/v1/errors/a%00b"), 404, "not_found")
    assert_problem(await plumbing.http.get("/api/v1/numbers?cursor=%00"), 400, "validation_error")


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", "", "multipart/form-data"],
)
async def test_a_body_that_is_not_meant_as_json_is_415(plumbing: Plumbing, content_type: str) -> None:
    answer = await plumbing.http.post(CREATE, content=b'{"name": "a"}', headers={"content-type": content_type})
    assert_problem(answer, 415, "unsupported_media_type")


async def test_a_compressed_body_is_415(plumbing: Plumbing) -> None:
    answer = await plumbing.http.post(CREATE, content=b"x", headers=JSON | {"content-encoding": "gzip"})
    assert_problem(answer, 415, "unsupported_media_type")


async def test_more_than_a_mebibyte_is_413_said_or_streamed(plumbing: Plumbing) -> None:
    async def stream():
        for _ in range(17):
            yield b" " * 65536

    fits = b'{"name": "a"}' + b" " * (1024 * 1024 - 13)
    assert (await plumbing.http.post(CREATE, content=fits, headers=JSON)).status_code == 201
    assert_problem(await plumbing.http.post(CREATE, content=fits + b" ", headers=JSON), 413, "content_too_large")
    assert_problem(await plumbing.http.post(CREATE, content=stream(), headers=JSON), 413, "content_too_large")


async def test_a_crash_is_a_500_without_insides_that_the_log_tells_under_the_same_id(plumbing: Plumbing) -> None:
    with capture_logs() as logs:
        answer = await plumbing.http.post(CREATE, json={"name": "crash"})
    assert_problem(answer, 500, "internal_error")
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text
    entry = next(entry for entry in logs if entry["event"] == "request_failed")
    assert isinstance(entry["exc_info"], RuntimeError)
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_value_that_postgresql_cannot_hold_is_a_400_and_other_sql_errors_a_500(plumbing: Plumbing) -> None:
    assert_problem(await plumbing.http.get("/api/v1/database/range"), 400, "validation_error")
    answer = await plumbing.http.get("/api/v1/database/syntax")
    assert_problem(answer, 500, "internal_error")
    assert "selec" not in answer.text


async def test_a_database_that_is_away_is_a_503_with_retry_after(plumbing: Plumbing, web) -> None:
    await web.close()
    web.engine = web.engine.execution_options()
    web._session.configure(bind=_unreachable())
    answer = await plumbing.http.get("/api/v1/database/range")
    assert_problem(answer, 503, "service_unavailable")
    assert answer.headers["retry-after"] == "1"


def _unreachable():
    from sqlalchemy.ext.asyncio import create_async_engine

    return create_async_engine("postgresql+psycopg://127.0.0.1:1/none?connect_timeout=2")


async def test_request_ids_come_back_sane_ones_are_kept(plumbing: Plumbing) -> None:
    kept = await plumbing.http.get("/healthz", headers={"x-request-id": "abc-123_4.5"})
    assert kept.headers["x-request-id"] == "abc-123_4.5"
    for strange in ("a b", "x" * 65, "ü".encode(), "a\x1b[31m"):
        answer = await plumbing.http.get("/healthz", headers={"x-request-id": strange})
        assert answer.headers["x-request-id"].startswith("req_")


async def test_a_browser_gets_a_page_outside_the_api_and_a_problem_inside(plumbing: Plumbing) -> None:
    page = await plumbing.http.get("/nothing<script>", headers={"accept": "text/html,*/*"})
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "There is nothing at this address." in page.text
    assert "<script>" not in page.text
    assert_problem(await plumbing.http.get("/api/v1/nothing", headers={"accept": "text/html"}), 404, "not_found")
