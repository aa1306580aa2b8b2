"""Locations, tariffs and tokens at the hub: kept, broadcast, served (OCPI 2.2.1 §4.2.3, §4.2.5, §8, §11, §12.2.1)."""

import asyncio

import pytest

from ocpi_answers import assert_ocpi
from ocpi_objects import LOCATION, STAMP, TARIFF, TOKEN, a

HUB = ("DE", "SLR")
LOCATIONS = "/ocpi/2.2.1/receiver/locations"
PUT_LOCATION = f"{LOCATIONS}/FR/ABC/LOC1"


async def test_a_location_reaches_every_emsp_and_no_cpo(hub) -> None:
    """§4.2.3: the headers name the hub, the path keeps the owner, the body goes as it came."""
    cpo = await hub.connected("FR", "ABC", "CPO")
    other_cpo = await hub.connected("FR", "DEF", "CPO")
    hearing = [
        await hub.connected("NL", "XYZ", "EMSP"),
        await hub.connected("DE", "NAV", "NSP"),
        await hub.connected("BE", "OTH", "OTHER"),
    ]
    answer = await cpo.ask("PUT", PUT_LOCATION, json=LOCATION, to=HUB)
    assert_ocpi(answer, 1000, 201)
    assert (answer.headers["ocpi-from-party-id"], answer.headers["ocpi-to-party-id"]) == ("SLR", "ABC")
    await hub.work()
    for partner in hearing:
        [told] = partner.heard
        assert (told.method, told.path) == ("PUT", "/locations/receiver/FR/ABC/LOC1")
        assert told.body == LOCATION
        sender_and_receiver = (
            "ocpi-from-country-code",
            "ocpi-from-party-id",
            "ocpi-to-country-code",
            "ocpi-to-party-id",
        )
        wanted = ["DE", "SLR", partner.country, partner.party]
        assert [told.headers[name] for name in sender_and_receiver] == wanted
        assert told.headers["x-correlation-id"] == "c0ffee"
        assert told.headers["x-request-id"] != "0d1c"
    assert cpo.heard == other_cpo.heard == []
    assert_ocpi(await cpo.ask("PUT", PUT_LOCATION, json=LOCATION, to=HUB), 1000, 200)


async def test_a_push_that_names_nobody_is_broadcast_too(hub) -> None:
    """§4.2.4: it has no single receiver."""
    cpo, emsp = await hub.connected("FR", "ABC", "CPO"), await hub.connected("NL", "XYZ", "EMSP")
    assert_ocpi(await cpo.ask("PUT", PUT_LOCATION, json=LOCATION, to=None), 1000, 201)
    await hub.work()
    assert len(emsp.heard) == 1


async def test_what_is_direct_reaches_one_and_is_not_kept(hub) -> None:
    """§4.2.6: a push to one eMSP never surfaces in GET ALL."""
    cpo = await hub.connected("FR", "ABC", "CPO")
    emsp, other = await hub.connected("NL", "XYZ", "EMSP"), await hub.connected("NL", "QRS", "EMSP")
    answer = await cpo.ask("PUT", PUT_LOCATION, json=LOCATION, to=("nl", "xyz"))
    assert_ocpi(answer, 1000)
    assert (answer.headers["ocpi-from-party-id"], answer.headers["ocpi-to-party-id"]) == ("XYZ", "ABC")
    [told] = emsp.heard
    assert (told.headers["ocpi-from-party-id"], told.headers["ocpi-to-party-id"]) == ("ABC", "XYZ")
    await hub.work()
    assert other.heard == []
    everything = await emsp.ask("GET", "/ocpi/2.2.1/sender/locations", to=HUB)
    assert assert_ocpi(everything, 1000)["data"] == []


