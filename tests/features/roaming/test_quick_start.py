"""HUB's requests with their omissions: what is filled in, what goes on, and that strict URLs take none of it (ocpi.md, quick start)."""

import json

import pytest

from ocpi_answers import assert_ocpi
from ocpi_objects import LOCATION, SESSION, STAMP, TARIFF, a

HUB, EMSP = ("DE", "SLR"), ("DE", "8AC")
CREDENTIALS, LOCATIONS, CDRS = "/ocpi/2.2/credentials", "/ocpi/2.2/locations", "/ocpi/2.2/cdrs"
PLACE = {
    "id": "LOC_123",
    "type": "ON_STREET",
    "name": "Downtown Charger 1",
    "address": "123 Main St",
    "city": "Paris",
    "country": "FRA",
    "coordinates": {"latitude": "48.8566", "longitude": "2.3522"},
    "evses": LOCATION["evses"],
}
RECORD = {
    "id": "CDR_98765",
    "start_date_time": "2024-03-15T14:00:00Z",
    "stop_date_time": "2024-03-15T15:30:00Z",
    "auth_id": "DE8ACC12",
    "auth_method": "AUTH_REQUEST",
    "total_cost": {"excl_vat": 15.00, "incl_vat": 18.00},
    "total_energy": 45.5,
    "currency": "EUR",
    "party_id": "FRA",
    "country_code": "FR",
}
OF_SESSION = a(
    SESSION,
    party_id="FRA",
    id="S-1",
    location_id="LOC_123",
    start_date_time="2024-03-15T14:00:00Z",
    cdr_token={"country_code": "DE", "party_id": "8AC", "uid": "04A1", "type": "RFID", "contract_id": "DE8ACC12"},
)


@pytest.fixture
async def cpo(hub):
    """FR*FRA writes its token as it is, like HUB's requests."""
    partner = await hub.partner("FR", "FRA", "CPO", style="raw")
    body = {**partner.credentials(), "roles": [{"role": "CPO", "business_details": {"name": "My CPO"}}]}
    answer = assert_ocpi(await partner.ask("POST", CREDENTIALS, json=body), 1000)
    assert "roles.0" in answer["status_message"]
    partner.token = answer["data"]["token"]
    await hub.work()
    return partner


@pytest.fixture
async def emsp(hub, cpo):
    return await hub.connected(*EMSP, "EMSP")


async def test_the_invitation_says_who_registers(hub, cpo) -> None:
    """Step 2."""
    seen = await hub.connection(cpo)
    assert seen["roles"] == [{"country_code": "FR", "party_id": "FRA", "role": "CPO", "name": "My CPO"}]
    assert (seen["status"], seen["token_style"]) == ("CONNECTED", "raw")
    assert [each.path for each in cpo.heard] == ["/ocpi/versions", "/ocpi/2.2.1"]
    assert_ocpi(await cpo.ask("POST", CREDENTIALS, json=cpo.credentials()), 2000, 405)


async def test_several_parties_are_ambiguous(hub) -> None:
    roles = [{"country_code": "FR", "party_id": each, "role": "CPO"} for each in ("FRA", "FRB")]
    invitation = await hub.admin.create("/api/v1/admin/ocpi/connections", name="Two", roles=roles)
    partner = await hub.partner("FR", "FRC", "CPO")
    partner.token = invitation["registration_token"]
    body = {**partner.credentials(), "roles": [{"role": "CPO", "business_details": {"name": "My CPO"}}]}
    assert "2 parties" in assert_ocpi(await partner.ask("POST", CREDENTIALS, json=body), 2001)["status_message"]


async def test_a_location_becomes_whole_and_is_broadcast(hub, cpo, emsp) -> None:
    """Step 3: party, publish, decimals, time zone, parking type, receipt time; only a strict object goes on."""
    answer = await cpo.ask("PUT", f"{LOCATIONS}/LOC_123", json=PLACE)
    told = assert_ocpi(answer, 1000, 201)
    for name in ("country_code", "party_id", "publish", "coordinates", "time_zone", "parking_type", "last_updated"):
        assert name in told["status_message"]
    await hub.work()
    [heard] = emsp.heard
    assert (heard.method, heard.path) == ("PUT", "/locations/receiver/FR/FRA/LOC_123")
    assert heard.body["coordinates"] == {"latitude": "48.85660", "longitude": "2.35220"}
    assert (heard.body["time_zone"], heard.body["parking_type"]) == ("Europe/Paris", "ON_STREET")
    assert "type" not in heard.body
    assert (heard.body["publish"], heard.body["last_updated"]) == (True, "2026-05-01T10:23:00Z")


