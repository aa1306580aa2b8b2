"""The parts that pages are made of: forms that remember, tables that sort, notices that live for one page, charts, times."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import orjson
import pytest
from pydantic import Field
from starlette.requests import Request

from sliproad.foundation.errors import Conflict, FieldError, InvalidInput
from sliproad.foundation.language import reading, zone_named
from sliproad.foundation.web.requests import Email, RequestModel, Text
from sliproad.foundation.web.ui import Column, Form, NavEntry, PageRole, Pages, Table, Visitor, line_chart, see_other
from sliproad.foundation.web.ui.answers import Notice, notice_of, own_path
from sliproad.foundation.web.ui.codes import qr
from sliproad.foundation.web.ui.moments import ago, day, duration, moment, number
from sliproad.foundation.web.ui.statuses import status_of
from sliproad.foundation.web.visitors import current_of, entries_of

AT = datetime(2026, 5, 1, 22, 23, tzinfo=UTC)


def a_request(path: str = "/list", query: str = "", body: bytes = b"", **headers: str) -> Request:
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": query.encode(),
        "headers": sent,
        "scheme": "http",
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(scope, receive)


class Order(RequestModel):
    email: Email
    count: Annotated[int, Field(ge=1, le=16)] = 1
    bays: list[str] = Field(default_factory=list)
    note: Text | None = None
    password: Text | None = None


async def read(body: str) -> Form[Order]:
    kind = "application/x-www-form-urlencoded"
    return await Form.read(a_request(body=body.encode(), content_type=kind), Order)


async def test_a_form_that_fits_is_its_model_and_an_empty_field_was_not_given() -> None:
    form = await read("email=a%40b.example&count=3&bays=1&bays=2&note=&unknown=x")
    assert form.value == Order(email="a@b.example", count=3, bays=["1", "2"])
    assert not form.is_refused


@pytest.mark.parametrize(
    ("body", "name", "said"),
    [
        ("", "email", "Please fill this in."),
        ("email=nobody", "email", "Is not an e-mail address."),
        ("email=a%40b.example&count=many", "count", "Please write a number."),
        ("email=a%40b.example&count=0", "count", "Too small: the least is 1."),
        ("email=a%40b.example&count=17", "count", "Too large: the most is 16."),
        (f"email=a%40b.example&note={'x' * 201}", "note", "At most 200 characters fit."),
    ],
)
async def test_what_does_not_fit_is_said_beside_its_field_and_what_was_typed_is_kept(
    body: str, name: str, said: str
) -> None:
    form = await read(f"{body}&password=hunter2-hunter2")
    assert (form.value, form.errors) == (None, {name: said})
    assert form.text(name) == form.typed.get(name, "")
    assert form.text("password") == ""


async def test_a_character_that_cannot_be_stored_is_refused() -> None:
    form = await read("email=a%40b.example&note=a%00b")
    assert form.value is None
    assert form.general


async def test_a_use_cases_no_goes_where_it_belongs() -> None:
    form = await read("email=a%40b.example")
    form.refuse(InvalidInput("", (FieldError("email.0", "is taken"),)))
    form.refuse(Conflict("There is one already."))
    assert (form.errors, form.general) == ({"email": "Is taken."}, ["There is one already."])


@pytest.mark.parametrize(
    "path",
    [
        "",
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\nb",
        "x",
        "/" + "a" * 3000,
    ],
)
def test_a_path_that_is_not_ours_leads_home(path: str) -> None:
    assert own_path(path) == "/"
    assert own_path("/projects?sort=name#top") == "/projects?sort=name#top"


def test_a_notice_is_said_on_the_next_page_and_a_forged_one_is_not() -> None:
    said = see_other(a_request(), "/next", notice="Gespeichert: <b>€</b>", tone="warning")
    assert (said.status_code, said.headers["location"]) == (303, "/next")
    cookie = said.headers["set-cookie"].partition(";")[0]
    assert notice_of(a_request(cookie=cookie)) == Notice("Gespeichert: <b>€</b>", "warning")
    forged = base64.urlsafe_b64encode(orjson.dumps(["purple", "x"])).decode()
    for value in ("", "nonsense", "%%%", forged, base64.urlsafe_b64encode(b"[1]").decode(), "a" * 9000):
        assert notice_of(a_request(cookie=f"notice={value}")) is None


@pytest.mark.parametrize("header", [{"hx_request": "true"}, {"x_requested_with": "fetch"}], ids=str)
def test_a_script_is_told_where_to_go(header: dict[str, str]) -> None:
    answer = see_other(a_request(**header), "/next")
    assert (answer.status_code, answer.headers["hx-redirect"]) == (204, "/next")


def test_a_table_sorts_both_ways_and_begins_anew_with_each_order() -> None:
    columns = [Column("name", "Name", sorts=True), Column("at", "When")]
    table = Table(a_request(query="sort=name&cursor=x&words=a+b"), columns, [], next_cursor="next")
    assert (table.sort, table.direction(columns[0]), table.direction(columns[1])) == (
        ("name", False),
        "ascending",
        None,
    )
    assert table.sort_href(columns[0]) == "/list?sort=-name&words=a+b"
    assert (table.next_href, table.first_href) == ("/list?sort=name&cursor=next&words=a+b", "/list?sort=name&words=a+b")
    assert Table(a_request(query="sort=at"), columns, []).sort == ("", False)
    assert Table(a_request(), columns, [], default_sort="-name").sort == ("name", True)


def test_times_and_numbers_are_in_the_readers_language_and_zone() -> None:
    assert (moment(AT), day(AT), number(1234.5)) == ("1 May 2026, 22:23 UTC", "1 May 2026", "1,234.5")
    with reading("de", zone_named("Europe/Vienna")):
        assert (moment(AT), day(AT), number(1234.5)) == ("2. Mai 2026, 00:23", "2. Mai 2026", "1.234,5")
        assert "vor 3 Minuten" in ago(AT, AT + timedelta(minutes=3))
    assert [duration(seconds) for seconds in (-1, 59.4, 200, 7500)] == ["0 s", "59 s", "3 min 20 s", "2 h 5 min"]
    assert "just now" in ago(AT, AT + timedelta(seconds=10))


def test_a_state_has_one_name_everywhere_and_an_unknown_one_its_own() -> None:
    assert status_of("faulted") == ("Faulted", "bad")
    assert status_of("Available") == ("Available", "good")
    assert status_of("never_heard_of") == ("Never heard of", "neutral")


@pytest.mark.parametrize("values", [[0, 0], [0.001, 0.002], [1, 99_999_999], [-5, 5], [3, 3, 3]], ids=str)
def test_a_chart_of_any_values_stays_on_its_sheet(values: list[float]) -> None:
    drawn = line_chart(
        [(AT + timedelta(seconds=i), value) for i, value in enumerate(values)], label="Power <x>", unit="kW"
    )
    assert "<x>" not in drawn
    path = drawn.partition('points="')[2].partition('"')[0]
    for point in path.split():
        x, y = map(float, point.split(","))
        assert 0 <= x <= 640
        assert 0 <= y <= 220
    assert line_chart([(1, 1)], label="x", unit="y") == ""


def test_a_qr_code_is_inline_and_its_name_is_text() -> None:
    drawn = qr("wss://ocpp.example/CP-1", '"><script>')
    assert drawn.startswith("<svg")
    assert "<script>" not in drawn
    assert "style=" not in drawn


def test_everybody_sees_their_own_places() -> None:
    places = (
        NavEntry(PageRole.INSTALLER, "Sites", "/installer/sites", "pin", 20),
        NavEntry(PageRole.INSTALLER, "Projects", "/installer/projects", "folder", 10),
        NavEntry(PageRole.ORGANIZATION, "Fleet", "/cpo/fleet", "bolt", 10),
    )
    mine = entries_of(places, Visitor(PageRole.INSTALLER, "Alex", "", None))
    assert [entry.label for entry in mine] == ["Projects", "Sites"]
    assert entries_of(places, None) == []
    assert current_of(mine, "/installer/projects/prj_1") == mine[0]
    assert current_of(mine, "/installer/projectsx") is None


def test_a_block_of_a_template_stands_for_itself(tmp_path) -> None:
    (tmp_path / "page.html").write_text(
        '{% extends "layout.html" %}{% block content %}<div id="rows">{% block rows %}{{ ui.pill(text) }}{% endblock %}</div>{% endblock %}'
    )

    class App:
        class state:  # noqa: N801
            navigation = ()

    request = a_request()
    request.scope["app"] = App
    html = Pages(tmp_path).fragments(request, "page.html", "rows", text="<b>")
    assert (
        html
        == '<hx-partial hx-target="#rows" hx-swap="innerMorph"><span class="pill is-neutral">&lt;b&gt;</span></hx-partial>'
    )
