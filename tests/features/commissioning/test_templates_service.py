"""Organisations' templates over HTTP: made, versioned, cloned, archived, validated field by field (issue 3 part 2)."""

from typing import Any

from building_site import BuildingSite
from sliproad.features.commissioning.store import CommissioningSessionRow
from workplace import assert_problem

TEMPLATES = "/api/v1/cpo/templates"
OFFERED = "/api/v1/installer/commissioning/templates"


def a_template(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Car park AC",
        "description": "For the car parks of the north.",
        "compatible_models": ["Alpitronic HYC*"],
        "steps": ["connectivity", "heartbeat", "configuration", "connector_test", "test_transaction"],
        "time_limits_seconds": {"configuration": 600},
        "minimum_energy_wh": 25,
        "availability_round_trip": True,
        "faulted_connector": "fail",
        "configuration_reject": "continue",
        "configuration": {
            "1.6": [{"key": "MeterValueSampleInterval", "value": "30", "reason": "Half a minute."}],
            "2.0.1": [
                {
                    "component": "SampledDataCtrlr",
                    "variable": "TxUpdatedInterval",
                    "value": "30",
                    "reason": "Half a minute.",
                }
            ],
        },
        "firmware": {"minimum": "3.2.0", "maximum": None, "on_mismatch": "warn", "update_to": None},
        **changes,
    }


async def test_a_template_is_created_read_and_listed(site: BuildingSite) -> None:
    made = await site.owner.create(TEMPLATES, **a_template())
    assert made["template_id"].startswith("tpl_")
    assert (made["version"], made["is_shipped"], made["created_by"]) == (1, False, "test key")
    assert {name: made[name] for name in ("name", "steps", "minimum_energy_wh", "firmware")} == {
        name: a_template()[name] for name in ("name", "steps", "minimum_energy_wh", "firmware")
    }
    assert made["configuration"]["2.1"] == made["configuration"]["2.0.1"], "2.1 takes the list of 2.0.1"
    assert (await site.owner.get(f"{TEMPLATES}/{made['template_id']}")).json() == made
    listed = (await site.owner.get(TEMPLATES)).json()
    assert [one["template_id"] for one in listed["templates"]] == [
        made["template_id"],
        "tpl_standard_ac_22kw",
        "tpl_dc_rapid_50kw",
    ]
    assert listed["total"] == 3


async def test_what_is_read_can_be_sent_back(site: BuildingSite) -> None:
    made = await site.owner.create(TEMPLATES, **a_template())
    again = {name: made[name] for name in a_template()}
    copy = await site.owner.create(TEMPLATES, **again)
    assert {name: copy[name] for name in a_template()} == again


async def test_lists_come_in_pages(site: BuildingSite) -> None:
    ids = [(await site.owner.create(TEMPLATES, **a_template()))["template_id"] for _ in range(3)]
    first = (await site.owner.get(f"{TEMPLATES}?limit=2")).json()
    assert [one["template_id"] for one in first["templates"]] == [ids[2], ids[1]]
    rest = (await site.owner.get(f"{TEMPLATES}?limit=2&cursor={first['next_cursor']}")).json()
    assert [one["template_id"] for one in rest["templates"]] == [
        ids[0],
        "tpl_standard_ac_22kw",
        "tpl_dc_rapid_50kw",
    ]
    assert (first["total"], rest["next_cursor"]) == (5, None)


async def test_versions_never_change_and_a_session_keeps_the_one_it_began_with(site: BuildingSite) -> None:
    made = await site.owner.create(TEMPLATES, **a_template())
    path = f"{TEMPLATES}/{made['template_id']}"
    registered = await site.connected(vendor="Alpitronic", model="HYC300")
    started = (await site.start(registered["charge_point_id"])).json()
    assert started["template_id"] == made["template_id"], "the organisation's own comes before the shipped ones"
    second = await site.owner.create(f"{path}/versions", **a_template(name="Car park AC, new", minimum_energy_wh=99))
    assert (second["version"], second["newest_version"], second["name"]) == (2, 2, "Car park AC, new")
    assert (await site.owner.get(f"{path}?version=1")).json()["minimum_energy_wh"] == 25
    versions = (await site.owner.get(f"{path}/versions")).json()
    assert [(one["version"], one["minimum_energy_wh"]) for one in versions["versions"]] == [(2, 99), (1, 25)]
    (row,) = await site.rows(CommissioningSessionRow, session_id=started["session_id"])
    assert (row.template_version, row.template["minimum_energy_wh"]) == (1, 25)
    assert_problem(await site.owner.get(f"{path}?version=3"), 404, "not_found")


