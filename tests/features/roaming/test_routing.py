"""Requests that go to one party: direct and open routing, results that come back, the errors of a hub (OCPI 2.2.1 §4.2, §5.4, §9-§14)."""

import asyncio

import pytest

from ocpi_answers import assert_ocpi
from ocpi_objects import CDR, LOCATION, PERIOD, SESSION, STAMP, TOKEN, a
from ocpi_platform import Platform, running

HUB, CPO, EMSP = ("DE", "SLR"), ("FR", "ABC"), ("NL", "XYZ")
START = "/ocpi/2.2.1/receiver/commands/START_SESSION"
SESSIONS = "/ocpi/2.2.1/receiver/sessions/FR/ABC/S-101"
CDRS = "/ocpi/2.2.1/receiver/cdrs"


@pytest.fixture
async def cpo(hub):
    return await hub.connected(*CPO, "CPO")


@pytest.fixture
async def emsp(hub):
    return await hub.connected(*EMSP, "EMSP")


@pytest.fixture
async def location(hub, cpo, emsp):
    """LOC1 is known to the hub, TOKEN too."""
    await cpo.ask("PUT", "/ocpi/2.2.1/receiver/locations/FR/ABC/LOC1", json=LOCATION, to=HUB)
    await emsp.ask("PUT", "/ocpi/2.2.1/receiver/tokens/NL/XYZ/012345678", json=TOKEN, to=HUB)
    await hub.work()
    cpo.heard.clear()
    emsp.heard.clear()
    return LOCATION


def said(data, code=1000):
    return 200, {"status_code": code, "timestamp": STAMP, "data": data}


async def test_a_direct_request_and_its_answer(cpo, emsp) -> None:
    """§4.2.6, §4.3: a new request id, the same correlation id; the answer's body as it came."""
    body = {"status_code": 1000, "timestamp": STAMP, "data": [LOCATION], "x_theirs": 1}
    link = '<https://elsewhere.example/locations?offset=50&limit=50>; rel="next"'
    cpo.answers["GET", "/locations/sender"] = (200, body, {"Link": link, "X-Total-Count": "120", "X-Limit": "50"})
    answer = await emsp.ask("GET", "/ocpi/2.2.1/sender/locations?limit=50", to=CPO)
    assert assert_ocpi(answer, 1000) == body
    names = ("ocpi-from-country-code", "ocpi-from-party-id", "ocpi-to-country-code", "ocpi-to-party-id")
    assert [answer.headers[name] for name in names] == [*CPO, *EMSP]
    [heard] = cpo.heard
    assert [heard.headers[name] for name in names] == [*EMSP, *CPO]
    assert (heard.path, heard.query) == ("/locations/sender", {"limit": "50"})
    assert (heard.headers["x-correlation-id"], answer.headers["x-correlation-id"]) == ("c0ffee", "c0ffee")
    assert heard.headers["x-request-id"] not in {"0d1c", ""}
    assert answer.headers["x-request-id"] == "0d1c"
    assert answer.headers["link"] == (
        '<http://sliproad.example/ocpi/2.2.1/sender/locations?offset=50&limit=50>; rel="next"'
    )
    assert (answer.headers["x-total-count"], answer.headers["x-limit"]) == ("120", "50")


@pytest.mark.parametrize(("status", "code"), [(200, 2001), (200, 3000), (404, 2000), (500, 3000)])
async def test_a_receiver_s_error_comes_back_as_it_is(cpo, emsp, status, code) -> None:
    """§5.4."""
    body = {"status_code": code, "status_message": "Not like this", "timestamp": STAMP}
    cpo.answers["GET", "/locations/sender"] = (status, body)
    answer = await emsp.ask("GET", "/ocpi/2.2.1/sender/locations", to=CPO)
    assert assert_ocpi(answer, code, status) == body


async def test_the_hub_s_own_errors(hub, cpo, emsp) -> None:
    """§5.4: 4001 unknown, 4003 not connected, 4002 too slow, 4000 what is no answer."""
    path = "/ocpi/2.2.1/sender/locations"
    assert_ocpi(await emsp.ask("GET", path, to=("FR", "NIL")), 4001)
    await hub.invite("FR", "NEW", "CPO")
    assert_ocpi(await emsp.ask("GET", path, to=("FR", "NEW")), 4003)
    cpo.answers["GET", "/locations/sender"] = (502, "<html>Bad gateway</html>")
    assert_ocpi(await emsp.ask("GET", path, to=CPO), 4000)
    cpo.answers["GET", "/locations/sender"] = (401, {"status_code": 2000, "timestamp": STAMP})
    assert_ocpi(await emsp.ask("GET", path, to=CPO), 4003)
    hub.room.delivery.peers.longest_wait_seconds = 0.5
    over = asyncio.Event()

    async def hang(request):
        await over.wait()
        return cpo._given((200, cpo._wrapped(None)))

    cpo.answers["GET", "/locations/sender"] = hang
    assert_ocpi(await emsp.ask("GET", path, to=CPO), 4002)
    over.set()
    assert (await hub.connection(cpo))["status"] == "CONNECTED"
    rows = (await hub.admin.get("/api/v1/admin/ocpi/messages")).json()["messages"]
    ended = [(row["receiver"], row["status"], row["http_status"]) for row in rows if row["module"] == "locations"]
    assert ended == [("FR*ABC", "failed", None), ("FR*ABC", "refused", 401), ("FR*ABC", "refused", 502)]


