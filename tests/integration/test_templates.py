"""Templates against charge points: applied in and out of sessions, tried without writing, learnt, compared later (issue 3 parts 2, 3)."""

import asyncio
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from building_site import BuildingSite, open_site
from sliproad.features.charge_points.live_store import ChargePointLiveRow
from sliproad.features.commissioning.store import CommissioningLogRow, CommissioningSessionRow
from sliproad.features.commissioning.templates_store import TemplateApplicationRow
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import Database
from sliproad.simulator import Fault
from workplace import assert_problem

VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
TEMPLATES = "/api/v1/cpo/templates"
SHIPPED = "tpl_standard_ac_22kw"
LACKING = {"1.6": "ReserveConnectorZeroSupported"}


@pytest.fixture
async def site(
    database_url: str, nats_url: str, web: Database, engine: Database, bus: Bus, tmp_path: pathlib.Path
) -> AsyncIterator[BuildingSite]:
    """With a gateway; tests that need a worker open it themselves."""
    async with open_site(database_url, nats_url, web, engine, bus, tmp_path) as opened, opened.gateway():
        yield opened


async def applied(site: BuildingSite, charge_point_id: str, template_id: str = SHIPPED) -> dict[str, Any]:
    answer = await site.alex.post(site.path(charge_point_id, "apply-template"), json={"template_id": template_id})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def tried(site: BuildingSite, charge_point_id: str, template_id: str = SHIPPED) -> dict[str, Any]:
    answer = await site.owner.post(f"{TEMPLATES}/{template_id}/test", json={"charge_point_id": charge_point_id})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def drift(site: BuildingSite, charge_point_id: str, **query: str) -> dict[str, Any]:
    answer = await site.owner.get(f"/api/v1/cpo/charge-points/{charge_point_id}/configuration", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@VERSIONS
@pytest.mark.parametrize("faults", [frozenset(), frozenset({Fault.DROPS_SOCKET_ON_GET_CONFIGURATION.value})])
async def test_a_template_is_tried_applied_and_compared(site: BuildingSite, version: str, faults: frozenset) -> None:
    async with site.charger(version, faults=faults) as (charge_point_id, _):
        before = await tried(site, charge_point_id)
        assert before["summary"]["would_change"] > 0
        assert before["summary"]["unknown"] == 0
        assert (await tried(site, charge_point_id))["summary"] == before["summary"], "nothing was written"

        answer = await applied(site, charge_point_id)
        lacking = [one["key"] for one in before["keys"] if one["status"] == "unsupported"]
        assert (answer["rejected_keys"], answer["unsupported_keys"]) == (lacking, lacking)
        assert answer["applied_keys"] == len(before["keys"]) - len(lacking)
        assert (answer["template_id"], answer["pending_reboot"]) == (SHIPPED, False)

        known = await drift(site, charge_point_id, compare=SHIPPED)
        assert known["comparison"]["has_drifted"] is False
        assert known["comparison"]["summary"]["equal"] == answer["applied_keys"]
        after = await tried(site, charge_point_id)
        changed = {one["key"] for one in after["keys"] if one["status"] == "would_change"}
        assert changed <= ({"HeartbeatInterval", "OCPPCommCtrlr.HeartbeatInterval"} if faults else set()), (
            "set by each boot"
        )
        assert all(key["age_seconds"] < 60 for key in known["keys"])


@VERSIONS
async def test_drift_is_shown_when_it_is_read_anew(site: BuildingSite, version: str) -> None:
    async with site.charger(version) as (charge_point_id, _):
        assert (await drift(site, charge_point_id))["total"] == 0, "it was never asked"
        await applied(site, charge_point_id)
        key = "MeterValueSampleInterval" if version == "1.6" else "SampledDataCtrlr.TxUpdatedInterval"
        payload: dict[str, Any] = {"key": key, "value": "17"}
        if version != "1.6":
            item = {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "TxUpdatedInterval"}}
            payload = {"setVariableData": [item | {"attributeValue": "17"}]}
        action = "ChangeConfiguration" if version == "1.6" else "SetVariables"
        path = f"/api/v1/cpo/charge-points/{charge_point_id}/commands/{action}"
        assert (await site.owner.post(path, json=payload)).status_code == 200
        assert not (await drift(site, charge_point_id, compare=SHIPPED))["comparison"]["has_drifted"]
        seen = await drift(site, charge_point_id, compare=SHIPPED, refresh="true")
        (changed,) = [one for one in seen["comparison"]["keys"] if one["status"] == "would_change"]
        assert (changed["key"], changed["found"], changed["wanted"]) == (key, "17", "60")
        assert seen["total"] > len(seen["comparison"]["keys"]), "everything it has"
        secrets = [one for one in seen["keys"] if "AuthorizationKey" in one["key"] or "Password" in one["key"]]
        assert {one["value"] for one in secrets} <= {None, "***"}