async def test_the_dots_of_the_printed_request_are_an_empty_list(hub, cpo, emsp) -> None:
    """`"evses": [...]` is no JSON; in a text dots stay."""
    printed = json.dumps(a(PLACE, id="L2", name="[...]", evses="DOTS")).replace('"DOTS"', "[...]")
    body = printed.encode()
    assert_ocpi(await cpo.ask("PUT", f"{LOCATIONS}/L2", content=body), 1000, 201)
    await hub.work()
    assert (emsp.heard[0].body["name"], emsp.heard[0].body["evses"]) == ("[...]", [])


async def test_what_nothing_implies_is_still_2001(hub, cpo, emsp) -> None:
    for change, names in (
        ({"address": ...}, "address"),
        ({"id": "L9"}, "id"),
        ({"country_code": "DE"}, "country_code"),
        ({"coordinates": {"latitude": "fourty", "longitude": "2.3"}}, "coordinates.latitude"),
        ({"evses": [{}]}, "evses.0.uid"),
    ):
        answer = await cpo.ask("PUT", f"{LOCATIONS}/LOC_123", json=a(PLACE, **change))
        assert assert_ocpi(answer, 2001)["status_message"].startswith(names)
    await hub.work()
    assert emsp.heard == []


async def test_strict_urls_take_none_of_it(cpo) -> None:
    """The same bodies are 2001 there."""
    place = await cpo.ask("PUT", "/ocpi/2.2.1/receiver/locations/FR/FRA/LOC_123", json=PLACE, to=HUB)
    assert_ocpi(place, 2001)
    assert_ocpi(await cpo.ask("POST", "/ocpi/2.2.1/receiver/cdrs", json=RECORD, to=None), 2001)


async def test_a_tariff_needs_its_party_and_time_only(hub, cpo, emsp) -> None:
    body = a(TARIFF, country_code=..., party_id=..., last_updated=...)
    assert_ocpi(await cpo.ask("PUT", "/ocpi/2.2/tariffs/11", json=body), 1000, 201)
    await hub.work()
    assert (emsp.heard[0].path, emsp.heard[0].body["party_id"]) == ("/tariffs/receiver/FR/FRA/11", "FRA")


async def test_a_cdr_is_held_until_its_session_completes_it(hub, cpo, emsp, engine) -> None:
    """Step 5: the eMSP is the one of `auth_id`; the location is the session's."""
    held = assert_ocpi(await cpo.ask("POST", CDRS, json=RECORD), 1000)
    assert held["status_message"].startswith("Held")
    assert emsp.heard == []
    await cpo.ask("PUT", f"{LOCATIONS}/LOC_123", json=PLACE)
    path = "/ocpi/2.2.1/receiver/sessions/FR/FRA/S-1"
    assert_ocpi(await cpo.ask("PUT", path, json=OF_SESSION, to=None), 1000)
    answer = await cpo.ask("POST", CDRS, json=RECORD)
    told = assert_ocpi(answer, 1000)
    assert "cdr_token" in told["status_message"]
    where = answer.headers["location"]
    assert where.endswith("/ocpi/2.2.1/receiver/cdrs/FR/FRA/CDR_98765")
    [heard] = [each for each in emsp.heard if each.method == "POST"]
    cdr = heard.body
    assert (cdr["end_date_time"], cdr["total_time"], cdr["session_id"]) == ("2024-03-15T15:30:00Z", 1.5, "S-1")
    assert cdr["cdr_token"]["contract_id"] == "DE8ACC12"
    assert cdr["cdr_location"]["evse_id"] == "FR*ABC*E1041503001"
    assert [each["type"] for each in cdr["charging_periods"][0]["dimensions"]] == ["ENERGY", "TIME"]
    assert "auth_id" not in cdr
    assert (heard.headers["ocpi-from-party-id"], heard.headers["ocpi-to-party-id"]) == ("FRA", "8AC")
    hub.clock.advance(minutes=1)
    again = await cpo.ask("POST", CDRS, json=RECORD)
    assert_ocpi(again, 1000)
    assert again.headers["location"] == where
    assert len([each for each in emsp.heard if each.method == "POST"]) == 1
    assert_ocpi(await cpo.ask("POST", CDRS, json={**RECORD, "total_energy": 46}), 2001)