async def test_evses_and_connectors_are_patched_and_lift_their_parents(hub) -> None:
    """§8.2.2.3, §8.2.2.2."""
    cpo, emsp = await hub.connected("FR", "ABC", "CPO"), await hub.connected("NL", "XYZ", "EMSP")
    await cpo.ask("PUT", PUT_LOCATION, json=LOCATION, to=HUB)
    later, latest = "2026-05-01T10:00:00Z", "2026-05-01T10:05:00Z"
    change = {"status": "CHARGING", "last_updated": later}
    assert_ocpi(await cpo.ask("PATCH", f"{PUT_LOCATION}/3256", json=change, to=HUB), 1000)
    change = {"max_amperage": 16, "last_updated": latest}
    assert_ocpi(await cpo.ask("PATCH", f"{PUT_LOCATION}/3256/1", json=change, to=HUB), 1000)
    kept = assert_ocpi(await cpo.ask("GET", PUT_LOCATION, to=HUB), 1000)["data"]
    [evse] = kept["evses"]
    assert (evse["status"], evse["connectors"][0]["max_amperage"]) == ("CHARGING", 16)
    assert [kept["last_updated"], evse["last_updated"], evse["connectors"][0]["last_updated"]] == [latest] * 3
    assert kept["x_marketing"] == {"claim": "plug and go"}
    connector = a(evse["connectors"][0], id="2")
    assert_ocpi(await cpo.ask("PUT", f"{PUT_LOCATION}/3256/2", json=connector, to=HUB), 1000, 201)
    assert assert_ocpi(await cpo.ask("GET", f"{PUT_LOCATION}/3256/2", to=HUB), 1000)["data"] == connector
    await hub.work()
    assert [each.method for each in emsp.heard] == ["PUT", "PATCH", "PATCH", "PUT"]
    assert emsp.heard[1].path == "/locations/receiver/FR/ABC/LOC1/3256"
    assert_ocpi(await cpo.ask("PATCH", PUT_LOCATION, json={"name": "Nord"}, to=HUB), 2001)
    assert_ocpi(await cpo.ask("PATCH", f"{LOCATIONS}/FR/ABC/LOC9", json=change, to=HUB), 2003, 404)
    assert_ocpi(await cpo.ask("PUT", f"{LOCATIONS}/FR/ABC/LOC9/1", json=evse, to=HUB), 2003, 404)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"publish": ...}, "publish: is required"),
        ({"publish": "true"}, "publish"),
        ({"time_zone": ...}, "time_zone"),
        ({"coordinates": {"latitude": "48.8566", "longitude": "2.35222"}}, "coordinates.latitude"),
        ({"country": "FR"}, "country"),
        ({"last_updated": "2026-05-01T09:00:00+00:00"}, "last_updated"),
        ({"id": "LOC2"}, "id: must be the one of the path"),
        ({"party_id": "DEF"}, "party_id: must be the one of the path"),
        ({"evses": [a(LOCATION["evses"][0], status="SLEEPING")]}, "evses.0.status"),
        ({"evses": [a(LOCATION["evses"][0], connectors=[])]}, "evses.0.connectors"),
        ({"name": "a\nb"}, "name"),
    ],
)
async def test_what_is_wrong_is_named_and_goes_nowhere(hub, change, names) -> None:
    """§5.2, §8.3, §16."""
    cpo, emsp = await hub.connected("FR", "ABC", "CPO"), await hub.connected("NL", "XYZ", "EMSP")
    answer = await cpo.ask("PUT", PUT_LOCATION, json=a(LOCATION, **change), to=HUB)
    assert assert_ocpi(answer, 2001)["status_message"].startswith(names)
    await hub.work()
    assert emsp.heard == []
    assert_ocpi(await cpo.ask("GET", PUT_LOCATION, to=HUB), 2003, 404)


async def test_pushes_of_one_object_at_once_come_one_after_another(hub) -> None:
    """One is the first, the others find it there; eMSPs hear them in the order in which they were kept."""
    cpo, emsp = await hub.connected("FR", "ABC", "CPO"), await hub.connected("NL", "XYZ", "EMSP")
    pushes = (cpo.ask("PUT", PUT_LOCATION, json=a(LOCATION, name=f"Number {each}"), to=HUB) for each in range(6))
    answers = await asyncio.gather(*pushes)
    assert sorted(each.status_code for each in answers) == [200] * 5 + [201]
    await hub.work()
    kept = assert_ocpi(await cpo.ask("GET", PUT_LOCATION, to=HUB), 1000)["data"]
    assert len(emsp.heard) == 6
    assert emsp.heard[-1].body["name"] == kept["name"]


