"""What an installer is told to do next: at a project, and at a charge point."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sliproad.features.charge_points.live_model import LiveState
from sliproad.features.charge_points.model import ChargePoint, Location
from sliproad.features.projects.model import HANDED_OVER, IN_PROGRESS, Progress, Project, ProjectOverview
from sliproad.features.projects.next_steps import next_at_charge_point, next_in_project
from sliproad.features.sites.model import Site

NOW = datetime(2026, 5, 1, 10, 23, tzinfo=UTC)
SITE = Site("site_1", "org_1", "Riverside", "London", None, None, None, None, NOW)
PROJECT = Project("proj_1", "org_1", "site_1", "Phase 1", 4, None, True, True, False, IN_PROGRESS, NOW, None)
NEVER = LiveState(**dict.fromkeys(LiveState.__slots__) | {"charge_point_key": 1, "connected": False, "epoch": 0})
GONE = replace(NEVER, connected_at=NOW, disconnected_at=NOW)
HERE = replace(NEVER, connected=True, connected_at=NOW)


@pytest.mark.parametrize(
    ("progress", "status", "leads_to"),
    [
        (Progress(), IN_PROGRESS, "/register"),
        (Progress(registered=2, failed=1), IN_PROGRESS, "?status=commissioning_failed"),
        (Progress(registered=2, commissioned=1), IN_PROGRESS, "?status=registered"),
        (Progress(registered=2, commissioned=2), IN_PROGRESS, "/register"),
        (Progress(registered=4, commissioned=3, in_progress=1), IN_PROGRESS, "?status=commissioning"),
        (Progress(registered=4, commissioned=4), IN_PROGRESS, "/handover"),
        (Progress(registered=4, commissioned=4), HANDED_OVER, "/handover"),
    ],
)
def test_a_project_leads_to_what_it_needs(progress: Progress, status: str, leads_to: str):
    step = next_in_project(ProjectOverview(replace(PROJECT, status=status), SITE, progress))
    assert step.href == f"/installer/projects/proj_1{leads_to}"


@pytest.mark.parametrize(
    ("status", "live", "leads_to", "action"),
    [
        ("not_started", NEVER, "/connection", "Watch it connect"),
        ("not_started", GONE, "/connection", "Watch it connect"),
        ("not_started", HERE, "/commissioning", "Start commissioning"),
        ("in_progress", GONE, "/commissioning", "Watch it"),
        ("failed", NEVER, "/connection", "Watch it connect"),
        ("failed", HERE, "/commissioning", "See what went wrong"),
    ],
)
def test_a_charge_point_leads_to_what_it_needs(status: str, live: LiveState, leads_to: str, action: str):
    step = next_at_charge_point(charge_point(status), live, is_handed_over=False)
    assert (step.href, step.action) == (f"/installer/charge-points/cp_1{leads_to}", action)


def test_what_is_commissioned_leads_back_to_its_project_and_what_is_handed_over_is_only_looked_at():
    done = charge_point("completed")
    assert next_at_charge_point(done, HERE, is_handed_over=False).href == "/installer/projects/proj_1"
    assert next_at_charge_point(done, HERE, is_handed_over=True).action == "See its commissioning"


def charge_point(status: str) -> ChargePoint:
    return ChargePoint(
        key=1, charge_point_id="cp_1", organization_id="org_1", site_id="site_1", project_id="proj_1", serial_number="SN",
        vendor="Alpitronic", model="HYC300", ocpp_version="2.0.1", connector_count=1, max_power_kw=None, location=Location(),
        boot_policy="accepted", commissioning_status=status, commissioned_at=None, registered_by=None, created_at=NOW,
    )  # fmt: skip
