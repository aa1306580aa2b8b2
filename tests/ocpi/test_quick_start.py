"""What may be filled into HUB's requests, and what not (quick start)."""

from datetime import UTC, datetime

import pytest

from ocpi_objects import LOCATION, SESSION, a
from sliproad.ocpi.ids import Party
from sliproad.ocpi.quick_start import belongs, cdr, cdr_location, location, of_party, without_ellipses
from sliproad.ocpi.status_codes import InvalidParameters

OWNER, NOON = Party("FR", "ABC"), datetime(2026, 5, 1, 12, tzinfo=UTC)
HOURS = {"start_date_time": "2024-03-15T14:00:00Z", "stop_date_time": "2024-03-15T15:30:00Z"}


def test_what_is_given_stays() -> None:
    """A whole object comes out as it came."""
    assert location(LOCATION, OWNER, NOON, "Europe/Berlin") == (LOCATION, ())
    assert of_party({}, OWNER, NOON).notes == ("country_code", "party_id", "last_updated")
    assert of_party({"country_code": "fr"}, OWNER, NOON).body["country_code"] == "fr"


def test_hub_s_location_becomes_whole() -> None:
    """Decimals, zone and parking type."""
    printed = {"type": "ON_STREET", "coordinates": {"latitude": "48.8566", "longitude": "2"}}
    body, notes = location(printed, OWNER, NOON, "Europe/Paris")
    assert body["coordinates"] == {"latitude": "48.85660", "longitude": "2.00000"}
    assert (body["time_zone"], body["parking_type"], "type" in body) == ("Europe/Paris", "ON_STREET", False)
    assert notes[3:] == ("publish", "time_zone", "parking_type", "coordinates")


def test_hub_s_driver_has_an_emsp() -> None:
    """`DE8ACC12`: DE, 8AC."""
    token = cdr({"auth_id": "DE8ACC12"}, OWNER, NOON).body["cdr_token"]
    assert (token["country_code"], token["party_id"], token["contract_id"]) == ("DE", "8AC", "DE8ACC12")


def test_what_nothing_implies_stays_missing() -> None:
    """No place, no zone, no type: the strict check names them."""
    assert location({}, OWNER, NOON, None).notes == ("country_code", "party_id", "last_updated", "publish")
    strange = {"coordinates": {"latitude": "north"}, "type": 7}
    body = location(strange, OWNER, NOON, None).body
    assert body["coordinates"] == {"latitude": "north"}
    assert "parking_type" not in body
    assert "cdr_token" not in cdr({}, OWNER, NOON).body


def test_a_cdr_is_filled_from_its_own_fields() -> None:
    body = cdr(HOURS, OWNER, NOON).body
    assert (body["end_date_time"], body["total_time"]) == ("2024-03-15T15:30:00Z", 1.5)
    assert body["charging_periods"] == [
        {"start_date_time": HOURS["start_date_time"], "dimensions": [{"type": "TIME", "volume": 1.5}]}
    ]
    assert (
        cdr({**HOURS, "total_energy": 3}, OWNER, NOON).body["charging_periods"][0]["dimensions"][0]["type"] == "ENERGY"
    )
    for wrong in ({**HOURS, "start_date_time": "soon"}, {"auth_id": 7}, {"auth_id": "DE8AC"}, {"party_id": "DEF"}):
        with pytest.raises(InvalidParameters):
            cdr(wrong, OWNER, NOON)


def test_a_session_s_place() -> None:
    """None where the location does not have that EVSE or connector."""
    place = cdr_location(a(LOCATION, name="Nord", state=None), SESSION)
    assert place is not None
    assert (place["name"], place["evse_id"], place["connector_standard"]) == (
        "Nord",
        "FR*ABC*E1041503001",
        "IEC_62196_T2",
    )
    assert "state" not in place
    assert cdr_location(LOCATION, a(SESSION, evse_uid="1")) is None
    assert cdr_location(LOCATION, a(SESSION, connector_id="9")) is None
    assert cdr_location(a(LOCATION, evses=...), SESSION) is None


@pytest.mark.parametrize(
    ("change", "is_its"),
    [
        ({}, True),
        ({"end_date_time": "2026-05-01T08:30:00Z"}, True),
        ({"end_date_time": "2026-05-01T07:59:00Z"}, False),
        ({"start_date_time": "2026-05-01T10:00:00Z"}, False),
        ({"cdr_token": {**SESSION["cdr_token"], "uid": "x", "contract_id": "y"}}, False),
        ({"cdr_token": {**SESSION["cdr_token"], "contract_id": "y"}}, True),
    ],
)
def test_which_session_is_a_cdr_s(change, is_its) -> None:
    """The same contract or token, and a time in common."""
    record = {"start_date_time": "2026-05-01T08:00:00Z", "end_date_time": "2026-05-01T09:00:00Z"}
    assert belongs(a(SESSION, **change), {**record, "cdr_token": SESSION["cdr_token"]}) is is_its


def test_dots_in_texts_stay() -> None:
    assert (
        without_ellipses(b'{"a": [ ... ], "b": "[...]", "c": "\\"[...]"}')
        == b'{"a": [], "b": "[...]", "c": "\\"[...]"}'
    )
