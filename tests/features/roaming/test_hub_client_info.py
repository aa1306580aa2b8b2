"""HubClientInfo, the still-alive check and suspended platforms (OCPI 2.2.1 §15)."""

from ocpi_answers import assert_ocpi

LIST = "/ocpi/2.2.1/sender/hubclientinfo"


async def test_the_list_holds_everybody_else_page_by_page(hub) -> None:
    """§15.3.2, §4.1.5."""
    cpo = await hub.connected("FR", "ABC", "CPO")
    await hub.connected("NL", "XYZ", "EMSP", "NSP")
    await hub.invite("DE", "NEW", "EMSP")
    answer = await cpo.ask("GET", LIST)
    found = {(row["party_id"], row["role"]): row["status"] for row in assert_ocpi(answer, 1000)["data"]}
    assert found == {("XYZ", "EMSP"): "CONNECTED", ("XYZ", "NSP"): "CONNECTED", ("NEW", "EMSP"): "PLANNED"}
    assert (answer.headers["x-total-count"], answer.headers["x-limit"]) == ("3", "100")
    assert "link" not in answer.headers
    page = await cpo.ask("GET", LIST, params={"limit": "2", "date_from": "2026-05-01T10:23:00Z"})
    assert len(assert_ocpi(page, 1000)["data"]) == 2
    link = page.headers["link"]
    assert link == f'<http://sliproad.example{LIST}?offset=2&limit=2&date_from=2026-05-01T10:23:00Z>; rel="next"'
    following = await cpo.ask("GET", link[1 : link.index(">")])
    assert len(assert_ocpi(following, 1000)["data"]) == 1
    nothing = await cpo.ask("GET", LIST, params={"date_to": "2026-05-01T10:23:00Z"})
    assert assert_ocpi(nothing, 1000)["data"] == []


async def test_whoever_connects_is_told_to_the_others(hub) -> None:
    """§15.2.1."""
    emsp = await hub.connected("NL", "XYZ", "EMSP")
    cpo = await hub.partner("FR", "ABC", "CPO")
    await cpo.register()
    await hub.work()
    told = await emsp.wait_for(2, path="/hubclientinfo/receiver")
    assert [(each.method, each.path) for each in told] == [("PUT", "/hubclientinfo/receiver/FR/ABC")] * 2
    assert [each.body["status"] for each in told] == ["PLANNED", "CONNECTED"]
    assert told[0].body["role"] == "CPO"
    assert not [name for name in told[0].headers if name.startswith("ocpi-")]
    assert not [each for each in cpo.heard if each.path.startswith("/hubclientinfo")]


async def test_a_platform_that_is_silent_is_asked_and_comes_and_goes(hub) -> None:
    """§15.2.3."""
    cpo = await hub.connected("FR", "ABC", "CPO")
    hub.clock.advance(minutes=6)
    await hub.room.presence.check_silent()
    assert [each.path for each in cpo.heard] == ["/ocpi/versions"]
    assert (await hub.connection(cpo))["status"] == "CONNECTED"
    hub.clock.advance(minutes=6)
    cpo.answers["GET", "/ocpi/versions"] = (503, "away")
    await hub.room.presence.check_silent()
    assert (await hub.connection(cpo))["status"] == "OFFLINE"
    assert_ocpi(await cpo.ask("GET", LIST), 1000)
    assert (await hub.connection(cpo))["status"] == "CONNECTED"
    hub.clock.advance(minutes=6)
    await hub.room.presence.check_silent()
    assert (await hub.connection(cpo))["status"] == "OFFLINE"
    cpo.answers.clear()
    await hub.room.presence.check_silent()
    assert (await hub.connection(cpo))["status"] == "CONNECTED"


async def test_a_suspended_platform_is_not_heard_and_not_told(hub) -> None:
    """§15.1.4."""
    cpo = await hub.connected("FR", "ABC", "CPO")
    emsp = await hub.connected("NL", "XYZ", "EMSP")
    connection_id = (await hub.connection(cpo))["connection_id"]
    path = f"/api/v1/admin/ocpi/connections/{connection_id}"
    assert (await hub.admin.post(f"{path}/suspend")).json()["status"] == "SUSPENDED"
    await hub.work()
    assert [each.body["status"] for each in emsp.heard] == ["SUSPENDED"]
    assert_ocpi(await cpo.ask("GET", LIST), 2000, 401)
    answer = await emsp.ask("GET", "/ocpi/2.2.1/sender/locations", to=("FR", "ABC"))
    assert_ocpi(answer, 4003)
    assert cpo.heard == []
    assert (await hub.admin.post(f"{path}/resume")).json()["status"] == "CONNECTED"
    assert_ocpi(await cpo.ask("GET", LIST), 1000)
    detail = (await hub.admin.get(path)).json()
    assert [each["action"] for each in detail["history"]] == ["resumed", "suspended", "registered", "invited"]


async def test_no_method_but_get(hub) -> None:
    """§15.3.2."""
    cpo = await hub.connected("FR", "ABC", "CPO")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert_ocpi(await cpo.ask(method, LIST, json={}), 2000, 405)
