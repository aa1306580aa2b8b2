"""Ids, types of fields, objects and PATCH (OCPI 2.2.1 §8-§13, §16)."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ocpi_objects import CDR, LOCATION, SESSION, STAMP, TARIFF, TOKEN, a
from sliproad.ocpi.fields import OcpiObject, checked, read_date_time
from sliproad.ocpi.ids import Party, check_digit, contract_party, is_contract_id, is_evse_id, party
from sliproad.ocpi.objects.cdrs import Cdr
from sliproad.ocpi.objects.commands import COMMANDS
from sliproad.ocpi.objects.credentials import Credentials
from sliproad.ocpi.objects.locations import GeoLocation, Location
from sliproad.ocpi.objects.sessions import Session
from sliproad.ocpi.objects.tariffs import Tariff
from sliproad.ocpi.objects.tokens import Token
from sliproad.ocpi.patching import part_of, patched, with_charging_periods, with_part
from sliproad.ocpi.status_codes import InvalidParameters, NotKnown


@pytest.mark.parametrize(
    ("contract_id", "digit"), [("DE83DUIEN83QGZ", "D"), ("DE-8AA-CA2B3C4D5", "L"), ("DE-8AC-C12E56L89", "4")]
)
def test_the_check_digit_of_a_contract_id(contract_id, digit) -> None:
    """eMI3 part 2."""
    assert check_digit(contract_id) == digit
    assert is_contract_id(contract_id + digit) or is_contract_id(f"{contract_id}-{digit}")
    assert is_contract_id(contract_id.lower())
    wrong = "0" if digit != "0" else "1"
    separator = "-" if "-" in contract_id else ""
    assert not is_contract_id(contract_id + separator + wrong)


def test_what_is_no_contract_id() -> None:
    assert not is_contract_id("DE8ACC12")
    with pytest.raises(ValueError, match="14 letters"):
        check_digit("DE8ACC12")


def test_parties() -> None:
    """§7.3: any case in, capitals inside."""
    assert party("fr", "a1c") == Party("FR", "A1C")
    assert str(Party("FR", "ABC")) == "FR*ABC"
    assert [party(*each) for each in (("F", "RABC"), ("FR", "AB"), ("F1", "ABC"), ("FR", "ÄBC"))] == [None] * 4
    assert contract_party("DE8ACC12") == contract_party("DE-8AC-C12E56L89-4") == Party("DE", "8AC")
    assert contract_party("DE8AC") is None


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("FR*ABC*E1041503001", True),
        ("FRABCE1", True),
        ("fr*abc*e1*2", True),
        ("FR*ABC*1", False),
        ("FRABCE", False),
        ("FR*ABC*E" + "1" * 32, False),
    ],
)
def test_evse_ids(text, is_one) -> None:
    """eMI3, ISO 15118-1."""
    assert is_evse_id(text) is is_one


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2015-06-29T20:39:09Z", datetime(2015, 6, 29, 20, 39, 9, tzinfo=UTC)),
        ("2015-06-29T20:39:09", datetime(2015, 6, 29, 20, 39, 9, tzinfo=UTC)),
        ("2016-12-29T17:45:09.2Z", datetime(2016, 12, 29, 17, 45, 9, 200000, tzinfo=UTC)),
        ("2018-01-01T01:08:01.123", datetime(2018, 1, 1, 1, 8, 1, 123000, tzinfo=UTC)),
    ],
)
def test_times(text, moment) -> None:
    """§16.2: UTC with or without its letter, fractions of any length."""
    assert read_date_time(text) == read_date_time(moment) == moment


@pytest.mark.parametrize(
    "text", ["2015-06-29T20:39:09+00:00", "2015-06-29 20:39:09", "2015-06-29", "2015-13-29T20:39:09Z", 1435610349, None]
)
def test_what_is_no_time(text) -> None:
    """§16.2: +00:00 is not the same as UTC."""
    with pytest.raises(ValueError, match=r"UTC|month"):
        read_date_time(text)


@pytest.mark.parametrize(
    ("kind", "whole"), [(Location, LOCATION), (Tariff, TARIFF), (Token, TOKEN), (Session, SESSION), (Cdr, CDR)]
)
def test_whole_objects_are_taken_and_unknown_fields_kept(kind: type[OcpiObject], whole) -> None:
    found = checked(kind, whole | {"x_own": {"a": 1}})
    assert found.model_extra
    assert found.model_extra["x_own"] == {"a": 1}
    for name, field in kind.model_fields.items():
        if field.is_required():
            with pytest.raises(InvalidParameters, match=f"^{name}: is required"):
                checked(kind, a(whole, **{name: ...}))


def test_texts_are_printable_and_ids_ascii() -> None:
    """§16.1, §16.6."""
    with pytest.raises(InvalidParameters, match=r"^name: must hold printable"):
        checked(Location, a(LOCATION, name="a\tb"))
    with pytest.raises(InvalidParameters, match=r"^id: must hold printable ASCII"):
        checked(Location, a(LOCATION, id="LÖC"))


def test_credentials_tokens_are_printable() -> None:
    """§7.3.1."""
    role = {"role": "CPO", "country_code": "FR", "party_id": "ABC", "business_details": {"name": "ABC"}}
    whole = {"token": "a~!", "url": "https://cpo.example/ocpi/versions", "roles": [role]}
    assert checked(Credentials, whole).roles[0].role == "CPO"
    for token in ("a b", "", "x" * 65, "\u00e9"):
        with pytest.raises(InvalidParameters, match=r"^token"):
            checked(Credentials, {**whole, "token": token})


def test_money_is_decimal() -> None:
    """§16.4, §16.5: as it is written, no binary fraction; and no text, no truth."""
    tariff = checked(Tariff, TARIFF)
    assert tariff.elements[0].price_components[0].price == Decimal("0.39")
    for wrong in ("0.39", True, None):
        with pytest.raises(InvalidParameters, match=r"^total_energy"):
            checked(Cdr, a(CDR, total_energy=wrong))


@pytest.mark.parametrize(
    ("latitude", "is_one"),
    [("48.88094", True), ("-9.1234567", True), ("48.8566", False), ("48,88094", False), ("148.88094", False)],
)
def test_coordinates_have_five_to_seven_decimals(latitude, is_one) -> None:
    """§8.4.13."""
    place = {"latitude": latitude, "longitude": "2.35535"}
    if is_one:
        assert checked(GeoLocation, place).latitude == latitude
    else:
        with pytest.raises(InvalidParameters, match="latitude"):
            checked(GeoLocation, place)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"end_date_time": "2026-05-01T07:00:00Z"}, "end_date_time"),
        ({"id": "C" * 37}, "36"),
        ({"credit": True}, "credit_reference_id"),
        ({"credit_reference_id": "CDR-0"}, "credit_reference_id"),
        ({"charging_periods": []}, "charging_periods"),
        ({"currency": "Euro"}, "currency"),
    ],
)
def test_cdrs_that_contradict_themselves(change, names) -> None:
    """§10.3.1."""
    with pytest.raises(InvalidParameters, match=names):
        checked(Cdr, a(CDR, **change))
    assert checked(Cdr, a(CDR, id="C" * 39, credit=True, credit_reference_id="CDR-1"))


def test_several_mistakes_are_counted() -> None:
    with pytest.raises(InvalidParameters, match=r"^address: is required \(and 1 more\)$"):
        checked(Location, a(LOCATION, address=..., city=...))
    with pytest.raises(InvalidParameters, match=r"^body: "):
        checked(Location, [])


def test_commands_need_what_they_act_on() -> None:
    """§13.3."""
    for kind in COMMANDS.values():
        with pytest.raises(InvalidParameters):
            checked(kind, {"response_url": "https://emsp.example/1"})


def test_a_patch_changes_what_it_names() -> None:
    """§4.1.4: null takes a field away; §4.1.4.3: last_updated is always there."""
    after = patched(LOCATION, {"name": None, "city": "Lyon", "last_updated": STAMP})
    assert "name" not in after
    assert (after["city"], after["address"]) == ("Lyon", LOCATION["address"])
    with pytest.raises(InvalidParameters, match="last_updated"):
        patched(LOCATION, {"city": "Lyon"})


def test_parts_of_a_location() -> None:
    """§8.2.2: ids are compared without regard to case; a part lifts its parents' stamp, never lowers it."""
    [evse] = LOCATION["evses"]
    assert part_of(LOCATION, ()) == LOCATION
    assert part_of(a(LOCATION, evses=[a(evse, uid="e1")]), ("E1",)) == a(evse, uid="e1")
    assert part_of(LOCATION, ("3256", "1")) == evse["connectors"][0]
    with pytest.raises(NotKnown, match="evse"):
        part_of(LOCATION, ("1",))
    with pytest.raises(NotKnown, match="connector"):
        part_of(LOCATION, ("3256", "2"))
    earlier = a(evse, uid="3257", last_updated="2026-04-01T00:00:00Z")
    after = with_part(LOCATION, ("3257",), earlier)
    assert [each["uid"] for each in after["evses"]] == ["3256", "3257"]
    assert after["last_updated"] == STAMP
    assert with_part(a(LOCATION, evses=...), ("3256",), evse)["evses"] == [evse]
    with pytest.raises(InvalidParameters, match="uid"):
        with_part(LOCATION, ("3258",), evse)
    assert with_part(LOCATION, (), TARIFF) == TARIFF
    connector = a(evse["connectors"][0], last_updated="2026-05-02T00:00:00Z")
    deep = with_part(LOCATION, ("3256", "1"), connector)
    assert (deep["evses"][0]["connectors"], deep["evses"][0]["last_updated"]) == ([connector], "2026-05-02T00:00:00Z")
    assert deep["last_updated"] == "2026-05-02T00:00:00Z"


def test_charging_periods_are_added() -> None:
    """§9.2.2.3."""
    one = with_charging_periods(SESSION, {"charging_periods": [{"n": 1}], "last_updated": STAMP})
    two = with_charging_periods(one, {"charging_periods": [{"n": 2}], "last_updated": STAMP})
    assert two["charging_periods"] == [{"n": 1}, {"n": 2}]
    assert with_charging_periods(two, {"kwh": 1, "last_updated": STAMP})["charging_periods"] == two["charging_periods"]