async def test_a_receiver_that_is_gone_is_4003_and_offline(hub, cpo, emsp) -> None:
    """§5.4, §15: the others are told; it is back as soon as it speaks."""
    async with running(Platform(hub.client, "FR", "DEF", ("CPO",), "B-of-DEF")) as gone:
        gone.token = (await hub.invite("FR", "DEF", "CPO"))["registration_token"]
        await gone.register()
    answer = await emsp.ask("GET", "/ocpi/2.2.1/sender/locations", to=("FR", "DEF"))
    assert_ocpi(answer, 4003)
    assert (await hub.connection(gone))["status"] == "OFFLINE"
    await hub.work()
    assert [each.body["status"] for each in emsp.heard][-1] == "OFFLINE"
    assert_ocpi(await emsp.ask("GET", "/ocpi/2.2.1/sender/locations", to=("FR", "DEF")), 4003)
    assert_ocpi(await gone.ask("GET", "/ocpi/versions"), 1000)
    assert (await hub.connection(gone))["status"] == "CONNECTED"


async def test_a_command_finds_its_cpo_and_its_result_comes_back_once(hub, cpo, emsp, location) -> None:
    """§13.2, trust H4: the CPO sees an address of the hub, which counts once and for it alone."""
    cpo.answers["POST", "/commands/receiver"] = said({"result": "ACCEPTED", "timeout": 30})
    theirs = f"{emsp.url}/results/START_SESSION/42"
    command = {"response_url": theirs, "token": TOKEN, "location_id": "loc1", "evse_uid": "3256", "x_more": True}
    answer = await emsp.ask("POST", START, json=command, to=None)
    assert assert_ocpi(answer, 1000)["data"] == {"result": "ACCEPTED", "timeout": 30}
    assert (answer.headers["ocpi-from-party-id"], answer.headers["ocpi-to-party-id"]) == ("ABC", "XYZ")
    [heard] = cpo.heard
    assert heard.path == "/commands/receiver/START_SESSION"
    ours = heard.body["response_url"]
    assert ours.startswith("http://sliproad.example/ocpi/2.2.1/sender/commands/")
    assert len(ours.rpartition("/")[2]) >= 22
    assert {**heard.body, "response_url": theirs} == command
    stranger = await hub.connected("FR", "DEF", "CPO")
    assert_ocpi(await stranger.ask("POST", ours, json={"result": "ACCEPTED"}, to=EMSP), 2000, 404)
    assert_ocpi(await cpo.ask("POST", ours, json={"result": "PERHAPS"}, to=EMSP), 2001)
    assert_ocpi(await cpo.ask("POST", ours, json={"result": "ACCEPTED"}, to=EMSP), 1000)
    [result] = [each for each in emsp.heard if each.path == "/results/START_SESSION/42"]
    assert (result.method, result.body) == ("POST", {"result": "ACCEPTED"})
    assert (result.headers["ocpi-from-party-id"], result.headers["ocpi-to-party-id"]) == ("ABC", "XYZ")
    assert result.headers["authorization"] == emsp.authorization("B-of-XYZ")
    assert_ocpi(await cpo.ask("POST", ours, json={"result": "ACCEPTED"}, to=EMSP), 2000, 404)