async def test_the_shipped_ones_are_cloned_and_never_changed(site: BuildingSite) -> None:
    path = f"{TEMPLATES}/tpl_standard_ac_22kw"
    assert_problem(await site.owner.post(f"{path}/versions", json=a_template()), 409, "template_is_shipped")
    assert_problem(await site.owner.post(f"{path}/archive"), 409, "template_is_shipped")
    clone = await site.owner.create(f"{path}/clone", name="Ours")
    shipped = (await site.owner.get(path)).json()
    assert (clone["name"], clone["is_shipped"]) == ("Ours", False)
    for name in ("steps", "configuration", "compatible_models", "minimum_energy_wh"):
        assert clone[name] == shipped[name]


async def test_an_archived_template_is_readable_and_out_of_use(site: BuildingSite) -> None:
    made = await site.owner.create(TEMPLATES, **a_template())
    path = f"{TEMPLATES}/{made['template_id']}"
    archived = await site.owner.post(f"{path}/archive")
    assert archived.json()["archived_at"] is not None
    assert (await site.owner.post(f"{path}/archive")).json() == archived.json()
    assert (await site.owner.get(TEMPLATES)).json()["total"] == 2
    assert (await site.owner.get(f"{TEMPLATES}?include_archived=true")).json()["total"] == 3
    assert_problem(await site.owner.post(f"{path}/versions", json=a_template()), 409, "template_archived")
    registered = await site.connected(model="HYC300")
    answer = await site.start(registered["charge_point_id"], template_id=made["template_id"])
    assert_problem(answer, 404, "not_found")
    assert (await site.start(registered["charge_point_id"])).json()["template_id"] == "tpl_standard_ac_22kw"


async def test_another_organisations_template_does_not_exist(site: BuildingSite) -> None:
    stranger = await site.workplace.organization("Another CPO")
    stranger.client = site.owner.commissioning
    theirs = await stranger.create(TEMPLATES, **a_template())
    path = f"{TEMPLATES}/{theirs['template_id']}"
    for answer in (
        await site.owner.get(path),
        await site.owner.get(f"{path}/versions"),
        await site.owner.post(f"{path}/versions", json=a_template()),
        await site.owner.post(f"{path}/clone"),
        await site.owner.post(f"{path}/archive"),
        await site.owner.post(f"{path}/test", json={"charge_point_id": "CP-1"}),
    ):
        assert_problem(answer, 404, "not_found")
    registered = await site.connected()
    charge_point_id = registered["charge_point_id"]
    assert_problem(await site.start(charge_point_id, template_id=theirs["template_id"]), 404, "not_found")
    applied = await site.alex.post(
        site.path(charge_point_id, "apply-template"), json={"template_id": theirs["template_id"]}
    )
    assert_problem(applied, 404, "not_found")
    assert theirs["template_id"] not in (await site.alex.get(OFFERED)).text


async def test_installers_see_the_shipped_ones_and_those_of_whom_they_work_for(site: BuildingSite) -> None:
    ours = await site.owner.create(TEMPLATES, **a_template())
    other = await site.workplace.organization("Also hires Alex")
    other.client = site.owner.commissioning
    theirs = await other.create(TEMPLATES, **a_template())
    other.client = site.workplace.client
    await site.workplace.project(other, site.alex)
    found = (await site.alex.get(OFFERED)).json()
    ids = {one["template_id"] for one in found["templates"]}
    assert ids == {"tpl_standard_ac_22kw", "tpl_dc_rapid_50kw", ours["template_id"], theirs["template_id"]}
    assert found["total"] == 4
    charge_point_id = (await site.connected(model="HYC300"))["charge_point_id"]
    narrowed = (await site.alex.get(f"{OFFERED}?charge_point_id={charge_point_id}")).json()["templates"]
    assert {one["template_id"]: (one["is_default"], one["is_compatible"]) for one in narrowed} == {
        "tpl_standard_ac_22kw": (False, False),
        "tpl_dc_rapid_50kw": (False, False),
        ours["template_id"]: (True, True),
    }
    assert_problem(await site.alex.get(f"{OFFERED}?charge_point_id=CP-NONE"), 404, "not_found")