async def test_a_held_cdr_goes_on_by_itself_when_its_session_comes(hub, cpo, emsp) -> None:
    """Nobody sends it again; until then the administrator sees it."""
    await cpo.ask("PUT", f"{LOCATIONS}/LOC_123", json=PLACE)
    for number in (1, 2):
        times = {"start_date_time": f"2024-03-1{number}T14:00:00Z", "stop_date_time": f"2024-03-1{number}T15:00:00Z"}
        assert_ocpi(await cpo.ask("POST", CDRS, json={**RECORD, "id": f"C{number}", **times}), 1000)
    held = (await hub.admin.get("/api/v1/admin/ocpi/held-cdrs")).json()["held_cdrs"]
    assert [(each["party_id"], each["cdr"]["id"]) for each in held] == [("FRA", "C1"), ("FRA", "C2")]
    times = {"start_date_time": "2024-03-12T13:59:00Z", "end_date_time": "2024-03-12T15:00:00Z"}
    path = "/ocpi/2.2.1/receiver/sessions/FR/FRA/S-1"
    assert_ocpi(await cpo.ask("PUT", path, json=a(OF_SESSION, **times), to=None), 1000)
    await hub.work()
    assert [each.body["id"] for each in emsp.heard if each.method == "POST"] == ["C2"]
    held = (await hub.admin.get("/api/v1/admin/ocpi/held-cdrs")).json()["held_cdrs"]
    assert [each["cdr"]["id"] for each in held] == ["C1"]


async def test_a_cdr_with_its_location_needs_no_session(cpo, emsp) -> None:
    place = {
        "id": "LOC_123", "address": "123 Main St", "city": "Paris", "country": "FRA", "evse_uid": "3256",
        "coordinates": {"latitude": "48.85660", "longitude": "2.35220"}, "evse_id": "#NA", "connector_id": "1",
        "connector_standard": "IEC_62196_T2", "connector_format": "CABLE", "connector_power_type": "AC_3_PHASE",
    }  # fmt: skip
    assert_ocpi(await cpo.ask("POST", CDRS, json={**RECORD, "cdr_location": place}), 1000)
    assert emsp.heard[0].body["cdr_location"] == place


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"auth_id": "12"}, "auth_id"),
        ({"party_id": "OTH"}, "party_id"),
        ({"stop_date_time": "soon"}, "end_date_time"),
        ({"id": ...}, "id"),
    ],
)
async def test_cdrs_that_can_t_be_completed(cpo, change, names) -> None:
    answer = await cpo.ask("POST", CDRS, json=a(RECORD, **change))
    assert assert_ocpi(answer, 2001)["status_message"].startswith(names)


async def test_the_aliases_are_few_and_not_advertised(hub, cpo) -> None:
    details = (await cpo.ask("GET", "/ocpi/2.2.1")).text + (await cpo.ask("GET", "/ocpi/versions")).text
    assert "/ocpi/2.2/" not in details
    assert_ocpi(await cpo.ask("GET", f"{LOCATIONS}/LOC_123"), 2000, 405)
    assert_ocpi(await cpo.ask("PATCH", CDRS, json={"last_updated": STAMP}), 2000, 405)
    assert_ocpi(await cpo.ask("PUT", LOCATIONS, json=PLACE), 2000, 404)
    assert_ocpi(await cpo.ask("GET", "/ocpi/2.2/sessions"), 2000, 404)
    newcomer = await hub.partner("FR", "NEW", "CPO")
    assert_ocpi(await newcomer.ask("PUT", f"{LOCATIONS}/LOC_123", json=PLACE), 2000, 401)
