"""Sessions whose template names firmware: older charge points are updated before they are configured (issue 3 part 10)."""

import asyncio
import contextlib
import datetime
import pathlib

import pytest

from building_site import BuildingSite, open_site
from service_site import assembled, open_service_site
from sliproad.features.firmware import jobs as firmware_jobs
from sliproad.features.firmware.updates_following import UpdateTimes
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import Database
from sliproad.foundation.jobs import Jobs
from sliproad.simulator import Fault
from workplace import assert_problem

TEMPLATES = "/api/v1/cpo/templates"
STEPS = ["connectivity", "configuration"]
OUTCOMES = {
    None: ("passed", "Firmware updated from 3.4.1 to 4.0.1"),
    Fault.FAILS_TO_INSTALL: (
        "failed",
        (
            "The firmware update to 4.0.1 failed. The charge point downloaded the firmware but could not install it. Check that "
            "it is for this model."
        ),
    ),
    Fault.KEEPS_ITS_FIRMWARE: (
        "failed",
        (
            "The firmware update to 4.0.1 failed. The charge point says that the firmware is installed, but it booted with 3.4.1, "
            "not 4.0.1."
        ),
    ),
}


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_firmware_below_the_range_is_updated_first(
    database_url: str,
    nats_url: str,
    web: Database,
    engine: Database,
    bus: Bus,
    tmp_path: pathlib.Path,
    version: str,
) -> None:
    """A sound charge point, and two that fail to, at once."""
    times = UpdateTimes(wrong_boot=datetime.timedelta(0))
    async with (
        open_site(database_url, nats_url, web, engine, bus, tmp_path) as site,
        open_service_site(site, update_times=times) as service,
        site.gateway(),
        contextlib.AsyncExitStack() as powered,
    ):
        work_on_firmware(site, service.url, service.times)
        firmware = await service.add_firmware("4.0.1")
        too_old = {"minimum": "5", "update_to": firmware["firmware_id"]}
        refused = await site.owner.post(TEMPLATES, json={"name": "No", "steps": STEPS, "firmware": too_old})
        problem = assert_problem(refused, 400, "validation_error")
        assert problem["errors"][0]["message"] == "is version 4.0.1, which is not 5 or newer"
        expected = {"minimum": "4.0.0", "on_mismatch": "fail", "update_to": firmware["firmware_id"]}
        template = await site.owner.create(TEMPLATES, name="New firmware", steps=STEPS, firmware=expected)
        await powered.enter_async_context(site.worker())
        seen = await asyncio.gather(
            *(updated(site, powered, version, fault, template["template_id"]) for fault in OUTCOMES)
        )
        assert dict(zip(OUTCOMES, seen, strict=True)) == OUTCOMES


def work_on_firmware(site: BuildingSite, url: str, times: dict) -> None:
    """Have the site's workers do the firmware room's work too."""
    site.updates = assembled(site, site.engine, site.workplace.jobs, url, times).updates

    def register(jobs: Jobs) -> None:
        room = assembled(site, site.engine, jobs, url, times)
        firmware_jobs.register(jobs, room.upload_follower, room.update_follower)

    site.registers.append(register)


async def updated(
    site: BuildingSite, powered: contextlib.AsyncExitStack, version: str, fault: Fault | None, template_id: str
) -> tuple[str, str]:
    """How the step ended at such a charge point."""
    faults = frozenset({fault.value} if fault else ())
    charge_point_id, _ = await powered.enter_async_context(site.charger(version, faults=faults))
    answer = await site.start(charge_point_id, template_id=template_id)
    assert answer.status_code == 202, answer.text
    status = await site.ended(charge_point_id)
    steps = {step["name"]: step for step in status["steps"]}
    if fault is None:
        assert status["result"] == "passed", steps
        checks = {check["name"]: check["value"] for check in status["checks"]}
        assert checks["firmware_version"] == "4.0.1"
    return steps["firmware_update"]["status"], steps["firmware_update"]["detail"]