@VERSIONS
@pytest.mark.parametrize("faults", [frozenset(), frozenset({Fault.DROPS_SOCKET_ON_GET_CONFIGURATION.value})])
async def test_a_template_is_learnt_from_a_well_configured_charge_point(
    site: BuildingSite, version: str, faults: frozenset
) -> None:
    async with site.charger(version, faults=faults) as (charge_point_id, _):
        await applied(site, charge_point_id)
        learnt = await site.owner.create(f"{TEMPLATES}/learn", charge_point_id=charge_point_id, name="As in bay 4")
        keys = learnt["configuration"][version]
        names = {one.get("key") or f"{one['component']}.{one['variable']}" for one in keys}
        assert ("MeterValueSampleInterval" if version == "1.6" else "SampledDataCtrlr.TxUpdatedInterval") in names
        assert not [one for one in names if "AuthorizationKey" in one or "Password" in one or "Identity" in one]
        assert all(one["reason"] for one in keys)
        assert (learnt["name"], learnt["compatible_models"]) == ("As in bay 4", ["Alpitronic HYC300"])
        again = await tried(site, charge_point_id, learnt["template_id"])
        assert {one["key"] for one in again["keys"] if one["status"] != "equal"} <= {
            "HeartbeatInterval", "OCPPCommCtrlr.HeartbeatInterval",
        }, "which each boot sets"  # fmt: skip


@VERSIONS
async def test_keys_that_need_a_reboot_are_pending(site: BuildingSite, version: str) -> None:
    ping = {"key": "WebSocketPingInterval"} if version == "1.6" else {
        "component": "OCPPCommCtrlr", "variable": "WebSocketPingInterval",
    }  # fmt: skip
    template = await site.owner.create(
        TEMPLATES, name="Ping", steps=["configuration"], configuration={version: [ping | {"value": "45"}]}
    )
    async with site.charger(version) as (charge_point_id, virtual):
        answer = await applied(site, charge_point_id, template["template_id"])
        assert (answer["applied_keys"], answer["rejected_keys"], answer["pending_reboot"]) == (1, [], True)
        key = await site.workplace.key_of(charge_point_id)
        (before,) = await site.rows(ChargePointLiveRow, charge_point_key=key)
        await virtual.reboot()
        while (await site.rows(ChargePointLiveRow, charge_point_key=key))[0].boot_epoch == before.boot_epoch:
            await asyncio.sleep(0.05)
        assert (await tried(site, charge_point_id, template["template_id"]))["summary"]["equal"] == 1


async def test_a_failed_session_is_cured_by_another_template(site: BuildingSite) -> None:
    """The reference: "Apply a template if standard checks fail"."""
    strict = await site.owner.create(
        TEMPLATES, name="Strict", steps=["configuration"],
        configuration={"1.6": [{"key": "HeartbeatInterval", "value": "never"}]},
    )  # fmt: skip
    async with site.worker(), site.charger("1.6") as (charge_point_id, _):
        await site.start(charge_point_id, template_id=strict["template_id"])
        status = await site.ended(charge_point_id)
        assert status["steps"][0]["detail"] == (
            "0 of 1 configuration keys applied; rejected: HeartbeatInterval. Set HeartbeatInterval in the charge point's own "
            "menu, or start again with a template that fits this model."
        )
        assert (await applied(site, charge_point_id))["applied_keys"] == 11
        (row,) = await site.rows(CommissioningSessionRow)
        assert (row.status, row.template_id) == ("failed", strict["template_id"]), "what is over stays as it was"


