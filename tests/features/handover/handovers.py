"""Handovers to certify: what a tidy one looks like, and what the nastiest allowed one looks like."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sliproad.features.handover.certificate.record import (
    ChargePointRecord,
    ChecklistItem,
    HandoverRecord,
    InstallerRecord,
    ProjectRecord,
    SiteRecord,
    StepResult,
)

HANDED_OVER_AT = datetime(2026, 5, 1, 14, 45, tzinfo=UTC)
INSTALLER = "Alex Technician"


def a_checklist(**changes: bool) -> tuple[ChecklistItem, ...]:
    names = (
        "powered_ready",
        "ocpp_connection",
        "heartbeat",
        "meter_calibration",
        "emergency_stop",
        "cable_and_ip_rating",
    )
    by_platform = {"ocpp_connection", "heartbeat", "meter_calibration"}
    return tuple(
        ChecklistItem(
            name,
            done=changes.get(name, True),
            done_by=None if name in by_platform else INSTALLER,
            done_at=HANDED_OVER_AT - timedelta(hours=1),
            by_platform=name in by_platform,
        )
        for name in names
    )


def a_charge_point(number: int = 1, **changes: object) -> ChargePointRecord:
    steps = (
        StepResult("connectivity", "passed", "Connected with OCPP 2.0.1; BootNotification accepted", 342),
        StepResult("heartbeat", "passed", "Heartbeat received after 1.0 s", 1050),
        StepResult("firmware_version", "passed", None, 12, value="3.4.1"),
        StepResult("configuration", "passed", "All 12 configuration keys written, read back and equal", 8200),
        StepResult("meter_calibration", "passed", "Readings present, monotonic and plausible", 4100),
        StepResult("test_transaction", "passed", "0.02 kWh delivered, agrees with the meter register", 25600),
    )
    point = ChargePointRecord(
        charge_point_id=f"CP-RIVERSIDE-{number:03}",
        vendor="Alpitronic",
        model="Alpitronic HYC300",
        serial_number=f"SN-ABX-20240501-{number:03}",
        ocpp_version="2.0.1",
        firmware_version="3.4.1",
        max_power_kw=Decimal(300),
        connector_count=2,
        location_description=f"Bay {number}, Level P1",
        commissioning_session_id="comm_5t7k2m9x0c4v8b1n3q6z",
        commissioned_at=HANDED_OVER_AT - timedelta(hours=2),
        test_energy_wh=21,
        steps=steps,
        checklist=a_checklist(),
    )
    return replace(point, **changes)


def a_handover(count: int = 6, **changes: object) -> HandoverRecord:
    record = HandoverRecord(
        certificate_id="cert_8m2k4v7x1c9b3n5q0z6t",
        issued_at=HANDED_OVER_AT,
        project=ProjectRecord("proj_3d7h1k9m5p2r8t4w6y0a", "Riverside Business Park — Phase 1"),
        site=SiteRecord(
            "Riverside Business Park",
            "Unit 12, Riverside Business Park, London E1W 3SJ",
            51.5074,
            -0.1278,
            "Europe/London",
        ),
        organization_name="Riverside Charging Ltd",
        installers=(InstallerRecord(INSTALLER, "Acme EV Installations"),),
        signed_by=INSTALLER,
        handover_notes="All 6 bays commissioned. Bay 3 connector 2 required firmware update — completed on site.",
        site_contact_name="Sarah Owen",
        site_contact_email="s.owen@riversidebp.co.uk",
        verify_url="https://sliproad.example/verify/cert_8m2k4v7x1c9b3n5q0z6t",
        charge_points=tuple(a_charge_point(number) for number in range(1, count + 1)),
        project_checklist=(
            ChecklistItem(
                "owner_briefed", done=True, done_by=INSTALLER, done_at=HANDED_OVER_AT - timedelta(minutes=20)
            ),
        ),
    )
    return replace(record, **changes)


SIGNATURE = (
    tuple((float(x), 40 + 30 * ((x * 7919) % 17 - 8) / 8) for x in range(0, 200, 8)),
    ((0.0, 70.0), (60.0, 66.0), (210.0, 60.0)),
)