async def test_a_party_speaks_for_itself_alone(hub) -> None:
    """Trust H2: neither by its headers nor by the path, nor in a role that was not approved."""
    cpo, emsp = await hub.connected("FR", "ABC", "CPO"), await hub.connected("NL", "XYZ", "EMSP")
    foreign = a(LOCATION, party_id="DEF")
    for sender, path, body in (
        (("FR", "DEF"), f"{LOCATIONS}/FR/DEF/LOC1", foreign),
        (None, f"{LOCATIONS}/FR/DEF/LOC1", foreign),
    ):
        assert_ocpi(await cpo.ask("PUT", path, json=body, to=HUB, sender=sender), 2001)
    own = a(LOCATION, country_code="NL", party_id="XYZ")
    answer = await emsp.ask("PUT", f"{LOCATIONS}/NL/XYZ/LOC1", json=own, to=HUB)
    assert "CPO" in assert_ocpi(answer, 2001)["status_message"]
    missing = await cpo.ask("PUT", PUT_LOCATION, json=LOCATION)
    assert "OCPI-from" in assert_ocpi(missing, 2001)["status_message"]
    half = await cpo.ask("PUT", PUT_LOCATION, json=LOCATION, to=HUB, headers={"OCPI-to-party-id": ""})
    assert_ocpi(half, 2001)


async def test_get_all_goes_page_by_page_oldest_first(hub) -> None:
    """§4.1.5, §4.2.5."""
    cpo, emsp = await hub.connected("FR", "ABC", "CPO"), await hub.connected("NL", "XYZ", "EMSP")
    for number in (3, 1, 2):
        stamp = f"2026-05-0{number}T09:00:00Z"
        body = a(LOCATION, id=f"LOC{number}", last_updated=stamp)
        assert_ocpi(await cpo.ask("PUT", f"{LOCATIONS}/FR/ABC/LOC{number}", json=body, to=HUB), 1000, 201)
    answer = await emsp.ask("GET", "/ocpi/2.2.1/sender/locations", to=HUB, params={"limit": 2})
    assert [row["id"] for row in assert_ocpi(answer, 1000)["data"]] == ["LOC3", "LOC1"]
    assert (answer.headers["x-total-count"], answer.headers["x-limit"]) == ("3", "100")
    assert (answer.headers["ocpi-from-party-id"], answer.headers["ocpi-to-party-id"]) == ("SLR", "XYZ")
    link = answer.headers["link"].partition(">")[0][1:]
    assert link.startswith("http://sliproad.example/ocpi/2.2.1/sender/locations?offset=2&limit=2&after=")
    following = await emsp.ask("GET", link, to=HUB)
    assert [row["id"] for row in assert_ocpi(following, 1000)["data"]] == ["LOC2"]
    assert "link" not in following.headers
    by_offset = await emsp.ask("GET", "/ocpi/2.2.1/sender/locations", to=HUB, params={"offset": 2})
    assert by_offset.json()["data"] == following.json()["data"]
    window = {"date_from": "2026-05-01T09:00:00Z", "date_to": "2026-05-03T09:00:00Z"}
    answer = await emsp.ask("GET", "/ocpi/2.2.1/sender/locations", to=HUB, params=window)
    assert [row["id"] for row in assert_ocpi(answer, 1000)["data"]] == ["LOC1", "LOC2"]
    for wrong in ({"limit": "0"}, {"offset": "-1"}, {"date_from": "yesterday"}, {"offset": "9" * 30}):
        assert_ocpi(await emsp.ask("GET", "/ocpi/2.2.1/sender/locations", to=HUB, params=wrong), 2001)
    assert_ocpi(await emsp.ask("GET", "/ocpi/2.2.1/sender/locations", to=None), 2001)


async def test_tariffs_are_put_and_deleted_never_patched(hub) -> None:
    """§11.2.2."""
    cpo, emsp = await hub.connected("FR", "ABC", "CPO"), await hub.connected("NL", "XYZ", "EMSP")
    path = "/ocpi/2.2.1/receiver/tariffs/FR/ABC/11"
    assert_ocpi(await cpo.ask("PUT", path, json=TARIFF, to=HUB), 1000, 201)
    refused = await cpo.ask("PATCH", path, json={"last_updated": STAMP}, to=HUB)
    assert_ocpi(refused, 2000, 405)
    assert refused.headers["allow"] == "GET, PUT, DELETE"
    assert_ocpi(await cpo.ask("DELETE", path, to=HUB), 1000)
    assert_ocpi(await cpo.ask("DELETE", path, to=HUB), 2000, 404)
    await hub.work()
    assert [(each.method, each.path) for each in emsp.heard] == [
        ("PUT", "/tariffs/receiver/FR/ABC/11"),
        ("DELETE", "/tariffs/receiver/FR/ABC/11"),
    ]