KEY = {"key": "HeartbeatInterval", "value": "300"}
VARIABLE = {"component": "TxCtrlr", "variable": "StopTxOnInvalidId", "value": "true"}


WRONG: list[tuple[dict[str, Any], str]] = [
        ({"steps": ["connectivity", "dance"]}, "steps.1"),
        ({"steps": []}, "steps"),
        ({"steps": ["heartbeat", "heartbeat"]}, "steps.1"),
        ({"steps": ["heartbeat", "connectivity"]}, "steps"),
        ({"time_limits_seconds": {"meter_calibration": 60}}, "time_limits_seconds.meter_calibration"),
        ({"time_limits_seconds": {"configuration": 5}}, "time_limits_seconds.configuration"),
        ({"minimum_energy_wh": 0}, "minimum_energy_wh"),
        ({"configuration_reject": "ignore"}, "configuration_reject"),
        ({"configuration": {"1.5": []}}, "configuration.1.5"),
        ({"configuration": {"1.6": [{"key": "", "value": "1"}]}}, "configuration.1.6.0.key"),
        ({"configuration": {"1.6": [{"key": "K" * 51, "value": "1"}]}}, "configuration.1.6.0.key"),
        ({"configuration": {"1.6": [{"key": "K", "value": "v" * 501}]}}, "configuration.1.6.0.value"),
        ({"configuration": {"1.6": [KEY, KEY]}}, "configuration.1.6.1"),
        ({"configuration": {"1.6": [{"key": "AuthorizationKey", "value": "x"}]}}, "configuration.1.6.0"),
        ({"configuration": {"1.6": [{"key": "NumberOfConnectors", "value": "2"}]}}, "configuration.1.6.0"),
        ({"configuration": {"2.0.1": [VARIABLE | {"value": "v" * 1001}]}}, "configuration.2.0.1.0.value"),
        ({"configuration": {"2.0.1": [{"key": "HeartbeatInterval", "value": "1"}]}}, "configuration.2.0.1.0.component"),
        ({"configuration": {"2.1": [VARIABLE | {"value": "v" * 2501}]}}, "configuration.2.1.0.value"),
        ({"configuration": {"2.1": [VARIABLE, VARIABLE | {"variable": "stoptxoninvalidid"}]}}, "configuration.2.1.1"),
        ({"firmware": {}}, "firmware"),
        ({"firmware": {"minimum": "3.10", "maximum": "3.9"}}, "firmware.maximum"),
        ({"firmware": {"maximum": "3.9", "update_to": "fw_1"}}, "firmware.update_to"),
        ({"firmware": {"minimum": "3.9", "update_to": "fw_1"}}, "firmware.update_to"),
        ({"colour": "red"}, "colour"),
        ({"name": " "}, "name"),
    ]  # fmt: skip


async def test_what_no_session_could_run_is_refused_by_field(site: BuildingSite) -> None:
    for changes, field in WRONG:
        problem = assert_problem(await site.owner.post(TEMPLATES, json=a_template(**changes)), 400, "validation_error")
        assert field in [error["field"] for error in problem["errors"]], (changes, problem)


async def test_longer_values_are_taken_where_the_version_takes_them(site: BuildingSite) -> None:
    long = {"2.0.1": [VARIABLE | {"value": "v" * 1000}], "2.1": [VARIABLE | {"value": "v" * 2500}]}
    made = await site.owner.create(TEMPLATES, **a_template(configuration=long))
    assert [len(made["configuration"][version][0]["value"]) for version in ("2.0.1", "2.1")] == [1000, 2500]
    assert made["configuration"]["1.6"] == []
