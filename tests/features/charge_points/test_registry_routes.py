"""An organisation's charge points over HTTP: lists, live state, connectors, boot policy (contract §4)."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from sliproad.features.charge_points.live_store import ChargePointLiveRow, ConnectorRow
from sliproad.features.charge_points.store import ChargePointRow
from sliproad.foundation.database import ENGINE, Scope
from statements import statements
from workplace import Somebody, Workplace, assert_problem

CHARGE_POINTS = "/api/v1/cpo/charge-points"


@pytest.fixture
async def riverside(workplace: Workplace) -> Somebody:
    return await workplace.organization()


@pytest.fixture
async def alex(workplace: Workplace) -> Somebody:
    return await workplace.installer()


@pytest.fixture
async def project_id(workplace: Workplace, riverside: Somebody, alex: Somebody) -> str:
    return await workplace.project(riverside, alex)


async def ids(asker: Somebody, **query: object) -> set[str]:
    answer = await asker.get(CHARGE_POINTS, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == len(answer.json()["charge_points"])
    return {each["charge_point_id"] for each in answer.json()["charge_points"]}


async def set_live(workplace: Workplace, charge_point_id: str, **values: object) -> None:
    key = await workplace.key_of(charge_point_id)
    async with workplace.engine.transaction(ENGINE) as session:
        live = await session.get_one(ChargePointLiveRow, key)
        for name, value in values.items():
            setattr(live, name, value)


async def test_every_filter_narrows(workplace: Workplace, riverside: Somebody, alex: Somebody, project_id: str) -> None:
    other_project = await workplace.project(riverside, alex)
    for name, more in {
        "CP-A": {
            "project_id": project_id,
            "serial_number": "100%_A",
            "vendor": "ABB",
            "location": {"description": "Bay 4"},
        },
        "CP-B": {"project_id": project_id, "serial_number": "B", "model": "Terra"},
        "CP-C": {"project_id": other_project, "serial_number": "C"},
    }.items():
        await workplace.charge_point(alex, charge_point_id=name, **more)
    await set_live(workplace, "CP-B", connected=True)
    async with workplace.engine.transaction(ENGINE) as session:
        key = (await workplace.registry.facts(session, "CP-C")).key
        await workplace.registry.set_commissioning_status(session, key, "completed", workplace.clock.now())
    site_id = (await riverside.get(f"/api/v1/cpo/projects/{other_project}")).json()["site_id"]
    assert await ids(riverside) == {"CP-A", "CP-B", "CP-C"}
    assert await ids(riverside, project_id=project_id) == {"CP-A", "CP-B"}
    assert await ids(riverside, site_id=site_id) == {"CP-C"}
    assert await ids(riverside, status="commissioned") == {"CP-C"}
    assert await ids(riverside, connected=True) == {"CP-B"}
    assert await ids(riverside, connected=False) == {"CP-A", "CP-C"}
    assert await ids(riverside, serial_number="B") == {"CP-B"}
    assert await ids(riverside, q="terra") == {"CP-B"}
    assert await ids(riverside, q="bay 4") == {"CP-A"}
    assert await ids(riverside, q="%_") == {"CP-A"}
    assert await ids(riverside, q="cp-", connected=False, project_id=project_id) == {"CP-A"}
    assert_problem(await riverside.get(CHARGE_POINTS, params={"status": "odd"}), 400, "validation_error")
    assert_problem(await riverside.get(CHARGE_POINTS, params={"cursor": "odd"}), 400, "validation_error")


async def test_pages_newest_first(workplace: Workplace, riverside: Somebody, alex: Somebody, project_id: str) -> None:
    made = [(await workplace.charge_point(alex, project_id))["charge_point_id"] for _ in range(5)]
    shown: list[str] = []
    cursor = None
    while True:
        page = (await riverside.get(CHARGE_POINTS, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        assert page["total"] == 5
        shown += [each["charge_point_id"] for each in page["charge_points"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert shown == made[::-1]


async def test_the_live_state_is_shown(
    workplace: Workplace, riverside: Somebody, alex: Somebody, project_id: str
) -> None:
    one = (await workplace.charge_point(alex, project_id))["charge_point_id"]
    now = workplace.clock.now()
    await set_live(
        workplace,
        one,
        connected=True,
        last_seen_at=now,
        last_heartbeat_at=now - timedelta(seconds=5),
        firmware_version="3.4.1",
        boot_status="Accepted",
        clock_skew_seconds=-1.5,
    )
    live = (await riverside.get(f"{CHARGE_POINTS}/{one}/live")).json()
    assert (live["connected"], live["firmware_version"], live["boot_status"]) == (True, "3.4.1", "Accepted")
    assert (live["last_seen_at"], live["last_heartbeat_at"]) == ("2026-05-01T10:23:00Z", "2026-05-01T10:22:55Z")
    assert live["clock_skew_seconds"] == -1.5
    detail = (await riverside.get(f"{CHARGE_POINTS}/{one}")).json()
    assert detail["live"] == live
    assert (detail["boot_policy"], detail["moves"]) == ("accepted", [])


async def test_connectors_are_listed_in_order(
    workplace: Workplace, riverside: Somebody, alex: Somebody, project_id: str
) -> None:
    one = (await workplace.charge_point(alex, project_id))["charge_point_id"]
    key, now = await workplace.key_of(one), workplace.clock.now()
    async with workplace.engine.transaction(ENGINE) as session:
        for number in (2, 1):
            session.add(
                ConnectorRow(
                    charge_point_key=key, evse_id=number, connector_id=number, organization_id=riverside.id,
                    status="Faulted", error_code="GroundFailure", status_at=now, received_at=now,
                )
            )  # fmt: skip
    answer = (await riverside.get(f"{CHARGE_POINTS}/{one}/connectors")).json()
    assert [each["connector_id"] for each in answer["connectors"]] == [1, 2]
    assert (answer["connectors"][0]["status"], answer["connectors"][0]["error_code"]) == ("Faulted", "GroundFailure")


async def test_a_boot_policy_reaches_what_gateways_mirror(
    workplace: Workplace, riverside: Somebody, alex: Somebody, project_id: str
) -> None:
    one = (await workplace.charge_point(alex, project_id))["charge_point_id"]
    key = await workplace.key_of(one)

    async def changed_xid() -> int:
        async with workplace.engine.transaction(ENGINE) as session:
            return (await session.get_one(ChargePointRow, key)).changed_xid

    before = await changed_xid()
    answer = await riverside.patch(f"{CHARGE_POINTS}/{one}", json={"boot_policy": "pending"})
    assert (answer.status_code, answer.json()["boot_policy"]) == (200, "pending")
    assert await changed_xid() > before
    assert_problem(
        await riverside.patch(f"{CHARGE_POINTS}/{one}", json={"boot_policy": "odd"}), 400, "validation_error"
    )


async def test_a_foreign_charge_point_is_an_absent_one(
    workplace: Workplace, riverside: Somebody, alex: Somebody
) -> None:
    hilltop = await workplace.organization("Hilltop")
    one = (await workplace.charge_point(alex, await workplace.project(hilltop, alex)))["charge_point_id"]
    for charge_point_id in (one, "cp_00000000000000000000"):
        path = f"{CHARGE_POINTS}/{charge_point_id}"
        for answer in (
            await riverside.get(path),
            await riverside.patch(path, json={"boot_policy": "rejected"}),
            *[
                await riverside.get(f"{path}/{part}")
                for part in ("live", "connectors", "connection-attempts", "messages")
            ],
            await riverside.get("/api/v1/cpo/transactions", params={"charge_point_id": charge_point_id}),
            await riverside.post(f"{path}/commands/Reset", json={"type": "Soft"}),
            await riverside.post(f"{path}/commands/reset"),
        ):
            assert assert_problem(answer, 404, "not_found")["detail"] == "There is no such charge point."
    assert await ids(riverside) == set()
    assert (await riverside.get("/api/v1/cpo/transactions")).json() == {"transactions": [], "next_cursor": None}


async def ten_thousand_more(workplace: Workplace, project_id: str) -> None:
    """As many charge points as performance.md P9 lists from, of this organisation, among as many of others."""
    async with workplace.engine.transaction(ENGINE) as session:
        await session.execute(
            text(
                "insert into charge_points (charge_point_id, organization_id, site_id, project_id, serial_number, vendor,"
                " model, ocpp_version, connector_count)"
                " select left(md5(project_id), 6) || n, organization_id, site_id, project_id, 'SN-' || n, vendor, model, '1.6', 1"
                " from charge_points, generate_series(1, 10000) n where project_id = :project_id"
            ),
            {"project_id": project_id},
        )
        await session.execute(
            text(
                "insert into charge_point_live (charge_point_key, organization_id)"
                " select key, organization_id from charge_points"
                " where key not in (select charge_point_key from charge_point_live)"
            )
        )
        await session.execute(text("analyze charge_points"))
        await session.execute(text("analyze charge_point_live"))


async def test_a_list_costs_the_same_few_statements_however_long_it_is(
    workplace: Workplace, riverside: Somebody, alex: Somebody, project_id: str
) -> None:
    """performance.md P9 as counts; `benchmarks/web.py` measures the time."""
    await workplace.charge_point(alex, project_id)
    with statements(workplace.web) as of_one:
        assert (await riverside.get(CHARGE_POINTS)).json()["total"] == 1
    await ten_thousand_more(workplace, project_id)
    with statements(workplace.web) as of_many:
        answer = (await riverside.get(CHARGE_POINTS)).json()
    assert (answer["total"], len(answer["charge_points"])) == (10_001, 50)
    assert [each.sql for each in of_many] == [each.sql for each in of_one]
    ours = [each.sql for each in of_many if "charge_points" in each.sql]
    assert len(ours) == 2, "the page with its live states in one, and the count"


async def test_a_page_is_read_along_its_index(
    workplace: Workplace, riverside: Somebody, alex: Somebody, project_id: str
) -> None:
    hilltop = await workplace.organization("Hilltop")
    elsewhere = await workplace.project(hilltop, alex)
    for place in (project_id, elsewhere):
        await workplace.charge_point(alex, place)
        await ten_thousand_more(workplace, place)
    cursor = None
    for _ in range(2):
        with statements(workplace.web) as sent:
            cursor = (await riverside.get(CHARGE_POINTS, params={"cursor": cursor} if cursor else {})).json()[
                "next_cursor"
            ]
        (page,) = [each for each in sent if "charge_point_live" in each.sql]
        plan = await page.plan(workplace.web, Scope(organization_id=riverside.id))
        assert plan.indexes == {"charge_points_organization_id_key_idx", "charge_point_live_pkey"}
        assert plan.rows_read <= 2 * 51, "no more rows than the page shows, and the one that tells of a next page"
