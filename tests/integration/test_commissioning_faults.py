"""Every fault of the simulator, for every version: the step it shows in, how that ends, and the sentence (issue 3, "Must be seen").

All faulty charge points of a version are commissioned at once, on one site.
"""

import asyncio
import contextlib
import pathlib
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from building_site import BuildingSite, open_site
from sliproad.features.charge_points.live_store import ChargePointLiveRow
from sliproad.features.commissioning.store import CommissioningSessionRow
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import Database
from sliproad.simulator import Fault, VirtualCharger

VERSIONS = ("1.6", "2.0.1", "2.1")
STEPS = ["connectivity", "heartbeat", "configuration", "connector_test", "test_transaction"]
QUICK = {"heartbeat": 10}
"""So that a charge point that never answers is found out soon."""
PATIENCE_SECONDS = 180
APPLIED = r"\d+ of \d+ configuration keys applied; not supported by the firmware: .*(NonEvseSpecific|ConnectorZero\w+)"
CHARGED = r"Test transaction completed, \d+\.\d\d kWh delivered"
ALL_GO_LIVE = dict.fromkeys(Fault, ("passed", "test_transaction", "passed", CHARGED))

EXPECTED: dict[Fault, dict[str, tuple[str, str, str, str]]] = {
    fault: dict.fromkeys(VERSIONS, expectation) for fault, expectation in ALL_GO_LIVE.items()
}
EXPECTED[Fault.REJECTS_KEYS] = {
    "1.6": (
        "failed",
        "configuration",
        "failed",
        (r"\d+ of 12 configuration keys applied; not supported by the firmware: ReserveConnectorZeroSupported; rejected: "
        r".*ClockAlignedDataInterval.*\. Set .* in the charge point's own menu, or start again with a template that fits this model\."),
    ),
    **dict.fromkeys(
        ("2.0.1", "2.1"),
        (
            "failed",
            "configuration",
            "failed",
            (r"\d+ of \d+ configuration keys applied; .*rejected: .*AlignedDataCtrlr\.Interval.*\. Set .* in the charge point's own "
            r"menu, or start again with a template that fits this model\."),
        ),
    ),
}  # fmt: skip
EXPECTED[Fault.REBOOTS_ON_CHANGE] = dict.fromkeys(VERSIONS, ("passed", "configuration", "passed", APPLIED))
EXPECTED[Fault.DROPS_SOCKET_ON_GET_CONFIGURATION] = dict.fromkeys(
    VERSIONS, ("passed", "configuration", "passed", APPLIED)
)
EXPECTED[Fault.NO_TRIGGER_MESSAGE] = dict.fromkeys(
    VERSIONS, ("passed", "connector_test", "passed", r"1 connector reports a status: 1 \w+")
)
EXPECTED[Fault.NEVER_SENDS_HEARTBEATS] = dict.fromkeys(
    VERSIONS,
    (
        "failed",
        "heartbeat",
        "failed",
        (
            r"No Heartbeat arrived within 10 s although the charge point agreed to send one\. Check that heartbeats are switched on in "
            r"the charge point and that its firmware is current\."
        ),
    ),
)
EXPECTED[Fault.METER_RUNS_BACKWARDS] = dict.fromkeys(
    VERSIONS,
    (
        "failed",
        "test_transaction",
        "failed",
        r"The energy register fell during the test, from \d+ Wh to \d+ Wh\. Check the meter and its wiring\.",
    ),
)
EXPECTED[Fault.REFUSES_REMOTE_START] = {
    version: (
        "failed",
        "test_transaction",
        "failed",
        (
            rf"The charge point rejected {action} at connector 1\. Check that remote start is allowed in its settings and that the "
            r"connector shows no fault\."
        ),
    )
    for version, action in zip(
        VERSIONS, ("RemoteStartTransaction", "RequestStartTransaction", "RequestStartTransaction"), strict=True
    )
}
EXPECTED[Fault.ANSWERS_LATE] = dict.fromkeys(
    VERSIONS,
    (
        "failed",
        "heartbeat",
        "failed",
        r"The charge point did not answer TriggerMessage, asked once\. Check its connection and that its firmware is current\.",
    ),
)
EXPECTED[Fault.APPENDS_SERIAL_TO_URL] = {
    version: (
        "passed",
        "connectivity",
        "passed",
        rf"WebSocket connected successfully over OCPP {version}, BootNotification accepted",
    )
    for version in VERSIONS
}
EXPECTED[Fault.RECONNECTS_WITHOUT_BOOT] = {
    version: (
        "passed",
        "connectivity",
        "passed",
        rf"WebSocket connected successfully over OCPP {version}, back after a lost connection, its last BootNotification accepted",
    )
    for version in VERSIONS
}