async def test_commands_are_placed_by_session_and_reservation(cpo, emsp, location) -> None:
    """§13.3: what can't be placed is 4001."""
    cpo.answers["POST", "/commands/receiver"] = said({"result": "ACCEPTED", "timeout": 30})
    back = {"response_url": f"{emsp.url}/results/1"}
    path = "/ocpi/2.2.1/receiver/commands"
    assert_ocpi(await emsp.ask("POST", f"{path}/STOP_SESSION", json={**back, "session_id": "S-101"}, to=None), 4001)
    assert_ocpi(await cpo.ask("PUT", SESSIONS, json=SESSION, to=None), 1000)
    assert_ocpi(await emsp.ask("POST", f"{path}/STOP_SESSION", json={**back, "session_id": "S-101"}, to=None), 1000)
    cancel = {**back, "reservation_id": "R1"}
    assert_ocpi(await emsp.ask("POST", f"{path}/CANCEL_RESERVATION", json=cancel, to=None), 4001)
    reserve = {**cancel, "token": TOKEN, "expiry_date": "2026-05-01T12:00:00Z", "location_id": "LOC1"}
    assert_ocpi(await emsp.ask("POST", f"{path}/RESERVE_NOW", json=reserve, to=None), 1000)
    assert_ocpi(await emsp.ask("POST", f"{path}/CANCEL_RESERVATION", json=cancel, to=None), 1000)
    unlock = {**back, "location_id": "LOC1", "evse_uid": "3256", "connector_id": "1"}
    assert_ocpi(await emsp.ask("POST", f"{path}/UNLOCK_CONNECTOR", json=unlock, to=None), 1000)
    names = [each.path.rpartition("/")[2] for each in cpo.heard]
    assert names == ["STOP_SESSION", "RESERVE_NOW", "CANCEL_RESERVATION", "UNLOCK_CONNECTOR"]
    assert_ocpi(await emsp.ask("POST", f"{path}/DANCE", json=unlock, to=None), 2000, 404)
    bad = {**unlock, "response_url": "http://10.0.0.1/results"}
    assert (
        "response_url"
        in assert_ocpi(await emsp.ask("POST", f"{path}/UNLOCK_CONNECTOR", json=bad, to=None), 2001)["status_message"]
    )


async def test_a_token_is_authorised_by_its_emsp_in_real_time(cpo, emsp, location) -> None:
    """§12.2.2.2: BLOCKED is an answer like any other; an unknown token is 404 and 2004."""
    emsp.answers["POST", "/tokens/sender"] = said({"allowed": "BLOCKED", "token": TOKEN})
    path = "/ocpi/2.2.1/sender/tokens/012345678/authorize"
    answer = await cpo.ask("POST", path, json={"location_id": "LOC1", "evse_uids": ["3256"]}, to=None)
    assert assert_ocpi(answer, 1000)["data"]["allowed"] == "BLOCKED"
    assert (emsp.heard[0].path, emsp.heard[0].body["location_id"]) == ("/tokens/sender/012345678/authorize", "LOC1")
    assert_ocpi(await cpo.ask("POST", path, to=None), 1000)
    assert_ocpi(await cpo.ask("POST", f"{path}?type=APP_USER", to=None), 2004, 404)
    assert_ocpi(await cpo.ask("POST", f"{path}?type=NONE", to=None), 2001)
    assert_ocpi(await cpo.ask("POST", path, json={"evse_uids": []}, to=None), 2001)


async def test_sessions_go_to_the_emsp_of_their_token_and_grow(hub, cpo, emsp, location) -> None:
    """§9.2.2.3: a PATCH adds its charging periods; GET ALL shows them to that eMSP alone."""
    other = await hub.connected("NL", "QRS", "EMSP")
    assert_ocpi(await cpo.ask("PUT", SESSIONS, json=SESSION, to=HUB), 1000)
    for number in (1, 2):
        change = {"kwh": 7.5 * number, "charging_periods": [PERIOD], "last_updated": f"2026-05-01T09:0{number}:00Z"}
        assert_ocpi(await cpo.ask("PATCH", SESSIONS, json=change, to=None), 1000)
    assert [each.method for each in emsp.heard] == ["PUT", "PATCH", "PATCH"]
    path = "/ocpi/2.2.1/sender/sessions"
    window = {"date_from": "2026-05-01T00:00:00Z"}
    [kept] = assert_ocpi(await emsp.ask("GET", path, to=HUB, params=window), 1000)["data"]
    assert (kept["kwh"], len(kept["charging_periods"])) == (15.0, 2)
    assert assert_ocpi(await other.ask("GET", path, to=HUB, params=window), 1000)["data"] == []
    assert_ocpi(await emsp.ask("GET", path, to=HUB), 2001)
    assert_ocpi(await emsp.ask("GET", SESSIONS, to=None), 1000)
    assert_ocpi(await other.ask("GET", SESSIONS, to=None), 2000, 404)
    assert other.heard == []
    stray = a(SESSION, cdr_token={**SESSION["cdr_token"], "party_id": "NIL"})
    assert_ocpi(await cpo.ask("PUT", SESSIONS, json=stray, to=None), 4001)
    preferences = {"profile_type": "FAST", "departure_time": "2026-05-01T12:00:00Z"}
    cpo.answers["PUT", "/sessions/sender"] = said("ACCEPTED")
    answer = await emsp.ask("PUT", f"{path}/S-101/charging_preferences", json=preferences, to=None)
    assert assert_ocpi(answer, 1000)["data"] == "ACCEPTED"


