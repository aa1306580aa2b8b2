"""Tokens in headers, routing, paging, envelope (OCPI 2.2.1 §4, §5)."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sliproad.ocpi.envelope import envelope, read_json, read_object, written_json
from sliproad.ocpi.ids import Party
from sliproad.ocpi.modules import METHODS, Interface, ModuleId, Role, methods_of
from sliproad.ocpi.paging import PageAsked, next_link, page_asked
from sliproad.ocpi.routing import Kind, addresses, broadcast_roles, headers_between, kind_of
from sliproad.ocpi.status_codes import InvalidParameters, MethodNotAllowed, OcpiError, Unauthorized
from sliproad.ocpi.token_header import TokenStyle, header_of, readings

HUB, CPO, EMSP = Party("DE", "SLR"), Party("FR", "ABC"), Party("NL", "XYZ")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@given(
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=64), st.sampled_from(TokenStyle)
)
def test_a_token_is_read_in_the_style_it_was_written(token, style) -> None:
    """§4.1.2; what else a header may mean is no harm: only a hash that is kept counts."""
    assert (token, style) in readings(header_of(token, style))


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Token",
        "Token ",
        "Basic YWJj",
        "Token " + "x" * 300,
        "Token " + base64.b64encode(b"a b").decode()[:-1] + " c",
    ],
)
def test_what_is_no_token(header) -> None:
    assert readings(header) == ()


def test_base64_is_strict() -> None:
    """A character outside its alphabet makes it no base64; it may still be the token itself."""
    assert readings("Token ZXhhbXBsZS10b2tlbg==!") == (("ZXhhbXBsZS10b2tlbg==!", TokenStyle.RAW),)
    assert readings("token ZXhhbXBsZS10b2tlbgo=")[0] == ("example-token", TokenStyle.BASE64_WITH_LINE_FEED)
    assert readings("Token " + base64.b64encode(b"\xff\xfe\xfd").decode()) == (("//79", TokenStyle.RAW),)


def routing(**headers: str) -> dict[str, str]:
    return {f"ocpi-{name.replace('_', '-')}": value for name, value in headers.items()}


def test_addresses() -> None:
    """§4.2.2: CiStrings, in any case."""
    sender = routing(from_country_code="fr", from_party_id="abc")
    assert addresses(sender) == (CPO, None)
    assert addresses(sender | routing(to_country_code="NL", to_party_id="XYZ")) == (CPO, EMSP)
    assert {name.lower(): value for name, value in headers_between(CPO, EMSP).items()} == routing(
        from_country_code="FR", from_party_id="ABC", to_country_code="NL", to_party_id="XYZ"
    )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        routing(from_party_id="ABC"),
        routing(from_country_code="F1", from_party_id="ABC"),
        routing(from_country_code="FR", from_party_id="ABC", to_party_id="XYZ"),
    ],
)
def test_halves_of_addresses_are_refused(headers) -> None:
    with pytest.raises(InvalidParameters):
        addresses(headers)


@pytest.mark.parametrize(
    ("method", "interface", "depth", "to", "kind"),
    [
        ("GET", Interface.SENDER, 0, HUB, Kind.GET_ALL),
        ("GET", Interface.SENDER, 0, EMSP, Kind.DIRECT),
        ("GET", Interface.SENDER, 1, HUB, Kind.OPEN),
        ("GET", Interface.RECEIVER, 3, None, Kind.OPEN),
        ("PUT", Interface.RECEIVER, 3, HUB, Kind.BROADCAST),
        ("PUT", Interface.RECEIVER, 3, None, Kind.OPEN),
        ("PUT", Interface.RECEIVER, 3, EMSP, Kind.DIRECT),
    ],
)
def test_the_four_scenarios(method, interface, depth, to, kind) -> None:
    """§4.2.6."""
    assert kind_of(method, interface, depth, to, HUB) is kind


def test_get_all_names_the_hub() -> None:
    """§4.2.5."""
    with pytest.raises(InvalidParameters):
        kind_of("GET", Interface.SENDER, 0, None, HUB)


def test_whom_a_broadcast_reaches() -> None:
    """§4.2.3: OTHER is told like an eMSP, and tells CPOs alone."""
    assert broadcast_roles(Role.CPO) == {Role.EMSP, Role.NSP, Role.OTHER}
    assert broadcast_roles(Role.EMSP) == broadcast_roles(Role.OTHER) == {Role.CPO}


def test_methods_by_depth() -> None:
    """§8-§15: what the specification calls n/a is not there."""
    assert methods_of(ModuleId.LOCATIONS, Interface.RECEIVER, 5) == ("GET", "PUT", "PATCH")
    assert methods_of(ModuleId.CDRS, Interface.RECEIVER, 0) == ("POST",)
    assert methods_of(ModuleId.LOCATIONS, Interface.RECEIVER, 2) == ()
    assert methods_of(ModuleId.HUB_CLIENT_INFO, Interface.RECEIVER, 2) == ()
    for (module, interface), table in METHODS.items():
        if module in {ModuleId.LOCATIONS, ModuleId.TOKENS}:
            assert "DELETE" not in table
        if module is ModuleId.TARIFFS and interface is Interface.RECEIVER:
            assert "PATCH" not in table


def test_pages() -> None:
    """§4.1.5: at most 100, filters kept in the link, no link on the last page."""
    asked = page_asked({"offset": "100", "limit": "2000", "date_from": "2016-01-01T00:00:00Z", "x": "y"})
    assert asked == PageAsked(datetime(2016, 1, 1, tzinfo=UTC), None, 100, 100)
    url = "https://hub.example/ocpi/2.2.1/sender/cdrs"
    assert next_link(url, asked, 201) == f'<{url}?offset=200&limit=100&date_from=2016-01-01T00:00:00Z>; rel="next"'
    assert next_link(url, asked, 200) is None
    assert page_asked({"offset": "100", "after": "7"}).after == 7
    assert page_asked({"after": "7"}).after == 0
    assert next_link(url, PageAsked(None, None, 0, 2), 3, 9) == f'<{url}?offset=2&limit=2&after=9>; rel="next"'


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "-1"}, {"offset": "1.5"}, {"offset": "٣"}, {"date_to": "2016-01-01"}]
)
def test_odd_pages_are_refused(query) -> None:
    with pytest.raises(InvalidParameters, match=next(iter(query))):
        page_asked(query)


def test_an_envelope() -> None:
    """§4.1.7."""
    assert envelope(NOON, []) == {"status_code": 1000, "timestamp": "2026-05-01T12:00:00Z", "data": []}
    assert envelope(NOON.replace(microsecond=45000), code=2001, message="no") == {
        "status_code": 2001,
        "timestamp": "2026-05-01T12:00:00.045Z",
        "status_message": "no",
    }


@pytest.mark.parametrize(
    ("body", "http_status"),
    [
        (b"{", 400),
        (b"", 400),
        (b'{"a": NaN}', 400),
        (b'{"a": "\\u0000"}', 200),
        (b'{"\\u0000": 1}', 200),
        (b"[" * 40 + b"]" * 40, 200),
    ],
)
def test_bodies_that_can_t_be_kept(body, http_status) -> None:
    """§5: HTTP 400 is for what is no JSON, and for nothing else."""
    with pytest.raises(OcpiError) as refused:
        read_json(body)
    assert refused.value.http_status == http_status


def test_json_is_written_as_it_is_read() -> None:
    assert read_json(written_json({"name": "Énergie"})) == {"name": "Énergie"}


def test_refusals_of_the_transport() -> None:
    """§4.1.2, §5: 401 and 405 are HTTP's."""
    assert Unauthorized().http_status == 401
    refused = MethodNotAllowed("no", ("GET",))
    assert (refused.http_status, refused.allowed) == (405, ("GET",))


def test_an_object_is_asked_for() -> None:
    assert read_object(b'{"a": [1, {"b": "c"}]}') == {"a": [1, {"b": "c"}]}
    with pytest.raises(OcpiError, match="object"):
        read_object(b"[]")