async def test_in_a_running_session_it_replaces_the_template_of_the_unfinished_steps(site: BuildingSite) -> None:
    """No worker runs yet: the session stands at its first step while the template is applied, then goes on with it."""
    ours = await site.owner.create(
        TEMPLATES, name="Ours", steps=["connectivity", "configuration", "connector_test"],
        configuration={"1.6": [{"key": "MeterValueSampleInterval", "value": "17"}]},
    )  # fmt: skip
    async with site.charger("1.6") as (charge_point_id, _):
        await site.start(charge_point_id)
        assert (await applied(site, charge_point_id, ours["template_id"]))["applied_keys"] == 1
        status = await site.status(charge_point_id)
        assert (status["template_id"], [step["name"] for step in status["steps"]]) == (
            ours["template_id"],
            ["connectivity", "configuration", "connector_test"],
        )
        async with site.worker():
            status = await site.ended(charge_point_id)
        details = {step["name"]: step["detail"] for step in status["steps"]}
        assert status["result"] == "passed", details
        assert details["configuration"] == "All 1 configuration keys applied"
        messages = [log.message for log in await site.rows(CommissioningLogRow)]
        assert "Alex Technician applies template Ours" in messages
        assert "Template Ours applied: 1 of 1 keys" in messages


async def test_it_is_serialised_with_the_configuration_step(site: BuildingSite) -> None:
    """Applied while that step is on: the step waits, begins anew with the new template, and its keys are the last word."""
    async with site.charger("1.6", faults=frozenset({Fault.ANSWERS_LATE.value}), late_answer_seconds=1.0) as (
        charge_point_id,
        virtual,
    ):
        ours = await site.owner.create(
            TEMPLATES, name="Ours", steps=["configuration"],
            configuration={"1.6": [{"key": "MeterValueSampleInterval", "value": "17"}]},
        )  # fmt: skip
        async with site.worker():
            await site.start(charge_point_id)
            async with asyncio.timeout(60):
                while (await site.status(charge_point_id))["current_step"] != "configuration":
                    await asyncio.sleep(0.02)
            applying = asyncio.create_task(applied(site, charge_point_id, ours["template_id"]))
            async with asyncio.timeout(60):
                while not await site.rows(TemplateApplicationRow):
                    await asyncio.sleep(0.02)
            second = await site.alex.post(site.path(charge_point_id, "apply-template"), json={"template_id": SHIPPED})
            assert_problem(second, 409, "template_being_applied")
            virtual.settings.late_answer_seconds = 0.05  # it was slow enough for the step to be met
            await applying
            status = await site.ended(charge_point_id)
        details = {step["name"]: step["detail"] for step in status["steps"]}
        assert (status["result"], status["template_id"]) == ("passed", ours["template_id"]), details
        assert details["configuration"] == "All 1 configuration keys applied"
        assert (await tried(site, charge_point_id, ours["template_id"]))["summary"]["equal"] == 1
        (application,) = await site.rows(TemplateApplicationRow)
        assert (application.outcome["applied"], application.finished_at is None) == (
            ["MeterValueSampleInterval"],
            False,
        )


async def test_what_apply_template_refuses(site: BuildingSite) -> None:
    absent = await site.workplace.charge_point(site.alex, site.project_id)
    path = site.path(absent["charge_point_id"], "apply-template")
    assert_problem(await site.alex.post(path, json={"template_id": SHIPPED}), 409, "not_connected")
    assert_problem(await site.alex.post(path, json={"template_id": "tpl_none"}), 404, "not_found")
    assert_problem(await site.alex.post(path, json={}), 400, "validation_error")
    unknown = site.path("CP-NONE", "apply-template")
    assert_problem(await site.alex.post(unknown, json={"template_id": SHIPPED}), 404, "not_found")
    query = {"charge_point_id": absent["charge_point_id"]}
    assert_problem(await site.owner.post(f"{TEMPLATES}/{SHIPPED}/test", json=query), 409, "not_connected")
    assert_problem(
        await site.owner.post(f"{TEMPLATES}/learn", json=query | {"name": "From nothing"}), 409, "not_connected"
    )
    path = f"/api/v1/cpo/charge-points/{absent['charge_point_id']}/configuration"
    assert_problem(await site.owner.get(f"{path}?refresh=true"), 409, "not_connected")
    assert_problem(await site.owner.get(f"{path}?compare=tpl_none"), 404, "not_found")
    other = await site.workplace.organization("Another CPO")
    other.client = site.owner.commissioning
    assert_problem(await other.get(path), 404, "not_found")