async def test_tokens_go_to_cpos_and_are_told_apart_by_type(hub) -> None:
    """§12.2.1: RFID where the query says nothing."""
    cpo, emsp = await hub.connected("FR", "ABC", "CPO"), await hub.connected("NL", "XYZ", "EMSP")
    path = "/ocpi/2.2.1/receiver/tokens/NL/XYZ/012345678"
    assert_ocpi(await emsp.ask("PUT", path, json=TOKEN, to=HUB), 1000, 201)
    app_user = a(TOKEN, type="APP_USER")
    assert_ocpi(await emsp.ask("PUT", path, json=app_user, to=HUB), 2001)
    assert_ocpi(await emsp.ask("PUT", f"{path}?type=APP_USER", json=app_user, to=HUB), 1000, 201)
    change = {"valid": False, "last_updated": "2026-05-01T10:00:00Z"}
    assert_ocpi(await emsp.ask("PATCH", path, json=change, to=HUB), 1000)
    await hub.work()
    assert [(each.method, each.query) for each in cpo.heard] == [
        ("PUT", {}),
        ("PUT", {"type": "APP_USER"}),
        ("PATCH", {}),
    ]
    listed = assert_ocpi(await cpo.ask("GET", "/ocpi/2.2.1/sender/tokens", to=HUB), 1000)["data"]
    assert [(each["type"], each["valid"]) for each in listed] == [("RFID", False), ("APP_USER", True)]
    assert_ocpi(await emsp.ask("DELETE", path, to=HUB), 2000, 405)


async def test_what_others_answer_is_not_the_sender_s_business(hub) -> None:
    """§4.2.3: errors of receivers are not relayed; the record has them."""
    cpo = await hub.connected("FR", "ABC", "CPO")
    refusing, lying, well = [await hub.connected("NL", name, "EMSP") for name in ("REF", "LIE", "XYZ")]
    refusing.answers["PUT", "/locations"] = (200, {"status_code": 2001, "status_message": "no", "timestamp": STAMP})
    lying.answers["PUT", "/locations"] = (200, "<html>Welcome</html>")
    assert_ocpi(await cpo.ask("PUT", PUT_LOCATION, json=LOCATION, to=HUB), 1000, 201)
    await hub.work()
    assert len(well.heard) == 1
    rows = (await hub.admin.get("/api/v1/admin/ocpi/messages")).json()["messages"]
    ended = {
        row["receiver"]: (row["status"], row["http_status"], row["status_code"]) for row in rows if row["receiver"]
    }
    assert ended["NL*REF"] == ("refused", 200, 2001)
    assert ended["NL*LIE"] == ("refused", 200, None)
    assert ended["NL*XYZ"] == ("delivered", 200, 1000)


async def test_a_platform_that_hangs_holds_up_nobody_and_goes_offline(hub) -> None:
    """Its queue is its own; each platform hears everything in order. §4.4: what waits for one that is away is dropped."""
    hub.room.delivery.peers.longest_wait_seconds = 1
    cpo = await hub.connected("FR", "ABC", "CPO")
    hanging, well = await hub.connected("NL", "HNG", "EMSP"), await hub.connected("NL", "XYZ", "EMSP")
    over = asyncio.Event()

    async def hang(request):
        await over.wait()
        return hanging._given((200, hanging._wrapped(None)))

    hanging.answers["PUT", "/locations"] = hang
    for number in range(5):
        body = a(LOCATION, name=f"Number {number}")
        await cpo.ask("PUT", PUT_LOCATION, json=body, to=HUB)
    working = asyncio.create_task(hub.work())
    told = await well.wait_for(5)
    assert [each.body["name"] for each in told] == [f"Number {number}" for number in range(5)]
    await working
    over.set()
    assert (await hub.connection(hanging))["status"] == "OFFLINE"
    rows = (await hub.admin.get("/api/v1/admin/ocpi/messages?limit=500")).json()["messages"]
    ended = sorted(row["status"] for row in rows if row["receiver"] == "NL*HNG")
    assert ended == ["dropped"] * 4 + ["failed"]
    assert_ocpi(await cpo.ask("GET", "/ocpi/2.2.1/sender/tokens", to=("NL", "HNG")), 4003)