@pytest.fixture
async def site(
    database_url: str, nats_url: str, web: Database, engine: Database, bus: Bus, tmp_path: pathlib.Path
) -> AsyncIterator[BuildingSite]:
    async with (
        open_site(database_url, nats_url, web, engine, bus, tmp_path, charge_points_expected=len(Fault)) as opened,
        opened.gateway(),
        opened.worker(),
    ):
        yield opened


async def prepare(site: BuildingSite, fault: Fault, charge_point_id: str, virtual: VirtualCharger) -> None:
    """What happens to a charge point before its commissioning, so that its fault shows."""
    if fault is Fault.REFUSES_REMOTE_START:
        await virtual.plug_in(1)
    if fault is Fault.RECONNECTS_WITHOUT_BOOT:
        key = await site.workplace.key_of(charge_point_id)
        (before,) = await site.rows(ChargePointLiveRow, charge_point_key=key)
        virtual.go_offline()
        virtual.go_online()
        while (now := (await site.rows(ChargePointLiveRow, charge_point_key=key))[0]).epoch == before.epoch:
            await asyncio.sleep(0.1)
        assert now.connected


@contextlib.asynccontextmanager
async def begun(site: BuildingSite, version: str, fault: Fault, template_id: str) -> AsyncIterator[str]:
    """A faulty charge point whose commissioning has begun; its id."""
    settings: dict[str, Any] = {"faults": frozenset({fault.value}), "validate": False}
    if fault is Fault.REFUSES_REMOTE_START:
        settings["vehicle"] = "manual"
    if (
        fault is Fault.ANSWERS_LATE
    ):  # its heartbeat shall not come unasked, so that the first CALL is the heartbeat step's
        settings["heartbeat_interval_override"] = 3600.0
    async with site.charger(version, **settings) as (charge_point_id, virtual):
        await prepare(site, fault, charge_point_id, virtual)
        answer = await site.start(charge_point_id, template_id=template_id)
        assert answer.status_code == 202, answer.text
        yield charge_point_id


async def all_ended(site: BuildingSite) -> None:
    """Until no session runs any more; what runs too long shows in the comparison."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await site.rows(CommissioningSessionRow, status="running"):
                await asyncio.sleep(0.5)


def seen(status: dict[str, Any], name: str) -> tuple[str, str, str, str]:
    (step,) = [step for step in status["steps"] if step["name"] == name]
    return status["result"], name, step["status"], step["detail"]


@pytest.mark.parametrize("version", VERSIONS)
async def test_each_fault_ends_in_the_right_step_status_and_sentence(site: BuildingSite, version: str) -> None:
    shipped = await site.owner.create("/api/v1/cpo/templates/tpl_standard_ac_22kw/clone", name="Quick")
    body = {name: shipped[name] for name in ("compatible_models", "description", "configuration", "minimum_energy_wh")}
    template = await site.owner.create(
        "/api/v1/cpo/templates", name="Quick", steps=STEPS, time_limits_seconds=QUICK, **body
    )
    ended: dict[Fault, dict[str, Any]] = {}
    async with contextlib.AsyncExitStack() as powered:
        started = [powered.enter_async_context(begun(site, version, fault, template["template_id"])) for fault in Fault]
        ids = dict(zip(Fault, await asyncio.gather(*started), strict=True))
        await all_ended(site)
        ended = {fault: await site.status(charge_point_id) for fault, charge_point_id in ids.items()}
    wrong = {}
    for fault, status in ended.items():
        expected = EXPECTED[fault][version]
        found = ("none", expected[1], "none", str(status))
        with contextlib.suppress(ValueError):
            found = seen(status, expected[1])
        if found[:3] != expected[:3] or re.fullmatch(expected[3], found[3]) is None:
            wrong[fault.value] = (found, [(step["name"], step["detail"]) for step in status["steps"]])
    assert not wrong