async def test_a_cdr_goes_to_its_emsp_and_never_changes(hub, cpo, emsp) -> None:
    """§10.2.2, §10.3.1: a Location of the hub; the same again gets the same answer; a credit is a CDR of its own."""
    emsp.answers["POST", "/cdrs/receiver"] = (
        201,
        {"status_code": 1000, "timestamp": STAMP},
        {"Location": f"{emsp.url}/c/1"},
    )
    answer = await cpo.ask("POST", CDRS, json=CDR, to=None)
    assert_ocpi(answer, 1000, 201)
    where = answer.headers["location"]
    assert where == "http://sliproad.example/ocpi/2.2.1/receiver/cdrs/FR/ABC/CDR-1"
    assert assert_ocpi(await cpo.ask("GET", where, to=None), 1000)["data"] == CDR
    again = await cpo.ask("POST", CDRS, json=CDR, to=HUB)
    assert_ocpi(again, 1000)
    assert again.headers["location"] == where
    assert len(emsp.heard) == 1
    changed = a(CDR, total_cost={"excl_vat": 5.0})
    assert "never change" in assert_ocpi(await cpo.ask("POST", CDRS, json=changed, to=None), 2001)["status_message"]
    credit = a(CDR, id="CDR-1-credit", credit=True, credit_reference_id="CDR-1", total_cost={"excl_vat": -4.0})
    assert_ocpi(await cpo.ask("POST", CDRS, json=credit, to=None), 1000, 201)
    assert_ocpi(await cpo.ask("POST", CDRS, json=a(credit, id="x", credit=False), to=None), 2001)
    listed = assert_ocpi(await emsp.ask("GET", "/ocpi/2.2.1/sender/cdrs", to=HUB), 1000)["data"]
    assert [each["id"] for each in listed] == ["CDR-1", "CDR-1-credit"]
    for method in ("PUT", "PATCH", "DELETE"):
        assert_ocpi(await cpo.ask(method, where, json=CDR, to=None), 2000, 405)
    hub_s = await cpo.ask("POST", CDRS, json={"id": "CDR_98765", "auth_id": "DE8ACC12"}, to=None)
    assert_ocpi(hub_s, 2001)


async def test_charging_profiles_have_a_response_url_too(cpo, emsp, location) -> None:
    """§14.2: in the query of GET and DELETE, in the body of PUT."""
    await cpo.ask("PUT", SESSIONS, json=SESSION, to=None)
    cpo.answers["GET", "/chargingprofiles/receiver"] = said({"result": "ACCEPTED", "timeout": 30})
    path = "/ocpi/2.2.1/receiver/chargingprofiles/S-101"
    query = {"duration": "900", "response_url": f"{emsp.url}/profiles/7"}
    assert_ocpi(await emsp.ask("GET", path, params=query, to=None), 1000)
    heard = cpo.heard[-1]
    assert heard.query["duration"] == "900"
    ours = heard.query["response_url"]
    assert ours.startswith("http://sliproad.example/ocpi/2.2.1/sender/chargingprofiles/")
    result = {"result": "ACCEPTED", "profile": {"start_date_time": STAMP}}
    assert_ocpi(await cpo.ask("POST", ours, json=result), 1000)
    assert emsp.heard[-1].body == result
    body = {"charging_profile": {"charging_rate_unit": "A"}, "response_url": f"{emsp.url}/profiles/8"}
    assert_ocpi(await emsp.ask("PUT", path, json=body, to=CPO), 1000)
    assert cpo.heard[-1].body["response_url"] != body["response_url"]
    assert_ocpi(await emsp.ask("DELETE", path, to=CPO), 2001)


async def test_unknown_paths_and_methods(cpo) -> None:
    """§5, §8.2: there is no POST or DELETE of locations."""
    for path in (
        "/ocpi/2.2.1/sender/nothing",
        "/ocpi/2.2.1/locations",
        "/ocpi/2.2.1/receiver/locations/FR",
        "/ocpi/3.0",
    ):
        assert_ocpi(await cpo.ask("GET", path, to=HUB), 2000, 404)
    for method in ("POST", "DELETE"):
        answer = await cpo.ask(method, "/ocpi/2.2.1/receiver/locations/FR/ABC/LOC1", json={}, to=HUB)
        assert_ocpi(answer, 2000, 405)
        assert answer.headers["allow"] == "GET, PUT, PATCH"
